"""The book of margin units and their float measure.

A margin unit is what is liquidated as one: an account's cross balances and positions together,
or one isolated position. `measure` gives a unit's equity and requirement in floats, with the
sensitivity that the thresholds stand on; `exact.py` gives the same in rationals.
"""

import math
from dataclasses import dataclass, field
from fractions import Fraction

from monitor.core.amounts import float_setting
from monitor.core.decisions import State
from monitor.core.ledger import Account, Position, PositionKey
from monitor.core.market import Market
from monitor.core.settings import MarginSettings

# Prices are watched within a factor e^0.1 of where a guard was set.
RADIUS_MAX = 0.1
_STRETCH = math.exp(RADIUS_MAX)
_STRETCH_TWICE = math.exp(2 * RADIUS_MAX)


class MarginRules:
    """The margin settings in the form that verdicts use."""

    __slots__ = ("call_factor", "call_ratio", "settings", "strictly_below")

    def __init__(self, settings: MarginSettings) -> None:
        """Take the settings; the call ratio is read as the decimal that was written."""
        self.settings = settings
        self.call_ratio: Fraction = float_setting(settings.margin_call_ratio)
        self.call_factor = float(1 / self.call_ratio)
        self.strictly_below = settings.liquidatable_when == "below"

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


class MarginUnit:
    """One margin unit with its verdict, its last measure and its guards.

    `key` None: the account's cross unit; else (instrument, leg) of the isolated position.
    """

    __slots__ = (
        "account",
        "episode",
        "equity",
        "gross",
        "guard_version",
        "guards",
        "key",
        "last_known",
        "liquidating",
        "liquidations",
        "maintenance",
        "sensitivity",
        "sensitivity_of_requirement",
        "state",
        "updated_ns",
    )  # fmt: skip

    def __init__(self, account: Account, key: PositionKey | None) -> None:
        """Begin healthy, not measured."""
        self.account = account
        self.key = key
        self.state: State = "healthy"
        self.last_known: State = "healthy"
        self.equity = 0.0
        self.maintenance = 0.0
        self.gross = 0.0
        self.sensitivity = 0.0
        self.sensitivity_of_requirement = 0.0
        self.guards: dict[str, tuple[float, float]] = {}
        self.guard_version = 0
        self.liquidations: set[str] = set()
        self.liquidating = False
        self.episode: Episode | None = None
        self.updated_ns = 0

    @property
    def name(self) -> str:
        """Return `account`, or `account/instrument/leg` for an isolated unit."""
        return self.account.name if self.key is None else "/".join((self.account.name, *self.key))

    def positions(self) -> list[Position]:
        """Return the open positions of the unit."""
        if self.key is not None:
            position = self.account.positions.get(self.key)
            isolated = position is not None and position.margin_mode == "isolated"
            return [position] if isolated and position is not None and position.size else []
        return [
            position
            for position in self.account.positions.values()
            if position.size and position.margin_mode == "cross"
        ]

    @property
    def is_empty(self) -> bool:
        """Return whether an isolated unit has neither a position nor margin left."""
        if self.key is None:
            return False
        position = self.account.positions.get(self.key)
        return position is None or (
            position.margin_mode != "isolated"
            or (not position.size and not position.isolated_margin)
        )


def measure(unit: MarginUnit, market: Market) -> bool:
    """Measure a unit in floats; return False when a price that it needs is missing.

    Sets equity, maintenance, gross (the sum of magnitudes that rounding errors scale with), and
    two sensitivities: while every price stays within a factor e^r (r <= RADIUS_MAX) of now,
    |equity - c x maintenance| changes by at most r x (sensitivity + c x
    sensitivity_of_requirement), for any c >= 0. The bound is the mean value theorem applied to
    each term with the log of each price as the variable.
    """
    unit.equity = unit.maintenance = unit.gross = 0.0
    unit.sensitivity = unit.sensitivity_of_requirement = 0.0
    account = unit.account
    if unit.key is None:
        for asset, units in account.balances.items():
            if units and not _measure_balance(unit, market, asset, units):
                return False
    else:
        position = account.positions.get(unit.key)
        if (
            position is not None
            and position.isolated_margin
            and not _measure_amount(
                unit, market, position.instrument.settlement, position.isolated_margin
            )
        ):
            return False
    for payment in account.pending_funding:
        if owns_payment(unit, payment.instrument, payment.leg) and not _measure_amount(
            unit, market, payment.asset, -payment.amount
        ):
            return False
    return all(_measure_position(unit, market, position) for position in unit.positions())


def owns_payment(unit: MarginUnit, instrument: str, leg: str) -> bool:
    """Return whether a pending payment of (instrument, leg) counts in this unit."""
    position = unit.account.positions.get((instrument, leg))
    isolated = position is not None and position.margin_mode == "isolated"
    return unit.key == (instrument, leg) if isolated else unit.key is None


def _measure_amount(unit: MarginUnit, market: Market, asset: str, units: int) -> bool:
    """Add an amount that counts in full."""
    value = market.value(asset)
    if value is None:
        return False
    worth = units * float(market.unit(asset).value) * value
    unit.equity += worth
    unit.gross += abs(worth)
    if market.index_of(asset) is not None:
        unit.sensitivity += abs(worth) * _STRETCH
    return True


def _measure_balance(unit: MarginUnit, market: Market, asset: str, units: int) -> bool:
    """Add a balance: a debt in full, collateral after haircuts, other assets for nothing."""
    if units < 0:
        return _measure_amount(unit, market, asset, units)
    if not market.counts(asset):
        return True
    value = market.value(asset)
    if value is None:
        return False
    worth = units * float(market.unit(asset).value) * value
    unit.gross += worth
    if market.index_of(asset) is not None:
        unit.sensitivity += worth * _STRETCH
    collateral = market.collateral.get(asset)
    unit.equity += worth if collateral is None else collateral.float_counted(worth)
    return True


def _measure_position(unit: MarginUnit, market: Market, position: Position) -> bool:
    """Add a position's pnl and requirement, and how much they can move."""
    instrument = position.instrument
    quote = market.marks.get(instrument.name)
    value = market.value(instrument.settlement)
    if quote is None or value is None:
        return False
    mark = quote.number
    quantity = position.quantity
    entry = position.entry
    if instrument.inverse:
        notional = abs(quantity) / mark
        pnl = quantity / entry - quantity / mark
        pnl_gross = abs(quantity) / entry + notional
        pnl_reach = abs(pnl) + notional * (_STRETCH - 1.0)
    else:
        notional = abs(quantity) * mark
        pnl = quantity * (mark - entry)
        pnl_gross = abs(quantity) * (mark + entry)
        pnl_reach = abs(pnl) + notional * (_STRETCH - 1.0)
    requirement, rate = instrument.schedule.float_requirement(notional, notional * _STRETCH)
    unit.equity += pnl * value
    unit.maintenance += requirement * value
    unit.gross += (pnl_gross + requirement) * value
    reach = notional * value * _STRETCH_TWICE
    unit.sensitivity += reach
    unit.sensitivity_of_requirement += reach * rate
    if market.index_of(instrument.settlement) is not None:
        unit.sensitivity += pnl_reach * value * _STRETCH
        unit.sensitivity_of_requirement += reach * rate
    return True
