"""Text, units and rationals agree, exactly."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.amounts import (
    NotRepresentableError,
    Unit,
    ceil_units,
    exact_text,
    floor_units,
    rounded_text,
    to_fraction,
)

DECIMALS = st.decimals(
    min_value=-(10**17), max_value=10**17, places=9, allow_nan=False, allow_infinity=False
).map(lambda value: format(value, "f"))


@given(DECIMALS)
def test_text_goes_to_a_rational_and_back(text: str) -> None:
    assert to_fraction(text) == Fraction(text)
    assert Fraction(exact_text(to_fraction(text))) == Fraction(text)


@given(st.integers(-(2**62), 2**62), st.sampled_from(["1", "0.01", "0.00000001", "0.25", "10"]))
def test_units_go_to_text_and_back(units: int, size: str) -> None:
    unit = Unit(size)
    assert unit.count(unit.text_of(units)) == units


@pytest.mark.parametrize(
    ("size", "text"), [("0.01", "0.001"), ("0.25", "0.3"), ("1", "4611686018427387905")]
)
def test_what_is_no_multiple_is_refused(size: str, text: str) -> None:
    with pytest.raises(NotRepresentableError, match=f"received {text}"):
        Unit(size).count(text)


def test_a_longer_text_of_the_same_value_is_accepted() -> None:
    assert Unit("0.01").count("1.5000") == 150
    assert Unit("0.01").count("-0.5") == -50


@given(st.fractions(max_denominator=10**6), st.sampled_from([12, 18]))
def test_rounding_keeps_the_significant_digits(value: Fraction, digits: int) -> None:
    text = rounded_text(value, digits)
    assert "e" not in text.lower()
    assert abs(Fraction(text) - value) <= abs(value) * Fraction(1, 10 ** (digits - 1)) / 2


@given(st.fractions(max_denominator=1000), st.sampled_from([Fraction(1, 100), Fraction(3, 7)]))
def test_floor_and_ceiling_enclose(value: Fraction, unit: Fraction) -> None:
    assert floor_units(value, unit) * unit <= value <= ceil_units(value, unit) * unit
    assert ceil_units(value, unit) - floor_units(value, unit) in (0, 1)
