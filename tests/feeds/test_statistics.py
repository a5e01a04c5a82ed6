"""What a feed counts, and the metrics that come of it."""

from monitor.feeds.statistics import SAMPLE_CHARACTERS_MAX, FeedStatistics
from monitor.runtime.measurements import Measurements


def test_a_refused_frame_is_counted_and_its_start_kept_in_plain_characters() -> None:
    statistics = FeedStatistics(feed="feed")
    for frame in (b"first", b"\xff\n<html>" + b"x" * 5_000_000):
        statistics.refuse("not_json", "expected JSON", frame)
    statistics.refuse("bad_number", "expected a price", b"{}")
    assert statistics.refusals == {"not_json": 2, "bad_number": 1}
    sample = statistics.samples["not_json"]
    assert r"\xff\n<html>" in sample
    assert sample.isascii()
    assert sample.isprintable()
    assert len(sample) <= 2 * SAMPLE_CHARACTERS_MAX


def test_the_counts_become_the_feeds_metrics() -> None:
    measurements = Measurements()
    statistics = FeedStatistics(
        feed="feed", events=7, events_coalesced=3, events_dropped=1, reconnects=2
    )
    statistics.write_to(measurements)
    assert measurements.children("loss_monitor_feed_last_event_timestamp_seconds") == {}
    statistics.last_frame_ns = 1_500_000_000
    statistics.refuse("not_json", "", b"")
    statistics.refuse("bad_number", "", b"")
    statistics.write_to(measurements)
    values = {
        name: measurements.value(f"loss_monitor_feed_{name}", "feed")
        for name in ("events_total", "coalesced_total", "dropped_total", "reconnects_total",
                     "refused_total", "last_event_timestamp_seconds")
    }  # fmt: skip
    assert values == {
        "events_total": 7,
        "coalesced_total": 3,
        "dropped_total": 1,
        "reconnects_total": 2,
        "refused_total": 2,
        "last_event_timestamp_seconds": 1.5,
    }
