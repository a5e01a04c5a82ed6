"""From the views of oracles and indices to the records of /v1/oracles."""

from monitor.api.oracle_records import IndexErrorRecord, IndexRecord, OraclesAnswer, SourceRecord
from monitor.api.records import decimal_text, exact_text
from monitor.core.oracle_view import IndexErrorView, IndexSensitivity, IndexView, OracleView
from monitor.core.view import RiskView


def oracles_answer(view: RiskView) -> OraclesAnswer:
    """Return everything about oracles."""
    found = {one.index: one for one in view.sensitivities}
    indices = sorted(view.indices, key=lambda one: ("liquidation" in one.allowed, one.index))
    return OraclesAnswer(
        indices=[index_record(one, found.get(one.index)) for one in indices],
        sources=[source_record(one) for one in view.oracles],
    )


def source_record(view: OracleView) -> SourceRecord:
    """Return one source of an index."""
    return SourceRecord(
        oracle=view.oracle,
        index=view.index,
        price=exact_text(view.price),
        validity=view.validity,
        reason=view.reason,
        since_ns=view.since_ns,
        allowed=list(view.allowed),
        is_live=view.is_live,
        deviation_ratio=decimal_text(view.deviation_ratio),
        mark_deviation_ratio=decimal_text(view.mark_deviation_ratio),
        confidence_ratio=decimal_text(view.confidence_ratio),
        published_ns=view.published_ns,
        received_ns=view.received_ns,
        ignored=dict(view.ignored),
    )


def index_record(view: IndexView, found: IndexSensitivity | None) -> IndexRecord:
    """Return one index with what it can do."""
    return IndexRecord(
        index=view.index,
        price=decimal_text(view.price),
        stable_price=decimal_text(view.stable_price),
        priced_by=view.priced_by,
        live=view.live,
        validity=view.validity,
        reason=view.reason,
        since_ns=view.since_ns,
        allowed=list(view.allowed),
        fit_sources=view.fit_sources,
        quorum=view.quorum,
        quorum_left=view.quorum_left,
        confidence_ratio=decimal_text(view.confidence_ratio),
        published_ns=view.published_ns,
        errors_as_of_ns=None if found is None else found.as_of_ns,
        errors=[] if found is None else [error_record(one) for one in found.errors],
    )


def error_record(view: IndexErrorView) -> IndexErrorRecord:
    """Return what one error would do."""
    return IndexErrorRecord(
        error=view.error,
        error_ratio=exact_text(view.error_ratio),
        units_down=view.units_down,
        notional_down_usd=exact_text(view.notional_down_usd),
        units_up=view.units_up,
        notional_up_usd=exact_text(view.notional_up_usd),
        undecided=view.undecided,
    )
