"""A progress line on a terminal for long work; silent elsewhere."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Item = TypeVar("Item")
_STEP = 1_000


def shown(items: Iterable[Item], label: str) -> Iterator[Item]:
    """Yield the items, with a running count on standard error if that is a terminal."""
    if not sys.stderr.isatty():
        yield from items
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label)
        for number, item in enumerate(items, start=1):
            if number % _STEP == 0:
                progress.update(task, description=f"{label}: {number:,} events")
            yield item
