"""Who is deleveraged, the slow and obvious way: lot by lot, in exact fractions."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

from tests.reference import naive_equity, naive_margin
from tests.reference.naive_world import Account, Position, World

ZERO = Fraction(0)
QUEUES = ("queue-bitmex", "queue-binance", "queue-hyperliquid")
POLICIES = (*QUEUES, "pro-rata-contracts", "minimax-leverage")


@dataclass
class Candidate:
    """A position on the side that would be deleveraged; money in the valuation currency."""

    account: str
    position: Position
    lots: Fraction  # all that it holds, whole or not
    gain: Fraction
    entry_value: Fraction
    notional: Fraction
    price_ratio: Fraction  # mark / entry, for shorts entry / mark
    equity: Fraction
    wallet: Fraction
    maintenance: Fraction
    score: Fraction | None = None  # None: infinite, goes first

    @property
    def leverage(self) -> Fraction | None:
        """Return notional / equity, None for infinite."""
        return self.notional / self.equity if self.equity > 0 else None

    @property
    def payer(self) -> tuple[str, str | None]:
        """Return whose equity it is: isolated positions have their own."""
        return (self.account, self.position.leg if self.position.isolated else None)


def queue(world: World, instrument: str, side: str, *, without: str = "") -> list[Candidate]:
    """Return the candidates of one side in the order of the configured policy."""
    sign = 1 if side == "long" else -1
    bankrupt = world.accounts.get(without)
    owner = without if bankrupt is None else bankrupt.owner
    found = [
        candidate(world, account, position)
        for account in world.accounts.values()
        if account.role in {"client", "market_maker"} and account.owner != owner
        for position in account.positions.values()
        if position.instrument == instrument and position.size * sign > 0
        if account.units[account.unit_key(instrument, position.leg)].state
        in {"healthy", "margin_call"}
        # a unit with an open change keeps its state when a price goes missing
        if naive_margin.figures(world, account, account.unit_key(instrument, position.leg))
        is not None
    ]
    for one in found:
        one.score = SCORES[world.settings.deleveraging.policy](one)
    return sorted(
        found,
        key=lambda one: (
            one.score is not None,
            -(one.score or ZERO),
            one.account.encode(),
            one.position.leg,
        ),
    )


def candidate(world: World, account: Account, position: Position) -> Candidate:
    """Return a position as a candidate, without its score."""
    listed = world.instruments[position.instrument]
    key = account.unit_key(position.instrument, position.leg)
    mark, entry = world.marks[position.instrument], position.entry_price
    value = world.value(listed.settlement_currency)
    unit = naive_margin.figures(world, account, key)
    assert unit is not None
    assert value is not None
    assert entry is not None
    return Candidate(
        account=account.name,
        position=position,
        lots=abs(position.size) / Fraction(listed.lot_size),
        gain=naive_equity.profit(listed, position.size, entry, mark) * value,
        entry_value=naive_equity.notional(listed, position.size, entry) * value,
        notional=naive_equity.notional(listed, position.size, mark) * value,
        price_ratio=mark / entry if position.size > 0 else entry / mark,
        equity=max(ZERO, unit.equity),
        wallet=unit.equity - pnl_of_unit(world, account, key),
        maintenance=unit.maintenance_margin,
    )


def pnl_of_unit(world: World, account: Account, key: tuple[str, str] | None) -> Fraction:
    """Return the unrealized pnl of all positions of a margin unit."""
    total = ZERO
    for position in account.positions.values():
        if position.size == 0 or account.unit_key(position.instrument, position.leg) != key:
            continue
        listed = world.instruments[position.instrument]
        value = world.value(listed.settlement_currency)
        assert value is not None
        assert position.entry_price is not None
        mark = world.marks[position.instrument]
        total += naive_equity.profit(listed, position.size, position.entry_price, mark) * value
    return total


def bitmex(one: Candidate) -> Fraction | None:
    """Return pnl ratio x (or, for a loss, /) leverage."""
    ratio = one.gain / one.entry_value
    if one.leverage is None:
        return None
    return ratio * one.leverage if ratio > 0 else ratio / one.leverage


def binance(one: Candidate) -> Fraction | None:
    """Return profit on the wallet x margin use."""
    left = one.wallet + one.gain
    if left <= 0:
        return None
    return max(ZERO, one.gain) / max(Fraction(1), one.wallet) * one.maintenance / left


def hyperliquid(one: Candidate) -> Fraction | None:
    """Return price gain x leverage."""
    return None if one.leverage is None else one.price_ratio * one.leverage


SCORES: dict[str, Callable[[Candidate], Fraction | None]] = {
    "queue-bitmex": bitmex,
    "queue-binance": binance,
    "queue-hyperliquid": hyperliquid,
    "pro-rata-contracts": lambda one: one.lots,
    "minimax-leverage": lambda one: one.leverage,
}


def split(policy: str, ranked: list[Candidate], lots: int, concession: Fraction) -> list[int]:
    """Return how many lots each candidate gives; `concession` is what a lot costs it."""
    if policy in QUEUES:
        return in_order(ranked, [int(one.lots) for one in ranked], lots)
    caps = solvent_lots(ranked, concession)
    rule = in_proportion if policy == "pro-rata-contracts" else from_the_top
    return rule(ranked, caps, min(lots, sum(caps)))


def solvent_lots(ranked: list[Candidate], concession: Fraction) -> list[int]:
    """Return how many lots each can give with its equity; positions that share one ask by leg."""
    left = {one.payer: one.equity for one in ranked}
    caps = {}
    for one in sorted(ranked, key=lambda one: (one.account.encode(), one.position.leg)):
        lots = min(int(one.lots), int(left[one.payer] / concession))
        left[one.payer] -= lots * concession
        caps[one.account, one.position.leg] = lots
    return [caps[one.account, one.position.leg] for one in ranked]


def in_order(_ranked: list[Candidate], caps: list[int], lots: int) -> list[int]:
    """Take whole positions in order."""
    taken = []
    for cap in caps:
        taken.append(min(cap, lots))
        lots -= taken[-1]
    return taken


def in_proportion(ranked: list[Candidate], caps: list[int], lots: int) -> list[int]:
    """Take the same part of every position; what caps cut off is spread again; then whole lots."""
    wanted = [ZERO] * len(ranked)
    capped: set[int] = set()
    while True:
        free = [number for number in range(len(ranked)) if number not in capped]
        rest = lots - sum(caps[number] for number in capped)
        size = sum((ranked[number].lots for number in free), ZERO)
        for number in free:
            wanted[number] = rest * ranked[number].lots / size
        over = {number for number in free if wanted[number] > caps[number]}
        if not over:
            break
        capped |= over
        for number in over:
            wanted[number] = Fraction(caps[number])
    taken = [int(share) for share in wanted]
    order = sorted(
        range(len(ranked)),
        key=lambda n: (
            taken[n] - wanted[n],
            ranked[n].account.encode(),
            ranked[n].position.leg,
        ),
    )
    for number in order[: lots - sum(taken)]:
        taken[number] += 1
    return taken


def eighteen_digits(value: Fraction) -> Fraction:
    """Return a value to 18 significant digits, ties to the even one."""
    context = Context(prec=18, rounding=ROUND_HALF_EVEN)
    return Fraction(context.divide(Decimal(value.numerator), Decimal(value.denominator)))


def from_the_top(ranked: list[Candidate], caps: list[int], lots: int) -> list[int]:
    """Take lot by lot, always from the highest leverage that is left; no equity goes first."""
    taken = [0] * len(ranked)
    equities = [eighteen_digits(one.equity) for one in ranked]

    def height(number: int) -> tuple[int, Fraction]:
        one = ranked[number]
        left = one.notional * (one.lots - taken[number]) / one.lots
        return (0, left / equities[number]) if one.equity > 0 else (1, left)

    names = sorted(
        range(len(ranked)), key=lambda n: (ranked[n].account.encode(), ranked[n].position.leg)
    )
    for _ in range(lots):
        able = [number for number in names if taken[number] < caps[number]]
        taken[max(able, key=height)] += 1
    return taken
