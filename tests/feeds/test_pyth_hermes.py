"""Pyth's price updates become oracle reports."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import FeedSettings
from monitor.core.events import OracleReported
from monitor.feeds.adapter import Ignored, Parsed, Refusal
from monitor.feeds.pyth_hermes import ADAPTER, HermesState, new_state, parse, plans
from tests.feeds.frames import EVENT_MS, EVENT_NS, pyth_update

BTC_USD = "e62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43"
SETTINGS = FeedSettings(name="pyth", venue="pyth-hermes", symbols=(f"0x{BTC_USD.upper()}=BTC-USD",))


@pytest.fixture
def state() -> HermesState:
    return new_state(SETTINGS)


def test_a_price_update_is_a_report_with_every_digit(state: HermesState) -> None:
    report = OracleReported(
        event_ns=EVENT_NS,
        oracle="pyth",
        index="BTC-USD",
        price="61409.93501",
        confidence_interval="32.87868567",
        published_ns=EVENT_NS,
    )
    assert parse(pyth_update(BTC_USD), state) == Parsed([report], "price", EVENT_NS)


def test_the_subscription_names_the_ids_as_the_server_does() -> None:
    (plan,) = plans(SETTINGS)
    assert plan.path == "/ws"
    assert [json.loads(text) for text in plan.messages] == [{"type": "subscribe", "ids": [BTC_USD]}]
    assert ADAPTER.token_variable == "LOSS_MONITOR_PYTH_HERMES_TOKEN"


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"<html>401</html>", "not_json"),
        (b'{"type":"price_update"}', "unexpected_shape"),
        (b'{"price_feed":{}}', "unexpected_shape"),
        (pyth_update("ab" * 32), "unknown_symbol"),
        (pyth_update(BTC_USD, price="1.5"), "bad_number"),
        (pyth_update(BTC_USD, price="0"), "bad_number"),
        (pyth_update(BTC_USD, price="-1"), "bad_number"),
        (pyth_update(BTC_USD, price="9" * 1000), "bad_number"),
        (pyth_update(BTC_USD, conf="-1"), "bad_number"),
        (pyth_update(BTC_USD, expo=-400_000_000), "bad_number"),
        (pyth_update(BTC_USD, expo=18), "bad_number"),
        (pyth_update(BTC_USD, expo=40), "bad_number"),
        (pyth_update(BTC_USD, publish_time=-1), "bad_number"),
        (pyth_update(BTC_USD, publish_time=10**15), "bad_number"),
        (pyth_update(BTC_USD, price=6140993501000), "unexpected_shape"),
        (b'{"type":"response","status":"error","error":"unknown id"}', "venue_error"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(
    state: HermesState, frame: bytes, reason: str
) -> None:
    parsed = parse(frame, state)
    (outcome,) = parsed.outcomes
    assert isinstance(outcome, Refusal)
    assert (outcome.reason, parsed.channel) == (reason, "")


def test_other_messages_are_no_reports(state: HermesState) -> None:
    assert parse(b'{"type":"response","status":"success"}', state) == Parsed([])
    assert parse(b'{"type":"twap_update"}', state) == Parsed([Ignored("other_message")])


@given(st.binary(max_size=200))
def test_no_bytes_make_the_parser_raise(frame: bytes) -> None:
    assert parse(frame, new_state(SETTINGS)).channel == ""


@given(st.integers(1, 10**15), st.integers(-12, 0), st.integers(0, EVENT_MS // 1000))
def test_any_scaled_price_is_reported_exactly(price: int, expo: int, publish_time: int) -> None:
    frame = pyth_update(BTC_USD, price=str(price), expo=expo, publish_time=publish_time)
    (report,) = parse(frame, new_state(SETTINGS)).outcomes
    assert isinstance(report, OracleReported)
    whole, _, decimals = report.price.partition(".")
    assert int(whole + decimals) * 10 ** (-expo - len(decimals)) == price
    assert report.published_ns == publish_time * 1_000_000_000
