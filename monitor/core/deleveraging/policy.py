"""The contract of every deleveraging policy, and what its answer is made of.

A policy is a `Policy`: the fields that it needs, the unit that it splits (whole lots, or pnl), its
score, and one pure function from a round and an amount to shares, in the order in which it would
execute them. The engine, the command and the comparison all plan with the same records; `plan`
checks every answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from monitor.core.deleveraging.round import Round, Unit, Winner

# Below this share of the magnitudes it is a difference of, a float is not good enough to rank by;
# below this leverage, a loss divided by it is not.
_SHARE_MIN = 1e-5
_LEVERAGE_MIN = 1e-7

Basis = Literal["equity", "gain", "wallet", "maintenance", "exposure"]
Floats = NDArray[np.float64]
FIRST = 1e300  # the estimate of an infinite score


@dataclass(slots=True, frozen=True)
class Share:
    """What a policy takes from a winner: whole lots, or pnl; `score` None is infinite or none."""

    winner: Winner
    taken: int | Fraction
    score: Fraction | None


@dataclass(slots=True, frozen=True, kw_only=True)
class Rough:
    """The candidates of a side in floats, in the valuation currency, a column each.

    They preselect in a large book. `lots`: the size, > 0. `price_ratio`: mark / entry, for shorts
    entry / mark. `gross` is the sum of the magnitudes that equity and wallet are made of; `other`,
    `other_gross` those of `Winner.other_exposure`. `direction`: 1 for long, -1 for short.
    """

    direction: int
    lots: Floats
    worth: Floats
    gain: Floats
    pnl_ratio: Floats
    price_ratio: Floats
    equity: Floats
    maintenance: Floats
    gross: Floats
    wallet: Floats
    other: Floats
    other_gross: Floats

    @property
    def leverage(self) -> Floats:
        """Return notional / equity, a very large number for equity 0."""
        return ratio(self.worth, self.equity)

    @property
    def exposure(self) -> Floats:
        """Return what the account is exposed to, > 0 in the direction of the position."""
        return self.worth + self.direction * self.other

    def is_sure(self, basis: Basis) -> NDArray[np.bool_]:
        """Return whether an amount is far enough from 0 for floats to have its relative value."""
        match basis:
            case "equity":
                is_large = np.abs(self.equity) > _SHARE_MIN * self.gross
                return is_large & (self.leverage > _LEVERAGE_MIN)
            case "gain":
                return np.abs(self.gain) > _SHARE_MIN * self.worth
            case "maintenance":
                return self.maintenance > _SHARE_MIN * self.worth
            case "exposure":
                return np.abs(self.exposure) > _SHARE_MIN * (self.worth + self.other_gross)
            case "wallet":
                least = _SHARE_MIN * self.gross
                return (np.abs(self.wallet) > least) & (np.abs(self.wallet + self.gain) > least)


def ratio(amount: Floats, equity: Floats) -> Floats:
    """Return amount / equity, a very large number where the equity is 0."""
    quotients: Floats = np.divide(
        amount, equity, out=np.full(len(equity), FIRST), where=equity != 0
    )
    return quotients


Split = Callable[[Round, Unit, Fraction], list[Share]]
Score = Callable[[Round, Winner], Fraction | None]


@dataclass(slots=True, frozen=True)
class Ranking:
    """What a policy ranks by: `score` exactly (None is infinite: first), `estimate` in floats.

    The estimate orders as the score does, near ties aside, where all that it `rests_on` is sure.
    """

    score: Score
    estimate: Callable[[Rough], Floats]
    rests_on: tuple[Basis, ...] = ()


@dataclass(slots=True, frozen=True)
class Policy:
    """A policy: its name, the unit that it splits, what it needs, and its function.

    `unit` None: it splits whichever unit is asked. `needs` names fields of a candidate, `prices`
    fields of the round. `split` gets the amount in lots (a whole number) or in pnl and returns a
    share for every winner, those with nothing included. `ranking` None: it has no rank.
    `takes_whole`: it takes whole positions in the order of its ranking, so those behind the last
    one reached do not matter. `may_bankrupt`: the venue's rule closes a position whatever that
    leaves of its account.
    """

    name: str
    unit: Unit | None
    needs: tuple[str, ...]
    prices: tuple[str, ...]
    split: Split
    ranking: Ranking | None
    takes_whole: bool = False
    may_bankrupt: bool = False


def name_order(winner: Winner) -> bytes:
    """Return the key that breaks every tie: the account's UTF-8 bytes, then the leg."""
    return winner.name.encode("utf-8")


def by_score(
    winners: Sequence[Winner], score: Callable[[Winner], Fraction | None]
) -> list[tuple[Winner, Fraction | None]]:
    """Return winners with their scores, highest first; None is infinite; ties by name."""
    scored = [(winner, score(winner)) for winner in winners]
    return sorted(
        scored, key=lambda pair: (pair[1] is not None, -(pair[1] or 0), name_order(pair[0]))
    )


def take_whole(order: Sequence[tuple[Winner, Fraction | None]], lots: Fraction) -> list[Share]:
    """Return what a queue takes: each position whole, in order, until nothing is asked."""
    rest = int(lots)
    shares = []
    for winner, score in order:
        taken = min(rest, winner.lots)
        shares.append(Share(winner, taken, score))
        rest -= taken
    return shares


def light(rank: int, total: int) -> int:
    """Return the indicator light of a rank: 5 (first fifth) to 1 (last)."""
    return 5 - (rank - 1) * 5 // total
