"""The engine's compiled functions: compiled ahead, with a progress line, never at an event."""

import contextlib
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from monitor.analysis.rehearsal import rehearse_analysis
from monitor.core.margin.index.compile import cache_folder
from monitor.core.margin.index.rehearsal import steps_of_rehearsal


def compile_ahead(*, always_shown: bool = False) -> None:
    """Compile what is not in the cache yet: two minutes the first time, seconds afterwards.

    On a terminal a bar is shown while it lasts; `always_shown` says in one line elsewhere too.
    """
    console = Console(stderr=True)
    if always_shown and not sys.stderr.isatty():
        console.print("compiling the engine and its analysis: two minutes the first time")
    with Progress(console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        steps = [*steps_of_rehearsal(), rehearse_analysis]
        for step in progress.track(steps, description="compiling the margin engine"):
            step()
    with contextlib.suppress(OSError):  # compiled code is kept elsewhere, or nowhere
        _mark().touch()


def compile_if_new() -> None:
    """Compile ahead unless that was done here before: then a function is loaded when it is used.

    For a short run that has no time to lose at an event.
    """
    if not _mark().exists():
        compile_ahead()


def _mark() -> Path:
    return Path(cache_folder()) / "complete"
