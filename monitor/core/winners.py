"""Who stands on the other side of a shortfall: candidates for deleveraging, and gains.

Candidates are positions of traders whose margin unit is healthy or margin called; vaults, funds
and all accounts of the liquidated one's owner are none. Gains are those of everybody else: to an
owner's other accounts a socialized loss goes too.
"""

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitor.core.accounts import AccountEngine
from monitor.core.candidates import Scored, eligible, scored
from monitor.core.contracts import notional
from monitor.core.decisions import Side
from monitor.core.deleveraging.live import CandidateSet, round_of
from monitor.core.deleveraging.policy import Floats, Policy, by_score
from monitor.core.deleveraging.round import Round, Winner
from monitor.core.ledger import Position, entry_price, position_quantity
from monitor.core.margin.book import MarginUnit
from monitor.core.margin.exact import position_pnl, unit_equity
from monitor.core.margin.totals import unit_totals
from monitor.core.market import Market

# Floats preselect; this much beyond the float cut is still ranked exactly.
_PRESELECTION_MARGIN = 1e-6
_SURELY = 1 - 1e-9  # of a number of lots in floats


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
        if other.key == position.key or not listed.moves_with(position.instrument):
            continue
        quote, value = market.marks.get(listed.name), market.exact_value(listed.settlement)
        assert quote is not None  # the equity is known
        assert value is not None
        worth = notional(listed.kind, position_quantity(other), quote.exact) * value
        yield worth if other.size > 0 else -worth


def all_candidates(
    engine: AccountEngine,
    instrument: str,
    side: Side,
    policy: Policy,
    *,
    without: str | None = None,
) -> list[Winner]:
    """Return every candidate of a side, exactly."""
    rows, units, _ = eligible(engine, instrument, side, without=without)
    store, look = engine.ledger.store, engine.margin_units.look
    return [
        found
        for row, unit in zip(rows.tolist(), units.tolist(), strict=True)
        if (found := winner_of(engine, look(unit), Position(store, row), policy)) is not None
    ]


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
    side_scored = scored(engine, instrument, side, policy, without=without)
    lot = engine.market.instruments[instrument].lot_size
    is_foremost = ~side_scored.certain | (side_scored.scores >= _cut(side_scored, contracts / lot))
    places = np.flatnonzero(is_foremost).tolist()
    exact = [winner_of(engine, *side_scored.look(place), policy) for place in places]
    return CandidateSet([one for one in exact if one is not None], len(side_scored.scores))


def _cut(side_scored: Scored, lots: Fraction) -> float:
    """Return a score so low that those surely above it have so many lots, -inf if all have not."""
    certain = side_scored.certain
    scores = side_scored.scores[certain]
    order = np.argsort(-scores)
    covered = np.cumsum(np.floor(side_scored.lots[certain][order] * _SURELY)) * _SURELY
    last = int(np.searchsorted(covered, float(lots) / _SURELY))
    if last == len(order):
        return -math.inf
    score = float(scores[order[last]])
    return score - _margin(score)


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
    sides = [scored(engine, instrument, side, policy) for engine in engines]
    total = sum(len(each.scores) for each in sides)
    own = next(((each, place) for each in sides for place in each.places_of(position)), None)
    if own is None:
        return None
    score, is_certain = float(own[0].scores[own[1]]), bool(own[0].certain[own[1]])
    before, winners = 0, []
    for each in sides:
        is_apart = each.certain & (np.abs(each.scores - score) > _margin(score)) & is_certain
        before += int(np.count_nonzero(is_apart & (each.scores > score)))
        near = np.flatnonzero(~is_apart).tolist()
        winners += [winner_of(each.engine, *each.look(place), policy) for place in near]
    if len(winners) == 1:  # itself
        return Standing(before + 1, total)
    market = engines[0].market
    round_ = round_of(market, instrument, side, [each for each in winners if each is not None])
    place = next(
        place
        for place, winner in enumerate(ranked(policy, round_), start=1)
        if (winner.account, winner.leg) == (account, position.leg)
    )
    return Standing(before + place, total)


def foremost_accounts(parts: Sequence[Scored], count: int) -> list[str]:
    """Return the first accounts of a side in the order of deleveraging, ranked in floats.

    A part comes from each shard. Equal scores stand in the order of names.
    """
    found: list[tuple[float, bytes, str]] = []
    for part in parts:
        for place in _highest(part.scores, 2 * count).tolist():  # two legs of an account
            name = part.name(place)
            found.append((-float(part.scores[place]), name.encode(), name))
    found.sort()
    return list(dict.fromkeys(name for _, _, name in found))[:count]


def _highest(scores: Floats, count: int) -> NDArray[np.int64]:
    """Return where the `count` highest scores stand, with all that equal the last of them."""
    if len(scores) <= count:
        return np.arange(len(scores))
    return np.flatnonzero(scores >= np.partition(scores, -count)[-count])


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
