"""Makes the views of oracles and indices; see `overview.py`."""

from monitor.core.market import Market
from monitor.core.oracle_view import IndexView, OracleView
from monitor.core.oracles.index_price import AGGREGATE, IndexPrice
from monitor.core.oracles.rules import EXCHANGE
from monitor.core.oracles.source import Source
from monitor.core.parts import EngineParts


def oracle_views(engine: EngineParts) -> tuple[OracleView, ...]:
    """Return every source of an index but the exchange, by name of the source, then the index."""
    market = engine.market
    marks = _marks_by_index(market)
    views = [
        _oracle(name, source, index, market, marks.get(index.name, []))
        for index in engine.venue.oracles.indices.values()
        for name, source in index.sources.items()
        if name != EXCHANGE
    ]
    return tuple(sorted(views, key=lambda view: (view.oracle, view.index)))


def index_views(engine: EngineParts) -> tuple[IndexView, ...]:
    """Return every index that anybody has reported, by name."""
    indices = engine.venue.oracles.indices
    return tuple(_index(indices[name]) for name in sorted(indices))


def _marks_by_index(market: Market) -> dict[str, list[float]]:
    marks: dict[str, list[float]] = {}
    for name, instrument in market.instruments.items():
        quote = market.marks.get(name)
        if instrument.index and quote is not None:
            marks.setdefault(instrument.index, []).append(quote.number)
    return marks


def _oracle(
    name: str, source: Source, index: IndexPrice, market: Market, marks: list[float]
) -> OracleView:
    price, verdict = float(source.report.price), source.standing.verdict
    in_force = market.indices.get(index.name)
    made = index.made
    is_part = index.rules.is_aggregate and index.rules.makes_price(name)
    is_fit = index.rules.is_fit(verdict.validity)
    return OracleView(
        oracle=name,
        index=index.name,
        price=price,
        deviation_ratio=None if in_force is None else price / in_force.number - 1,
        mark_deviation_ratio=max((price / mark - 1 for mark in marks), key=abs, default=None),
        confidence_ratio=float(source.interval) / price if price > 0 else None,
        published_ns=source.report.published_ns,
        received_ns=source.report.received_ns,
        validity=verdict.validity,
        reason=verdict.reason,
        since_ns=source.standing.since_ns,
        allowed=tuple(index.rules.allowed(verdict.validity)),
        is_live=made is not None
        and (made.live == name or (made.live == AGGREGATE and is_part and is_fit)),
        ignored=dict(source.ignored),
    )


def _index(index: IndexPrice) -> IndexView:
    made, verdict, rules = index.made, index.standing.verdict, index.rules
    price = None if made is None else float(made.text)
    return IndexView(
        index=index.name,
        price=price,
        stable_price=None if index.stable is None else index.stable.price,
        priced_by=rules.index.price,
        live=None if made is None else made.live,
        validity=verdict.validity,
        reason=verdict.reason,
        since_ns=index.standing.since_ns,
        allowed=tuple(rules.allowed(verdict.validity)),
        fit_sources=0 if made is None else made.fit,
        quorum=rules.limits.quorum if rules.is_aggregate else 1,
        confidence_ratio=None if made is None or not price else float(made.interval) / price,
        published_ns=0 if made is None else made.published_ns,
    )
