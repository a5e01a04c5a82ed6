"""Diagnostic plots as inline SVG: no library, no script, readable in light and dark."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from monitor.analysis.extremes import (
    TailFit,
    mean_excess,
    shape_interval,
    threshold_stability,
)
from monitor.analysis.returns import Floats

WIDTH, HEIGHT, MARGIN = 320, 220, 42
POINTS_MAX = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Points with an optional interval each, and a line to compare them with."""

    title: str
    across: str
    up: str
    x: Floats
    y: Floats
    low: Floats | None = None
    high: Floats | None = None
    line: tuple[Floats, Floats] | None = None


def svg(plot: Plot) -> str:
    """Return a plot; its axes span the points and the line, named at their ends."""
    every_x = [plot.x] if plot.line is None else [plot.x, plot.line[0]]
    every_y = [
        values
        for values in (plot.y, plot.low, plot.high, None if plot.line is None else plot.line[1])
        if values is not None
    ]
    x_from, x_to = _span(every_x)
    y_from, y_to = _span(every_y)

    def place(x: float, y: float) -> tuple[float, float]:
        right = MARGIN + (x - x_from) / (x_to - x_from) * (WIDTH - MARGIN - 10)
        down = HEIGHT - MARGIN - (y - y_from) / (y_to - y_from) * (HEIGHT - MARGIN - 24)
        return right, down

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(plot.title)}">',
        f'<text x="{MARGIN}" y="14" class="title">{escape(plot.title)}</text>',
        f'<path class="axis" d="M{MARGIN} 20V{HEIGHT - MARGIN}H{WIDTH - 8}"/>',
        _label(MARGIN, HEIGHT - MARGIN + 14, f"{x_from:.3g}", "start"),
        _label(WIDTH - 10, HEIGHT - MARGIN + 14, f"{x_to:.3g}", "end"),
        _label((WIDTH + MARGIN) / 2, HEIGHT - 10, plot.across, "middle"),
        _label(MARGIN - 4, HEIGHT - MARGIN, f"{y_from:.3g}", "end"),
        _label(MARGIN - 4, 28, f"{y_to:.3g}", "end"),
        f'<text class="up" x="{-HEIGHT / 2}" y="12">{escape(plot.up)}</text>',
    ]
    if plot.line is not None:
        ends = [place(float(x), float(y)) for x, y in zip(*plot.line, strict=True)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in ends)
        parts.append(f'<polyline class="line" points="{path}"/>')
    parts += _marks(plot, place)
    return "".join([*parts, "</svg>"])


def _marks(plot: Plot, place: Callable[[float, float], tuple[float, float]]) -> list[str]:
    marks = []
    for number in range(len(plot.x)):
        x, y = place(float(plot.x[number]), float(plot.y[number]))
        if plot.low is not None and plot.high is not None:
            _, bottom = place(float(plot.x[number]), float(plot.low[number]))
            _, top = place(float(plot.x[number]), float(plot.high[number]))
            marks.append(f'<path class="range" d="M{x:.1f} {bottom:.1f}V{top:.1f}"/>')
        marks.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2"/>')
    return marks


def _label(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'


def _span(values: Sequence[Floats]) -> tuple[float, float]:
    """Return the smallest and largest of all, a little apart where they are equal."""
    joined = np.concatenate(values)
    low, high = float(joined.min()), float(joined.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def mean_excess_plot(losses: Floats, fit: TailFit) -> str:
    """Return the mean excess over thresholds, with the line of the fitted tail."""
    thresholds, means, errors = mean_excess(losses)
    across = thresholds[thresholds >= fit.threshold]
    ends = np.array([fit.threshold, float(across.max()) if len(across) else fit.threshold])
    line = (fit.scale + fit.shape * (ends - fit.threshold)) / (1.0 - fit.shape)
    return svg(
        Plot(
            title="Mean excess: a line where the law holds",
            across="threshold (residual loss)",
            up="mean excess",
            x=thresholds,
            y=means,
            low=means - 1.96 * errors,
            high=means + 1.96 * errors,
            line=(ends, line),
        )
    )


def quantile_plot(losses: Floats, fit: TailFit) -> str:
    """Return observed against fitted quantiles of the tail (QQ)."""
    excesses = np.sort(losses[losses > fit.threshold])
    shares = (np.arange(len(excesses)) + 0.5) / len(excesses)
    if abs(fit.shape) < 1e-6:
        fitted = -fit.scale * np.log1p(-shares)
    else:
        fitted = fit.scale / fit.shape * np.expm1(-fit.shape * np.log1p(-shares))
    step = max(1, len(excesses) // POINTS_MAX)
    kept = np.arange(len(excesses) - 1, -1, -step)[::-1]  # the largest is always shown
    fitted = fitted + fit.threshold
    ends = np.array([fit.threshold, float(max(fitted[-1], excesses[-1]))])
    return svg(
        Plot(
            title="QQ: on the line where the law holds",
            across="fitted quantile",
            up="observed",
            x=fitted[kept],
            y=excesses[kept],
            line=(ends, ends),
        )
    )


def stability_plot(losses: Floats) -> str:
    """Return the shape at several thresholds with its profile interval; "" where none fits."""
    fits = threshold_stability(losses)
    if not fits:
        return ""
    intervals = [shape_interval(losses, fit) for _, fit in fits]
    return svg(
        Plot(
            title="Shape by threshold: level where it holds",
            across="share of losses beyond the threshold",
            up="shape",
            x=np.array([share for share, _ in fits]),
            y=np.array([fit.shape for _, fit in fits]),
            low=np.array([one.lower for one in intervals]),
            high=np.array([one.upper for one in intervals]),
        )
    )
