"""The book of margin units: what is liquidated as one, and the rules of its verdict.

A margin unit is an account's cross balances and positions together, or one isolated position.
`index/` gives its verdict in floats, `totals.py` its amounts in rationals.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from monitor.core.amounts import float_setting
from monitor.core.decisions import State
from monitor.core.ledger import Account, PendingPayment, Position, PositionKey
from monitor.core.settings import MarginSettings


class MarginRules:
    """The margin settings in the form that verdicts use."""

    __slots__ = (
        "call_factor", "call_ratio", "counts_every_gain", "end_factor", "end_ratio", "gain_cap",
        "gain_weight", "settings", "strictly_below",
    )  # fmt: skip

    def __init__(self, settings: MarginSettings) -> None:
        """Take the settings; the call ratio is read as the decimal that was written."""
        self.settings = settings
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


class MarginUnit:
    """One margin unit with its verdict.

    `key` None: the account's cross unit; else (instrument, leg) of the isolated position.
    """

    __slots__ = (
        "account",
        "episode",
        "key",
        "last_known",
        "liquidating",
        "liquidations",
        "number",
        "state",
    )

    def __init__(self, account: Account, key: PositionKey | None) -> None:
        """Begin healthy, not measured."""
        self.account = account
        self.key = key
        self.state: State = "healthy"
        self.last_known: State = "healthy"
        self.number = -1  # in the threshold index, once it was judged
        self.liquidations: set[str] = set()
        self.liquidating = False
        self.episode: Episode | None = None

    @property
    def name(self) -> str:
        """Return the name that its episodes are numbered under."""
        return unit_name(self.account.name, self.key)

    @property
    def is_in_liquidation(self) -> bool:
        """Return whether a liquidation is open, or its end level is not clear yet."""
        return self.liquidating or bool(self.liquidations)

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


def owns_payment(unit: MarginUnit, payment: PendingPayment) -> bool:
    """Return whether a pending payment counts in this unit."""
    return unit.key == payment.key if payment.isolated else unit.key is None
