"""In which line a mistake lies: of a key, of a table, of the second of two alike."""

import pytest

from monitor.config import ConfigurationError, parse_configuration

TEXT = """
[service]
shard = 0  # the first

[http]
listen = "127.0.0.1:8080"

[[funds]]
name = "main"
asset = "USD"

[[breakers]]
name = "fall"
kind = "price_velocity"
lookback_s = 60
limit_ratio = 0.1

[[breakers]]
name = "rise"
kind = "price_velocity"
lookback_s = 60
limit_ratio = 0.2
release_ratio = 0.1

[oracles.classes.default]
stale_after_s = 5

[oracles.index.BTC]
source_class = "default"
sources = [
    {oracle = "a"},
]
"""
MISTAKES = {
    ("shard = 0 ", "shard = -1 "): "shard = -1",
    ("shard = 0 ", "shards = 0 "): "shards = 0",
    ("shard = 0 ", "shard = 7 "): "shard = 7",
    ("limit_ratio = 0.2", "limit_ratio = 0"): "limit_ratio = 0",
    ("release_ratio = 0.1", "release_ratio = 0.3"): "release_ratio = 0.3",
    ("release_ratio = 0.1", "halt_s = 0.5"): "halt_s = 0.5",
    ('"rise"', '"fall"'): "[[breakers]]",
    ("60\nlimit_ratio = 0.2", '60\nlimit_ratio = "much"'): 'limit_ratio = "much"',
    ('asset = "USD"', 'asset = "USD"\nparent = "main"'): "[[funds]]",
    ('asset = "USD"', 'asset = "USD"\nparent = "other"'): 'parent = "other"',
    ("stale_after_s = 5", "stale_after_s = 0"): "stale_after_s = 0",
    ("[http]", "[https]"): "[https]",
    ('class = "default"', 'class = "none"'): 'source_class = "none"',
    ("source_class =", "quorum ="): "quorum =",
}


@pytest.mark.parametrize("change", MISTAKES)
def test_a_mistake_is_told_with_its_line(change: tuple[str, str]) -> None:
    assert TEXT.count(change[0]) == 1
    text = TEXT.replace(*change)
    with pytest.raises(ConfigurationError, match=r"^x\.toml:\d+: ") as told:
        parse_configuration(text, where="x.toml")
    line = int(str(told.value).split(":")[1])
    assert text.splitlines()[line - 1].startswith(MISTAKES[change])
    if change[1] == '"fall"':
        assert line == text.splitlines().index('name = "fall"', 15)  # the second of that name


def test_where_two_tables_could_be_meant_no_line_is_told() -> None:
    text = TEXT + "\n[oracles.classes.slow]\nstale_after_s = 0\n"
    with pytest.raises(ConfigurationError, match=r"^x\.toml: expected"):
        parse_configuration(text, where="x.toml")


def test_text_that_only_looks_like_a_key_is_none() -> None:
    text = '[http]\nlisten = """\nshard = 5\n"""\n[service]\nshard = -1\n'
    with pytest.raises(ConfigurationError, match=r"^y\.toml:6: "):
        parse_configuration(text, where="y.toml")


def test_text_that_is_no_toml_says_its_own_line() -> None:
    with pytest.raises(ConfigurationError, match="at line 2, column 1"):
        parse_configuration("[service]\n= 5\n", where="x.toml")
