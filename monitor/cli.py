"""The command line: `loss-monitor VERB`. Parses and hands over; nothing is decided here.

Exit status: 0 done, 1 the run failed, 2 wrong usage, configuration or input. Errors go to
standard error, one line that says what was expected, what was received and where.
"""

import argparse
import sys
from collections.abc import Callable, Sequence

import msgspec

from monitor.config import (
    ConfigurationError,
    configuration_hash,
    load_configuration,
)
from monitor.operating import add_breaker_verb
from monitor.replaying import add_replay_verb
from monitor.usage import Parser, UsageError

DONE, FAILED, WRONG_USAGE = 0, 1, 2

AddVerb = Callable[..., argparse.ArgumentParser]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status."""
    try:
        options = _parser().parse_args(arguments)
        return int(options.verb(options))
    except (ConfigurationError, UsageError) as error:
        return _complain(str(error), WRONG_USAGE)
    except BrokenPipeError:
        return FAILED
    except KeyboardInterrupt:
        return _complain("interrupted", FAILED)


def _complain(message: str, status: int) -> int:
    sys.stderr.write(f"loss-monitor: {message}\n")
    return status


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="loss-monitor",
        description="A real-time monitor of socialized loss for derivatives exchanges.",
        epilog="Try: loss-monitor demo --seconds 60",
    )
    add_verb = parser.add_subparsers(title="verbs", required=True, metavar="VERB").add_parser
    _add_run(add_verb)
    _add_compile(add_verb)
    _add_check_config(add_verb)
    _add_demo(add_verb)
    add_replay_verb(add_verb)
    _add_deleverage(add_verb)
    _add_socialize(add_verb)
    _add_calibrate(add_verb)
    add_breaker_verb(add_verb)
    return parser


def _verb(add_verb: AddVerb, name: str, meaning: str, example: str) -> argparse.ArgumentParser:
    return add_verb(
        name,
        help=meaning,
        description=meaning,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_run(add_verb: AddVerb) -> None:
    parser = _verb(
        add_verb, "run", "Run the daemon.", "loss-monitor run --config /etc/loss-monitor.toml"
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="configuration (TOML)")
    parser.add_argument(
        "--create-topics", action="store_true", help="create missing Kafka topics at start"
    )
    parser.set_defaults(verb=_run)


def _run(options: argparse.Namespace) -> int:
    load_configuration(options.config)
    from monitor import app
    from monitor.compiling import compile_ahead

    compile_ahead()
    return app.run(options.config, create_topics=options.create_topics)


def _add_compile(add_verb: AddVerb) -> None:
    parser = _verb(
        add_verb,
        "compile",
        "Compile the margin engine ahead: once after an installation, else at the first start.",
        "loss-monitor compile",
    )
    parser.set_defaults(verb=_compile)


def _compile(_: argparse.Namespace) -> int:
    from monitor.compiling import compile_ahead

    compile_ahead(always_shown=True)
    return DONE


def _add_check_config(add_verb: AddVerb) -> None:
    parser = _verb(
        add_verb,
        "check-config",
        "Check a configuration file and print what is in force.",
        "loss-monitor check-config loss-monitor.toml",
    )
    parser.add_argument("file", metavar="FILE", help="configuration (TOML)")
    parser.add_argument("--json", action="store_true", help="print the whole configuration")
    parser.set_defaults(verb=_check_config)


def _check_config(options: argparse.Namespace) -> int:
    configuration, text = load_configuration(options.file)
    if options.json:
        sys.stdout.write(msgspec.json.encode(configuration).decode() + "\n")
    else:
        sys.stdout.write(f"{options.file}: valid, hash {configuration_hash(text)}\n")
    return DONE


def _add_demo(add_verb: AddVerb) -> None:
    parser = _verb(
        add_verb,
        "demo",
        "Watch a synthetic exchange crash, through all real parts on embedded defaults.",
        "loss-monitor demo --seconds 60 --no-browser --port 18080",
    )
    parser.add_argument("--seconds", type=float, metavar="N", help="end after N seconds")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--port", type=int, metavar="P", help="port of the console")
    parser.add_argument(
        "--kafka",
        default="embedded",
        metavar="WHERE",
        help="`embedded` (default), `real` (starts Apache Kafka; needs Java) or HOST:PORT",
    )
    parser.add_argument(
        "--redis", default="embedded", metavar="URL", help="`embedded` (default) or redis://..."
    )
    parser.set_defaults(verb=_demo)


def _demo(options: argparse.Namespace) -> int:
    if options.seconds is not None and options.seconds <= 0:
        return _complain(f"demo: expected --seconds > 0, received {options.seconds:g}", WRONG_USAGE)
    if options.port is not None and not 0 <= options.port <= 65535:
        return _complain(
            f"demo: expected --port from 0 to 65535, received {options.port}", WRONG_USAGE
        )
    from monitor.compiling import compile_ahead
    from monitor.replay.demo.run import run_demo

    compile_ahead()
    return run_demo(
        seconds=options.seconds,
        browser=not options.no_browser,
        port=options.port,
        kafka=options.kafka,
        redis=options.redis,
    )


def _add_deleverage(add_verb: AddVerb) -> None:
    from monitor.core.deleveraging import POLICIES

    parser = _verb(
        add_verb,
        "deleverage",
        "Show what a deleveraging policy would take from whom.",
        "loss-monitor deleverage --policy queue-bitmex --candidates winners.json --amount 10\n"
        "  loss-monitor deleverage --compare --candidates winners.json --amount 500 --unit pnl",
    )
    chosen = parser.add_mutually_exclusive_group(required=True)
    names = list(POLICIES)
    chosen.add_argument("--policy", choices=names, metavar="NAME", help=", ".join(names))
    chosen.add_argument("--compare", action="store_true", help="all policies, side by side")
    parser.add_argument("--candidates", required=True, metavar="FILE", help="JSON, - for stdin")
    parser.add_argument("--amount", required=True, metavar="X", help="what must be taken")
    parser.add_argument(
        "--unit", choices=("contracts", "pnl"), default="contracts", help="of X (contracts)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="S", help="where random-walk starts (1)"
    )
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    parser.set_defaults(verb=_deleverage)


def _deleverage(options: argparse.Namespace) -> int:
    from monitor import worksheets

    request = worksheets.DeleverageRequest(
        candidates=options.candidates,
        amount=options.amount,
        unit=options.unit,
        seed=options.seed,
    )
    try:
        answer = worksheets.deleverage(request, options.policy)
    except (worksheets.WorksheetError, OSError) as error:
        return _complain(f"deleverage: {error}", WRONG_USAGE)
    worksheets.show(answer, as_json=options.json)
    return DONE


def _add_socialize(add_verb: AddVerb) -> None:
    from monitor.core.socialization import METHODS

    parser = _verb(
        add_verb,
        "socialize",
        "Show who would bear a residual loss.",
        "loss-monitor socialize --method three-stage --amount 100 --candidates accounts.json",
    )
    parser.add_argument(
        "--method", required=True, choices=list(METHODS), metavar="NAME", help=", ".join(METHODS)
    )
    parser.add_argument("--amount", required=True, metavar="X", help="the loss, in its asset")
    parser.add_argument("--candidates", required=True, metavar="FILE", help="JSON, - for stdin")
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")
    parser.set_defaults(verb=_socialize)


def _socialize(options: argparse.Namespace) -> int:
    from monitor import worksheets

    try:
        answer = worksheets.socialize(options.method, options.candidates, options.amount)
    except (worksheets.WorksheetError, OSError) as error:
        return _complain(f"socialize: {error}", WRONG_USAGE)
    worksheets.show(answer, as_json=options.json)
    return DONE


def _add_calibrate(add_verb: AddVerb) -> None:
    from monitor.calibrating.arguments import add_arguments

    parser = _verb(
        add_verb,
        "calibrate",
        "Fit the tails of losses and their dependence on histories of prices.",
        "loss-monitor calibrate --history btc_1h.csv eth_1h.csv --output params.toml --html r.html",
    )
    add_arguments(parser)
    parser.set_defaults(verb=_calibrate)


def _calibrate(options: argparse.Namespace) -> int:
    from monitor.calibrating.arguments import request_of
    from monitor.calibrating.calibrate import HistoryError, run_calibration

    try:
        run_calibration(request_of(options))
    except HistoryError as error:
        return _complain(f"calibrate: {error}", WRONG_USAGE)
    except OSError as error:
        return _complain(f"calibrate: expected to write the answers, received {error}", FAILED)
    return DONE
