"""Solved prices where a tier ends: its bound belongs to it, and what is beyond may jump."""

import pytest

from monitor.core.engine import RiskEngine
from monitor.core.events import RiskTier
from tests import random_settings
from tests.builders import Journal, tier
from tests.core.comparison import Pair
from tests.reference.naive import NaiveEngine

JUMPS_UP = [tier("10", "0.1", "0.05", "0"), tier(None, "0.2", "0.1", "0.4")]
JUMPS_DOWN = [tier("10", "0.1", "0.05", "0"), tier(None, "0.2", "0.1", "0.9")]


@pytest.mark.parametrize(
    ("when", "expected"),
    [("below", "10"), ("at_or_below", "10.1111111111111111")],
)
def test_equality_at_the_end_of_a_tier_ends_a_liquidation_where_equality_is_enough(
    when: str, expected: str
) -> None:
    """1 - 10.5 + P and 0.05 P meet at 10, where the tier ends; beyond it 0.1 P - 0.4 is more."""
    assert liquidation_price("1", "1", "10.5", JUMPS_UP, when) == expected


@pytest.mark.parametrize(
    ("when", "expected"),
    [("at_or_below", "10"), ("below", "10.3636363636363636")],
)
def test_equality_at_the_end_of_a_tier_liquidates_where_equality_is_enough(
    when: str, expected: str
) -> None:
    """0.5 + 10 - P and 0.05 P meet at 10, where the tier ends; beyond it 0.1 P - 0.9 is less."""
    assert liquidation_price("0.5", "-1", "10", JUMPS_DOWN, when) == expected


def liquidation_price(balance: str, size: str, entry: str, tiers: list[RiskTier], when: str) -> str:
    """Return it for ann at a mark of 8, as engine and twin report it."""
    journal = Journal()
    journal.list_instrument("X-PERP", risk_tiers=tiers)
    journal.mark("X-PERP", "8")
    journal.balance("ann", balance)
    journal.position("ann", "X-PERP", size, entry)
    settings = random_settings.with_margin(liquidatable_when=when)
    pair = Pair(RiskEngine(settings), NaiveEngine(settings))
    for event in journal.take():
        pair.apply(event)
        pair.check_all()
    (report,) = pair.engine.account_reports()
    return str(report["positions"][0]["liquidation_price"])
