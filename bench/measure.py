"""What the benchmarks share: fair timing in turns, the description of the machine, the output.

A benchmark is a function from the scale (`small` or `full`) to figures; `main` gives it a command
line, a table and, with `--json`, one object:
`{bench, machine {cpu, cores, python}, scale, figures [{name, value, unit, peer, ratio}]}`.
"""

import argparse
import gc
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec
import structlog
from rich.console import Console
from rich.table import Table

Scale: TypeAlias = Literal["small", "full"]
ROUNDS_MIN = 5


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One result. `peer`: the peer's value in the same unit; `ratio`: peer time / our time."""

    name: str
    value: float
    unit: str
    peer: float | None = None
    peer_name: str | None = None
    ratio: float | None = None


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """The shortest of the rounds, in seconds."""

    ours_s: float
    peer_s: float

    @property
    def ratio(self) -> float:
        """Return peer time / our time: above 1, we are faster."""
        return self.peer_s / self.ours_s


def alternate(
    ours: Callable[[], object], peer: Callable[[], object], *, rounds: int = ROUNDS_MIN
) -> Timing:
    """Return the minimum of at least 5 rounds of each, in turns, so that noise hits both alike."""
    timings = [(seconds(ours), seconds(peer)) for _ in range(max(ROUNDS_MIN, rounds))]
    return Timing(ours_s=min(pair[0] for pair in timings), peer_s=min(pair[1] for pair in timings))


def seconds(work: Callable[[], object]) -> float:
    """Return how long one call takes, after a collection of garbage."""
    gc.collect()
    started_s = time.perf_counter()
    work()
    return time.perf_counter() - started_s


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the values lie: no interpolation."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def machine() -> dict[str, str | int]:
    """Return what the figures were measured on."""
    return {
        "cpu": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def main(
    measure: Callable[[Scale], list[Figure]], *, description: str, arguments: Sequence[str] = ()
) -> None:
    """Run a benchmark from the command line and print its figures."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--scale", choices=("small", "full"), default="small")
    chosen = parser.parse_args(list(arguments) or None)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    name = Path(sys.argv[0]).stem
    figures = measure(chosen.scale)
    if chosen.json:
        result = {"bench": name, "machine": machine(), "scale": chosen.scale, "figures": figures}
        sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    else:
        _print_table(f"{name} ({chosen.scale})", figures)


def _print_table(title: str, figures: list[Figure]) -> None:
    table = Table(title=title, caption=", ".join(f"{k} {v}" for k, v in machine().items()))
    for column in ("figure", "value", "unit", "peer", "peer is", "ratio"):
        table.add_column(
            column, justify="right" if column in ("value", "peer", "ratio") else "left"
        )
    for figure in figures:
        table.add_row(
            figure.name,
            _short(figure.value),
            figure.unit,
            _short(figure.peer),
            figure.peer_name or "",
            _short(figure.ratio),
        )
    Console().print(table)


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
