"""What is told of a few sides at a time: Gini, who pays, overlap, and how ranks move."""

from dataclasses import dataclass

import numpy as np

from monitor.analysis.selection import Counts, Floats
from monitor.analysis.shadow import Payer

PAYERS_TOLD = 12
RANKS_KEPT = 100


@dataclass(frozen=True)
class PlanDetails:
    """One policy's plan for one side, told of accounts; None: the round before is not known."""

    gini: float | None
    instability: float | None
    overlap: float | None
    payers: list[Payer]


def gini(taken: Floats, candidates: int) -> float | None:
    """Return the Gini coefficient of burdens over all candidates, those with nothing included.

    0 is equal; None when nothing is borne. Burdens of 0 and 10 give 0.5.
    """
    total = float(taken.sum())
    if total <= 0.0:
        return None
    ranks = np.arange(candidates - len(taken) + 1, candidates + 1)
    weighted = float((ranks * np.sort(taken)).sum())
    return 2.0 * weighted / (candidates * total) - (candidates + 1) / candidates


def overlap(one: set[int], other: set[int]) -> float | None:
    """Return how many are in both, of all in either; None when there is none."""
    either = len(one | other)
    return len(one & other) / either if either else None


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


def by_amount(payers: list[Payer]) -> list[Payer]:
    """Return payers, the largest amount first, ties by number."""
    return sorted(payers, key=lambda payer: (-payer.amount, payer.unit))


class RankKeeper:
    """Remembers who paid most on each side under each policy."""

    def __init__(self) -> None:
        """Begin with no round."""
        self._before: dict[tuple[str, int, int], list[int]] = {}

    def details(
        self, key: tuple[str, int], plans: list[list[Payer]], candidates: int, configured: int
    ) -> list[PlanDetails]:
        """Return what is told of a side's plans, by policy; `key`: the (instrument, side)."""
        told = []
        venue = {payer.unit for payer in plans[configured]}
        for policy, payers in enumerate(plans):
            ordered = by_amount(payers)
            ranks = [payer.unit for payer in ordered[:RANKS_KEPT]]
            own = (*key, policy)
            told.append(
                PlanDetails(
                    gini(np.array([payer.taken for payer in payers]), candidates),
                    instability(self._before.get(own, []), ranks),
                    overlap({payer.unit for payer in payers}, venue),
                    ordered[:PAYERS_TOLD],
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
