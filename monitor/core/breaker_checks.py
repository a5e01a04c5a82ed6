"""What the types of `[[breakers]]` alone cannot say: limits, releases, scopes that fit together."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from monitor.core.breaker_settings import (
    BreakerSettings,
    DepthCollapseSettings,
    LiquidationBacklogSettings,
    LiquidationRateSettings,
    OpenInterestSettings,
    PriceVelocitySettings,
)

# A halt is looked at again each time it ends: shorter ones would only make timers.
HALT_S_MIN = 1.0
UNITS = ("ratio", "usd", "count", "volume_ratio", "quote")
# Kinds that are limited in one of several units.
LimitedByUnit: TypeAlias = (
    DepthCollapseSettings
    | LiquidationBacklogSettings
    | LiquidationRateSettings
    | PriceVelocitySettings
)


def breaker_problems(breakers: Sequence[BreakerSettings]) -> list[str]:
    """Return what is wrong with each rule: what was expected, received and where."""
    return [
        f"[[breakers]] {rule.name}: {problem}" for rule in breakers for problem in _problems(rule)
    ]


def _problems(rule: BreakerSettings) -> Iterator[str]:
    if isinstance(rule, LimitedByUnit):
        yield from _unit_problems(rule)
    for unit in UNITS:
        limit, release = (getattr(rule, f"{end}_{unit}", None) for end in ("limit", "release"))
        if limit is None or release is None:
            continue
        if isinstance(rule, DepthCollapseSettings):
            if release < limit:
                yield f"expected release_{unit} >= limit_{unit} {limit}, received {release}"
        elif release > limit:
            yield f"expected release_{unit} <= limit_{unit} {limit}, received {release}"
    if isinstance(rule, OpenInterestSettings):
        yield from _interest_problems(rule)
    if 0 < rule.halt_s < HALT_S_MIN:
        yield f"expected halt_s 0 or at least {HALT_S_MIN:g}, received {rule.halt_s:g}"


def _unit_problems(rule: LimitedByUnit) -> Iterator[str]:
    known = [unit for unit in UNITS if hasattr(rule, f"limit_{unit}")]
    limits = [unit for unit in known if getattr(rule, f"limit_{unit}") is not None]
    if len(limits) != 1:
        names = ", ".join(f"limit_{unit}" for unit in known)
        received = ", ".join(f"limit_{unit}" for unit in limits) or "none"
        yield f"expected one of {names}, received {received}"
        return
    for unit in known:
        if unit not in limits and getattr(rule, f"release_{unit}") is not None:
            yield f"expected release_{limits[0]} beside limit_{limits[0]}, received release_{unit}"


def _interest_problems(rule: OpenInterestSettings) -> Iterator[str]:
    if rule.release is not None and rule.release > rule.limit:
        yield f"expected release <= limit {rule.limit}, received {rule.release}"
    if rule.scope == "venue" and rule.measure != "notional":
        yield f"expected measure notional with scope venue, received {rule.measure}"
