"""What `[oracles]` can be configured with: when a price is fit for what, and how it is made.

Without any of it every price is fit for everything, and an index is what the exchange says.
docs/model/oracles.md has the rules with worked numbers.
"""

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

import msgspec

from monitor.core.settings_record import NonNegativeFloat, PositiveFloat, Settings

Action: TypeAlias = Literal["margin", "liquidation", "funding", "breakers"]
Actions: TypeAlias = tuple[Action, ...]
ALL_ACTIONS: Actions = ("margin", "liquidation", "funding", "breakers")
Validity: TypeAlias = Literal[
    "non_positive",
    "too_volatile",
    "too_uncertain",
    "stale_for_margin",
    "too_few_sources",
    "stale_for_funding",
    "valid",
]
# Worst first: a price has the first level that applies to it.
VALIDITIES: tuple[Validity, ...] = (
    "non_positive",
    "too_volatile",
    "too_uncertain",
    "stale_for_margin",
    "too_few_sources",
    "stale_for_funding",
    "valid",
)
Method: TypeAlias = Literal["median", "weighted_median", "mean", "first"]
SOURCES_MAX = 64  # of one index that make its price, and that are judged
DEFAULT_CLASS = "default"
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
# More than a factor of 1: a price over its mean, or its mean over it.
Factor = Annotated[float, msgspec.Meta(gt=1, le=1e6)]
Count = Annotated[int, msgspec.Meta(ge=1, le=SOURCES_MAX)]


class OracleActionSettings(Settings, frozen=True, kw_only=True):
    """`[oracles.actions]`: what a price of each level may still be used for, worst level first.

    `margin`: opening, withdrawals, free collateral; `liquidation`: equity, states and verdicts;
    `funding`: payments; `breakers`: rules on prices. An account that needs an index which does not
    allow `liquidation` is unknown; one that needs an index which does not allow `margin` has no
    free collateral.
    """

    non_positive: Actions = ()
    too_volatile: Actions = ("breakers",)
    too_uncertain: Actions = ("breakers",)
    stale_for_margin: Actions = ()
    too_few_sources: Actions = ()
    stale_for_funding: Actions = ("margin", "liquidation", "breakers")
    valid: Actions = ALL_ACTIONS

    def of(self, validity: Validity) -> Actions:
        """Return what a price of a level may be used for."""
        allowed: Actions = getattr(self, validity)
        return allowed


class OracleClassSettings(Settings, frozen=True, kw_only=True):
    """`[oracles.classes.NAME]`: limits of prices of one kind; each is off until it is set.

    A price is beyond a limit strictly beyond it. `deviation_ratio` is the least distance to the
    median at which a source is left out; with `deviation_multiple` the limit is that many median
    distances where this is more. A push oracle publishes at each move beyond
    `push_deviation_ratio` and each heartbeat: one that is silent for `push_grace_s` beyond the move
    is stale, and so is one older than `stale_after_s` (its heartbeat and some seconds).
    """

    stale_after_s: PositiveFloat | None = None
    funding_stale_after_s: PositiveFloat | None = None
    confidence_ratio: PositiveFloat | None = None
    deviation_ratio: PositiveFloat | None = None
    deviation_multiple: PositiveFloat | None = None
    volatility_factor: Factor | None = None
    push_deviation_ratio: PositiveFloat | None = None
    push_grace_s: NonNegativeFloat = 30.0
    signers_min: Annotated[int, msgspec.Meta(ge=1, le=1_000)] | None = None
    quorum: Count = 1
    restore_after_s: NonNegativeFloat = 1.0


class OracleSourceSettings(Settings, frozen=True, kw_only=True):
    """`[[oracles.index.NAME.sources]]`: an oracle, or a feed that judges, with its weight."""

    oracle: Name
    weight: Annotated[float, msgspec.Meta(gt=0, le=1e6)] = 1.0
    source_class: Name | None = None


class OracleFormulaSettings(Settings, frozen=True, kw_only=True):
    """`[[oracles.index.NAME.formula]]`: how the price is made of at least so many sources.

    The first row that the number of fit sources reaches holds. `add_mean`: the index's own
    time-weighted mean is one more input.
    """

    sources_min: Count
    method: Method = "median"
    add_mean: bool = False


class OracleIndexSettings(Settings, frozen=True, kw_only=True):
    """`[oracles.index.NAME]`: where an index has its price from, and the class of its limits.

    `price`: the `exchange`'s own, or the `aggregate` of the oracles; never both. Without `sources`
    every oracle that reports the index counts once. `fallback`: oracles outside the aggregate, the
    first fit one of which is the price while the quorum is missing.
    """

    price: Literal["exchange", "aggregate"] = "exchange"
    source_class: Name = DEFAULT_CLASS
    method: Method = "median"
    sources: Annotated[tuple[OracleSourceSettings, ...], msgspec.Meta(max_length=SOURCES_MAX)] = ()
    formula: Annotated[tuple[OracleFormulaSettings, ...], msgspec.Meta(max_length=SOURCES_MAX)] = ()
    fallback: Annotated[tuple[Name, ...], msgspec.Meta(max_length=SOURCES_MAX)] = ()


class StablePriceSettings(Settings, frozen=True, kw_only=True):
    """`[oracles.stable_price]`: a slow price that a short pump hardly moves.

    It follows an index by at most `growth_ratio_per_s` x seconds x (ratio to the delayed price)
    squared. The delayed price is the mean of `delay_s`, at most `delay_growth_ratio` away from the
    one before, `delay_count` of them ago.
    """

    delay_s: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 3_600
    delay_count: Annotated[int, msgspec.Meta(ge=2, le=1_000)] = 24
    delay_growth_ratio: Annotated[float, msgspec.Meta(ge=0, le=100)] = 0.06
    growth_ratio_per_s: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0003


class OracleSettings(Settings, frozen=True, kw_only=True):
    """`[oracles]`: what prices from outside must be like, and what they are used for.

    `published_ahead_max_s`: a report from further in the future is not taken. `mean_window_s`: of
    the time-weighted mean of each index that something asks for.
    """

    published_ahead_max_s: NonNegativeFloat = 60.0
    mean_window_s: Annotated[float, msgspec.Meta(ge=1, le=86_400)] = 300.0
    actions: OracleActionSettings = OracleActionSettings()
    classes: dict[Name, OracleClassSettings] = {}
    index: dict[Name, OracleIndexSettings] = {}
    stable_price: StablePriceSettings = StablePriceSettings()

    def class_of(self, name: str) -> OracleClassSettings:
        """Return the limits of a class; of one that is not configured, none."""
        return self.classes.get(name, OracleClassSettings())

    def of_index(self, name: str) -> OracleIndexSettings:
        """Return where an index has its price from."""
        return self.index.get(name, OracleIndexSettings())


def oracle_problems(settings: OracleSettings) -> list[str]:
    """Return what is wrong between keys of `[oracles]`, a sentence each."""
    return [
        *_action_problems(settings.actions),
        *_class_problems(settings),
        *_index_problems(settings),
    ]


def _action_problems(actions: OracleActionSettings) -> Iterator[str]:
    for validity in VALIDITIES:
        allowed = actions.of(validity)
        if len(set(allowed)) < len(allowed):
            yield (
                f"[oracles.actions] {validity}: expected each action once, "
                f"received {', '.join(allowed)}"
            )
    if set(actions.valid) != set(ALL_ACTIONS):
        yield (
            f"[oracles.actions] valid: expected {', '.join(ALL_ACTIONS)}, "
            f"received {', '.join(actions.valid) or 'none'}"
        )


def _class_problems(settings: OracleSettings) -> Iterator[str]:
    for name, limits in sorted(settings.classes.items()):
        where = f"[oracles.classes.{name}]"
        stale, funding = limits.stale_after_s, limits.funding_stale_after_s
        if stale is not None and funding is not None and funding > stale:
            yield (
                f"{where}: expected funding_stale_after_s <= stale_after_s {stale:g}, "
                f"received {funding:g}"
            )
        if limits.deviation_multiple is not None and limits.deviation_ratio is None:
            yield (
                f"{where} deviation_multiple: expected deviation_ratio as its floor, received none"
            )


def _index_problems(settings: OracleSettings) -> Iterator[str]:
    known = ", ".join(sorted({DEFAULT_CLASS, *settings.classes}))
    for name, index in sorted(settings.index.items()):
        where = f"[oracles.index.{name}]"
        sources = [source.oracle for source in index.sources]
        named = [index.source_class, *(s.source_class for s in index.sources if s.source_class)]
        for one in named:
            if one != DEFAULT_CLASS and one not in settings.classes:
                yield f"{where} source_class: expected one of {known}, received {one!r}"
        for one in sorted({each for each in sources if sources.count(each) > 1}):
            yield f"{where} sources: expected each oracle once, received {one!r} twice"
        for one in index.fallback:
            if one in sources or index.fallback.count(one) > 1:
                yield (
                    f"{where} fallback: expected oracles that are named once and are no sources, "
                    f"received {one!r}"
                )
        quorum = settings.class_of(index.source_class).quorum
        if sources and quorum > len(sources):
            yield f"{where}: expected at least quorum {quorum} sources, received {len(sources)}"
        floors = [row.sources_min for row in index.formula]
        if floors != sorted(set(floors), reverse=True):
            yield (
                f"{where} formula: expected sources_min to fall from row to row, "
                f"received {', '.join(map(str, floors))}"
            )
