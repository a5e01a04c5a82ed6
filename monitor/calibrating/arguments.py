"""The arguments of `loss-monitor calibrate`; apart, so that other verbs need not load the fits."""

import argparse
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationRequest:
    """What the command was asked: files in, files out (None: not written)."""

    histories: tuple[Path, ...]
    output: Path
    report: Path | None = None
    as_json: bool = False


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument(
        "--history", required=True, nargs="+", metavar="FILE", help="prices (CSV, .gz)"
    )
    parser.add_argument("--output", required=True, metavar="FILE", help="parameters (TOML)")
    parser.add_argument("--html", metavar="REPORT", help="a report with diagnostics, one file")
    parser.add_argument("--json", action="store_true", help="print the parameters as JSON")


def request_of(options: argparse.Namespace) -> CalibrationRequest:
    """Return parsed arguments as a request."""
    return CalibrationRequest(
        histories=tuple(map(Path, options.history)),
        output=Path(options.output),
        report=Path(options.html) if options.html else None,
        as_json=options.json,
    )
