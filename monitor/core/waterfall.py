"""Who bears a shortfall: insurance fund, deleveraging, socialized loss. Every layer conserves it.

A fund's reported balance is absolute; our own draws lower what the next draw finds until a
report includes them (by liquidation id, or by time).
"""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from monitor.core.events import InsuranceFundChanged


@dataclass(slots=True, frozen=True)
class Shortfall:
    """A deficit at the end of a liquidation at `event_ns`; `amount` in minor units of `asset`.

    `bankruptcy_price` is the one frozen at the start; `closed_side` the liquidated side.
    """

    event_ns: int
    account: str
    instrument: str
    leg: str
    liquidation_id: str
    asset: str
    amount: int
    closed_side: str | None
    bankruptcy_price: Fraction | None


@dataclass(slots=True, frozen=True)
class Draw:
    """One draw on a fund that no report includes yet."""

    liquidation_id: str
    amount: int
    event_ns: int


@dataclass(slots=True)
class Fund:
    """One insurance fund, in minor units of its asset."""

    name: str
    asset: str
    reported: int = 0
    reported_ns: int = 0
    draws: list[Draw] = field(default_factory=list)
    drawn: int = 0
    credited: int = 0
    uncovered: int = 0

    @property
    def available(self) -> int:
        """Return what a draw can find now, never below 0."""
        return max(0, self.reported - sum(draw.amount for draw in self.draws))

    def report(self, event: InsuranceFundChanged, balance: int) -> None:
        """Take the venue's absolute balance, and forget the draws that it includes."""
        self.reported = balance
        self.reported_ns = event.event_ns
        included = event.liquidation_ids
        if included is None:
            self.draws = [draw for draw in self.draws if draw.event_ns > event.event_ns]
        else:
            self.draws = [draw for draw in self.draws if draw.liquidation_id not in included]

    def draw(
        self, amount: int, liquidation_id: str, event_ns: int, *, cap: int | None = None
    ) -> int:
        """Pay what the fund can of `amount`, at most `cap`; return what it paid.

        paid + uncovered = amount: the next fund or layer is asked for what is uncovered.
        """
        assert amount > 0
        paid = min(self.available, amount) if cap is None else min(self.available, amount, cap)
        if paid:
            self.draws.append(Draw(liquidation_id, paid, event_ns))
        self.drawn += paid
        self.uncovered += amount - paid
        return paid

    def export_state(self) -> list[Any]:
        """Return the fund as plain values."""
        return [
            self.name,
            self.asset,
            self.reported,
            self.reported_ns,
            [[draw.liquidation_id, draw.amount, draw.event_ns] for draw in self.draws],
            str(self.drawn),
            str(self.credited),
            str(self.uncovered),
        ]

    @classmethod
    def from_state(cls, state: list[Any]) -> "Fund":
        """Return the fund that `export_state` described."""
        name, asset, reported, reported_ns, draws, drawn, credited, uncovered = state
        return cls(
            name=name,
            asset=asset,
            reported=reported,
            reported_ns=reported_ns,
            draws=[Draw(*draw) for draw in draws],
            drawn=int(drawn),
            credited=int(credited),
            uncovered=int(uncovered),
        )
