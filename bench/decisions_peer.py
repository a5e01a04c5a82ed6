"""The peer of `decisions`: the linear margin rules in plain Python objects and floats."""

from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from monitor.core.decisions import (
    AccountBankrupt,
    AccountDecision,
    AccountLiquidatable,
    AccountMarginCalled,
    AccountRecovered,
    State,
)
from monitor.core.events import (
    BalanceChanged,
    InstrumentListed,
    MarkPriceChanged,
    PositionChanged,
)

CALL_RATIO = 0.8
KINDS: dict[State, type[AccountDecision]] = {
    "healthy": AccountRecovered,
    "margin_call": AccountMarginCalled,
    "liquidatable": AccountLiquidatable,
    "bankrupt": AccountBankrupt,
}
_Known: TypeAlias = BalanceChanged | InstrumentListed | MarkPriceChanged | PositionChanged
_decode = msgspec.json.Decoder(_Known).decode
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True, eq=False)
class Instrument:
    """An instrument with its mark and those who hold it."""

    rate: float
    price: float = 0.0
    holders: dict[str, "Account"] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Position:
    """A position: `margin_size` is its size without sign times the maintenance rate."""

    instrument: Instrument
    size: float
    margin_size: float
    entry: float


@dataclass(slots=True, eq=False)
class Account:
    """An account; `constant` is its balance less what its positions cost."""

    name: str
    balance: float = 0.0
    constant: float = 0.0
    positions: dict[str, Position] = field(default_factory=dict)
    state: State = "healthy"


class PlainEngine:
    """Marks, balances and positions in, encoded decisions out."""

    def __init__(self) -> None:
        self.instruments: dict[str, Instrument] = {}
        self.accounts: dict[str, Account] = {}

    def run(self, records: list[bytes]) -> list[bytes]:
        """Take records one by one; return the decisions' bytes."""
        told: list[bytes] = []
        for record in records:
            event = _decode(record)
            if isinstance(event, MarkPriceChanged):
                instrument = self.instruments[event.instrument]
                instrument.price = float(event.price)
                for account in instrument.holders.values():
                    self._judge(account, event.event_ns, told)
            elif isinstance(event, InstrumentListed):
                rate = float(event.risk_tiers[0].maintenance_margin_rate)
                self.instruments[event.instrument] = Instrument(rate)
            else:
                self._judge(self._booked(event), event.event_ns, told)
        return told

    def _booked(self, event: BalanceChanged | PositionChanged) -> Account:
        account = self.accounts.get(event.account)
        if account is None:
            account = self.accounts[event.account] = Account(event.account)
        if isinstance(event, BalanceChanged):
            account.balance = float(event.balance)
        else:
            instrument = self.instruments[event.instrument]
            size, entry = float(event.size), float(event.entry_price or 0)
            if size:
                account.positions[event.instrument] = Position(
                    instrument, size, abs(size) * instrument.rate, entry
                )
                instrument.holders[account.name] = account
            else:
                account.positions.pop(event.instrument, None)
                instrument.holders.pop(account.name, None)
        cost = sum(position.size * position.entry for position in account.positions.values())
        account.constant = account.balance - cost
        return account

    def _judge(self, account: Account, event_ns: int, told: list[bytes]) -> None:
        """Revalue an account, and say so if it changed its state."""
        equity, margin = account.constant, 0.0
        for position in account.positions.values():
            price = position.instrument.price
            equity += position.size * price
            margin += position.margin_size * price
        state: State
        if equity < 0:
            state = "bankrupt"
        elif not account.positions:
            state = "healthy"
        elif equity <= margin:
            state = "liquidatable"
        elif margin >= CALL_RATIO * equity:
            state = "margin_call"
        else:
            state = "healthy"
        if state != account.state:
            decision = KINDS[state](
                event_ns=event_ns,
                rule="margin",
                account=account.name,
                instrument=None,
                leg=None,
                equity=f"{equity:.12g}",
                maintenance_margin=f"{margin:.12g}",
                margin_ratio=f"{margin / equity:.12g}" if equity > 0 else None,
                state_before=account.state,
            )
            told.append(_encode(decision))
            account.state = state
