"""What /v1/oracles answers, as records."""

from monitor.api.records import Record


class SourceRecord(Record, frozen=True, kw_only=True):
    """One source of an index; ratios against the index and the furthest mark, > 0: it is above."""

    oracle: str
    index: str
    price: str
    validity: str
    reason: str
    since_ns: int
    allowed: list[str]
    is_live: bool
    deviation_ratio: str | None
    mark_deviation_ratio: str | None
    confidence_ratio: str | None
    published_ns: int
    received_ns: int
    ignored: dict[str, int]


class IndexErrorRecord(Record, frozen=True, kw_only=True):
    """What would become liquidatable if the index were wrong by `error_ratio`, down and up.

    `error`: `confidence` (its own interval) or the ratio.
    """

    error: str
    error_ratio: str
    units_down: int
    notional_down_usd: str
    units_up: int
    notional_up_usd: str
    undecided: int


class IndexRecord(Record, frozen=True, kw_only=True):
    """One index: its price, what that may be used for, who makes it, and what it can do to us.

    `errors` are of the image of `errors_as_of_ns`, null before the first one.
    """

    index: str
    price: str | None
    stable_price: str | None
    priced_by: str
    live: str | None
    validity: str
    reason: str
    since_ns: int
    allowed: list[str]
    fit_sources: int
    quorum: int
    quorum_left: int
    confidence_ratio: str | None
    published_ns: int
    errors_as_of_ns: int | None
    errors: list[IndexErrorRecord]


class OraclesAnswer(Record, frozen=True, kw_only=True):
    """All indices, those that may not be used first, and all their sources but the exchange."""

    indices: list[IndexRecord]
    sources: list[SourceRecord]
