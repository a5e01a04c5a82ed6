"""The metrics of what may be socialized within a horizon."""

from monitor.exporter.metric import Metric

ALL_FUNDS = "all"  # instead of a name
FUNDS_TOLD_MAX = 4  # beside all together
MEASURES = ("value_at_risk", "expected_shortfall")
CONFIDENCES_TOLD = ("0.99", "0.999")
HORIZONS_TOLD = ("10m", "1h", "1d")

LOSS_AT_RISK_METRICS = (
    Metric(
        name="loss_monitor_socialized_loss_at_risk_usd",
        kind="gauge",
        help="What an insurance fund cannot pay of a day's shortfalls at a confidence: value at "
        "risk, or the expected shortfall beyond it. All funds together, and those most at risk.",
        unit="USD",
        source="view",
        labels=("fund", "measure", "confidence"),
        series_max=(1 + FUNDS_TOLD_MAX) * len(MEASURES) * len(CONFIDENCES_TOLD),
    ),
    Metric(
        name="loss_monitor_fund_depletion_probability_ratio",
        kind="gauge",
        help="Probability that shortfalls within a horizon are more than the insurance fund has. "
        "Any fund, and those most at risk.",
        unit="ratio",
        source="view",
        labels=("fund", "horizon"),
        series_max=(1 + FUNDS_TOLD_MAX) * len(HORIZONS_TOLD),
    ),
    Metric(
        name="loss_monitor_loss_at_risk_oldest_timestamp_seconds",
        kind="gauge",
        help="Moment of the oldest book that a path of the loss at risk was run on.",
        unit="seconds",
        source="view",
    ),
)
