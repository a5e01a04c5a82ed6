"""Each mistake in a configuration file is told: what was expected, what was received, where."""

import pytest

from monitor.config import ConfigurationError, parse_configuration

SHORTFALL = '[[breakers]]\nname = "s"\nkind = "shortfall"\n'
BREAKER = (
    '[[breakers]]\nname = "fall"\nkind = "price_velocity"\nlookback_s = 60\nlimit_ratio = 0.1\n'
)

MISTAKES = {
    "[service]\nfoo = 1": "expected known fields, received `foo` - at `$.service`",
    "[service": "expected TOML, received a text with",
    "[margin]\nmargin_call_ratio = inf": "expected `float` <= 1.0",
    "[margin]\nmargin_call_ratio = nan": "expected `float` >= 0.001",
    "[margin]\nmargin_call_ratio = 1e-320": "expected `float` >= 0.001",
    '[margin]\nliquidatable_when = "never"': "expected one of the listed values, received 'never'",
    BREAKER.replace("60", "inf"): "at `$.breakers[0].lookback_s`",
    BREAKER.replace("0.1", "nan"): "at `$.breakers[0].limit_ratio`",
    BREAKER + "halt_s = 0.001": "expected halt_s 0 or at least 1, received 0.001",
    BREAKER + "release_ratio = 0.2": "expected release_ratio <= limit_ratio 0.1, received 0.2",
    "[liquidation_watch]\nbankruptcy_adjustment = 1.0": "expected bankruptcy_adjustment and "
    "spread_to_maintenance_ratio together, received one of them",
    '[liquidation_watch]\nfill_limit = "fillable_price"': "expected bankruptcy_adjustment and "
    'spread_to_maintenance_ratio with "fillable_price", received neither',
    '[[funds]]\nname = "a"\nasset = "USD"\nparent = "b"': "[[funds]] a: expected parent to be one "
    "of a, received 'b'",
    '[[funds]]\nname = "a"\nasset = "USD"\nparent = "a"': "[[funds]] a: expected parents that end, "
    "received a > a",
    '[[funds]]\nname = "a"\nasset = "USD"\npayout_window_cap = 5': "[[funds]] a: expected "
    "payout_window_cap and payout_window_s together, received one of them",
    SHORTFALL + "lookback_s = 0\nlimit_usd = 5": ("at `$.breakers[0].lookback_s`"),
    SHORTFALL + "lookback_s = 1\nlimit_usd = 5\nrelease_usd = 6": (
        "expected release_usd <= limit_usd 5.0, received 6.0"
    ),
    SHORTFALL + 'lookback_s = 1\nlimit_usd = 5\nscope = "all"': ("at `$.breakers[0].scope`"),
    BREAKER + BREAKER: "expected unique names, received 'fall' twice",
    "[service]\nshard = 2": "expected shard below shards = 1, received 2",
    '[waterfall]\nlayers = ["deleveraging", "insurance_fund"]': "expected each at most once, in "
    "the order insurance_fund, deleveraging, socialized_loss; received deleveraging, "
    "insurance_fund",
    '[waterfall]\nlayers = ["deleveraging", "deleveraging"]': "received deleveraging, deleveraging",
    '[kafka.topics]\nmarket = "x"\naccounts = "x"': "expected four different names",
}


def test_an_empty_file_means_the_defaults() -> None:
    assert parse_configuration("", where="x").margin.margin_call_ratio == 0.8


@pytest.mark.parametrize("layers", ["", '"insurance_fund", "socialized_loss"', '"deleveraging"'])
def test_layers_of_the_waterfall_may_be_left_out(layers: str) -> None:
    parse_configuration(f"[waterfall]\nlayers = [{layers}]", where="x")


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^x\.toml: ") as raised:
        parse_configuration(text, where="x.toml")
    assert MISTAKES[text] in str(raised.value)
