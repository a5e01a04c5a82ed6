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
    Close,
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
    """What a policy takes from one unit, valued, and its equity before."""

    unit: int
    amount: float
    equity: float


class Paying(NamedTuple):
    """What a policy takes from each candidate of a side, in the order of the book.

    `taken` in the unit that it splits, `amount` valued, `equity` at the price of the round.
    """

    unit: Counts
    taken: Floats
    amount: Floats
    equity: Floats

    def largest(self, count: int) -> list[Payer]:
        """Return who pays most, the largest amount first, ties by place."""
        paying = np.flatnonzero(self.taken > 0.0)
        if len(paying) > count:
            least = np.partition(self.amount[paying], -count)[-count]
            paying = paying[self.amount[paying] >= least]
        order = paying[np.argsort(-self.amount[paying], kind="stable")][:count]
        columns = (self.unit[order], self.amount[order], self.equity[order])
        return [Payer(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


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

    def paying(
        self, side: int, digests: Counts, *, stress: float = 0.0, severity: float = 1.0
    ) -> list[Paying]:
        """Return, by policy, what it takes on one side."""
        asked = Asked(stress, self._counterparties_max, severity, digests)
        self._room.banned[:] = -1
        close, count = open_side(self.terms, self.positions, self._room, asked, side)
        return [self._paying(close, count, policy, asked) for policy in range(len(POLICIES))]

    def _paying(self, close: Close, count: int, policy: int, asked: Asked) -> Paying:
        room = self._room
        if count:
            split_side(room, close, count, policy, asked)
        units, taken = self.positions.unit[room.place[:count]], room.taken[:count].copy()
        amount = taken * (1.0 if policy in IN_PNL else close.concession)
        return Paying(units, taken, amount, room.equity[:count].copy())


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
def open_side(t: Terms, p: Positions, r: Room, asked: Asked, side: int) -> tuple[Close, int]:
    """Leave one side's candidates in the room; return (the close, how many, 0 without a round)."""
    close = find_bankrupt(t, p, r, side, asked.stress)
    if close.lots <= 0.0 or not close.concession > 0.0:
        return close, 0
    return close, gather_candidates(t, p, r, close)


@compiled
def split_side(r: Room, close: Close, count: int, policy: int, asked: Asked) -> None:
    """Leave one policy's plan for the side that was opened in the room."""
    split(r, close, count, policy, (asked.digests[close.side], asked.severity))
