"""Market facts: what each one changes, and which accounts and breakers must look again."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from monitor.core import events
from monitor.core.amounts import to_fraction
from monitor.core.audit import Audit
from monitor.core.decisions import Decision
from monitor.core.instruments import Instrument
from monitor.core.ledger.relisting import BUCKETS, stride_for
from monitor.core.market import FIT, Market, Quote, Unfit
from monitor.core.oracles.rules import EXCHANGE
from monitor.core.refusals import RefusedError
from monitor.core.settings import EngineSettings
from monitor.core.shards import Shards
from monitor.core.venue import VenueEngine

NAMES_MAX = 10_000  # of funds
SCOPES_NAMED_MAX = 10  # in a refusal
Handler = Callable[[Any, int], list[Decision]]


class MarketFacts:
    """Takes market events on behalf of the engine; `handlers` says which."""

    def __init__(self, market: Market, shards: Shards, venue: VenueEngine, audit: Audit) -> None:
        """Change a market, and tell the accounts' and the venue's half, and the audit."""
        self.audit = audit
        self.market = market
        self.shards = shards
        self.venue = venue
        self.handlers: dict[type[events.Event], Handler] = {
            events.InstrumentListed: self._list_instrument,
            events.InstrumentDelisted: self._delist_instrument,
            events.CollateralListed: self._list_collateral,
            events.MarkPriceChanged: self._change_mark,
            events.MarkPricesChanged: self._change_marks,
            events.IndexPriceChanged: self._change_index,
            events.OracleReported: self._note_oracle,
            events.TradingStatusChanged: self._note_status,
            events.FundingRateChanged: self._note_funding_rate,
            events.FundingPaid: self._pay_funding,
            events.InsuranceFundChanged: self._change_fund,
            events.TradePrinted: self._print_trade,
            events.DepthChanged: self._see_depth,
            events.BreakerReset: self._reset_breaker,
            events.AuditPoint: self._judge_sums,
            # Known, and not used yet: docs/events.md says so.
            events.ForecastFinished: _ignore,
            events.ClockTicked: _ignore,
        }

    def _list_instrument(self, event: events.InstrumentListed, now_ns: int) -> list[Decision]:
        before = self.market.instruments.get(event.instrument)
        size_unit = event.size_unit or event.lot_size
        if before is not None and before.size_unit.value != to_fraction(size_unit):
            raise RefusedError(
                "unit_is_fixed",
                f"{event.instrument}: expected size unit {before.size_unit.text}, "
                f"received {size_unit}",
            )
        if before is not None and before.settlement != event.settlement_currency:
            self._need_no_positions(event, before.settlement)
        if event.fund is not None:
            self._check_fund(event.fund)
        values_change = self.market.list_instrument(event)
        self.audit.rebase([event.settlement_currency], now_ns)
        after, stride = self.market.instruments[event.instrument], BUCKETS
        if before is not None and before.values_like(after):
            stride = stride_for(self.shards.count_holders(event.instrument))
        for engine in self.shards.engines:
            engine.relist_instrument(before, after, stride)
            if values_change:
                engine.touch_all()
        return self.venue.withdrawals.pool_listed(event.settlement_currency, now_ns)

    def _need_no_positions(self, event: events.InstrumentListed, settlement: str) -> None:
        if any(engine.has_amounts_in(event.instrument) for engine in self.shards.engines):
            raise RefusedError(
                "unit_is_fixed",
                f"{event.instrument}: expected settlement currency {settlement} while there are "
                f"positions, received {event.settlement_currency}",
            )

    def _delist_instrument(self, event: events.InstrumentDelisted, now_ns: int) -> list[Decision]:
        if event.instrument not in self.market.instruments:
            return []
        settlement = self.market.instruments[event.instrument].settlement
        self.audit.forget_instrument(event.instrument, settlement, now_ns)
        for engine in self.shards.engines:
            engine.drop_instrument(event.instrument)
            engine.ledger.take_moves()
        self.venue.board.forget(event.instrument)
        if self.market.delist_instrument(event.instrument):
            for engine in self.shards.engines:
                engine.touch_all()
        return []

    def _list_collateral(self, event: events.CollateralListed, _: int) -> list[Decision]:
        fixed = self.market.unit(event.asset)
        if fixed.value != to_fraction(event.minor_unit) and self._is_used(event.asset):
            raise RefusedError(
                "unit_is_fixed",
                f"{event.asset}: expected minor unit {fixed.text}, received {event.minor_unit}",
            )
        self.market.list_collateral(event)
        for engine in self.shards.engines:
            engine.touch_all()
        return []

    def _is_used(self, asset: str) -> bool:
        """Return whether any amount of the asset is kept: its unit is fixed then."""
        return self.venue.uses_asset(asset) or any(
            engine.uses_asset(asset) for engine in self.shards.engines
        )

    def _change_mark(self, event: events.MarkPriceChanged, now_ns: int) -> list[Decision]:
        self._set_marks({event.instrument: event.price}, event.event_ns)
        return self.venue.board.mark_changed(event, now_ns)

    def _change_marks(self, event: events.MarkPricesChanged, now_ns: int) -> list[Decision]:
        """Apply the marks of all listed instruments at once; the engine holds back the rest."""
        marks = [mark for mark in single_marks(event) if mark.instrument in self.market.instruments]
        self._set_marks({mark.instrument: mark.price for mark in marks}, event.event_ns)
        return [
            decision for mark in marks for decision in self.venue.board.mark_changed(mark, now_ns)
        ]

    def _set_marks(self, prices: Mapping[str, str], event_ns: int) -> None:
        marks = self.market.marks
        for name, price in prices.items():
            marks[name] = Quote(price, event_ns)
        for engine in self.shards.engines:
            engine.prices_moved(prices, ())

    def _change_index(self, event: events.IndexPriceChanged, now_ns: int) -> list[Decision]:
        decisions = self.venue.oracles.index_changed(event, now_ns)
        self._value_by(event.index)
        if event.source != EXCHANGE:
            return decisions + self._compare(event, now_ns)
        board = self.venue.board
        return decisions + board.index_changed(event.price, self._with(event.index), now_ns)

    def _note_oracle(self, event: events.OracleReported, now_ns: int) -> list[Decision]:
        decisions = self.venue.oracles.reported(event, now_ns)
        self._value_by(event.index)
        return decisions + self._compare(event, now_ns)

    def _compare(
        self, report: events.OracleReported | events.IndexPriceChanged, now_ns: int
    ) -> list[Decision]:
        """Let breakers compare an outside price with the exchange's own, where both are prices."""
        own = self.market.indices.get(report.index)
        if own is None or to_fraction(report.price) <= 0:
            return []
        return self.venue.board.source_reported(report, own.exact, now_ns)

    def _with(self, index: str) -> list[str]:
        """Return the instruments of an index, where a breaker asks for them."""
        if not self.venue.board.watches_indices:
            return []
        instruments = sorted(self.market.instruments.items())
        return [name for name, instrument in instruments if instrument.index == index]

    def _value_by(self, index: str) -> None:
        """Let what an index values be worth what the index is now, or unknown if it is not fit."""
        fitness = self.venue.oracles.fitness(index)
        if fitness is None:
            return
        unfit = FIT
        if fitness.reason is not None or not fitness.margins:
            unfit = Unfit(fitness.reason, fitness.since_ns, fitness.margins)
        if self.market.change_index(index, fitness.price, fitness.published_ns, unfit):
            for engine in self.shards.engines:
                engine.prices_moved((), (index,))

    def fire_oracle(self, index: str, due_ns: int) -> list[Decision]:
        """Look at an index because time has passed: it may have become stale."""
        decisions = self.venue.oracles.fire(index, due_ns)
        self._value_by(index)
        return decisions

    def configure(self, settings: EngineSettings, now_ns: int) -> list[Decision]:
        """Take new settings of the venue's half; what indices are worth may change by them."""
        decisions = self.venue.configure(settings, now_ns)
        for index in sorted(self.venue.oracles.indices):
            self._value_by(index)
        return decisions

    def _note_status(self, event: events.TradingStatusChanged, _: int) -> list[Decision]:
        self.market.statuses[event.instrument] = event
        return []

    def _note_funding_rate(self, event: events.FundingRateChanged, now_ns: int) -> list[Decision]:
        self.market.funding_rates[event.instrument] = event
        return self.venue.board.funding_rate_changed(event, now_ns)

    def _pay_funding(self, event: events.FundingPaid, _: int) -> list[Decision]:
        for engine in self.shards.engines:
            engine.pay_funding(event)
        return []

    def _judge_sums(self, _: events.AuditPoint, now_ns: int) -> list[Decision]:
        return [*self.audit.audit_point(now_ns)]

    def _change_fund(self, event: events.InsuranceFundChanged, now_ns: int) -> list[Decision]:
        self._check_fund(event.fund)
        change = self.venue.fund_changed(event)
        if change is not None:
            self.audit.note_fund(event.fund, change)
        covered = [
            name
            for name, instrument in sorted(self.market.instruments.items())
            if instrument.fund == event.fund
        ]
        return self.venue.board.fund_changed(event, covered, now_ns)

    def _check_fund(self, name: str) -> None:
        """Refuse another fund where there are very many: reported, drawn on, or an instrument's."""
        if len(self.venue.funds) + len(self.market.instruments) < NAMES_MAX:
            return
        of_instruments = {one.fund: None for one in self.market.instruments.values() if one.fund}
        _check_room("funds", {**of_instruments, **dict.fromkeys(self.venue.funds)}, name)

    def _print_trade(self, event: events.TradePrinted, now_ns: int) -> list[Decision]:
        instrument = self.market.instruments.get(event.instrument)
        if instrument is None:
            return []
        board, tick_size = self.venue.board, instrument.definition.tick_size
        found = board.trade_printed(event, tick_size, now_ns)
        if board.watches_volume:
            contracts, price = to_fraction(event.size), to_fraction(event.price)
            worth = self.market.worth(instrument, contracts, price)
            if worth is not None:
                found += board.volume_traded(event.instrument, worth, now_ns)
        return found

    def _see_depth(self, event: events.DepthChanged, now_ns: int) -> list[Decision]:
        instrument, board = self.market.instruments.get(event.instrument), self.venue.board
        if instrument is None or not board.watches_depth:
            return []
        bids, asks = (self._levels(instrument, side) for side in (event.bids, event.asks))
        if bids is None or asks is None:
            return []
        return board.depth_changed(event.instrument, bids, asks, now_ns)

    def _levels(
        self, instrument: Instrument, told: Sequence[tuple[str, str]]
    ) -> list[tuple[Fraction, Fraction]] | None:
        """Return (price, USD) of levels with something on them; None: nothing values them."""
        found = []
        for price_text, size in told:
            price, contracts = to_fraction(price_text), to_fraction(size)
            worth = self.market.worth(instrument, contracts, price)
            if worth is None:
                return None
            if worth:
                found.append((price, worth))
        return found

    def _reset_breaker(self, event: events.BreakerReset, now_ns: int) -> list[Decision]:
        names = [settings.name for settings in self.venue.board.settings]
        if event.breaker not in names:
            raise RefusedError(
                "invalid_field",
                f"breaker_reset: expected a configured breaker ({', '.join(names) or 'none is'}), "
                f"received {event.breaker!r}",
            )
        scopes = self.venue.board.scopes_of(event.breaker)
        if event.scope is not None and event.scope not in scopes:
            seen = ", ".join(scopes[:SCOPES_NAMED_MAX]) or "none is"
            raise RefusedError(
                "invalid_field",
                f"breaker_reset: expected a scope of {event.breaker} ({seen}), "
                f"received {event.scope!r}",
            )
        return self.venue.board.reset_breaker(event, now_ns)


def single_marks(event: events.MarkPricesChanged) -> list[events.MarkPriceChanged]:
    """Return the marks of one instant as single events, by instrument."""
    return [
        events.MarkPriceChanged(event_ns=event.event_ns, instrument=name, price=price)
        for name, price in sorted(event.prices.items())
    ]


def _check_room(what: str, known: Mapping[Any, object], name: str | tuple[str, str]) -> None:
    """Refuse another name where there are very many already: names are kept for good."""
    if name not in known and len(known) >= NAMES_MAX:
        raise RefusedError("invalid_field", f"expected at most {NAMES_MAX} {what}, received {name}")


def _ignore(_: events.Event, __: int) -> list[Decision]:
    """Take knowingly what nothing uses yet."""
    return []
