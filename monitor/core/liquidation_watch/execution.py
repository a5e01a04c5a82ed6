"""What a liquidation's fills cost: against the mark, the bankruptcy price and an ideal sweep.

A liquidation is followed from its start, when the mark, the unit's amounts and the side of the
visible book that it meets are frozen. Formulas: docs/model/execution.md.
"""

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import msgspec

from monitor.core.amounts import exact_text, rounded_text, rounded_text_or_none, to_fraction
from monitor.core.contracts import notional
from monitor.core.events import LiquidationFilled, LiquidationFinished
from monitor.core.instruments import Instrument
from monitor.core.liquidation import Liquidation
from monitor.core.liquidation_view import SLIPPAGE_EDGES, ExecutionRecord, SlippageView
from monitor.core.liquidation_watch.visible_book import Levels, cost_against, sweep
from monitor.core.market import Market
from monitor.core.plain import plain

FOLLOWED_MAX = 10_000  # liquidations under way; the oldest are followed no more
KEPT_MAX = 1_000  # liquidations that ended: the newest
BILLION = 1_000_000_000
ZERO = Fraction(0)
Key: TypeAlias = tuple[str, str]  # account, liquidation_id


@dataclass(slots=True)
class Execution:
    """A liquidation under way as it began, and what was told of it.

    `worst_mark`: the least favorable one to the account at its start and its fills. `equity` and
    `rest` (what the unit's other positions need to end a liquidation) are those of the start, in
    the valuation currency; `rest` is None where that is not the sum over positions. `size`:
    contracts of the position then, signed. `book`: the levels that it would meet, at most 50.
    """

    started_ns: int
    mark: Fraction
    worst_mark: Fraction
    equity: Fraction
    rest: Fraction | None
    size: Fraction
    entry: Fraction
    book: Levels | None
    has_others: bool = False
    fee_told: bool = False

    def note_mark(self, mark: Fraction) -> None:
        """See the mark of another moment."""
        worse = min if self.size > 0 else max
        self.worst_mark = worse(self.worst_mark, mark)

    def export_state(self) -> list[Any]:
        """Return everything as plain values."""
        numbers = (self.mark, self.worst_mark, self.equity, self.rest, self.size, self.entry)
        return [
            self.started_ns,
            [
                None if one is None else [str(one.numerator), str(one.denominator)]
                for one in numbers
            ],
            None
            if self.book is None
            else [[exact_text(price), exact_text(size)] for price, size in self.book],
            self.has_others,
            self.fee_told,
        ]

    @classmethod
    def from_state(cls, state: list[Any]) -> "Execution":
        """Return what `export_state` described."""
        started_ns, numbers, book, has_others, fee_told = state
        mark, worst, equity, rest, size, entry = (
            None if one is None else Fraction(int(one[0]), int(one[1])) for one in numbers
        )
        assert mark is not None
        assert worst is not None
        assert equity is not None
        assert size is not None
        assert entry is not None
        levels = None
        if book is not None:
            levels = tuple((to_fraction(price), to_fraction(told)) for price, told in book)
        return cls(started_ns, mark, worst, equity, rest, size, entry, levels, has_others, fee_told)


class Tally:
    """How many observations of a ratio fell at or below each edge, and their sum in billionths."""

    def __init__(self) -> None:
        """Begin empty."""
        self.counts = [0] * (len(SLIPPAGE_EDGES) + 1)
        self.sum = 0

    def observe(self, ratio: Fraction) -> None:
        """Count one."""
        self.counts[bisect_left(SLIPPAGE_EDGES, ratio)] += 1
        self.sum += round(ratio * BILLION)

    def view(self) -> SlippageView:
        """Return the counts as they are."""
        return SlippageView(counts=tuple(self.counts), sum=self.sum / BILLION)


class Outcome:
    """What the fills of a liquidation come to, exactly, in the settlement currency.

    Where no fill was reported, the total size at the mean price of its end stands for them.
    """

    def __init__(
        self, liquidation: Liquidation, event: LiquidationFinished, instrument: Instrument
    ) -> None:
        """Take a liquidation as it ends."""
        filled = {to_fraction(price): size for price, size in liquidation.filled.items()}
        self.fees = liquidation.fees
        if not filled and event.price is not None and to_fraction(event.size):
            filled = {to_fraction(event.price): to_fraction(event.size)}
            self.fees = to_fraction(event.fee)
        total = sum(filled.values(), ZERO)
        self.sells = total < 0
        self.contracts = abs(total)
        sign = -1 if self.sells else 1
        self.parts: Levels = tuple((price, sign * size) for price, size in sorted(filled.items()))
        self.instrument = instrument

    def cost(self, reference: Fraction) -> Fraction:
        """Return what the fills lost (> 0) against a price."""
        return cost_against(self.instrument, self.parts, reference, sells=self.sells)

    def ratio(self, cost: Fraction, reference: Fraction) -> Fraction:
        """Return a cost as a share of the notional at a price."""
        quantity = self.contracts * self.instrument.contract_size
        return cost / notional(self.instrument.kind, quantity, reference)

    @property
    def mean_price(self) -> Fraction:
        """Return the mean price of the contracts."""
        return sum((price * size for price, size in self.parts), ZERO) / self.contracts


class ExecutionLedger:
    """Every liquidation under way, the newest that ended, and the distributions of their costs."""

    def __init__(self) -> None:
        """Begin empty."""
        self.open: dict[Key, Execution] = {}
        self.ended: deque[ExecutionRecord] = deque(maxlen=KEPT_MAX)
        self.fills = Tally()
        self.against_mark = Tally()
        self.against_bankruptcy = Tally()
        self.beyond_ideal = Tally()
        self.left_out = 0

    def begin(self, key: Key, execution: Execution | None) -> None:
        """Follow a liquidation; None: nothing is known of its start."""
        self.open.pop(key, None)
        if execution is None:
            return
        self.open[key] = execution
        if len(self.open) > FOLLOWED_MAX:
            del self.open[next(iter(self.open))]
            self.left_out += 1

    def forget_account(self, account: str) -> None:
        """Follow nothing of a closed account."""
        for key in [key for key in self.open if key[0] == account]:
            del self.open[key]

    def fill(self, event: LiquidationFilled, instrument: Instrument, market: Market) -> None:
        """Count the slippage of a fill."""
        execution = self.open.get((event.account, event.liquidation_id))
        if execution is None or event.price is None:
            return
        size = to_fraction(event.size)
        part = ((to_fraction(event.price), abs(size)),)
        cost = cost_against(instrument, part, execution.mark, sells=size < 0)
        worth = notional(instrument.kind, abs(size) * instrument.contract_size, execution.mark)
        self.fills.observe(cost / worth)
        quote = market.marks.get(event.instrument)
        if quote is not None:
            execution.note_mark(quote.exact)

    def finish(
        self, event: LiquidationFinished, outcome: Outcome, liquidation: Liquidation, market: Market
    ) -> Execution | None:
        """Return how a liquidation began, and keep what it cost; None: it is not followed."""
        execution = self.open.pop((event.account, event.liquidation_id), None)
        if execution is None or not outcome.contracts:
            return execution
        instrument, mark = outcome.instrument, execution.mark
        cost = outcome.cost(mark)
        value = market.exact_value(instrument.settlement)
        ideal = ideal_cost = None
        if execution.book is not None:
            ideal = sweep(execution.book, outcome.contracts)
        if ideal is not None:
            ideal_cost = cost_against(instrument, ideal, mark, sells=outcome.sells)
            self.beyond_ideal.observe(outcome.ratio(cost - ideal_cost, mark))
        loss, bankruptcy = None, liquidation.bankruptcy_price
        if bankruptcy is not None:
            loss = outcome.cost(bankruptcy)
            self.against_bankruptcy.observe(outcome.ratio(loss, bankruptcy))
        self.against_mark.observe(outcome.ratio(cost, mark))
        beyond = None if ideal_cost is None else cost - ideal_cost

        def usd(amount: Fraction | None) -> str | None:
            worthless = amount is None or value is None
            return None if worthless else rounded_text(amount * value)  # type: ignore[operator]

        self.ended.append(
            ExecutionRecord(
                account=event.account,
                liquidation_id=event.liquidation_id,
                instrument=event.instrument,
                leg=event.leg,
                started_ns=execution.started_ns,
                finished_ns=event.event_ns,
                contracts=exact_text(-outcome.contracts if outcome.sells else outcome.contracts),
                mean_price=rounded_text(outcome.mean_price),
                mark_price=rounded_text(mark),
                bankruptcy_price=rounded_text_or_none(bankruptcy),
                cost_usd=usd(cost),
                cost_ratio=rounded_text(outcome.ratio(cost, mark)),
                bankruptcy_loss_usd=usd(loss),
                ideal_cost_usd=usd(ideal_cost),
                beyond_ideal_usd=usd(beyond),
                fees_usd=usd(outcome.fees),
            )
        )
        return execution

    def worst(self, count: int) -> tuple[ExecutionRecord, ...]:
        """Return the costliest of those kept, by what they cost against the mark."""
        ranked = sorted(
            self.ended,
            key=lambda one: (-float(one.cost_usd or 0), one.account.encode(), one.liquidation_id),
        )
        return tuple(ranked[:count])

    def export_state(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "open": [[*key, one.export_state()] for key, one in self.open.items()],
            "ended": [plain(one) for one in self.ended],
            "tallies": [[tally.counts, str(tally.sum)] for tally in self._tallies()],
            "left_out": self.left_out,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        for account, identity, told in state["open"]:
            self.open[account, identity] = Execution.from_state(told)
        self.ended.extend(msgspec.convert(state["ended"], list[ExecutionRecord]))
        for tally, (counts, total) in zip(self._tallies(), state["tallies"], strict=True):
            tally.counts, tally.sum = list(counts), int(total)
        self.left_out = state["left_out"]

    def _tallies(self) -> tuple[Tally, ...]:
        return self.fills, self.against_mark, self.against_bankruptcy, self.beyond_ideal
