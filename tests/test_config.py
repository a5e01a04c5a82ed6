"""Each mistake in a configuration file is told: what was expected, what was received, where."""

import pytest

from monitor.config import ConfigurationError, parse_configuration

RATE = '[[breakers]]\nname = "r"\nkind = "liquidation_rate"\nlookback_s = 60\n'
BACKLOG = '[[breakers]]\nname = "b"\nkind = "liquidation_backlog"\n'
DEPTH = '[[breakers]]\nname = "d"\nkind = "depth_collapse"\n'
INTEREST = '[[breakers]]\nname = "o"\nkind = "open_interest"\nlimit = 5\n'
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
    BREAKER.replace("60", "0"): "at `$.breakers[0].lookback_s`",
    BREAKER.replace("0.1", "0"): "at `$.breakers[0].limit_ratio`",
    '[[breakers]]\nname = "f"\nkind = "fund_drawdown"\nfund = "main"\nscope = "planet"': "expected "
    "one of the listed values, received 'planet' - at `$.breakers[0].scope`",
    '[[breakers]]\nname = "f"\nkind = "price_surprise"': "received 'price_surprise'",
    BREAKER + "limit_quote = 5": "expected one of limit_ratio, limit_quote, received limit_ratio, "
    "limit_quote",
    BREAKER + "release_quote = 5": "expected release_ratio beside limit_ratio, received "
    "release_quote",
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
    INTEREST + "release = 6": "[[breakers]] o: expected release <= limit 5.0, received 6.0",
    INTEREST + 'scope = "venue"\nmeasure = "growth"': "[[breakers]] o: expected measure notional "
    "with scope venue, received growth",
    INTEREST + 'measure = "weight"': "received 'weight' - at `$.breakers[0].measure`",
    INTEREST.replace("5", "0"): "at `$.breakers[0].limit`",
    RATE: "r: expected one of limit_usd, limit_count, limit_volume_ratio, received none",
    RATE + "limit_usd = 5\nlimit_count = 5": "received limit_usd, limit_count",
    RATE + "limit_usd = 5\nrelease_count = 4": "expected release_usd beside limit_usd, received "
    "release_count",
    RATE + "limit_volume_ratio = 0.1\nrelease_volume_ratio = 0.2": "expected "
    "release_volume_ratio <= limit_volume_ratio 0.1, received 0.2",
    BACKLOG: "[[breakers]] b: expected one of limit_usd, limit_count, received none",
    BACKLOG + 'limit_count = 1\nscope = "X"': "received `scope`",
    DEPTH: "[[breakers]] d: expected one of limit_ratio, limit_usd, received none",
    DEPTH + "limit_ratio = 0.2\nrelease_ratio = 0.1": "expected release_ratio >= limit_ratio 0.2, "
    "received 0.1",
    DEPTH + "limit_ratio = 2": "at `$.breakers[0].limit_ratio`",
    BREAKER + BREAKER: "expected unique names, received 'fall' twice",
    "[service]\nshard = 2": "expected shard below shards = 1, received 2",
    '[waterfall]\nlayers = ["deleveraging", "insurance_fund"]': "expected each at most once, in "
    "the order liquidator_vault, insurance_fund, deleveraging, socialized_loss; received "
    "deleveraging, insurance_fund",
    BREAKER + '[deleveraging]\ntrigger = ["fall", "rise"]': "[deleveraging] trigger: expected "
    "fund_exhausted or pool_pnl_factor or liquidation_unfilled or fall (the "
    "names of breakers), received 'rise'",
    "[deleveraging]\ntrigger = []": "expected",
    '[[breakers]]\nname = "fund_exhausted"\nkind = "price_velocity"\nlookback_s = 60\n'
    "limit_ratio = 0.1": "expected a name that is no trigger of its own, received 'fund_exhausted'",
    BREAKER.replace("fall", "pool_pnl_factor"): "no trigger of its own, received 'pool_pnl_factor'",
    "[deleveraging]\npool_pnl_factor_on = 0.7": "[deleveraging] pool_pnl_factor_off: expected at "
    "most pool_pnl_factor_on 0.7, received 0.77",
    "[deleveraging]\npool_pnl_factor_on = 1.5": "expected `float` <= 1.0",
    "[deleveraging]\nunfilled_after_s = 0": "at `$.deleveraging.unfilled_after_s`",
    '[waterfall]\nsocialized_loss = "three-stage"': "no event carries unvested gains",
    '[waterfall]\nlayers = ["deleveraging", "deleveraging"]': "received deleveraging, deleveraging",
    "[oracles]\nquorum = 2": "expected known fields, received `quorum` - at `$.oracles`",
    "[oracles.classes.default]\nconfidence_ratio = -1": "expected `float` >= 1e-09",
    "[oracles.classes.default]\nstale_after_s = inf": "at `$.oracles.classes[...].stale_after_s`",
    "[oracles.classes.default]\nstale_after_s = 5\nfunding_stale_after_s = 6": "[oracles.classes."
    "default]: expected funding_stale_after_s <= stale_after_s 5, received 6",
    "[oracles.classes.default]\ndeviation_multiple = 3": "[oracles.classes.default] "
    "deviation_multiple: expected deviation_ratio as its floor, received none",
    '[oracles.actions]\nvalid = ["margin"]': "[oracles.actions] valid: expected margin, "
    "liquidation, funding, breakers, received margin",
    '[oracles.actions]\ntoo_volatile = ["margin", "margin"]': "[oracles.actions] too_volatile: "
    "expected each action once, received margin, margin",
    '[oracles.index.X]\nsource_class = "none"': "[oracles.index.X] source_class: expected one of "
    "default, received 'none'",
    '[oracles.index.X]\nsources = [{oracle = "a"}, {oracle = "a"}]': "[oracles.index.X] sources: "
    "expected each oracle once, received 'a' twice",
    '[oracles.index.X]\nsources = [{oracle = "a"}]\nfallback = ["a"]': "[oracles.index.X] "
    "fallback: expected oracles that are named once and are no sources, received 'a'",
    '[oracles.classes.default]\nquorum = 2\n[oracles.index.X]\nsources = [{oracle = "a"}]': "["
    "oracles.index.X]: expected at least quorum 2 sources, received 1",
    "[oracles.index.X]\nformula = [{sources_min = 1}, {sources_min = 2}]": "[oracles.index.X] "
    "formula: expected sources_min to fall from row to row, received 1, 2",
    "[oracles.index.X]\nsources = ["
    + ", ".join(f'{{oracle = "o{n}"}}' for n in range(10_000))
    + "]": "expected `array` of length <= 64, received something else - at "
    "`$.oracles.index[...].sources`",
    "[oracles.stable_price]\ndelay_count = 1": "expected `int` >= 2",
    '[kafka.topics]\nmarket = "x"\naccounts = "x"': "expected four different names",
}


def test_an_empty_file_means_the_defaults() -> None:
    assert parse_configuration("", where="x").margin.margin_call_ratio == 0.8


@pytest.mark.parametrize("layers", ["", '"insurance_fund", "socialized_loss"', '"deleveraging"'])
def test_layers_of_the_waterfall_may_be_left_out(layers: str) -> None:
    parse_configuration(f"[waterfall]\nlayers = [{layers}]", where="x")


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^x\.toml(:[0-9]+)?: ") as raised:
        parse_configuration(text, where="x.toml")
    assert MISTAKES[text] in str(raised.value)
