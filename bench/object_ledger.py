"""The peer of the ledger in columns: the same facts in one Python object an account and position.

Written as the engine had it before, so it is also the slow twin that the tests compare with.
"""

from collections.abc import Iterator
from typing import Any

from monitor.core.instruments import Instrument
from monitor.core.open_interest import SideInterest

PositionKey = tuple[str, str]  # instrument, leg


class Position:
    """One open position: size in integer units of the instrument, with its floats beside it."""

    __slots__ = (
        "entry", "entry_text", "instrument", "isolated_margin", "leg", "margin_mode", "quantity",
        "size",
    )  # fmt: skip

    def __init__(self, instrument: Instrument, leg: str) -> None:
        """Begin flat."""
        self.instrument = instrument
        self.leg = leg
        self.margin_mode = "cross"
        self.isolated_margin = 0
        self.set(0, None)

    def set(self, size: int, entry_text: str | None) -> None:
        """Take a size in units (> 0 long) and the entry price as text (None when flat)."""
        self.size = size
        self.entry_text = entry_text if size else None
        self.entry = float(self.entry_text) if self.entry_text else 0.0
        self.quantity = size * self.instrument.float_quantity_per_unit

    @property
    def key(self) -> PositionKey:
        """Return (instrument, leg)."""
        return (self.instrument.name, self.leg)

    def export_state(self) -> list[Any]:
        """Return the position as plain values."""
        return [
            self.instrument.name,
            self.leg,
            self.size,
            self.entry_text,
            self.margin_mode,
            self.isolated_margin,
        ]


class PendingPayment:
    """A funding payment that is owed (> 0) and not booked yet; `amount` in minor units.

    `isolated`: an isolated position owes it, so it counts in that position's unit alone.
    """

    __slots__ = ("amount", "asset", "funding_id", "instrument", "isolated", "leg")

    def __init__(  # noqa: PLR0913 (a record's fields)
        self,
        instrument: str,
        leg: str,
        asset: str,
        amount: int,
        funding_id: str | None,
        *,
        isolated: bool,
    ) -> None:
        """Take the payment."""
        self.instrument = instrument
        self.leg = leg
        self.asset = asset
        self.amount = amount
        self.funding_id = funding_id
        self.isolated = isolated

    @property
    def key(self) -> PositionKey:
        """Return the (instrument, leg) that it was paid for."""
        return (self.instrument, self.leg)

    def export_state(self) -> list[Any]:
        """Return the payment as plain values."""
        amount = str(self.amount)
        return [self.instrument, self.leg, self.asset, amount, self.funding_id, self.isolated]


class Account:
    """One account's facts: who it is, its balances, positions, orders and pending funding."""

    __slots__ = (
        "balances", "held_events", "name", "orders", "owner", "pending_funding", "positions",
        "role", "sequence", "suspect",
    )  # fmt: skip

    def __init__(self, name: str) -> None:
        """Begin empty: a client, its own owner."""
        self.name = name
        self.owner = name
        self.role = "client"
        self.sequence = 0
        self.suspect = False
        self.held_events = 0
        self.balances: dict[str, int] = {}
        self.positions: dict[PositionKey, Position] = {}
        self.orders: dict[str, tuple[str, str, str, str]] = {}
        self.pending_funding: list[PendingPayment] = []

    @property
    def is_suspect(self) -> bool:
        """Return whether an event of the account is missing, refused or held back."""
        return self.suspect or self.held_events > 0

    def export_state(self) -> list[Any]:
        """Return the account as plain values, in a canonical order."""
        return [
            self.name,
            self.owner,
            self.role,
            self.sequence,
            self.suspect,
            self.held_events,
            sorted([asset, units] for asset, units in self.balances.items() if units),
            [self.positions[key].export_state() for key in sorted(self.positions)],
            sorted([name, *order] for name, order in self.orders.items()),
            [payment.export_state() for payment in self.pending_funding],
        ]


class Ledger:
    """All accounts, and per asset what was booked by reason."""

    def __init__(self) -> None:
        """Begin empty."""
        self.accounts: dict[str, Account] = {}
        # Sum of booked balance changes: asset -> reason -> minor units.
        self.booked: dict[str, dict[str, int]] = {}
        # What every owner holds: instrument -> long side, short side.
        self.open_interest: dict[str, tuple[SideInterest, SideInterest]] = {}
        # Who holds what: instrument -> (account, leg) -> position, open or with margin of its own.
        self.holders: dict[str, dict[tuple[str, str], Position]] = {}
        # The accounts of which an event is missing, refused or held back.
        self.suspects: set[str] = set()

    def set_suspect(self, account: Account, *, suspect: bool) -> None:
        """Note that an event of the account is missing or was refused, or that a snapshot came."""
        account.suspect = suspect
        self._follow_suspicion(account)

    def count_held(self, account: Account, difference: int) -> None:
        """Note that so many more events of the account wait for their instrument."""
        account.held_events += difference
        self._follow_suspicion(account)

    def _follow_suspicion(self, account: Account) -> None:
        if account.is_suspect:
            self.suspects.add(account.name)
        else:
            self.suspects.discard(account.name)

    def set_balance(self, account: Account, asset: str, units: int, reason: str) -> None:
        """Set a balance; the difference is booked under its reason."""
        before = account.balances.get(asset, 0)
        account.balances[asset] = units
        reasons = self.booked.setdefault(asset, {})
        reasons[reason] = reasons.get(reason, 0) + units - before

    def set_position(self, account: Account, position: Position, size: int, entry: str) -> None:
        """Set a position's size (units) and entry; open interest follows by the difference."""
        self._count(account.owner, position.instrument.name, position.size, size)
        position.set(size, entry)
        account.positions[position.key] = position
        self._hold(account, position)

    def _count(self, owner: str, instrument: str, before: int, after: int) -> None:
        """Let open interest follow a position of an owner from one size (signed) to another."""
        sides = self.open_interest.get(instrument)
        if sides is None:
            sides = self.open_interest[instrument] = (SideInterest(), SideInterest())
        for side, sign in zip(sides, (1, -1), strict=True):
            change = max(sign * after, 0) - max(sign * before, 0)
            if change:
                side.change(owner, change)

    def set_owner(self, account: Account, owner: str) -> None:
        """Let an account belong to an owner, its positions with it."""
        if owner != account.owner:
            for position in account.positions.values():
                self._count(account.owner, position.instrument.name, position.size, 0)
                self._count(owner, position.instrument.name, 0, position.size)
            account.owner = owner

    def _hold(self, account: Account, position: Position) -> None:
        if position.size or position.isolated_margin:
            holders = self.holders.setdefault(position.instrument.name, {})
            holders[account.name, position.leg] = position
        else:
            self._release(account, position)

    def _release(self, account: Account, position: Position) -> None:
        holders = self.holders.get(position.instrument.name, {})
        holders.pop((account.name, position.leg), None)
        if not holders:
            self.holders.pop(position.instrument.name, None)

    def follow_mode(self, account: Account, key: PositionKey) -> None:
        """Let a position's isolated payments go with it: gone, or into the cross unit."""
        position = account.positions.get(key)
        if position is None:
            account.pending_funding = [
                payment
                for payment in account.pending_funding
                if not (payment.isolated and payment.key == key)
            ]
        elif position.margin_mode == "cross":
            for payment in account.pending_funding:
                if payment.key == key:
                    payment.isolated = False

    def drop_position(self, account: Account, key: PositionKey) -> None:
        """Remove a position; open interest follows."""
        position = account.positions.pop(key, None)
        if position is None:
            return
        self._count(account.owner, position.instrument.name, position.size, 0)
        self._release(account, position)
        self.follow_mode(account, key)

    def clear(self, account: Account, reason: str) -> None:
        """Set every balance to 0 under a reason and drop every position."""
        for asset in list(account.balances):
            self.set_balance(account, asset, 0, reason)
        account.balances.clear()
        for key in list(account.positions):
            self.drop_position(account, key)
        account.orders.clear()
        account.pending_funding.clear()

    def positions_in(self, instrument: str) -> Iterator[tuple[Account, Position]]:
        """Yield every open position in an instrument."""
        for (name, _), position in self.holders.get(instrument, {}).items():
            if position.size:
                yield self.accounts[name], position

    def export_state(self) -> dict[str, Any]:
        """Return everything as plain values, in a canonical order.

        Sums are text: one amount fits 64 bits, a sum need not.
        """
        return {
            "accounts": [self.accounts[name].export_state() for name in sorted(self.accounts)],
            "booked": [
                [asset, sorted([reason, str(units)] for reason, units in reasons.items() if units)]
                for asset, reasons in sorted(self.booked.items())
            ],
            "open_interest": [
                [name, str(sides[0].total), str(sides[1].total)]
                for name, sides in sorted(self.open_interest.items())
                if sides[0].total or sides[1].total
            ],
        }
