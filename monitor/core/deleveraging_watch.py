"""Holds the venue's own deleveraging against the rule, fill by fill.

What the rule says is our own plan for a shortfall; where the venue deleverages before there is one,
it is worked out on the book as it is before the first fill.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from monitor.core.amounts import exact_text, rounded_text, rounded_text_or_none, to_fraction
from monitor.core.contracts import unrealized_pnl
from monitor.core.decisions import Side
from monitor.core.deleveraging.plan import Plan
from monitor.core.deleveraging.round import settled
from monitor.core.deleveraging_case import (
    ACCOUNTS_MAX,
    CaseKey,
    DeleveragingFill,
    ExpectedClose,
    ExpectedReduction,
    Origin,
)
from monitor.core.deleveraging_ledger import DeleveragingLedger
from monitor.core.events import DeleveragingFilled
from monitor.core.hedges import broken_hedge
from monitor.core.ledger import Account
from monitor.core.liquidation import Liquidation
from monitor.core.live_plans import Close, LivePlan, LivePlanner, Winners
from monitor.core.market import Market
from monitor.core.waterfall import Loss


class Moment(NamedTuple):
    """The state that something rests on: engine time, and how many events had been taken."""

    engine_ns: int
    events_given: int


# Of an instrument with more positions the rule is not worked out at a fill, which waits for it:
# for policies that split among all, and for those that take whole positions from the front.
FORESEEN_HOLDERS_MAX = 10_000
FORESEEN_IN_QUEUES_MAX = 1_000_000


class Closing(NamedTuple):
    """What is known of a bankrupt position: its liquidation, and its contracts by side.

    `holders`: how many positions there are in its instrument.
    """

    liquidation: Liquidation | None
    contracts: dict[Side, Fraction]
    holders: int


class DeleveragingWatch:
    """What every close should be and was; one for all shards."""

    def __init__(self, market: Market, ledger: DeleveragingLedger) -> None:
        """Value at the prices of a market, and keep in a ledger."""
        self.market = market
        self.ledger = ledger
        self._broken: dict[
            tuple[str, int], Fraction | None
        ] = {}  # by account and seq, of one change

    def note_plan(self, loss: Loss, made: LivePlan, planner: LivePlanner, moment: Moment) -> None:
        """Open the case of our own plan for a shortfall."""
        shortfall = loss.shortfall
        unit, value = self.market.unit(loss.asset), self.market.exact_value(loss.asset)
        amount = loss.amount * unit.value
        key = (shortfall.liquidation_id, shortfall.account, shortfall.instrument, loss.winning_side)
        self._open(
            key,
            made,
            planner,
            moment,
            _Need("shortfall", moment.engine_ns, loss.asset, amount, value),
        )

    def note_unfilled(
        self, close: Close, made: LivePlan, planner: LivePlanner, moment: Moment
    ) -> None:
        """Open the case of our own plan for what a liquidation has not filled."""
        key = (close.liquidation_id, close.account, close.instrument, close.side)
        need = _Need("liquidation_unfilled", moment.engine_ns, None, None, None)
        self._open(key, made, planner, moment, need)

    def foresee(
        self,
        event: DeleveragingFilled,
        closing: Closing,
        planner: LivePlanner,
        winners: Winners,
        moment: Moment,
    ) -> None:
        """Open a case before the first fill changes any position, unless there is one.

        Of very many holders without the rule: only what is needed is known then.
        """
        key = case_key(event)
        if self.ledger.expected(key) is not None:
            return
        seen, side = closing.liquidation, key[3]
        price = None if seen is None else seen.bankruptcy_price
        contracts = left_to_close(closing, "short" if side == "long" else "long")
        is_queue = planner.policy.takes_whole
        most = FORESEEN_IN_QUEUES_MAX if is_queue else FORESEEN_HOLDERS_MAX
        made = planner.for_contracts(
            Close(event.instrument, side, event.counterparty, event.liquidation_id, price),
            contracts,
            winners if closing.holders <= most else None,
        )
        started_ns = None if seen is None else seen.started_ns
        need = _Need("first_fill", started_ns, None, None, None)
        self._open(key, made, planner, moment, need)

    def foresee_hedges(self, account: Account | None, fills: Sequence[DeleveragingFilled]) -> None:
        """Note what the fills of one change will break, before any changes a position."""
        if all((fill.account, fill.seq) in self._broken for fill in fills):
            return  # foreseen with its change
        self._broken = {}
        taken: dict[tuple[str, Side], Fraction] = {}
        for fill in fills:
            place = fill.account, fill.seq
            if account is None:
                self._broken[place] = None
                continue
            size, key = to_fraction(fill.size), (fill.instrument, case_key(fill)[3])
            before = taken.get(key, Fraction(0))
            listed = self.market.instruments[fill.instrument]
            self._broken[place] = broken_hedge(self.market, account, listed, (before, size))
            taken[key] = before + size

    def note_fill(self, event: DeleveragingFilled) -> None:
        """Add a fill to its case, which `foresee` has opened."""
        key = case_key(event)
        expected = self.ledger.expected(key)
        assert expected is not None
        quote = self.market.marks.get(event.instrument)
        given_up = self._given_up(event, key[3])
        worse = None
        if expected.price is not None:
            worse = to_fraction(event.price) - to_fraction(expected.price)
            worse = -worse if key[3] == "long" else worse
        trigger_ns = expected.trigger_ns
        broken = self._broken.pop((event.account, event.seq))
        fill = DeleveragingFill(
            account=event.account,
            event_ns=event.event_ns,
            size=exact_text(abs(to_fraction(event.size))),
            price=event.price,
            mark_price=None if quote is None else quote.text,
            given_up_usd=rounded_text_or_none(given_up),
            price_worse_by=None if worse is None else exact_text(worse),
            after_ns=None if trigger_ns is None else event.event_ns - trigger_ns,
            hedge_broken_usd=rounded_text_or_none(broken),
        )
        self.ledger.fill(key, fill, given_up, broken)

    def _given_up(self, event: DeleveragingFilled, side: Side) -> Fraction | None:
        """Return what the account loses by this price against the mark, in USD, < 0 if it gains.

        A short of 4 that is closed at 95 while the mark is 80 gives up 60.
        """
        listed = self.market.instruments[event.instrument]
        quote = self.market.marks.get(event.instrument)
        value = self.market.exact_value(listed.settlement)
        if quote is None or value is None:
            return None
        quantity = abs(to_fraction(event.size)) * listed.contract_size
        signed = quantity if side == "long" else -quantity
        pnl = unrealized_pnl(listed.kind, signed, to_fraction(event.price), quote.exact)
        return settled(pnl * value)

    def _open(
        self, key: CaseKey, made: LivePlan, planner: LivePlanner, moment: Moment, need: "_Need"
    ) -> None:
        quote = self.market.marks.get(key[2])
        reductions = () if made.plan is None else made.plan.reductions
        worth = None
        if need.amount is not None and need.value is not None:
            worth = rounded_text(need.amount * need.value)
        self.ledger.open(
            key,
            ExpectedClose(
                origin=need.origin,
                engine_ns=moment.engine_ns,
                events_given=moment.events_given,
                trigger_ns=need.trigger_ns,
                policy=planner.policy.name,
                unit=made.unit,
                price=rounded_text_or_none(made.price),
                mark_price=None if quote is None else quote.text,
                asset=need.asset,
                amount=None if need.amount is None else exact_text(need.amount),
                amount_usd=worth,
                contracts=None if made.contracts is None else exact_text(made.contracts),
                accounts=len(reductions),
                reductions=() if made.plan is None else _expected(made.plan, planner),
            ),
        )


class _Need(NamedTuple):
    """Why a close is needed, and how much money of which worth."""

    origin: Origin
    trigger_ns: int | None
    asset: str | None
    amount: Fraction | None
    value: Fraction | None


def case_key(event: DeleveragingFilled) -> CaseKey:
    """Return the close that a fill belongs to: a size > 0 buys back a short."""
    side: Side = "short" if to_fraction(event.size) > 0 else "long"
    return (event.liquidation_id, event.counterparty, event.instrument, side)


def left_to_close(closing: Closing, side: Side) -> Fraction | None:
    """Return how many contracts of the bankrupt position's side are still open, None if unknown.

    What a liquidation set out to close less what it has filled; without one, the position itself.
    """
    seen = closing.liquidation
    if seen is None or not seen.size:
        return closing.contracts.get(side)
    if seen.closed_side != side:
        return None
    return max(Fraction(0), abs(seen.size) - abs(sum(seen.filled.values(), Fraction(0))))


def _expected(plan: Plan, planner: LivePlanner) -> tuple[ExpectedReduction, ...]:
    """Return the first reductions of a plan, each as it would be published."""
    return tuple(
        ExpectedReduction(
            account=one.account,
            size=one.size,
            amount=None if part.amount is None else one.amount,
            score=one.score,
            rank=one.rank,
            light=one.light,
        )
        for part in plan.reductions[:ACCOUNTS_MAX]
        for one in (planner.told(part),)
    )
