"""What is told of a few sides at a time: Gini, who pays, overlap, and how ranks move."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.analysis.selection import Counts, Floats
from monitor.analysis.shadow import Payer, Paying

PAYERS_TOLD = 12
RANKS_KEPT = 100


@dataclass(frozen=True)
class PlanDetails:
    """One policy's plan for one side, told of accounts; None: the round before is not known."""

    gini: float | None
    instability: float | None
    overlap: float | None
    payers: list[Payer]


def gini(taken: Floats) -> float | None:
    """Return the Gini coefficient of burdens over all candidates, those with nothing included.

    0 is equal; None when nothing is borne. Burdens of 0 and 10 give 0.5.
    """
    total, count = float(taken.sum()), len(taken)
    if total <= 0.0:
        return None
    borne = np.sort(taken[taken > 0.0])
    ranks = np.arange(count - len(borne) + 1, count + 1)
    return 2.0 * float((ranks * borne).sum()) / (count * total) - (count + 1) / count


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float | None:
    """Return how many are in both, of all in either; None when there is none."""
    either = int((one | other).sum())
    return int((one & other).sum()) / either if either else None


def instability(before: list[int], now: list[int]) -> float | None:
    """Return how far those who paid most have moved, 0 (nobody) to 1 (all are gone).

    A place lost or won counts 1 / RANKS_KEPT, being gone 1. None without a round before.
    """
    if not before:
        return None
    places = {unit: place for place, unit in enumerate(now)}
    moves = [
        min(abs(places[unit] - place), RANKS_KEPT) / RANKS_KEPT if unit in places else 1.0
        for place, unit in enumerate(before)
    ]
    return sum(moves) / len(moves)


class RankKeeper:
    """Remembers who paid most on each side under each policy."""

    def __init__(self) -> None:
        """Begin with no round."""
        self._before: dict[tuple[str, int, int], list[int]] = {}

    def details(
        self, key: tuple[str, int], plans: list[Paying], configured: int
    ) -> list[PlanDetails]:
        """Return what is told of a side's plans, by policy; `key`: the (instrument, side)."""
        told = []
        venue = plans[configured].taken > 0.0
        for policy, plan in enumerate(plans):
            largest = plan.largest(RANKS_KEPT)
            ranks = [payer.unit for payer in largest]
            own = (*key, policy)
            told.append(
                PlanDetails(
                    gini(plan.taken),
                    instability(self._before.get(own, []), ranks),
                    overlap(plan.taken > 0.0, venue),
                    largest[:PAYERS_TOLD],
                )
            )
            self._before[own] = ranks
        return told

    def keep(self, instruments: set[str]) -> None:
        """Forget what is not listed any more."""
        self._before = {key: ranks for key, ranks in self._before.items() if key[0] in instruments}


def sides_by_turns(turn: int, count: int, sides: Counts) -> list[int]:
    """Return the sides whose turn it is: `count` of them, all within len / count turns."""
    if not len(sides):
        return []
    begin = turn * count % len(sides)
    return [int(side) for side in np.roll(sides, -begin)[:count]]
