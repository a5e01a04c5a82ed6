"""What every deleveraging policy takes and gives, and the checks on its answer.

A policy gets the candidates on the winning side and how many contracts must be closed, and says
from whom. It never takes more than a position holds, nor more than was asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol


@dataclass(slots=True, frozen=True)
class Candidate:
    """A position that may be deleveraged; `leg` and `owner` only name it.

    `contracts` is its magnitude; `pnl_ratio` = unrealized pnl / entry value; `leverage` =
    notional / equity, None for infinite (equity 0).
    """

    account: str
    leg: str
    contracts: Fraction
    pnl_ratio: Fraction
    leverage: Fraction | None


@dataclass(slots=True, frozen=True)
class CandidateSet:
    """The foremost candidates of a side, enough for what was asked, and how many there are."""

    foremost: list[Candidate]
    total: int


@dataclass(slots=True, frozen=True)
class Ranked:
    """A candidate at its place: `rank` 1 goes first; `score` None ranks as infinite."""

    candidate: Candidate
    score: Fraction | None
    rank: int


@dataclass(slots=True, frozen=True)
class Taken:
    """What a policy takes from one candidate, in contracts (> 0)."""

    ranked: Ranked
    contracts: Fraction


class Policy(Protocol):
    """A deleveraging policy."""

    name: str

    def float_score(self, pnl_ratio: float, leverage: float) -> float:
        """Return a score in floats that orders candidates as `rank` does, near ties aside."""

    def rank(self, candidates: Sequence[Candidate]) -> list[Ranked]:
        """Return the candidates in the order in which they would be deleveraged."""


def account_order(candidate: Candidate) -> tuple[bytes, str]:
    """Return the key that breaks ties: account by UTF-8 bytes, then leg."""
    return (candidate.account.encode(), candidate.leg)


def take_in_order(ranked: Sequence[Ranked], contracts: Fraction) -> list[Taken]:
    """Return what a queue takes: each candidate whole, until nothing is left to ask."""
    rest = contracts
    taken = []
    for place in ranked:
        if rest <= 0:
            break
        part = min(rest, place.candidate.contracts)
        taken.append(Taken(place, part))
        rest -= part
    check_taken(taken, contracts)
    return taken


def check_taken(taken: Sequence[Taken], contracts: Fraction) -> None:
    """Assert what holds for every policy's answer: 0 < part <= size, never more than asked."""
    assert sum((part.contracts for part in taken), Fraction(0)) <= contracts
    for part in taken:
        assert 0 < part.contracts <= part.ranked.candidate.contracts


def light(rank: int, total: int) -> int:
    """Return the indicator light of a rank: 5 (first fifth) to 1 (last)."""
    return 5 - (rank - 1) * 5 // total
