"""What the slow twin knows: plain records, exact fractions, and how numbers are written.

Nothing here is kept by differences; every question is answered from these records.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Any

from monitor.core import events, settings

UnitKey = tuple[str, str] | None  # (instrument, leg) of an isolated position; None: cross
Values = Callable[[str], Fraction | None]
DOLLARS = ("USD", "USDC", "USDT")


@dataclass
class Position:
    """A position: signed size in contracts, entry price in quote."""

    instrument: str
    leg: str
    size: Fraction
    entry_price: Fraction | None
    isolated: bool
    isolated_margin: Fraction
    listed: events.InstrumentListed  # the definition that is valid for it


@dataclass
class Relisting:
    """An instrument whose new definition has not reached everybody: those of low numbers first."""

    old: events.InstrumentListed
    stride: int
    done: int = 0


@dataclass
class Pending:
    """A funding payment that is owed (> 0) and not yet booked."""

    instrument: str
    leg: str
    asset: str
    amount: Fraction
    funding_id: str | None
    isolated: bool = False  # owed by an isolated position: counts in its unit alone


@dataclass
class Episode:
    """A time under water: what has been incurred so far, by asset."""

    episode_id: str
    incurred: dict[str, Fraction] = field(default_factory=dict)


@dataclass
class Unit:
    """What is remembered of a margin unit: the rest is computed."""

    state: str = "healthy"
    state_known: str = "healthy"
    episode: Episode | None = None
    liquidating: bool = False


@dataclass
class Liquidation:
    """A liquidation under way: the unit it started in, and its fills since."""

    unit_key: UnitKey
    size: Fraction
    bankruptcy_price: Fraction | None
    instrument: str = ""
    margin: Fraction = Fraction(0)  # of an isolated position, at the start
    entry_price: Fraction | None = None
    fills: list[tuple[Fraction, Fraction, Fraction]] = field(default_factory=list)  # with fees
    episode: Episode | None = None  # of an isolated unit that is gone
    closed: bool = False  # its isolated position was closed since, whatever was opened then
    owed: Fraction = Fraction(0)  # in funding, when it was closed
    equity: Fraction | None = None  # of the unit at the start


@dataclass
class Account:
    """One account."""

    name: str
    owner: str
    role: str = "client"
    seq: int = 0
    suspect: bool = False
    balances: dict[str, Fraction] = field(default_factory=dict)
    positions: dict[tuple[str, str], Position] = field(default_factory=dict)
    pending: list[Pending] = field(default_factory=list)
    orders: dict[str, events.OrdersRecord] = field(default_factory=dict)
    change: list[events.AccountEvent] = field(default_factory=list)
    change_opened_ns: int = 0
    units: dict[UnitKey, Unit] = field(default_factory=lambda: {None: Unit()})
    liquidations: dict[str, Liquidation] = field(default_factory=dict)
    episode_counts: dict[str, int] = field(default_factory=dict)

    def unit_key(self, instrument: str, leg: str) -> UnitKey:
        """Return the unit that a position belongs to."""
        position = self.positions.get((instrument, leg))
        return (instrument, leg) if position is not None and position.isolated else None

    def next_episode(self, key: UnitKey) -> Episode:
        """Return the next episode of a unit, numbered."""
        parts = [self.name] if key is None else [self.name, *key]
        name = "/".join(part.replace("/", "//") for part in parts)
        self.episode_counts[name] = self.episode_counts.get(name, 0) + 1
        return Episode(f"{name}:{self.episode_counts[name]}")

    def unit_keys(self) -> list[UnitKey]:
        """Return all units that exist, the cross unit first."""
        isolated = [key for key, position in self.positions.items() if position.isolated]
        return [None, *sorted(isolated)]


@dataclass
class Draw:
    """What we let a fund pay and its owner has not reported yet."""

    liquidation_id: str
    event_ns: int
    paid: Fraction


@dataclass
class Fund:
    """An insurance fund as last reported, and our own draws since."""

    asset: str
    balance: Fraction = Fraction(0)
    draws: list[Draw] = field(default_factory=list)
    drawn: Fraction = Fraction(0)
    credited: Fraction = Fraction(0)
    uncovered: Fraction = Fraction(0)
    paid: list[tuple[int, Fraction]] = field(default_factory=list)  # when, in engine time

    @property
    def available(self) -> Fraction:
        """Return what the next draw finds."""
        return max(Fraction(0), self.balance - sum(draw.paid for draw in self.draws))


@dataclass
class Tick:
    """What one event said about a mark: `extremes` holds its price, high and low."""

    event_number: int
    time_ns: int
    price: Fraction
    extremes: tuple[Fraction, ...]


@dataclass
class World:
    """Everything."""

    settings: settings.EngineSettings
    engine_ns: int = 0
    instruments: dict[str, events.InstrumentListed] = field(default_factory=dict)
    collaterals: dict[str, events.CollateralListed] = field(default_factory=dict)
    marks: dict[str, Fraction] = field(default_factory=dict)
    ticks: dict[str, list[Tick]] = field(default_factory=dict)
    indices: dict[str, Fraction] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    funds: dict[str, Fund] = field(default_factory=dict)
    booked: dict[tuple[str, str], Fraction] = field(default_factory=dict)
    assets_booked: set[str] = field(default_factory=set)
    closed: dict[str, int] = field(default_factory=dict)  # the last seq of accounts that are gone
    relistings: dict[str, Relisting] = field(default_factory=dict)
    shortfall: Fraction = Fraction(0)
    changes: list[tuple[int, str, str, str, Fraction]] = field(default_factory=list)
    vault_draws: list[tuple[str, int, Fraction]] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)  # by id: naive_waterfall_ledger.Kept

    def show_vault(self, account: str, event_ns: int) -> None:
        """Let a balance of a vault include what was drawn on it up to its time."""
        self.vault_draws = [
            draw for draw in self.vault_draws if draw[0] != account or draw[1] > event_ns
        ]

    def value(self, asset: str) -> Fraction | None:
        """Return the price of one unit of an asset in the valuation currency."""
        if asset in self.collaterals:
            index = self.collaterals[asset].index
            return Fraction(1) if index is None else self.indices.get(index)
        if asset in DOLLARS:
            return Fraction(1)
        index = self.coin_index(asset)
        return None if index is None else self.indices.get(index)

    def coin_index(self, asset: str) -> str | None:
        """Return the index that values a coin because an inverse instrument settles in it."""
        for name in sorted(self.instruments):
            listed = self.instruments[name]
            coin = listed.base == listed.settlement_currency == asset
            if listed.kind == "inverse" and coin and listed.index is not None:
                return listed.index
        return None

    def counts(self, asset: str) -> bool:
        """Return whether a positive balance of an asset is collateral."""
        return (
            asset in self.collaterals
            or asset in DOLLARS
            or any(asset == listed.settlement_currency for listed in self.instruments.values())
        )

    def minor_unit(self, asset: str) -> Fraction:
        """Return the smallest amount of an asset."""
        listed = self.collaterals.get(asset)
        return Fraction(listed.minor_unit if listed else "0.00000001")


def floor_to(value: Fraction, unit: Fraction) -> Fraction:
    """Return the largest multiple of a unit that is not above a value."""
    return math.floor(value / unit) * unit


def ceil_to(value: Fraction, unit: Fraction) -> Fraction:
    """Return the smallest multiple of a unit that is not below a value."""
    return math.ceil(value / unit) * unit


def half_even_to(value: Fraction, unit: Fraction) -> Fraction:
    """Return the nearest multiple of a unit, an even one at a tie."""
    return round(value / unit) * unit


def exact(value: Fraction) -> str:
    """Return a number that has a finite decimal form as it is."""
    places = 0
    while (value * 10**places).denominator != 1:
        places += 1
    return _plain(Decimal((value * 10**places).numerator).scaleb(-places, Context(prec=200)))


def significant(value: Fraction, digits: int = 12) -> str:
    """Return a number rounded to so many significant digits, half to even."""
    context = Context(prec=digits, rounding=ROUND_HALF_EVEN, Emax=10**9, Emin=-(10**9))
    return _plain(context.divide(Decimal(value.numerator), Decimal(value.denominator)))


def _plain(number: Decimal) -> str:
    written = f"{number:f}"
    if "." in written:
        written = written.rstrip("0").rstrip(".")
    return "0" if written == "-0" else written
