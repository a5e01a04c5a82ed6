"""The exchange's liquidation engine: it sells into the book what margin no longer carries.

While the fund can pay it takes what the book gives. In a thin book that is worse than bankruptcy,
and that is where shortfalls come from. Without a fund it sells little lower than the bankruptcy
price, and what the book does not take there goes to the winners once the account is under water.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from monitor.core.events import LiquidationFilled, LiquidationFinished, LiquidationStarted
from monitor.replay.demo.decimals import fraction_text, units_text
from monitor.replay.demo.desk import Desk, Order
from monitor.replay.demo.journal import BalanceChange
from monitor.replay.demo.losses import LossSharing

ACCOUNTS_PER_STEP = 80
SLICE_USD = 250_000.0
FEE_RATE = Fraction("0.0005")


@dataclass(slots=True)
class Liquidation:
    """An open liquidation of one position; `size` is signed as the position changes."""

    account: int
    column: int
    liquidation_id: str
    asked: int
    filled: int = 0
    filled_ticks: int = 0  # sum of fill size x price in ticks
    fee: int = 0

    @property
    def mean_ticks(self) -> Fraction | None:
        """Return the mean fill price in ticks, null without a fill."""
        return Fraction(self.filled_ticks, self.filled) if self.filled else None


class Liquidator:
    """Works on the worst accounts of every step; at most `ACCOUNTS_PER_STEP` of them."""

    def __init__(self, desk: Desk, losses: LossSharing) -> None:
        self.desk = desk
        self.losses = losses
        self.open: dict[int, Liquidation] = {}
        self.started = 0

    def step(self) -> None:
        """Continue and start liquidations at the current prices."""
        suspects = self.desk.valuation.suspects()
        for account in sorted(set(self.open) - set(suspects)):
            if not self._is_halted(self.open[account].column):
                self._finish(self.open[account])
        for account in suspects[:ACCOUNTS_PER_STEP]:
            self._work_on(account)

    def _is_halted(self, column: int) -> bool:
        return column in self.desk.halted_until_ns

    def _work_on(self, account: int) -> None:
        liquidation = self.open.get(account)
        if liquidation is not None and self._is_halted(liquidation.column):
            return
        if not self.desk.valuation.is_liquidatable(account):
            if liquidation is not None:
                self._finish(liquidation)
            return
        liquidation = liquidation or self._start(account)
        if liquidation is None:
            return
        self._fill(liquidation)
        self._conclude(liquidation)

    def _start(self, account: int) -> Liquidation | None:
        sizes = self.desk.ledger.sizes[account]
        columns = [int(c) for c in np.flatnonzero(sizes) if not self._is_halted(int(c))]
        if not columns:
            return None
        column = max(columns, key=lambda c: self.desk.valuation.notional(account, c))
        self.started += 1
        liquidation = Liquidation(account, column, f"L-{self.started}", -int(sizes[column]))
        self.open[account] = liquidation
        self.desk.liquidating.add(account)
        journal, contract = self.desk.journal, self.desk.ledger.contracts[column]
        journal.add(
            LiquidationStarted(
                event_ns=journal.now(),
                account=journal.names[account],
                seq=journal.sequence(account),
                instrument=contract.instrument,
                size=str(liquidation.asked),
                price=contract.price_text(self.desk.valuation.marks[column]),
                liquidation_id=liquidation.liquidation_id,
            )
        )
        return liquidation

    def _fill(self, liquidation: Liquidation) -> None:
        column = liquidation.column
        held = self.desk.ledger.size(liquidation.account, column)
        notional = self.desk.valuation.notional(liquidation.account, column)
        wanted = abs(held) if notional <= SLICE_USD else math.ceil(abs(held) / 2)
        side = "bids" if held > 0 else "asks"
        furthest = self.losses.offset_max(liquidation.account, column)
        for fill in self.desk.depths[column].take(side, wanted, offset_max=furthest):
            ticks = self.desk.price_beyond(column, fill.offset, selling=held > 0)
            size = -fill.size if held > 0 else fill.size
            self._book_fill(liquidation, size, ticks)

    def _book_fill(self, liquidation: Liquidation, size: int, ticks: int) -> None:
        journal = self.desk.journal
        contract = self.desk.ledger.contracts[liquidation.column]
        liquidation.filled += size
        liquidation.filled_ticks += size * ticks
        filled = LiquidationFilled(
            event_ns=journal.now(),
            account=journal.names[liquidation.account],
            seq=journal.sequence(liquidation.account),
            instrument=contract.instrument,
            size=str(size),
            price=contract.price_text(ticks),
            liquidation_id=liquidation.liquidation_id,
        )
        order = Order(liquidation.account, liquidation.column, size, ticks, "liquidation")
        self.desk.trade_with_maker(order, filled)

    def _conclude(self, liquidation: Liquidation) -> None:
        account = liquidation.account
        held = self.desk.ledger.size(account, liquidation.column)
        if not self.desk.ledger.has_position(account):
            self._convert_coins(account)
        equity = self.desk.valuation.equity(account)
        margined = equity > self.desk.valuation.maintenance(account)
        if held and not margined and self.losses.can_fund_pay(account, liquidation.column):
            return  # the book may give more in the next step
        if equity > 0 and not self.desk.ledger.has_position(account):
            self._charge_fee(liquidation, equity)
        self._finish(liquidation)
        self.losses.settle(account, liquidation.column, liquidation.liquidation_id)

    def _finish(self, liquidation: Liquidation) -> None:
        journal = self.desk.journal
        contract = self.desk.ledger.contracts[liquidation.column]
        mean = liquidation.mean_ticks
        asset = contract.settlement
        del self.open[liquidation.account]
        self.desk.liquidating.discard(liquidation.account)
        journal.add(
            LiquidationFinished(
                event_ns=journal.now(),
                account=journal.names[liquidation.account],
                seq=journal.sequence(liquidation.account),
                instrument=contract.instrument,
                size=str(liquidation.filled),
                price=None if mean is None else fraction_text(mean * contract.tick_size),
                fee=units_text(liquidation.fee, asset.digits),
                liquidation_id=liquidation.liquidation_id,
            )
        )

    def _charge_fee(self, liquidation: Liquidation, equity: Fraction) -> None:
        """Take the liquidation fee for the fund, at most half of what the account has left."""
        column, account = liquidation.column, liquidation.account
        asset = self.desk.ledger.settlement[column]
        contract = self.desk.ledger.contracts[column]
        mean = liquidation.mean_ticks
        if mean is None:
            return
        notional = abs(contract.value(liquidation.filled, round(mean)))
        fee = min(notional * FEE_RATE, equity / self.desk.valuation.usd_per_unit(asset) / 2)
        liquidation.fee = math.floor(fee)
        if liquidation.fee == 0:
            return
        self.desk.ledger.add(account, asset, -liquidation.fee)
        change = BalanceChange(account, asset, "fee", contract.instrument)
        self.desk.journal.add_change(self.desk.journal.balance(change))
        self.desk.funds.collect(asset, liquidation.fee)

    def _convert_coins(self, account: int) -> None:
        """Sell coins that the account still has to pay a debt in the first asset."""
        ledger, valuation, journal = self.desk.ledger, self.desk.valuation, self.desk.journal
        debt, coins = -ledger.balance(account, 0), ledger.balance(account, 1)
        if debt <= 0 or coins <= 0:
            return
        rate = valuation.usd_per_unit(1) / valuation.usd_per_unit(0)
        sold = min(coins, math.ceil(debt / rate))
        received = math.floor(sold * rate)
        maker = self.desk.next_maker()
        for row, sign in ((account, 1), (maker, -1)):
            ledger.add(row, 0, sign * received)
            ledger.add(row, 1, -sign * sold)
            changes = [BalanceChange(row, asset, "conversion") for asset in (0, 1)]
            journal.add_change(*[journal.balance(change) for change in changes])
