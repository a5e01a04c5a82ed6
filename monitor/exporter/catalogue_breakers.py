"""The metrics of what stands between a breaker and its effect: the venue, and its own eyes."""

from monitor.exporter.metric import Metric

FOLLOWED_ACTIONS = ("halt", "reduce_only")

BREAKER_EFFECT_METRICS = (
    Metric(
        name="loss_monitor_breakers_not_followed",
        kind="gauge",
        help="Tripped breakers of an instrument whose venue has not told the status of trading "
        "that the action asks for, 10 s after the trip.",
        unit="breakers",
        source="view",
        labels=("action",),
        values={"action": FOLLOWED_ACTIONS},
        series_max=len(FOLLOWED_ACTIONS),
    ),
    Metric(
        name="loss_monitor_breakers_degraded",
        kind="gauge",
        help="Breakers whose mark has been silent for more than a minute: they do not see.",
        unit="breakers",
        source="view",
        series_max=1,
    ),
)
