"""Who bears a shortfall: the fund, then deleveraged winners, then everybody who gains.

Amounts are exact and in the minor unit of their asset; every step conserves:
amount = paid + uncovered, uncovered = taken + left, left = charged + left over.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from monitor.core import decisions, events
from tests.reference import (
    naive_deleveraging,
    naive_equity,
    naive_margin,
    naive_socialization,
)
from tests.reference.naive_waterfall_ledger import Entry, Paid, enter
from tests.reference.naive_world import (
    Draw,
    Fund,
    World,
    ceil_to,
    exact,
    floor_to,
    significant,
)

ZERO = Fraction(0)


@dataclass
class Loss:
    """A shortfall on its way down the layers; `amount` is what is still to be paid."""

    event_ns: int
    finished_ns: int
    liquidation_id: str
    listed: events.InstrumentListed
    loser: str
    losing_side: str | None
    bankruptcy_price: Fraction | None
    asset: str
    amount: Fraction
    entry: Entry


def absorb(world: World, loss: Loss) -> list[decisions.Decision]:
    """Return the decisions of all layers for one shortfall."""
    layers = world.settings.waterfall.layers
    found: list[decisions.Decision] = []
    if "liquidator_vault" in layers:
        for vault in sorted(world.accounts, key=str.encode):
            if world.accounts[vault].role == "liquidator" and vault != loss.loser and loss.amount:
                found += draw_vault(world, loss, vault)
    if "insurance_fund" in layers and loss.listed.fund is not None:
        name: str | None = loss.listed.fund
        while name is not None and loss.amount > 0:
            found += draw(world, loss, name)
            name = {fund.name: fund.parent for fund in world.settings.funds}.get(name)
    given_up: dict[str, Fraction] = {}
    if loss.amount > 0 and "deleveraging" in layers and loss.losing_side is not None:
        found.append(deleverage(world, loss, given_up))
    if loss.amount > 0 and "socialized_loss" in layers:
        found.append(socialize(world, loss, given_up))
    return found


def draw_vault(world: World, loss: Loss, name: str) -> list[decisions.Decision]:
    """Let a vault pay out of its equity, down to 0; what it paid and has not told is gone."""
    figures = naive_margin.figures(world, world.accounts[name], None)
    value, unit = world.value(loss.asset), world.minor_unit(loss.asset)
    if figures is None or value is None:
        return []
    drawn = sum((worth for vault, _, worth in world.vault_draws if vault == name), ZERO)
    asked = loss.amount
    paid = min(asked, floor_to(max(ZERO, figures.equity - drawn) / value, unit))
    world.vault_draws.append((name, loss.finished_ns, paid * value))
    loss.amount = asked - paid
    enter(world, loss.entry, Paid("liquidator_vault", name, loss.asset, asked, paid, ZERO))
    return [
        decisions.LiquidatorVaultDrawn(
            event_ns=loss.event_ns,
            rule="waterfall",
            account=name,
            asset=loss.asset,
            amount=exact(asked),
            paid=exact(paid),
            uncovered=exact(loss.amount),
            liquidation_id=loss.liquidation_id,
        )
    ]


def fund_of(world: World, name: str, asset: str) -> Fund:
    """Return a fund; one that nobody has named yet is empty and in the given asset."""
    if name not in world.funds:
        configured = {fund.name: fund.asset for fund in world.settings.funds}
        world.funds[name] = Fund(configured.get(name, asset))
    return world.funds[name]


def convert(world: World, amount: Fraction, asset: str, into: str) -> Fraction | None:
    """Return an amount in another asset by their values; None if one is unknown."""
    if asset == into:
        return amount
    value, other = world.value(asset), world.value(into)
    return None if value is None or other is None else amount * value / other


def draw(world: World, loss: Loss, name: str) -> list[decisions.Decision]:
    """Let a fund pay what it has and may; the loss goes on in the fund's asset."""
    fund = fund_of(world, name, loss.asset)
    if fund.asset != loss.asset:
        converted = convert(world, loss.amount, loss.asset, fund.asset)
        if converted is None:
            return []
        loss.amount = ceil_to(converted, world.minor_unit(fund.asset))
        loss.asset = fund.asset
    asked = loss.amount
    paid = min(fund.available, asked)
    for configured in world.settings.funds:
        if configured.name == name and configured.payout_cap is not None:
            cap = Fraction(Decimal(repr(configured.payout_cap)))
            paid = min(paid, floor_to(cap, world.minor_unit(fund.asset)))
        if configured.name == name and configured.payout_window_cap is not None:
            cap = floor_to(
                Fraction(Decimal(repr(configured.payout_window_cap))), world.minor_unit(fund.asset)
            )
            length = Fraction(Decimal(repr(configured.payout_window_s))) * 10**9
            recent = sum((one for ns, one in fund.paid if ns > world.engine_ns - length), ZERO)
            paid = min(paid, max(ZERO, cap - recent))
    fund.paid.append((world.engine_ns, paid))
    fund.draws.append(Draw(loss.liquidation_id, loss.finished_ns, paid))
    fund.drawn += paid
    fund.uncovered += asked - paid
    loss.amount = asked - paid
    enter(world, loss.entry, Paid("insurance_fund", name, fund.asset, asked, paid, ZERO))
    return [
        decisions.InsuranceFundDrawn(
            event_ns=loss.event_ns,
            rule="waterfall",
            fund=name,
            asset=fund.asset,
            amount=exact(asked),
            paid=exact(paid),
            uncovered=exact(loss.amount),
            liquidation_id=loss.liquidation_id,
        )
    ]


def concession(
    listed: events.InstrumentListed, side: str, price: Fraction, mark: Fraction
) -> Fraction:
    """Return what a winner gives up a contract by closing at a price instead of the mark."""
    sign = 1 if side == "long" else -1
    return naive_equity.profit(listed, Fraction(sign), price, mark)


def light(rank: int, total: int) -> int:
    """Return 5 for the first fifth of a queue, 1 for the last."""
    return 5 - (rank - 1) * 5 // total


def deleverage(
    world: World, loss: Loss, given_up: dict[str, Fraction]
) -> decisions.DeleveragingPlanned:
    """Close positions of the winning side as the policy says until the loss is collected."""
    side = "short" if loss.losing_side == "long" else "long"
    name, listed, asked = loss.listed.instrument, loss.listed, loss.amount
    mark = world.marks.get(name)
    price = loss.bankruptcy_price
    if world.settings.deleveraging.price == "mark":
        price = mark
    value, own = world.value(listed.settlement_currency), world.value(loss.asset)
    reductions: list[decisions.Reduction] = []
    collected = ZERO
    per_contract = ZERO
    if price is not None and mark is not None and value is not None and own is not None:
        per_contract = concession(listed, side, price, mark)
    if per_contract > 0:
        assert value is not None
        assert own is not None
        lot = Fraction(listed.lot_size)
        lots = ceil_to(asked * own / (per_contract * value), lot) / lot
        policy = world.settings.deleveraging.policy
        ranked = naive_deleveraging.queue(world, name, side, without=loss.loser)
        plan = naive_deleveraging.split(policy, ranked, int(lots), per_contract * lot * value)
        for rank, (one, taken_lots) in enumerate(zip(ranked, plan, strict=True), start=1):
            if not taken_lots:
                continue
            contracts = taken_lots * lot
            collected += contracts * per_contract * value / own
            given = contracts * per_contract
            given_up[one.account] = given_up.get(one.account, ZERO) + given
            reductions.append(
                decisions.Reduction(
                    account=one.account,
                    size=exact(contracts),
                    amount=significant(contracts * per_contract * value),
                    score="inf" if one.score is None else significant(one.score),
                    rank=rank,
                    light=light(rank, len(ranked)),
                )
            )
    whole = floor_to(collected, world.minor_unit(loss.asset))
    taken = min(asked, whole)
    loss.amount = asked - taken
    note = Paid("deleveraging", world.settings.deleveraging.policy, loss.asset, asked, taken, ZERO)
    note.surplus, note.accounts = whole - taken, len(reductions)
    enter(world, loss.entry, note)
    return decisions.DeleveragingPlanned(
        event_ns=loss.event_ns,
        rule=world.settings.deleveraging.policy,
        instrument=name,
        side=side,  # type: ignore[arg-type]
        policy=world.settings.deleveraging.policy,
        asset=loss.asset,
        amount=exact(asked),
        taken=exact(taken),
        left=exact(loss.amount),
        price=None if price is None else significant(price),
        reductions=reductions,
        liquidation_id=loss.liquidation_id,
    )


def socialize(world: World, loss: Loss, given_up: dict[str, Fraction]) -> decisions.LossSocialized:
    """Charge whoever the method charges; what is beyond the loss is a surplus."""
    method, asked = world.settings.waterfall.socialized_loss, loss.amount
    charges = naive_socialization.charges(
        world, loss.listed, (loss.asset, asked), loss.loser, given_up
    )
    charged = sum(charges.values(), ZERO)
    loss.amount = max(ZERO, asked - charged)
    surplus = max(ZERO, charged - asked)
    note = Paid("socialized_loss", method, loss.asset, asked, asked - loss.amount, ZERO)
    note.accounts, note.surplus = sum(charge != 0 for charge in charges.values()), surplus
    enter(world, loss.entry, note)
    return decisions.LossSocialized(
        event_ns=loss.event_ns,
        rule=method,
        method=method,
        asset=loss.asset,
        amount=exact(asked),
        accounts=[
            decisions.Charge(
                account=name, amount=exact(charges[name]), share=significant(charges[name] / asked)
            )
            for name in sorted(charges, key=str.encode)
            if charges[name] != 0
        ],
        left=exact(loss.amount),
        surplus=exact(surplus),
        liquidation_id=loss.liquidation_id,
    )
