"""Every text of an entry price comes back to the letter, packed or not."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitor.core.ledger.entries import MANTISSA_MAX, pack, unpack

CANONICAL = st.from_regex(r"(?:[1-9][0-9]{0,17}|0)(?:\.[0-9]{0,17}[1-9])?", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        ("0", (0, 0)),
        ("0.250", (250, 3)),
        ("50000.5", (500_005, 1)),
        ("0.000000000000000001", (1, 18)),
        ("9223372036854775807", (MANTISSA_MAX, 0)),
        ("9.223372036854775807", (MANTISSA_MAX, 18)),
    ],
)
def test_what_fits_64_bits_is_packed(text: str, packed: tuple[int, int]) -> None:
    assert pack(text) == packed
    assert unpack(*packed) == text


@pytest.mark.parametrize(
    "text",
    [
        "9223372036854775808",
        "123456789012345.678901234567891",  # 30 digits
        "0.0000000000000000001",
        "01.5", ".5", "5.", "-1", "+1", "1e5", "1_000", " 1", "1.2.3", "\u0661", "",
    ],
)  # fmt: skip
def test_what_would_not_come_back_is_not_packed(text: str) -> None:
    assert pack(text) is None


@given(CANONICAL | st.text("0123456789.-+e_ ", max_size=40))
@example("0.10")
@example("00")
def test_what_is_packed_comes_back(text: str) -> None:
    packed = pack(text)
    assert packed is None or unpack(*packed) == text


@given(CANONICAL)
def test_a_canonical_text_of_18_digits_is_always_packed(text: str) -> None:
    assert (pack(text) is not None) or len(text.replace(".", "").lstrip("0")) > 18
