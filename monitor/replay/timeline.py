"""What happened in a replay, by time and bounded: prices, funds, liquidations, breakers."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from monitor.core import decisions, events
from monitor.core.decisions import Decision

BUCKETS_MAX = 2_000  # of a series; then two become one
WIDTH_NS = 1_000_000  # of a bucket at first
NOTABLE_MAX = 300
# Decisions that are told one by one; of the others how many there were.
NOTABLE = frozenset(
    (
        "shortfall_incurred", "insurance_fund_drawn", "deleveraging_planned", "loss_socialized",
        "withdrawals_gated", "withdrawals_released", "breaker_tripped", "oracle_rejected",
        "oracle_restored", "conservation_violated", "liquidation_backlog_growing",
        "liquidation_engine_silent",
    )
)  # fmt: skip


@dataclass(slots=True)
class Bucket:
    """What a series did in a stretch of time."""

    begin_ns: int
    low: float
    high: float
    last: float
    total: float


class Series:
    """Values in buckets of one width, which doubles when there are too many; extremes stay."""

    def __init__(self) -> None:
        """Begin empty."""
        self.buckets: list[Bucket] = []
        self._width_ns = WIDTH_NS

    def add(self, event_ns: int, value: float) -> None:
        """Take a value; one that comes late counts in the newest bucket."""
        begin_ns = event_ns - event_ns % self._width_ns
        newest = self.buckets[-1] if self.buckets else None
        if newest is not None and begin_ns <= newest.begin_ns:
            newest.low, newest.high = min(newest.low, value), max(newest.high, value)
            newest.last, newest.total = value, newest.total + value
            return
        self.buckets.append(Bucket(begin_ns, value, value, value, value))
        if len(self.buckets) > BUCKETS_MAX:
            self._widen()

    def _widen(self) -> None:
        while len(self.buckets) > BUCKETS_MAX:
            self._width_ns *= 2
            merged: list[Bucket] = []
            for one in self.buckets:
                begin_ns = one.begin_ns - one.begin_ns % self._width_ns
                if merged and merged[-1].begin_ns == begin_ns:
                    kept = merged[-1]
                    kept.low, kept.high = min(kept.low, one.low), max(kept.high, one.high)
                    kept.last, kept.total = one.last, kept.total + one.total
                else:
                    one.begin_ns = begin_ns
                    merged.append(one)
            self.buckets = merged


@dataclass(slots=True)
class Span:
    """A breaker on one scope, from its trip until it begins to cool; None: not before the end."""

    tripped: decisions.BreakerTripped
    ended_ns: int | None = None


@dataclass(slots=True)
class Kind:
    """Decisions of one kind."""

    first_ns: int
    count: int = 0


@dataclass
class Timeline:
    """Follows a replay."""

    marks: dict[str, Series] = field(default_factory=dict)
    funds: dict[str, Series] = field(default_factory=dict)
    liquidations: Series = field(default_factory=Series)
    spans: list[Span] = field(default_factory=list)
    kinds: dict[str, Kind] = field(default_factory=dict)
    notable: list[Decision] = field(default_factory=list)
    notable_left_out: int = 0
    deleveragings: Series = field(default_factory=Series)
    first_ns: int | None = None
    last_ns: int = 0

    def see(self, applied: Iterable[events.Event], decided: Iterable[Decision]) -> None:
        """Take events in their order, and what was decided on them."""
        for event in applied:
            self.first_ns = event.event_ns if self.first_ns is None else self.first_ns
            self.last_ns = max(self.last_ns, event.event_ns)
            self._see_event(event)
        for decision in decided:
            self._see_decision(decision)

    def _see_event(self, event: events.Event) -> None:
        if isinstance(event, events.MarkPriceChanged):
            for price in (event.high, event.low, event.price):
                if price is not None:
                    self._of(self.marks, event.instrument).add(event.event_ns, float(price))
        elif isinstance(event, events.MarkPricesChanged):
            for name, price in event.prices.items():
                self._of(self.marks, name).add(event.event_ns, float(price))
        elif isinstance(event, events.InsuranceFundChanged):
            self._of(self.funds, event.fund).add(event.event_ns, float(event.balance))
        elif isinstance(event, events.LiquidationStarted):
            self.liquidations.add(event.event_ns, 1.0)
        elif isinstance(event, events.DeleveragingFilled):
            self.deleveragings.add(event.event_ns, 1.0)

    def _of(self, kept: dict[str, Series], name: str) -> Series:
        return kept.setdefault(name, Series())

    def _see_decision(self, decision: Decision) -> None:
        kind = self.kinds.setdefault(decision.kind, Kind(decision.event_ns))
        kind.count += 1
        if isinstance(decision, decisions.BreakerTripped):
            self.spans.append(Span(decision))
        elif isinstance(decision, decisions.BreakerCooling):
            key = decision.breaker, decision.scope
            for span in reversed(self.spans):
                if (span.tripped.breaker, span.tripped.scope) == key:
                    span.ended_ns = decision.event_ns
                    break
        if decision.kind not in NOTABLE:
            return
        if len(self.notable) < NOTABLE_MAX:
            self.notable.append(decision)
        else:
            self.notable_left_out += 1
