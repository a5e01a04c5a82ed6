"""One index: its sources, the price that they make, and what that price is fit for.

`evaluate` looks at everything anew: a source that got old, one that lies, a quorum that is lost.
It is asked at every report on the index and when time alone changes something.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from monitor.core.amounts import exact_text, rounded_text, to_fraction
from monitor.core.decisions import Decision, OracleRejected, OracleRestored
from monitor.core.oracle_settings import OracleFormulaSettings, Validity
from monitor.core.oracles.aggregation import (
    SourceQuote,
    combine,
    combined_interval,
    formula_for,
    median,
    outlier_limit,
)
from monitor.core.oracles.mean import TimeMean
from monitor.core.oracles.rules import EXCHANGE, IndexRules
from monitor.core.oracles.source import Report, Source
from monitor.core.oracles.stable_price import StablePrice
from monitor.core.oracles.standing import Standing
from monitor.core.oracles.validity import (
    RANKS,
    VALID,
    Quality,
    Verdict,
    deviant,
    judge,
    next_change_ns,
)

AGGREGATE = "aggregate"
PRICE_DIGITS = 18  # of a price that does not end
DENOMINATOR_BITS_MAX = 80  # of a price that is written to its end
# What a mean follows: a price that is only volatile counts, or the mean would never come after it.
PLAUSIBLE = frozenset({"too_volatile", "stale_for_funding", "valid"})


class MadePrice(NamedTuple):
    """The price of an index as made last; `live`: whose it is; `fit`: how many could be used."""

    text: str
    interval: str
    published_ns: int
    live: str
    fit: int


class IndexPrice:
    """The sources and the price of one index."""

    def __init__(self, name: str, rules: IndexRules) -> None:
        """Begin without a report."""
        self.name = name
        self.rules = rules
        self.sources: dict[str, Source] = {}
        self.standing = Standing()
        self.made: MadePrice | None = None
        self.stable: StablePrice | None = None
        self.due_ns: int | None = None
        self._mean: TimeMean | None = None

    # --- facts ----------------------------------------------------------------------------

    def report(self, source: str, report: Report) -> bool:
        """Take a report; return whether it is news."""
        known = self.sources.get(source)
        if known is None:
            self.sources[source] = Source(report)
            return True
        return known.take(report)

    def follow_stable(self, now_ns: int) -> None:
        """Let the stable price see the present one, if it is fit; a first one begins it."""
        if self.made is None or not self.rules.allows(self.standing.verdict.validity, "margin"):
            return
        if self.stable is None:
            settings = self.rules.settings.stable_price
            self.stable = StablePrice(settings, now_ns, self.made.text)
        else:
            self.stable.update(now_ns, self.made.text)

    def use(self, rules: IndexRules) -> None:
        """Take other rules from here on; the stable price and the mean go on if they can."""
        if self.stable is not None and rules.settings.stable_price != (
            self.rules.settings.stable_price
        ):
            state = self.stable.export_state()
            self.stable = StablePrice.from_state(rules.settings.stable_price, state)
        if rules.mean_ns != self.rules.mean_ns:
            self._mean = None
        self.rules = rules

    # --- verdicts -------------------------------------------------------------------------

    def evaluate(self, now_ns: int) -> list[Decision]:
        """Judge every source and the index; return what is rejected or restored."""
        rules = self.rules
        if rules.is_plain and not self._has_trouble():
            self._follow_exchange()
            return []
        mean = None if self._mean is None else self._mean.mean(now_ns)
        verdicts = {
            name: judge(source.quality(mean), rules.limits_of(name), now_ns)
            for name, source in self.sources.items()
        }
        raw = self._raw_price(verdicts)
        self._hold_against_others(verdicts, now_ns)
        decisions: list[Decision] = []
        for name in sorted(self.sources):
            standing, restore_ns = self.sources[name].standing, rules.limits_of(name).restore_ns
            before = standing.verdict.validity
            if standing.take(verdicts[name], restore_ns, now_ns):
                decisions += self._decide(name, before, standing.verdict, now_ns)
        had_price = self.made is not None
        verdict = self._make(now_ns, mean)
        before = self.standing.verdict.validity
        # The exchange's own price has waited as a source; a first price waits for nothing.
        restore_ns = rules.limits.restore_ns if rules.is_aggregate and had_price else 0
        changed = self.standing.take(verdict, restore_ns, now_ns)
        if changed and had_price and rules.is_aggregate:
            decisions += self._decide(AGGREGATE, before, self.standing.verdict, now_ns)
        self._follow_mean(raw, now_ns)
        self.due_ns = self._next_due_ns(now_ns)
        return decisions

    def _has_trouble(self) -> bool:
        """Return whether anything is not fit that no limit asks about, or was not until now."""
        return self.standing.verdict != VALID or any(
            source.price <= 0 or source.standing.verdict != VALID
            for source in self.sources.values()
        )

    def _follow_exchange(self) -> None:
        exchange = self.sources.get(EXCHANGE)
        if exchange is not None:
            report = exchange.report
            self.made = MadePrice(report.price, "0", report.published_ns, EXCHANGE, 1)

    def _raw_price(self, verdicts: Mapping[str, Verdict]) -> Fraction | None:
        """Return what the sources say, however volatile: what the mean follows."""
        if self.rules.mean_ns is None:
            return None
        prices = [
            self.sources[name].price
            for name in self._makers()
            if verdicts[name].validity in PLAUSIBLE
        ]
        return median(prices) if prices else None

    def _makers(self) -> list[str]:
        """Return the sources that make the price, in the order of the configuration."""
        if not self.rules.is_aggregate:
            return [EXCHANGE] if EXCHANGE in self.sources else []
        makers = filter(self.rules.makes_price, self.sources)
        return sorted(makers, key=self.rules.in_order)

    def _hold_against_others(self, verdicts: dict[str, Verdict], now_ns: int) -> None:
        """Find sources far from the rest, and push oracles that should have spoken."""
        rules = self.rules
        fit = [
            self.sources[name].price
            for name in self._makers()
            if rules.is_fit(verdicts[name].validity)
        ]
        for name, source in self.sources.items() if fit else ():
            limits = rules.limits_of(name)
            if not limits.looks_at_others or verdicts[name].validity == "non_positive":
                continue
            if limits.deviation is not None:
                center, limit = outlier_limit(fit, limits.deviation, limits.deviation_multiple)
                distance = abs(source.price - center)
                if distance > limit:
                    verdicts[name] = verdicts[name].worse(deviant(distance, limit, center))
            silence = source.follow_push(median(fit), limits, now_ns)
            if silence is not None:
                verdicts[name] = verdicts[name].worse(silence)

    def _make(self, now_ns: int, mean: Fraction | None) -> Verdict:
        """Make the price of the fit sources; return the verdict on it."""
        if not self.rules.is_aggregate:
            return self._make_exchange()
        fit = self._fit(self._makers())
        limits, index = self.rules.limits, self.rules.index
        formula = formula_for(len(fit), index.formula, index.method, limits.quorum)
        count = len(fit)
        if formula is None:
            spare = next(iter(self._fit(index.fallback)), None)
            if spare is None:
                return self._too_few(len(fit))
            fit, formula = [spare], OracleFormulaSettings(sources_min=1, method="first")
            live, needed = spare, 1
        else:
            live = fit[0] if formula.method == "first" else AGGREGATE
            needed = 1 if formula.method == "first" else limits.quorum
        price, interval = self._combined(formula, fit, mean)
        published = sorted((self.sources[name].report.published_ns for name in fit), reverse=True)
        if formula.method == "first":
            published = [self.sources[fit[0]].report.published_ns]
        published_ns = published[min(needed, len(published)) - 1]
        self.made = MadePrice(_text(price), _text(interval), published_ns, live, count)
        quality = Quality(price, interval, published_ns, limits.signers_min, mean)
        return judge(quality, limits, now_ns)

    def _make_exchange(self) -> Verdict:
        exchange = self.sources.get(EXCHANGE)
        if exchange is None:
            return VALID  # there is no price: it is missing, not unfit
        if exchange.price > 0:
            self._follow_exchange()
        return exchange.standing.verdict

    def _fit(self, names: Iterable[str]) -> list[str]:
        """Return those of the sources that may count."""
        return [
            name
            for name in names
            if name in self.sources
            and self.rules.is_fit(self.sources[name].standing.verdict.validity)
        ]

    def _too_few(self, fit: int) -> Verdict:
        """Return why there is no price: what the best of the sources lacks, or their number."""
        found = [self.sources[name].standing.verdict for name in self._makers()]
        if self.made is not None:
            self.made = self.made._replace(fit=fit)
        if fit or not found:
            quorum = str(self.rules.limits.quorum)
            return Verdict("too_few_sources", "too_few_sources", str(fit), quorum)
        best = max(found, key=lambda verdict: RANKS[verdict.validity])
        return best if not self.rules.is_fit(best.validity) else VALID

    def _combined(
        self, formula: OracleFormulaSettings, fit: list[str], mean: Fraction | None
    ) -> tuple[Fraction, Fraction]:
        quotes = [
            SourceQuote(source.price, source.interval, self.rules.weight(name))
            for name in fit
            for source in [self.sources[name]]
        ]
        inputs = list(quotes)
        if formula.add_mean and mean is not None:
            inputs.append(SourceQuote(mean))
        price = combine(formula.method, inputs)
        around = quotes[:1] if formula.method == "first" else quotes
        return price, combined_interval(price, around)

    def _decide(self, name: str, before: Validity, verdict: Verdict, now_ns: int) -> list[Decision]:
        """Return a rejection if less is allowed than before, a restoration if all is again."""
        rules, allowed = self.rules, self.rules.allowed(verdict.validity)
        if set(rules.allowed(before)) - set(allowed):
            return [
                OracleRejected(
                    event_ns=now_ns,
                    rule="oracles",
                    oracle=name,
                    index=self.name,
                    reason=verdict.reason,
                    measured=verdict.measured,
                    limit=verdict.limit,
                    allowed=allowed,
                )
            ]
        if rules.allows_all(before) or not rules.allows_all(verdict.validity):
            return []
        restored = OracleRestored(event_ns=now_ns, rule="oracles", oracle=name, index=self.name)
        return [restored]

    def standing_decisions(self, now_ns: int) -> list[Decision]:
        """Return a rejection for everything that is not valid now."""
        standings = {name: self.sources[name].standing for name in sorted(self.sources)}
        if self.rules.is_aggregate and self.sources:
            standings[AGGREGATE] = self.standing
        return [
            decision
            for name, standing in standings.items()
            for decision in self._decide(name, "valid", standing.verdict, now_ns)
        ]

    def _follow_mean(self, raw: Fraction | None, now_ns: int) -> None:
        if raw is None or self.rules.mean_ns is None:
            return
        raw = to_fraction(_text(raw))  # what a state can hold
        if self._mean is None:
            self._mean = TimeMean(self.rules.mean_ns, now_ns, raw)
        elif raw != self._mean.current:
            self._mean.change(now_ns, raw)

    def _next_due_ns(self, now_ns: int) -> int | None:
        """Return when time alone may change a verdict."""
        due: list[int | None] = []
        for name, source in self.sources.items():
            limits = self.rules.limits_of(name)
            due.append(next_change_ns(source.report.published_ns, limits, now_ns))
            due.append(source.next_silence_ns(limits))
            due.append(source.standing.next_change_ns(limits.restore_ns))
        if self.rules.is_aggregate and self.made is not None:
            due.append(next_change_ns(self.made.published_ns, self.rules.limits, now_ns))
        due.append(self.standing.next_change_ns(self.rules.limits.restore_ns))
        return min((each for each in due if each is not None and each > now_ns), default=None)

    # --- state ----------------------------------------------------------------------------

    def export_state(self) -> list[Any]:
        """Return everything as plain values, in a canonical order."""
        return [
            self.name,
            [[name, self.sources[name].export_state()] for name in sorted(self.sources)],
            self.standing.export_state(),
            None if self.made is None else list(self.made),
            None if self.stable is None else self.stable.export_state(),
            None if self._mean is None else self._mean.export_state(),
            self.due_ns,
        ]

    def restore(self, state: list[Any]) -> None:
        """Take what `export_state` described, as far as the rules have use for it."""
        _, sources, standing, made, stable, mean, self.due_ns = state
        self.sources = {name: Source.from_state(plain) for name, plain in sources}
        self.standing = Standing.from_state(standing)
        self.made = None if made is None else MadePrice(*made)
        if stable is not None:
            self.stable = StablePrice.from_state(self.rules.settings.stable_price, stable)
        if mean is not None and self.rules.mean_ns is not None:
            self._mean = TimeMean.from_state(self.rules.mean_ns, mean)


def _text(value: Fraction) -> str:
    """Return a price as decimal text: exact where it ends, else with 18 significant digits."""
    rest = value.denominator
    for factor in (2, 5):
        while rest % factor == 0:
            rest //= factor
    if rest == 1 and value.denominator.bit_length() <= DENOMINATOR_BITS_MAX:
        return exact_text(value)
    return rounded_text(value, PRICE_DIGITS)
