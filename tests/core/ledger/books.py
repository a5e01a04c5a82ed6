"""A ledger in columns and its twin in objects, told the same."""

import random
from typing import Any, cast

from bench import object_ledger
from monitor.core.events import InstrumentListed
from monitor.core.instruments import Instrument
from monitor.core.ledger import Account, Ledger, PendingPayment
from tests.builders import Journal

INSTRUMENTS = ("A-PERP", "B-PERP", "C-PERP", "D-PERP")
ASSETS = ("USD", "COIN", "GEM")
LEGS = ("net", "long", "short")
ENTRIES = ("10", "0.25", "99.50", "123456789012345.678901234567891", "9223372036854775808", "007")


def instrument(name: str, kind: str = "linear", **fields: Any) -> Instrument:
    """Return an instrument."""
    return Instrument(cast("InstrumentListed", Journal().list_instrument(name, kind, **fields)))


class TwoBooks:
    """`ledger` is tested, `twin` is the truth."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.ledger = Ledger(4)
        self.twin = object_ledger.Ledger()
        self.instruments = {name: instrument(name) for name in INSTRUMENTS}

    def step(self) -> None:
        """Let one random thing happen to both."""
        names = [f"a{number}" for number in range(40)]
        name = self.chance.choice(names)
        if name not in self.twin.accounts:
            self._open(name)
        what = self.chance.choices(
            [self._balance, self._position, self._facts, self._payment, self._orders, self._close],
            [5, 8, 3, 2, 2, 1],
        )[0]
        what(name, self.ledger.accounts[name], self.twin.accounts[name])
        if self.chance.random() < 0.01:
            self._delist(self.chance.choice(INSTRUMENTS))

    def _open(self, name: str) -> None:
        self.ledger.open_account(name)
        self.twin.accounts[name] = object_ledger.Account(name)

    def _facts(self, name: str, account: Account, twin: object_ledger.Account) -> None:
        chance = self.chance
        owner = chance.choice([name, "ann", "bob"])
        self.ledger.set_owner(account, owner)
        self.twin.set_owner(twin, owner)
        account.role = twin.role = chance.choice(["client", "market_maker", "liquidator"])
        account.sequence = twin.sequence = chance.choice([1, 2**63 - 1])
        suspect, held = chance.random() < 0.5, chance.choice([0, 1])
        self.ledger.set_suspect(account, suspect=suspect)
        self.twin.set_suspect(twin, suspect=suspect)
        self.ledger.count_held(account, held - account.held_events)
        self.twin.count_held(twin, held - twin.held_events)

    def _balance(self, _: str, account: Account, twin: object_ledger.Account) -> None:
        asset = self.chance.choice(ASSETS)
        units = self.chance.choice([0, 1, -5, 2**62, -(2**62), self.chance.randrange(10**12)])
        self.ledger.set_balance(account, asset, units, "trade")
        self.twin.set_balance(twin, asset, units, "trade")

    def _position(self, _: str, account: Account, twin: object_ledger.Account) -> None:
        chance = self.chance
        key = (chance.choice(INSTRUMENTS), chance.choice(LEGS))
        size = chance.choice([0, 1, -1, 2**62, -(2**62), chance.randrange(-(10**9), 10**9)])
        entry = chance.choice([*ENTRIES, f"{chance.randrange(1, 10**9)}.5"])
        mode = chance.choice(["cross", "isolated"])
        margin = chance.choice([0, 7, 2**62]) if mode == "isolated" else 0
        self.ledger.set_position(
            account,
            self.instruments[key[0]],
            key[1],
            size=size,
            entry=entry,
            margin_mode=mode,
            isolated_margin=margin,
        )
        self.ledger.follow_mode(account, key)
        position = twin.positions.get(key)
        if position is None:
            position = object_ledger.Position(self.instruments[key[0]], key[1])
        position.margin_mode, position.isolated_margin = mode, margin
        self.twin.set_position(twin, position, size, entry)
        if not size and not margin:
            del twin.positions[key]
        self.twin.follow_mode(twin, key)

    def _payment(self, _: str, account: Account, twin: object_ledger.Account) -> None:
        chance = self.chance
        for key, position in twin.positions.items():
            asset, amount = chance.choice(ASSETS), chance.randrange(1, 100)
            isolated = position.margin_mode == "isolated"
            account.owe(PendingPayment(*key, asset, amount, "f1", isolated=isolated))
            twin.pending_funding.append(
                object_ledger.PendingPayment(*key, asset, amount, "f1", isolated=isolated)
            )
        if chance.random() < 0.2:
            account.pending_funding = []
            twin.pending_funding = []

    def _orders(self, _: str, account: Account, twin: object_ledger.Account) -> None:
        order = (str(self.chance.randrange(9)), "0", "1.5", "0")
        name = self.chance.choice(INSTRUMENTS)
        account.set_order(name, order)
        twin.orders[name] = order

    def _close(self, name: str, account: Account, twin: object_ledger.Account) -> None:
        self.ledger.clear(account, "closed")
        self.ledger.remove_account(account)
        self.twin.clear(twin, "closed")
        self.twin.suspects.discard(name)
        del self.twin.accounts[name]

    def _delist(self, name: str) -> None:
        for account, position in self.ledger.holders_of(name):
            self.ledger.drop_position(account, position.key)
        self.ledger.forget_instrument(name)
        for own in self.twin.accounts.values():
            for key in [key for key in own.positions if key[0] == name]:
                self.twin.drop_position(own, key)
            own.orders.pop(name, None)
        self.twin.open_interest.pop(name, None)
        if self.chance.random() < 0.5:  # listed again with another definition
            self.instruments[name] = instrument(name, contract_size="0.1")

    @staticmethod
    def _groups(ledger: Ledger | object_ledger.Ledger) -> dict[tuple[str, int], dict[str, int]]:
        """Return what every owner holds, by instrument and side."""
        return {
            (name, number): side.groups
            for name, sides in ledger.open_interest.items()
            for number, side in enumerate(sides)
            if side.groups
        }

    def check(self) -> None:
        """Compare all that either can tell."""
        state = self.ledger.export_state()
        assert state.pop("closed") == state.pop("relistings") == []
        assert state == self.twin.export_state()
        assert self.ledger.suspects == self.twin.suspects
        assert self._groups(self.ledger) == self._groups(self.twin)
        for name in INSTRUMENTS:
            ours = [(own.name, position.key) for own, position in self.ledger.positions_in(name)]
            theirs = [(own.name, each.key) for own, each in self.twin.positions_in(name)]
            assert ours == theirs
        for name, twin in self.twin.accounts.items():
            account = self.ledger.accounts[name]
            assert account.balances == {a: units for a, units in twin.balances.items() if units}
            for key, each in twin.positions.items():
                found = account.positions[key]
                assert found == account.position(key)
                assert (found.quantity, found.entry) == (each.quantity, each.entry)
                assert found.instrument is self.instruments[key[0]]
            cross = [each.key for each in account.cross_positions()]
            assert set(cross) == {
                key
                for key, each in twin.positions.items()
                if each.size and each.margin_mode == "cross"
            }
