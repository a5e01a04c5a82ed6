"""What the moves of an event add to the sums of the audit. docs/model/audit.md."""

from typing import NamedTuple, cast

from monitor.core.audit_entry import Entry, Key, OwnMove
from monitor.core.ledger.moves import FINEST, Move
from monitor.core.market import Market

# What stays inside the venue's accounts: it leaves one and comes to another.
INTERNAL = frozenset({"trade", "liquidation", "deleveraging", "transfer"})


class _Terms(NamedTuple):
    """What positions in an instrument are worth to the sums: kept, one event after the other."""

    asset: str
    finest: int
    open_interest: Key
    pnl: Key
    own_pnl: Key
    numerator: int  # of a size unit's quantity
    denominator: int
    is_inverse: bool


class Reading:
    """Reads moves; pnl in 1 / FINEST of an asset, contracts and funds in their own units.

    `unnamed`: the assets with flows that name no instrument.
    """

    def __init__(self, market: Market) -> None:
        """Read by the instruments and assets of a market."""
        self.market = market
        self.unnamed: set[str] = set()
        self._terms: dict[str, _Terms] = {}
        self._finest: dict[str, int] = {}

    def forget_meanings(self) -> None:
        """Look instruments and assets up anew."""
        self._terms, self._finest = {}, {}

    def asset(self, move: Move | OwnMove) -> str:
        """Return the asset that a move of balances or positions is about."""
        assert len(move) != 2
        return move[0] if isinstance(move[2], str) else self.market.instruments[move[0]].settlement

    def finest(self, asset: str) -> int:
        """Return a minor unit of an asset in 1 / FINEST."""
        found = self._finest.get(asset)
        if found is None:
            found = self._finest[asset] = int(self.market.unit(asset).value * FINEST)
        return found

    def amounts(self, entry: Entry) -> list[OwnMove]:
        """Return what an event adds to which sums."""
        added: list[OwnMove] = []
        for move in entry.moves:
            if len(move) == 2:
                added.append(move)
            elif not isinstance(move[2], str):
                self._add_size(move, added, replaces=entry.replaces)
            elif not entry.replaces:
                self._add_cash(move, added)
        return added

    def _add_cash(self, move: Move, added: list[OwnMove]) -> None:
        asset, units, reason, instrument = move
        amount = units * self.finest(asset)
        if reason == "funding":
            added.append((("funding", asset), amount))
        elif reason in INTERNAL:
            added.append((("pnl", asset), amount))
            if instrument is not None:
                added.append((("pnl", f"{asset}/{instrument}"), amount))
            elif reason != "transfer":
                self.unnamed.add(asset)

    def _add_size(self, move: Move, added: list[OwnMove], *, replaces: bool) -> None:
        """Add what a position's size, entry value and margin have changed.

        What its flows put into balances is realized; less entry values, nothing is left.
        """
        name, units, value, margin = cast("tuple[str, int, int, int]", move)
        terms = self._terms.get(name) or self._look_up(name)
        if units:
            added.append((terms.open_interest, units))
        if replaces:
            return
        worth = value * terms.numerator // terms.denominator
        amount = worth if terms.is_inverse else -worth
        if margin:
            amount += margin * terms.finest
        if amount:
            added.append((terms.pnl, amount))
            if terms.asset not in self.unnamed:
                added.append((terms.own_pnl, amount))

    def _look_up(self, name: str) -> _Terms:
        instrument = self.market.instruments[name]
        asset, quantity = instrument.settlement, instrument.quantity_per_unit
        terms = self._terms[name] = _Terms(
            asset,
            self.finest(asset),
            ("open_interest", name),
            ("pnl", asset),
            ("pnl", f"{asset}/{name}"),
            quantity.numerator,
            quantity.denominator,
            instrument.inverse,
        )
        return terms
