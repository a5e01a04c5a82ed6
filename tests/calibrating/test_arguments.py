"""The arguments of `calibrate`: what is missing is one line, and no fit is loaded for it."""

from pathlib import Path

import pytest

from monitor.calibrating.arguments import add_arguments, request_of
from monitor.cli import main
from monitor.usage import Parser


def test_arguments_make_a_request() -> None:
    parser = Parser()
    add_arguments(parser)
    request = request_of(parser.parse_args(["--history", "a", "b", "--output", "c", "--json"]))
    assert request.histories == (Path("a"), Path("b"))
    assert (request.output, request.report, request.as_json) == (Path("c"), None, True)


def test_what_is_missing_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate"]) == 2
    assert capsys.readouterr().err == (
        "loss-monitor: calibrate: expected --history, --output, received none\n"
    )
