"""Whole lots in proportion to positions, exact to less than one lot."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.deleveraging.pro_rata_contracts import POLICY
from monitor.core.deleveraging.round import Round, Winner
from tests.core.deleveraging.rounds import lots_taken


@given(st.lists(st.integers(1, 40), min_size=1, max_size=9), st.integers(0, 300))
def test_everybody_is_within_one_lot_of_its_share(sizes: list[int], asked: int) -> None:
    winners = tuple(Winner(account=f"{n}", lots=lots) for n, lots in enumerate(sizes))
    round_ = Round(
        kind="linear",
        contract_size=Fraction(1),
        lot_size=Fraction(1),
        side="long",
        winners=winners,
    )
    taken = lots_taken(POLICY, round_, asked)
    total = min(asked, sum(sizes))
    assert sum(taken.values()) == total
    for winner in winners:
        assert abs(taken[winner.account] - Fraction(total * winner.lots, sum(sizes))) < 1
