"""`docs/events.md`: every event and decision, a table each.

The text of a record is its docstring, the text of a field stands in `tools/meanings.py`, and what
the engine does not use yet in `tools/unused.py`.
"""

import inspect
from collections.abc import Iterator
from typing import Any

import msgspec

from monitor.core import events
from monitor.core.decisions import (
    DECISIONS,
    BreakerBound,
    Charge,
    Contributor,
    Decision,
    Heartbeat,
    MarkSeen,
    Reduction,
)
from monitor.core.events import (
    ACCOUNT_EVENTS,
    LOCAL_EVENTS,
    MARKET_EVENTS,
    BreakerReset,
    Event,
    Record,
)
from monitor.streams.codec import BatchApplied, LeaderStarted, Local, Run
from tools.meanings import meaning
from tools.type_names import default_of, describe_type, tag_of
from tools.unused import UNUSED_DECISIONS, UNUSED_EVENTS, UNUSED_FIELDS, UNUSED_RECORDS

_HEAD = """# Events and decisions

Generated from `monitor/core/events.py` and `monitor/core/decisions.py` by `make schema`; do not
edit. For programs: [events.schema.json](schema/events.schema.json),
[decisions.schema.json](schema/decisions.schema.json), [asyncapi.json](asyncapi.json).

A Kafka record value, a line of a recording (NDJSON, also `.gz` and `.zst`) and a test case are
the same JSON. A record value may also be a JSON array of events. Numbers are decimals, best as
strings, at most 18 digits on either side of the point; plain JSON numbers and an exponent of at
most three digits are accepted in. Times are integer nanoseconds since the epoch, UTC. Sizes are
signed contracts, > 0 is long. What does not exist is `null`, not 0. A field without a default is
required; an unknown field is refused.

*Not used yet* means: the gate checks it, and nothing follows from it; a decision that is not used
yet is never made.
"""
_ENVELOPE = """Every event has `type` and `event_ns`. An account event also has `account`,
`seq` (1, 2, 3, … an account; `account_opened` has none) and `more`. These are left out of the
tables below.
"""
_EVENT_ENVELOPE = ("event_ns", "account", "seq", "more")
_DECISION_ENVELOPE = Decision.__struct_fields__

_PARTS_OF_DECISIONS = (Reduction, Charge, Contributor, MarkSeen, BreakerBound)


def render_events() -> str:
    """Return the page."""
    parts = [_HEAD, _contents()]
    for title, group in (
        ("Account events", ACCOUNT_EVENTS),
        ("Market events", MARKET_EVENTS),
        ("Events of the monitor itself", LOCAL_EVENTS),
    ):
        parts.append(f"## {title}\n")
        if group is ACCOUNT_EVENTS:
            parts.append(_ENVELOPE)
        parts.extend(_record(event, _EVENT_ENVELOPE) for event in group)
    parts.append("## Parts of events\n")
    parts.extend(_record(record, ()) for record in _parts_of_events())
    parts.append("## Decisions\n")
    parts.append("Every decision has the envelope; it is left out of the tables that follow.\n")
    parts.append(_table(Decision, _DECISION_ENVELOPE, ()))
    parts.extend(_record(decision, _DECISION_ENVELOPE) for decision in DECISIONS)
    parts.extend(_record(record, ()) for record in _PARTS_OF_DECISIONS)
    parts.append("## Other records of the decisions topic\n")
    others = (Heartbeat, BatchApplied, LeaderStarted, Run, Local)
    parts.extend(_record(record, ()) for record in others)
    return "\n".join(parts).rstrip() + "\n"


def _contents() -> str:
    """Return the overview: every type with the first sentence of its meaning."""
    rows = ["| type | topic | meaning |", "|---|---|---|"]
    for topic, group in (
        ("accounts", ACCOUNT_EVENTS),
        ("market", MARKET_EVENTS),
        ("(inside `batch_applied`)", LOCAL_EVENTS),
        ("decisions", (*DECISIONS, Heartbeat, BatchApplied, LeaderStarted)),
    ):
        for record in group:
            name = tag_of(record)
            # An operator writes a reset where every shard reads it.
            place = "market" if record is BreakerReset else topic
            rows.append(f"| [`{name}`](#{name}) | {place} | {_text(record).splitlines()[0]} |")
    return "\n".join(rows) + "\n"


def _parts_of_events() -> Iterator[type[Record]]:
    """Yield the plain records that events contain."""
    for value in vars(events).values():
        if isinstance(value, type) and issubclass(value, Record) and value is not Record:
            yield value


def _record(record: type[Any], envelope: tuple[str, ...]) -> str:
    """Return the section of one record."""
    lines = [f"### {tag_of(record)}\n", _text(record), ""]
    if _is_unused(record):
        lines.append("*Not used yet.*\n")
    fields = [name for name in record.__struct_fields__ if name not in envelope]
    if issubclass(record, (Event, Decision)) and not fields:
        lines.append("No fields beside the envelope.\n")
    elif fields:
        lines.append(_table(record, tuple(fields), UNUSED_FIELDS.get(tag_of(record), ())))
    return "\n".join(lines)


def _is_unused(record: type[Any]) -> bool:
    return tag_of(record) in UNUSED_EVENTS | UNUSED_RECORDS | UNUSED_DECISIONS


def _table(record: type[Any], names: tuple[str, ...], unused: tuple[str, ...]) -> str:
    """Return the table of some fields of a record; what is only sent has no defaults."""
    sent = issubclass(record, Decision)
    rows = ["| field | type | default | meaning |", "|---|---|---|---|"]
    for field in msgspec.structs.fields(record):
        if field.name not in names:
            continue
        note = " *Not used yet.*" if field.name in unused else ""
        said = meaning(record.__name__, field.name)
        kind = describe_type(field.type)
        default = "" if sent else default_of(field)
        rows.append(f"| `{field.name}` | {kind} | {default} | {said}{note} |")
    return "\n".join(rows) + "\n"


def _text(record: type[Any]) -> str:
    return inspect.cleandoc(record.__doc__ or "")
