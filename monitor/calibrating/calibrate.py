"""The verb `calibrate`: reads histories, fits, writes parameters and a report, says the outcome."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec
import numpy as np
from rich.console import Console
from rich.progress import Progress

from monitor.analysis.calibration import Observed, calibrated, class_rules, joint_fit, own_fit
from monitor.analysis.returns import GRIDS, Grid, grid_returns
from monitor.calibrating.arguments import CalibrationRequest
from monitor.calibrating.history import HistoryError, PriceHistory, histories_of
from monitor.calibrating.parameters import GridCalibration, answer_of, sentences, toml_of
from monitor.calibrating.report import report_of

__all__ = ["HistoryError", "run_calibration"]

Item = TypeVar("Item")


def run_calibration(request: CalibrationRequest) -> None:
    """Calibrate, write and print.

    Raises HistoryError for input that cannot be used, OSError for output that cannot be written.
    """
    histories = list(histories_of(list(request.histories)))
    grids = [_on_grid(grid, histories) for grid in GRIDS if _have(grid, histories)]
    if not grids:
        raise HistoryError(
            f"{request.histories[0]}: expected prices at least once a day, received none so dense"
        )
    answer = answer_of(histories, grids)
    request.output.write_text(toml_of(answer), encoding="utf-8")
    if request.report is not None:
        request.report.write_text(report_of(histories, grids), encoding="utf-8")
    if request.as_json:
        sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
        return
    for one in grids:
        said = sentences(one)
        sys.stdout.write(
            f"{one.grid}: {len(one.instruments)} instruments, {len(said)} defaults stand in\n"
        )
        sys.stdout.writelines(f"  {sentence}\n" for sentence in said)
    sys.stdout.write(f"parameters in {request.output}\n")


def _have(grid: Grid, histories: Sequence[PriceHistory]) -> bool:
    return any(_dense_enough(grid, history) for history in histories)


def _dense_enough(grid: Grid, history: PriceHistory) -> bool:
    """Return whether prices come at least once a step; a single price belongs to days."""
    if len(history.times_ns) < 2:
        return grid is GRIDS[-1]
    return float(np.median(np.diff(history.times_ns))) <= grid.step_ns


def _on_grid(grid: Grid, histories: Sequence[PriceHistory]) -> GridCalibration:
    observed = [_observed(grid, one) for one in histories if _dense_enough(grid, one)]
    fits = [own_fit(one) for one in _shown(observed, f"{grid.name}: fitting")]
    rules = class_rules(fits)
    return GridCalibration(
        grid=grid.name,
        rules=rules,
        instruments=tuple(
            calibrated(fit, rules) for fit in _shown(fits, f"{grid.name}: intervals")
        ),
        joint=joint_fit(observed),
    )


def _observed(grid: Grid, history: PriceHistory) -> Observed:
    """Return the newest returns, as many as the daemon would keep."""
    ends, returns = grid_returns(history.times_ns, history.prices, grid)
    newest = slice(-grid.length_max, None)
    return Observed(symbol=history.symbol, grid=grid, ends_ns=ends[newest], returns=returns[newest])


def _shown(items: Sequence[Item], label: str) -> Iterator[Item]:
    """Yield the items, with a bar on standard error if that is a terminal."""
    if not sys.stderr.isatty():
        yield from items
        return
    with Progress(console=Console(stderr=True), transient=True) as progress:
        tracked: Iterable[Item] = progress.track(items, description=label)
        yield from tracked
