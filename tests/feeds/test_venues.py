"""The table of venues and the configuration name the same venues."""

from typing import get_args

import msgspec
import pytest

from monitor.config import ConfigurationError, FeedSettings, parse_configuration
from monitor.feeds.venues import VENUES


def test_every_venue_that_can_be_configured_has_an_adapter() -> None:
    (field,) = (field for field in msgspec.structs.fields(FeedSettings) if field.name == "venue")
    assert set(get_args(field.type)) == set(VENUES)


def test_every_adapter_states_its_limits() -> None:
    for name, adapter in VENUES.items():
        assert adapter.url.startswith("wss://"), name
        assert 0 < adapter.frame_bytes_max <= 4_194_304, name
        assert (adapter.snapshot_path is None) == (adapter.parse_snapshot is None), name
        settings = FeedSettings(name="feed", venue=name, symbols=("A",))  # type: ignore[arg-type]
        for plan in adapter.plans(settings):
            assert plan.required_channels, f"{name}: expected a channel that must keep arriving"


@pytest.mark.parametrize(
    "line",
    ['url = "http://venue"', 'rest_url = "file:///etc/passwd"', 'symbols = ["BTC USDT"]',
     'symbols = ["=BTC"]', 'symbols = []', 'stale_after_s = 0.0', 'role = "judge"'],
)  # fmt: skip
def test_a_feed_that_cannot_work_is_refused_with_the_configuration(line: str) -> None:
    key = line.partition(" ")[0]
    lines = {"name": 'name = "a"', "venue": 'venue = "binance-usdm"', "symbols": 'symbols = ["A"]'}
    text = "\n".join(["[[feeds]]", *{**lines, key: line}.values()])
    with pytest.raises(ConfigurationError, match=f"feeds.*{key}"):
        parse_configuration(text, where="test")
