"""Frames of Binance USD-M become our events, by the role of the feed."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import FeedSettings
from monitor.core.events import (
    DepthChanged,
    Event,
    FundingRateChanged,
    IndexPriceChanged,
    MarkPriceChanged,
    MarkPricesChanged,
    TradePrinted,
)
from monitor.feeds.adapter import Ignored, Outcome, Parsed, Refusal, SnapshotWanted
from monitor.feeds.binance_usdm import ADAPTER, BinanceState, new_state, parse, plans
from tests.feeds.frames import (
    EVENT_MS,
    EVENT_NS,
    combined,
    depth,
    mark_price,
    quotes,
    trade,
)

ROOT = Path(__file__).parents[2]
EXCERPT = Path(__file__).parent / "data" / "binance_usdm_btcusdt_20240808_first_400.gz"
# Frames recorded elsewhere, under licences of their own: read when the folder is named.
RECORDINGS = Path(os.environ.get("LOSS_MONITOR_RECORDINGS", ROOT / "recordings")) / "binance"


def feed(role: str = "mark", **more: Any) -> FeedSettings:
    chosen: dict[str, Any] = {"symbols": ("BTCUSDT",), "role": role, **more}
    return FeedSettings(name="binance", venue="binance-usdm", **chosen)


def state(role: str = "mark", **more: Any) -> BinanceState:
    return new_state(feed(role, **more))


def outcomes(data: Any, where: BinanceState) -> list[Outcome]:
    return parse(combined("a@stream", data), where).outcomes


def refusal(frame: bytes, where: BinanceState | None = None) -> Refusal:
    """Return the only outcome, which must be a refusal that proves no freshness."""
    parsed = parse(frame, where or state())
    (outcome,) = parsed.outcomes
    assert isinstance(outcome, Refusal), outcome
    assert parsed.channel == ""
    return outcome


# --- what the roles make of a mark price -----------------------------------------------------


def test_in_role_mark_it_margins_and_brings_the_funding_rate_once() -> None:
    where = state("mark")
    mark = MarkPriceChanged(event_ns=EVENT_NS, instrument="BTCUSDT", price="61800.1")
    funding = FundingRateChanged(
        event_ns=EVENT_NS,
        instrument="BTCUSDT",
        rate="0.0001",
        next_funding_ns=EVENT_NS + 3_600_000_000_000,
    )
    assert outcomes(mark_price(), where) == [mark, funding]
    assert outcomes(mark_price(), where) == [mark]
    changed = outcomes(mark_price(r="-0.00020000"), where)
    assert [getattr(outcome, "rate", None) for outcome in changed] == [None, "-0.0002"]


def test_in_role_reference_the_mark_only_judges_under_the_feeds_name() -> None:
    assert outcomes(mark_price(), state("reference")) == [
        IndexPriceChanged(event_ns=EVENT_NS, index="BTCUSDT", price="61800.1", source="binance")
    ]


def test_in_role_index_the_venues_index_values_collateral() -> None:
    assert outcomes(mark_price(), state("index")) == [
        IndexPriceChanged(event_ns=EVENT_NS, index="BTCUSDT", price="61790", source="exchange")
    ]


def test_a_symbol_may_have_another_name_with_us() -> None:
    (event,) = outcomes(mark_price(), state("index", symbols=("btcusdt=BTC-USD",)))
    assert isinstance(event, IndexPriceChanged)
    assert event.index == "BTC-USD"


def test_the_stream_of_all_marks_is_one_step_of_the_symbols_we_asked_for() -> None:
    where = state("mark", symbols=("BTCUSDT", "ETHUSDT"))
    array = [
        mark_price("ETHUSDT", "2600.00"),
        mark_price("DOGEUSDT", "0.10"),
        mark_price("BTCUSDT", "61800.10", r=""),
    ]
    step, funding = outcomes(array, where)
    assert step == MarkPricesChanged(
        event_ns=EVENT_NS, prices={"ETHUSDT": "2600", "BTCUSDT": "61800.1"}
    )
    assert isinstance(funding, FundingRateChanged)
    assert funding.instrument == "ETHUSDT"


def test_a_bad_element_of_the_array_is_refused_alone() -> None:
    where = state("reference", symbols=("BTCUSDT", "ETHUSDT", "XRPUSDT"))
    array = [mark_price("BTCUSDT", "-1"), {"e": "markPriceUpdate"}, mark_price("ETHUSDT", "2600")]
    parsed = parse(combined("!markPrice@arr@1s", array), where)
    number, shape, price = parsed.outcomes
    assert isinstance(number, Refusal)
    assert isinstance(shape, Refusal)
    assert (number.reason, shape.reason) == ("bad_number", "unexpected_shape")
    assert isinstance(price, IndexPriceChanged)
    assert (parsed.channel, parsed.event_ns) == ("markPrice", EVENT_NS)


# --- quotes, trades, depth, forced orders ----------------------------------------------------


def test_quotes_become_a_mark_from_their_mid() -> None:
    where = state("mark", mark_from="mid")
    assert outcomes(quotes(), where) == [
        MarkPriceChanged(event_ns=EVENT_NS, instrument="BTCUSDT", price="61800.25")
    ]
    assert refusal(combined("s", quotes(bid="61800.40")), where).reason == "crossed_book"
    assert refusal(combined("s", quotes(B="0.000")), where).reason == "bad_number"


@pytest.mark.parametrize(("buyer_is_maker", "aggressor"), [(True, "sell"), (False, "buy")])
def test_the_taker_of_a_trade_is_its_aggressor(buyer_is_maker: bool, aggressor: str) -> None:
    assert outcomes(trade(m=buyer_is_maker), state()) == [
        TradePrinted(
            event_ns=EVENT_NS,
            instrument="BTCUSDT",
            price="61800.3",
            size="0.006",
            aggressor=aggressor,
            trade_id="5266583935",
        )
    ]


def test_an_aggregate_trade_is_a_trade() -> None:
    data = {**trade(), "e": "aggTrade", "a": 77, "f": 1, "l": 2}
    (event,) = outcomes(data, state())
    assert isinstance(event, TradePrinted)
    assert event.trade_id == "77"


def test_a_trade_of_the_insurance_fund_is_counted_and_not_printed() -> None:
    assert outcomes(trade(X="INSURANCE_FUND"), state()) == [Ignored("trade_off_market")]


def test_trades_and_depth_of_another_venue_are_not_ours() -> None:
    where = state("reference")
    assert outcomes(trade(), where) == [Ignored("trade_of_another_venue")]
    assert outcomes(depth((1, 2, 0)), where) == [Ignored("depth_of_another_venue")]


def test_a_forced_order_names_no_account_so_it_is_only_counted() -> None:
    order = {"e": "forceOrder", "E": EVENT_MS, "o": {"s": "BTCUSDT", "S": "SELL", "q": "0.014"}}
    assert outcomes(order, state()) == [Ignored("forced_order")]


def test_depth_without_a_snapshot_asks_for_one() -> None:
    assert outcomes(depth((1, 2, 0)), state()) == [SnapshotWanted("BTCUSDT")]


# --- what is no event ------------------------------------------------------------------------


def test_answers_to_our_requests_are_no_events() -> None:
    assert parse(b'{"result":null,"id":1}', state()) == Parsed([])
    wrong = b'{"error":{"code":2,"msg":"Invalid request: unknown stream"},"id":1}'
    assert "Invalid request" in refusal(wrong).detail
    assert refusal(wrong).reason == "venue_error"
    assert refusal(b'{"code":3,"msg":"Invalid JSON"}').reason == "venue_error"


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"<html><body>502 Bad Gateway</body></html>", "not_json"),
        (b"", "not_json"),
        (b"\xff\xfe\x00", "not_json"),
        (combined("s", mark_price())[:60], "not_json"),
        (b'{"x":' + b"[" * 100_000, "not_json"),
        (b"null", "unexpected_shape"),
        (b"{}", "unexpected_shape"),
        (b'{"stream":"s","data":{"e":"somethingNew","E":1}}', "unexpected_shape"),
        (b'{"stream":"s","data":{"e":"bookTicker"}}', "unexpected_shape"),
        (combined("s", mark_price(E="1723161256000")), "unexpected_shape"),
        (combined("s", mark_price(E=10**18)), "unexpected_shape"),
        (combined("s", mark_price(E=-1)), "unexpected_shape"),
        (combined("s", mark_price(p=61800.1)), "unexpected_shape"),
        (combined("s", mark_price(p="NaN")), "bad_number"),
        (combined("s", mark_price(p="1e999999")), "bad_number"),
        (combined("s", mark_price(p="9" * 1_000_000)), "bad_number"),
        (combined("s", mark_price(p="0.00000000")), "bad_number"),
        (combined("s", mark_price(p="-1")), "bad_number"),
        (combined("s", mark_price(r="Infinity")), "bad_number"),
        (combined("s", trade(q="0")), "bad_number"),
        (combined("s", mark_price("DOGEUSDT")), "unknown_symbol"),
        (b'{"stream":"s","data":{"e":"trade","s":"\\ud800"}}', "not_json"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_reason(frame: bytes, reason: str) -> None:
    assert refusal(frame).reason == reason


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.binary(max_size=200))
def test_no_bytes_make_the_parser_raise(frame: bytes) -> None:
    assert parse(frame, state()).channel == ""


@given(st.sampled_from([mark_price(), quotes(), trade(), depth((1, 2, 0))]), st.data())
def test_no_damaged_field_makes_the_parser_raise(data: dict[str, Any], draw: st.DataObject) -> None:
    field = draw.draw(st.sampled_from(sorted(data)))
    damaged = {**data, field: draw.draw(JSON)}
    for outcome in outcomes(damaged, state()):
        assert isinstance(outcome, Event | Refusal | Ignored | SnapshotWanted)


# --- what is subscribed ----------------------------------------------------------------------


def streams(settings: FeedSettings) -> dict[str, list[str]]:
    """Return the streams that a feed asks for, by path."""
    return {
        plan.path: [stream for text in plan.messages for stream in json.loads(text)["params"]]
        for plan in plans(settings)
    }


def test_a_feed_that_judges_subscribes_prices_only() -> None:
    for role in ("reference", "index"):
        assert streams(feed(role)) == {"/market/stream": ["btcusdt@markPrice@1s"]}
    assert streams(feed("reference", mark_from="mid")) == {"/public/stream": ["btcusdt@bookTicker"]}


def test_a_feed_in_place_of_the_exchange_subscribes_all_that_it_has() -> None:
    assert streams(feed("mark")) == {
        "/market/stream": ["btcusdt@markPrice@1s", "btcusdt@forceOrder"],
        "/public/stream": ["btcusdt@trade", "btcusdt@depth@100ms"],
    }
    assert streams(feed("mark", mark_from="mid")) == {
        "/public/stream": ["btcusdt@bookTicker", "btcusdt@trade", "btcusdt@depth@100ms"]
    }


def test_many_symbols_share_the_stream_of_all_marks() -> None:
    many = tuple(f"S{number}USDT" for number in range(21))
    assert streams(feed("reference", symbols=many)) == {"/market/stream": ["!markPrice@arr@1s"]}


def test_requests_stay_small_and_channels_that_must_arrive_are_named() -> None:
    many = tuple(f"S{number}USDT" for number in range(150))
    (plan,) = plans(feed("mark", mark_from="mid", symbols=many))
    sizes = [len(json.loads(text)["params"]) for text in plan.messages]
    assert sizes == [200, 200, 50]
    assert plan.required_channels == ("bookTicker", "depth")


# --- recorded frames -------------------------------------------------------------------------


def test_an_excerpt_of_a_recorded_day_is_understood_whole() -> None:
    where = state("mark", mark_from="mid")
    assert ADAPTER.parse_snapshot is not None
    counts: dict[str, int] = {}
    marks: list[str] = []
    with gzip.open(EXCERPT) as lines:
        for line in lines:
            frame = line.split(b" ", 1)[1]
            is_snapshot = frame.startswith(b'{"lastUpdateId"')
            parsed = (
                ADAPTER.parse_snapshot("BTCUSDT", frame, where)
                if is_snapshot
                else parse(frame, where)
            )
            for outcome in parsed.outcomes:
                counts[type(outcome).__name__] = counts.get(type(outcome).__name__, 0) + 1
                if isinstance(outcome, MarkPriceChanged):
                    marks.append(outcome.price)
                if isinstance(outcome, DepthChanged):
                    assert len(outcome.bids) == len(outcome.asks) == 50
                    assert float(outcome.bids[0][0]) < float(outcome.asks[0][0])
    assert counts.pop("SnapshotWanted") >= 1
    assert set(counts) == {"MarkPriceChanged", "TradePrinted", "DepthChanged"}
    assert counts["MarkPriceChanged"] == 301
    assert (marks[0], marks[-1]) == ("61800.25", "61800.05")


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings folder is not here")
def test_frames_of_a_public_collection_are_understood() -> None:
    found = {}
    for path in sorted(RECORDINGS.glob("*_stream.json")):
        data = json.loads(path.read_text())
        symbol = data.get("s", "BTCUSDT")
        where = state("mark", symbols=(symbol,), mark_from="mid")
        found[path.stem] = [type(outcome).__name__ for outcome in outcomes(data, where)]
    assert found == {
        "book_ticker_stream": ["MarkPriceChanged"],
        "depth_update_stream": ["SnapshotWanted"],
        "liquidation_stream": ["Ignored"],
        "mark_price_stream": ["MarkPriceChanged", "FundingRateChanged"],
        "trade_stream": ["TradePrinted"],
    }
