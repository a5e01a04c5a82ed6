"""What the rest of the core sees of an account and of a position: a number and a way to its row.

They are made when asked for and hold nothing, so two of one row are equal, not the same. Of an
account that is closed, or a position that is dropped, nothing may be asked any more.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from monitor.core.amounts import to_fraction
from monitor.core.instruments import Instrument
from monitor.core.ledger.columns import NONE
from monitor.core.ledger.payments import PendingPayment, PositionKey
from monitor.core.ledger.store import (
    LEGS,
    MARGIN_MODES,
    NO_ORDERS,
    ROLES,
    SUSPECT,
    TRADER_ROLES,
    Orders,
    Store,
)


class Position:
    """One position: size in integer units of the instrument, its entry price, its margin."""

    __slots__ = ("row", "store")

    def __init__(self, store: Store, row: int) -> None:
        """Look at a row."""
        self.store = store
        self.row = row

    def __eq__(self, other: object) -> bool:
        """Return whether both are the same row."""
        return isinstance(other, Position) and self.row == other.row and self.store is other.store

    def __hash__(self) -> int:
        """Return the hash of the row's number."""
        return hash(self.row)

    @property
    def account(self) -> "Account":
        """Return whose it is."""
        return Account(self.store, self.store.positions.account[self.row])

    @property
    def instrument(self) -> Instrument:
        """Return what is held, as it is listed now."""
        return self.store.instruments[self.store.positions.instrument[self.row]]

    @property
    def leg(self) -> str:
        """Return `net`, or the side in hedge mode."""
        return LEGS[self.store.positions.leg[self.row]]

    @property
    def key(self) -> PositionKey:
        """Return (instrument, leg)."""
        return (self.instrument.name, self.leg)

    @property
    def size(self) -> int:
        """Return the size in units of the instrument, > 0 long."""
        return self.store.positions.size[self.row]

    @property
    def quantity(self) -> float:
        """Return size x contract_size as a float, signed."""
        table, row = self.store.positions, self.row
        instrument = self.store.instruments[table.instrument[row]]
        return table.size[row] * instrument.float_quantity_per_unit

    @property
    def entry(self) -> float:
        """Return the entry price as a float, 0 when flat."""
        return self.store.positions.entry[self.row]

    @property
    def entry_text(self) -> str | None:
        """Return the entry price as it came, None when flat."""
        return self.store.entry_text(self.row)

    @property
    def margin_mode(self) -> str:
        """Return `cross` or `isolated`."""
        return MARGIN_MODES[self.store.positions.isolated[self.row]]

    @property
    def isolated_margin(self) -> int:
        """Return the margin of an isolated position in minor units."""
        return self.store.positions.isolated_margin[self.row]


class Account:
    """One account's facts: who it is, its balances, positions, orders and pending funding."""

    __slots__ = ("name", "number", "store")

    def __init__(self, store: Store, number: int) -> None:
        """Look at a row."""
        name = store.names[number]
        assert name is not None, "expected an account that is not closed"
        self.store = store
        self.number = number
        self.name = name

    def __eq__(self, other: object) -> bool:
        """Return whether both are the same row."""
        return (
            isinstance(other, Account) and self.number == other.number and self.store is other.store
        )

    def __hash__(self) -> int:
        """Return the hash of the row's number."""
        return hash(self.number)

    @property
    def owner(self) -> str:
        """Return whose account it is: its own unless the venue said so."""
        owner = self.store.accounts.owner[self.number]
        return self.name if owner == NONE else self.store.owners.names[owner]

    @property
    def role(self) -> str:
        """Return what the account is for; a client's unless the venue said so."""
        return ROLES[self.store.accounts.role[self.number]]

    @role.setter
    def role(self, role: str) -> None:
        """Note what the account is for."""
        self.store.set_role(self.number, role)

    @property
    def is_trader(self) -> bool:
        """Return whether the account may be deleveraged or charged (not a vault or a fund)."""
        return self.store.accounts.role[self.number] in TRADER_ROLES

    @property
    def sequence(self) -> int:
        """Return the number of its last event."""
        return self.store.accounts.sequence[self.number]

    @sequence.setter
    def sequence(self, sequence: int) -> None:
        """Note the number of its last event."""
        self.store.accounts.sequence[self.number] = sequence

    @property
    def suspect(self) -> bool:
        """Return whether an event is missing or was refused."""
        return bool(self.store.accounts.flags[self.number] & SUSPECT)

    @property
    def held_events(self) -> int:
        """Return how many of its events wait for their instrument."""
        return self.store.accounts.held_events[self.number]

    @property
    def is_suspect(self) -> bool:
        """Return whether an event of the account is missing, refused or held back."""
        return self.suspect or self.held_events > 0

    @property
    def balances(self) -> dict[str, int]:
        """Return the balances that are not 0, in minor units by asset: a copy."""
        return self.store.balances_of(self.number)

    def has_balance(self, asset: str) -> bool:
        """Return whether the balance of an asset is another than 0."""
        store = self.store
        links, assets = store.balances.next, store.balances.asset
        row, code = store.accounts.first_balance[self.number], store.assets.find(asset)
        while row != NONE and assets[row] != code:
            row = links[row]
        return bool(row != NONE)

    def cross_positions(self) -> list[Position]:
        """Return the open positions that the account's balances stand behind."""
        store = self.store
        table = store.positions
        links, sizes, isolated = table.next, table.size, table.isolated
        row = store.accounts.first_position[self.number]
        found = []
        while row != NONE:
            if sizes[row] and not isolated[row]:
                found.append(Position(store, row))
            row = links[row]
        return found

    def list_positions(self) -> list[Position]:
        """Return the positions, open or with margin of their own."""
        return [Position(self.store, row) for row in self.store.positions_of(self.number)]

    @property
    def positions(self) -> dict[PositionKey, Position]:
        """Return the positions by (instrument, leg): a copy."""
        return {position.key: position for position in self.list_positions()}

    def position(self, key: PositionKey) -> Position | None:
        """Return one position, None if the account has none there."""
        row = self.store.find_position(self.number, *key)
        return None if row == NONE else Position(self.store, row)

    @property
    def orders(self) -> Mapping[str, Orders]:
        """Return (bids size, asks size, bids value, asks value) by instrument."""
        return self.store.orders.get(self.number, NO_ORDERS)

    @orders.setter
    def orders(self, orders: dict[str, Orders]) -> None:
        """Set all orders."""
        if orders:
            self.store.orders[self.number] = orders
        else:
            self.store.orders.pop(self.number, None)

    def set_order(self, instrument: str, order: Orders) -> None:
        """Set what is ordered in an instrument."""
        self.store.orders.setdefault(self.number, {})[instrument] = order

    @property
    def pending_funding(self) -> Sequence[PendingPayment]:
        """Return the payments that are owed, the oldest first."""
        return self.store.payments.get(self.number, ())

    @pending_funding.setter
    def pending_funding(self, payments: list[PendingPayment]) -> None:
        """Set all payments that are owed."""
        if payments:
            self.store.payments[self.number] = payments
        else:
            self.store.payments.pop(self.number, None)

    @property
    def position_count(self) -> int:
        """Return how many positions it has, those with nothing but margin included."""
        return len(self.store.positions_of(self.number))

    def owe(self, payment: PendingPayment) -> None:
        """Add a payment to those that are owed."""
        self.pending_funding = [*self.pending_funding, payment]

    def owed_isolated(self, key: PositionKey) -> int:
        """Return what an isolated position owes in funding, in minor units."""
        return sum(
            payment.amount
            for payment in self.pending_funding
            if payment.isolated and payment.key == key
        )

    def export_state(self) -> list[Any]:
        """Return the account as plain values, in a canonical order."""
        return [
            self.name,
            self.owner,
            self.role,
            self.sequence,
            self.suspect,
            self.held_events,
            sorted([asset, units] for asset, units in self.balances.items()),
            sorted(self.store.plain_positions(self.number)),
            sorted([name, *order] for name, order in self.orders.items()),
            [payment.export_state() for payment in self.pending_funding],
        ]


def position_quantity(position: Position) -> Fraction:
    """Return size x contract_size as an exact rational, signed."""
    return position.size * position.instrument.quantity_per_unit


def entry_price(position: Position) -> Fraction:
    """Return the entry price as an exact rational; the position must be open."""
    assert position.entry_text is not None
    return to_fraction(position.entry_text)
