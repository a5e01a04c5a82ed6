"""Who stands on the other side of a shortfall: candidates for deleveraging, and gains.

Candidates are positions of traders whose margin unit is healthy or margin called; vaults, funds
and the liquidated account itself are none.
"""

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from monitor.core.accounts import AccountEngine
from monitor.core.contracts import notional
from monitor.core.decisions import Side
from monitor.core.deleveraging.policy import Candidate, CandidateSet, Policy
from monitor.core.ledger import Position, entry_price
from monitor.core.margin.book import MarginUnit
from monitor.core.margin.exact import position_amounts, position_pnl, unit_equity

# Floats preselect; this much beyond the float cut is still ranked exactly.
_PRESELECTION_MARGIN = 1e-6
# Below this share of the magnitudes it is a difference of, an equity's float is not good to that;
# below this leverage, a loss divided by it is not.
_EQUITY_SHARE_MIN = 1e-5
_LEVERAGE_MIN = 1e-7


def eligible(
    engine: AccountEngine, instrument: str, side: Side, *, without: str | None = None
) -> Iterator[tuple[MarginUnit, Position]]:
    """Yield the positions of a side that may be deleveraged, with their margin units."""
    for account, position in engine.ledger.positions_in(instrument):
        if (position.size > 0) != (side == "long") or account.name == without:
            continue
        unit = engine.unit_of(account, position.key)
        if account.is_trader and unit.state in ("healthy", "margin_call"):
            yield unit, position


def candidate(engine: AccountEngine, unit: MarginUnit, position: Position) -> Candidate | None:
    """Return the exact candidate for a position, None when a price is missing.

    (The state of an account with an open change may be older than the prices.)
    """
    amounts = position_amounts(position, engine.market)
    equity = unit_equity(unit, engine.market)
    if amounts is None or equity is None:
        return None
    instrument = position.instrument
    entry_value = notional(instrument.kind, amounts.quantity, entry_price(position))
    return Candidate(
        account=unit.account.name,
        leg=position.leg,
        contracts=abs(instrument.contracts(position.size)),
        pnl_ratio=amounts.unrealized_pnl / entry_value,
        leverage=amounts.notional * amounts.value / equity if equity else None,
    )


def all_candidates(engine: AccountEngine, instrument: str, side: Side) -> list[Candidate]:
    """Return every candidate of a side, exactly."""
    return [
        found
        for unit, position in eligible(engine, instrument, side)
        if (found := candidate(engine, unit, position)) is not None
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

    Floats sort all of them; the exact ranking is only done for those up to the cut, and for
    those whose float score cannot be trusted.
    """
    scored = _scored(engine, instrument, side, policy, without=without)
    scored.sort(key=lambda entry: -entry.score)
    foremost: list[Candidate] = []
    covered = Fraction(0)
    cut: float | None = None
    for entry in scored:
        if entry.certain and cut is not None and entry.score < cut:
            continue
        exact = candidate(engine, entry.unit, entry.position)
        assert exact is not None
        foremost.append(exact)
        if not entry.certain:
            continue
        covered += exact.contracts
        if cut is None and covered >= contracts:
            cut = entry.score - _margin(entry.score)
    return CandidateSet(foremost, len(scored))


def _margin(score: float) -> float:
    return _PRESELECTION_MARGIN * max(1.0, abs(score))


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
    if not position.size:
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
    candidates = [candidate(engine, entry.unit, entry.position) for engine, entry in near]
    ranked = policy.rank([each for each in candidates if each is not None])
    place = next(
        place.rank
        for place in ranked
        if (place.candidate.account, place.candidate.leg) == (account, position.leg)
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
    market = engine.market
    found = []
    chosen = list(eligible(engine, instrument, side, without=without))
    measures = engine.thresholds.measures([unit for unit, _ in chosen]).tolist()
    for (unit, position), (equity, _, gross) in zip(chosen, measures, strict=True):
        listed = position.instrument
        value = market.value(listed.settlement)
        if math.isnan(gross) or value is None:
            continue
        mark = market.marks[instrument].number
        entry_value = notional(listed.kind, position.quantity, position.entry)
        worth = notional(listed.kind, position.quantity, mark)
        growth = 1.0 - worth / entry_value if listed.inverse else worth / entry_value - 1.0
        pnl_ratio = growth if position.size > 0 else -growth
        leverage = worth * value / equity if equity else 1e300
        certain = abs(equity) > _EQUITY_SHARE_MIN * gross and abs(leverage) > _LEVERAGE_MIN
        found.append(_Scored(policy.float_score(pnl_ratio, leverage), certain, unit, position))
    return found


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
