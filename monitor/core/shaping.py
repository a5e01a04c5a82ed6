"""The second look at a record: numbers in any accepted form become canonical decimal text.

Plain JSON numbers are kept as text from the start (no binary floats); exponent forms are written
out. Nothing is computed from a number before its length and exponent are known to be small.
"""

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec

from monitor.core import events
from monitor.core.canonical import ACCEPTED, canonical_text

DIGITS_MAX = 18
_NUMBER = re.compile(r"-?[0-9]{1,64}(\.[0-9]{1,64})?([eE][+-]?[0-9]{1,3})?\Z")

# What JSON decodes to.
Plain: TypeAlias = Any


class NumberToken(str):
    """A JSON number as its text."""

    __slots__ = ()


_KINDS: tuple[tuple[type, str], ...] = (
    (NumberToken, "a number"),
    (str, "a text"),
    (bool, "true or false"),
    (list, "an array"),
    (dict, "an object"),
)


def kind_of(value: Plain) -> str:
    """Return what kind of JSON value something is."""
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "null")


_MEANINGS = {
    events.NUMBER_PATTERN: "of at most 18 + 18 digits",
    events.NON_NEGATIVE_PATTERN: ">= 0",
    events.POSITIVE_PATTERN: "> 0",
}


def parse_plainly(raw: bytes) -> Plain:
    """Return what JSON bytes hold, every number as its text.

    Raises ValueError or RecursionError if they are no JSON.
    """
    return json.loads(
        raw.decode(),
        parse_float=NumberToken,
        parse_int=NumberToken,
        parse_constant=NumberToken,
    )


class FieldError(ValueError):
    """A value does not fit its field; the message says which."""


def shape(value: Plain, info: msgspec.inspect.Type, path: str) -> Plain:  # noqa: C901, PLR0911 (one branch a type)
    """Return a value with every number in the form that its field expects."""
    match info:
        case msgspec.inspect.Metadata(type=inner, extra=extra):
            if extra is not None and "number" in extra:
                return _canonical(value, extra["number"], path)
            return shape(value, inner, path)
        case msgspec.inspect.UnionType(types=types):
            if value is None:
                return None
            structs = [t for t in types if isinstance(t, msgspec.inspect.StructType)]
            if structs:
                return shape(value, _tagged(value, structs), path)
            kinds = [t for t in types if not isinstance(t, msgspec.inspect.NoneType)]
            return shape(value, kinds[0], path)
        case msgspec.inspect.StructType(fields=fields):
            return _shape_fields(value, {f.encode_name: f.type for f in fields}, path)
        case msgspec.inspect.ListType(item_type=item):
            return _shape_items(value, lambda _: item, path)
        case msgspec.inspect.TupleType(item_types=items):
            return _shape_items(value, lambda n: items[n] if n < len(items) else None, path)
        case msgspec.inspect.DictType(value_type=inner):
            _expect(value, dict, path)
            return {key: shape(part, inner, f"{path}.{key}") for key, part in value.items()}
        case msgspec.inspect.IntType():
            return _integer(value, path)
        case _:
            if isinstance(value, NumberToken | list | dict):
                raise FieldError(f"expected a text, received {kind_of(value)} - at `{path}`")
            return value


def _expect(value: Plain, kind: type, path: str) -> None:
    if not isinstance(value, kind):
        meaning = "an object" if kind is dict else "an array"
        raise FieldError(f"expected {meaning}, received {kind_of(value)} - at `{path}`")


def _tagged(value: Plain, structs: list[msgspec.inspect.StructType]) -> msgspec.inspect.Type:
    tag = value.get("type") if isinstance(value, dict) else None
    return next((struct for struct in structs if struct.tag == tag), structs[0])


def _shape_fields(value: Plain, types: dict[str, msgspec.inspect.Type], path: str) -> Plain:
    _expect(value, dict, path)
    unknown = sorted(value.keys() - types.keys() - {"type"})
    if unknown:
        raise FieldError(f"expected known fields, received {unknown[0]!r:.80} - at `{path}`")
    return {
        name: shape(part, types[name], f"{path}.{name}") if name in types else part
        for name, part in value.items()
    }


def _shape_items(
    value: Plain, info_of: Callable[[int], msgspec.inspect.Type | None], path: str
) -> Plain:
    _expect(value, list, path)
    shaped = []
    for number, part in enumerate(value):
        info = info_of(number)
        if info is None:
            raise FieldError(f"expected {number} items, received {len(value)} - at `{path}`")
        shaped.append(shape(part, info, f"{path}[{number}]"))
    return shaped


def _integer(value: Plain, path: str) -> Plain:
    if not isinstance(value, NumberToken):
        return value
    if not re.fullmatch(r"-?[0-9]{1,20}", value):
        raise FieldError(f"expected an integer, received {value!s:.40} - at `{path}`")
    return int(value)


def _canonical(value: Plain, pattern: str, path: str) -> Plain:
    """Return a number as canonical decimal text: "1e3" and 1000 are "1000"."""
    if not isinstance(value, str):
        raise FieldError(f"expected a number, received {kind_of(value)} - at `{path}`")
    expected = "expected a finite number of at most 18 + 18 digits"
    if not _NUMBER.match(value):
        raise FieldError(f"{expected}, received {value!s:.40} - at `{path}`")
    number = Decimal(value)
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    if number and (number.adjusted() >= DIGITS_MAX or exponent < -400):
        raise FieldError(f"{expected}, received {value!s:.40} - at `{path}`")
    text = canonical_text(format(number, "f")) if abs(exponent) < 500 else "0"
    whole, _, fraction = text.removeprefix("-").partition(".")
    if len(whole) > DIGITS_MAX or len(fraction) > DIGITS_MAX:
        raise FieldError(f"{expected}, received {value!s:.40} - at `{path}`")
    if not ACCEPTED[pattern](text):
        raise FieldError(
            f"expected a number {_MEANINGS[pattern]}, received {value!s:.40} - at `{path}`"
        )
    return text
