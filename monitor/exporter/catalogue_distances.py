"""The metrics of cascades: how far socialized losses are."""

from monitor.exporter.metric import Metric

NEAREST_MAX = 10  # sides told of, beside those of all instruments at once
FEEDBACKS = ("none", "cascade")

DISTANCE_METRICS = (
    Metric(
        name="loss_monitor_distance_to_socialized_loss_ratio",
        kind="gauge",
        help="Smallest adverse move of the mark that exhausts the insurance fund: feedback none, "
        "in the first round; cascade, after what its closes trigger. The nearest sides, and those "
        "of all instruments at once; no series: no move up to 0.9.",
        unit="ratio",
        source="view",
        labels=("instrument", "side", "feedback"),
        series_max=(NEAREST_MAX + 2) * len(FEEDBACKS),
    ),
    Metric(
        name="loss_monitor_cascade_reproduction_ratio",
        kind="gauge",
        help="Notional that the closes of a 5 % move make liquidatable, per unit of theirs, on the "
        "worse side; above 1 a cascade grows. The largest.",
        unit="ratio",
        source="view",
        labels=("instrument",),
        series_max=NEAREST_MAX,
    ),
    Metric(
        name="loss_monitor_distances_oldest_timestamp_seconds",
        kind="gauge",
        help="Moment of the oldest book that a distance is of.",
        unit="seconds",
        source="view",
    ),
)
