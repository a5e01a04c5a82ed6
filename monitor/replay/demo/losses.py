"""Who bears a loss that margin does not cover: the fund, then winners, then everybody's gains.

The rules of this exchange: the fund pays a deficit as far as it reaches; what it cannot pay
closes the rest of the position against winners at the bankrupt account's own bankruptcy price,
highest (return x leverage) first; a deficit without a position left waits for the session's
end and is then taken from all unrealized gains in proportion.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from monitor.core.events import DeleveragingFilled
from monitor.replay.demo.depth import OFFSETS
from monitor.replay.demo.desk import Desk, Order
from monitor.replay.demo.journal import BalanceChange

SLIPPAGE_MAX = 0.002  # of the mark


@dataclass(slots=True)
class LossTotals:
    """What happened, for the last table: minor units by asset, and who was touched."""

    paid_by_fund: list[int]
    socialized: list[int]
    bankrupt: set[int] = field(default_factory=set)
    deleveraged: set[int] = field(default_factory=set)
    charged: set[int] = field(default_factory=set)


class LossSharing:
    """The exchange's own waterfall, in integers."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.unsettled: set[int] = set()
        assets = len(desk.ledger.assets)
        self.totals = LossTotals([0] * assets, [0] * assets)

    def settle(self, account: int, column: int, liquidation_id: str) -> None:
        """Cover the deficit of an account after its liquidation, as far as possible now."""
        asset = self.desk.ledger.settlement[column]
        deficit = self._deficit(account, asset)
        if deficit == 0:
            return
        self.totals.bankrupt.add(account)
        uncovered = deficit - self._pay_from_fund(account, column, deficit, liquidation_id)
        if uncovered and self.desk.ledger.has_position(account):
            for held in np.flatnonzero(self.desk.ledger.sizes[account]):
                self._deleverage(account, int(held), liquidation_id)
        if self._deficit(account, asset) and not self.desk.ledger.has_position(account):
            self.unsettled.add(account)

    def can_fund_pay(self, account: int, column: int) -> bool:
        """Return whether the fund could cover the account's deficit at the marks."""
        asset = self.desk.ledger.settlement[column]
        return self._deficit(account, asset) <= self.desk.funds.units[asset]

    def _deficit(self, account: int, asset: int) -> int:
        equity = self.desk.valuation.equity(account)
        return max(0, math.ceil(-equity / self.desk.valuation.usd_per_unit(asset)))

    def _pay_from_fund(self, account: int, column: int, deficit: int, liquidation_id: str) -> int:
        asset = self.desk.ledger.settlement[column]
        paid = min(deficit, self.desk.funds.units[asset])
        if paid:
            instrument = self.desk.ledger.contracts[column].instrument
            self.desk.ledger.add(account, asset, paid)
            self.desk.journal.add_change(
                self.desk.journal.balance(BalanceChange(account, asset, "insurance", instrument))
            )
            self.desk.funds.pay(asset, paid, liquidation_id)
            self.totals.paid_by_fund[asset] += paid
        return paid

    def _deleverage(self, account: int, column: int, liquidation_id: str) -> None:
        ticks = self._deleveraging_ticks(account, column)
        size = self.desk.ledger.size(account, column)
        left = abs(size)
        for winner in self._winners(account, column, ticks):
            if left == 0:
                break
            taken = min(left, abs(self.desk.ledger.size(winner, column)))
            signed = taken if size < 0 else -taken
            self.desk.book(Order(account, column, signed, ticks), winner)
            self._tell_winner(
                winner, account, Order(winner, column, -signed, ticks), liquidation_id
            )
            left -= taken
        if left < abs(size):
            self.desk.journal.add_trade_side(account, column, "deleveraging")
        if left:  # nobody gains on the other side any more: a market maker takes the rest
            signed = left if size < 0 else -left
            mark = self.desk.valuation.marks[column]
            self.desk.trade_with_maker(Order(account, column, signed, mark, "liquidation"))

    def _tell_winner(self, winner: int, account: int, order: Order, liquidation_id: str) -> None:
        journal = self.desk.journal
        contract = self.desk.ledger.contracts[order.column]
        self.totals.deleveraged.add(winner)
        journal.add_trade_side(
            winner,
            order.column,
            "deleveraging",
            DeleveragingFilled(
                event_ns=journal.now(),
                account=journal.names[winner],
                seq=journal.sequence(winner),
                instrument=contract.instrument,
                size=str(order.size),
                price=contract.price_text(order.ticks),
                counterparty=journal.names[account],
                liquidation_id=liquidation_id,
            ),
        )

    def offset_max(self, account: int, column: int) -> float:
        """Return how far from the mark the position may be sold (a ratio).

        Anywhere while the fund could pay for the worst level of the book, else no further than
        `SLIPPAGE_MAX` beyond the account's own bankruptcy price.
        """
        valuation, size = self.desk.valuation, self.desk.ledger.size(account, column)
        asset = self.desk.ledger.settlement[column]
        worst = valuation.notional(account, column) * Fraction(OFFSETS[-1])
        if worst / valuation.usd_per_unit(asset) <= self.desk.funds.units[asset]:
            return math.inf
        price, mark = self._bankruptcy_price(account, column), valuation.marks[column]
        if price is None:
            return math.inf
        distance = (mark - price) / mark if size > 0 else (price - mark) / mark
        return SLIPPAGE_MAX + float(distance)

    def _bankruptcy_price(self, account: int, column: int) -> Fraction | None:
        """Return the price, in ticks, at which closing leaves nothing; null if none does."""
        ledger, valuation = self.desk.ledger, self.desk.valuation
        size, mark = ledger.size(account, column), valuation.marks[column]
        per_unit = valuation.usd_per_unit(ledger.settlement[column])
        margin = valuation.equity(account) / per_unit - ledger.unrealized(account, column, mark)
        cost = int(ledger.costs[account, column])
        return ledger.contracts[column].break_even(size, cost, Fraction(math.floor(margin)))

    def _deleveraging_ticks(self, account: int, column: int) -> int:
        """Return the price at which winners close the position; never better than the mark."""
        size, mark = self.desk.ledger.size(account, column), self.desk.valuation.marks[column]
        price = self._bankruptcy_price(account, column)
        if price is None:
            return mark
        return max(mark, math.ceil(price)) if size > 0 else min(mark, max(1, math.floor(price)))

    def _winners(self, account: int, column: int, ticks: int) -> Iterator[int]:
        """Yield who is deleveraged, in order: still gaining at that price, best rank first."""
        ledger, valuation = self.desk.ledger, self.desk.valuation
        against = -1 if ledger.size(account, column) > 0 else 1
        profits = valuation.profits(column)
        equities = valuation.equities()
        notionals = valuation.notionals(column)
        candidates = (np.sign(ledger.sizes[:, column]) == against) & (profits > 0) & (equities > 0)
        found = np.flatnonzero(candidates)
        entry_values = np.maximum(np.abs(notionals[found] - profits[found]), 1.0)
        ranks = profits[found] / entry_values * notionals[found] / equities[found]
        order = np.lexsort((found, -ranks))
        for winner in map(int, found[order]):
            gain = ledger.unrealized(winner, column, ticks)
            if gain >= 0 and winner not in self.desk.liquidating:
                yield winner

    def end_session(self) -> None:
        """Take what nobody has paid from all unrealized gains in the same asset."""
        for asset in range(len(self.desk.ledger.assets)):
            debtors = sorted(
                account
                for account in self.unsettled
                if self.desk.ledger.balance(account, asset) < 0
            )
            debt = -sum(self.desk.ledger.balance(account, asset) for account in debtors)
            if debt:
                self._socialize(asset, debt, debtors)
        self.unsettled.clear()

    def _socialize(self, asset: int, debt: int, debtors: list[int]) -> None:
        gains = np.zeros(len(self.desk.ledger.balances))
        for column, settlement in enumerate(self.desk.ledger.settlement):
            if settlement == asset:
                gains += np.maximum(0.0, self.desk.valuation.profits(column))
        winners = [int(account) for account in np.flatnonzero(gains > 1.0)]
        if not winners:
            return
        weights = {account: Fraction(float(gains[account])) for account in winners}
        total = sum(weights.values())
        charges = {
            account: math.floor(debt * weight / total) for account, weight in weights.items()
        }
        richest = max(winners, key=lambda account: (weights[account], -account))
        charges[richest] += debt - sum(charges.values())
        for account, charge in charges.items():
            if charge:
                self._book_share(account, asset, -charge)
                self.totals.charged.add(account)
        for account in debtors:
            self._book_share(account, asset, -self.desk.ledger.balance(account, asset))
        self.totals.socialized[asset] += debt

    def _book_share(self, account: int, asset: int, units: int) -> None:
        self.desk.ledger.add(account, asset, units)
        change = BalanceChange(account, asset, "socialized_loss")
        self.desk.journal.add_change(self.desk.journal.balance(change))
