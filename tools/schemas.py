"""JSON Schema of the events and of the decisions, made from the records in `monitor/core`.

Start at `events_schema` and `decisions_schema`; `components` is what the AsyncAPI document shares.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import msgspec

from monitor.core.decisions import (
    DECISIONS,
    AnyDecision,
    Charge,
    Contributor,
    Heartbeat,
    MarkSeen,
    Reduction,
)
from monitor.core.events import (
    NON_NEGATIVE_PATTERN,
    NUMBER_PATTERN,
    POSITIVE_PATTERN,
    AnyEvent,
)
from monitor.streams.codec import BatchApplied, LeaderStarted
from tools.meanings import meaning

DIALECT = "https://json-schema.org/draft/2020-12/schema"
JsonSchema = dict[str, Any]

_NUMBERS: dict[str, JsonSchema] = {
    "Number": {"pattern": NUMBER_PATTERN},
    "NonNegative": {"pattern": NON_NEGATIVE_PATTERN, "minimum": 0},
    "Positive": {"pattern": POSITIVE_PATTERN, "exclusiveMinimum": 0},
}
# Records that are only ever sent: every field is there.
_SENT = {
    record.__name__ for record in (*DECISIONS, Charge, Contributor, Heartbeat, MarkSeen, Reduction)
}
_NUMBER_TEXT = (
    "A decimal, best as a string: at most 18 digits on either side of the point. Plain JSON "
    "numbers and an exponent of at most 3 digits are accepted in, never sent out."
)


def events_schema() -> JsonSchema:
    """Return the schema of one event: a record value, a line of a recording."""
    return _document("Events", "Every fact that the monitor can be told.", [AnyEvent])


def decisions_schema() -> JsonSchema:
    """Return the schema of one record of the decisions topic."""
    return _document(
        "Decisions",
        "Every conclusion of the monitor, and the records of its log that stand between them.",
        [AnyDecision | BatchApplied | LeaderStarted],
    )


def components(types: Sequence[Any], reference: str) -> tuple[list[JsonSchema], JsonSchema]:
    """Return the schemas of some types, and by name the records that they refer to.

    `reference` is the form of a reference, `#/$defs/{name}`.
    """
    roots, records = msgspec.json.schema_components(types, ref_template=reference)
    tidy = {name: _tidy_record(name, record, reference) for name, record in records.items()}
    for name, extra in _NUMBERS.items():
        tidy[name] = {"description": _NUMBER_TEXT, "type": ["string", "number"], **extra}
    return [_tidy(root, reference) for root in roots], dict(sorted(tidy.items()))


def _document(title: str, description: str, types: Sequence[Any]) -> JsonSchema:
    (root,), records = components(types, "#/$defs/{name}")
    return {
        "$schema": DIALECT,
        "title": title,
        "description": description,
        **root,
        "$defs": records,
    }


def _tidy_record(name: str, record: JsonSchema, reference: str) -> JsonSchema:
    """Return a record's schema with clean text and the meaning of each field."""
    tidy: JsonSchema = _tidy(record, reference)
    if "description" in tidy:
        tidy["description"] = inspect.cleandoc(tidy["description"])
    for field, schema in tidy.get("properties", {}).items():
        if field == "type":
            tidy["properties"][field] = {"const": schema["enum"][0]}
        else:
            tidy["properties"][field] = {"description": meaning(name, field), **schema}
            if name in _SENT:
                tidy["properties"][field].pop("default", None)
    if name in _SENT:
        tidy["required"] = list(tidy["properties"])
    return tidy


def _tidy(schema: Any, reference: str) -> Any:
    """Return a schema in which the three kinds of numbers are references."""
    if isinstance(schema, list):
        return [_tidy(item, reference) for item in schema]
    if not isinstance(schema, dict):
        return schema
    for name, number in _NUMBERS.items():
        if schema.get("pattern") == number["pattern"]:
            default = {"default": schema["default"]} if "default" in schema else {}
            return {"$ref": reference.format(name=name), **default}
    return {key: _tidy(value, reference) for key, value in schema.items()}
