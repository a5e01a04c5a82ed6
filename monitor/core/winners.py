"""Who stands on the other side of a shortfall: candidates for deleveraging, and gains.

Candidates are positions of traders whose margin unit is healthy or margin called; vaults, funds
and all accounts of the liquidated one's owner are none. Gains are those of everybody else: to an
owner's other accounts a socialized loss goes too.
"""

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from monitor.core.accounts import AccountEngine
from monitor.core.contracts import notional
from monitor.core.decisions import Side
from monitor.core.deleveraging.live import CandidateSet, round_of
from monitor.core.deleveraging.policy import Policy, Rough, by_score
from monitor.core.deleveraging.round import Round, Winner
from monitor.core.instruments import Instrument
from monitor.core.ledger import Position, entry_price, position_quantity
from monitor.core.margin.book import MarginUnit
from monitor.core.margin.exact import position_pnl, unit_equity
from monitor.core.margin.totals import unit_totals
from monitor.core.market import Market

# Floats preselect; this much beyond the float cut is still ranked exactly.
_PRESELECTION_MARGIN = 1e-6


def eligible(
    engine: AccountEngine, instrument: str, side: Side, *, without: str | None = None
) -> Iterator[tuple[MarginUnit, Position]]:
    """Yield the positions of a side that may be deleveraged, with their margin units.

    `without`: an owner none of whose accounts is asked; nobody closes against himself.
    """
    for account, position in engine.ledger.positions_in(instrument):
        if (position.size > 0) != (side == "long") or account.owner == without:
            continue
        unit = engine.unit_of(account, position.key)
        if account.is_trader and unit.state in ("healthy", "margin_call"):
            yield unit, position


def winner_of(
    engine: AccountEngine, unit: MarginUnit, position: Position, policy: Policy
) -> Winner | None:
    """Return a position as the exact candidate of a policy, None when a price is missing.

    (The state of an account with an open change may be older than the prices: an equity below 0
    counts as 0.)
    """
    instrument = position.instrument
    equity = unit_equity(unit, engine.market)
    if equity is None or instrument.name not in engine.market.marks:
        return None
    size = abs(instrument.contracts(position.size)) / instrument.lot_size
    lots = size.numerator // size.denominator
    needs = policy.needs
    return Winner(
        account=unit.account.name,
        leg=position.leg,
        lots=lots,
        odd_lots=size - lots,
        isolated=unit.key is not None,
        entry_price=entry_price(position) if "entry_price" in needs else None,
        equity=max(Fraction(0), equity),
        wallet_balance=_wallet(engine.market, unit, equity) if "wallet_balance" in needs else None,
        maintenance_margin=_maintenance(engine, unit) if "maintenance_margin" in needs else None,
        other_exposure=(
            other_exposure(engine.market, unit, position)
            if "other_exposure" in needs
            else Fraction(0)
        ),
    )


def _wallet(market: Market, unit: MarginUnit, equity: Fraction) -> Fraction:
    """Return a unit's equity without the unrealized pnl of its positions."""
    wallet = equity
    for position in unit.positions():
        value = market.exact_value(position.instrument.settlement)
        pnl = position_pnl(position, market)
        assert value is not None  # the equity is known
        assert pnl is not None
        wallet -= pnl * value
    return wallet


def _maintenance(engine: AccountEngine, unit: MarginUnit) -> Fraction:
    totals = unit_totals(unit, engine.market, engine.rules)
    assert totals is not None  # the equity is known
    return totals.maintenance_margin


def other_exposure(market: Market, unit: MarginUnit, position: Position) -> Fraction:
    """Return the notional (> 0 long) that a unit holds in other positions on the same index."""
    return sum(_exposures(market, unit, position), Fraction(0))


def _exposures(market: Market, unit: MarginUnit, position: Position) -> Iterator[Fraction]:
    for other in unit.positions():
        listed = other.instrument
        if other.key == position.key or not _is_of_one_factor(listed, position.instrument):
            continue
        quote, value = market.marks.get(listed.name), market.exact_value(listed.settlement)
        assert quote is not None  # the equity is known
        assert value is not None
        worth = notional(listed.kind, position_quantity(other), quote.exact) * value
        yield worth if other.size > 0 else -worth


def _is_of_one_factor(one: Instrument, other: Instrument) -> bool:
    return one is other or (one.index is not None and one.index == other.index)


def all_candidates(
    engine: AccountEngine,
    instrument: str,
    side: Side,
    policy: Policy,
    *,
    without: str | None = None,
) -> list[Winner]:
    """Return every candidate of a side, exactly."""
    return [
        found
        for unit, position in eligible(engine, instrument, side, without=without)
        if (found := winner_of(engine, unit, position, policy)) is not None
    ]


class _Scored(NamedTuple):
    """A candidate's score in floats; not `certain` when it is not good to the margin."""

    score: float
    certain: bool
    unit: MarginUnit
    position: Position


def foremost_candidates(  # noqa: PLR0913 (keywords after the side)
    engine: AccountEngine,
    instrument: str,
    side: Side,
    *,
    without: str,
    contracts: Fraction,
    policy: Policy,
) -> CandidateSet:
    """Return the candidates that a policy would reach for so many contracts.

    Of a policy that takes whole positions floats sort all of them; the exact ranking is only done
    for those up to the cut, and for those whose float score cannot be trusted.
    """
    if not policy.takes_whole:
        found = all_candidates(engine, instrument, side, policy, without=without)
        return CandidateSet(found, len(found))
    scored = _scored(engine, instrument, side, policy, without=without)
    scored.sort(key=lambda entry: -entry.score)
    lot = engine.market.instruments[instrument].lot_size
    foremost: list[Winner] = []
    covered = Fraction(0)
    cut: float | None = None
    for entry in scored:
        if entry.certain and cut is not None and entry.score < cut:
            continue
        exact = winner_of(engine, entry.unit, entry.position, policy)
        assert exact is not None
        foremost.append(exact)
        if not entry.certain:
            continue
        covered += exact.lots * lot
        if cut is None and covered >= contracts:
            cut = entry.score - _margin(entry.score)
    return CandidateSet(foremost, len(scored))


def _margin(score: float) -> float:
    return _PRESELECTION_MARGIN * max(1.0, abs(score))


def ranked(policy: Policy, round_: Round) -> list[Winner]:
    """Return the winners of a round in the order in which they would be deleveraged."""
    ranking = policy.ranking
    if ranking is None:
        return []
    return [
        winner for winner, _ in by_score(round_.winners, lambda one: ranking.score(round_, one))
    ]


class Standing(NamedTuple):
    """Where a position stands in the queue of its side: `rank` 1 goes first."""

    rank: int
    total: int


def standing(
    engines: list[AccountEngine], account: str, position: Position, policy: Policy
) -> Standing | None:
    """Return a position's exact standing among all candidates, None if it is no candidate.

    Floats say who is surely before or behind it; the others are ranked exactly.
    """
    if not position.size or policy.ranking is None:
        return None
    instrument = position.instrument.name
    side: Side = "long" if position.size > 0 else "short"
    scored = [
        (engine, entry) for engine in engines for entry in _scored(engine, instrument, side, policy)
    ]
    own = next((entry for _, entry in scored if entry.position == position), None)
    if own is None:
        return None
    margin = _margin(own.score)
    near = []
    before = 0
    for engine, entry in scored:
        if own.certain and entry.certain and abs(entry.score - own.score) > margin:
            before += entry.score > own.score
        else:
            near.append((engine, entry))
    if len(near) == 1:  # itself
        return Standing(before + 1, len(scored))
    winners = [winner_of(engine, entry.unit, entry.position, policy) for engine, entry in near]
    market = engines[0].market
    round_ = round_of(market, instrument, side, [each for each in winners if each is not None])
    place = next(
        place
        for place, winner in enumerate(ranked(policy, round_), start=1)
        if (winner.account, winner.leg) == (account, position.leg)
    )
    return Standing(before + place, len(scored))


def scored_accounts(
    engine: AccountEngine, instrument: str, side: Side, policy: Policy
) -> list[tuple[float, str]]:
    """Return (score in floats, account) of every candidate of a side: for display."""
    return [
        (entry.score, entry.unit.account.name)
        for entry in _scored(engine, instrument, side, policy)
    ]


def _scored(
    engine: AccountEngine,
    instrument: str,
    side: Side,
    policy: Policy,
    *,
    without: str | None = None,
) -> list[_Scored]:
    """Return every candidate of a side with its score in floats; those without a price are none."""
    ranking = policy.ranking
    if ranking is None:
        return []
    found = []
    chosen = list(eligible(engine, instrument, side, without=without))
    measures = engine.thresholds.measures([unit for unit, _ in chosen]).tolist()
    for (unit, position), (equity, maintenance, gross) in zip(chosen, measures, strict=True):
        value = engine.market.value(position.instrument.settlement)
        if math.isnan(gross) or value is None:
            continue
        rough = _rough(engine.market, unit, position, policy, (equity, maintenance, gross))
        certain = all(rough.is_sure(basis) for basis in ranking.rests_on)
        score = ranking.estimate(rough)
        found.append(_Scored(0.0 if math.isnan(score) else score, certain, unit, position))
    return found


def _rough(
    market: Market,
    unit: MarginUnit,
    position: Position,
    policy: Policy,
    measured: tuple[float, float, float],
) -> Rough:
    """Return a candidate in floats; what the policy does not need is 0."""
    equity, maintenance, gross = measured
    listed = position.instrument
    value = market.value(listed.settlement)
    assert value is not None
    entry_value = notional(listed.kind, position.quantity, position.entry)
    worth = notional(listed.kind, position.quantity, market.marks[listed.name].number)
    growth = 1.0 - worth / entry_value if listed.inverse else worth / entry_value - 1.0
    pnl_ratio = growth if position.size > 0 else -growth
    is_like_worth = listed.inverse != (position.size > 0)  # linear long, inverse short
    others = (
        [float(one) for one in _exposures(market, unit, position)]
        if "other_exposure" in policy.needs
        else []
    )
    return Rough(
        direction=1 if position.size > 0 else -1,
        lots=float(abs(listed.contracts(position.size)) / listed.lot_size),
        worth=worth * value,
        gain=pnl_ratio * entry_value * value,
        pnl_ratio=pnl_ratio,
        price_ratio=worth / entry_value if is_like_worth else entry_value / worth,
        equity=equity,
        # Floats do not bound a fee on the bankruptcy price of an inverse contract.
        maintenance=math.nan if _has_unbounded_fee(unit) else maintenance,
        gross=gross,
        wallet=_rough_wallet(market, unit, equity) if "wallet_balance" in policy.needs else 0.0,
        other=sum(others),
        other_gross=sum(abs(one) for one in others),
    )


def _has_unbounded_fee(unit: MarginUnit) -> bool:
    return any(
        one.instrument.inverse and one.instrument.fee_at_bankruptcy for one in unit.positions()
    )


def _rough_wallet(market: Market, unit: MarginUnit, equity: float) -> float:
    """Return a unit's wallet in floats, not a number where one is missing."""
    wallet = equity
    for position in unit.positions():
        value, pnl = market.value(position.instrument.settlement), position_pnl(position, market)
        if value is None or pnl is None:
            return math.nan
        wallet -= float(pnl) * value
    return wallet


def unrealized_gains(
    engine: AccountEngine, instrument: str, *, without: str
) -> dict[str, Fraction]:
    """Return each trader's unrealized gain (> 0) in an instrument, in its settlement currency."""
    gains: dict[str, Fraction] = {}
    for account, position in engine.ledger.positions_in(instrument):
        if account.name == without or not account.is_trader:
            continue
        pnl = position_pnl(position, engine.market)
        if pnl is None or engine.unit_of(account, position.key).state == "unknown":
            continue
        if pnl > 0:
            gains[account.name] = gains.get(account.name, Fraction(0)) + pnl
    return gains
