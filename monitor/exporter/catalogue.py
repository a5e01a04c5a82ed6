"""Every metric of the monitor: data only (also `catalogue_*.py`).

The collector, `docs/metrics.md`, alerts and dashboards all follow this file. Conventions:

* base units at the end of the name, ratios 0 to 1, `_timestamp_seconds` instead of ages (0 or
  absent: never happened), `_total` for counters;
* no label carries an account, an order or a liquidation; the largest number of series stands
  beside each metric, and a test sums them;
* `unit` is what one unit of the value is: `usd` means the valuation currency;
* what is unknown (a price that is missing) is absent, never 0.
"""

from monitor.core.decisions import DECISIONS
from monitor.core.events import ACCOUNT_EVENTS, LOCAL_EVENTS, MARKET_EVENTS, snake_case
from monitor.exporter.catalogue_book import BOOK_METRICS, SIDES, STATES
from monitor.exporter.catalogue_breakers import BREAKER_EFFECT_METRICS
from monitor.exporter.catalogue_daemon import FEED_METRICS, LOG_METRICS, SERVICE_METRICS
from monitor.exporter.catalogue_liquidations import LIQUIDATION_METRICS
from monitor.exporter.catalogue_oracles import ORACLE_METRICS
from monitor.exporter.metric import Metric

INSTRUMENTS_MAX = 400
FUNDS_MAX = 16
BREAKERS_MAX = 16
BREAKER_SCOPES_MAX = 400
BREAKER_SCOPES_EXTENDED_MAX = 34
ORACLE_INDICES_MAX = 64
REASONS_MAX = 32
PROCESS_SERIES_MAX = 20  # names and number follow the interpreter and the operating system

BREAKER_STATES = ("armed", "tripped", "cooling")
_EVENTS = (*ACCOUNT_EVENTS, *MARKET_EVENTS, *LOCAL_EVENTS)
EVENT_TYPES = tuple(snake_case(event.__name__) for event in _EVENTS)
DECISION_KINDS = tuple(snake_case(decision.__name__) for decision in DECISIONS)

APPLY_BUCKETS_S = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
LATENCY_BUCKETS_S = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
)  # fmt: skip

LOSS_METRICS = (
    Metric(
        name="loss_monitor_insurance_fund_balance_usd",
        kind="gauge",
        help="Balance of the insurance fund; absent while its asset has no usable index.",
        unit="usd",
        source="view",
        labels=("fund",),
        series_max=FUNDS_MAX,
    ),
    Metric(
        name="loss_monitor_insurance_fund_drawn_total",
        kind="counter",
        help="What the fund paid for shortfalls, in its own asset.",
        unit="asset",
        source="view",
        labels=("fund", "asset"),
        series_max=FUNDS_MAX,
    ),
    Metric(
        name="loss_monitor_insurance_fund_credited_total",
        kind="counter",
        help="What liquidations that closed better than bankruptcy paid in, in its own asset.",
        unit="asset",
        source="view",
        labels=("fund", "asset"),
        series_max=FUNDS_MAX,
    ),
    Metric(
        name="loss_monitor_insurance_fund_uncovered_total",
        kind="counter",
        help="What the fund was asked for and could not pay, in its own asset.",
        unit="asset",
        source="view",
        labels=("fund", "asset"),
        series_max=FUNDS_MAX,
    ),
    Metric(
        name="loss_monitor_shortfall_usd",
        kind="gauge",
        help="Loss that no margin covered, summed since the start; only grows.",
        unit="usd",
        source="view",
        labels=("fund",),
        series_max=FUNDS_MAX,
    ),
    Metric(
        name="loss_monitor_socialized_loss_usd",
        kind="gauge",
        help="Loss spread over other accounts, summed since the start; only grows.",
        unit="usd",
        source="view",
        labels=("fund",),
        series_max=FUNDS_MAX,
    ),
    Metric(
        name="loss_monitor_liquidation_inventory_loss_usd",
        kind="gauge",
        help="Unrealized loss of positions that the venue's vaults have taken over and not closed; "
        "no part of a shortfall, never to be added to it; absent while a price is missing.",
        unit="usd",
        source="view",
        labels=("fund",),
        series_max=FUNDS_MAX,
    ),
    Metric(
        name="loss_monitor_liquidation_inventory_gain_usd",
        kind="gauge",
        help="Unrealized gain of positions that the venue's vaults have taken over and not closed; "
        "absent while a price is missing.",
        unit="usd",
        source="view",
        labels=("fund",),
        series_max=FUNDS_MAX,
    ),
    Metric(
        name="loss_monitor_liquidation_inventory_notional_usd",
        kind="gauge",
        help="Value of the positions that the venue's vaults have taken over and not closed; "
        "absent while a price is missing.",
        unit="usd",
        source="view",
        labels=("fund",),
        series_max=FUNDS_MAX,
    ),
)

ACCOUNT_METRICS = (
    Metric(
        name="loss_monitor_accounts",
        kind="gauge",
        help="Accounts in each state of their cross unit.",
        unit="accounts",
        source="view",
        labels=("state",),
        values={"state": STATES},
        series_max=len(STATES),
    ),
    Metric(
        name="loss_monitor_ledger_forgotten_total",
        kind="counter",
        help="Episodes, waves and deleveraging cases that are told no more: the ledger was full.",
        unit="entries",
        source="view",
        labels=("ledger",),
        series_max=3,
    ),
    Metric(
        name="loss_monitor_suspect_accounts",
        kind="gauge",
        help="Accounts of which an event is missing or was refused; a snapshot ends it.",
        unit="accounts",
        source="view",
    ),
    Metric(
        name="loss_monitor_liquidating_accounts",
        kind="gauge",
        help="Accounts that the exchange's liquidation engine has in hand.",
        unit="accounts",
        source="view",
    ),
    Metric(
        name="loss_monitor_liquidations_overdue",
        kind="gauge",
        help="Margin units liquidatable for too long with no liquidation under way; 0 while "
        "[liquidation_watch] overdue_after_s is not set.",
        unit="units",
        source="view",
    ),
    Metric(
        name="loss_monitor_margin_shortfall_usd",
        kind="gauge",
        help="Sum over accounts of max(0, maintenance margin - equity).",
        unit="usd",
        source="view",
    ),
    Metric(
        name="loss_monitor_margin_ratio_max",
        kind="gauge",
        help="Largest maintenance margin / equity of any account; 1 and above is liquidatable, "
        "+Inf when an account has a position or a debt and no equity.",
        unit="ratio",
        source="view",
    ),
)

MARKET_METRICS = (
    Metric(
        name="loss_monitor_mark_price",
        kind="gauge",
        help="The exchange's mark price, in the quote currency.",
        unit="quote currency",
        source="view",
        labels=("instrument",),
        series_max=INSTRUMENTS_MAX,
    ),
    Metric(
        name="loss_monitor_mark_price_timestamp_seconds",
        kind="gauge",
        help="Event time of the newest mark price.",
        unit="seconds",
        source="view",
        labels=("instrument",),
        series_max=INSTRUMENTS_MAX,
    ),
    Metric(
        name="loss_monitor_mark_index_deviation_ratio",
        kind="gauge",
        help="Mark price / index price - 1; > 0: the mark is above the index.",
        unit="ratio",
        source="view",
        labels=("instrument",),
        series_max=INSTRUMENTS_MAX,
    ),
    Metric(
        name="loss_monitor_open_interest_usd",
        kind="gauge",
        help="Open interest (the larger side) at the mark price.",
        unit="usd",
        source="view",
        labels=("instrument",),
        series_max=INSTRUMENTS_MAX,
    ),
    Metric(
        name="loss_monitor_open_interest_contracts",
        kind="gauge",
        help="Open contracts of one side, as a magnitude; the sides of a complete book are equal.",
        unit="contracts",
        source="view",
        labels=("instrument", "side"),
        series_max=INSTRUMENTS_MAX * len(SIDES),
    ),
    Metric(
        name="loss_monitor_oracle_deviation_ratio",
        kind="gauge",
        help="Oracle price / the exchange's index price - 1; > 0: the oracle is above.",
        unit="ratio",
        source="view",
        labels=("index", "oracle"),
        series_max=ORACLE_INDICES_MAX,
    ),
    Metric(
        name="loss_monitor_oracle_published_timestamp_seconds",
        kind="gauge",
        help="When the oracle published its newest price.",
        unit="seconds",
        source="view",
        labels=("index", "oracle"),
        series_max=ORACLE_INDICES_MAX,
    ),
)

BREAKER_METRICS = (
    Metric(
        name="loss_monitor_breaker_state",
        kind="gauge",
        help="1 for the state that the breaker is in for the scope, else 0. With more scopes than "
        "series: those not armed first, then those nearest to their limit.",
        unit="boolean",
        source="view",
        labels=("breaker", "scope", "state"),
        values={"state": BREAKER_STATES},
        series_max=BREAKER_SCOPES_MAX * len(BREAKER_STATES),
    ),
    Metric(
        name="loss_monitor_breaker_scopes",
        kind="gauge",
        help="Scopes of the breaker in each state; always complete.",
        unit="scopes",
        source="view",
        labels=("breaker", "state"),
        values={"state": BREAKER_STATES},
        series_max=BREAKERS_MAX * len(BREAKER_STATES),
    ),
    Metric(
        name="loss_monitor_breaker_limit_used_ratio",
        kind="gauge",
        help="Measured / limit of the rule's armed scope nearest to its limit; above 1 it trips.",
        unit="ratio",
        source="view",
        labels=("breaker", "scope"),
        series_max=BREAKERS_MAX,
    ),
    Metric(
        name="loss_monitor_breaker_extended",
        kind="gauge",
        help="How often the present trip was prolonged; absent while the breaker is armed.",
        unit="extensions",
        source="view",
        labels=("breaker", "scope"),
        series_max=BREAKER_SCOPES_EXTENDED_MAX,
    ),
)

ENGINE_METRICS = (
    Metric(
        name="loss_monitor_engine_timestamp_seconds",
        kind="gauge",
        help="Engine time: the largest event time applied.",
        unit="seconds",
        source="view",
    ),
    Metric(
        name="loss_monitor_events_total",
        kind="counter",
        help="Events applied.",
        unit="events",
        source="view",
        labels=("type",),
        values={"type": EVENT_TYPES},
        series_max=len(EVENT_TYPES),
    ),
    Metric(
        name="loss_monitor_events_ignored_total",
        kind="counter",
        help="Events that were accepted and change nothing, by why.",
        unit="events",
        source="view",
        labels=("reason",),
        series_max=REASONS_MAX,
    ),
    Metric(
        name="loss_monitor_quarantined_total",
        kind="counter",
        help="Records or elements refused and sent to quarantine, by reason.",
        unit="events",
        source="measurements",
        labels=("reason",),
        series_max=REASONS_MAX,
    ),
    Metric(
        name="loss_monitor_held_back_events",
        kind="gauge",
        help="Events that wait for their instrument to be listed.",
        unit="events",
        source="measurements",
    ),
    Metric(
        name="loss_monitor_exact_verdicts_total",
        kind="counter",
        help="Verdicts that floats could not give and rationals gave; each costs many times more.",
        unit="verdicts",
        source="view",
    ),
    Metric(
        name="loss_monitor_decisions_total",
        kind="counter",
        help="Decisions made.",
        unit="decisions",
        source="view",
        labels=("kind",),
        values={"kind": DECISION_KINDS},
        series_max=len(DECISION_KINDS),
    ),
    Metric(
        name="loss_monitor_engine_apply_duration_seconds",
        kind="histogram",
        help="How long the engine took for one batch.",
        unit="seconds",
        source="measurements",
        buckets=APPLY_BUCKETS_S,
    ),
    Metric(
        name="loss_monitor_decision_latency_seconds",
        kind="histogram",
        help="From the event received to its decision acknowledged by the log.",
        unit="seconds",
        source="measurements",
        buckets=LATENCY_BUCKETS_S,
    ),
    Metric(
        name="loss_monitor_inbox_depth_events",
        kind="gauge",
        help="Events that wait in the inbox.",
        unit="events",
        source="measurements",
    ),
    Metric(
        name="loss_monitor_inbox_capacity_events",
        kind="gauge",
        help="Events that the inbox can hold; when it is full the sources wait.",
        unit="events",
        source="measurements",
    ),
)

SECTIONS: dict[str, tuple[Metric, ...]] = {
    "Funds and losses": LOSS_METRICS,
    "Accounts": ACCOUNT_METRICS,
    "The book": BOOK_METRICS,
    "Liquidations": LIQUIDATION_METRICS,
    "Market and oracles": MARKET_METRICS + ORACLE_METRICS,
    "Breakers": BREAKER_METRICS + BREAKER_EFFECT_METRICS,
    "Engine": ENGINE_METRICS,
    "Log, mirror and snapshots": LOG_METRICS,
    "Feeds": FEED_METRICS,
    "The daemon": SERVICE_METRICS,
}
CATALOGUE: tuple[Metric, ...] = tuple(metric for part in SECTIONS.values() for metric in part)
SERIES_MAX = sum(metric.series for metric in CATALOGUE) + PROCESS_SERIES_MAX
