"""`minimax-leverage-factor`: water-filling on what an account is exposed to, hedges counted.

exposure_i = notional_i plus what the account holds besides of the same factor (`other_exposure`,
> 0 long), seen in the direction of the position. notional taken_i = clip(exposure_i - L x
equity_i, 0, notional_i): hedged accounts are cut less. When every exposure is 0 the rule goes on
below 0, so that the largest naked hedge stays as small as possible. A position of 100 hedged by
-90 on 10 of equity gives nothing before one of 60 without hedge on 10 is down to 10.
Source: Campbell et al. (cross margin, one factor, clipped at position size).
"""

from fractions import Fraction

from monitor.core.deleveraging.policy import (
    Floats,
    Policy,
    Ranking,
    Rough,
    Share,
    by_score,
    ratio,
)
from monitor.core.deleveraging.round import Round, Unit, Winner, settled
from monitor.core.deleveraging.water_filling import Column, take_highest


def exposure(round_: Round, winner: Winner) -> Fraction:
    """Return the account's exposure, > 0 in the direction of the position."""
    return round_.notional(winner.size) + round_.direction * winner.other_exposure


def factor_leverage(round_: Round, winner: Winner) -> Fraction | None:
    """Return exposure / equity, None for infinite (equity 0)."""
    assert winner.equity is not None
    return exposure(round_, winner) / winner.equity if winner.equity else None


def estimate(rough: Rough) -> Floats:
    """Return the factor leverages in floats."""
    return ratio(rough.exposure, rough.equity)


def split(round_: Round, _unit: Unit, lots: Fraction) -> list[Share]:
    """Return what each position gives, highest factor leverage first."""
    order = by_score(round_.winners, lambda winner: factor_leverage(round_, winner))
    finite = [winner for winner, leverage in order if leverage is not None]
    infinite = [winner for winner, leverage in order if leverage is None]
    lot = round_.notional(1)

    def column(winner: Winner, width: Fraction) -> Column:
        return Column(winner.name, exposure(round_, winner) / lot, width, winner.lots)

    first = take_highest([column(winner, Fraction(1)) for winner in infinite], int(lots))
    columns = [column(winner, settled(winner.equity or Fraction(0)) / lot) for winner in finite]
    taken = first + take_highest(columns, int(lots) - sum(first))
    return [
        Share(winner, part, leverage) for (winner, leverage), part in zip(order, taken, strict=True)
    ]


POLICY = Policy(
    name="minimax-leverage-factor",
    unit="contracts",
    needs=("equity", "other_exposure"),
    prices=("mark_price",),
    split=split,
    ranking=Ranking(factor_leverage, estimate, rests_on=("equity", "exposure")),
)
