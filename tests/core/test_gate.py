"""The gate: bytes become events or refusals with a reason, whatever the bytes are."""

import json
import time
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core import events, gate
from monitor.core.amounts import exact_text
from tests.examples import EXAMPLES

CATASTROPHE_S = 0.5
MARK = '{"type":"mark_price_changed","event_ns":1,"instrument":"BTC-PERP","price":%s}'
BALANCE = (
    '{"type":"balance_changed","event_ns":1,"account":"ann","seq":1,"asset":"USD",'
    '"balance":%s,"reason":"deposit"}'
)


def only(raw: str | bytes, *, received_ns: int | None = None) -> events.Event | gate.Refusal:
    """Return the single answer of the gate."""
    answers = gate.decode(raw if isinstance(raw, bytes) else raw.encode(), received_ns=received_ns)
    assert len(answers) == 1
    return answers[0]


def refusal(raw: str | bytes, *, received_ns: int | None = None) -> gate.Refusal:
    """Return the single answer, which must be a refusal with a listed reason."""
    answer = only(raw, received_ns=received_ns)
    assert isinstance(answer, gate.Refusal), answer
    assert answer.reason in gate.REASONS
    assert answer.detail
    return answer


def price_of(number: str) -> str:
    """Return the price that the gate reads from a JSON text."""
    answer = only(MARK % number)
    assert isinstance(answer, events.MarkPriceChanged), answer
    return answer.price


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ('"1e3"', "1000"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("1e+3", "1000"),
        ("100", "100"),
        ('"100"', "100"),
        ('"1e-18"', "0.000000000000000001"),
        ("12.5e1", "125"),
        ('"1e17"', "100000000000000000"),
        ("0.1", "0.1"),
        ('"0100.50"', "100.5"),
        ('"1.500"', "1.5"),
        ("1.500", "1.5"),
        ('"00.10"', "0.1"),
        ('"000000000000000001.000000000000000000"', "1"),
        ("0.10000000000000001", "0.10000000000000001"),
        ("9007199254740993", "9007199254740993"),
        ("123456789012345678.123456789012345678", "123456789012345678.123456789012345678"),
        ('"999999999999999999.999999999999999999"', "999999999999999999.999999999999999999"),
        ('"1.000000000000000000000"', "1"),
        ('"000000000000000000000001"', "1"),
    ],
)
def test_numbers_become_canonical_and_stay_exact(written: str, canonical: str) -> None:
    if written in {'"1.000000000000000000000"', '"000000000000000000000001"'}:
        # Padding may be refused or removed, but never misread.
        answer = only(MARK % written)
        assert isinstance(answer, gate.Refusal) or answer.price == canonical  # type: ignore[attr-defined]
    else:
        assert price_of(written) == canonical


@pytest.mark.parametrize("written", ["-0.0", '"-0"', "0", '"0.00"', "-0"])
def test_zero_is_zero_however_it_is_written(written: str) -> None:
    answer = only(BALANCE % written)
    assert isinstance(answer, events.BalanceChanged)
    assert answer.balance == "0"


HOSTILE_NUMBERS = [
    "NaN", "Infinity", "-Infinity", '"NaN"', '"Infinity"', '"-inf"', '"nan"', "1e999", "1e999999",
    '"1e999999"', '"1e9999999"', '"1e-9999999"', "1e-400", '"1e1000"', '"1e18"', '"1e-19"',
    str(2**70), '"1' + "0" * 18 + '"', '"0.' + "1" * 19 + '"', '"' + "9" * 5_000 + '"',
    "9" * 5_000, "0." + "9" * 5_000, '"0x10"', '"1_000"', '"1,5"', '" 1"', '"1 "', '""', '"."',
    '"1."', '".5"', '"+1"', '"--1"', '"1e"', '"e5"', '"1e1.5"', '"\\u0661"', '"１"', '"1\\n"',
    '"1\\u0000"', "true", "false", "null", "[]", "[1]", "{}", '{"value":"1"}', "-1", '"-0.01"', "0",
    '"0"', '"0.0"', "1e", "01", "+1", ".5", "1.", "0x10", "--1",
]  # fmt: skip


@pytest.mark.parametrize("written", HOSTILE_NUMBERS, ids=lambda text: text[:24])
def test_a_hostile_number_is_refused(written: str) -> None:
    refusal(MARK % written)


def test_a_hostile_number_costs_next_to_nothing() -> None:
    started = time.perf_counter()
    for written in HOSTILE_NUMBERS:
        gate.decode((MARK % written).encode())
    assert time.perf_counter() - started < CATASTROPHE_S * len(HOSTILE_NUMBERS) / 10


HOSTILE_RECORDS: dict[str, bytes] = {
    "empty": b"",
    "white space": b"  \n",
    "byte order mark": b"\xef\xbb\xbf" + (MARK % "1").encode(),
    "invalid UTF-8": b'{"type":"mark_price_changed","event_ns":1,"instrument":"\xff","price":"1"}',
    "UTF-16": (MARK % "1").encode("utf-16"),
    "truncated": (MARK % "1").encode()[:-5],
    "two values": (MARK % "1").encode() * 2,
    "lone surrogate": MARK.replace("BTC-PERP", "\\ud800").encode() % b"1",
    "reversed surrogates": MARK.replace("BTC-PERP", "\\udc00\\ud800").encode() % b"1",
    "depth 5,000": b"[" * 5_000 + b"]" * 5_000,
    "depth 100,000": b"[" * 100_000,
    "depth 100,000 of objects": b'{"a":' * 100_000,
    "a 10 MB string": MARK.replace("BTC-PERP", "x" * 10_000_000).encode() % b"1",
    "a 16 MB number": MARK.encode() % (b'"' + b"9" * 16_000_000 + b'"'),
    "a long identifier": MARK.replace("BTC-PERP", "x" * 129).encode() % b"1",
    "an empty identifier": MARK.replace("BTC-PERP", "").encode() % b"1",
    "a number": b"1",
    "a string": b'"mark_price_changed"',
    "null": b"null",
    "no type": b'{"event_ns":1}',
    "unknown type": b'{"type":"money_printed","event_ns":1}',
    "a type that is a number": b'{"type":1,"event_ns":1}',
    "a decision": b'{"type":"heartbeat","event_ns":1,"epoch":1}',
    "unknown field": (MARK % '"1","color":"red"').encode(),
    "a missing field": b'{"type":"mark_price_changed","event_ns":1,"price":"1"}',
    "a field of the wrong type": (MARK % '"1","count":"many"').encode(),
    "negative time": MARK.replace('"event_ns":1', '"event_ns":-1').encode() % b"1",
    "a time that is text": MARK.replace('"event_ns":1', '"event_ns":"1"').encode() % b"1",
    "a broken time": MARK.replace('"event_ns":1', '"event_ns":1.5').encode() % b"1",
    "time 2^63": MARK.replace('"event_ns":1', f'"event_ns":{2**63}').encode() % b"1",
    "time 2^70": MARK.replace('"event_ns":1', f'"event_ns":{2**70}').encode() % b"1",
    "unknown reason": (BALANCE % '"1"').replace("deposit", "gift").encode(),
    "sequence 0": (BALANCE % '"1"').replace('"seq":1', '"seq":0').encode(),
    "sequence 2^63": (BALANCE % '"1"').replace('"seq":1', f'"seq":{2**63}').encode(),
    "a sequence that is true": (BALANCE % '"1"').replace('"seq":1', '"seq":true').encode(),
    "unknown role": b'{"type":"account_opened","event_ns":1,"account":"a","role":"king"}',
    "unknown leg": b'{"type":"position_changed","event_ns":1,"account":"a","seq":1,'
    b'"instrument":"B","size":"1","entry_price":"1","leg":"left"}',
    "unknown margin mode": b'{"type":"position_changed","event_ns":1,"account":"a","seq":1,'
    b'"instrument":"B","size":"1","entry_price":"1","margin_mode":"none"}',
    "unknown status": b'{"type":"trading_status_changed","event_ns":1,"instrument":"B",'
    b'"status":"gone","until_ns":null}',
    "51 levels": json.dumps(
        {
            "type": "depth_changed",
            "event_ns": 1,
            "instrument": "B",
            "bids": [["1", "1"]] * 51,
            "asks": [],
        }
    ).encode(),
    "an empty deleveraging": b'{"type":"deleveraging_filled","event_ns":1,"account":"a","seq":1,'
    b'"instrument":"B","size":"0","price":"1","counterparty":"b","liquidation_id":"L"}',
    "an empty fill": b'{"type":"liquidation_filled","event_ns":1,"account":"a","seq":1,'
    b'"instrument":"B","size":"0","price":"1","fee":"0","liquidation_id":"L"}',
}


CONTRADICTIONS = {
    "a position without a price": {"size": "1"},
    "a position at price 0": {"size": "1", "entry_price": "0"},
    "a position at a negative price": {"size": "1", "entry_price": "-5"},
}


@pytest.mark.parametrize("name", list(CONTRADICTIONS))
def test_a_position_that_cannot_be_valued_is_refused(name: str) -> None:
    fields = {
        "type": "position_changed", "event_ns": 1, "account": "a", "seq": 1, "instrument": "B",
    } | CONTRADICTIONS[name]  # fmt: skip
    refusal(json.dumps(fields))
    record = {"instrument": "B"} | CONTRADICTIONS[name]
    snapshot = {"type": "account_snapshot", "event_ns": 1, "account": "a", "seq": 1}
    refusal(json.dumps(snapshot | {"positions": [record]}))


def position_forms(fields: dict[str, Any]) -> list[str]:
    """Return a position as an event of its own and inside a snapshot."""
    account = {"event_ns": 1, "account": "a", "seq": 1}
    position = {"instrument": "B", **fields}
    return [
        json.dumps({"type": "position_changed", **account, **position}),
        json.dumps({"type": "account_snapshot", **account, "positions": [position]}),
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"size": "0", "entry_price": "0"},
        {"size": "0", "entry_price": None},
        {"size": "1", "entry_price": "5", "isolated_margin": None},
        {"size": "1", "entry_price": "5", "margin_mode": "isolated", "isolated_margin": None},
    ],
)
def test_a_snapshot_takes_the_positions_that_an_event_takes(fields: dict[str, Any]) -> None:
    for raw in position_forms(fields):
        assert isinstance(only(raw), events.Event), raw


@pytest.mark.parametrize(
    ("leg", "sizes", "refused"),
    [("long", ["1", "0", "-0.0"], "-1"), ("short", ["-1", "0", "0.0"], "1"), ("net", ["1"], None)],
)
def test_a_size_has_the_sign_of_its_leg(leg: str, sizes: list[str], refused: str | None) -> None:
    for size in sizes:
        for raw in position_forms({"leg": leg, "size": size, "entry_price": "5"}):
            assert isinstance(only(raw), events.Event), raw
    if refused is not None:
        for raw in position_forms({"leg": leg, "size": refused, "entry_price": "5"}):
            assert "leg, received" in refusal(raw).detail


def test_extremes_that_do_not_hold_the_price_are_refused() -> None:
    refusal(MARK % '"5","high":"4"')
    refusal(MARK % '"5","low":"6"')


@pytest.mark.parametrize(
    "bounds", [["10", "5"], [None, "5"], ["5", "5"]], ids=["falling", "open first", "equal"]
)
def test_tiers_that_do_not_ascend_are_refused(bounds: list[str | None]) -> None:
    tiers = [
        {"notional_max": bound, "initial_margin_rate": "0.1", "maintenance_margin_rate": "0.05"}
        for bound in bounds
    ]
    listed = json.loads(
        gate.encode(next(e for e in EXAMPLES if type(e) is events.InstrumentListed))
    )
    refusal(json.dumps(listed | {"risk_tiers": tiers}))
    haircuts = [{"value_max": bound, "haircut": "0.1"} for bound in bounds]
    collateral = {"type": "collateral_listed", "event_ns": 1, "asset": "B"}
    refusal(json.dumps(collateral | {"haircut_tiers": haircuts}))
    refusal(json.dumps(collateral | {"haircut": "1.5"}))


@pytest.mark.parametrize("name", list(HOSTILE_RECORDS))
def test_a_hostile_record_is_refused_at_once(name: str) -> None:
    started = time.perf_counter()
    answers = gate.decode(HOSTILE_RECORDS[name])
    assert time.perf_counter() - started < CATASTROPHE_S
    assert answers
    assert all(isinstance(answer, gate.Refusal) for answer in answers)
    assert all(len(answer.detail) < 2_000 for answer in answers)  # type: ignore[union-attr]


@pytest.mark.parametrize("identifier", ["BTC\\u0000", "\\u202eBTC", "ВТС-PERP", "💥", "a\\nb"])
def test_strange_identifiers_stay_what_they_are(identifier: str) -> None:
    answer = only(MARK.replace("BTC-PERP", identifier) % "1")
    if isinstance(answer, events.MarkPriceChanged):
        assert answer.instrument == json.loads(f'"{identifier}"')


def test_an_event_from_the_future_is_refused_only_against_a_time_of_receipt() -> None:
    late = MARK.replace('"event_ns":1', '"event_ns":5000000001') % "1"
    assert isinstance(only(late), events.MarkPriceChanged)
    assert isinstance(only(late, received_ns=1), events.MarkPriceChanged)
    refusal(late, received_ns=0)


def test_a_bad_element_of_an_array_is_refused_and_the_others_stand() -> None:
    good = MARK % '"1"'
    bad = MARK % '"-1"'
    answers = gate.decode(f"[{good},{bad},{good},7]".encode())
    assert [isinstance(answer, gate.Refusal) for answer in answers] == [False, True, False, True]
    refused = [answer for answer in answers if isinstance(answer, gate.Refusal)]
    assert [answer.element for answer in refused] == [1, 3]
    assert refusal("[").element is None
    assert refusal("7").element is None


def test_numbers_in_an_array_stay_exact() -> None:
    number = "0.123456789012345678"
    (event,) = gate.decode(f"[{MARK % number}]".encode())
    assert isinstance(event, events.MarkPriceChanged)
    assert event.price == number


def test_numbers_inside_containers_become_canonical() -> None:
    event = only('{"type":"mark_prices_changed","event_ns":1,"prices":{"A":1e2,"B":"2.50"}}')
    assert isinstance(event, events.MarkPricesChanged)
    assert event.prices == {"A": "100", "B": "2.5"}
    event = only(
        '{"type":"depth_changed","event_ns":1,"instrument":"A","bids":[[1.10,"2.0"]],"asks":[]}'
    )
    assert isinstance(event, events.DepthChanged)
    assert [tuple(level) for level in event.bids] == [("1.1", "2")]


def test_zeros_too_many_are_taken_off_wherever_a_number_stands() -> None:
    listed = json.loads(
        gate.encode(next(e for e in EXAMPLES if type(e) is events.InstrumentListed))
    )
    tier = {"initial_margin_rate": "0.10", "maintenance_margin_rate": "00.05"}
    model = {"type": "square_root", "factor": "0.50"}
    event = only(json.dumps(listed | {"risk_tiers": [tier], "margin_model": model}))
    assert isinstance(event, events.InstrumentListed)
    (made,) = event.risk_tiers
    assert (made.initial_margin_rate, made.maintenance_margin_rate) == ("0.1", "0.05")
    assert event.margin_model == events.SquareRoot(factor="0.5")
    for raw in position_forms({"size": "-01.0", "entry_price": "5.00", "isolated_margin": "-0.0"}):
        event = only(raw)
        position = event.positions[0] if isinstance(event, events.AccountSnapshot) else event
        assert isinstance(position, events.PositionRecord | events.PositionChanged)
        assert (position.size, position.entry_price, position.isolated_margin) == ("-1", "5", "0")


def test_a_hostile_number_inside_a_container_is_refused() -> None:
    refusal('{"type":"mark_prices_changed","event_ns":1,"prices":{"A":"1","B":"0"}}')
    refusal('{"type":"mark_prices_changed","event_ns":1,"prices":{"A":1e999999}}')


@given(
    units=st.integers(-(10**36) + 1, 10**36 - 1), exponent=st.integers(-18, 0), quoted=st.booleans()
)
def test_every_number_keeps_its_value(units: int, exponent: int, *, quoted: bool) -> None:
    sign = "-" if units < 0 else ""
    digits = str(abs(units)).rjust(1 - exponent, "0")
    whole, part = (digits[:exponent], digits[exponent:]) if exponent else (digits, "")
    written = sign + whole + (f".{part}" if part else "")
    answer = only(BALANCE % (f'"{written}"' if quoted else written))
    if len(whole.lstrip("0")) <= 18 and len(part) <= 18:
        assert isinstance(answer, events.BalanceChanged), answer
        assert Fraction(answer.balance) == Fraction(written)
        assert answer.balance == exact_text(Fraction(written))
    else:
        assert isinstance(answer, gate.Refusal)


@given(st.binary(max_size=200))
def test_no_bytes_at_all_make_the_gate_raise(raw: bytes) -> None:
    for answer in gate.decode(raw):
        assert isinstance(answer, events.Event | gate.Refusal)


@given(st.data())
def test_a_damaged_event_is_read_or_refused_but_never_raises(data: st.DataObject) -> None:
    event = data.draw(st.sampled_from(EXAMPLES))
    raw = bytearray(gate.encode(event))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    assert gate.decode(bytes(raw))


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_encoding_and_decoding_return_the_same_event(event: events.AnyEvent) -> None:
    assert gate.decode(gate.encode(event)) == [event]


def test_examples_name_every_event_type() -> None:
    named = {type(event) for event in EXAMPLES}
    assert named == {*events.ACCOUNT_EVENTS, *events.MARKET_EVENTS, *events.LOCAL_EVENTS}


def test_encoding_is_canonical_json() -> None:
    raw = gate.encode(events.MarkPriceChanged(event_ns=1, instrument="B", price="1.5"))
    assert msgspec.json.decode(raw)["type"] == "mark_price_changed"
    assert b" " not in raw
    assert b"\n" not in raw
