"""The twin's fees, legs, solved prices, free gains and ends of liquidations, worked by hand."""

from fractions import Fraction
from typing import Any

import pytest

from monitor.core import events
from tests.builders import Journal, tier
from tests.random_settings import with_margin
from tests.reference import naive_requirements
from tests.reference.margin_cases import (
    INVERSE,
    PERP,
    figures,
    leveraged,
    prices,
    told,
    world,
)
from tests.reference.naive_world import significant


@pytest.mark.parametrize(
    ("basis", "after_fee", "maintenance"),
    [
        ("none", False, "50"),
        ("mark_price", False, "60"),  # 1 % of 1,000
        ("bankruptcy_price", False, "59"),  # 1 % of 900
    ],
)
def test_the_fee_to_close_adds_to_what_must_be_kept(
    basis: str, after_fee: bool, maintenance: str
) -> None:
    fields = {"closing_fee_rate": "0.01", "closing_fee_basis": basis}
    found = figures(leveraged(**fields, bankruptcy_price_after_fee=after_fee))
    assert found.maintenance_margin == Fraction(maintenance)
    assert found.initial_margin == 100


def test_bankrupt_after_the_fee_is_where_equity_pays_it() -> None:
    """100 + 10 (P - 100) = 0.01 x 10 P at 900 / 9.9; the fee there is 1 % of its notional."""
    fields = {"closing_fee_rate": "0.01", "bankruptcy_price_after_fee": True}
    assert prices(leveraged(**fields))[1] == Fraction(900) / Fraction("9.9")
    found = figures(leveraged(**fields, closing_fee_basis="bankruptcy_price"))
    assert found.maintenance_margin == 50 + Fraction(90) / Fraction("9.9")


def test_without_a_bankruptcy_price_there_is_no_fee_at_it() -> None:
    journal = world("100", closing_fee_rate="0.01", closing_fee_basis="bankruptcy_price")
    journal.balance("ann", "2000")
    journal.position("ann", PERP, 10, "100")
    assert figures(journal).maintenance_margin == 50


def test_a_fee_at_the_bankruptcy_price_is_held_while_a_price_is_searched() -> None:
    """100 + 10 (P - 100) = 0.5 P + 9: at 909 / 9.5; a fee on the mark moves: 900 / 9.4."""
    fields = {"closing_fee_rate": "0.01"}
    held = leveraged(**fields, closing_fee_basis="bankruptcy_price")
    assert prices(held)[0] == Fraction(909) / Fraction("9.5")
    assert prices(leveraged(**fields, closing_fee_basis="mark_price"))[0] == Fraction(900) / (
        Fraction("9.4")
    )


def test_a_share_of_maintenance_has_its_fee_and_knows_no_price_after_fee() -> None:
    """The only position has all of the share: 100 - 100 / 10."""
    settings = with_margin(bankruptcy_price="maintenance_share")
    fields: dict[str, Any] = {"closing_fee_rate": "0.01", "closing_fee_basis": "mark_price"}
    journal = leveraged(**fields, bankruptcy_price_after_fee=True)
    assert prices(journal, settings=settings)[1] == 90


def hedge(hedge_margin: str) -> Journal:
    """Return a long leg of 4 and a short leg of 1 at 10 with 5 of cash."""
    journal = world("10", hedge_margin=hedge_margin)
    journal.balance("ann", "5")
    journal.position("ann", PERP, 4, "10", leg="long")
    journal.position("ann", PERP, -1, "10", leg="short")
    return journal


@pytest.mark.parametrize(
    ("hedge_margin", "initial", "maintenance", "price"),
    [
        ("both", "5", "2.5", Fraction(25) / Fraction("2.75")),  # 5 + 3 (P - 10) = 0.25 P
        ("larger", "4", "2", Fraction(25) / Fraction("2.8")),  # ... = 0.2 P
    ],
)
def test_legs_need_both_or_the_larger_margin(
    hedge_margin: str, initial: str, maintenance: str, price: Fraction
) -> None:
    found = figures(hedge(hedge_margin))
    assert found.initial_margin == Fraction(initial)
    assert found.maintenance_margin == Fraction(maintenance)
    assert prices(hedge(hedge_margin), "long")[0] == price


def test_the_leg_that_becomes_the_larger_one_is_seen() -> None:
    """A given deduction makes 3 long need 0.3 P - 2 and 1 short 0.05 P: more, below 8.

    So 3 + 2 (P - 9) = 0.05 P at 15 / 1.95.
    """
    tiers = [tier("10", "0.1", "0.05", "0"), tier(None, "0.2", "0.1", "2")]
    journal = world("9", hedge_margin="larger", risk_tiers=tiers)
    journal.balance("ann", "3")
    journal.position("ann", PERP, 3, "9", leg="long")
    journal.position("ann", PERP, -1, "9", leg="short")
    assert prices(journal, "long")[0] == Fraction(15) / Fraction("1.95")


# --- gains, the end of a liquidation -------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "free", "withdrawable"),
    [
        ({}, 20, 20),  # 20 of cash + 10 of gain - 10 of initial margin
        ({"gain_cap": 3}, 13, 13),
        ({"gain_weight": 0.5}, 15, 15),
        ({"gain_cap": 3, "gain_weight": 0.5}, 13, 13),
        ({"gain_cap": 7, "gain_weight": 0.5}, 15, 15),
        ({"gain_cap": 0}, 10, 10),
        ({"gain_weight": 0}, 10, 10),
    ],
)
def test_of_a_gain_only_so_much_is_free(
    settings: dict[str, Any], free: int, withdrawable: int
) -> None:
    journal = world("10")
    journal.balance("ann", "20")
    journal.position("ann", PERP, 10, "9")
    found = figures(journal, with_margin(**settings))
    assert found.equity == 30
    assert found.free_collateral == free
    assert found.withdrawable == withdrawable


def test_a_loss_counts_in_full_beside_a_gain_that_does_not() -> None:
    journal = world("10")
    journal.balance("ann", "50")
    journal.position("ann", PERP, 10, "9", leg="long")
    journal.position("ann", PERP, -10, "8", leg="short")
    found = figures(journal, with_margin(gain_weight=0))
    assert found.equity == 40
    assert found.free_collateral == 50 - 20 - 20


@pytest.mark.parametrize(
    ("settings", "fields", "mark", "liquidating"),
    [
        ({}, {}, "94", True),  # equity 40, maintenance 47
        ({}, {}, "95", False),  # 50 against 47.5
        # 100 + 10 (P - 100) against 2 x 0.5 P: at 100 both are 100.
        ({"liquidation_end_ratio": 0.5}, {}, "99.9", True),
        ({"liquidation_end_ratio": 0.5}, {}, "100", True),
        ({"liquidation_end_ratio": 0.5}, {}, "100.1", False),
        ({"liquidation_end_ratio": 0.5, "liquidatable_when": "below"}, {}, "100", False),
        # A buffer of 5 % does the same as the ratio.
        ({}, {"liquidation_buffer_rate": "0.05"}, "100", True),
        ({}, {"liquidation_buffer_rate": "0.05"}, "100.1", False),
    ],
)
def test_a_liquidation_lasts_until_equity_is_clear_of_the_end_level(
    settings: dict[str, Any], fields: dict[str, Any], mark: str, liquidating: bool
) -> None:
    journal = leveraged(**fields)
    journal.mark(PERP, "92")
    journal.liquidation("started", "ann", PERP, "-10", "90")
    journal.liquidation("finished", "ann", PERP, "0")
    journal.mark(PERP, mark)
    twin = told(journal, with_margin(**settings))
    assert twin.world.accounts["ann"].units[None].liquidating is liquidating


# --- curved pieces -------------------------------------------------------------------------------


def curved(model: events.MarginModel) -> Journal:
    """Return a long of 100 USD at 10 with 5 coins; the coin has an index of its own."""
    journal = world("10", "inverse", margin_model=model, index="BTC")
    journal.index("BTC", "10")
    journal.balance("ann", "5", "BTC")
    journal.position("ann", INVERSE, 100, "10")
    return journal


def test_the_root_of_a_curved_piece_is_that_of_its_polynomial() -> None:
    """With n coins: 15 - n = 0.05 n + 0.01 n^2, n = (sqrt(1.1025 + 0.6) - 1.05) / 0.02."""
    model = events.SizeLinear(
        initial_margin_rate="0.1", maintenance_margin_rate="0.05", rate_per_unit="0.01"
    )
    price, _ = prices(curved(model), settings=with_margin(moves_with_index=False))
    assert price is not None
    coins = (naive_requirements.root(Fraction("1.7025")) - Fraction("1.05")) * 50
    assert abs(price / (100 / coins) - 1) < Fraction(1, 10**16)
    residue = 15 - 100 / price * (1 + Fraction("0.05") + 1 / price)
    assert abs(residue) < Fraction(1, 10**22)
    assert significant(price, 7) == "7.849329"


def test_a_plain_piece_of_a_curved_requirement_has_an_exact_root() -> None:
    """Up to 5,000 coins the plain 5 % are the larger: 15 - n = 0.05 n."""
    journal = curved(events.SquareRoot(factor="0.0001"))
    price, _ = prices(journal, settings=with_margin(moves_with_index=False))
    assert price == 100 / (15 / Fraction("1.05"))
