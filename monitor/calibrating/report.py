"""The report of a calibration: one HTML file with everything in it."""

from collections.abc import Iterator, Sequence
from html import escape

from monitor.analysis.calibration import LEVELS, InstrumentFit
from monitor.calibrating.history import PriceHistory
from monitor.calibrating.parameters import GridCalibration, sentences
from monitor.calibrating.pictures import mean_excess_plot, quantile_plot, stability_plot
from monitor.page import page, table

PICTURED_MAX = 40  # instruments a grid; the tables hold all
_STYLE = """
svg { width: 320px; max-width: 100%; } svg text { font-size: 10px; fill: currentColor; }
svg .title { font-size: 11px; font-weight: 600; } svg circle { fill: #2a78d6; }
svg .up { transform: rotate(-90deg); text-anchor: middle; }
svg .axis { fill: none; stroke: currentColor; } svg .line { fill: none; stroke: #d9622b; }
svg .range { stroke: #2a78d6; opacity: .5; }
@media (prefers-color-scheme: dark) { svg circle { fill: #6fb1ff; } }
"""
_HEAD = (
    "<h1>Calibration of tails</h1><p>Losses are positive, fractions of the notional, over one "
    "step of the grid. The reported numbers are the largest of filtered history, a Pareto tail "
    "at the upper end of its shape, and a quarter of the worst window.</p>"
)

_COLUMNS = (
    "instrument", "side", "returns", "gaps", "own shape", "interval", "weight", "upper shape",
)  # fmt: skip


def report_of(histories: Sequence[PriceHistory], grids: Sequence[GridCalibration]) -> str:
    """Return the page."""
    parts = [_HEAD, *_read(histories)]
    for one in grids:
        parts += _grid(one)
    return page("Calibration of tails", parts, style=_STYLE)


def _read(histories: Sequence[PriceHistory]) -> Iterator[str]:
    yield "<h2>What was read</h2>"
    rows = [
        (one.symbol, f"{len(one.prices):,}", "; ".join(one.faults.told()) or "nothing left out")
        for one in histories
    ]
    yield table(("instrument", "prices", "left out"), rows)


def _grid(calibration: GridCalibration) -> Iterator[str]:
    yield f"<h2>Steps of {escape(calibration.grid)}</h2>"
    told = sentences(calibration)
    if told:
        lines = "".join(f"<li>{escape(said)}</li>" for said in told)
        yield f'<h3>Not identifiable, replaced</h3><ul class="told">{lines}</ul>'
    shape = calibration.rules.class_shape
    yield (
        f"<p>Class of {shape.assets} fits: shape {shape.mean:.3f} &plusmn; {shape.error:.3f}, "
        f"between members {shape.between:.3f}. Volatility where there is no history: "
        f"{calibration.rules.class_volatility:.4f}.</p>"
    )
    rows = [row for fit in calibration.instruments for row in _rows(fit)]
    levels = [f"{what} {level:g}" for level in LEVELS for what in ("VaR", "ES")]
    columns = (
        "instrument",
        "side",
        "returns",
        "gaps",
        "own shape",
        "interval",
        "weight",
        "upper shape",
    )
    yield table((*columns, *levels), rows)
    yield from _joint(calibration)
    for fit in calibration.instruments[:PICTURED_MAX]:
        yield from _pictures(fit)
    if len(calibration.instruments) > PICTURED_MAX:
        yield f"<p>Pictures of the first {PICTURED_MAX} instruments; the table holds all.</p>"


def _rows(fit: InstrumentFit) -> Iterator[tuple[str, ...]]:
    for name, side in fit.sides.items():
        shape, interval = side.reported[0].shape, side.shape_interval
        ends = "-" if interval is None else f"{interval.lower:.3f} to {interval.upper:.3f}"
        risks = [
            f"{value:.4f}"
            for tail in side.reported
            for value in (tail.risk.value_at_risk, tail.risk.expected_shortfall)
        ]
        own = "-" if shape.own is None else f"{shape.own:.3f}"
        observed = fit.own.observed
        joined, left = observed.gaps
        gaps = f"{joined} joined, {left} left out"
        counts = (observed.symbol, name, f"{len(observed.returns):,}", gaps)
        yield (*counts, own, ends, f"{shape.weight:.2f}", f"{shape.upper:.3f}", *risks)


def _joint(calibration: GridCalibration) -> Iterator[str]:
    copula = calibration.joint.copula
    if copula is None:
        return
    interval, together = copula.degrees_interval, copula.tail_dependence()
    yield (
        f"<h3>Falling together</h3><p>t copula, {copula.observations:,} moments: "
        f"{copula.degrees:.1f} degrees ({interval.lower:.1f} to {interval.upper:.1f}; the lower "
        "end is used). Correlation, and in brackets tail dependence:</p>"
    )
    symbols = calibration.joint.symbols[:PICTURED_MAX]
    rows = [
        (
            symbol,
            *(
                f"{copula.correlation[place, other]:.2f} ({together[place, other]:.2f})"
                for other in range(len(symbols))
            ),
        )
        for place, symbol in enumerate(symbols)
    ]
    yield table(("", *symbols), rows)


def _pictures(fit: InstrumentFit) -> Iterator[str]:
    for name, side in fit.sides.items():
        if side.tail is not None:
            losses = fit.own.losses[name]
            yield f"<h3>{escape(fit.own.observed.symbol)}, {name}</h3>"
            yield mean_excess_plot(losses, side.tail)
            yield quantile_plot(losses, side.tail)
            yield stability_plot(losses)
