"""What the contract knows and the engine does not use yet, in one place.

The gate checks all of it, so a producer may send it today; `docs/events.md` says so beside each.
An event counts as used when a decision, a report, the view or an answer can follow from it. A test
asks the engine: an event stands here exactly as long as nothing follows from it, a field as long as
the core does not read it.
"""

UNUSED_EVENTS = frozenset({
    "forecast_finished",
})  # fmt: skip

# Only for events and records that are used otherwise.
UNUSED_FIELDS: dict[str, tuple[str, ...]] = {
    "audit_point": ("accounts_position",),
    "funding_rate_changed": ("next_funding_ns",),
    "instrument_listed": ("quote",),
    "liquidation_started": ("price", "fee"),
    "mark_price_changed": ("count",),
    "trade_printed": ("trade_id",),
    "trading_status_changed": ("until_ns",),
    "withdrawal_requested": ("request_id",),
}

# Parts of events that only unused fields contain.
UNUSED_RECORDS: frozenset[str] = frozenset()

UNUSED_DECISIONS = frozenset({
    "margin_change_recommended",
})  # fmt: skip
