"""The engine's compiled functions: compiled ahead, with a progress line, never at an event."""

import sys

from rich.console import Console
from rich.progress import Progress

from monitor.core.margin.index.rehearsal import steps_of_rehearsal


def compile_ahead(*, always_shown: bool = False) -> None:
    """Compile what is not in the cache yet: a minute the first time, a second afterwards.

    On a terminal a bar is shown while it lasts; `always_shown` says in one line elsewhere too.
    """
    console = Console(stderr=True)
    if always_shown and not sys.stderr.isatty():
        console.print("compiling the margin engine: a minute the first time")
    with Progress(console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        steps = steps_of_rehearsal()
        for step in progress.track(steps, description="compiling the margin engine"):
            step()
