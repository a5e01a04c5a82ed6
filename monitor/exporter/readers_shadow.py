"""How the metrics of shadow deleveraging are read: of the round of the worst accounts."""

from collections.abc import Callable, Iterable, Iterator

from monitor.core.shadow_view import Shadow, ShadowPlanView
from monitor.core.view import RiskView
from monitor.exporter.catalogue_shadow import PATH_LABELS, RULES
from monitor.exporter.reader import Child, Reader, of_part

_NANOSECONDS = 1e9


def _worst(view: RiskView) -> Shadow | None:
    return next((shadow for shadow in view.shadows if not shadow.stress), None)


def _of_shadow(read: Callable[[Shadow], Iterable[Child]]) -> Reader:
    return of_part(_worst, read)


def _by_rule(
    shadow: Shadow, plans: tuple[ShadowPlanView, ...]
) -> Iterator[tuple[str, ShadowPlanView]]:
    """Yield (rule, its plan): a configured yardstick has none."""
    of = {plan.policy: plan for plan in plans}
    for rule, policy in zip(RULES, (shadow.configured, shadow.best), strict=True):
        if policy in of:
            yield rule, of[policy]


def _totals(value: Callable[[ShadowPlanView], float | None]) -> Reader:
    def read(shadow: Shadow) -> Iterator[Child]:
        for rule, plan in _by_rule(shadow, shadow.totals):
            number = value(plan)
            if number is not None:
                yield (rule,), number

    return _of_shadow(read)


def _feasible(shadow: Shadow) -> Iterator[Child]:
    for side in shadow.worst:
        yield (side.instrument, side.side), side.feasible_ratio


def _fractions(shadow: Shadow) -> Iterator[Child]:
    for side in shadow.worst:
        for rule, plan in _by_rule(shadow, side.plans):
            if plan.equity_fraction_max is not None:
                yield (side.instrument, side.side, rule), plan.equity_fraction_max


def _policies(shadow: Shadow) -> Iterator[Child]:
    for rule, plan in _by_rule(shadow, shadow.totals):
        yield (rule, plan.policy), 1.0


def _overshoot(shadow: Shadow) -> Iterator[Child]:
    """Read the newest image whose path is complete."""
    realised = shadow.realised
    if realised is None:
        return
    for rule, plan in _by_rule(realised, realised.totals):
        for label, amount in zip(PATH_LABELS, plan.overshoot_usd, strict=True):
            if amount is not None:
                yield (rule, label), amount


SHADOW_READERS: dict[str, Reader] = {
    "loss_monitor_deleveraging_feasible_ratio": _of_shadow(_feasible),
    "loss_monitor_shadow_timestamp_seconds": _of_shadow(
        lambda shadow: [((), shadow.as_of_ns / _NANOSECONDS)]
    ),
    "loss_monitor_shadow_policy_info": _of_shadow(_policies),
    "loss_monitor_shadow_needed_usd": _of_shadow(lambda shadow: [((), shadow.needed_usd)]),
    "loss_monitor_shadow_collected_usd": _totals(lambda plan: plan.collected_usd),
    "loss_monitor_shadow_equity_fraction_max_ratio": _totals(lambda plan: plan.equity_fraction_max),
    "loss_monitor_shadow_equity_fraction_mean_ratio": _totals(
        lambda plan: plan.equity_fraction_mean
    ),
    "loss_monitor_shadow_accounts_touched": _totals(lambda plan: plan.accounts_touched),
    "loss_monitor_shadow_leverage_max_ratio": _totals(lambda plan: plan.leverage_max),
    "loss_monitor_shadow_hedges_broken": _totals(lambda plan: plan.hedges_broken),
    "loss_monitor_shadow_overshoot_usd": _of_shadow(_overshoot),
    "loss_monitor_shadow_side_equity_fraction_max_ratio": _of_shadow(_fractions),
}
