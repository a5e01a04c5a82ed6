"""Facts in, conserved sums out: the ledger takes what is told and decides nothing.

Every currency is conserved to the minor unit: for each asset the sum of all balances equals the
sum of all booked changes by reason.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from monitor.core.events import InstrumentListed
from monitor.core.instruments import Instrument
from monitor.core.ledger.account import Account, Position
from monitor.core.ledger.columns import NONE
from monitor.core.ledger.moves import Move, entry_value
from monitor.core.ledger.names import PARTS
from monitor.core.ledger.payments import PendingPayment, PositionKey
from monitor.core.ledger.store import ACCOUNTS_RESERVED, MARGIN_MODES, SUSPECT, Store
from monitor.core.open_interest import SideInterest
from monitor.core.plain import plain

CLOSED_KEPT_MAX = 100_000


class Accounts(Mapping[str, Account]):
    """The accounts by name; none may be opened or closed while they are walked through."""

    def __init__(self, store: Store) -> None:
        """Look at a store."""
        self._store = store
        self._numbers = store.numbers
        self._parts = store.numbers.parts

    def __getitem__(self, name: str) -> Account:
        """Return an account."""
        number = self._numbers.find(name)
        if number == NONE:
            raise KeyError(name)
        return Account(self._store, number)

    def get(  # type: ignore[override]
        self, name: str, /, default: Account | None = None
    ) -> Account | None:
        """Return an account, or the default."""
        number = self._parts[hash(name) & (PARTS - 1)].get(name)  # `find`, in every event's way
        return default if number is None else Account(self._store, number)

    def __contains__(self, name: object) -> bool:
        """Return whether there is such an account."""
        return name in self._numbers

    def __iter__(self) -> Iterator[str]:
        """Yield the names, in the order of their rows."""
        return (name for name in self._store.names if name is not None)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._numbers)


class LedgerSize(NamedTuple):
    """What a ledger holds. `growths`: how often a table needed more than was reserved for it.

    `column_bytes`: what the rows that were ever used cost in columns, without names.
    """

    accounts: int
    accounts_reserved: int
    positions: int
    balances: int
    names: int
    growths: int
    column_bytes: int


class Ledger:
    """All accounts, and per asset what was booked by reason."""

    def __init__(self, accounts_expected: int = ACCOUNTS_RESERVED) -> None:
        """Begin empty; more accounts than are expected are no fault: it grows, `size` says so."""
        self.store = Store(accounts_expected)
        self.accounts = Accounts(self.store)
        # Sum of booked balance changes: asset -> reason -> minor units.
        self.booked: dict[str, dict[str, int]] = {}
        # What every owner holds: instrument -> long side, short side.
        self.open_interest: dict[str, tuple[SideInterest, SideInterest]] = {}
        # The last sequence number of accounts that were closed, the latest CLOSED_KEPT_MAX of them.
        self.closed: dict[str, int] = {}
        self.suspects: set[str] = set()  # of which an event is missing, refused or held back
        self._moves: list[Move] = []  # since somebody last asked

    # --- accounts -------------------------------------------------------------------------

    def open_account(self, name: str) -> Account:
        """Return a new account: a client, its own owner."""
        return Account(self.store, self.store.open_account(name))

    def remove_account(self, account: Account) -> None:
        """Forget an account that was cleared; nothing may be asked of it any more."""
        self.suspects.discard(account.name)
        self.store.close_account(account.number)

    def liquidators(self) -> list[Account]:
        """Return the accounts of the venue's vaults, in the order of their names."""
        vaults = (Account(self.store, number) for number in self.store.liquidators)
        return sorted(vaults, key=lambda account: account.name)

    def set_suspect(self, account: Account, *, suspect: bool) -> None:
        """Note that an event of the account is missing or was refused, or that a snapshot came."""
        flags = self.store.accounts.flags
        if suspect:
            flags[account.number] |= SUSPECT
        else:
            flags[account.number] &= ~SUSPECT
        self._follow_suspicion(account)

    def count_held(self, account: Account, difference: int) -> None:
        """Note that so many more events of the account wait for their instrument."""
        self.store.accounts.held_events[account.number] += difference
        self._follow_suspicion(account)

    def _follow_suspicion(self, account: Account) -> None:
        if account.is_suspect:
            self.suspects.add(account.name)
        else:
            self.suspects.discard(account.name)

    def note_closed(self, name: str, sequence: int) -> None:
        """Remember how far a closed account had come: what comes again is a repetition."""
        self.closed.pop(name, None)
        self.closed[name] = sequence
        if len(self.closed) > CLOSED_KEPT_MAX:
            del self.closed[next(iter(self.closed))]

    def is_over(self, name: str, sequence: int) -> bool:
        """Return whether an event is a late repetition of a closed account's; 1 opens it anew."""
        return 1 < sequence <= self.closed.get(name, 0) and name not in self.accounts

    # --- balances and positions -----------------------------------------------------------

    def set_balance(
        self, account: Account, asset: str, units: int, reason: str, instrument: str | None = None
    ) -> None:
        """Set a balance; the difference is booked under its reason."""
        difference = units - self.store.exchange_balance(account.number, asset, units)
        reasons = self.booked.setdefault(asset, {})
        reasons[reason] = reasons.get(reason, 0) + difference
        if difference:
            self._moves.append((asset, difference, reason, instrument))

    def take_moves(self) -> list[Move]:
        """Return what was moved since the last call."""
        moves, self._moves = self._moves, []
        return moves

    def set_position(  # noqa: PLR0913 (a record's fields)
        self,
        account: Account,
        instrument: Instrument,
        leg: str,
        *,
        size: int,
        entry: str | None,
        margin_mode: str = "cross",
        isolated_margin: int = 0,
        is_new: bool = False,
    ) -> Position | None:
        """Set a position's size (units), entry and margin; open interest follows by the difference.

        Returns None when neither size nor margin is left: then the position is dropped. `is_new`:
        the account has none there, and it is to be the account's first; nothing is looked for.
        """
        store = self.store
        row = NONE if is_new else store.find_position(account.number, instrument.name, leg)
        if not size and not isolated_margin:
            if row != NONE:
                self._remove(account, row)
            return None
        if row == NONE:
            row = store.add_position(account.number, instrument, leg, is_first=is_new)
        table = store.positions
        units, margin = table.size[row], table.isolated_margin[row]
        value = entry_value(store, row, is_inverse=instrument.inverse)
        self._count(account.owner, instrument.name, units, size)
        table.size[row] = size
        table.isolated[row] = margin_mode == "isolated"
        table.isolated_margin[row] = isolated_margin
        store.set_entry(row, entry if size else None)
        change = entry_value(store, row, is_inverse=instrument.inverse) - value
        if size != units or change or isolated_margin != margin:
            self._moves.append((instrument.name, size - units, change, isolated_margin - margin))
        return Position(store, row)

    def _count(self, owner: str, instrument: str, before: int, after: int) -> None:
        """Let open interest follow a position of an owner from one size (signed) to another."""
        if before == after:
            return
        sides = self.open_interest.get(instrument)
        if sides is None:
            sides = self.open_interest[instrument] = (SideInterest(), SideInterest())
        if before > 0 or after > 0:
            sides[0].change(owner, max(after, 0) - max(before, 0))
        if before < 0 or after < 0:
            sides[1].change(owner, max(-after, 0) - max(-before, 0))

    def set_owner(self, account: Account, owner: str) -> None:
        """Let an account belong to an owner, its positions with it."""
        before = account.owner
        if owner != before:
            for position in account.list_positions():
                self._count(before, position.instrument.name, position.size, 0)
                self._count(owner, position.instrument.name, 0, position.size)
            self.store.set_owner(account.number, owner)

    def _remove(self, account: Account, row: int) -> None:
        table = self.store.positions
        instrument = self.store.instruments[table.instrument[row]]
        units, margin = table.size[row], table.isolated_margin[row]
        self._count(account.owner, instrument.name, units, 0)
        if units or margin:
            value = entry_value(self.store, row, is_inverse=instrument.inverse)
            self._moves.append((instrument.name, -units, -value, -margin))
        self.store.remove_position(row)

    def drop_position(self, account: Account, key: PositionKey) -> None:
        """Remove a position; open interest follows."""
        row = self.store.find_position(account.number, *key)
        if row != NONE:
            self._remove(account, row)
            self.follow_mode(account, key)

    def drop_positions(self, account: Account) -> None:
        """Remove all positions of an account; open interest follows."""
        for row in self.store.positions_of(account.number):
            self._remove(account, row)

    def follow_mode(self, account: Account, key: PositionKey) -> None:
        """Let a position's isolated payments go with it: gone, or into the cross unit."""
        if not account.pending_funding:
            return
        position = account.position(key)
        if position is None:
            account.pending_funding = [
                payment
                for payment in account.pending_funding
                if not (payment.isolated and payment.key == key)
            ]
        elif position.margin_mode == MARGIN_MODES[0]:
            for payment in account.pending_funding:
                if payment.key == key:
                    payment.isolated = False

    def clear(self, account: Account, reason: str) -> None:
        """Set every balance to 0 under a reason and drop every position."""
        for asset in account.balances:
            self.set_balance(account, asset, 0, reason)
        self.drop_positions(account)
        account.orders = {}
        account.pending_funding = []

    # --- instruments ----------------------------------------------------------------------

    def positions_in(self, instrument: str) -> Iterator[tuple[Account, Position]]:
        """Yield every open position in an instrument."""
        table = self.store.positions
        for row in self.store.holders(instrument):
            if table.size[row]:
                yield Account(self.store, table.account[row]), Position(self.store, row)

    def holders_of(self, instrument: str) -> list[tuple[Account, Position]]:
        """Return every position in an instrument, those with nothing but margin included."""
        found = [Position(self.store, row) for row in self.store.holders(instrument)]
        return [(position.account, position) for position in found]

    def names_from(self, row: int, count: int) -> tuple[list[str], int]:
        """Return the accounts of the next `count` rows, and the row to go on from; 0: the end."""
        names = self.store.names[row : row + count]
        following = row + count
        return [name for name in names if name is not None], (
            following if following < len(self.store.names) else 0
        )

    def relist_slice(self, name: str, *, whole: bool = False) -> list[Account]:
        """Give the next holders of an instrument its new definition, or all; return who they are.

        An account comes once for every position.
        """
        numbers = self.store.relist_slice(name, whole=whole)
        return [Account(self.store, number) for number in numbers]

    def forget_instrument(self, name: str) -> None:
        """Forget an instrument that nobody holds, and every order in it."""
        for number in [own for own, orders in self.store.orders.items() if name in orders]:
            account = Account(self.store, number)
            account.orders = {own: order for own, order in account.orders.items() if own != name}
        self.open_interest.pop(name, None)
        self.store.forget_instrument(name)

    def has_amounts_in(self, instrument: str) -> bool:
        """Return whether an account has a position, a margin or a debt of funding in it."""
        return any(True for _ in self.store.holders(instrument)) or any(
            payment.instrument == instrument for payment in self._payments()
        )

    def uses_asset(self, asset: str) -> bool:
        """Return whether any account has an amount of the asset, or has had a balance in it."""
        return (
            asset in self.booked
            or any(payment.asset == asset for payment in self._payments())
            or any(
                self.store.positions.isolated_margin[row]
                for name, number in self.store.instrument_numbers.items()
                if self.store.instruments[number].settlement == asset
                for row in self.store.holders(name)
            )
        )

    def _payments(self) -> Iterator[PendingPayment]:
        for payments in self.store.payments.values():
            yield from payments

    # --- size and state -------------------------------------------------------------------

    def size(self) -> LedgerSize:
        """Return what it holds and what that costs."""
        store = self.store
        tables = (store.accounts, store.positions, store.balances)
        return LedgerSize(
            accounts=store.accounts.live,
            accounts_reserved=store.accounts.reserved,
            positions=store.positions.live,
            balances=store.balances.live,
            names=len(store.numbers) + len(store.owners) + len(store.assets) + len(self.closed),
            growths=sum(table.growths for table in tables),
            column_bytes=sum(table.used * table.row_bytes for table in tables),
        )

    def export_state(self) -> dict[str, Any]:
        """Return everything as plain values, in a canonical order.

        Sums are text: one amount fits 64 bits, a sum need not.
        """
        return {
            "relistings": [
                [
                    plain(self.store.instruments[relisting.number].definition),
                    relisting.stride,
                    relisting.done,
                ]
                for _, relisting in sorted(self.store.relistings.items())
            ],
            "accounts": [self.accounts[name].export_state() for name in sorted(self.accounts)],
            "closed": [[name, sequence] for name, sequence in self.closed.items()],
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

    @classmethod
    def from_state(cls, state: dict[str, Any], instruments: dict[str, Instrument]) -> "Ledger":
        """Return the ledger that `export_state` described."""
        ledger = cls(max(ACCOUNTS_RESERVED, len(state["accounts"])))
        for record, stride, done in state["relistings"]:
            old = Instrument(msgspec.convert(record, InstrumentListed))
            ledger.store.relist(old, instruments[old.name], stride, done)
        for record in state["accounts"]:
            ledger._restore_account(record, instruments)
        ledger.closed = dict(state["closed"])
        ledger.booked = {
            asset: {reason: int(units) for reason, units in reasons}
            for asset, reasons in state["booked"]
        }
        return ledger

    def _restore_account(self, record: list[Any], instruments: dict[str, Instrument]) -> None:
        """Open the account that `Account.export_state` described."""
        account = self.open_account(record[0])
        account.role, account.sequence = record[2:4]
        self.set_owner(account, record[1])
        if record[4]:
            self.set_suspect(account, suspect=True)
        if record[5]:
            self.count_held(account, record[5])
        for asset, units in record[6]:
            self.store.exchange_balance(account.number, asset, units)
        for position in record[7]:
            self.store.restore_position(account.number, instruments[position[0]], position)
            self._count(account.owner, position[0], 0, position[2])
        account.orders = {name: tuple(order) for name, *order in record[8]}
        account.pending_funding = [
            PendingPayment(instrument, leg, asset, int(amount), funding_id, isolated=isolated)
            for instrument, leg, asset, amount, funding_id, isolated in record[9]
        ]
