"""Shadow deleveraging: what every policy would take now, on every side of every instrument.

`Shadow(terms, positions)` asks; `all_sides` answers with numbers for every side and policy,
`one_side` with the accounts of one. Pure: arrays in, arrays out. docs/model/shadow.md.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from monitor.analysis.burdens import BURDENS, COUNTERPARTIES_MAX, feasible_lots, weigh
from monitor.analysis.positions import Positions, Terms
from monitor.analysis.rounds import (
    Room,
    find_bankrupt,
    gather_candidates,
    make_room,
)
from monitor.analysis.selection import Counts, Floats
from monitor.analysis.splits import IN_PNL, POLICIES, SEED_WORDS, split
from monitor.core.margin.index.compile import compiled

# What is told of a side beside its plans.
(
    PRICE, MOVE, MEMBERS, LOTS, NEEDED, CONCESSION, CANDIDATES, FEASIBLE_LOTS,
) = range(8)  # fmt: skip
FACTS = 8


class Answers(NamedTuple):
    """What is found: by side, and by [policy, side]; a side without a round has 0 lots."""

    facts: Floats
    burdens: Floats


class Asked(NamedTuple):
    """What is asked of a pass: a stress or 0 for the worst accounts, a cap, chances by side."""

    stress: float
    counterparties_max: int
    severity: float
    digests: Counts  # [side, word] of the seed's SHA-256


@dataclass(frozen=True)
class Payer:
    """What a policy takes from one unit: in the unit that it splits, valued, of its equity."""

    unit: int
    taken: float
    amount: float
    equity: float
    size: float


class Shadow:
    """Shadow rounds on one image's positions."""

    def __init__(
        self, terms: Terms, positions: Positions, *, counterparties_max: int = COUNTERPARTIES_MAX
    ) -> None:
        """Work on positions as `gather` made them."""
        self.terms = terms
        self.positions = positions
        self.sides = 2 * len(terms.mark)
        self._counterparties_max = counterparties_max
        units = int(positions.unit.max(initial=-1)) + 1
        self._room = make_room(positions, units)

    @property
    def bankrupt(self) -> Counts:
        """Return in which side's latest round each unit was would-be bankrupt, -1: in none."""
        return self._room.banned

    def all_sides(self, digests: Counts, *, stress: float = 0.0, severity: float = 1.0) -> Answers:
        """Return what every policy takes on every side."""
        asked = Asked(stress, self._counterparties_max, severity, digests)
        answers = Answers(
            np.zeros((self.sides, FACTS)), np.zeros((len(POLICIES), self.sides, BURDENS))
        )
        self._room.banned[:] = -1
        shadow_sides(self.terms, self.positions, self._room, asked, answers)
        return answers

    def payers(
        self, side: int, policy: int, digests: Counts, *, stress: float = 0.0, severity: float = 1.0
    ) -> list[Payer]:
        """Return everybody from whom a policy takes on one side, in the order of the book."""
        asked = Asked(stress, self._counterparties_max, severity, digests)
        self._room.banned[:] = -1
        count, concession, in_pnl = plan_side(
            self.terms, self.positions, self._room, asked, (side, policy)
        )
        room = self._room
        places = np.flatnonzero(room.taken[:count])
        units = self.positions.unit[room.place[places]]
        amounts = room.taken[places] * (1.0 if in_pnl else concession)
        columns = (units, room.taken[places], amounts, room.equity[places], room.size[places])
        return [Payer(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def digests_of(seeds: Sequence[int]) -> Counts:
    """Return the SHA-256 of seeds, one a side, as the walks of `random-walk` start from them."""
    found = np.zeros((len(seeds), SEED_WORDS), np.int64)
    for side, seed in enumerate(seeds):
        found[side] = np.frombuffer(hashlib.sha256(str(seed).encode()).digest(), ">u4")
    return found


@compiled
def shadow_sides(t: Terms, p: Positions, r: Room, asked: Asked, answers: Answers) -> None:
    """Write the answers for all sides."""
    for side in range(len(answers.facts)):
        close = find_bankrupt(t, p, r, side, asked.stress)
        facts = answers.facts[side]
        facts[PRICE], facts[MOVE], facts[MEMBERS] = close.price, close.move, close.members
        if close.lots <= 0.0 or not close.concession > 0.0:
            continue
        facts[LOTS], facts[NEEDED], facts[CONCESSION] = close.lots, close.needed, close.concession
        count = gather_candidates(t, p, r, close)
        facts[CANDIDATES] = count
        facts[FEASIBLE_LOTS] = feasible_lots(p, r, close, count, asked.counterparties_max)
        chance = (asked.digests[side], asked.severity)
        for policy in range(answers.burdens.shape[0]):
            split(r, close, count, policy, chance)
            weigh(r, close, count, policy, answers.burdens[policy, side])


@compiled
def plan_side(
    t: Terms, p: Positions, r: Room, asked: Asked, which: tuple[int, int]
) -> tuple[int, float, bool]:
    """Leave one policy's plan for one side in the room; return (candidates, concession, in pnl)."""
    side, policy = which
    close = find_bankrupt(t, p, r, side, asked.stress)
    if close.lots <= 0.0 or not close.concession > 0.0:
        return 0, 0.0, False
    count = gather_candidates(t, p, r, close)
    split(r, close, count, policy, (asked.digests[side], asked.severity))
    return count, close.concession, policy in IN_PNL
