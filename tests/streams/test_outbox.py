"""The outbox: quarantine records and market records on a real broker."""

import pytest

from monitor.config import KafkaSettings
from monitor.core.events import MarkPriceChanged, MarkPricesChanged
from monitor.core.gate import decode
from monitor.runtime.vitals import Vitals
from monitor.streams.batch import LocalNumbers, Origin, Refused, Slice, compose
from monitor.streams.outbox import VALUE_BYTES_MAX, Outbox, market_record, quarantined
from tests.streams.records import PlainRecord
from tests.topic_access import read_topic


def test_a_quarantine_record_says_why_and_where_and_is_cut_at_a_megabyte() -> None:
    value = b"x" * 10_000_000
    origin = Origin("accounts", 3, 77, PlainRecord(77, value))
    (record,) = quarantined([Refused(origin, "too_long", "expected 1, received \ud800")])
    assert len(record.value) == VALUE_BYTES_MAX < 2**20
    headers = dict(record.headers)
    assert headers["reason"] == b"too_long"
    assert (headers["topic"], headers["partition"], headers["offset"]) == (
        b"accounts",
        b"3",
        b"77",
    )
    assert "element" not in headers


def test_of_an_array_only_the_refused_elements_go_to_quarantine() -> None:
    value = b'[{"type":"a"}, 7,{"type":"clock_ticked","event_ns":1},"x"]'
    records = [PlainRecord(5, value), PlainRecord(6, b'["y"]'), PlainRecord(7, b'"z"')]
    batch = compose(
        [Slice("market", 0, records)], received_ns=9, numbers=LocalNumbers("decisions", 0, 0)
    )
    assert [
        (record.value, headers["offset"], headers.get("element"))
        for record in quarantined(batch.refused)
        if (headers := dict(record.headers))
    ] == [
        (b'{"type":"a"}', b"5", b"0"),
        (b"7", b"5", b"1"),
        (b'"x"', b"5", b"3"),
        (b'"y"', b"6", b"0"),
        (b'"z"', b"7", None),
    ]
    assert [origin.element for origin in batch.origins] == [2]


def test_market_records_are_keyed_by_their_instrument() -> None:
    event = MarkPriceChanged(event_ns=1, instrument="AAA", price="5")
    record = market_record(event)
    assert record.key == b"AAA"
    assert decode(record.value) == [event]
    assert market_record(MarkPricesChanged(event_ns=1, prices={"AAA": "5"})).key is None


@pytest.mark.service
async def test_records_arrive_in_order_with_their_headers(settings: KafkaSettings) -> None:
    outbox = Outbox(settings, vitals=Vitals())
    refused = [
        Refused(Origin("accounts", 0, number, PlainRecord(number, b"%d" % number)), "not_json", "")
        for number in range(2_500)
    ]
    await outbox.send(settings.topics.quarantine, quarantined(refused))
    await outbox.close()
    records = await read_topic(settings, settings.topics.quarantine)
    assert [record.value for record in records] == [b"%d" % number for number in range(2_500)]
    assert dict(records[7].headers)["offset"] == b"7"
