"""The book of margin units: what is liquidated as one, and the rules of its verdict.

A margin unit is an account's cross balances and positions together, or one isolated position.
`index/` gives its verdict in floats, `totals.py` its amounts in rationals.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.core.amounts import float_setting
from monitor.core.decisions import State
from monitor.core.ledger import Account, PendingPayment, Position, PositionKey
from monitor.core.ledger.columns import NONE, Table
from monitor.core.ledger.store import Store
from monitor.core.settings import LiquidationWatchSettings, MarginSettings

# In the order of their numbers.
STATES: tuple[State, ...] = ("healthy", "margin_call", "liquidatable", "bankrupt", "unknown")
DUE_STATES: tuple[State, ...] = ("liquidatable", "bankrupt")  # to be liquidated
STATE_NUMBERS = {state: number for number, state in enumerate(STATES)}
UNIT = {
    "account": "i4",
    "state": "u1",
    "last_known": "u1",  # the last state that was not unknown
    "flags": "u1",
}
# Flags of a unit: ENDING, the index looks at it when its liquidation may end.
ISOLATED, LIQUIDATING, LIQUIDATION_OPEN, ENDING = 1, 2, 4, 8
_NOTHING: frozenset[str] = frozenset()


class MarginRules:
    """The margin settings in the form that verdicts use."""

    __slots__ = (
        "call_factor", "call_ratio", "counts_every_gain", "end_factor", "end_ratio",
        "fill_rule", "gain_cap", "gain_weight", "settings", "strictly_below",
    )  # fmt: skip

    def __init__(
        self, settings: MarginSettings, watch: LiquidationWatchSettings | None = None
    ) -> None:
        """Take the settings; the call ratio is read as the decimal that was written."""
        self.settings = settings
        # bankruptcy_adjustment and spread_to_maintenance_ratio, where a venue limits fills
        self.fill_rule: tuple[Fraction, Fraction] | None = None
        if watch is not None and watch.bankruptcy_adjustment is not None:
            assert watch.spread_to_maintenance_ratio is not None, "checked with the configuration"
            self.fill_rule = (
                float_setting(watch.bankruptcy_adjustment),
                float_setting(watch.spread_to_maintenance_ratio),
            )
        self.call_ratio: Fraction = float_setting(settings.margin_call_ratio)
        self.call_factor = float(1 / self.call_ratio)
        self.strictly_below = settings.liquidatable_when == "below"
        self.end_ratio = float_setting(settings.liquidation_end_ratio)
        self.end_factor = float(1 / self.end_ratio)
        self.gain_weight = float_setting(settings.gain_weight)
        self.gain_cap = None if settings.gain_cap is None else float_setting(settings.gain_cap)
        self.counts_every_gain = self.gain_weight == 1 and self.gain_cap is None

    def counted_gain(self, gain: Fraction) -> Fraction:
        """Return what of a position's unrealized gain opens positions and may be withdrawn."""
        weighted = self.gain_weight * gain
        return weighted if self.gain_cap is None else min(weighted, self.gain_cap)

    def state(self, equity: Fraction, maintenance: Fraction, *, has_position: bool) -> State:
        """Return the state that exact amounts mean; the one definition of every verdict.

        `bankrupt`: equity < 0. `liquidatable`: equity <= maintenance (or strictly below), with a
        position. `margin_call`: maintenance >= call ratio x equity.
        """
        if equity < 0:
            return "bankrupt"
        if not has_position:
            return "healthy"
        if equity < maintenance or (equity == maintenance and not self.strictly_below):
            return "liquidatable"
        if equity > 0 and maintenance >= self.call_ratio * equity:
            return "margin_call"
        return "healthy"


@dataclass(slots=True)
class Episode:
    """One stay under water: from the first deficit until equity is back at 0."""

    identity: str
    incurred: dict[str, int] = field(default_factory=dict)

    def export_state(self) -> list[Any]:
        """Return the episode as plain values; sums as text: they may be wider than 64 bits."""
        return [
            self.identity,
            [[asset, str(units)] for asset, units in sorted(self.incurred.items())],
        ]

    @classmethod
    def from_state(cls, state: list[Any]) -> "Episode":
        """Return the episode that `export_state` described."""
        return cls(state[0], {asset: int(units) for asset, units in state[1]})


def unit_name(account: str, key: PositionKey | None) -> str:
    """Return `account`, or `account/instrument/leg` for an isolated unit; a / inside is doubled."""
    parts = (account,) if key is None else (account, *key)
    return "/".join(part.replace("/", "//") for part in parts)


class Units(Table):
    """The margin units of a shard by number: what is known of each, in columns.

    What few have (a key, an open liquidation, an episode) lies in dictionaries by number.
    """

    account: memoryview
    state: memoryview
    last_known: memoryview
    flags: memoryview

    def __init__(self, store: Store) -> None:
        """Reserve a unit for every account that room is reserved for."""
        super().__init__(UNIT, "account", store.accounts.reserved)
        self.store = store
        self.keys: dict[int, PositionKey] = {}
        self.isolated: dict[int, dict[PositionKey, int]] = {}  # by account, none empty
        self.liquidations: dict[int, set[str]] = {}  # ids of those that are open, none empty
        self.episodes: dict[int, Episode] = {}

    def open(self, account: int, key: PositionKey | None = None) -> int:
        """Return a new unit of an account: healthy, not measured."""
        unit = self.take()
        self.account[unit] = account
        self.state[unit] = self.last_known[unit] = self.flags[unit] = 0
        if key is None:
            self.store.accounts.unit[account] = unit
        else:
            self.flags[unit] = ISOLATED
            self.keys[unit] = key
            self.isolated.setdefault(account, {})[key] = unit
        return unit

    def close(self, unit: int) -> None:
        """Give a unit's number back."""
        account, key = self.account[unit], self.keys.pop(unit, None)
        if key is None:
            self.store.accounts.unit[account] = NONE
        else:
            own = self.isolated[account]
            del own[key]
            if not own:
                del self.isolated[account]
        self.liquidations.pop(unit, None)
        self.episodes.pop(unit, None)
        self.free(unit)

    def of_account(self, account: int) -> list[int]:
        """Return the units of an account, the cross unit first."""
        cross: int = self.store.accounts.unit[account]
        return [cross, *self.isolated[account].values()] if account in self.isolated else [cross]

    def of_position(self, account: int, key: PositionKey) -> int:
        """Return the unit that a position belongs to: its own if isolated, else the cross unit."""
        cross: int = self.store.accounts.unit[account]
        return self.isolated[account].get(key, cross) if account in self.isolated else cross

    def cross_units(self) -> NDArray[np.int32]:
        """Return the cross unit of every account, in the order of their rows."""
        table = self.store.accounts
        units: NDArray[np.int32] = table.arrays["unit"][: table.used]
        live: NDArray[np.int32] = units[units != NONE]
        return live

    def set_flag(self, unit: int, flag: int, *, on: bool) -> None:
        """Set a flag, or clear it."""
        if on:
            self.flags[unit] |= flag
        else:
            self.flags[unit] &= ~flag

    def look(self, unit: int) -> "MarginUnit":
        """Return a look at a unit."""
        return MarginUnit(self, unit)


class MarginUnit:
    """A look at one margin unit: its number and a way to its columns; two of one are equal.

    `key` None: the account's cross unit; else (instrument, leg) of the isolated position.
    """

    __slots__ = ("account", "key", "number", "units")

    def __init__(self, units: Units, number: int) -> None:
        """Look at a unit."""
        self.units = units
        self.number = number
        self.account = Account(units.store, units.account[number])
        self.key = units.keys.get(number)

    def __eq__(self, other: object) -> bool:
        """Return whether both are the same unit."""
        return (
            isinstance(other, MarginUnit)
            and self.number == other.number
            and self.units is other.units
        )

    def __hash__(self) -> int:
        """Return the hash of the unit's number."""
        return hash(self.number)

    @property
    def name(self) -> str:
        """Return the name that its episodes are numbered under."""
        return unit_name(self.account.name, self.key)

    @property
    def state(self) -> State:
        """Return its state."""
        return STATES[self.units.state[self.number]]

    @state.setter
    def state(self, state: State) -> None:
        """Note its state."""
        self.units.state[self.number] = STATE_NUMBERS[state]

    @property
    def last_known(self) -> State:
        """Return the last state that was not unknown."""
        return STATES[self.units.last_known[self.number]]

    @last_known.setter
    def last_known(self, state: State) -> None:
        """Note the last state that was not unknown."""
        self.units.last_known[self.number] = STATE_NUMBERS[state]

    @property
    def liquidations(self) -> AbstractSet[str]:
        """Return the ids of its open liquidations."""
        return self.units.liquidations.get(self.number, _NOTHING)

    @liquidations.setter
    def liquidations(self, open_ids: AbstractSet[str]) -> None:
        """Note which liquidations are open."""
        if open_ids:
            self.units.liquidations[self.number] = set(open_ids)
        else:
            self.units.liquidations.pop(self.number, None)
        self.units.set_flag(self.number, LIQUIDATION_OPEN, on=bool(open_ids))

    @property
    def liquidating(self) -> bool:
        """Return whether it was in liquidation when last judged."""
        return bool(self.units.flags[self.number] & LIQUIDATING)

    @liquidating.setter
    def liquidating(self, liquidating: bool) -> None:
        """Note whether it is in liquidation."""
        self.units.set_flag(self.number, LIQUIDATING, on=liquidating)

    @property
    def is_in_liquidation(self) -> bool:
        """Return whether a liquidation is open, or its end level is not clear yet."""
        return bool(self.units.flags[self.number] & (LIQUIDATING | LIQUIDATION_OPEN))

    @property
    def episode(self) -> Episode | None:
        """Return its stay under water, None above."""
        return self.units.episodes.get(self.number)

    @episode.setter
    def episode(self, episode: Episode | None) -> None:
        """Begin or end a stay under water."""
        if episode is None:
            self.units.episodes.pop(self.number, None)
        else:
            self.units.episodes[self.number] = episode

    def positions(self) -> list[Position]:
        """Return the open positions of the unit."""
        if self.key is not None:
            position = self.account.position(self.key)
            isolated = position is not None and position.margin_mode == "isolated"
            return [position] if isolated and position is not None and position.size else []
        return self.account.cross_positions()

    @property
    def is_empty(self) -> bool:
        """Return whether an isolated unit has neither a position nor margin left."""
        if self.key is None:
            return False
        position = self.account.position(self.key)
        return position is None or (
            position.margin_mode != "isolated"
            or (not position.size and not position.isolated_margin)
        )


class CrossUnits(Mapping[str, MarginUnit]):
    """The cross units by the names of their accounts."""

    def __init__(self, units: Units) -> None:
        """Look at units."""
        self._units = units

    def __getitem__(self, name: str) -> MarginUnit:
        """Return the cross unit of an account."""
        store = self._units.store
        number = store.numbers.find(name)
        if number == NONE:
            raise KeyError(name)
        return self._units.look(store.accounts.unit[number])

    def __iter__(self) -> Iterator[str]:
        """Yield the names of accounts, in the order of their rows."""
        return (name for name in self._units.store.names if name is not None)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._units.store.numbers)


def owns_payment(unit: MarginUnit, payment: PendingPayment) -> bool:
    """Return whether a pending payment counts in this unit."""
    return unit.key == payment.key if payment.isolated else unit.key is None
