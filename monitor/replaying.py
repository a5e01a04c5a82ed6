"""The verb `replay`: recordings through the engine, or through two sets of rules side by side."""

import argparse
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from monitor.config import (
    Configuration,
    configuration_hash,
    load_configuration,
    parse_configuration,
)
from monitor.usage import UsageError

if TYPE_CHECKING:
    from monitor.core.engine import RiskEngine
    from monitor.replay.player import Line

MEANING = "Replay recordings, or a history of prices with a synthetic book, deterministically."
EXAMPLES = (
    "loss-monitor replay events.ndjson.gz --output out --html report.html\n"
    "  loss-monitor replay --prices candles.csv.gz --accounts 2000 --output out\n"
    "  loss-monitor replay --compare today.toml tighter.toml events.ndjson.gz"
)
FAILED, DONE = 1, 0
TRIPS_SHOWN = 40


def add_replay_verb(add_verb: Callable[..., argparse.ArgumentParser]) -> None:
    """Add `replay` to the verbs; `verb` of the options does it."""
    parser = add_verb(
        "replay",
        help=MEANING,
        description=MEANING,
        epilog=f"example:\n  {EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "events", nargs="*", metavar="EVENTS", help="recordings (.ndjson, .gz, .zst), - for stdin"
    )
    parser.add_argument("--config", metavar="FILE", help="configuration (TOML)")
    parser.add_argument("--output", metavar="DIR", help="where the answers go")
    parser.add_argument("--html", metavar="REPORT", help="a timeline of what happened, one file")
    parser.add_argument(
        "--compare", nargs=2, metavar=("A", "B"), help="when the breakers of two files would trip"
    )
    parser.add_argument("--strict", action="store_true", help="fail at the first bad line")
    parser.add_argument("--json", action="store_true", help="print the summary on stdout")
    parser.add_argument(
        "--prices", nargs="+", metavar="FILE", help="candles (CSV, .gz) instead of recordings"
    )
    parser.add_argument(
        "--accounts", type=int, metavar="N", help="with --prices: synthetic accounts (2000)"
    )
    parser.add_argument(
        "--seed", type=int, metavar="S", help="with --prices: seed of the synthetic book (1)"
    )
    parser.add_argument(
        "--from", dest="begin", metavar="TIME", help="with --prices: candles from here, ISO, UTC"
    )
    parser.add_argument("--to", dest="end", metavar="TIME", help="with --prices: and before here")
    parser.set_defaults(verb=replay)


def replay(options: argparse.Namespace) -> int:
    """Replay, or compare; 0: done, 1: the answers could not be written."""
    from monitor.replay.player import OutputError, StrictError
    from monitor.replay.prices import HistoryError
    from monitor.replay.recording import RecordingError

    problem = _problem(options)
    if problem is not None:
        raise UsageError(f"replay: {problem}")
    try:
        return _compare(options) if options.compare else _play(options)
    except (HistoryError, OutputError, RecordingError, StrictError) as error:
        raise UsageError(f"replay: {error}") from error
    except OSError as error:  # of writing: what cannot be read has an error of its own
        place = options.html if error.filename == options.html else options.output
        sys.stderr.write(
            f"loss-monitor: replay: expected {place} to take the answers, received {error}\n"
        )
        return FAILED


def _problem(options: argparse.Namespace) -> str | None:
    """Return what is wrong between the arguments, None if nothing is."""
    if not options.compare and options.output is None:
        return "expected --output, received none"
    if bool(options.events) == bool(options.prices):
        received = "both" if options.events else "neither"
        return f"expected EVENTS or --prices, received {received}"
    alone = {
        "--config": options.config,
        "--output": options.output,
        "--html": options.html,
        "--strict": options.strict or None,
    }
    given = [name for name, value in alone.items() if value is not None]
    if options.compare and given:
        return f"expected --compare alone, received {', '.join(given)} too"
    if options.prices:
        return None
    made = {
        "--accounts": options.accounts,
        "--seed": options.seed,
        "--from": options.begin,
        "--to": options.end,
    }
    given = [name for name, value in made.items() if value is not None]
    if given:
        return f"expected {', '.join(given)} together with --prices, received EVENTS"
    return None


def _play(options: argparse.Namespace) -> int:
    from monitor.compiling import compile_if_new
    from monitor.replay.player import Player
    from monitor.replay.progress import shown
    from monitor.replay.report import report_of
    from monitor.replay.timeline import Timeline

    engine = _engine(options.config)
    timeline = Timeline() if options.html else None
    player = Player(engine, Path(options.output), strict=options.strict, timeline=timeline)
    compile_if_new()
    outcome = player.play(shown(_lines(options), "replaying"))
    if timeline is not None:
        Path(options.html).write_text(
            report_of(timeline, options.events or options.prices), encoding="utf-8"
        )
    if options.json:
        sys.stdout.write((player.output / "summary.json").read_text())
    else:
        report = f", report in {options.html}" if options.html else ""
        sys.stdout.write(
            f"{outcome.applied} events applied, {outcome.quarantined} quarantined, "
            f"{outcome.decisions} decisions; answers in {options.output}{report}\n"
        )
    return DONE


def _compare(options: argparse.Namespace) -> int:
    from monitor.compiling import compile_if_new
    from monitor.replay.comparing import RuleSet, compare
    from monitor.replay.progress import shown

    sets = [RuleSet(name, _engine(name)) for name in options.compare]
    compile_if_new()
    answer = compare(shown(_lines(options), "comparing"), sets)
    if options.json:
        sys.stdout.write(msgspec.json.encode({"sets": options.compare, **answer}).decode() + "\n")
    else:
        _show(answer, options.compare)
    return DONE


def _show(answer: dict[str, Any], names: list[str]) -> None:
    """Print both tables: each breaker side by side, and every trip in time."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if sys.stdout.isatty() else 120)
    table = Table(title="Breakers", title_justify="left")
    table.add_column("breaker")
    for name in names:
        table.add_column(name)
    for row in answer["breakers"]:
        table.add_row(row["breaker"], *(_side(side) for side in row["sets"]))
    console.print(table)
    trips = Table(title="Trips", title_justify="left")
    for column in ("time", "by", "breaker", "scope", "measured", "limit", "action"):
        trips.add_column(column)
    for trip in answer["trips"][:TRIPS_SHOWN]:
        found = [trip[one] for one in ("breaker", "scope", "measured", "limit", "action")]
        trips.add_row(_moment(trip["event_ns"]), names[trip["set"]], *found)
    console.print(trips)
    left_out = len(answer["trips"]) - TRIPS_SHOWN
    if left_out > 0:
        console.print(f"{left_out} more trips: --json has them all")
    if answer["passed_over"]:
        console.print(f"{answer['passed_over']} lines could not be applied: see `replay --output`")


def _side(side: dict[str, Any] | None) -> str:
    if side is None:
        return "not configured"
    if not side["trips"]:
        return "never"
    first = f"{_moment(side['first_ns'])} {side['first_scope']}"
    return f"{side['trips']} x, first {first}, {side['tripped_s']:,.0f} s in all"


def _moment(event_ns: int) -> str:
    return datetime.fromtimestamp(event_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _engine(path: str | None) -> "RiskEngine":
    from monitor.core.engine import RiskEngine

    configuration, text = _configuration(path)
    return RiskEngine(
        configuration.engine_settings(),
        configuration_hash=configuration_hash(text),
        parse_settings=lambda changed: parse_configuration(
            changed, where="configuration_changed"
        ).engine_settings(),
    )


def _configuration(path: str | None) -> tuple[Configuration, str]:
    if path is None:
        return parse_configuration("", where="defaults"), ""
    return load_configuration(path)


def _lines(options: argparse.Namespace) -> "Iterator[Line]":
    """Return the lines that are replayed: of recordings, or made from a history of prices."""
    from monitor.replay.player import from_events, read
    from monitor.replay.prices import (
        ACCOUNTS_DEFAULT,
        SEED_DEFAULT,
        TimeRange,
        events_from_history,
    )

    if not options.prices:
        return read(options.events)
    history = events_from_history(
        options.prices,
        accounts=ACCOUNTS_DEFAULT if options.accounts is None else options.accounts,
        seed=SEED_DEFAULT if options.seed is None else options.seed,
        between=TimeRange.parse(options.begin, options.end),
    )
    return from_events(history, "history")
