"""The AsyncAPI 3.0 document: the four topics, their messages and their keys.

Payloads are the schemas of `tools.schemas`, turned into the dialect that AsyncAPI reads
(JSON Schema draft 7): see `_draft_7`.
"""

from importlib.metadata import version
from typing import Any

import msgspec

from monitor.config import TopicSettings
from monitor.core.decisions import DECISIONS, Heartbeat
from monitor.core.events import ACCOUNT_EVENTS, MARKET_EVENTS, Event, snake_case
from monitor.streams.codec import BatchApplied, LeaderStarted
from tools.schemas import JsonSchema, components

_SCHEMA = "#/components/schemas/{name}"
_LOG_RECORDS = (BatchApplied, LeaderStarted, Heartbeat)
_KEYS = {
    "account": "The account: its events keep their order.",
    "market": "The instrument, or the index; the topic has one partition.",
}
_DESCRIPTION = """\
What an exchange tells the monitor and what the monitor answers, on Kafka.

Values are decimals as strings, times are integer nanoseconds since the epoch (UTC), sizes are
signed contracts (> 0 is long), ratios are 0 to 1. The topics' names come from the configuration;
these are the defaults. A record value is one event, or a JSON array of events of one ordering
unit; each event still applies on its own, in order."""


def asyncapi_document() -> JsonSchema:
    """Return the document as plain values."""
    topics = TopicSettings()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "socialized-loss-monitor",
            "version": version("socialized-loss-monitor"),
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "accounts": _channel(
                topics.accounts,
                "Events that name an account; any number of partitions, the unit of scale-out.",
                [*_names(ACCOUNT_EVENTS), "AccountEvents"],
            ),
            "market": _channel(
                topics.market,
                "All other events; one partition, because the order of prices is the venue's.",
                [*_names(MARKET_EVENTS), "MarketEvents"],
            ),
            "decisions": _channel(
                topics.decisions,
                "One partition a shard: the shard's log. For every batch one batch_applied, then "
                "its decisions in order; who only wants decisions skips what has no decision_id.",
                _names((*DECISIONS, *_LOG_RECORDS)),
            ),
            "quarantine": _channel(
                topics.quarantine,
                "Records (of an array the elements) that the monitor refused, as they came, cut "
                "at 1 MB.",
                ["RefusedRecord"],
            ),
        },
        "operations": {
            "receiveAccountEvents": _operation("receive", "accounts"),
            "receiveMarketEvents": _operation("receive", "market"),
            "sendMarketEvents": _operation("send", "market"),
            "sendDecisions": _operation("send", "decisions"),
            "sendRefusedRecords": _operation("send", "quarantine"),
        },
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def _names(records: tuple[type[Any], ...]) -> list[str]:
    """Return the class names of records, which are the names of their messages."""
    return [record.__name__ for record in records]


def _channel(address: str, description: str, messages: list[str]) -> JsonSchema:
    return {
        "address": address,
        "description": description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"kafka": {"topic": address, "bindingVersion": "0.5.0"}},
    }


def _operation(action: str, channel: str) -> JsonSchema:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}}


def _messages() -> JsonSchema:
    messages: JsonSchema = {}
    for events, key in ((ACCOUNT_EVENTS, _KEYS["account"]), (MARKET_EVENTS, _KEYS["market"])):
        for event in events:
            messages[event.__name__] = _message(event, key)
    for record in (*DECISIONS, *_LOG_RECORDS):
        messages[record.__name__] = _message(record, None)
    messages["AccountEvents"] = _batch(ACCOUNT_EVENTS, _KEYS["account"])
    messages["MarketEvents"] = _batch(MARKET_EVENTS, _KEYS["market"])
    messages["RefusedRecord"] = {
        "title": "refused record",
        "summary": "What could not be applied, and why.",
        "contentType": "application/octet-stream",
        "payload": {
            "description": "The record's value, of an array the refused element's; cut at 1 MB."
        },
        "headers": {
            "type": "object",
            "required": ["reason", "topic", "partition", "offset"],
            "properties": {
                "reason": {"type": "string", "description": "A word of a closed list."},
                "detail": {
                    "type": "string",
                    "description": "What was expected, what was received.",
                },
                "topic": {"type": "string"},
                "partition": {"type": "string", "description": "Decimal digits."},
                "offset": {"type": "string", "description": "Decimal digits."},
                "element": {
                    "type": "string",
                    "description": "Which element of the record's array, from 0; decimal digits.",
                },
            },
        },
    }
    return messages


def _message(record: type[Any], key: str | None) -> JsonSchema:
    name = record.__name__
    message: JsonSchema = {
        "name": snake_case(name),
        "title": snake_case(name),
        "summary": (record.__doc__ or "").strip().splitlines()[0],
        "payload": {"$ref": _SCHEMA.format(name=name)},
    }
    return message | _key(key)


def _batch(events: tuple[type[Event], ...], key: str) -> JsonSchema:
    references = [{"$ref": _SCHEMA.format(name=event.__name__)} for event in events]
    return {
        "title": "several events in one record",
        "summary": "A JSON array of events of one ordering unit, in order.",
        "payload": {"type": "array", "items": {"anyOf": references}},
    } | _key(key)


def _key(description: str | None) -> JsonSchema:
    if description is None:
        return {}
    key = {"type": "string", "description": description}
    return {"bindings": {"kafka": {"key": key, "bindingVersion": "0.5.0"}}}


def _schemas() -> JsonSchema:
    records = [*ACCOUNT_EVENTS, *MARKET_EVENTS, *DECISIONS, *_LOG_RECORDS]
    _, schemas = components(records, _SCHEMA)
    tidy: JsonSchema = _draft_7(schemas)
    return tidy


def _draft_7(schema: Any) -> Any:
    """Return a schema without what draft 7 does not know.

    A tuple's items, a discriminator (each variant has a constant tag anyway), and words beside a
    reference (they move around it).
    """
    if isinstance(schema, list):
        return [_draft_7(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {key: _draft_7(value) for key, value in schema.items() if key != "discriminator"}
    if "prefixItems" in tidy:
        tidy["items"] = tidy.pop("prefixItems")
        tidy["additionalItems"] = False
    if "$ref" in tidy and len(tidy) > 1:
        tidy = {**tidy, "allOf": [{"$ref": tidy.pop("$ref")}]}
    return tidy


def encode_document(document: JsonSchema) -> str:
    """Return the text of a generated JSON document."""
    text = msgspec.json.format(msgspec.json.encode(document), indent=2)
    return text.decode() + "\n"
