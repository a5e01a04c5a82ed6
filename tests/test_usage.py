"""Wrong arguments, whatever the verb: one line, expected and received, and status 2."""

import pytest

from monitor.cli import main
from monitor.usage import reworded

MISTAKES = {
    "": "loss-monitor: expected VERB, received none",
    "dance": "'calibrate', 'breaker', received 'dance' - at VERB",
    "run": "run: expected --config, received none",
    "run --config": "run: expected one argument, received another number of them - at --config",
    "run --config x --fast": "expected known arguments, received --fast",
    "check-config": "check-config: expected FILE, received none",
    "check-config x --json=yes": "check-config: expected no value, received 'yes' - at --json",
    "demo --port x": "demo: expected an integer, received 'x' - at --port",
    "demo --seconds x": "demo: expected a number, received 'x' - at --seconds",
    "replay": "replay: expected --output, received none",
    "replay --se 1 --s": "replay: expected one of --strict, --seed, received --s",
    "deleverage --amount 1": "deleverage: expected --candidates, received none",
    "deleverage --amount 1 --candidates x": "expected one of --policy --compare, received none",
    "deleverage --compare --policy queue-bitmex": "expected --policy or --compare, received both",
    "socialize --method x --amount 1 --candidates x": "received 'x' - at --method",
    "socialize --amount 1 --candidates x": "socialize: expected --method, received none",
}


@pytest.mark.parametrize("words", MISTAKES)
def test_wrong_arguments_are_one_line(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("loss-monitor: ")
    assert said.err.count("\n") == 1
    assert said.err.endswith("\n")
    assert MISTAKES[words] in said.err


def test_a_line_break_in_an_argument_stays_on_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-config", "x", "a\nb"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_sentence_that_nobody_foresaw_is_kept() -> None:
    assert reworded("odd") == "expected arguments as --help shows them, received others: odd"
