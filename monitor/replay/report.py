"""The report of a replay: a timeline of what happened, and when it was noticed, in one file."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import msgspec

from monitor.core.decisions import Decision
from monitor.page import page, table
from monitor.replay.timeline import Series, Span, Timeline

WIDTH, LEFT, RIGHT = 1000, 130, 12
LANE, GAP, ROW, BADGE = 96, 30, 18, 9
MARKS_MAX, FUNDS_MAX, BREAKERS_MAX = 4, 3, 14
SECOND_NS = 1_000_000_000
# What an operator looks for first: each is a line through the picture, with a number.
DETECTIONS = (
    "account_liquidatable", "breaker_tripped", "account_bankrupt", "shortfall_incurred",
    "insurance_fund_drawn", "deleveraging_planned", "loss_socialized", "oracle_rejected",
    "withdrawals_gated", "conservation_violated",
)  # fmt: skip
LEFT_OUT = {"type", "decision_id", "cause", "configuration_hash", "epoch", "event_ns", "rule",
            "suspect", "caught_up", "bounds", "reductions", "accounts"}  # fmt: skip
TEXT_MAX = 200
_STYLE = """
svg { width: 100%; height: auto; } svg text { font-size: 12px; fill: currentColor; }
svg .name { font-weight: 600; } svg .axis { stroke: currentColor; opacity: .35; }
svg .range { fill: #2a78d655; } svg .price { fill: none; stroke: #2a78d6; stroke-width: 1.5; }
svg .fund { fill: none; stroke: #2f9e66; stroke-width: 1.5; } svg .bar { fill: #d9622b; }
svg .tripped { fill: #d64545; } svg .detection { stroke: #a35200; stroke-dasharray: 3 3; }
svg .badge { fill: #a35200; } svg .badge-text { fill: #fff; font-size: 10px; font-weight: 600; }
th:last-child, td:last-child { text-align: left; } td:nth-child(2) { white-space: nowrap; }
"""


def report_of(timeline: Timeline, sources: Sequence[str]) -> str:
    """Return the page."""
    return page("Replay", _parts(timeline, sources), style=_STYLE)


def _parts(timeline: Timeline, sources: Sequence[str]) -> Iterator[str]:
    names = ", ".join(Path(source).name for source in sources)
    yield f"<h1>Replay of {escape(names)}</h1>"
    if timeline.first_ns is None:
        yield "<p>The recording has no events.</p>"
        return
    yield f"<p>{moment(timeline.first_ns)} to {moment(timeline.last_ns)} UTC. "
    yield f"{escape(sentence(timeline))}</p>"
    found = detections(timeline)
    yield _Picture(timeline, [at for _, at in found]).svg()
    if found:
        yield "<h2>First noticed</h2>"
        rows = [
            (
                f"{number}. {kind}",
                moment(at),
                after(timeline, at),
                f"{timeline.kinds[kind].count:,}",
            )
            for number, (kind, at) in enumerate(found, 1)
        ]
        yield table(("decision", "first at", "after the begin", "in all"), rows)
    if timeline.spans:
        yield "<h2>Breakers</h2>"
        yield table(
            ("breaker", "scope", "tripped at", "measured", "limit", "stood", "action"),
            [_span_row(timeline, span) for span in timeline.spans],
        )
    if timeline.notable:
        yield "<h2>Decisions</h2>"
        yield table(
            ("decision", "at", "what it says"),
            [(one.kind, moment(one.event_ns), said(one)) for one in timeline.notable],
        )
        if timeline.notable_left_out:
            yield f"<p>{timeline.notable_left_out:,} more: decisions.ndjson has them all.</p>"


def moment(event_ns: int) -> str:
    """Return a time to the millisecond."""
    found = datetime.fromtimestamp(event_ns // SECOND_NS, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{found}.{event_ns % SECOND_NS // 1_000_000:03d}"


def after(timeline: Timeline, event_ns: int) -> str:
    """Return how long after the first event."""
    return f"{(event_ns - (timeline.first_ns or 0)) / SECOND_NS:,.3f} s"


def detections(timeline: Timeline) -> list[tuple[str, int]]:
    """Return when each of the kinds that matter was first decided, in time."""
    found = [(kind, timeline.kinds[kind].first_ns) for kind in DETECTIONS if kind in timeline.kinds]
    return sorted(found, key=lambda one: one[1])


def sentence(timeline: Timeline) -> str:
    """Return whether a breaker had warned before a loss reached others."""
    losses = [
        timeline.kinds[kind].first_ns
        for kind in ("deleveraging_planned", "loss_socialized")
        if kind in timeline.kinds
    ]
    if timeline.deleveragings.buckets:
        losses.append(timeline.deleveragings.buckets[0].begin_ns)
    trips = [span.tripped for span in timeline.spans]
    if not losses:
        told = f"breakers tripped {len(trips)} times"
        return f"Nobody was deleveraged, no loss was socialized; {told}."
    first_ns = min(losses)
    early = [trip for trip in trips if trip.event_ns <= first_ns]
    if not early:
        return f"A loss reached others at {moment(first_ns)}; no breaker had tripped before."
    lead_s = (first_ns - early[0].event_ns) / SECOND_NS
    return (
        f"Breaker {early[0].breaker} tripped on {early[0].scope} {lead_s:,.3f} s before a loss"
        f" first reached others, at {moment(first_ns)}."
    )


def said(decision: Decision) -> str:
    """Return the fields of a decision in one line."""
    plain = msgspec.to_builtins(decision)
    told = ", ".join(
        f"{name} {value}"
        for name, value in plain.items()
        if name not in LEFT_OUT and value is not None
    )
    return told if len(told) <= TEXT_MAX else told[: TEXT_MAX - 1] + "…"


def _span_row(timeline: Timeline, span: Span) -> tuple[str, ...]:
    one, ended_ns = span.tripped, span.ended_ns
    stood_s = ((ended_ns or timeline.last_ns) - one.event_ns) / SECOND_NS
    stood = f"{stood_s:,.1f} s" + ("" if ended_ns else ", to the end")
    return one.breaker, one.scope, moment(one.event_ns), one.measured, one.limit, stood, one.action


class _Picture:
    """Lanes under each other on one axis of time."""

    def __init__(self, timeline: Timeline, detected_ns: list[int]) -> None:
        self._timeline = timeline
        self._detected_ns = detected_ns
        self._begin_ns = timeline.first_ns or 0
        self._length_ns = max(1, timeline.last_ns - self._begin_ns)
        self._parts: list[str] = []
        self._top = 42

    def svg(self) -> str:
        """Return the picture."""
        timeline = self._timeline
        for name in _most_moved(timeline)[:MARKS_MAX]:
            self._curve(f"mark {name}", timeline.marks[name], "price", is_range=True)
        if timeline.liquidations.buckets:
            self._bars("liquidations begun", timeline.liquidations)
        if timeline.deleveragings.buckets:
            self._bars("deleveragings", timeline.deleveragings)
        for name in sorted(timeline.funds)[:FUNDS_MAX]:
            self._curve(f"fund {name}", timeline.funds[name], "fund", is_range=False)
        self._breakers()
        self._detections()
        height = self._top + 24
        ends = (moment(self._begin_ns), moment(timeline.last_ns))
        self._parts.append(_text(LEFT, height - 6, ends[0], "start"))
        self._parts.append(_text(WIDTH - RIGHT, height - 6, ends[1], "end"))
        return (
            f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Timeline">'
            f"{''.join(self._parts)}</svg>"
        )

    def _across(self, event_ns: int) -> float:
        share = (event_ns - self._begin_ns) / self._length_ns
        return LEFT + min(1.0, max(0.0, share)) * (WIDTH - LEFT - RIGHT)

    def _lane(self, name: str, low: str, high: str) -> int:
        """Begin a lane; return where it ends."""
        top, bottom = self._top, self._top + LANE
        self._parts += [
            f'<path class="axis" fill="none" d="M{LEFT} {top}V{bottom}H{WIDTH - RIGHT}"/>',
            _text(LEFT + 4, top - 6, name, "start", "name"),
            _text(LEFT - 6, top + 12, high, "end"),
            _text(LEFT - 6, bottom, low, "end"),
        ]
        self._top = bottom + GAP
        return bottom

    def _curve(self, name: str, series: Series, kind: str, *, is_range: bool) -> None:
        low = min(one.low for one in series.buckets)
        high = max(one.high for one in series.buckets)
        bottom = self._lane(name, f"{low:,.6g}", f"{high:,.6g}")
        height = (LANE - 6) / (high - low if high > low else 1.0)
        if is_range:
            tops = [(one.begin_ns, bottom - (one.high - low) * height) for one in series.buckets]
            lows = [(one.begin_ns, bottom - (one.low - low) * height) for one in series.buckets]
            shape = " ".join(f"{self._across(at):.1f},{y:.1f}" for at, y in tops + lows[::-1])
            self._parts.append(f'<polygon class="range" points="{shape}"/>')
        path, before = [], ""
        for one in series.buckets:  # a value holds until the next one
            x, y = f"{self._across(one.begin_ns):.1f}", f"{bottom - (one.last - low) * height:.1f}"
            path += [f"{x},{before}"] if before else []
            path.append(f"{x},{y}")
            before = y
        path.append(f"{WIDTH - RIGHT},{before}")
        self._parts.append(f'<polyline class="{kind}" points="{" ".join(path)}"/>')

    def _bars(self, name: str, series: Series) -> None:
        high = max(one.total for one in series.buckets)
        bottom = self._lane(name, "0", f"{high:,.0f}")
        for one in series.buckets:
            x, size = self._across(one.begin_ns), one.total / high * (LANE - 6)
            self._parts.append(
                f'<rect class="bar" x="{x:.1f}" y="{bottom - size:.1f}" width="2"'
                f' height="{size:.1f}"/>'
            )

    def _breakers(self) -> None:
        names = list(
            dict.fromkeys((s.tripped.breaker, s.tripped.scope) for s in self._timeline.spans)
        )
        for key in names[:BREAKERS_MAX]:
            label = " ".join(key)
            self._parts.append(_text(4, self._top + 12, label[:20], "start", "name"))
            for span in self._timeline.spans:
                if (span.tripped.breaker, span.tripped.scope) == key:
                    x = self._across(span.tripped.event_ns)
                    end = self._across(span.ended_ns or self._timeline.last_ns)
                    self._parts.append(
                        f'<rect class="tripped" x="{x:.1f}" y="{self._top + 2}"'
                        f' width="{max(2.0, end - x):.1f}" height="{ROW - 5}">'
                        f"<title>{escape(label)}</title></rect>"
                    )
            self._top += ROW
        if len(names) > BREAKERS_MAX:
            left = f"{len(names) - BREAKERS_MAX} more breakers"
            self._parts.append(_text(4, self._top + 12, left, "start"))
            self._top += ROW

    def _detections(self) -> None:
        """Draw a line for each detection; those that are close together share a number."""
        groups: list[tuple[float, int, int]] = []  # across, first and last number
        for number, at in enumerate(self._detected_ns, 1):
            x = self._across(at)
            if groups and x - groups[-1][0] < 2 * BADGE:
                groups[-1] = (groups[-1][0], groups[-1][1], number)
            else:
                groups.append((x, number, number))
        for x, first, last in groups:
            told = f"{first}" if first == last else f"{first} to {last}"
            half = BADGE + (0 if first == last else 10)
            self._parts.append(
                f'<path class="detection" d="M{x:.1f} 18V{self._top}"/>'
                f'<rect class="badge" x="{x - half:.1f}" y="2" width="{2 * half}"'
                ' height="16" rx="8"/>'
                f'<text class="badge-text" x="{x:.1f}" y="14" text-anchor="middle">{told}</text>'
            )


def _most_moved(timeline: Timeline) -> list[str]:
    """Return the instruments by how far their marks ranged, the furthest first."""

    def ranged(name: str) -> float:
        buckets = timeline.marks[name].buckets
        low = min(one.low for one in buckets)
        return max(one.high for one in buckets) / low if low > 0 else 1.0

    return sorted(timeline.marks, key=lambda name: (-ranged(name), name))


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    own = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}"{own}>{escape(text)}</text>'
