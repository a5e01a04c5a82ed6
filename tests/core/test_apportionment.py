"""Shares in proportion, with caps: nothing is lost, nothing is beyond a cap."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.apportionment import apportion, fill_in_proportion

PARTS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 20)), max_size=7)


@given(PARTS, st.integers(0, 99))
def test_shares_add_up_and_one_rate_serves_all_below_their_caps(
    parts: list[tuple[int, int]], total: int
) -> None:
    weights, caps = [weight for weight, _ in parts], [cap for _, cap in parts]
    shares = fill_in_proportion(total, weights, caps)
    able = sum(cap for weight, cap in parts if weight)
    assert sum(shares, Fraction(0)) == min(total, able)
    rates = {
        share / weight
        for share, (weight, cap) in zip(shares, parts, strict=True)
        if weight and share < cap
    }
    assert len(rates) <= 1
    rate = rates.pop() if rates else None
    for share, (weight, cap) in zip(shares, parts, strict=True):
        assert 0 <= share <= cap
        assert rate is None or share == min(cap, rate * weight)


@given(PARTS, st.integers(0, 99))
def test_whole_units_are_within_one_of_their_shares(
    parts: list[tuple[int, int]], total: int
) -> None:
    weights, caps = [weight for weight, _ in parts], [cap for _, cap in parts]
    names = [f"{number}" for number in range(len(parts))]
    units = apportion(total, weights, caps, names)
    exact = fill_in_proportion(total, weights, caps)
    assert sum(units) == sum(exact, Fraction(0))
    for unit, share, cap in zip(units, exact, caps, strict=True):
        assert abs(unit - share) < 1
        assert 0 <= unit <= cap


def test_what_a_cap_cuts_off_is_spread_again() -> None:
    assert fill_in_proportion(10, [1, 3], [9, 6]) == [4, 6]
