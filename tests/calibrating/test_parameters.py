"""Parameters as TOML: what is written is what is read, and null is left out."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from monitor.calibrating.parameters import toml_of

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
VALUES = st.one_of(
    st.integers(-(2**60), 2**60), st.booleans(), NAMES, st.lists(st.integers(0, 9), max_size=3)
)
ANSWERS = st.dictionaries(
    NAMES, st.one_of(VALUES, st.dictionaries(NAMES, VALUES, max_size=4)), max_size=5
)


@given(ANSWERS)
def test_what_is_written_is_read_again(answer: dict[str, object]) -> None:
    assert tomllib.loads(toml_of(answer)) == answer


def test_numbers_keep_ten_digits_and_null_is_left_out() -> None:
    text = toml_of({"a": 0.1234567890123, "b": 2.0, "c": None, "d": [{"x": 1.5, "y": None}]})
    assert tomllib.loads(text) == {"a": 0.123456789, "b": 2.0, "d": [{"x": 1.5}]}
