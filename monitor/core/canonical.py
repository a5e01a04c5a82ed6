"""Canonical numbers: every number has one text, so that equal facts are equal bytes.

Canonical is decimal text without exponent, without zeros in front or at the end of the decimals,
and without "-0": `1.5`, not `01.50`. The gate reads what the patterns of `events.py` accept; a
`Form` finds what is not canonical in a decoded field and rewrites it. Start at `form_of`.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from monitor.core import events

Matcher = Callable[[Any], object]

ACCEPTED = {
    pattern: re.compile(pattern.removeprefix("^").removesuffix("$")).fullmatch
    for pattern in (events.NUMBER_PATTERN, events.NON_NEGATIVE_PATTERN, events.POSITIVE_PATTERN)
}
_POSITIVE = r"[1-9][0-9]{0,17}(?:\.[0-9]{0,17}[1-9])?|0\.[0-9]{0,17}[1-9]"
_CANONICAL = {
    events.NUMBER_PATTERN: re.compile(rf"0|-?(?:{_POSITIVE})").fullmatch,
    events.NON_NEGATIVE_PATTERN: re.compile(rf"{_POSITIVE}|0").fullmatch,
    events.POSITIVE_PATTERN: re.compile(_POSITIVE).fullmatch,
}


class UnusualNumberError(ValueError):
    """A number that is not in an accepted plain form: it may have an exponent, or be none."""


class Form(NamedTuple):
    """What a field with numbers looks like.

    `matches` is true for a value whose numbers are all canonical; `rewrite` returns a value with
    canonical numbers, or raises UnusualNumberError.
    """

    matches: Matcher
    rewrite: Callable[[Any], Any]


def canonical_text(text: str) -> str:
    """Return the canonical form of plain decimal text: "-01.50" is "-1.5", "-0.0" is "0"."""
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if text[0] not in "-0":
        return text
    digits = text.lstrip("-").lstrip("0")
    if not digits:
        return "0"
    sign = "-" if text[0] == "-" else ""
    return f"{sign}0{digits}" if digits[0] == "." else sign + digits


def form_of(info: msgspec.inspect.Type) -> Form | None:  # noqa: PLR0911 (one a type)
    """Return the form of a type, None for one without numbers."""
    match info:
        case msgspec.inspect.Metadata(type=inner, extra=extra):
            return _text_form(extra["number"]) if extra and "number" in extra else form_of(inner)
        case msgspec.inspect.UnionType(types=types):
            return _union_form(types)
        case msgspec.inspect.StructType(fields=fields):
            return _struct_form(fields)
        case msgspec.inspect.ListType(item_type=item):
            return _list_form(form_of(item))
        case msgspec.inspect.DictType(value_type=item):
            return _dict_form(form_of(item))
        case msgspec.inspect.TupleType(item_types=items):
            return _tuple_form([form_of(item) for item in items])
    return None


def _text_form(pattern: str) -> Form:
    is_accepted = ACCEPTED[pattern]

    def rewrite(text: str) -> str:
        if not is_accepted(text):
            raise UnusualNumberError(text)
        return canonical_text(text)

    return Form(_CANONICAL[pattern], rewrite)


def _list_form(item: Form | None) -> Form | None:
    if item is None:
        return None
    matches, rewrite = item
    return Form(
        lambda values: all(map(matches, values)),
        lambda values: [rewrite(value) for value in values],
    )


def _dict_form(item: Form | None) -> Form | None:
    if item is None:
        return None
    matches, rewrite = item
    return Form(
        lambda values: all(map(matches, values.values())),
        lambda values: {key: rewrite(value) for key, value in values.items()},
    )


def _tuple_form(items: list[Form | None]) -> Form | None:
    matches = [(item or _PLAIN).matches for item in items]
    rewrites = [(item or _PLAIN).rewrite for item in items]
    return Form(
        lambda values: all(match(part) for match, part in zip(matches, values, strict=True)),
        lambda values: tuple(write(part) for write, part in zip(rewrites, values, strict=True)),
    )


def _union_form(types: tuple[msgspec.inspect.Type, ...]) -> Form | None:
    structs = {
        info.cls: form_of(info) or _PLAIN
        for info in types
        if isinstance(info, msgspec.inspect.StructType)
    }
    if structs:
        return Form(
            lambda value: value is None or structs[type(value)].matches(value),
            lambda value: value if value is None else structs[type(value)].rewrite(value),
        )
    form = next((found for found in map(form_of, types) if found is not None), None)
    if form is None:
        return None
    matches, rewrite = form
    return Form(
        lambda value: value is None or matches(value),
        lambda value: value if value is None else rewrite(value),
    )


def _struct_form(fields: tuple[msgspec.inspect.Field, ...]) -> Form | None:
    forms = [(field.name, form) for field in fields if (form := form_of(field.type)) is not None]
    if not forms:
        return None
    return Form(
        lambda value: all(form.matches(getattr(value, name)) for name, form in forms),
        lambda value: msgspec.structs.replace(
            value, **{name: form.rewrite(getattr(value, name)) for name, form in forms}
        ),
    )


_PLAIN = Form(lambda _: True, lambda value: value)
