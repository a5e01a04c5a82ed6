"""`docs/configuration.md`: every section and key of the configuration file, with its default."""

import inspect
from collections.abc import Iterator
from typing import Any, get_args

import msgspec

from monitor.config import Configuration
from monitor.core.settings_record import Settings
from tools.settings_meanings import SETTINGS
from tools.type_names import default_of, describe_type

_HEAD = """# Configuration

Generated from `monitor/config.py` and its records of settings by `make schema`; do not edit.

The file is TOML. An empty file is valid and means the defaults. An unknown key, a value out of
its range and a contradiction between two keys are refused with what was expected, what was
received and where. `loss-monitor check-config FILE` says whether a file can be used; SIGHUP makes
the daemon read it again: a bad file leaves the old one in force. `[[name]]` may stand several
times. A secret never stands in the file: keys that end in `_file` name a file with it.
"""


_ENVIRONMENT = {
    "LOSS_MONITOR_REDIS_PASSWORD": "The Redis password, where `password_file` is not set.",
    "LOSS_MONITOR_PYTH_HERMES_TOKEN": "The token of the Pyth Hermes server; with `_FILE` at the "
    "end of its name: a file with it.",
    "REDIS_SERVER": "The `redis-server` that the demo starts.",
    "KAFKA_HOME": "An Apache Kafka on this machine, for `demo --kafka real` and the tests.",
}


def render_configuration() -> str:
    """Return the page."""
    parts = [_HEAD]
    for field in msgspec.structs.fields(Configuration):
        repeated = not (isinstance(field.type, type) and issubclass(field.type, Settings))
        for record in _records(field.type):
            parts.extend(_sections(field.encode_name, record, repeated=repeated))
    parts.append("## Environment\n")
    parts.append("| variable | meaning |\n|---|---|")
    parts.extend(f"| `{name}` | {meaning} |" for name, meaning in _ENVIRONMENT.items())
    return "\n".join(parts).rstrip() + "\n"


def _records(annotation: Any) -> list[type[Settings]]:
    """Return the records of a section: one, or each kind of a repeated section."""
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, Settings) else []
    return [record for item in get_args(annotation) for record in _records(item)]


def _sections(name: str, record: type[Settings], *, repeated: bool) -> list[str]:
    """Return a section and, after it, the sections inside it."""
    heading = f"[[{name}]]" if repeated else f"[{name}]"
    tag = record.__struct_config__.tag
    variant = f" kind `{tag}`" if tag else ""
    said_of, _, text = inspect.cleandoc(record.__doc__ or "").partition(": ")
    if ".NAME" in said_of:
        heading = said_of.strip("`")  # tables by name: the record says how they are written
    text = text[:1].upper() + text[1:]
    lines = [f"## `{heading}`{variant}\n", text, "", "| key | type | default | meaning |"]
    lines.append("|---|---|---|---|")
    if tag:
        tag_field = record.__struct_config__.tag_field
        lines.append(f"| `{tag_field}` | `{tag}` | required | Which kind. |")
    inside: list[str] = []
    for field in msgspec.structs.fields(record):
        said = SETTINGS[(name, field.name)]
        if isinstance(field.type, type) and issubclass(field.type, Settings):
            inside += _sections(f"{name}.{field.name}", field.type, repeated=False)
            continue
        if nested := _records(field.type):
            for each in nested:
                inside += _sections(f"{name}.{field.name}", each, repeated=True)
            lines.append(f"| `{field.name}` | tables, see below | none | {said} |")
            continue
        default = default_of(field) or "required"
        default = "none" if default == "`null`" else default  # TOML knows no null
        kind = describe_type(field.type).removesuffix(" or null")
        lines.append(f"| `{field.name}` | {kind} | {default} | {said} |")
    return ["\n".join(lines) + "\n", *inside]


def configuration_keys(record: type[Settings], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield (section, key) of every key that the file may hold."""
    for field in msgspec.structs.fields(record):
        if prefix:
            yield prefix, field.name
        for inside in _records(field.type):
            yield from configuration_keys(inside, f"{prefix}.{field.name}".lstrip("."))
