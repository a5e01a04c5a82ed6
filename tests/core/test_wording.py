"""A decoder's complaint is told in the house's words."""

import pytest

from monitor.core.wording import reworded


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "Expected `int`, got `str` - at `$.seq`",
            "expected `int`, received `str` - at `$.seq`",
        ),
        (
            "Object contains unknown field `foo` - at `$.service`",
            "expected known fields, received `foo` - at `$.service`",
        ),
        (
            "Object missing required field `price`",
            "expected the field `price`, received none",
        ),
        (
            "Invalid enum value 'x' - at `$.leg`",
            "expected one of the listed values, received 'x' - at `$.leg`",
        ),
        (
            "JSON is malformed: invalid character (byte 1)",
            "JSON is malformed: invalid character (byte 1)",
        ),
    ],
)
def test_it_says_what_was_expected_and_received(message: str, expected: str) -> None:
    assert reworded(ValueError(message)) == expected
