"""The one gate: bytes in, events or refusals out. Pure, and it never raises.

The fast way decodes straight into typed records, whose number fields accept only canonical
decimal text. What it does not accept is looked at again: plain JSON numbers and short exponent
forms become canonical text, without binary floats, and the rest is refused with its reason.
Nothing is computed from a number before its length and exponent are known to be small.
"""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any, TypeAlias

import msgspec

from monitor.core import events
from monitor.core.amounts import to_fraction
from monitor.core.events import AnyEvent, Event, snake_case

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

_DIGITS_MAX = 18
_NUMBER = re.compile(r"-?[0-9]{1,64}(\.[0-9]{1,64})?([eE][+-]?[0-9]{1,3})?\Z")
# In a long record one hostile number can hide; in a short one it cannot be costly.
_SHORT_RECORD = 4096
_HOSTILE_DIGITS = re.compile(rb"[0-9]{65}")


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why something was not let in: a word of `REASONS`, and what was expected and received."""

    reason: str
    detail: str


class _NumberToken(str):
    """A JSON number as its text."""

    __slots__ = ()


# What JSON decodes to.
Plain: TypeAlias = Any

_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(AnyEvent)
_batch_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_encoder = msgspec.json.Encoder()


def _event_types() -> dict[str, type[Event]]:
    kinds = (*events.ACCOUNT_EVENTS, *events.MARKET_EVENTS, *events.LOCAL_EVENTS)
    return {snake_case(kind.__name__): kind for kind in kinds}


EVENT_TYPES = _event_types()


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
    if len(raw) > RECORD_BYTES_MAX:
        detail = f"expected at most {RECORD_BYTES_MAX} bytes, received {len(raw)}"
        return [Refusal(reason="too_long", detail=detail)]
    first = bytes(raw[:64]).lstrip()[:1]
    if first != b"[":
        return [_decode_one(raw, received_ns)]
    try:
        parts = _batch_decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return [_not_json(error)]
    if len(parts) > BATCH_EVENTS_MAX:
        detail = f"expected at most {BATCH_EVENTS_MAX} events in a record, received {len(parts)}"
        return [Refusal(reason="too_long", detail=detail)]
    return [_decode_one(part, received_ns) for part in parts]


def _decode_one(
    raw: bytes | bytearray | memoryview | msgspec.Raw, received_ns: int | None
) -> Event | Refusal:
    view = memoryview(raw)
    if len(view) > _SHORT_RECORD and _HOSTILE_DIGITS.search(view):
        detail = "expected numbers of at most 18 + 18 digits, received more than 64"
        return Refusal(reason="invalid_field", detail=detail)
    try:
        event: Event = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        second = _decode_again(bytes(view))
        if isinstance(second, Refusal):
            return second
        event = second
    if received_ns is not None and event.event_ns > received_ns + AHEAD_MAX_NS:
        detail = (
            f"expected event_ns at most 5 s after it was received at {received_ns}, "
            f"received {event.event_ns}"
        )
        return Refusal(reason="from_the_future", detail=detail)
    check = _CHECKS.get(type(event))
    problem = check(event) if check is not None else None
    return event if problem is None else Refusal(reason="invalid_field", detail=problem)


def _not_json(error: Exception) -> Refusal:
    return Refusal(reason="not_json", detail=f"expected JSON, received bytes with {error}")


def _decode_again(raw: bytes) -> Event | Refusal:
    """Decode with plain numbers and exponent forms allowed where a number is expected."""
    try:
        plain = json.loads(
            raw.decode(),
            parse_float=_NumberToken,
            parse_int=_NumberToken,
            parse_constant=_NumberToken,
        )
    except (ValueError, RecursionError) as error:
        return _not_json(error)
    if not isinstance(plain, dict):
        detail = f"expected an object with a type, received {type(plain).__name__}"
        return Refusal(reason="invalid_field", detail=detail)
    kind = plain.get("type")
    event_type = EVENT_TYPES.get(kind) if isinstance(kind, str) else None
    if event_type is None:
        return Refusal(
            reason="unknown_type", detail=f"expected a known event type, received {kind!r:.80}"
        )
    try:
        shaped = _shape(plain, msgspec.inspect.type_info(event_type), "$")
        return _decoder.decode(_encoder.encode(shaped))  # type: ignore[no-any-return]
    except (msgspec.DecodeError, _FieldError, RecursionError, UnicodeEncodeError) as error:
        return Refusal(reason="invalid_field", detail=f"{kind}: {error}")


class _FieldError(ValueError):
    """A value does not fit its field; the message says which."""


def _shape(value: Plain, info: msgspec.inspect.Type, path: str) -> Plain:  # noqa: C901, PLR0911, PLR0912 (one branch a type)
    """Return a value with every number in the form that its field expects."""
    match info:
        case msgspec.inspect.Metadata(type=inner, extra=extra):
            if extra is not None and extra.get("number"):
                return _canonical(value, path)
            return _shape(value, inner, path)
        case msgspec.inspect.UnionType(types=types):
            if value is None:
                return None
            structs = [t for t in types if isinstance(t, msgspec.inspect.StructType)]
            if structs:
                return _shape(value, _tagged(value, structs), path)
            kinds = [t for t in types if not isinstance(t, msgspec.inspect.NoneType)]
            return _shape(value, kinds[0], path)
        case msgspec.inspect.StructType(fields=fields):
            return _shape_fields(value, {f.encode_name: f.type for f in fields}, path)
        case msgspec.inspect.ListType(item_type=item):
            return _shape_items(value, lambda _: item, path)
        case msgspec.inspect.TupleType(item_types=items):
            return _shape_items(value, lambda n: items[n] if n < len(items) else None, path)
        case msgspec.inspect.DictType(value_type=inner):
            if not isinstance(value, dict):
                return value
            return {key: _shape(part, inner, f"{path}.{key}") for key, part in value.items()}
        case msgspec.inspect.IntType():
            return _integer(value, path)
        case _:
            if isinstance(value, _NumberToken):
                raise _FieldError(f"expected no number, received {value!s:.40} - at `{path}`")
            return value


def _tagged(value: Plain, structs: list[msgspec.inspect.StructType]) -> msgspec.inspect.Type:
    tag = value.get("type") if isinstance(value, dict) else None
    return next((struct for struct in structs if struct.tag == tag), structs[0])


def _shape_fields(value: Plain, types: dict[str, msgspec.inspect.Type], path: str) -> Plain:
    if not isinstance(value, dict):
        return value
    return {
        name: _shape(part, types[name], f"{path}.{name}") if name in types else part
        for name, part in value.items()
    }


def _shape_items(
    value: Plain, info_of: Callable[[int], msgspec.inspect.Type | None], path: str
) -> Plain:
    if not isinstance(value, list):
        return value
    shaped = []
    for number, part in enumerate(value):
        info = info_of(number)
        shaped.append(part if info is None else _shape(part, info, f"{path}[{number}]"))
    return shaped


def _integer(value: Plain, path: str) -> Plain:
    if not isinstance(value, _NumberToken):
        return value
    if not re.fullmatch(r"-?[0-9]{1,20}", value):
        raise _FieldError(f"expected an integer, received {value!s:.40} - at `{path}`")
    return int(value)


def _canonical(value: Plain, path: str) -> Plain:
    """Return a number as canonical decimal text: "1e3" and 1000 are "1000"."""
    if not isinstance(value, str):
        return value
    expected = "expected a finite number of at most 18 + 18 digits"
    if not _NUMBER.match(value):
        raise _FieldError(f"{expected}, received {value!s:.40} - at `{path}`")
    number = Decimal(value)
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    if number and (number.adjusted() >= _DIGITS_MAX or exponent < -400):
        raise _FieldError(f"{expected}, received {value!s:.40} - at `{path}`")
    text = format(number, "f") if abs(exponent) < 500 else "0"
    if "." in text:
        whole, fraction = text.split(".")
        if len(fraction) > _DIGITS_MAX:
            fraction = fraction.rstrip("0")
        text = f"{whole}.{fraction}" if fraction else whole
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    digits = digits.lstrip("0") or "0"
    if digits.startswith("."):
        digits = "0" + digits
    whole, _, fraction = digits.partition(".")
    if len(whole) > _DIGITS_MAX or len(fraction) > _DIGITS_MAX:
        raise _FieldError(f"{expected}, received {value!s:.40} - at `{path}`")
    return sign + digits


# --- what a type alone cannot say ---------------------------------------------------------------


def _check_position(
    event: events.PositionChanged | events.PositionRecord,
) -> str | None:
    if to_fraction(event.size) == 0:
        return None
    if event.entry_price is None or to_fraction(event.entry_price) <= 0:
        return (
            f"expected entry_price > 0 for a position of size {event.size}, "
            f"received {event.entry_price} - at `$.entry_price`"
        )
    return None


def _check_snapshot(event: events.AccountSnapshot) -> str | None:
    return next((p for p in map(_check_position, event.positions) if p is not None), None)


def _check_fill(event: events.LiquidationFilled) -> str | None:
    if to_fraction(event.size) == 0:
        return f"expected size != 0 of a fill, received {event.size} - at `$.size`"
    if event.price is None:
        return "expected a price of a fill, received null - at `$.price`"
    return None


def _check_instrument(event: events.InstrumentListed) -> str | None:
    bounds = [tier.notional_max for tier in event.risk_tiers]
    if any(bound is None for bound in bounds[:-1]):
        return "expected only the last risk tier without notional_max - at `$.risk_tiers`"
    known = [to_fraction(bound) for bound in bounds if bound is not None]
    if any(after <= before for before, after in pairwise(known)):
        return f"expected ascending notional_max, received {bounds} - at `$.risk_tiers`"
    for name in ("initial_margin_rate", "maintenance_margin_rate"):
        rates = [getattr(tier, name) for tier in event.risk_tiers]
        values = [to_fraction(rate) for rate in rates]
        if any(after < before for before, after in pairwise(values)):
            return f"expected rates that do not fall, received {rates} - at `$.risk_tiers.{name}`"
    return None


def _check_collateral(event: events.CollateralListed) -> str | None:
    rates = [tier.haircut for tier in event.haircut_tiers]
    if event.haircut is not None:
        rates.append(event.haircut)
    if any(to_fraction(rate) > 1 for rate in rates):
        return f"expected haircuts from 0 to 1, received {rates} - at `$.haircut_tiers`"
    bounds = [tier.value_max for tier in event.haircut_tiers]
    if any(bound is None for bound in bounds[:-1]):
        return "expected only the last haircut tier without value_max - at `$.haircut_tiers`"
    known = [to_fraction(bound) for bound in bounds if bound is not None]
    if any(after <= before for before, after in pairwise(known)):
        return f"expected ascending value_max, received {bounds} - at `$.haircut_tiers`"
    return None


def _check_mark(event: events.MarkPriceChanged) -> str | None:
    price = to_fraction(event.price)
    if event.high is not None and to_fraction(event.high) < price:
        return f"expected high >= price {event.price}, received {event.high} - at `$.high`"
    if event.low is not None and to_fraction(event.low) > price:
        return f"expected low <= price {event.price}, received {event.low} - at `$.low`"
    return None


_CHECKS: dict[type, Any] = {
    events.PositionChanged: _check_position,
    events.AccountSnapshot: _check_snapshot,
    events.LiquidationFilled: _check_fill,
    events.InstrumentListed: _check_instrument,
    events.CollateralListed: _check_collateral,
    events.MarkPriceChanged: _check_mark,
}
