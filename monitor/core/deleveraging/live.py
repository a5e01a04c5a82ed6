"""The round of one side of an instrument at the present prices, for the engine."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.core.decisions import Side
from monitor.core.deleveraging.round import Round, Winner
from monitor.core.market import Market


@dataclass(slots=True, frozen=True)
class CandidateSet:
    """The foremost candidates of a side, enough for what was asked, and how many there are."""

    foremost: list[Winner]
    total: int


def round_of(market: Market, instrument: str, side: Side, winners: Sequence[Winner]) -> Round:
    """Return the round of a side at the present mark, as yet without a price of the close."""
    listed = market.instruments[instrument]
    quote = market.marks.get(instrument)
    return Round(
        kind=listed.kind,
        contract_size=listed.contract_size,
        lot_size=listed.lot_size,
        side=side,
        winners=tuple(winners),
        mark_price=None if quote is None else quote.exact,
        settlement_price=market.exact_value(listed.settlement),
        spares_counterparties=True,
    )


def seed_of(liquidation_id: str) -> int:
    """Return the seed of a random policy for the close of a liquidation: the same one on replay."""
    return int.from_bytes(hashlib.sha256(liquidation_id.encode()).digest()[:8])
