"""The metrics of the running parts: log, mirror, snapshots, feeds and the daemon itself.

Data only; the other half is `catalogue.py`, which puts both together.
"""

from monitor.exporter.metric import Metric

FEEDS_MAX = 24
TASKS_MAX = 24
TOPICS = ("accounts", "market", "decisions")

LOG_METRICS = (
    Metric(
        name="loss_monitor_kafka_connected",
        kind="gauge",
        help="1 while the broker answers.",
        unit="boolean",
        source="measurements",
    ),
    Metric(
        name="loss_monitor_kafka_lag_seconds",
        kind="gauge",
        help="Age of the oldest record not applied yet, largest over the partitions; 0 at the end.",
        unit="seconds",
        source="measurements",
        labels=("topic",),
        series_max=len(TOPICS),
    ),
    Metric(
        name="loss_monitor_kafka_lag_records",
        kind="gauge",
        help="Records not applied yet, over all partitions.",
        unit="records",
        source="measurements",
        labels=("topic",),
        series_max=len(TOPICS),
    ),
    Metric(
        name="loss_monitor_kafka_errors_total",
        kind="counter",
        help="Calls to the broker that failed or ran out of time.",
        unit="calls",
        source="measurements",
    ),
    Metric(
        name="loss_monitor_log_last_acknowledged_timestamp_seconds",
        kind="gauge",
        help="When the log last acknowledged a batch.",
        unit="seconds",
        source="measurements",
    ),
    Metric(
        name="loss_monitor_heartbeat_last_timestamp_seconds",
        kind="gauge",
        help="When the log last acknowledged a heartbeat; one is made every second.",
        unit="seconds",
        source="measurements",
    ),
    Metric(
        name="loss_monitor_leader_epoch",
        kind="gauge",
        help="Epoch of this writer; a writer with a higher one has taken over.",
        unit="epoch",
        source="measurements",
    ),
    Metric(
        name="loss_monitor_redis_connected",
        kind="gauge",
        help="1 while Redis answers; absent when the mirror is switched off.",
        unit="boolean",
        source="measurements",
    ),
    Metric(
        name="loss_monitor_redis_last_success_timestamp_seconds",
        kind="gauge",
        help="When the mirror was last written.",
        unit="seconds",
        source="measurements",
    ),
    Metric(
        name="loss_monitor_redis_errors_total",
        kind="counter",
        help="Writes to Redis that failed or ran out of time.",
        unit="writes",
        source="measurements",
    ),
    Metric(
        name="loss_monitor_snapshot_last_success_timestamp_seconds",
        kind="gauge",
        help="When the last snapshot was complete.",
        unit="seconds",
        source="measurements",
    ),
    Metric(
        name="loss_monitor_snapshot_failures_total",
        kind="counter",
        help="Snapshots that could not be written.",
        unit="snapshots",
        source="measurements",
    ),
    Metric(
        name="loss_monitor_snapshot_duration_seconds",
        kind="gauge",
        help="How long the last snapshot took.",
        unit="seconds",
        source="measurements",
    ),
)

FEED_METRICS = (
    Metric(
        name="loss_monitor_feed_last_event_timestamp_seconds",
        kind="gauge",
        help="When the feed last gave a valid event.",
        unit="seconds",
        source="measurements",
        labels=("feed",),
        series_max=FEEDS_MAX,
    ),
    Metric(
        name="loss_monitor_feed_lost",
        kind="gauge",
        help="1 while the engine counts the feed as lost.",
        unit="boolean",
        source="view",
        labels=("feed",),
        series_max=FEEDS_MAX,
    ),
    Metric(
        name="loss_monitor_feed_events_total",
        kind="counter",
        help="Valid events from the feed.",
        unit="events",
        source="measurements",
        labels=("feed",),
        series_max=FEEDS_MAX,
    ),
    Metric(
        name="loss_monitor_feed_refused_total",
        kind="counter",
        help="Frames of the feed that could not be used.",
        unit="frames",
        source="measurements",
        labels=("feed",),
        series_max=FEEDS_MAX,
    ),
    Metric(
        name="loss_monitor_feed_coalesced_total",
        kind="counter",
        help="Prices merged into a newer one before they had a position in the log.",
        unit="events",
        source="measurements",
        labels=("feed",),
        series_max=FEEDS_MAX,
    ),
    Metric(
        name="loss_monitor_feed_reconnects_total",
        kind="counter",
        help="Connections made again after a loss.",
        unit="connections",
        source="measurements",
        labels=("feed",),
        series_max=FEEDS_MAX,
    ),
)

SERVICE_METRICS = (
    Metric(
        name="loss_monitor_ready",
        kind="gauge",
        help="1 while /readyz answers yes: state rebuilt, caught up, sources connected.",
        unit="boolean",
        source="measurements",
    ),
    Metric(
        name="loss_monitor_build_info",
        kind="info",
        help="Always 1; the labels say what runs.",
        unit="info",
        source="measurements",
        labels=("version", "python"),
    ),
    Metric(
        name="loss_monitor_config_last_reload_successful",
        kind="gauge",
        help="1 when the last attempt to load the configuration worked, 0 when the file was bad.",
        unit="boolean",
        source="measurements",
    ),
    Metric(
        name="loss_monitor_config_last_reload_success_timestamp_seconds",
        kind="gauge",
        help="When the configuration in force was loaded.",
        unit="seconds",
        source="measurements",
    ),
    Metric(
        name="loss_monitor_event_loop_delay_seconds",
        kind="gauge",
        help="How late the event loop ran its last one-second timer.",
        unit="seconds",
        source="measurements",
    ),
    Metric(
        name="loss_monitor_task_restarts_total",
        kind="counter",
        help="Restarts of a supervised part of the daemon.",
        unit="restarts",
        source="measurements",
        labels=("task",),
        series_max=TASKS_MAX,
    ),
    Metric(
        name="loss_monitor_http_stream_clients",
        kind="gauge",
        help="Consoles and programs that follow /v1/stream now.",
        unit="clients",
        source="measurements",
    ),
    Metric(
        name="loss_monitor_http_stream_dropped_total",
        kind="counter",
        help="Followers of /v1/stream cut off because they read too slowly.",
        unit="clients",
        source="measurements",
    ),
    Metric(
        name="loss_monitor_scrape_duration_seconds",
        kind="gauge",
        help="How long the last rendering of /metrics took, off the event loop.",
        unit="seconds",
        source="measurements",
    ),
    Metric(
        name="loss_monitor_series_left_out",
        kind="gauge",
        help="Series beyond a metric's largest number that the last rendering left out.",
        unit="series",
        source="view",
    ),
)
