"""Random settings of the engine, few and telling, for tests over all of them."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from monitor.core.breaker_settings import PriceVelocitySettings
from monitor.core.settings import (
    DeleveragingSettings,
    EngineSettings,
    FundSettings,
    MarginSettings,
    WaterfallSettings,
)
from tests.examples import LINEAR
from tests.reference import naive_deleveraging, naive_socialization

MARGIN: dict[str, st.SearchStrategy[Any]] = {
    "margin_call_ratio": st.sampled_from([0.8, 0.5, 1.0]),
    "liquidatable_when": st.sampled_from(["at_or_below", "below"]),
    "bankruptcy_price": st.sampled_from(["account_zero", "maintenance_share"]),
    "moves_with_index": st.booleans(),
}
# What counts of gains, and where a liquidation ends: mostly as without these rules.
MORE_MARGIN: dict[str, st.SearchStrategy[Any]] = {
    "liquidation_end_ratio": st.sampled_from([1.0, 1.0, 1.0, 0.5]),
    "gain_cap": st.sampled_from([None, None, None, 0.0, 3.0]),
    "gain_weight": st.sampled_from([1.0, 1.0, 1.0, 0.5, 0.0]),
}

SETTINGS = st.builds(
    EngineSettings,
    margin=st.builds(MarginSettings, **MARGIN),
    funds=st.sampled_from(
        [
            (),
            (FundSettings(name="main", asset="USD"),),
            (
                FundSettings(name="main", asset="USD", parent="all", payout_cap=2.5),
                FundSettings(name="all", asset="USDT"),
            ),
            (FundSettings(name="main", asset="USD", payout_window_cap=1.5, payout_window_s=10.0),),
        ]
    ),
    waterfall=st.builds(
        WaterfallSettings,
        layers=st.sampled_from(
            [
                ("insurance_fund", "deleveraging", "socialized_loss"),
                ("insurance_fund", "deleveraging", "socialized_loss"),
                ("insurance_fund", "socialized_loss"),
                ("deleveraging", "socialized_loss"),
                ("insurance_fund",),
                ("liquidator_vault", "insurance_fund", "deleveraging", "socialized_loss"),
            ]
        ),
        socialized_loss=st.sampled_from(["gains-pro-rata", *naive_socialization.METHODS]),
        session_s=st.sampled_from([86_400.0, 5.0]),
        minimum_rate=st.sampled_from([0.01, 0.5]),
        index_tick=st.sampled_from([1e-8, 0.25]),
        payee_of_remainder=st.sampled_from([None, "ann"]),
        credit_rate_max=st.sampled_from([None, None, 0.0, 0.01, 1.0]),
    ),
    deleveraging=st.builds(
        DeleveragingSettings,
        policy=st.sampled_from(naive_deleveraging.POLICIES),
        price=st.sampled_from(["bankruptcy", "bankruptcy", "mark"]),
    ),
    breakers=st.sampled_from(
        [
            (),
            (PriceVelocitySettings(name="fast", lookback_s=10, limit_ratio=0.1),),
            (
                PriceVelocitySettings(
                    name="slow",
                    lookback_s=60,
                    limit_ratio=0.05,
                    release_ratio=0.04,
                    halt_s=5,
                    cool_off_s=30,
                    direction="down",
                ),
                PriceVelocitySettings(
                    name="one", scope=LINEAR, lookback_s=1, limit_ratio=0.1, cool_off_s=0
                ),
            ),
        ]
    ),
)

SETTINGS_OF_ALL_RULES = st.builds(
    msgspec.structs.replace,
    SETTINGS,
    margin=st.builds(MarginSettings, **MARGIN, **MORE_MARGIN),
)


def with_margin(**fields: Any) -> EngineSettings:
    """Return default settings with some `[margin]` settings changed."""
    return EngineSettings(margin=MarginSettings(**fields))
