"""From the engine's views to the API's records: one small function a record."""

from collections.abc import Iterable, Sequence

from monitor.api.decision_ring import NumberedDecision
from monitor.api.history import History
from monitor.api.records import (
    AccountRecord,
    BookAnswer,
    BookInstrumentRecord,
    BookSideRecord,
    BreakerRecord,
    CheckRecord,
    DecisionLine,
    DecisionRecord,
    FeedRecord,
    FundRecord,
    InstrumentRecord,
    LadderAnswer,
    LadderLeftOutRecord,
    LadderRungRecord,
    OracleRecord,
    decimal_text,
    exact_text,
)
from monitor.api.wording import describe, describe_many
from monitor.core.oracle_view import OracleView
from monitor.core.view import (
    AccountView,
    BookSideView,
    BookSums,
    BreakerView,
    FeedView,
    FundView,
    InstrumentView,
    LadderLeftOutView,
    Ladders,
    LadderView,
    RiskView,
    RungView,
)
from monitor.runtime.health import Health

GROUPED_FROM = 4
"""So many decisions of one kind in one second are told as one line."""


def instrument_record(view: InstrumentView) -> InstrumentRecord:
    """Return one instrument."""
    deviation = None
    if view.mark_price is not None and view.index_price:
        deviation = view.mark_price / view.index_price - 1
    return InstrumentRecord(
        instrument=view.instrument,
        kind=view.kind,
        status=view.status,
        mark_price=decimal_text(view.mark_price),
        mark_price_ns=view.mark_price_ns,
        index_price=decimal_text(view.index_price),
        mark_index_deviation_ratio=decimal_text(deviation),
        funding_rate=decimal_text(view.funding_rate),
        open_interest_long_contracts=exact_text(view.open_interest_long_contracts),
        open_interest_short_contracts=exact_text(view.open_interest_short_contracts),
        open_interest_usd=decimal_text(view.open_interest_usd),
    )


def book_answer(book: BookSums) -> BookAnswer:
    """Return the sums of a book image."""
    return BookAnswer(
        as_of_ns=book.as_of_ns,
        equity_usd=_texts(book.equity_usd),
        maintenance_margin_usd=_texts(book.maintenance_margin_usd),
        margin_ratio_from=[exact_text(edge) for edge in book.margin_ratio_edges[:-1]],
        margin_ratios=list(book.margin_ratios),
        distance_from=[exact_text(edge) for edge in book.distance_edges[:-1]],
        distances=list(book.distances),
        instruments=[
            BookInstrumentRecord(
                instrument=each.instrument,
                settlement_currency=each.settlement_currency,
                long=_book_side(each.long),
                short=_book_side(each.short),
            )
            for each in book.instruments
        ],
    )


def _book_side(side: BookSideView) -> BookSideRecord:
    return BookSideRecord(
        unrealized_gains_usd=decimal_text(side.gains_usd),
        unrealized_losses_usd=decimal_text(side.losses_usd),
        free_margin_usd=exact_text(side.free_margin_usd),
        holders=side.holders,
        notional_by_distance_usd=[decimal_text(each) for each in side.notional_by_distance_usd],
    )


def ladder_answer(ladders: Ladders, ladder: LadderView) -> LadderAnswer:
    """Return one instrument's ladder, with the moment of all of them."""
    return LadderAnswer(
        instrument=ladder.instrument,
        settlement_currency=ladder.settlement_currency,
        as_of_ns=ladders.as_of_ns,
        refreshed_ns=ladders.refreshed_ns,
        mark_price=decimal_text(ladder.mark_price),
        below=[_rung(each) for each in ladder.below],
        above=[_rung(each) for each in ladder.above],
        liquidatable=_left_out(ladder.liquidatable),
        unknown=_left_out(ladder.unknown),
        exact_only=_left_out(ladder.exact_only),
    )


def _rung(view: RungView) -> LadderRungRecord:
    return LadderRungRecord(
        price_from=exact_text(view.price_from),
        price_to=exact_text(view.price_to),
        notional_usd=exact_text(view.notional_usd),
        notional_settlement=exact_text(view.notional_settlement),
        cumulative_usd=exact_text(view.cumulative_usd),
        positions=view.positions,
    )


def _left_out(view: LadderLeftOutView) -> LadderLeftOutRecord:
    return LadderLeftOutRecord(units=view.units, notional_usd=decimal_text(view.notional_usd))


def _texts(amounts: dict[str, float]) -> dict[str, str]:
    return {name: exact_text(amount) for name, amount in amounts.items()}


def fund_record(view: FundView, history: History) -> FundRecord:
    """Return one fund, beside its highest balance so far."""
    peak = history.peak_usd(view.fund)
    left = view.balance_usd / peak if peak and view.balance_usd is not None else None
    return FundRecord(
        fund=view.fund,
        asset=view.asset,
        balance=None if view.balance is None else exact_text(view.balance),
        balance_usd=decimal_text(view.balance_usd),
        peak_usd=decimal_text(peak),
        left_ratio=decimal_text(left),
        drawn=exact_text(view.drawn),
        credited=exact_text(view.credited),
        uncovered=exact_text(view.uncovered),
        shortfall_usd=exact_text(view.shortfall_usd),
        socialized_loss_usd=exact_text(view.socialized_loss_usd),
        inventory_loss_usd=decimal_text(view.inventory_loss_usd),
        inventory_gain_usd=decimal_text(view.inventory_gain_usd),
        inventory_notional_usd=decimal_text(view.inventory_notional_usd),
        inventory_positions=view.inventory_positions,
        updated_ns=view.updated_ns,
    )


def breaker_record(view: BreakerView) -> BreakerRecord:
    """Return one breaker."""
    return BreakerRecord(
        breaker=view.breaker,
        kind=view.kind,
        scope=view.scope,
        state=view.state,
        action=view.action,
        unit=view.unit,
        dry_run=view.dry_run,
        measured=decimal_text(view.measured),
        limit=exact_text(view.limit),
        limit_used_ratio=decimal_text(view.limit_used_ratio),
        extended=view.extended,
        changed_ns=view.changed_ns,
        following=view.following,
        degraded_since_ns=view.silent_since_ns,
    )


def account_record(rank: int, view: AccountView) -> AccountRecord:
    """Return one account; `rank` 1 is the worst."""
    ratio = None
    shortfall = None
    if view.equity is not None and view.maintenance_margin is not None:
        ratio = view.maintenance_margin / view.equity if view.equity > 0 else None
        shortfall = max(0.0, view.maintenance_margin - view.equity)
    return AccountRecord(
        risk_rank=rank,
        account=view.account,
        owner=view.owner,
        role=view.role,
        state=view.state,
        equity=decimal_text(view.equity),
        initial_margin=decimal_text(view.initial_margin),
        maintenance_margin=decimal_text(view.maintenance_margin),
        margin_ratio=decimal_text(ratio),
        margin_shortfall=decimal_text(shortfall),
        free_collateral=decimal_text(view.free_collateral),
        withdrawable=decimal_text(view.withdrawable),
        flags=list(view.flags),
        updated_ns=view.updated_ns,
    )


def oracle_record(view: OracleView) -> OracleRecord:
    """Return one oracle's price of an index."""
    return OracleRecord(
        oracle=view.oracle,
        index=view.index,
        price=exact_text(view.price),
        deviation_ratio=decimal_text(view.deviation_ratio),
        published_ns=view.published_ns,
        validity=view.validity,
        reason=view.reason,
    )


def feed_record(view: FeedView) -> FeedRecord:
    """Return one feed."""
    return FeedRecord(feed=view.feed, lost=view.lost, changed_ns=view.changed_ns)


def decision_record(numbered: NumberedDecision) -> DecisionRecord:
    """Return one decision with its sentence."""
    return DecisionRecord(
        number=numbered.number,
        text=describe(numbered.decision),
        decision=numbered.decision,  # type: ignore[arg-type]
    )


def decision_lines(numbered: Iterable[NumberedDecision], *, limit: int) -> list[DecisionLine]:
    """Return lines for a list, newest first; many of one kind in one second become one line."""
    groups: dict[tuple[int, str], list[NumberedDecision]] = {}
    for one in numbered:
        second = one.decision.event_ns // 1_000_000_000
        groups.setdefault((second, one.decision.kind), []).append(one)
    lines = []
    for group in groups.values():
        if len(group) >= GROUPED_FROM:
            lines.append(_line(group))
        else:
            lines.extend(_line([one]) for one in group)
    return sorted(lines, key=lambda line: -line.number)[:limit]


def _line(group: Sequence[NumberedDecision]) -> DecisionLine:
    newest = max(group, key=lambda one: one.number)
    return DecisionLine(
        number=newest.number,
        count=len(group),
        kind=newest.decision.kind,
        event_ns=newest.decision.event_ns,
        text=describe_many([one.decision for one in group]),
    )


def ranked_accounts(view: RiskView) -> list[tuple[int, AccountView]]:
    """Return the accounts at risk with their rank, worst first; unknown ones last."""

    def urgency(account: AccountView) -> tuple[float, float, str]:
        score = account.risk_score
        equity = account.equity or 0.0
        return (-score if score is not None else 1.0, equity, account.account)

    return list(enumerate(sorted(view.worst, key=urgency), start=1))


def check_records(health: Health) -> list[CheckRecord]:
    """Return the daemon's checks, sorted by name."""
    return [
        CheckRecord(name=check.name, ok=check.is_ok, detail=check.detail, need=check.need.value)
        for check in health.checks()
    ]
