"""A worksheet is read exactly, or refused in a sentence."""

from fractions import Fraction

import pytest

from monitor.core import worksheet
from monitor.core.worksheet import WorksheetError, exact_amount, parse_object


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "expected JSON"),
        (b"\xff", "expected JSON"),
        (b"[" * 200_000, "too many brackets"),
        (b"[]", "expected a JSON object, received an array"),
        (b"7", "expected a JSON object, received a number"),
    ],
)
def test_what_is_no_object_is_refused(raw: bytes, said: str) -> None:
    with pytest.raises(WorksheetError, match=said):
        parse_object(raw)


def test_too_many_candidates_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worksheet, "CANDIDATES_MAX", 2)
    with pytest.raises(WorksheetError, match="expected at most 2 candidates, received 3"):
        parse_object(b'{"candidates": [1, 2, 3]}')


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("1e3", 1000), ("0.1", Fraction(1, 10))])
def test_an_amount_is_exact(text: str, value: Fraction) -> None:
    assert exact_amount(text) == value


@pytest.mark.parametrize("text", ["-1", "NaN", "Infinity", "1e999", "ten", ""])
def test_no_amount(text: str) -> None:
    with pytest.raises(WorksheetError, match="expected"):
        exact_amount(text)
