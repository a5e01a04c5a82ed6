"""More accounts than were reserved are told, once a doubling."""

from structlog.testing import capture_logs

from monitor.app.room_watch import RoomWatch
from monitor.core.view import RiskView


def told(watch: RoomWatch, healthy: int) -> list[int]:
    """Return the numbers of accounts in the warnings of one check."""
    with capture_logs() as logs:
        watch.check(RiskView(accounts={"healthy": healthy, "bankrupt": 1}))
    return [entry["known"] for entry in logs if entry["event"] == "accounts_beyond_reserved"]


def test_it_warns_beyond_the_reserved_number_and_at_each_doubling() -> None:
    watch = RoomWatch(100)
    assert [told(watch, healthy) for healthy in (99, 100, 150, 202, 500)] == [
        [], [101], [], [203], [501],
    ]  # fmt: skip
