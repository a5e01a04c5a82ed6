"""The metrics of indices and their sources; /v1/oracles has all of them without a bound."""

from monitor.exporter.metric import Metric

INDICES_MAX = 16
SOURCES_MAX = 16
SENSITIVE_MAX = 4  # indices, those that can do most
ERRORS = ("confidence", "0.01", "0.05", "0.1")
IGNORED = ("duplicate", "republished", "from_future")

ORACLE_METRICS = (
    Metric(
        name="loss_monitor_index_fit",
        kind="gauge",
        help="1 while the price of the index may be used for verdicts; else the accounts that need "
        "it are unknown. With more indices than series: those that are not first.",
        unit="boolean",
        source="view",
        labels=("index",),
        series_max=INDICES_MAX,
    ),
    Metric(
        name="loss_monitor_index_quorum_left",
        kind="gauge",
        help="How many more sources of the index may fail; negative: so many are missing.",
        unit="sources",
        source="view",
        labels=("index",),
        series_max=INDICES_MAX,
    ),
    Metric(
        name="loss_monitor_oracle_live",
        kind="gauge",
        help="1 while the oracle is (part of) the price of the index.",
        unit="boolean",
        source="view",
        labels=("index", "oracle"),
        series_max=SOURCES_MAX,
    ),
    Metric(
        name="loss_monitor_oracle_received_timestamp_seconds",
        kind="gauge",
        help="When the newest report of the oracle was applied.",
        unit="seconds",
        source="view",
        labels=("index", "oracle"),
        series_max=SOURCES_MAX,
    ),
    Metric(
        name="loss_monitor_oracle_confidence_ratio",
        kind="gauge",
        help="Confidence interval of the oracle / its price.",
        unit="ratio",
        source="view",
        labels=("index", "oracle"),
        series_max=SOURCES_MAX,
    ),
    Metric(
        name="loss_monitor_oracle_mark_deviation_ratio",
        kind="gauge",
        help="Oracle price / the mark furthest from it, of the index's instruments, - 1.",
        unit="ratio",
        source="view",
        labels=("index", "oracle"),
        series_max=SOURCES_MAX,
    ),
    Metric(
        name="loss_monitor_oracle_reports_ignored_total",
        kind="counter",
        help="Reports that were not taken: the same again, an old one again, or from the future.",
        unit="reports",
        source="view",
        labels=("reason",),
        values={"reason": IGNORED},
        series_max=len(IGNORED),
    ),
    Metric(
        name="loss_monitor_index_error_units",
        kind="gauge",
        help="Margin units that would become liquidatable if the index were wrong by this ratio, "
        "the worse side, as of the newest image. Of the indices that can do most.",
        unit="units",
        source="view",
        labels=("index", "error"),
        series_max=SENSITIVE_MAX * len(ERRORS),
    ),
    Metric(
        name="loss_monitor_index_error_notional_usd",
        kind="gauge",
        help="Notional of the units that would become liquidatable if the index were wrong by this "
        "ratio, the worse side, at the present prices. Of the indices that can do most.",
        unit="usd",
        source="view",
        labels=("index", "error"),
        series_max=SENSITIVE_MAX * len(ERRORS),
    ),
)
