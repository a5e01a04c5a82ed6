"""The metrics of funding forecasts: what the next payment does, and what it costs to carry on."""

from monitor.core.funding_view import CARRY_HOURS
from monitor.exporter.metric import Metric

DEAREST_MAX = 5  # instruments told of
HOURS = tuple(f"{hours}" for hours in CARRY_HOURS)

FUNDING_METRICS = (
    Metric(
        name="loss_monitor_funding_pushed_accounts",
        kind="gauge",
        help="Accounts that the next funding payment alone makes liquidatable.",
        unit="accounts",
        source="view",
    ),
    Metric(
        name="loss_monitor_funding_pushed_notional_usd",
        kind="gauge",
        help="Positions of the accounts that the next funding payment alone makes liquidatable.",
        unit="usd",
        source="view",
    ),
    Metric(
        name="loss_monitor_funding_carry_ratio",
        kind="gauge",
        help="What the paying side of an instrument pays over so many hours at the predicted rate, "
        "of its free margin; the dearest instruments.",
        unit="ratio",
        source="view",
        labels=("instrument", "hours"),
        values={"hours": HOURS},
        series_max=DEAREST_MAX * len(HOURS),
    ),
)
