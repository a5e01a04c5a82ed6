"""Random margin rules: tiers and haircuts, an instrument's other rules (each rare), orders."""

from typing import Any

from hypothesis import strategies as st

from monitor.core import events
from tests.builders import tier

TIERS = [
    [tier(None, "0.1", "0.05")],
    [tier("20", "0.1", "0.05"), tier("50", "0.2", "0.1"), tier(None, "0.5", "0.25")],
    [tier("10", "0.1", "0.05", "0"), tier("30", "0.2", "0.1", "0.4")],
    [tier("2", "0.02", "0.01"), tier("4", "0.04", "0.02", "0.03")],
    [],
]
HAIRCUTS: list[dict[str, Any]] = [
    {},
    {"haircut": "0.1"},
    {
        "haircut_tiers": [
            events.HaircutTier(value_max="10", haircut="0"),
            events.HaircutTier(value_max="50", haircut="0.5"),
        ]
    },
    {"haircut_tiers": [events.HaircutTier(value_max="20", haircut="0.05"),
                       events.HaircutTier(haircut="0.2")]},
]  # fmt: skip
MODELS: list[events.MarginModel] = [
    events.Tiered(),
    events.SizeLinear(
        initial_margin_rate="0.02", maintenance_margin_rate="0.01", rate_per_unit="0.005"
    ),
    events.SizeLinear(
        initial_margin_rate="0.1", maintenance_margin_rate="0.05", rate_per_unit="0.01"
    ),
    events.OpenInterestScaled(lower="10", upper="50"),
    events.OpenInterestScaled(lower="0", upper="200"),
    events.OpenInterestScaled(lower="0", upper="0"),
    events.SquareRoot(factor="0.02"),
    events.SquareRoot(factor="0.1"),
    events.SkewScaled(skew_scale="100", ratio="1"),
    events.SkewScaled(skew_scale="10", ratio="0.05", maintenance_scalar="0.8"),
]
DEDUCTED_TIERS = [
    [tier("20", "0.1", "0.05"), tier(None, "0.2", "0.1", initial_deduction="2")],
    [tier("10", "0.1", "0.05", "0.2", "0.5"), tier("40", "0.3", "0.1", "0.7", "2.5")],
]


def rarely(one_in: int, value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy of None, and once in so many times of a value."""
    return st.integers(0, one_in - 1).flatmap(
        lambda drawn: value if drawn == one_in - 1 else st.none()
    )


def without_nothing(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that were drawn."""
    return {name: value for name, value in fields.items() if value is not None}


RULES = st.fixed_dictionaries(
    {
        "risk_tiers": rarely(6, st.sampled_from(DEDUCTED_TIERS)),
        "margin_model": rarely(2, st.sampled_from(MODELS)),
        "closing_fee_rate": rarely(3, st.sampled_from(["0.001", "0.01", "0.1"])),
        "closing_fee_basis": rarely(3, st.sampled_from(["mark_price", "bankruptcy_price"])),
        "margin_price": rarely(6, st.just("entry_price")),
        "bankruptcy_price_after_fee": rarely(5, st.just(True)),
        "hedge_margin": rarely(3, st.just("larger")),
        "liquidation_buffer_rate": rarely(6, st.sampled_from(["0.01", "0.1"])),
    }
).map(without_nothing)

ORDERS = st.fixed_dictionaries(
    {
        "bids_size": st.sampled_from(["0", "1", "3", "0.5"]),
        "asks_size": st.sampled_from(["0", "1", "3", "20"]),
        "bids_value": st.sampled_from(["0", "5", "10", "30"]),
        "asks_value": st.sampled_from(["0", "5", "10", "200.5"]),
    }
)
