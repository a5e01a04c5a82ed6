"""The metrics of the whole book: sums by state, and of both sides of the largest instruments."""

from monitor.core.audit import CHECKS
from monitor.core.margin.index.class_two import DISTANCE_EDGES
from monitor.exporter.catalogue_distances import DISTANCE_METRICS
from monitor.exporter.catalogue_funding import FUNDING_METRICS
from monitor.exporter.catalogue_loss_at_risk import LOSS_AT_RISK_METRICS
from monitor.exporter.catalogue_pools import POOL_METRICS
from monitor.exporter.catalogue_shadow import SHADOW_METRICS
from monitor.exporter.metric import Metric

STATES = ("healthy", "margin_call", "liquidatable", "bankrupt", "unknown")
KNOWN_STATES = STATES[:4]
SIDES = ("long", "short")
STANDINGS = ("placed", "liquidatable", "unknown", "exact_only")
# Of the instruments with the largest open interest; /v1/book has all.
CROWDED_SERIES_MAX = 2 * 16

BOOK_METRICS = (
    Metric(
        name="loss_monitor_audit_sums_off",
        kind="gauge",
        help="Sums over all accounts that should be 0 and are not now, by check: for a moment this "
        "is so all the time.",
        unit="sums",
        source="view",
        labels=("check",),
        values={"check": CHECKS},
        series_max=len(CHECKS),
    ),
    Metric(
        name="loss_monitor_equity_usd",
        kind="gauge",
        help="Equity of the margin units in each known state, without collateral that has tiers "
        "of haircuts.",
        unit="usd",
        source="view",
        labels=("state",),
        values={"state": KNOWN_STATES},
        series_max=len(KNOWN_STATES),
    ),
    Metric(
        name="loss_monitor_deficit_usd",
        kind="gauge",
        help="What would be missing if all margin units under water closed now, without collateral "
        "that has tiers of haircuts.",
        unit="usd",
        source="view",
    ),
    Metric(
        name="loss_monitor_maintenance_margin_usd",
        kind="gauge",
        help="Maintenance margin of the margin units in each known state, of the last book image.",
        unit="usd",
        source="view",
        labels=("state",),
        values={"state": KNOWN_STATES},
        series_max=len(KNOWN_STATES),
    ),
    Metric(
        name="loss_monitor_unrealized_gains_usd",
        kind="gauge",
        help="Unrealized gains of the positions that gain, of the last book image.",
        unit="usd",
        source="view",
        labels=("instrument", "side"),
        values={"side": SIDES},
        series_max=CROWDED_SERIES_MAX,
    ),
    Metric(
        name="loss_monitor_unrealized_losses_usd",
        kind="gauge",
        help="Unrealized losses of the positions that lose, >= 0, of the last book image.",
        unit="usd",
        source="view",
        labels=("instrument", "side"),
        values={"side": SIDES},
        series_max=CROWDED_SERIES_MAX,
    ),
    Metric(
        name="loss_monitor_free_margin_usd",
        kind="gauge",
        help="Equity beyond the maintenance margin of the units on a side, of the last book image.",
        unit="usd",
        source="view",
        labels=("instrument", "side"),
        values={"side": SIDES},
        series_max=CROWDED_SERIES_MAX,
    ),
    Metric(
        name="loss_monitor_liquidation_distance_notional_usd",
        kind="gauge",
        help="Notional by the common adverse move that makes its unit liquidatable: `distance` is "
        "where the bucket begins, of the last book image.",
        unit="usd",
        source="view",
        labels=("side", "distance"),
        values={"side": SIDES},
        series_max=len(SIDES) * (len(DISTANCE_EDGES) + 1),
    ),
    Metric(
        name="loss_monitor_book_timestamp_seconds",
        kind="gauge",
        help="Event time of the last book image.",
        unit="seconds",
        source="view",
    ),
    Metric(
        name="loss_monitor_ladder_timestamp_seconds",
        kind="gauge",
        help="Event time of the book image that the liquidation ladders are of.",
        unit="seconds",
        source="view",
    ),
    Metric(
        name="loss_monitor_ladder_refresh_timestamp_seconds",
        kind="gauge",
        help="Event time at which every unit was last placed anew on the liquidation ladders.",
        unit="seconds",
        source="view",
    ),
    Metric(
        name="loss_monitor_ladder_units",
        kind="gauge",
        help="Margin units with a position, by where they stand: on the liquidation ladders, "
        "or left out because they are liquidatable already, a price is missing, or floats do not "
        "bound their rules.",
        unit="units",
        source="view",
        labels=("standing",),
        values={"standing": STANDINGS},
        series_max=len(STANDINGS),
    ),
    Metric(
        name="loss_monitor_open_interest_largest_ratio",
        kind="gauge",
        help="Share of a side's open interest that its largest owner holds.",
        unit="ratio",
        source="view",
        labels=("instrument", "side"),
        values={"side": SIDES},
        series_max=CROWDED_SERIES_MAX,
    ),
    Metric(
        name="loss_monitor_open_interest_herfindahl_ratio",
        kind="gauge",
        help="Sum of the squared shares of a side's owners: 1 is a single one.",
        unit="ratio",
        source="view",
        labels=("instrument", "side"),
        values={"side": SIDES},
        series_max=CROWDED_SERIES_MAX,
    ),
    *POOL_METRICS,
    *SHADOW_METRICS,
    *FUNDING_METRICS,
    *DISTANCE_METRICS,
    *LOSS_AT_RISK_METRICS,
)
