"""The exchange in one sentence."""

import msgspec
import pytest

from monitor.api.condition import condition
from monitor.api.history import History
from monitor.api.records import ConditionRecord
from monitor.core.view import FeedView, RiskView
from monitor.runtime.health import Health, Need
from tests.api.crash import view_at


@pytest.fixture
def health() -> Health:
    health = Health()
    health.set("kafka", "Kafka answers", is_ok=True)
    return health


def judged(view: RiskView, health: Health, *, stalled_s: float = 0.0) -> ConditionRecord:
    """Return the verdict with a history of a calm past."""
    history = History()
    history.sample(view_at(0))
    history.sample(view)
    return condition(view, health, history, stalled_s=stalled_s)


def test_a_calm_exchange(health: Health) -> None:
    verdict = judged(view_at(20), health)
    assert verdict.level == "calm"
    assert verdict.sentence == (
        "Calm: 2,000 accounts, nobody liquidatable, 20 called for margin; 4 breakers armed"
    )


def test_an_empty_exchange(health: Health) -> None:
    assert condition(RiskView(), health, History(), stalled_s=0).sentence == (
        "Calm: no accounts yet"
    )


def test_a_crash_names_the_worst_first(health: Health) -> None:
    verdict = judged(view_at(300), health)
    assert verdict.level == "critical"
    assert verdict.sentence == (
        "Breaker tripped on BTC-PERP; fund at 23 % of its peak; 412,000 USD socialized "
        "in the past 5 minutes; "
        "14 accounts bankrupt, 96 liquidatable"
    )


def test_liquidatable_accounts_alone_are_to_be_watched(health: Health) -> None:
    view = msgspec.structs.replace(view_at(20), accounts={"healthy": 9, "liquidatable": 1})
    verdict = judged(view, health)
    assert (verdict.level, verdict.sentence) == ("watch", "1 account liquidatable")


def test_a_failed_check_means_that_we_are_blind(health: Health) -> None:
    health.set("kafka", "Kafka does not answer", is_ok=False)
    verdict = judged(view_at(300), health)
    assert verdict.level == "blind"
    assert verdict.sentence.startswith("Not ready: Kafka does not answer; breaker tripped")


def test_a_degraded_part_is_only_to_be_watched(health: Health) -> None:
    health.set("redis", "Redis does not answer", is_ok=False, need=Need.DEGRADED)
    verdict = judged(view_at(20), health)
    assert (verdict.level, verdict.sentence) == ("watch", "Redis does not answer")


def test_old_numbers_are_called_old(health: Health) -> None:
    assert judged(view_at(20), health, stalled_s=9.9).level == "calm"
    verdict = judged(view_at(20), health, stalled_s=75.0)
    assert verdict.level == "blind"
    assert verdict.sentence == "No event for 75 s: the numbers are old"


def test_a_lost_feed_a_suspect_and_a_near_breaker(health: Health) -> None:
    near = msgspec.structs.replace(view_at(20).breakers[0], measured=0.07)
    view = msgspec.structs.replace(
        view_at(20),
        breakers=(near,),
        suspect_accounts=2,
        feeds=(FeedView(feed="pyth", lost=True, changed_ns=0),),
    )
    assert judged(view, health).sentence == (
        "Breaker near its limit on BTC-PERP; 2 accounts suspect; feed pyth lost"
    )
