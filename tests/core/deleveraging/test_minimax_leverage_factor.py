"""Hedges count: what an account is exposed to is cut, not what it holds."""

from dataclasses import replace
from fractions import Fraction

from monitor.core.deleveraging.minimax_leverage_factor import POLICY
from monitor.core.deleveraging.round import Round, Winner
from tests.core.deleveraging.rounds import lots_taken


def _round(*accounts: tuple[int, int]) -> Round:
    """Return winners of (lots, equity), 1 of notional a lot."""
    return Round(
        kind="linear",
        contract_size=Fraction(1),
        lot_size=Fraction(1),
        side="long",
        mark_price=Fraction(1),
        winners=tuple(
            Winner(
                account=f"{number}",
                lots=lots,
                entry_price=Fraction(1, 2),
                equity=Fraction(equity),
            )
            for number, (lots, equity) in enumerate(accounts)
        ),
    )


def test_without_hedges_it_cuts_like_leverage_alone() -> None:
    assert lots_taken(POLICY, _round((100, 10), (60, 10)), 80) == {"0": 60, "1": 20}


def test_a_hedged_account_is_cut_last() -> None:
    naked, hedged = _round((60, 10), (100, 10)).winners
    hedged = replace(hedged, other_exposure=Fraction(-90))
    round_ = replace(_round((1, 1)), winners=(naked, hedged))
    assert lots_taken(POLICY, round_, 50) == {"0": 50, "1": 0}
    assert lots_taken(POLICY, round_, 70) == {"0": 60, "1": 10}


def test_beyond_flat_the_largest_naked_hedge_stays_small() -> None:
    winners = tuple(
        replace(winner, other_exposure=-Fraction(winner.lots))
        for winner in _round((10, 10), (10, 10)).winners
    )
    assert lots_taken(POLICY, replace(_round((1, 1)), winners=winners), 10) == {"0": 5, "1": 5}
