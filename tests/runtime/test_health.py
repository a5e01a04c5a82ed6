"""Health: named checks add up to live and ready."""

from monitor.runtime.health import Health, Need


def test_without_checks_a_process_lives_but_is_not_ready() -> None:
    health = Health()
    assert health.is_live
    assert not health.is_ready


def test_one_failed_check_makes_it_unready_and_says_why() -> None:
    health = Health()
    health.set("log", is_ok=True)
    health.set("source", "expected Kafka at h:1, received nothing", is_ok=False)
    assert health.is_live
    assert not health.is_ready
    assert [(check.name, check.is_ok) for check in health.checks()] == [
        ("log", True),
        ("source", False),
    ]


def test_what_is_only_degraded_stays_ready() -> None:
    health = Health()
    health.set("log", is_ok=True)
    health.set("redis", "expected an answer, received none", is_ok=False, need=Need.DEGRADED)
    assert health.is_ready


def test_a_failed_need_to_live_makes_it_neither_live_nor_ready() -> None:
    health = Health()
    health.set("loop", is_ok=False, need=Need.LIVE)
    assert not health.is_live
    assert not health.is_ready


def test_setting_tells_whether_the_verdict_changed() -> None:
    health = Health()
    assert health.set("log", is_ok=False)
    assert not health.set("log", "still", is_ok=False)
    assert health.set("log", is_ok=True)


def test_a_removed_check_no_longer_counts() -> None:
    health = Health()
    health.set("log", is_ok=True)
    health.set("feed", is_ok=False)
    health.remove("feed")
    assert health.is_ready
