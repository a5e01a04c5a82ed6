"""A feed is lost once, and restored once, however many connections it has."""

from monitor.core.events import FeedLost, FeedRestored
from monitor.feeds.outage import Outage
from monitor.runtime.clock import ManualClock
from tests.feeds.local_venue import Listener


async def test_lost_with_the_first_connection_and_restored_with_the_last() -> None:
    listener, clock = Listener("binance"), ManualClock(now_ns=5)
    outage = Outage(listener.report, clock, listener.statistics)
    await outage.ended("/public")
    assert listener.reports == []
    await outage.began("/public", "closed")
    await outage.began("/market", "closed too")
    await outage.began("/market", "closed again")
    await outage.ended("/public")
    assert listener.statistics.lost
    assert listener.reports == [FeedLost(event_ns=5, feed="binance", reason="closed")]
    clock.advance(1)
    await outage.ended("/market")
    assert listener.reports[1:] == [FeedRestored(event_ns=1_000_000_005, feed="binance")]
    assert not listener.statistics.lost
