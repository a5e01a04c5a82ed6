"""Funding that is owed and not booked yet: few accounts have any, so it lies beside the columns."""

from typing import Any

PositionKey = tuple[str, str]  # instrument, leg


class PendingPayment:
    """A funding payment that is owed (> 0) and not booked yet; `amount` in minor units.

    `isolated`: an isolated position owes it, so it counts in that position's unit alone.
    """

    __slots__ = ("amount", "asset", "funding_id", "instrument", "isolated", "leg")

    def __init__(  # noqa: PLR0913 (a record's fields)
        self,
        instrument: str,
        leg: str,
        asset: str,
        amount: int,
        funding_id: str | None,
        *,
        isolated: bool,
    ) -> None:
        """Take the payment."""
        self.instrument = instrument
        self.leg = leg
        self.asset = asset
        self.amount = amount
        self.funding_id = funding_id
        self.isolated = isolated

    @property
    def key(self) -> PositionKey:
        """Return the (instrument, leg) that it was paid for."""
        return (self.instrument, self.leg)

    def export_state(self) -> list[Any]:
        """Return the payment as plain values."""
        amount = str(self.amount)
        return [self.instrument, self.leg, self.asset, amount, self.funding_id, self.isolated]
