"""What the venue's deleveraging was and should have been, from the definitions alone."""

import math
from dataclasses import dataclass
from fractions import Fraction

from monitor.core import decisions, events
from tests.reference import naive_deleveraging, naive_equity, naive_waterfall
from tests.reference.naive_world import World

ZERO = Fraction(0)


@dataclass
class Review:
    """The numbers of one close; contracts but for `given_up`, which is in USD."""

    needed: Fraction | None
    taken: Fraction
    given_up: Fraction | None
    skipped: dict[str, tuple[Fraction, Fraction]]  # due and filled
    wrongly_chosen: dict[str, tuple[Fraction, Fraction]]  # asked for at all, and filled


def planned(decision: decisions.DeleveragingPlanned) -> list[tuple[str, Fraction]]:
    """Return what a published plan takes from whom, in order."""
    return [(one.account, Fraction(one.size)) for one in decision.reductions]


def queue_now(
    world: World, fill: events.DeleveragingFilled, contracts: Fraction, price: Fraction | None
) -> list[tuple[str, Fraction]]:
    """Return who would close so many contracts as things are, in order."""
    listed = world.instruments[fill.instrument]
    side = "short" if Fraction(fill.size) > 0 else "long"
    lot, value = Fraction(listed.lot_size), world.value(listed.settlement_currency)
    mark = world.marks.get(fill.instrument)
    if value is None or mark is None:
        return []
    policy = world.settings.deleveraging.policy
    ranked = naive_deleveraging.queue(world, fill.instrument, side, without=fill.counterparty)
    lots = math.ceil(contracts / lot)
    if world.settings.deleveraging.price == "mark":
        price = mark
    cost = ZERO
    if price is not None:
        cost = naive_waterfall.concession(listed, side, price, mark) * lot * value
    if policy not in naive_deleveraging.QUEUES and cost <= 0:
        caps = [int(one.lots) for one in ranked]
        rule = naive_deleveraging.in_proportion
        if policy == "minimax-leverage":
            rule = naive_deleveraging.from_the_top
        taken = rule(ranked, caps, min(lots, sum(caps)))
    else:
        taken = naive_deleveraging.split(policy, ranked, lots, cost)
    return [(one.account, many * lot) for one, many in zip(ranked, taken, strict=True) if many]


def given_up(world: World, fill: events.DeleveragingFilled) -> Fraction | None:
    """Return what a winner loses by the price of its fill against the mark."""
    listed = world.instruments[fill.instrument]
    mark, value = world.marks.get(fill.instrument), world.value(listed.settlement_currency)
    if mark is None or value is None:
        return None
    held = -Fraction(fill.size)  # what is closed
    at_mark = naive_equity.profit(listed, held, Fraction(fill.price), mark)
    return at_mark * value


def review(
    expected: list[tuple[str, Fraction]],
    needed: Fraction | None,
    fills: list[tuple[events.DeleveragingFilled, Fraction | None]],
) -> Review:
    """Return the venue's fills, each with what it gave up, against what is expected."""
    taken = sum((abs(Fraction(fill.size)) for fill, _ in fills), ZERO)
    lost = [amount for _, amount in fills]
    asked: dict[str, Fraction] = {}
    due: dict[str, Fraction] = {}
    filled: dict[str, Fraction] = {}
    for fill, _ in fills:
        filled[fill.account] = filled.get(fill.account, ZERO) + abs(Fraction(fill.size))
    until = ZERO
    for account, contracts in expected:
        asked[account] = asked.get(account, ZERO) + contracts
        reached = max(ZERO, min(taken, until + contracts) - until)
        due[account] = due.get(account, ZERO) + reached
        until += contracts
    return Review(
        needed=needed,
        taken=taken,
        given_up=None if None in lost else sum((one for one in lost if one is not None), ZERO),
        skipped={
            name: (due[name], filled.get(name, ZERO))
            for name in due
            if filled.get(name, ZERO) < due[name]
        },
        wrongly_chosen={
            name: (asked.get(name, ZERO), filled[name])
            for name in filled
            if filled[name] > asked.get(name, ZERO)
        },
    )
