"""Plans of deleveraging on the live book: for a loss, or for contracts that must be closed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Protocol

from monitor.core.amounts import ceil_units, exact_text, rounded_text
from monitor.core.decisions import Reduction, Side
from monitor.core.deleveraging import POLICIES
from monitor.core.deleveraging.live import CandidateSet, round_of, seed_of
from monitor.core.deleveraging.plan import Plan, plan
from monitor.core.deleveraging.plan import Reduction as PlannedReduction
from monitor.core.deleveraging.round import Round, Unit
from monitor.core.market import Market
from monitor.core.settings import DeleveragingSettings
from monitor.core.vaults import VaultEquity
from monitor.core.waterfall import Loss


class Winners(Protocol):
    """What the accounts' half answers about the other side of a shortfall."""

    def candidates(
        self, instrument: str, side: Side, *, without: str, contracts: Fraction
    ) -> CandidateSet:
        """Return who could be deleveraged."""

    def vaults(self, *, without: str) -> Sequence[VaultEquity]:
        """Return the venue's vaults but one account, in the order of names."""

    def profits(
        self, asset: str, minor_unit: Fraction, now_ns: int, *, without: str
    ) -> Mapping[str, Fraction]:
        """Return each trader's profit of the session in an asset, realized and not; signed."""

    def sizes(self, instrument: str, *, without: str) -> Mapping[str, Fraction]:
        """Return how many contracts (> 0) each trader holds."""

    def equities(self, *, without: str) -> Mapping[str, Fraction]:
        """Return each trader's equity (> 0) in the valuation currency."""

    def gains(self, instrument: str, *, without: str) -> Mapping[str, Fraction]:
        """Return each trader's unrealized gain (> 0) in the settlement currency."""


@dataclass(slots=True, frozen=True)
class Close:
    """A bankrupt position that winners of `side` are to close, without the bankrupt account."""

    instrument: str
    side: Side
    account: str
    liquidation_id: str
    bankruptcy_price: Fraction | None


@dataclass(slots=True, frozen=True)
class LivePlan:
    """A plan and the price of the close; without a plan where a price is missing.

    `contracts` are those that are needed, None where the close collects nothing; `unit` says what
    the policy splits. `reductions` as a decision tells them: of a plan for a loss alone.
    """

    price: Fraction | None
    unit: Unit
    contracts: Fraction | None
    plan: Plan | None
    reductions: list[Reduction]


class LivePlanner:
    """Makes the plans of the configured policy."""

    def __init__(self, market: Market, settings: DeleveragingSettings) -> None:
        """Plan at the prices of a market."""
        self.market = market
        self.settings = settings
        self.policy = POLICIES[settings.policy]

    def for_loss(self, loss: Loss, winners: Winners) -> LivePlan:
        """Return who gives what to bear a loss."""
        shortfall, space = loss.shortfall, self.policy.unit or "pnl"
        close = Close(
            shortfall.instrument,
            loss.winning_side,
            shortfall.account,
            shortfall.liquidation_id,
            shortfall.bankruptcy_price,
        )
        empty = self._round(close)
        value = self.market.exact_value(loss.asset)
        concession = None if value is None else self._concession(empty)
        if value is None or concession is None:
            return LivePlan(empty.bankruptcy_price, space, None, None, [])
        asked = loss.amount * self.market.unit(loss.asset).value * value
        contracts = ceil_units(asked, concession) * empty.lot_size if concession else None
        reach = asked if contracts is None else contracts
        made = self._plan(close, empty, winners, ("pnl", asked, reach))
        told = [self.told(part) for part in made.reductions]
        return LivePlan(empty.bankruptcy_price, space, contracts, made, told)

    def for_contracts(
        self, close: Close, contracts: Fraction | None, winners: Winners | None
    ) -> LivePlan:
        """Return who would close so many contracts.

        Nobody under a policy that splits pnl, or without winners to ask.
        """
        empty, space = self._round(close), self.policy.unit or "pnl"
        prices = (empty.settlement_price, *(getattr(empty, each) for each in self.policy.prices))
        if space == "pnl" or not contracts or None in prices or winners is None:
            return LivePlan(empty.bankruptcy_price, space, contracts, None, [])
        made = self._plan(close, empty, winners, ("contracts", contracts, contracts))
        return LivePlan(empty.bankruptcy_price, space, contracts, made, [])

    def collects(self, close: Close, contracts: Fraction) -> Fraction:
        """Return what winners give up by closing so many contracts, in USD; 0 if nothing."""
        empty = self._round(close)
        return (self._concession(empty) or Fraction(0)) * contracts / empty.lot_size

    def _round(self, close: Close) -> Round:
        """Return the round without its winners."""
        price = close.bankruptcy_price
        if self.settings.price == "mark":
            quote = self.market.marks.get(close.instrument)
            price = None if quote is None else quote.exact
        return replace(
            round_of(self.market, close.instrument, close.side, ()),
            bankruptcy_price=price,
            seed=seed_of(close.liquidation_id),
        )

    def _plan(
        self, close: Close, empty: Round, winners: Winners, asked: tuple[Unit, Fraction, Fraction]
    ) -> Plan:
        """Return the plan for (unit, amount, contracts that candidates must cover)."""
        unit, amount, contracts = asked
        found = winners.candidates(
            close.instrument, close.side, without=close.account, contracts=contracts
        )
        round_ = replace(empty, winners=tuple(found.foremost))
        return plan(self.policy, round_, unit=unit, asked=amount, total=found.total)

    def _concession(self, round_: Round) -> Fraction | None:
        """Return what each closed lot collects, 0 where none is closed, None if nothing does."""
        if round_.settlement_price is None or round_.mark_price is None:
            return None
        if self.policy.unit != "contracts":
            return Fraction(0)
        concession = round_.concession()
        return None if concession is None or concession <= 0 else concession

    def told(self, part: PlannedReduction) -> Reduction:
        """Return a reduction as it is published; its amount is "0" where the close has no price."""
        score = part.share.score
        infinite = None if self.policy.ranking is None else "inf"
        return Reduction(
            account=part.share.winner.account,
            size=rounded_text(part.size)
            if self.policy.unit != "contracts"
            else exact_text(part.size),
            amount="0" if part.amount is None else rounded_text(part.amount),
            score=infinite if score is None else rounded_text(score),
            rank=part.rank,
            light=part.light,
        )
