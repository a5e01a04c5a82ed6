"""What the twin requires, each rule with a number worked by hand."""

from fractions import Fraction
from typing import Any

import pytest

from monitor.core import events
from tests.builders import tier
from tests.reference import naive_requirements
from tests.reference.margin_cases import (
    DERIBIT,
    DRIFT,
    DYDX,
    INVERSE,
    PERP,
    SYNTHETIX,
    figures,
    listed,
    told,
    world,
)

# --- the models ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "amount", "size", "initial", "maintenance"),
    [
        # 2 % + 0.005 % a BTC: 100 BTC at 50,000 need 2.5 %, and 1 % + 0.5 % to keep them.
        ({"margin_model": DERIBIT}, "5000000", "-100", "125000", "75000"),
        # 500,000 contracts of 10 USD at 50,000 are 100 BTC; at 25,000 they are 200 BTC: 3 %.
        ({"kind": "inverse", "margin_model": DERIBIT}, "100", "500000", "2.5", "1.5"),
        ({"kind": "inverse", "margin_model": DERIBIT}, "200", "500000", "6", "4"),
        # 4/5 x 10 % + 0.001 x sqrt(10,000) = 18 %; 4/5 x 5 % + 10 % = 14 %.
        ({"margin_model": DRIFT}, "20000", "10000", "3600", "2800"),
        # 4/5 x 10 % + 0.001 x 2 = 8.2 % is below 10 %: the plain rate stands.
        ({"margin_model": DRIFT}, "40", "4", "4", "2"),
        ({"margin_model": DRIFT, "risk_tiers": []}, "40", "4", "0.08", "0.08"),
        # 10 % + 10,000 / 1,000,000 = 11 %, and half of it to keep.
        ({"margin_model": SYNTHETIX}, "100000", "10000", "11000", "5500"),
        ({"risk_tiers": []}, "100", "10", "0", "0"),
        # The deduction eats all of it: never below 0.
        ({"risk_tiers": [tier(None, "0.1", "0.05", "9", "12")]}, "100", "10", "0", "0"),
        # 150 lie in the second tier: 30 - 5 and 0.1 x 150 - 100 x (0.1 - 0.05).
        (
            {"risk_tiers": [tier("100", "0.1", "0.05"), tier("200", "0.2", "0.1", None, "5")]},
            "150", "10", "25", "10",
        ),
        # The bound belongs to the tier below; beyond the last tier the last one stands.
        ({"risk_tiers": [tier("100", "0.1", "0.05"), tier("200", "0.2", "0.1")]},
         "100", "10", "10", "5"),
        ({"risk_tiers": [tier("100", "0.1", "0.05"), tier("200", "0.2", "0.1")]},
         "300", "10", "60", "25"),
    ],
)  # fmt: skip
def test_a_model_requires_what_its_formula_says(
    fields: dict[str, Any], amount: str, size: str, initial: str, maintenance: str
) -> None:
    event = listed(**fields)
    number, contracts = Fraction(amount), Fraction(size)
    assert naive_requirements.initial(event, number, contracts, Fraction(0)) == Fraction(initial)
    assert naive_requirements.maintenance(event, number, contracts) == Fraction(maintenance)


@pytest.mark.parametrize(
    ("interest", "rate"),
    [("35000000", "0.51"), ("20000000", "0.02"), ("0", "0.02"), ("50000000", "1"), ("99e6", "1")],
)
def test_the_initial_rate_rises_to_one_between_two_open_interests(interest: str, rate: str) -> None:
    event = listed(margin_model=DYDX, risk_tiers=[tier(None, "0.02", "0.01")])
    found = naive_requirements.initial(event, Fraction(1000), Fraction(1), Fraction(interest))
    assert found == 1000 * Fraction(rate)
    assert naive_requirements.maintenance(event, Fraction(1000), Fraction(1)) == 10


def test_an_upper_open_interest_of_zero_scales_nothing() -> None:
    model = events.OpenInterestScaled(lower="0", upper="0")
    assert naive_requirements.initial(listed(margin_model=model), Fraction(10), Fraction(1), None)


@pytest.mark.parametrize("margin_model", [DERIBIT, DRIFT, SYNTHETIX, DYDX, None])
def test_open_interest_is_the_value_of_the_larger_side(margin_model: Any) -> None:
    journal = world("20", margin_model=margin_model)
    journal.position("ann", PERP, 3, "10")
    journal.position("bob", PERP, -2, "10")
    journal.position("cay", PERP, -4, "10", margin_mode="isolated", isolated_margin="9")
    twin = told(journal)
    assert naive_requirements.open_interest(twin.world, PERP, Fraction(20)) == 120
    assert naive_requirements.open_interest(twin.world, PERP, None) is None


def test_a_square_root_is_cut_to_eighteen_decimals() -> None:
    assert naive_requirements.root(Fraction(2)) == Fraction("1.414213562373095048")
    assert naive_requirements.root(Fraction(9, 4)) == Fraction(3, 2)
    assert naive_requirements.root(Fraction(1, 10**37)) == 0


def test_margined_at_entry_the_requirement_does_not_move() -> None:
    journal = world("20", margin_price="entry_price")
    journal.balance("ann", "100")
    journal.position("ann", PERP, 10, "10")
    found = figures(journal)
    assert found.initial_margin == 10
    assert found.maintenance_margin == 5


# --- orders --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bids", "asks", "initial"),
    [
        (("3", "30"), ("0", "0"), "5"),
        (("3", "30"), ("7", "75"), "5.5"),  # sold: |20 - 75|
        (("0", "0"), ("3", "30"), "2"),  # sold only 10 are left, unsold 20
        (("0", "0"), ("0", "0"), "2"),
    ],
)
def test_orders_need_the_margin_of_their_worse_side(
    bids: tuple[str, str], asks: tuple[str, str], initial: str
) -> None:
    journal = world("10")
    journal.balance("ann", "100")
    journal.position("ann", PERP, 2, "10")
    journal.orders(
        "ann", PERP, bids_size=bids[0], bids_value=bids[1], asks_size=asks[0], asks_value=asks[1]
    )
    found = figures(journal)
    assert found.initial_margin == Fraction(initial)
    assert found.maintenance_margin == 1
    assert found.free_collateral == 100 - Fraction(initial)


def test_orders_count_in_the_size_of_a_model() -> None:
    """2 + 98 ETH are 100: 2 % + 0.5 % of 20 + 1,000."""
    journal = world("10", margin_model=DERIBIT)
    journal.balance("ann", "100")
    journal.position("ann", PERP, 2, "10")
    journal.orders("ann", PERP, bids_size="98", bids_value="1000")
    assert figures(journal).initial_margin == Fraction("25.5")


@pytest.mark.parametrize(("hedge_margin", "initial"), [("both", "6"), ("larger", "5")])
def test_bids_join_the_long_leg_and_asks_the_short_one(hedge_margin: str, initial: str) -> None:
    journal = world("10", hedge_margin=hedge_margin)
    journal.balance("ann", "100")
    journal.position("ann", PERP, 2, "10", leg="long")
    journal.orders("ann", PERP, bids_size="3", bids_value="30", asks_size="1", asks_value="10")
    assert figures(journal).initial_margin == Fraction(initial)


def test_orders_beside_an_isolated_position_are_alone_in_the_cross_unit() -> None:
    journal = world("10")
    journal.balance("ann", "100")
    journal.position("ann", PERP, -2, "10", margin_mode="isolated", isolated_margin="5")
    journal.orders("ann", PERP, bids_size="3", bids_value="30")
    assert figures(journal).initial_margin == 3


def test_orders_without_a_value_leave_the_verdict_alone() -> None:
    journal = world("10", "inverse")
    journal.balance("ann", "100")
    journal.orders("ann", INVERSE, bids_size="3", bids_value="30")
    found = figures(journal)
    assert found.initial_margin is None
    assert found.free_collateral is None
    assert found.withdrawable is None
    assert found.equity == 100


@pytest.mark.parametrize("end", ["zeros", "snapshot", "delisting"])
def test_orders_end_with_zeros_a_snapshot_and_a_delisting(end: str) -> None:
    journal = world("10")
    journal.balance("ann", "100")
    journal.orders("ann", PERP, asks_size="3", asks_value="30")
    if end == "zeros":
        journal.orders("ann", PERP)
    elif end == "snapshot":
        journal.snapshot("ann", balances={"USD": "100"})
    else:
        journal.add(events.InstrumentDelisted(event_ns=journal.now_ns, instrument=PERP))
    assert figures(journal).initial_margin == 0


def test_a_snapshot_brings_its_orders() -> None:
    journal = world("10")
    record = events.OrdersRecord(instrument=PERP, asks_size="3", asks_value="30")
    journal.snapshot("ann", balances={"USD": "100"}, orders=[record])
    assert figures(journal).initial_margin == 3
