"""How far socialized losses are as the API tells it: records, and the nearest in one sentence."""

from monitor.api.records import Record, decimal_text, exact_text
from monitor.core.distance_view import ALL_INSTRUMENTS, Distances, DistanceView


class DistanceRecord(Record, frozen=True, kw_only=True):
    """One side of one instrument, or of `all`; ratios are adverse moves of its mark.

    `first_round_ratio` exhausts the fund without feedback, `cascade_ratio` with it,
    `bankruptcy_ratio` leaves the first account below 0; null: no move up to 0.9 does.
    `reproduction_ratio` and `loss_usd` are of a move of 0.05.
    """

    instrument: str
    side: str
    as_of_ns: int
    first_round_ratio: str | None
    cascade_ratio: str | None
    bankruptcy_ratio: str | None
    reproduction_ratio: str
    loss_usd: str


class DistancesAnswer(Record, frozen=True, kw_only=True):
    """How far socialized losses are, the nearest first: docs/model/cascade.md."""

    as_of_ns: int
    oldest_ns: int
    sentence: str
    sides: list[DistanceRecord]


def distances_answer(distances: Distances) -> DistancesAnswer:
    """Return all sides that were looked at."""
    return DistancesAnswer(
        as_of_ns=distances.as_of_ns,
        oldest_ns=distances.oldest_ns,
        sentence=sentence(distances),
        sides=[
            DistanceRecord(
                instrument=one.instrument,
                side=one.side,
                as_of_ns=one.as_of_ns,
                first_round_ratio=decimal_text(one.first_round_ratio),
                cascade_ratio=decimal_text(one.cascade_ratio),
                bankruptcy_ratio=decimal_text(one.bankruptcy_ratio),
                reproduction_ratio=exact_text(one.reproduction_ratio),
                loss_usd=exact_text(one.loss_usd),
            )
            for one in distances.sides
        ],
    )


def sentence(distances: Distances) -> str:
    """Return what the nearest move is, in one sentence."""
    nearest = next((one for one in distances.sides if one.cascade_ratio is not None), None)
    if nearest is None:
        return "No move up to 90 % exhausts an insurance fund."
    assert nearest.cascade_ratio is not None
    told = f"{_move(nearest)} of {100 * nearest.cascade_ratio:.2f} % ends in a socialized loss"
    if nearest.first_round_ratio is None:
        return f"{told}, by its cascade alone."
    return f"{told}; without its cascade it would take {100 * nearest.first_round_ratio:.2f} %."


def _move(one: DistanceView) -> str:
    of = "all marks" if one.instrument == ALL_INSTRUMENTS else one.instrument
    return f"A {'fall' if one.side == 'long' else 'rise'} in {of}"
