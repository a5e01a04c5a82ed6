"""What every part of the exchange works on, and the one way to book a trade and tell it."""

import math
from dataclasses import dataclass, field
from typing import Literal

from monitor.core.events import AccountEvent, BalanceReason, TradePrinted
from monitor.replay.demo.depth import Depth
from monitor.replay.demo.journal import BalanceChange, Funds, Journal
from monitor.replay.demo.ledger import Ledger
from monitor.replay.demo.valuation import Valuation


@dataclass(frozen=True, slots=True)
class Order:
    """A client's trade with a market maker: signed size in contracts, price in ticks."""

    account: int
    column: int
    size: int
    ticks: int
    reason: BalanceReason = "trade"


@dataclass(slots=True)
class Desk:
    """The exchange's books, prices, funds and order books; `makers` are account rows."""

    ledger: Ledger
    journal: Journal
    valuation: Valuation
    funds: Funds
    depths: list[Depth]
    makers: range
    halted_until_ns: dict[int, int] = field(default_factory=dict)
    net_deposits: list[int] = field(default_factory=list)
    liquidating: set[int] = field(default_factory=set)
    trades: int = 0

    def next_maker(self) -> int:
        """Return the market maker whose turn it is."""
        self.trades += 1
        return self.makers[self.trades % len(self.makers)]

    def price_beyond(self, column: int, offset: float, *, selling: bool) -> int:
        """Return a price `offset` (ratio) worse than the mark for the taker, in ticks."""
        mark = self.valuation.marks[column]
        return max(
            1, math.floor(mark * (1 - offset)) if selling else math.ceil(mark * (1 + offset))
        )

    def deposit(self, account: int, asset: int, units: int) -> None:
        """Book a deposit and tell it."""
        self.ledger.add(account, asset, units)
        self.net_deposits[asset] += units
        self.journal.add_change(self.journal.balance(BalanceChange(account, asset, "deposit")))

    def trade_with_maker(self, order: Order, *first: AccountEvent) -> None:
        """Book an order against a market maker; `first` is the fill that belongs to it."""
        maker = self.next_maker()
        self.book(order, maker)
        journal = self.journal
        journal.add_trade_side(order.account, order.column, order.reason, *first)
        journal.add_trade_side(maker, order.column, "trade")
        aggressor: Literal["buy", "sell"] = "buy" if order.size > 0 else "sell"
        contract = self.ledger.contracts[order.column]
        journal.add(
            TradePrinted(
                event_ns=journal.now(),
                instrument=contract.instrument,
                price=contract.price_text(order.ticks),
                size=str(abs(order.size)),
                aggressor=aggressor,
                trade_id=f"T-{self.trades}",
            )
        )

    def book(self, order: Order, maker: int) -> None:
        """Book an order in the ledger only."""
        buyer, seller = (order.account, maker) if order.size > 0 else (maker, order.account)
        self.ledger.trade(buyer, seller, order.column, abs(order.size), order.ticks)
