"""What the demo's contracts are worth, by hand."""

from fractions import Fraction

import pytest

from monitor.replay.demo.contracts import Contract, schedule
from monitor.replay.demo.decimals import fraction_text, units_text
from monitor.replay.demo.listing import CONTRACTS

LINEAR, _, INVERSE = CONTRACTS


def test_deductions_join_the_tiers() -> None:
    tiers = schedule((100, "0.02", "0.01"), (500, "0.04", "0.02"), (None, "0.1", "0.05"))
    assert [tier.deduction for tier in tiers] == [0, 1, 16]


def test_maintenance_uses_the_tier_of_the_notional() -> None:
    assert LINEAR.maintenance_margin(20_000, 500_000) == 20_000  # 1,000,000 x 2 %
    assert LINEAR.maintenance_margin(40_000, 500_000) == 45_000  # 2,000,000 x 2.5 % - 5,000


@pytest.mark.parametrize("contract", [LINEAR, INVERSE], ids=["linear", "inverse"])
@pytest.mark.parametrize("size", [1_000, -1_000], ids=["long", "short"])
def test_at_the_break_even_price_the_position_has_lost_its_margin(
    contract: Contract, size: int
) -> None:
    cost = contract.cost(size, 500_000)
    margin = Fraction(abs(cost), 10)
    ticks = contract.break_even(size, cost, margin)
    assert ticks is not None
    exact = contract.value(size, 1) * (ticks if contract.kind == "linear" else 1 / ticks)
    assert exact - cost == -margin
    assert (ticks < 500_000) == (size > 0)


def test_an_inverse_short_with_margin_for_every_price_has_no_break_even() -> None:
    cost = INVERSE.cost(-1_000, 500_000)
    assert INVERSE.break_even(-1_000, cost, Fraction(cost)) is None


def test_units_and_fractions_are_written_as_decimals() -> None:
    assert units_text(-1_234_500, 6) == "-1.2345"
    assert units_text(12_000, 3) == "12"
    assert units_text(5, 0) == "5"
    assert fraction_text(Fraction(1, 3)) == "0.333333333333333333"
