"""Records as plain values, whole: what a saved state is made of."""

from typing import Any

import msgspec


def plain(value: object) -> Any:  # noqa: ANN401 (what msgpack can hold)
    """Return a record as dicts and lists, every field said.

    `msgspec.to_builtins` leaves defaults out, but only those that are the very object: a state
    would differ by whether a venue spelled a default out.
    """
    if isinstance(value, msgspec.Struct):
        config = value.__struct_config__
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        fields = {encoded: plain(getattr(value, name)) for encoded, name in names}
        return fields if config.tag is None else {config.tag_field: config.tag, **fields}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return value
