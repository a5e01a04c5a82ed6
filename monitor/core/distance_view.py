"""How far prices are from socializing a loss, as outsiders see it. docs/model/cascade.md."""

import msgspec

from monitor.core.decisions import Side

ALL_INSTRUMENTS = "all"  # instead of a name: every mark moves at once


class DistanceView(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Of one side of one instrument, or of `all`; worked out on the book of `as_of_ns`.

    Ratios are adverse moves of the mark (longs: a fall), null: none up to 90 %. `first_round_ratio`
    and `cascade_ratio` exhaust the instrument's fund, without and with what closes do to marks;
    `bankruptcy_ratio` leaves the first account below 0. `reproduction_ratio`: notional that the
    closes of a 5 % move make liquidatable, per unit of theirs; `loss_usd`: what the funds cannot
    pay after that move's cascade, >= 0.
    """

    instrument: str
    side: Side
    as_of_ns: int
    first_round_ratio: float | None
    cascade_ratio: float | None
    bankruptcy_ratio: float | None
    reproduction_ratio: float
    loss_usd: float


class Distances(msgspec.Struct, frozen=True, kw_only=True):
    """All sides that were looked at, the nearest first; `as_of_ns`: of the newest book."""

    as_of_ns: int
    sides: tuple[DistanceView, ...]

    @property
    def oldest_ns(self) -> int:
        """Return the moment of the oldest book that a distance is of."""
        return min((side.as_of_ns for side in self.sides), default=self.as_of_ns)
