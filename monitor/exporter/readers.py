"""How each metric whose source is the view is read from it: one small function a metric.

A reader gives (label values, value) in the order of importance: what stands beyond the metric's
largest number of series is left out by the collector. Unknown values are not given at all.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec.structs import asdict

from monitor.core.oracle_view import OracleView
from monitor.core.view import (
    BookSideView,
    BookSums,
    ConcentrationView,
    FundView,
    InstrumentView,
    Ladders,
    PoolView,
    RiskView,
)
from monitor.exporter.catalogue import BREAKER_STATES
from monitor.exporter.catalogue_breakers import FOLLOWED_ACTIONS
from monitor.exporter.oracle_readers import ORACLE_READERS
from monitor.exporter.reader import Child, Reader
from monitor.exporter.readers_distances import DISTANCE_READERS
from monitor.exporter.readers_funding import FUNDING_READERS
from monitor.exporter.readers_liquidations import LIQUIDATION_READERS
from monitor.exporter.readers_loss_at_risk import LOSS_AT_RISK_READERS
from monitor.exporter.readers_shadow import SHADOW_READERS

_NANOSECONDS = 1e9


def _single(value: float | None) -> Iterator[Child]:
    if value is not None:
        yield (), value


def _by_label(counts: Mapping[str, float]) -> Iterator[Child]:
    for label, count in counts.items():
        yield (label,), count


def _instrument_values(value: Callable[[InstrumentView], float | None]) -> Reader:
    def read(view: RiskView) -> Iterator[Child]:
        for instrument in view.instruments_by_size():
            number = value(instrument)
            if number is not None:
                yield (instrument.instrument,), number

    return read


def _mark_price_seconds(instrument: InstrumentView) -> float | None:
    if instrument.mark_price is None:
        return None
    return instrument.mark_price_ns / _NANOSECONDS


def _mark_index_deviation(instrument: InstrumentView) -> float | None:
    if instrument.mark_price is None or not instrument.index_price:
        return None
    return instrument.mark_price / instrument.index_price - 1


def _open_interest_contracts(view: RiskView) -> Iterator[Child]:
    for instrument in view.instruments_by_size():
        yield (instrument.instrument, "long"), instrument.open_interest_long_contracts
        yield (instrument.instrument, "short"), instrument.open_interest_short_contracts


def _crowded(value: Callable[[BookSideView], float | None]) -> Reader:
    """Read both sides of the instruments with the largest open interest, of the last image."""

    def read(view: RiskView) -> Iterator[Child]:
        if view.book is None:
            return
        of = {each.instrument: each for each in view.book.instruments}
        for instrument in view.instruments_by_size():
            found = of.get(instrument.instrument)
            for side, sums in (("long", found.long), ("short", found.short)) if found else ():
                number = value(sums)
                if number is not None:
                    yield (instrument.instrument, side), number

    return read


def _concentrations(value: Callable[[ConcentrationView], float]) -> Reader:
    def read(view: RiskView) -> Iterator[Child]:
        for instrument in view.instruments_by_size():
            yield (instrument.instrument, "long"), value(instrument.concentration_long)
            yield (instrument.instrument, "short"), value(instrument.concentration_short)

    return read


def _of_book(value: Callable[[BookSums], dict[str, float]]) -> Reader:
    return lambda view: () if view.book is None else _by_label(value(view.book))


def _of_ladders(read: Callable[[Ladders], Iterable[Child]]) -> Reader:
    return lambda view: () if view.ladders is None else read(view.ladders)


def _seconds(time_ns: int) -> Iterable[Child]:
    return _single(time_ns / _NANOSECONDS)


def _distance_notionals(view: RiskView) -> Iterator[Child]:
    """Yield the notional of each side by bucket of distance, over all known instruments."""
    if view.book is None:
        return
    labels = distance_labels(view.book)
    for side in ("long", "short"):
        sums = [getattr(each, side).notional_by_distance_usd for each in view.book.instruments]
        for number, label in enumerate(labels):
            yield (side, label), math.fsum(one[number] or 0.0 for one in sums)


def distance_labels(book: BookSums) -> list[str]:
    """Return the name of each bucket of distance: where it begins, then those without one."""
    return [*(f"{edge:g}" for edge in book.distance_edges[:-1]), "liquidatable", "unknown"]


def _margin_ratio_max(view: RiskView) -> Iterator[Child]:
    scores = [account.risk_score for account in view.worst]
    yield from _single(max((score for score in scores if score is not None), default=0.0))


def _breaker_state(view: RiskView) -> Iterator[Child]:
    for breaker in view.breakers_by_urgency():
        for state in BREAKER_STATES:
            yield (breaker.breaker, breaker.scope, state), float(breaker.state == state)


def _breaker_scopes(view: RiskView) -> Iterator[Child]:
    counts: dict[str, dict[str, int]] = {}
    for breaker in view.breakers:
        states = counts.setdefault(breaker.breaker, dict.fromkeys(BREAKER_STATES, 0))
        states[breaker.state] += 1
    for name, states in sorted(counts.items()):
        for state, count in states.items():
            yield (name, state), count


def _breaker_limit_used(view: RiskView) -> Iterator[Child]:
    seen = set()
    for breaker in view.breakers_by_urgency():
        used = breaker.limit_used_ratio
        if breaker.state == "armed" and used is not None and breaker.breaker not in seen:
            seen.add(breaker.breaker)
            yield (breaker.breaker, breaker.scope), used


def _breakers_not_followed(view: RiskView) -> Iterator[Child]:
    late = [one.action for one in view.breakers if one.following == "not_followed"]
    for action in FOLLOWED_ACTIONS:
        yield (action,), float(late.count(action))


def _breakers_degraded(view: RiskView) -> Iterable[Child]:
    return _single(sum(one.silent_since_ns is not None for one in view.breakers))


def _breaker_extended(view: RiskView) -> Iterator[Child]:
    for breaker in view.breakers_by_urgency():
        if breaker.state != "armed":
            yield (breaker.breaker, breaker.scope), breaker.extended


def _oracle_values(value: Callable[[OracleView], float | None]) -> Reader:
    def read(view: RiskView) -> Iterator[Child]:
        for oracle in view.oracles:
            number = value(oracle)
            if number is not None:
                yield (oracle.index, oracle.oracle), number

    return read


def _fund_values(value: Callable[[FundView], float | None]) -> Reader:
    def read(view: RiskView) -> Iterator[Child]:
        for fund in view.funds:
            number = value(fund)
            if number is not None:
                yield (fund.fund,), number

    return read


def _fund_totals(value: Callable[[FundView], float]) -> Reader:
    """Return the reader of a total, of the funds that somebody has told or asked."""

    def read(view: RiskView) -> Iterator[Child]:
        for fund in view.funds:
            if fund.balance is not None:
                yield (fund.fund, fund.asset), value(fund)

    return read


def _pool_values(value: Callable[[PoolView], float]) -> Reader:
    def read(view: RiskView) -> Iterator[Child]:
        for pool in sorted(view.pools, key=lambda one: (-one.gated, -float(one.haircut_usd))):
            yield (pool.pool,), value(pool)

    return read


READERS: dict[str, Reader] = {
    "loss_monitor_withdrawals_gated": _pool_values(lambda pool: float(pool.gated)),
    "loss_monitor_haircut_looming_usd": _pool_values(lambda pool: float(pool.haircut_usd)),
    "loss_monitor_withdrawal_race_shifted_usd": _pool_values(lambda pool: float(pool.shifted_usd)),
    "loss_monitor_withdrawal_race_exposed_usd": _pool_values(lambda pool: float(pool.exposed_usd)),
    **LIQUIDATION_READERS,
    "loss_monitor_insurance_fund_balance_usd": _fund_values(lambda fund: fund.balance_usd),
    "loss_monitor_insurance_fund_drawn_total": _fund_totals(lambda fund: fund.drawn),
    "loss_monitor_insurance_fund_credited_total": _fund_totals(lambda fund: fund.credited),
    "loss_monitor_insurance_fund_uncovered_total": _fund_totals(lambda fund: fund.uncovered),
    "loss_monitor_shortfall_usd": _fund_values(lambda fund: fund.shortfall_usd),
    "loss_monitor_socialized_loss_usd": _fund_values(lambda fund: fund.socialized_loss_usd),
    "loss_monitor_liquidation_inventory_loss_usd": _fund_values(
        lambda fund: fund.inventory_loss_usd
    ),
    "loss_monitor_liquidation_inventory_gain_usd": _fund_values(
        lambda fund: fund.inventory_gain_usd
    ),
    "loss_monitor_liquidation_inventory_notional_usd": _fund_values(
        lambda fund: fund.inventory_notional_usd
    ),
    "loss_monitor_accounts": lambda view: _by_label(view.accounts),
    "loss_monitor_suspect_accounts": lambda view: _single(view.suspect_accounts),
    "loss_monitor_liquidating_accounts": lambda view: _single(view.liquidating_accounts),
    "loss_monitor_liquidations_overdue": lambda view: _single(view.liquidations_overdue),
    "loss_monitor_margin_shortfall_usd": lambda view: _single(view.margin_shortfall_usd),
    "loss_monitor_margin_ratio_max": _margin_ratio_max,
    "loss_monitor_ledger_forgotten_total": lambda view: _by_label(view.ledgers_forgotten),
    "loss_monitor_audit_sums_off": lambda view: _by_label(view.audit_sums_off),
    "loss_monitor_equity_usd": lambda view: _by_label(view.equity_usd),
    "loss_monitor_deficit_usd": lambda view: _single(view.deficit_usd),
    "loss_monitor_maintenance_margin_usd": _of_book(lambda book: book.maintenance_margin_usd),
    "loss_monitor_unrealized_gains_usd": _crowded(lambda side: side.gains_usd),
    "loss_monitor_unrealized_losses_usd": _crowded(lambda side: side.losses_usd),
    "loss_monitor_free_margin_usd": _crowded(lambda side: side.free_margin_usd),
    "loss_monitor_liquidation_distance_notional_usd": _distance_notionals,
    "loss_monitor_book_timestamp_seconds": lambda view: _single(
        None if view.book is None else view.book.as_of_ns / _NANOSECONDS
    ),
    "loss_monitor_ladder_timestamp_seconds": _of_ladders(
        lambda ladders: _seconds(ladders.as_of_ns)
    ),
    "loss_monitor_ladder_refresh_timestamp_seconds": _of_ladders(
        lambda ladders: _seconds(ladders.refreshed_ns)
    ),
    "loss_monitor_ladder_units": _of_ladders(lambda ladders: _by_label(asdict(ladders.units))),
    "loss_monitor_open_interest_largest_ratio": _concentrations(lambda one: one.largest_share),
    "loss_monitor_open_interest_herfindahl_ratio": _concentrations(lambda one: one.herfindahl),
    "loss_monitor_mark_price": _instrument_values(lambda one: one.mark_price),
    "loss_monitor_mark_price_timestamp_seconds": _instrument_values(_mark_price_seconds),
    "loss_monitor_mark_index_deviation_ratio": _instrument_values(_mark_index_deviation),
    "loss_monitor_open_interest_usd": _instrument_values(lambda one: one.open_interest_usd),
    "loss_monitor_open_interest_contracts": _open_interest_contracts,
    "loss_monitor_oracle_deviation_ratio": _oracle_values(lambda one: one.deviation_ratio),
    "loss_monitor_oracle_published_timestamp_seconds": _oracle_values(
        lambda one: one.published_ns / _NANOSECONDS
    ),
    "loss_monitor_breaker_state": _breaker_state,
    "loss_monitor_breaker_scopes": _breaker_scopes,
    "loss_monitor_breaker_limit_used_ratio": _breaker_limit_used,
    "loss_monitor_breaker_extended": _breaker_extended,
    "loss_monitor_breakers_not_followed": _breakers_not_followed,
    "loss_monitor_breakers_degraded": _breakers_degraded,
    "loss_monitor_engine_timestamp_seconds": lambda view: _single(view.engine_ns / _NANOSECONDS),
    "loss_monitor_events_total": lambda view: _by_label(view.events_applied),
    "loss_monitor_events_ignored_total": lambda view: _by_label(view.events_ignored),
    "loss_monitor_exact_verdicts_total": lambda view: _single(view.exact_verdicts),
    "loss_monitor_decisions_total": lambda view: _by_label(view.decisions),
    "loss_monitor_feed_lost": lambda view: (
        ((feed.feed,), float(feed.lost)) for feed in view.feeds
    ),
    **ORACLE_READERS,
    **SHADOW_READERS,
    **FUNDING_READERS,
    **DISTANCE_READERS,
    **LOSS_AT_RISK_READERS,
}
