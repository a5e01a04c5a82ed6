"""The one gate: bytes in, events or refusals out. Pure, and `decode` never raises.

The fast way decodes straight into typed records and checks that every number is canonical
decimal text; zeros too many are taken off in place (`canonical.py`). What does not pass is looked
at again (`shaping.py`), and refused with its reason if it still does not.
"""

import re

import msgspec

from monitor.core import events
from monitor.core.canonical import Form, Matcher, UnusualNumberError, form_of
from monitor.core.checks import CHECKS
from monitor.core.events import (
    IDENTIFIER_LENGTH_MAX,
    AccountEvent,
    AccountEventRefused,
    AnyEvent,
    Event,
    snake_case,
)
from monitor.core.shaping import (
    FieldError,
    NumberToken,
    Plain,
    kind_of,
    parse_plainly,
    shape,
)
from monitor.core.wording import reworded

RECORD_BYTES_MAX = 4 * 1024 * 1024
BATCH_EVENTS_MAX = 10_000
AHEAD_MAX_NS = 5_000_000_000
REASONS = (
    "too_long",
    "not_json",
    "unknown_type",
    "invalid_field",
    "from_the_future",
    "unknown_instrument",
    "not_representable",
    "unit_is_fixed",
    "unfinished_change",
)

# In a long record one hostile number can hide; in a short one it cannot be costly.
_SHORT_RECORD = 4096
_HOSTILE_DIGITS = re.compile(rb"[0-9]{65}")


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why something was not let in: a word of `REASONS`, and what was expected and received.

    `missing` tells the engine which account's event is missing, when that can be read; `element`
    which element of an array was refused, from 0, when it was not the whole record.
    """

    reason: str
    detail: str
    missing: AccountEventRefused | None = None
    element: int | None = None


_decode_event = msgspec.json.Decoder(AnyEvent).decode
_batch_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_encoder = msgspec.json.Encoder()
# Events are frozen; one that was just decoded nobody has seen yet.
_set_anyway = msgspec.structs.force_setattr


def _event_types() -> dict[str, type[Event]]:
    kinds = (*events.ACCOUNT_EVENTS, *events.MARKET_EVENTS, *events.LOCAL_EVENTS)
    return {snake_case(kind.__name__): kind for kind in kinds}


EVENT_TYPES = _event_types()


def _number_fields(kind: type[Event]) -> tuple[tuple[str, Matcher, Form], ...]:
    """Return (field, whether its numbers are canonical, form) for every field with numbers."""
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)
    return tuple(
        (field.name, form.matches, form)
        for field in info.fields
        if (form := form_of(field.type)) is not None
    )


_RULES = {kind: (_number_fields(kind), CHECKS.get(kind)) for kind in EVENT_TYPES.values()}


def encode(event: Event) -> bytes:
    """Return an event as canonical JSON."""
    return _encoder.encode(event)


def decode(
    raw: bytes | bytearray | memoryview, *, received_ns: int | None = None
) -> list[Event | Refusal]:
    """Return the events of one record, in order, a refusal in the place of each bad one.

    A record is one event or a JSON array of events. With `received_ns`, an event that is dated
    more than 5 s after it is refused.
    """
    if len(raw) <= _SHORT_RECORD:
        try:
            event = _decode_event(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _decode_slowly(raw, received_ns)
        # `_checked`, unrolled for the commonest case: this line runs once an event.
        number_fields, check = _RULES[type(event)]
        for name, matches, form in number_fields:
            value = getattr(event, name)
            if value is not None and not matches(value):
                try:
                    _set_anyway(event, name, form.rewrite(value))
                except UnusualNumberError:
                    return [_decode_again(bytes(raw), received_ns)]
        if received_ns is None or event.event_ns <= received_ns + AHEAD_MAX_NS:
            problem = None if check is None else check(event)
            if problem is None:
                return [event]
        return [_checked(event, raw, received_ns)]
    return _decode_slowly(raw, received_ns)


def is_array(raw: bytes | bytearray | memoryview) -> bool:
    """Return whether a record is an array of events, or wants to be one."""
    return bytes(raw[:64]).lstrip()[:1] == b"["


def elements(raw: bytes | bytearray | memoryview) -> list[bytes]:
    """Return the bytes of each element of a record that is an array.

    Raises ValueError or RecursionError for bytes that are no JSON array.
    """
    return [bytes(part) for part in _batch_decoder.decode(raw)]


def _decode_slowly(
    raw: bytes | bytearray | memoryview, received_ns: int | None
) -> list[Event | Refusal]:
    """Decode what is long, an array, or not in the plainest form."""
    if len(raw) > RECORD_BYTES_MAX:
        detail = f"expected at most {RECORD_BYTES_MAX} bytes, received {len(raw)}"
        return [Refusal(reason="too_long", detail=detail)]
    if not is_array(raw):
        return [_decode_one(bytes(raw), received_ns)]
    try:
        parts = elements(raw)
    except (ValueError, RecursionError) as error:
        return [_not_json(error)]
    if len(parts) > BATCH_EVENTS_MAX:
        detail = f"expected at most {BATCH_EVENTS_MAX} events in a record, received {len(parts)}"
        return [Refusal(reason="too_long", detail=detail)]
    return [
        _of_element(number, _decode_one(part, received_ns)) for number, part in enumerate(parts)
    ]


def _of_element(number: int, outcome: Event | Refusal) -> Event | Refusal:
    if isinstance(outcome, Refusal):
        return msgspec.structs.replace(outcome, element=number)
    return outcome


def _decode_one(raw: bytes, received_ns: int | None) -> Event | Refusal:
    if len(raw) > _SHORT_RECORD and _HOSTILE_DIGITS.search(raw):
        detail = "expected numbers of at most 18 + 18 digits, received more than 64"
        return Refusal(reason="invalid_field", detail=detail, missing=_missing_by_head(raw))
    try:
        return _checked(_decode_event(raw), raw, received_ns)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_again(raw, received_ns)


def _checked(
    event: Event, raw: bytes | bytearray | memoryview, received_ns: int | None
) -> Event | Refusal:
    """Return an event that passes what its type alone cannot say, or the refusal."""
    number_fields, check = _RULES[type(event)]
    for name, matches, form in number_fields:
        value = getattr(event, name)
        if value is not None and not matches(value):
            try:
                _set_anyway(event, name, form.rewrite(value))
            except UnusualNumberError:
                return _decode_again(bytes(raw), received_ns)
    if received_ns is not None and event.event_ns > received_ns + AHEAD_MAX_NS:
        detail = (
            f"expected event_ns at most 5 s after it was received at {received_ns}, "
            f"received {event.event_ns}"
        )
        return Refusal(reason="from_the_future", detail=detail, missing=_missing_of(event))
    problem = None if check is None else check(event)
    if problem is None:
        return event
    return Refusal(reason="invalid_field", detail=problem, missing=_missing_of(event))


def _missing_of(event: Event) -> AccountEventRefused | None:
    if not isinstance(event, AccountEvent):
        return None
    return AccountEventRefused(event_ns=0, account=event.account, seq=event.seq)


def _missing_in(plain: Plain) -> AccountEventRefused | None:
    """Return which account's event is missing, as far as a refused object says so."""
    event_type = EVENT_TYPES.get(plain["type"]) if isinstance(plain.get("type"), str) else None
    account, seq = plain.get("account"), plain.get("seq")
    if event_type is None or not issubclass(event_type, AccountEvent):
        return None
    if isinstance(account, NumberToken) or not isinstance(account, str):
        return None
    if not 1 <= len(account) <= IDENTIFIER_LENGTH_MAX or not _is_text(account):
        return None
    known = isinstance(seq, NumberToken) and re.fullmatch("[1-9][0-9]{0,17}", seq)
    return AccountEventRefused(event_ns=0, account=account, seq=int(seq) if known else None)


def _is_text(text: str) -> bool:
    """Return whether a text has no half of a surrogate pair in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Head(msgspec.Struct):
    """What a record says first: enough to tell whose event is missing."""

    type: str = ""
    account: str | None = None
    seq: int | None = None


_decode_head = msgspec.json.Decoder(_Head).decode


def _missing_by_head(raw: bytes) -> AccountEventRefused | None:
    """Return which account's event is missing, of a record that is not looked at any further."""
    try:
        head = _decode_head(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    seq = None if head.seq is None else NumberToken(head.seq)
    return _missing_in({"type": head.type, "account": head.account, "seq": seq})


def _not_json(error: Exception) -> Refusal:
    return Refusal(
        reason="not_json", detail=f"expected JSON, received bytes with {reworded(error)}"
    )


def _decode_again(raw: bytes, received_ns: int | None) -> Event | Refusal:
    """Decode with plain numbers and exponent forms allowed where a number is expected."""
    try:
        plain = parse_plainly(raw)
    except (ValueError, RecursionError) as error:
        return _not_json(error)
    if not isinstance(plain, dict):
        detail = f"expected an object with a type, received {kind_of(plain)}"
        return Refusal(reason="invalid_field", detail=detail)
    kind = plain.get("type")
    event_type = EVENT_TYPES.get(kind) if isinstance(kind, str) else None
    if event_type is None:
        return Refusal(
            reason="unknown_type", detail=f"expected a known event type, received {kind!r:.80}"
        )
    try:
        shaped = _encoder.encode(shape(plain, msgspec.inspect.type_info(event_type), "$"))
        return _checked(_decode_event(shaped), shaped, received_ns)
    except (msgspec.DecodeError, FieldError, RecursionError, UnicodeEncodeError) as error:
        detail = f"{kind}: {reworded(error)}"
        return Refusal(reason="invalid_field", detail=detail, missing=_missing_in(plain))
