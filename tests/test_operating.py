"""`breaker reset` as an operator meets it: what is wrong is said in one line, before any broker."""

from pathlib import Path

import pytest

from monitor.cli import main

FAST = """
[kafka]
bootstrap_servers = "127.0.0.1:1"
request_timeout_s = 0.2

[[breakers]]
name = "fast"
kind = "price_velocity"
lookback_s = 60
limit_ratio = 0.1
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "monitor.toml"
    path.write_text(FAST)
    return str(path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fats", "--reason", "r"], "breaker reset: expected a breaker of"),
        (["fast", "--reason", " "], "expected 1 to 1024 characters, received 0 - at --reason"),
        (["fast", "--reason", "x" * 1025], "1025 - at --reason"),
        (["fast", "--reason", "r", "--by", ""], "received 0 - at --by"),
        (["fast", "--reason", "r", "--scope", "x" * 129], "received 129 - at --scope"),
        (["fast"], "breaker reset: expected --reason, received none"),
    ],
)
def test_wrong_words_are_refused_before_the_broker_is_asked(
    config: str, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["breaker", "reset", *words, "--config", config]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_the_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["breaker", "reset", "--help"])
    assert ended.value.code == 0
    assert "loss-monitor breaker reset fast --scope BTC-PERP" in capsys.readouterr().out


@pytest.mark.service
def test_a_broker_that_is_not_there_is_named(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["breaker", "reset", "fast", "--reason", "r", "--config", config]) == 1
    error = capsys.readouterr().err
    assert "expected Kafka at 127.0.0.1:1 to take the reset" in error
