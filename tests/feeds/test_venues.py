"""The table of venues and the configuration name the same venues."""

from typing import get_args

import msgspec

from monitor.config import FeedSettings
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
