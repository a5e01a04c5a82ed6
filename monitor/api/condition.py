"""The health roll-up: the whole exchange in one sentence.

A level is as bad as the worst thing that the sentence names: `blind` (the numbers cannot be
trusted), `critical` (somebody must act), `watch` (somebody should look), `calm`.
"""

from collections.abc import Iterator
from typing import NamedTuple

from monitor.api.history import RECENT_S, History
from monitor.api.records import ConditionRecord, Level
from monitor.core.view import BreakerView, RiskView
from monitor.runtime.health import Health, Need

STALLED_AFTER_S = 10.0
FUND_WATCH_RATIO = 0.9
FUND_CRITICAL_RATIO = 0.5
BREAKER_NEAR_RATIO = 0.8
NAMES_MAX = 2
_SEVERITY: dict[Level, int] = {"blind": 0, "critical": 1, "watch": 2, "calm": 3}


class Finding(NamedTuple):
    """One part of the sentence."""

    level: Level
    words: str


def condition(
    view: RiskView, health: Health, history: History, *, stalled_s: float
) -> ConditionRecord:
    """Return the sentence and its level."""
    findings = [
        *_trust(health, stalled_s),
        *_breakers(view),
        *_funds(view, history),
        *_accounts(view),
        *_sources(view, health),
    ]
    if not findings:
        return ConditionRecord(level="calm", sentence=_calm(view))
    worst = min(findings, key=lambda finding: _SEVERITY[finding.level]).level
    ordered = sorted(findings, key=lambda finding: _SEVERITY[finding.level])
    sentence = "; ".join(finding.words for finding in ordered)
    return ConditionRecord(level=worst, sentence=sentence[0].upper() + sentence[1:])


def _trust(health: Health, stalled_s: float) -> Iterator[Finding]:
    failed = [
        check for check in health.checks() if not check.is_ok and check.need is not Need.DEGRADED
    ]
    if failed:
        reasons = ", ".join(check.detail or check.name for check in failed[:NAMES_MAX])
        yield Finding("blind", f"not ready: {reasons}")
    if stalled_s >= STALLED_AFTER_S:
        yield Finding("blind", f"no event for {stalled_s:,.0f} s: the numbers are old")


def _breakers(view: RiskView) -> Iterator[Finding]:
    tripped = [breaker for breaker in view.breakers if breaker.state == "tripped"]
    cooling = [breaker for breaker in view.breakers if breaker.state == "cooling"]
    near = [
        breaker
        for breaker in view.breakers
        if breaker.state == "armed" and (breaker.limit_used_ratio or 0.0) >= BREAKER_NEAR_RATIO
    ]
    if tripped:
        yield Finding("critical", f"breaker tripped on {_scopes(tripped)}")
    ignored = [breaker for breaker in tripped if breaker.following == "not_followed"]
    if ignored:
        yield Finding("critical", f"the venue has not followed on {_scopes(ignored)}")
    if cooling:
        yield Finding("watch", f"breaker cooling on {_scopes(cooling)}")
    if near:
        yield Finding("watch", f"breaker near its limit on {_scopes(near)}")


def _scopes(breakers: list[BreakerView]) -> str:
    scopes = sorted({breaker.scope for breaker in breakers})
    named = ", ".join(scopes[:NAMES_MAX])
    return named + (f" and {len(scopes) - NAMES_MAX} more" if len(scopes) > NAMES_MAX else "")


def _funds(view: RiskView, history: History) -> Iterator[Finding]:
    for fund in view.funds:
        peak = history.peak_usd(fund.fund)
        if fund.balance_usd is None or not peak or peak <= 0:
            continue
        left = fund.balance_usd / peak
        name = "fund" if len(view.funds) == 1 else fund.fund
        words = f"{name} empty" if left <= 0 else f"{name} at {left * 100:.0f} % of its peak"
        if left < FUND_CRITICAL_RATIO:
            yield Finding("critical", words)
        elif left < FUND_WATCH_RATIO:
            yield Finding("watch", words)
    socialized = history.recent_socialized_loss_usd(view)
    if socialized > 0:
        minutes = RECENT_S // 60
        yield Finding("critical", f"{socialized:,.0f} USD socialized in the past {minutes} minutes")


def _accounts(view: RiskView) -> Iterator[Finding]:
    counted: tuple[tuple[str, Level, str], ...] = (
        ("bankrupt", "critical", "bankrupt"),
        ("liquidatable", "watch", "liquidatable"),
        ("unknown", "watch", "without a usable price"),
    )
    parts = [
        (level, f"{view.accounts[state]:,} {words}")
        for state, level, words in counted
        if view.accounts.get(state, 0) > 0
    ]
    if parts:
        first = min(parts, key=lambda part: _SEVERITY[part[0]])[0]
        count, _, rest = parts[0][1].partition(" ")
        noun = "account" if count == "1" else "accounts"
        yield Finding(
            first, ", ".join([f"{count} {noun} {rest}", *(part[1] for part in parts[1:])])
        )
    if view.suspect_accounts:
        noun = "account" if view.suspect_accounts == 1 else "accounts"
        yield Finding("watch", f"{view.suspect_accounts:,} {noun} suspect")


def _sources(view: RiskView, health: Health) -> Iterator[Finding]:
    lost = [feed.feed for feed in view.feeds if feed.lost]
    if lost:
        yield Finding("watch", f"feed {', '.join(lost[:NAMES_MAX])} lost")
    for check in health.checks():
        if not check.is_ok and check.need is Need.DEGRADED:
            yield Finding("watch", check.detail or f"{check.name} is degraded")


def _calm(view: RiskView) -> str:
    total = sum(view.accounts.values())
    if not total:
        return "Calm: no accounts yet"
    called = view.accounts.get("margin_call", 0)
    accounts = "1 account" if total == 1 else f"{total:,} accounts"
    words = f"Calm: {accounts}, nobody liquidatable"
    if called:
        words += f", {called:,} called for margin"
    if view.breakers:
        words += f"; {len(view.breakers)} breakers armed"
    return words
