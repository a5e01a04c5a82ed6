"""Decimal strings of venues: exact, canonical, and nothing else."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.feeds.numbers import canonical, canonical_positive, mid, mid_of_quotes, scaled

DECIMALS = st.decimals(
    min_value=Decimal(-(10**17)), max_value=Decimal(10**17), allow_nan=False, places=9
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("61800.20", "61800.2"),
        ("061800.00", "61800"),
        ("0.00", "0"),
        ("-0.0", "0"),
        ("-000.50", "-0.5"),
        ("100", "100"),
        ("000", "0"),
        ("0.000000000000000001", "0.000000000000000001"),
    ],
)
def test_a_number_has_one_form(text: str, expected: str) -> None:
    assert canonical(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "1e5", "NaN", "Infinity", "+1", ".5", "5.", " 1", "1\n", "1_000", "١", "9" * 19,
     "0." + "1" * 19, "1,5", "0x10", "--1"],
)  # fmt: skip
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a decimal"):
        canonical(text)


@pytest.mark.parametrize("text", ["0", "0.000", "-1"])
def test_a_price_is_above_zero(text: str) -> None:
    with pytest.raises(ValueError, match="above 0"):
        canonical_positive(text)


@given(DECIMALS)
def test_the_canonical_form_is_the_same_number_and_stays(number: Decimal) -> None:
    text = canonical(format(number, "f"))
    assert Decimal(text) == number
    assert canonical(text) == text


def test_the_mid_of_the_worked_example() -> None:
    assert mid_of_quotes(("61800.20", "2.507"), ("61800.30", "2.510")) == "61800.25"


def test_locked_quotes_have_their_price_as_mid_and_crossed_ones_have_none() -> None:
    assert mid_of_quotes(("10", "1"), ("10", "1")) == "10"
    assert mid_of_quotes(("10.1", "1"), ("10", "1")) is None


def test_a_side_without_size_has_no_best_price() -> None:
    with pytest.raises(ValueError, match="above 0"):
        mid_of_quotes(("10", "0"), ("11", "1"))


@given(DECIMALS, DECIMALS)
def test_the_mid_is_exact(bid: Decimal, ask: Decimal) -> None:
    assert 2 * Decimal(mid(bid, ask)) == bid + ask


@pytest.mark.parametrize(
    ("integer", "exponent", "expected"),
    [
        ("6140993501000", -8, "61409.93501"),
        ("5", 3, "5000"),
        ("-12", -3, "-0.012"),
        ("0", -8, "0"),
        ("1", -18, "0.000000000000000001"),
    ],
)
def test_a_scaled_integer_keeps_every_digit(integer: str, exponent: int, expected: str) -> None:
    assert scaled(integer, exponent) == expected


@pytest.mark.parametrize(
    ("integer", "exponent"), [("1.5", -2), ("", 0), ("1", 19), ("1", -19), ("1", 18), ("9" * 37, 0)]
)
def test_what_cannot_be_scaled_is_refused(integer: str, exponent: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        scaled(integer, exponent)
