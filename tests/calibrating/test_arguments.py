"""The arguments of `calibrate`: what is missing is one line, and no fit is loaded for it."""

import subprocess
import sys
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


def test_other_verbs_do_not_load_the_fits() -> None:
    said = (
        "import sys; from monitor.cli import main; main(['calibrate'])\n"
        "print('scipy' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"
