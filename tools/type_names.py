"""Types in words, as a reader of JSON or TOML knows them: `decimal > 0 or null`."""

import types
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from monitor.core import events

_NUMBERS = {
    events.NUMBER_PATTERN: "decimal",
    events.NON_NEGATIVE_PATTERN: "decimal >= 0",
    events.POSITIVE_PATTERN: "decimal > 0",
}
_PLAIN = {str: "text", int: "integer", float: "number", bool: "boolean"}
_LARGE = 2**53


def describe_type(annotation: Any) -> str:
    """Return a type in words."""
    metadata = getattr(annotation, "__metadata__", None)
    if metadata is not None:
        return _describe_limits(annotation.__origin__, metadata[0])
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return f"[{tag_of(annotation)}](#{tag_of(annotation)})"
    return _describe_generic(get_origin(annotation), get_args(annotation))


def _describe_generic(origin: Any, arguments: tuple[Any, ...]) -> str:
    """Return a type that is built of others in words."""
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin in (Union, types.UnionType):
        words = [describe_type(item) for item in arguments if item is not type(None)]
        return " or ".join(words) + (" or null" if type(None) in arguments else "")
    if origin is dict:
        return f"object: {describe_type(arguments[0])} to {describe_type(arguments[1])}"
    if origin is list or arguments[-1] is Ellipsis:
        return f"list of ({describe_type(arguments[0])})"
    return "[" + ", ".join(describe_type(item) for item in arguments) + "]"


def _describe_limits(origin: Any, limits: msgspec.Meta) -> str:
    """Return a type with limits in words."""
    if limits.extra and "number" in limits.extra:
        return _NUMBERS[limits.extra["number"]]
    words = describe_type(origin)
    if limits.max_length is not None:
        unit = "characters" if origin is str else "items"
        words += f", at most {limits.max_length:,} {unit}"
    lowest = [f">= {limits.ge}"] if limits.ge is not None else []
    lowest += [f"> {limits.gt}"] if limits.gt is not None else []
    highest = [f"<= {limits.le:,}"] if limits.le is not None and limits.le < _LARGE else []
    return " ".join([words, *lowest, *highest])


def default_of(field: msgspec.structs.FieldInfo) -> str:
    """Return a field's default as JSON, empty where it is required."""
    if field.default is not msgspec.NODEFAULT:
        return f"`{msgspec.json.encode(field.default).decode()}`"
    if field.default_factory is not msgspec.NODEFAULT:
        return f"`{msgspec.json.encode(field.default_factory()).decode()}`"
    return ""


def tag_of(record: type[Any]) -> str:
    """Return the `type` of a record, or its name in words where it has none."""
    tag = record.__struct_config__.tag
    return str(tag) if isinstance(tag, str) else events.snake_case(record.__name__)
