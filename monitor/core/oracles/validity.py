"""Which level of validity a price has: the first that applies, worst first. Pure, exact."""

from fractions import Fraction
from typing import NamedTuple

from monitor.core.amounts import float_setting, rounded_text
from monitor.core.oracle_settings import VALIDITIES, OracleClassSettings, Validity

SECOND_NS = 1_000_000_000
RANKS = {validity: rank for rank, validity in enumerate(VALIDITIES)}  # 0 is the worst


class Limits(NamedTuple):
    """A class's limits as exact numbers; None: not looked at."""

    stale_ns: int | None
    funding_stale_ns: int | None
    confidence: Fraction | None
    deviation: Fraction | None
    deviation_multiple: Fraction | None
    volatility: Fraction | None
    push_deviation: Fraction | None
    push_grace_ns: int
    signers_min: int | None
    quorum: int
    restore_ns: int

    @classmethod
    def of(cls, settings: OracleClassSettings) -> "Limits":
        """Return the limits of a class."""
        return cls(
            _nanoseconds(settings.stale_after_s),
            _nanoseconds(settings.funding_stale_after_s),
            _exact(settings.confidence_ratio),
            _exact(settings.deviation_ratio),
            _exact(settings.deviation_multiple),
            _exact(settings.volatility_factor),
            _exact(settings.push_deviation_ratio),
            round(settings.push_grace_s * SECOND_NS),
            settings.signers_min,
            settings.quorum,
            round(settings.restore_after_s * SECOND_NS),
        )

    @property
    def looks_at_others(self) -> bool:
        """Return whether a verdict rests on what other sources say."""
        return self.deviation is not None or self.push_deviation is not None


class Quality(NamedTuple):
    """What a verdict on a price rests on; `mean`: its time-weighted mean before it, if kept."""

    price: Fraction
    interval: Fraction
    published_ns: int
    signers: int | None = None
    mean: Fraction | None = None


class Verdict(NamedTuple):
    """A level, why, and what was measured against which limit (decimal text)."""

    validity: Validity
    reason: str
    measured: str | None = None
    limit: str | None = None

    def worse(self, other: "Verdict") -> "Verdict":
        """Return the worse of two verdicts."""
        return other if RANKS[other.validity] < RANKS[self.validity] else self


VALID = Verdict("valid", "valid")


def judge(quality: Quality, limits: Limits, now_ns: int) -> Verdict:
    """Return the level of a price; strictly beyond a limit it is beyond.

    A price of 100 that is 60 s and 1 ns old is stale where 60 s are allowed, one of 60 s is not.
    """
    price = quality.price
    if price <= 0:
        return Verdict("non_positive", "non_positive", rounded_text(price), "0")
    if limits.volatility is not None and quality.mean:
        factor = max(price / quality.mean, quality.mean / price)
        if factor > limits.volatility:
            return _beyond("too_volatile", factor, limits.volatility)
    if limits.confidence is not None and quality.interval > limits.confidence * price:
        return _beyond("too_uncertain", quality.interval / price, limits.confidence)
    return _judge_age(quality, limits, now_ns - quality.published_ns)


def _judge_age(quality: Quality, limits: Limits, age_ns: int) -> Verdict:
    if limits.stale_ns is not None and age_ns > limits.stale_ns:
        return _old("stale_for_margin", age_ns, limits.stale_ns)
    if limits.signers_min is not None and (quality.signers or 0) < limits.signers_min:
        signers = str(quality.signers or 0)
        return Verdict("too_few_sources", "too_few_signers", signers, str(limits.signers_min))
    if limits.funding_stale_ns is not None and age_ns > limits.funding_stale_ns:
        return _old("stale_for_funding", age_ns, limits.funding_stale_ns)
    return VALID


def next_change_ns(published_ns: int, limits: Limits, now_ns: int) -> int | None:
    """Return when a price gets too old for something by time alone, None if it does not."""
    ages = (limits.stale_ns, limits.funding_stale_ns)
    due = [published_ns + age + 1 for age in ages if age is not None]
    return min((each for each in due if each > now_ns), default=None)


def deviant(distance: Fraction, limit: Fraction, center: Fraction) -> Verdict:
    """Return the verdict on a source that is further from the others than it may be."""
    return _beyond("too_uncertain", distance / center, limit / center)._replace(reason="deviation")


def silent(distance: Fraction, limit: Fraction) -> Verdict:
    """Return the verdict on a push oracle that did not publish a move beyond its threshold."""
    return _beyond("stale_for_margin", distance, limit)._replace(reason="not_pushed")


def _beyond(validity: Validity, measured: Fraction, limit: Fraction) -> Verdict:
    return Verdict(validity, validity, rounded_text(measured), rounded_text(limit))


def _old(validity: Validity, age_ns: int, limit_ns: int) -> Verdict:
    return _beyond(validity, Fraction(age_ns, SECOND_NS), Fraction(limit_ns, SECOND_NS))


def _nanoseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * SECOND_NS)


def _exact(number: float | None) -> Fraction | None:
    return None if number is None else float_setting(number)
