"""The metrics of shadow deleveraging: feasibility, and the venue's rule beside the best one."""

from monitor.core.shadow_view import PATH_S, WORST_SIDES
from monitor.exporter.metric import Metric

RULES = ("configured", "best")
SIDES = ("long", "short")
PATH_LABELS = tuple(f"{moment:g}" for moment in PATH_S)


def _of_rules(name: str, help_text: str, unit: str) -> Metric:
    return Metric(
        name=f"loss_monitor_shadow_{name}",
        kind="gauge",
        help=help_text,
        unit=unit,
        source="view",
        labels=("rule",),
        values={"rule": RULES},
        series_max=len(RULES),
    )


SHADOW_METRICS = (
    Metric(
        name="loss_monitor_deleveraging_feasible_ratio",
        kind="gauge",
        help="Of the size of a side's worst accounts, what could be closed at their bankruptcy "
        "prices against candidates who stay solvent; the least feasible sides.",
        unit="ratio",
        source="view",
        labels=("instrument", "side"),
        values={"side": SIDES},
        series_max=WORST_SIDES,
    ),
    Metric(
        name="loss_monitor_shadow_timestamp_seconds",
        kind="gauge",
        help="Event time of the book image that shadow deleveraging is of.",
        unit="seconds",
        source="view",
    ),
    Metric(
        name="loss_monitor_shadow_runs_total",
        kind="counter",
        help="Book images that the analysis process was asked about.",
        unit="runs",
        source="measurements",
        labels=("result",),
        values={"result": ("done", "failed")},
        series_max=2,
    ),
    Metric(
        name="loss_monitor_shadow_policy_info",
        kind="info",
        help="Which policy the venue has configured, and which is the best now.",
        unit="info",
        source="view",
        labels=("rule", "policy"),
        series_max=len(RULES),
    ),
    Metric(
        name="loss_monitor_shadow_needed_usd",
        kind="gauge",
        help="What the worst accounts of every side would owe, each side on its own.",
        unit="usd",
        source="view",
    ),
    _of_rules("collected_usd", "What a rule collects of that.", "usd"),
    _of_rules(
        "equity_fraction_max_ratio",
        "Largest part of its equity that one account would lose.",
        "ratio",
    ),
    _of_rules(
        "equity_fraction_mean_ratio",
        "Largest part of its equity that one account of a side would lose, over the sides, "
        "weighted by what they need.",
        "ratio",
    ),
    _of_rules("accounts_touched", "Accounts that a rule takes from, over all sides.", "accounts"),
    _of_rules("leverage_max_ratio", "Highest effective leverage left on a side.", "ratio"),
    _of_rules("hedges_broken", "Accounts whose other leg becomes naked.", "accounts"),
    Metric(
        name="loss_monitor_shadow_overshoot_usd",
        kind="gauge",
        help="What winners lose beyond the need, signed, so many seconds after the image on the "
        "path that the marks took.",
        unit="usd",
        source="view",
        labels=("rule", "after_s"),
        values={"rule": RULES, "after_s": PATH_LABELS},
        series_max=len(RULES) * len(PATH_LABELS),
    ),
    Metric(
        name="loss_monitor_shadow_side_equity_fraction_max_ratio",
        kind="gauge",
        help="Largest part of its equity that one account would lose, on the worst sides.",
        unit="ratio",
        source="view",
        labels=("instrument", "side", "rule"),
        values={"side": SIDES, "rule": RULES},
        series_max=WORST_SIDES * len(RULES),
    ),
)
