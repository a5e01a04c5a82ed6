"""Random settings of the engine, few and telling, for tests over all of them."""

from typing import Any

from hypothesis import strategies as st

from monitor.core.settings import (
    DeleveragingSettings,
    EngineSettings,
    FundSettings,
    MarginSettings,
    PriceVelocitySettings,
    WaterfallSettings,
)
from tests.examples import LINEAR

SETTINGS = st.builds(
    EngineSettings,
    margin=st.builds(
        MarginSettings,
        margin_call_ratio=st.sampled_from([0.8, 0.5, 1.0]),
        liquidatable_when=st.sampled_from(["at_or_below", "below"]),
        bankruptcy_price=st.sampled_from(["account_zero", "maintenance_share"]),
        moves_with_index=st.booleans(),
    ),
    funds=st.sampled_from([(), (FundSettings(name="main", asset="USD"),)]),
    waterfall=st.builds(
        WaterfallSettings,
        layers=st.sampled_from(
            [
                ("insurance_fund", "deleveraging", "socialized_loss"),
                ("insurance_fund", "deleveraging", "socialized_loss"),
                ("insurance_fund", "socialized_loss"),
                ("deleveraging", "socialized_loss"),
                ("insurance_fund",),
            ]
        ),
    ),
    deleveraging=st.builds(DeleveragingSettings, price=st.sampled_from(["bankruptcy", "mark"])),
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


def with_margin(**fields: Any) -> EngineSettings:
    """Return default settings with some `[margin]` settings changed."""
    return EngineSettings(margin=MarginSettings(**fields))
