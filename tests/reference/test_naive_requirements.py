"""The twin's margin rules, each with a number worked by hand."""

from fractions import Fraction
from typing import Any

import pytest

from monitor.core import events
from monitor.core.settings import EngineSettings
from tests.builders import Amount, Journal, tier
from tests.random_settings import with_margin
from tests.reference import naive_margin, naive_prices, naive_requirements
from tests.reference.naive import NaiveEngine
from tests.reference.naive_margin import Figures
from tests.reference.naive_world import significant

PERP, INVERSE = "ETH-PERP", "BTC-INV"
DERIBIT = events.SizeLinear(
    initial_margin_rate="0.02", maintenance_margin_rate="0.01", rate_per_unit="0.00005"
)
DYDX = events.OpenInterestScaled(lower="20000000", upper="50000000")
DRIFT = events.SquareRoot(factor="0.001")
SYNTHETIX = events.SkewScaled(skew_scale="1000000", ratio="1")


def listed(kind: str = "linear", **fields: Any) -> events.InstrumentListed:
    """Return a listing."""
    event = Journal().list_instrument(INVERSE if kind == "inverse" else PERP, kind, **fields)
    assert isinstance(event, events.InstrumentListed)
    return event


def world(mark: Amount = "10", kind: str = "linear", **fields: Any) -> Journal:
    """Return a journal with one instrument listed and marked."""
    journal = Journal()
    name = INVERSE if kind == "inverse" else PERP
    journal.list_instrument(name, kind, **fields)
    journal.mark(name, mark)
    return journal


def told(journal: Journal, settings: EngineSettings | None = None) -> NaiveEngine:
    """Return the twin after a journal."""
    twin = NaiveEngine(settings or EngineSettings())
    for event in journal.take():
        twin.apply(event)
    assert not twin.ledger.refused
    return twin


def figures(journal: Journal, settings: EngineSettings | None = None) -> Figures:
    """Return the figures of ann's cross unit after a journal."""
    twin = told(journal, settings)
    found = naive_margin.figures(twin.world, twin.world.accounts["ann"], None)
    assert found is not None
    return found


def prices(
    journal: Journal, leg: str = "net", settings: EngineSettings | None = None
) -> tuple[Fraction | None, Fraction | None]:
    """Return liquidation and bankruptcy price of ann's only instrument after a journal."""
    twin = told(journal, settings)
    account = twin.world.accounts["ann"]
    (instrument,) = twin.world.instruments
    position = account.positions[instrument, leg]
    return (
        naive_prices.liquidation_price(twin.world, account, position),
        naive_prices.bankruptcy_price(twin.world, account, position),
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


# --- fees, legs ----------------------------------------------------------------------------------


def leveraged(**fields: Any) -> Journal:
    """Return a long of 10 at 100 with 100 of cash: worth nothing at 90; 50 keep it at 100."""
    journal = world("100", **fields)
    journal.balance("ann", "100")
    journal.position("ann", PERP, 10, "100")
    return journal


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
