"""What an operator tells a running monitor: `loss-monitor breaker reset`.

The command writes to the broker, not to a daemon: it works whichever instance leads, and what it
wrote is read like every other market event.
"""

import argparse
import getpass
import socket
import sys
from collections.abc import Callable
from typing import Any

import msgspec

from monitor.config import Configuration, load_configuration
from monitor.core.events import IDENTIFIER_LENGTH_MAX, BreakerReset
from monitor.runtime.clock import Clock
from monitor.usage import UsageError

TEXT_LENGTH_MAX = 1024
RESET_EXAMPLE = (
    "loss-monitor breaker reset fast --scope BTC-PERP --reason 'bad print, feed mended' \\\n"
    "    --config /etc/loss-monitor.toml"
)


def add_breaker_verb(add_verb: Callable[..., argparse.ArgumentParser]) -> None:
    """Add `breaker` to the verbs, with what can be done to one; `verb` of the options does it."""
    parser = add_verb("breaker", **_told("Operate a circuit breaker."))
    doing = parser.add_subparsers(title="what to do", required=True, metavar="reset")
    reset = doing.add_parser("reset", **_told("Arm a breaker by hand, recorded with who and why."))
    reset.add_argument("name", metavar="NAME", help="`name` of a [[breakers]]")
    reset.add_argument("--scope", metavar="S", help="an instrument, fund ... (all of its scopes)")
    reset.add_argument("--reason", required=True, metavar="TEXT", help="why, for the record")
    reset.add_argument("--by", metavar="WHO", help="who, for the record (user@host)")
    reset.add_argument("--config", required=True, metavar="FILE", help="configuration (TOML)")
    reset.add_argument("--json", action="store_true", help="print what was recorded as JSON")
    reset.set_defaults(verb=reset_breaker)


def _told(meaning: str) -> dict[str, Any]:
    return {
        "help": meaning,
        "description": meaning,
        "epilog": f"example:\n  {RESET_EXAMPLE}",
        "formatter_class": argparse.RawDescriptionHelpFormatter,
    }


def reset_breaker(options: argparse.Namespace) -> int:
    """Record a reset and say where; 0: it is recorded, 1: the broker did not take it."""
    from monitor.streams.broker import BrokerError
    from monitor.streams.operator_events import record_breaker_reset

    configuration, _ = load_configuration(options.config)
    event = _reset_event(options, configuration)
    kafka, shards = configuration.kafka, configuration.service.shards
    try:
        offset = record_breaker_reset(kafka, event, shards=shards)
    except BrokerError as error:
        sys.stderr.write(f"loss-monitor: breaker reset: {error}\n")
        return 1
    topic = kafka.topics.market
    if options.json:
        recorded = {"topic": topic, "partition": 0, "offset": offset}
        answer = {**msgspec.to_builtins(event), **recorded}
        sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
    else:
        scope = "all its scopes" if event.scope is None else event.scope
        place = f"{topic}, offset {offset}"
        sys.stdout.write(f"reset of {event.breaker} on {scope} by {event.by} recorded: {place}\n")
    return 0


def _reset_event(options: argparse.Namespace, configuration: Configuration) -> BreakerReset:
    """Return the event; raises UsageError for what no monitor with this file would take."""
    names = [settings.name for settings in configuration.breakers]
    if options.name not in names:
        raise UsageError(
            f"breaker reset: expected a breaker of {options.config} "
            f"({', '.join(names) or 'none is configured'}), received {options.name!r}"
        )
    by = f"{_user()}@{socket.gethostname()}" if options.by is None else options.by
    bounded: tuple[tuple[str, str | None, int], ...] = (
        ("--reason", options.reason, TEXT_LENGTH_MAX),
        ("--by", by, TEXT_LENGTH_MAX),
        ("--scope", options.scope, IDENTIFIER_LENGTH_MAX),
    )
    for where, value, length_max in bounded:
        if value is not None and not 1 <= len(value.strip()) <= length_max:
            raise UsageError(
                f"breaker reset: expected 1 to {length_max} characters, "
                f"received {len(value.strip())} - at {where}"
            )
    return BreakerReset(
        event_ns=Clock().now_ns(),
        breaker=options.name,
        reason=options.reason.strip(),
        by=by.strip(),
        scope=options.scope,
    )


def _user() -> str:
    """Return the name of the user who runs this; a system may know none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown user"
