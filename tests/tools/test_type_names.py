"""A type is told as a reader of JSON knows it."""

from typing import Any

import msgspec
import pytest

from monitor.core import events
from monitor.core.decisions import BreakerTripped
from tools.type_names import default_of, describe_type, tag_of


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (str, "text"),
        (bool, "boolean"),
        (events.Price, "decimal > 0"),
        (events.Number | None, "decimal or null"),
        (events.Identifier, "text, at most 128 characters"),
        (events.Count, "integer >= 0"),
        (events.Leg, "`net`, `long`, `short`"),
        (list[events.RiskTier], "list of ([risk_tier](#risk_tier))"),
        (dict[str, events.Price], "object: text to decimal > 0"),
        (tuple[events.Price, events.NonNegative], "[decimal > 0, decimal >= 0]"),
        (tuple[str, ...], "list of (text)"),
    ],
    ids=str,
)
def test_a_type_in_words(annotation: Any, words: str) -> None:
    assert describe_type(annotation) == words


def test_the_default_of_a_field_as_json() -> None:
    defaults = {
        field.name: default_of(field) for field in msgspec.structs.fields(events.CollateralListed)
    }
    assert defaults["minor_unit"] == '`"0.00000001"`'
    assert defaults["haircut_tiers"] == "`[]`"
    assert defaults["index"] == "`null`"
    assert defaults["asset"] == ""


def test_a_record_is_called_by_its_type_or_by_its_name_in_words() -> None:
    assert tag_of(BreakerTripped) == "breaker_tripped"
    assert tag_of(events.RiskTier) == "risk_tier"
