"""The generated documents are those of the code, and the schemas say what the code does."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import jsonschema
import pytest

from monitor.core.breaker_settings import PriceVelocitySettings
from monitor.core.decisions import DECISIONS, AccountLiquidatable, Decision, Heartbeat
from monitor.core.engine import RiskEngine
from monitor.core.events import (
    ACCOUNT_EVENTS,
    LOCAL_EVENTS,
    MARKET_EVENTS,
    DepthChanged,
    Event,
    InstrumentListed,
    MarkPriceChanged,
    RiskTier,
    Tiered,
)
from monitor.core.gate import encode
from monitor.core.settings import EngineSettings
from monitor.replay.demo.recording import generate
from monitor.streams.codec import BatchApplied, LeaderStarted, Run, encode_record
from tools.asyncapi import asyncapi_document
from tools.schemas import decisions_schema, events_schema
from tools.write_documents import DOCUMENTS, ROOT

T = TypeVar("T")
ASYNCAPI_SCHEMA = Path(__file__).parent / "schemas" / "asyncapi-3.0.0.json"
MARK = {"type": "mark_price_changed", "event_ns": 1, "instrument": "BTCUSDT", "price": "100.5"}


@pytest.fixture(scope="module")
def events() -> jsonschema.Draft202012Validator:
    """Return the validator of an event."""
    return jsonschema.Draft202012Validator(events_schema())


@pytest.fixture(scope="module")
def decisions() -> jsonschema.Draft202012Validator:
    """Return the validator of a record of the decisions topic."""
    return jsonschema.Draft202012Validator(decisions_schema())


@pytest.fixture(scope="module")
def asyncapi() -> dict[str, Any]:
    """Return the AsyncAPI document as a reader of the file sees it."""
    document: dict[str, Any] = json.loads((ROOT / "docs/asyncapi.json").read_text())
    return document


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_generated_document_follows_the_code(name: str) -> None:
    path = ROOT / name
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    assert text == DOCUMENTS[name](), f"{name} is old: run `make schema` and commit it"


@pytest.mark.parametrize("schema", [events_schema(), decisions_schema()], ids=["events", "log"])
def test_a_schema_is_a_valid_schema(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)


def test_every_event_and_every_decision_has_a_schema() -> None:
    assert {event.__name__ for event in (*ACCOUNT_EVENTS, *MARKET_EVENTS, *LOCAL_EVENTS)} <= set(
        events_schema()["$defs"]
    )
    records = (*DECISIONS, Heartbeat, BatchApplied, LeaderStarted)
    assert {record.__name__ for record in records} <= set(decisions_schema()["$defs"])


@pytest.mark.parametrize(
    "event",
    [
        MarkPriceChanged(event_ns=1, instrument="BTCUSDT", price="100.5", high="101", count=3),
        DepthChanged(event_ns=1, instrument="BTCUSDT", bids=[("100", "1")], asks=[]),
        InstrumentListed(
            event_ns=1,
            instrument="BTCUSDT",
            kind="linear",
            base="BTC",
            quote="USDT",
            settlement_currency="USDT",
            contract_size="1",
            lot_size="0.001",
            tick_size="0.1",
            risk_tiers=[RiskTier(initial_margin_rate="0.1", maintenance_margin_rate="0.05")],
            margin_model=Tiered(),
        ),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_event_that_the_code_writes_is_valid(
    events: jsonschema.Draft202012Validator, event: object
) -> None:
    events.validate(json.loads(encode_record(event)))  # type: ignore[arg-type]


Story = tuple[list[Event], list[Decision]]


@pytest.fixture(scope="module")
def story() -> Story:
    """Return some events of each type of the demo's story, and what the engine decided of all."""
    told = list(generate(seed=1, seconds=15))
    breaker = PriceVelocitySettings(name="fast", lookback_s=60.0, limit_ratio=0.01)
    decided = RiskEngine(EngineSettings(breakers=(breaker,))).apply(told)
    return _some_of_each(told), _some_of_each([decision for _, decision in decided])


def _some_of_each(records: Sequence[T]) -> list[T]:
    """Return the first three and the last two records of each type."""
    kinds: dict[type[T], list[T]] = {}
    for record in records:
        kinds.setdefault(type(record), []).append(record)
    return [
        record
        for kind in kinds.values()
        for record in (kind if len(kind) <= 5 else kind[:3] + kind[-2:])
    ]


def test_the_events_of_the_demo_are_valid(
    events: jsonschema.Draft202012Validator, asyncapi: dict[str, Any], story: Story
) -> None:
    for event in story[0]:
        value = json.loads(encode(event))
        events.validate(value)
        payload = {**asyncapi, "$ref": f"#/components/schemas/{type(event).__name__}"}
        jsonschema.Draft7Validator(payload).validate(value)


def test_what_the_engine_decides_is_valid(
    decisions: jsonschema.Draft202012Validator, asyncapi: dict[str, Any], story: Story
) -> None:
    assert {"BreakerTripped", "DeleveragingPlanned"} <= {type(one).__name__ for one in story[1]}
    for decision in story[1]:
        value = json.loads(encode_record(decision))
        decisions.validate(value)
        payload = {**asyncapi, "$ref": f"#/components/schemas/{type(decision).__name__}"}
        jsonschema.Draft7Validator(payload).validate(value)


def test_a_plain_number_is_a_number_too(events: jsonschema.Draft202012Validator) -> None:
    events.validate({**MARK, "price": 100.5})


@pytest.mark.parametrize(
    "change",
    [
        {"price": "-1"},
        {"price": "0"},
        {"price": 0},
        {"price": "one"},
        {"event_ns": "1"},
        {"instrument": ""},
        {"colour": "red"},
        {"type": "mark_price_change"},
    ],
    ids=str,
)
def test_a_schema_refuses_what_the_gate_refuses(
    events: jsonschema.Draft202012Validator, change: dict[str, object]
) -> None:
    assert not events.is_valid({**MARK, **change})


@pytest.mark.parametrize(
    "record",
    [
        AccountLiquidatable(
            event_ns=1,
            rule="margin",
            account="alice",
            instrument=None,
            leg=None,
            equity="1.5",
            maintenance_margin="2",
            margin_ratio="1.33333333333",
            state_before="healthy",
        ),
        BatchApplied(epoch=1, runs=[Run(topic="t", partition=0, first_offset=0, last_offset=9)],
                     received_ns=1),
        LeaderStarted(epoch=1, instance="a"),
        Heartbeat(event_ns=1, epoch=1),
    ],
    ids=lambda record: type(record).__name__,
)  # fmt: skip
def test_a_log_record_that_the_code_writes_is_valid(
    decisions: jsonschema.Draft202012Validator,
    record: AccountLiquidatable | BatchApplied | LeaderStarted | Heartbeat,
) -> None:
    decisions.validate(json.loads(encode_record(record)))


def test_the_asyncapi_document_is_valid(asyncapi: dict[str, Any]) -> None:
    schema = json.loads(ASYNCAPI_SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(schema).validate(asyncapi)


def test_a_wrong_asyncapi_document_is_not_valid() -> None:
    schema = json.loads(ASYNCAPI_SCHEMA.read_text(encoding="utf-8"))
    document = asyncapi_document()
    document["channels"]["accounts"]["adress"] = "misspelt"
    assert not jsonschema.Draft7Validator(schema).is_valid(document)


def test_every_reference_of_the_asyncapi_document_leads_somewhere(asyncapi: dict[str, Any]) -> None:
    for reference in _references(asyncapi):
        target: Any = asyncapi
        for step in reference.removeprefix("#/").split("/"):
            assert step in target, f"{reference} leads nowhere"
            target = target[step]


def _references(value: object) -> list[str]:
    """Return every reference inside a document."""
    if isinstance(value, list):
        return [reference for item in value for reference in _references(item)]
    if not isinstance(value, dict):
        return []
    here = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
    return here + [reference for item in value.values() for reference in _references(item)]


def test_a_payload_of_the_asyncapi_document_judges_an_event(asyncapi: dict[str, Any]) -> None:
    payload = {**asyncapi, "$ref": "#/components/schemas/DepthChanged"}
    depth = {"type": "depth_changed", "event_ns": 1, "instrument": "X", "asks": []}
    judge = jsonschema.Draft7Validator(payload)
    assert judge.is_valid({**depth, "bids": [["1", "2"]]})
    assert not judge.is_valid({**depth, "bids": [["1", "2", "3"]]})
