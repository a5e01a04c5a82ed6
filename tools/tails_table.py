"""The rolling out-of-sample table of docs/model/tails.md: real prices, 2024 on.

    python -m tools.tails_table --write BTCUSD:1d=tests/tools/data/btcusd_daily.csv.gz ...

Each argument is NAME:GRID=FILE (a history as `loss-monitor calibrate` reads it). Everything that
is chosen (response of volatility, class shape, degrees of the Z2 criticals) is fitted on returns
that ended before 2024-01-01; what follows is only counted. Without --write the table is printed.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from scipy import stats

from monitor.analysis.coverage import coverage_test
from monitor.analysis.extremes import TailFit, fit_tail
from monitor.analysis.measures import LONG, SHORT, losses_of
from monitor.analysis.returns import GRIDS, Floats, Grid, grid_returns
from monitor.analysis.rolling import Plan, rolling_forecasts
from monitor.analysis.shortfall_tests import Series, fissler_ziegel_score, z2_test
from monitor.analysis.shrinkage import class_shape
from monitor.analysis.tails import Rules
from monitor.analysis.volatility import fit_response, volatility_of
from monitor.calibrating.history import read_histories

DOCUMENT = Path(__file__).parent.parent / "docs/model/tails.md"
BEGIN, END = "<!-- rolling table: begin -->\n", "<!-- rolling table: end -->\n"
SPLIT_NS = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 10**9
LEVELS = (0.975, 0.99)
HISTORICAL_WINDOW = {"1d": 500, "1h": 2_000}
REFIT_EVERY = {"1d": 1, "1h": 24}
REJECTED_BELOW = 0.05
SEED = 20240101
SIDES = {LONG: "long", SHORT: "short"}


@dataclass(frozen=True, slots=True)
class Returns:
    """Returns of a series: `values`, of which those from place `split` on are judged."""

    name: str
    grid: Grid
    values: Floats
    split: int

    @property
    def before(self) -> Floats:
        """Return what may be fitted on."""
        return self.values[: self.split]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A model's result on one series, side and level."""

    series: str
    side: str
    level: float
    model: str
    forecasts: int
    coverage_ratio: float
    undercoverage: float
    kupiec: float
    conditional: float
    z2: float
    z2_p: float
    shortfall: float
    score: float

    @property
    def rejected(self) -> bool:
        """Return whether it promised too little: too many breaches, or too large ones."""
        return min(self.undercoverage, self.z2_p) < REJECTED_BELOW


def read(argument: str) -> Returns:
    """Return the returns of NAME:GRID=FILE."""
    name, _, file = argument.partition("=")
    grid = next(grid for grid in GRIDS if grid.name == name.partition(":")[2])
    (history,) = read_histories(Path(file))
    ends, values = grid_returns(history.times_ns, history.prices, grid)
    return Returns(
        name.replace(":", " "), grid, values, int(np.searchsorted(ends, SPLIT_NS, "right"))
    )


def plans(series: list[Returns]) -> dict[str, Plan]:
    """Return the plan of each series: its own response, the class of its grid, all before 2024."""
    responses = {one.name: fit_response(one.before) for one in series}
    fits: dict[str, list[TailFit]] = {}
    for one in series:
        residuals = volatility_of(one.before, responses[one.name]).residuals(one.before)
        kept = residuals[-one.grid.length_max :]
        for side in SIDES:
            fits.setdefault(one.grid.name, []).append(fit_tail(losses_of(kept, side)))
    classes = {
        grid: class_shape([fit.shape for fit in found], [fit.shape_error for fit in found])
        for grid, found in fits.items()
    }
    return {
        one.name: Plan(
            rules=Rules(response=responses[one.name], class_shape=classes[one.grid.name]),
            history_max=one.grid.length_max,
            historical_window=HISTORICAL_WINDOW[one.grid.name],
            refit_every=REFIT_EVERY[one.grid.name],
        )
        for one in series
    }


def rows(series: Returns, plan: Plan) -> Iterator[Row]:
    """Yield the results of a series: both sides, both levels, every model."""
    for side in SIDES:
        for level in LEVELS:
            yield from level_rows(series, plan, (side, level))


def level_rows(series: Returns, plan: Plan, asked: tuple[int, float]) -> Iterator[Row]:
    """Yield the results of every model for one (side, confidence level)."""
    response = plan.rules.response
    assert response is not None
    residuals = volatility_of(series.before, response).residuals(series.before)
    degrees = max(2.5, float(stats.t.fit(residuals[-10_000:], floc=0.0)[0]))
    found = rolling_forecasts(series.values, series.split, *asked, plan)
    for model, forecasts in found.items():
        yield _row((series.name, SIDES[asked[0]], model), forecasts, degrees)


def _row(names: tuple[str, str, str], series: Series, degrees: float) -> Row:
    coverage = coverage_test(series.breached, series.confidence_level)
    generator = np.random.default_rng(SEED)
    shortfall = z2_test(generator, series, degrees=degrees)
    return Row(
        series=names[0],
        side=names[1],
        model=names[2],
        level=series.confidence_level,
        forecasts=coverage.forecasts,
        coverage_ratio=coverage.breaches / coverage.expected,
        undercoverage=coverage.undercoverage,
        kupiec=coverage.kupiec.p_value,
        conditional=coverage.conditional.p_value,
        z2=shortfall.statistic,
        z2_p=shortfall.p_value,
        shortfall=float(series.expected_shortfall.mean()),
        score=fissler_ziegel_score(series),
    )


HEAD = (
    "| series, side, level | model | forecasts | breaches / expected | too many p | Kupiec p "
    "| Christoffersen p | Z2 | Z2 p | mean ES | ES / best | FZ score | verdict |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|\n"
)


def table(found: list[Row]) -> str:
    """Return the table, a failure included; "ES / best" is against the best model not rejected.

    Best is the lowest score of Fissler and Ziegel among the other models that are not rejected.
    """
    lines = []
    for row in found:
        best = best_other(found, row)
        ratio = "" if best is None else f"{row.shortfall / best.shortfall:.2f}"
        lines.append(
            f"| {row.series} {row.side} {row.level:g} | {row.model} | {row.forecasts} "
            f"| {row.coverage_ratio:.2f} | {row.undercoverage:.3f} | {row.kupiec:.3f} "
            f"| {row.conditional:.3f} | {row.z2:.2f} | {row.z2_p:.3f} | {row.shortfall:.4f} "
            f"| {ratio} | {row.score:.3f} | {'**rejected**' if row.rejected else 'stands'} |\n"
        )
    return HEAD + "".join(lines)


def best_other(found: list[Row], row: Row) -> Row | None:
    """Return the best model not rejected on a row's series, side and level, but for `cautious`."""
    same = [
        other
        for other in found
        if (other.series, other.side, other.level) == (row.series, row.side, row.level)
        and other.model != "cautious"
        and not other.rejected
    ]
    return min(same, key=lambda other: other.score, default=None)


def summary(found: list[Row]) -> str:
    """Return how often each model was rejected, and how much more `cautious` said than the best."""
    cells = len(found) // 5
    counts = {
        model: sum(row.rejected for row in found if row.model == model)
        for model in dict.fromkeys(row.model for row in found)
    }
    clustered = {
        model: sum(row.conditional < REJECTED_BELOW for row in found if row.model == model)
        for model in counts
    }
    ratios = [
        row.shortfall / best.shortfall
        for row in found
        if row.model == "cautious" and (best := best_other(found, row)) is not None
    ]
    said = ", ".join(f"{model} {count}" for model, count in counts.items())
    also = ", ".join(f"{model} {count}" for model, count in clustered.items())
    return (
        f"Rejected for promising too little (too many breaches or Z2, 5 %), of {cells} cells: "
        f"{said}.\nRejected by Christoffersen's conditional coverage (5 %, two-sided): {also}.\n"
        f"Mean expected shortfall of `cautious` over that of the best model not rejected: "
        f"{float(np.mean(ratios)):.2f} on average, {min(ratios):.2f} to {max(ratios):.2f}.\n"
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the table, or write it into the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("series", nargs="+", metavar="NAME:GRID=FILE")
    parser.add_argument("--write", action="store_true", help="write it into the document")
    options = parser.parse_args(arguments)
    series = [read(argument) for argument in options.series]
    chosen = plans(series)
    found: list[Row] = []
    for one in series:
        sys.stderr.write(f"{one.name}: {len(one.values) - one.split} forecasts\n")
        found += rows(one, chosen[one.name])
    text = f"{_chosen(chosen)}\n{summary(found)}\n{table(found)}"
    if options.write:
        page = DOCUMENT.read_text(encoding="utf-8")
        before, _, rest = page.partition(BEGIN)
        DOCUMENT.write_text(f"{before}{BEGIN}{text}{END}{rest.partition(END)[2]}", encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


def _chosen(chosen: dict[str, Plan]) -> str:
    """Return what was fixed on data before 2024."""
    lines = []
    for name, plan in chosen.items():
        response, class_ = plan.rules.response, plan.rules.class_shape
        assert response is not None
        lines.append(
            f"- {name}: decay {response.decay:g}, asymmetry {response.asymmetry:g}; class shape "
            f"{class_.mean:.3f} +- {class_.error:.3f}, between assets {class_.between:.3f} "
            f"({class_.assets} fits)\n"
        )
    return "".join(lines)


if __name__ == "__main__":
    sys.exit(main())
