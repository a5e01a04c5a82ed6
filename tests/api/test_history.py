"""The past minutes that a fresh console shows."""

import msgspec

from monitor.api.history import INSTRUMENTS_CHARTED, SAMPLES_KEPT, History
from monitor.core.view import InstrumentView, RiskView
from tests.api.crash import START_NS, fund_at, instrument_at, view_at


def test_samples_become_columns_of_one_length() -> None:
    history = History()
    for second in (0, 1, 2):
        assert history.sample(view_at(second))
    record = history.after(0)
    assert record.seconds == [START_NS / 1e9 + second for second in (0, 1, 2)]
    assert all(len(column) == 3 for column in record.mark_price.values())
    assert all(len(column) == 3 for column in record.accounts.values())
    assert record.fund_balance_usd["main"] == [5_000_000.0] * 3


def test_a_sample_is_taken_only_when_engine_time_moved() -> None:
    history = History()
    assert history.sample(view_at(5))
    assert not history.sample(view_at(5))
    assert not history.sample(view_at(4))
    assert history.after(0).seconds == [START_NS / 1e9 + 5]


def test_before_the_first_event_there_is_nothing_to_sample() -> None:
    assert not History().sample(RiskView())


def test_only_the_newest_samples_are_kept() -> None:
    history = History()
    for second in range(SAMPLES_KEPT + 5):
        history.sample(RiskView(engine_ns=second + 1))
    assert len(history.after(0).seconds) == SAMPLES_KEPT
    assert len(history.after(history.last_number - 2).seconds) == 2


def test_the_largest_instruments_are_charted_and_stay() -> None:
    def named(number: int, size: float) -> InstrumentView:
        one = instrument_at("BTC-PERP", 0)
        return msgspec.structs.replace(one, instrument=f"I{number:03}", open_interest_usd=size)

    history = History()
    history.sample(RiskView(engine_ns=1, instruments=tuple(named(n, n) for n in range(100))))
    charted = set(history.after(0).mark_price)
    assert charted == {f"I{number:03}" for number in range(100 - INSTRUMENTS_CHARTED, 100)}
    history.sample(RiskView(engine_ns=2, instruments=tuple(named(n, -n) for n in range(100))))
    assert set(history.after(1).mark_price) == charted


def test_the_peak_of_a_fund_is_its_highest_balance() -> None:
    history = History()
    for second in (0, 200, 220):
        history.sample(view_at(second))
    assert history.peak_usd("main") == fund_at(0).balance_usd
    assert history.peak_usd("unheard of") is None


def test_socialized_loss_counts_for_some_minutes() -> None:
    history = History()
    assert history.recent_socialized_loss_usd(view_at(300)) == 0
    history.sample(view_at(100))
    assert history.recent_socialized_loss_usd(view_at(300)) == 412_000
    history.sample(view_at(300))
    assert history.recent_socialized_loss_usd(view_at(300 + 301)) == 0
    restarted = History()
    restarted.sample(view_at(300))
    assert restarted.recent_socialized_loss_usd(view_at(301)) == 0
