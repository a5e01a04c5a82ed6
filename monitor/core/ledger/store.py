"""The tables of the ledger, and the lists that their rows form.

Each account has a list of its positions and one of its balances, each instrument one of its
holders, all in the order in which they came. What few accounts have (orders, pending funding)
lies in dictionaries by account number. Nothing here knows what an amount means.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from monitor.core.instruments import Instrument
from monitor.core.ledger.columns import (
    GROWN_AT_ONCE_MAX,
    NONE,
    AccountTable,
    BalanceTable,
    Layout,
    PositionTable,
)
from monitor.core.ledger.entries import NO_ENTRY, TEXT_ENTRY, pack, unpack
from monitor.core.ledger.meanings import ASSET_MEANING, INSTRUMENT_MEANING, Meanings
from monitor.core.ledger.names import Numbers, SharedNames
from monitor.core.ledger.payments import PendingPayment
from monitor.core.ledger.relisting import BUCKETS, Relisting, bucket_of

LEGS = ("net", "long", "short")
LEG_NUMBERS = {leg: number for number, leg in enumerate(LEGS)}
ROLES = ("client", "market_maker", "liquidator", "insurance_fund")
ROLE_NUMBERS = {role: number for number, role in enumerate(ROLES)}
TRADER_ROLES = ROLE_NUMBERS["client"], ROLE_NUMBERS["market_maker"]
MARGIN_MODES = ("cross", "isolated")
SUSPECT = 1  # flag of an account

ACCOUNTS_RESERVED = 1_024
Orders = tuple[str, str, str, str]
NO_ORDERS: Mapping[str, Orders] = MappingProxyType({})


class Store:
    """Accounts, positions and balances in columns, by number."""

    def __init__(self, accounts: int = ACCOUNTS_RESERVED) -> None:
        """Reserve rows for so many accounts, generously for many: what is untouched is free."""
        reserved = accounts + accounts // 8
        each = 16 if accounts > GROWN_AT_ONCE_MAX else 4
        self.layout = Layout()
        self.accounts = AccountTable(reserved, self.layout)
        self.positions = PositionTable(each * reserved, self.layout)
        self.balances = BalanceTable(each // 2 * reserved, self.layout)
        self.asset_meanings = Meanings(ASSET_MEANING, self.layout)
        self.instrument_meanings = Meanings(INSTRUMENT_MEANING, self.layout)
        self.numbers = Numbers()  # of accounts
        self.names: list[str | None] = []  # None: free
        self.liquidators: set[int] = set()  # the accounts of the venue's vaults
        self.owners = SharedNames()
        self.assets = SharedNames()
        self.instruments: list[Instrument] = []
        self.instrument_numbers: dict[str, int] = {}
        self.relistings: dict[str, Relisting] = {}  # by instrument, those that are not done
        self._free_instruments: list[int] = []
        self.first_holder: list[int] = []
        self._last_holder: list[int] = []
        self._holder_counts: list[int] = []
        self.entry_texts: dict[int, str] = {}  # by position: those that do not fit 64 bits
        self.orders: dict[int, dict[str, Orders]] = {}  # by account
        self.payments: dict[int, list[PendingPayment]] = {}  # by account, none empty

    # --- accounts -------------------------------------------------------------------------

    def open_account(self, name: str) -> int:
        """Return the number of a new account: a client, its own owner, empty."""
        table = self.accounts
        number = table.take()
        if number == len(self.names):
            self.names.append(name)
        else:
            self.names[number] = name
        self.numbers.add(name, number)
        table.sequence[number] = 0
        table.owner[number] = NONE
        table.bucket[number] = bucket_of(name)
        table.role[number] = 0
        table.flags[number] = 0
        table.held_events[number] = 0
        table.first_position[number] = NONE
        table.first_balance[number] = NONE
        table.unit[number] = NONE
        return number

    def close_account(self, number: int) -> None:
        """Give an account's number back; it has no position and no balance any more."""
        table = self.accounts
        assert table.first_position[number] == table.first_balance[number] == NONE
        name = self.names[number]
        assert name is not None, "expected an account that is not closed"
        self.set_owner(number, name)
        self.orders.pop(number, None)
        self.payments.pop(number, None)
        self.liquidators.discard(number)
        self.numbers.remove(name)
        self.names[number] = None
        table.unit[number] = NONE
        table.free(number)

    def set_role(self, number: int, role: str) -> None:
        """Note what an account is for."""
        self.accounts.role[number] = ROLE_NUMBERS[role]
        if role == "liquidator":
            self.liquidators.add(number)
        else:
            self.liquidators.discard(number)

    def set_owner(self, number: int, owner: str) -> None:
        """Note whose account it is."""
        before = self.accounts.owner[number]
        own = owner == self.names[number]
        self.accounts.owner[number] = NONE if own else self.owners.take(owner)
        if before != NONE:
            self.owners.release(before)

    # --- balances -------------------------------------------------------------------------

    def balance_rows(self, number: int) -> list[int]:
        """Return an account's balances that are not 0."""
        links = self.balances.next
        row = self.accounts.first_balance[number]
        rows = []
        while row != NONE:
            rows.append(row)
            row = links[row]
        return rows

    def balances_of(self, number: int) -> dict[str, int]:
        """Return an account's balances that are not 0, in minor units by asset."""
        table, names = self.balances, self.assets.names
        return {names[table.asset[row]]: table.units[row] for row in self.balance_rows(number)}

    def exchange_balance(self, number: int, asset: str, units: int) -> int:
        """Set a balance, and return what it was."""
        table = self.balances
        links, last = self.accounts.first_balance, number  # where the row's number stands
        row = links[last]
        code = self.assets.find(asset)
        assets = table.asset
        while row != NONE and assets[row] != code:
            links, last = table.next, row
            row = links[row]
        if row != NONE:
            before = table.units[row]
            if units:
                table.units[row] = units
            else:
                links[last] = table.next[row]
                self.assets.release(code)
                table.units[row] = 0  # a free row holds nothing
                table.free(row)
            return before
        if units:
            row = table.take()
            if links is not self.accounts.first_balance:
                links = table.next  # it may have grown
            links[last] = row
            if code == NONE:
                code = self.assets.take(asset)
                self.asset_meanings.begin(code)
            else:
                self.assets.take(asset)
            table.asset[row] = code
            table.units[row] = units
            table.next[row] = NONE
        return 0

    # --- instruments ----------------------------------------------------------------------

    def _new_number(self, instrument: Instrument) -> int:
        """Return a number for an instrument that has none, or gets another."""
        if self._free_instruments:
            number = self._free_instruments.pop()
            self.instruments[number] = instrument
        else:
            number = len(self.instruments)
            self.instruments.append(instrument)
            self.first_holder.append(NONE)
            self._last_holder.append(NONE)
            self._holder_counts.append(0)
        self.instrument_meanings.begin(number)
        self.instrument_numbers[instrument.name] = number
        return number

    def forget_instrument(self, name: str) -> None:
        """Give the number of an instrument back that nobody holds."""
        for number in self.numbers_of(name):
            assert self.first_holder[number] == NONE
            self._free_instruments.append(number)
        self.instrument_numbers.pop(name, None)
        self.relistings.pop(name, None)

    def numbers_of(self, name: str) -> list[int]:
        """Return the numbers of an instrument: two while it is being relisted, none if unheld."""
        if name not in self.instrument_numbers:
            return []
        present = self.instrument_numbers[name]
        relisting = self.relistings.get(name)
        return [present] if relisting is None else [present, relisting.number]

    def holders(self, name: str) -> Iterator[int]:
        """Yield the positions in an instrument; the one yielded may be removed meanwhile."""
        for number in self.numbers_of(name):
            row = self.first_holder[number]
            while row != NONE:
                following = self.positions.next_holder[row]
                yield row
                row = following

    def count_holders(self, name: str) -> int:
        """Return how many positions there are in an instrument."""
        return sum(self._holder_counts[number] for number in self.numbers_of(name))

    # --- relisting ------------------------------------------------------------------------

    def replace_definition(self, instrument: Instrument) -> None:
        """Take the new definition of an instrument for everybody at once."""
        number = self.instrument_numbers.get(instrument.name)
        if number is not None:
            self.instruments[number] = instrument

    def relist(self, old: Instrument, new: Instrument, stride: int, done: int = 0) -> None:
        """Begin, or go on, to take the new definition in slices of so many buckets.

        Also where nobody holds the instrument: who comes to, waits for its turn as everywhere.
        """
        number = self.instrument_numbers.get(old.name)
        number = self._new_number(old) if number is None else number
        self.relistings[old.name] = Relisting(number, stride, done)
        self.instrument_numbers[new.name] = self._new_number(new)

    def relist_slice(self, name: str, *, whole: bool = False) -> list[int]:
        """Give the next holders of an instrument its new definition; return their accounts.

        `whole`: all that are left.
        """
        relisting = self.relistings[name]
        relisting.done = BUCKETS if whole else min(BUCKETS, relisting.done + relisting.stride)
        columns, used = self.positions.arrays, self.positions.used
        rows = np.flatnonzero(columns["instrument"][:used] == relisting.number)
        accounts = columns["account"][rows]
        now = self.accounts.arrays["bucket"][accounts] < relisting.done
        for row in rows[now].tolist():
            self._leave_holders(row)
            self._join_holders(row, self.instrument_numbers[name])
        if relisting.done == BUCKETS:
            assert self.first_holder[relisting.number] == NONE
            self._free_instruments.append(relisting.number)
            del self.relistings[name]
        found: list[int] = accounts[now].tolist()
        return found

    def _number_for(self, account: int, name: str) -> int:
        """Return the number that an account's positions in an instrument have, NONE: none yet."""
        if self.relistings:
            relisting = self.relistings.get(name)
            if relisting is not None and self.accounts.bucket[account] >= relisting.done:
                return relisting.number
        return self.instrument_numbers.get(name, NONE)

    def _join_holders(self, row: int, number: int) -> None:
        """Put a position last in the list of an instrument's holders."""
        table, before = self.positions, self._last_holder[number]
        table.instrument[row] = number
        table.previous_holder[row], table.next_holder[row] = before, NONE
        if before == NONE:
            self.first_holder[number] = row
        else:
            table.next_holder[before] = row
        self._last_holder[number] = row
        self._holder_counts[number] += 1

    def _leave_holders(self, row: int) -> None:
        """Take a position out of the list of its instrument's holders."""
        table = self.positions
        number = table.instrument[row]
        before, following = table.previous_holder[row], table.next_holder[row]
        if before == NONE:
            self.first_holder[number] = following
        else:
            table.next_holder[before] = following
        if following == NONE:
            self._last_holder[number] = before
        else:
            table.previous_holder[following] = before
        table.instrument[row] = NONE
        self._holder_counts[number] -= 1

    # --- positions ------------------------------------------------------------------------

    def positions_of(self, number: int) -> list[int]:
        """Return an account's positions."""
        links = self.positions.next
        row = self.accounts.first_position[number]
        rows = []
        while row != NONE:
            rows.append(row)
            row = links[row]
        return rows

    def find_position(self, number: int, instrument: str, leg: str) -> int:
        """Return an account's position in an instrument and leg, NONE if it has none."""
        code, side = self._number_for(number, instrument), LEG_NUMBERS[leg]
        table = self.positions
        instruments, legs, links = table.instrument, table.leg, table.next
        row = self.accounts.first_position[number]
        while row != NONE and (instruments[row] != code or legs[row] != side):
            row = links[row]
        return row

    def add_position(
        self, number: int, instrument: Instrument, leg: str, *, is_first: bool = False
    ) -> int:
        """Return a new position: the last of its instrument, and of its account or the first.

        It is flat and cross. To become the last takes a walk over all of the account.
        """
        table = self.positions
        row = table.take()
        table.account[row] = number
        table.leg[row], table.isolated[row] = LEG_NUMBERS[leg], 0
        table.size[row] = table.isolated_margin[row] = table.mantissa[row] = 0
        table.exponent[row], table.entry[row] = NO_ENTRY, 0.0
        links, last = self.accounts.first_position, number
        while links[last] != NONE and not is_first:
            links, last = table.next, links[last]
        table.next[row] = links[last]
        links[last] = row
        code = self._number_for(number, instrument.name)
        self._join_holders(row, self._new_number(instrument) if code == NONE else code)
        return row

    def set_entry(self, row: int, text: str | None) -> None:
        """Set a position's entry price, None when it is flat."""
        table = self.positions
        if table.exponent[row] == TEXT_ENTRY:
            del self.entry_texts[row]
        if not text:
            table.exponent[row], table.entry[row] = NO_ENTRY, 0.0
            return
        table.entry[row] = float(text)
        packed = pack(text)
        if packed is None:
            table.exponent[row] = TEXT_ENTRY
            self.entry_texts[row] = text
        else:
            table.mantissa[row], table.exponent[row] = packed

    def entry_text(self, row: int) -> str | None:
        """Return a position's entry price as it came, None when it is flat."""
        exponent = self.positions.exponent[row]
        if exponent >= 0:
            return unpack(self.positions.mantissa[row], exponent)
        return self.entry_texts[row] if exponent == TEXT_ENTRY else None

    def plain_positions(self, number: int) -> list[list[Any]]:
        """Return an account's positions as plain values: what `restore_position` takes."""
        table, instruments = self.positions, self.instruments
        return [
            [
                instruments[table.instrument[row]].name,
                LEGS[table.leg[row]],
                table.size[row],
                self.entry_text(row),
                MARGIN_MODES[table.isolated[row]],
                table.isolated_margin[row],
            ]
            for row in self.positions_of(number)
        ]

    def restore_position(self, number: int, instrument: Instrument, plain: list[Any]) -> None:
        """Add the position that `plain_positions` described."""
        _, leg, size, entry, margin_mode, isolated_margin = plain
        row = self.add_position(number, instrument, leg)
        self.positions.size[row] = size
        self.positions.isolated[row] = margin_mode == MARGIN_MODES[1]
        self.positions.isolated_margin[row] = isolated_margin
        self.set_entry(row, entry)

    def remove_position(self, row: int) -> None:
        """Take a position out of its account and its instrument, and free its row."""
        table = self.positions
        links, last = self.accounts.first_position, table.account[row]
        while links[last] != row:
            links, last = table.next, links[last]
        links[last] = table.next[row]
        self._leave_holders(row)
        self.set_entry(row, None)
        table.free(row)
