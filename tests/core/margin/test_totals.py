"""What a unit must keep and may use, by each rule of a venue, with numbers done by hand."""

from typing import Any

import pytest

from monitor.core import events as e
from monitor.core import gate
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings, MarginSettings
from tests.builders import Journal


def told(
    balance: str, *positions: dict[str, Any], settings: MarginSettings | None = None, **rules: Any
) -> dict[str, Any]:
    """Return the report of an account that holds positions in X, marked at 100."""
    journal = Journal()
    journal.list_instrument("X", **rules)
    journal.index("X", "100")
    journal.mark("X", "100")
    asset = "X" if rules.get("kind") == "inverse" else "USD"
    if balance != "0":
        journal.balance("ann", balance, asset)
    for position in positions:
        journal.position("ann", "X", **position)
    engine = RiskEngine(EngineSettings(margin=settings or MarginSettings()))
    engine.apply(journal.events)
    assert engine.take_refused() == []
    report = engine.account_report("ann")
    assert report is not None
    return report


def long(size: str = "1", entry: str = "100", **fields: Any) -> dict[str, Any]:
    return {"size": size, "entry_price": entry, **fields}


def prices(report: dict[str, Any]) -> tuple[str, str]:
    (position,) = report["positions"]
    return position["liquidation_price"], position["bankruptcy_price"]


def test_a_closing_fee_on_the_mark_adds_its_rate() -> None:
    report = told("10", long(), closing_fee_rate="0.01", closing_fee_basis="mark_price")
    assert report["maintenance_margin"] == "6"
    assert prices(report) == ("95.7446808510638298", "90")  # 90 / (1 - 0.05 - 0.01)


def test_a_closing_fee_at_the_bankruptcy_price_is_held() -> None:
    report = told("10", long(), closing_fee_rate="0.01", closing_fee_basis="bankruptcy_price")
    assert report["maintenance_margin"] == "5.9"  # 5 % of 100, 1 % of 90
    assert prices(report) == ("95.6842105263157895", "90")  # 90.9 / 0.95


def test_a_bankruptcy_price_after_the_fee_leaves_the_fee() -> None:
    report = told(
        "0",
        long(margin_mode="isolated", isolated_margin="10"),
        closing_fee_rate="0.01",
        closing_fee_basis="bankruptcy_price",
        bankruptcy_price_after_fee=True,
    )
    # 10 + K - 100 = 0.01 K: K = 90 / 0.99, and the fee at K is held: 10 + P - 100 = 0.05 P + 0.01 K
    assert prices(report) == ("95.6937799043062201", "90.9090909090909091")


def test_margin_at_the_entry_price_moves_with_no_mark() -> None:
    report = told("30", long(entry="120"), margin_price="entry_price")
    assert (report["initial_margin"], report["maintenance_margin"]) == ("12", "6")
    assert prices(report) == ("96", "90")  # 30 + P - 120 = 6


def test_of_two_legs_the_larger_counts() -> None:
    legs = [long("3", leg="long"), long("-2", leg="short")]
    both, larger = told("100", *legs), told("100", *legs, hedge_margin="larger")
    assert (both["maintenance_margin"], larger["maintenance_margin"]) == ("25", "15")
    assert (both["initial_margin"], larger["initial_margin"]) == ("50", "30")
    # 100 + (P - 100) = 0.15 P at 0 only; as a hedge the account is safe down to there
    assert larger["positions"][0]["liquidation_price"] is None


def test_an_inverse_requirement_that_grows_with_size_has_a_bent_slack() -> None:
    report = told(
        "2",
        long("100", "100"),
        kind="inverse",
        margin_model=e.SizeLinear(
            initial_margin_rate="0.1", maintenance_margin_rate="0.05", rate_per_unit="0.01"
        ),
        settings=MarginSettings(moves_with_index=False),
    )
    # 1 coin of notional: 1 x (0.05 + 0.01 x 1) coins, worth 100 each
    assert report["maintenance_margin"] == "6"
    # with x = 100 / P: 2 + 1 - x = (0.05 + 0.01 x) x, so x = (-1.05 + sqrt(1.2225 + ...)) / 0.02
    root = (-1.05 + (1.05**2 + 4 * 0.01 * 3) ** 0.5) / 0.02
    assert float(report["positions"][0]["liquidation_price"]) == pytest.approx(
        100 / root, rel=1e-12
    )


def test_the_worst_side_of_open_orders_needs_margin() -> None:
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    journal.balance("ann", "100")
    engine = RiskEngine(EngineSettings())

    def initial() -> str:
        engine.apply(journal.take())
        report = engine.account_report("ann")
        assert report is not None
        return str(report["initial_margin"])

    orders = {"bids_size": "5", "bids_value": "450", "asks_size": "2", "asks_value": "220"}
    journal.orders("ann", "X", **orders)
    assert initial() == "45"
    journal.position("ann", "X", "-4", "100")
    assert initial() == "62"  # |-400 - 220| x 10 %
    journal.position("ann", "X", "4", "100")
    assert initial() == "85"
    journal.position("ann", "X", "4", "100", margin_mode="isolated", isolated_margin="50")
    assert initial() == "45"


def test_orders_that_scale_with_open_interest_need_an_unknown_margin_without_a_mark() -> None:
    journal = Journal()
    scaled = e.OpenInterestScaled(lower="20", upper="50")
    journal.list_instrument("X", margin_model=scaled)
    journal.balance("ann", "100")
    journal.orders("ann", "X", bids_size="5", bids_value="450", asks_size="0", asks_value="0")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())

    def told_of() -> tuple[object, ...]:
        report = engine.account_report("ann")
        assert report is not None
        return tuple(report[name] for name in ("initial_margin", "free_collateral", "withdrawable"))

    assert told_of() == (None, None, None)
    journal.mark("X", "100")
    engine.apply(journal.take())
    assert told_of() == ("45", "55", "55")  # nobody holds anything: 450 x 10 %


@pytest.mark.parametrize(
    ("weight", "cap", "free", "withdrawable"),
    [
        (1.0, None, "50", "40"),
        (0.5, None, "40", "40"),
        (0.5, 4.0, "34", "34"),
        (0.0, None, "30", "30"),
    ],
)
def test_gains_count_as_far_as_the_venue_says(
    weight: float, cap: float | None, free: str, withdrawable: str
) -> None:
    settings = MarginSettings(gain_weight=weight, gain_cap=cap)
    report = told("40", long(entry="80"), settings=settings)
    assert report["equity"] == "60"
    assert (report["free_collateral"], report["withdrawable"]) == (free, withdrawable)


def test_a_liquidation_ends_at_its_own_level() -> None:
    journal = Journal()
    journal.list_instrument("X", liquidation_buffer_rate="0.02")
    journal.mark("X", "100")
    journal.balance("ann", "4")
    journal.position("ann", "X", "1", "100")
    journal.liquidation("started", "ann", "X", "-1", None, "l")
    journal.balance("ann", "6")
    journal.liquidation("finished", "ann", "X", "-1", "100", "l")
    engine = RiskEngine(EngineSettings(margin=MarginSettings(liquidation_end_ratio=0.5)))

    def flags(price: str) -> list[str]:
        journal.mark("X", price)
        engine.apply(journal.take())
        report = engine.account_report("ann")
        assert report is not None
        return list(report["flags"])

    # level: 0.05 P / 0.5 + 0.02 P, equity: 6 + P - 100
    assert flags("101") == ["liquidating"]
    assert flags("106.8") == ["liquidating"]
    assert flags("106.9") == []
    assert flags("101") == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"closing_fee_rate": "1.1"}, "expected a rate from 0 to 1, received 1.1"),
        ({"liquidation_buffer_rate": "2"}, "expected a rate from 0 to 1, received 2"),
        (
            {"margin_model": e.OpenInterestScaled(lower="5", upper="5")},
            "expected lower < upper, or upper 0 for no scaling, received 5 and 5",
        ),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(fields: dict[str, Any], expected: str) -> None:
    listed = Journal().list_instrument("X", **fields)
    (refused,) = gate.decode(gate.encode(listed))
    assert isinstance(refused, gate.Refusal)
    assert expected in refused.detail


def test_a_bent_price_is_found_before_a_jump_and_at_tiny_prices() -> None:
    jump = [
        e.RiskTier(
            notional_max="164",
            initial_margin_rate="0.2",
            maintenance_margin_rate="0.1",
            maintenance_deduction="0",
        ),
        e.RiskTier(
            initial_margin_rate="0.3", maintenance_margin_rate="0.2", maintenance_deduction="0"
        ),
    ]
    legs = [long("2", leg="long"), long("-1", leg="short")]
    report = told("36", *legs, risk_tiers=jump, hedge_margin="larger")
    # 36 + P - 100 = 0.2 x 2 P at 106.67 above; going down the requirement falls to 16.4 at 82
    assert report["state"] == "liquidatable"
    report = told("60", *legs, risk_tiers=jump, hedge_margin="larger")
    # 60 + P - 100 = 0.4 P at 66.7, where the lower tier holds: 0.2 P at 50; above 82 it is 0.4 P
    assert report["positions"][0]["liquidation_price"] == "50"


def test_a_tiny_mark_is_solved_as_well() -> None:
    journal = Journal()
    model = e.SizeLinear(
        initial_margin_rate="0.1", maintenance_margin_rate="0.05", rate_per_unit="0.000000000001"
    )
    journal.list_instrument("X", "inverse", margin_model=model)
    journal.index("X", "0.00000000001")
    journal.mark("X", "0.00000000001")
    journal.balance("ann", "20000000000", "X")
    journal.position("ann", "X", "1", "0.00000000001")
    engine = RiskEngine(EngineSettings(margin=MarginSettings(moves_with_index=False)))
    engine.apply(journal.events)
    report = engine.account_report("ann")
    assert report is not None
    price = float(report["positions"][0]["liquidation_price"])
    notional = 1 / price
    equity = 2e10 + 1e11 - notional
    assert equity == pytest.approx(notional * (0.05 + 1e-12 * notional), rel=1e-9)
