"""What is told about an account: the twin of one line of `accounts.ndjson`."""

from fractions import Fraction
from typing import Any

from tests.reference import (
    naive_deleveraging,
    naive_equity,
    naive_margin,
    naive_prices,
    naive_waterfall,
)
from tests.reference.naive import NaiveEngine
from tests.reference.naive_world import Account, Position, World, exact, significant

DIGITS = 18
Prices = tuple[Fraction | None, Fraction | None]  # liquidation and bankruptcy price
SolvedPrices = dict[str, Prices]  # by all that they depend on


def text(value: Fraction | None) -> str | None:
    """Return an amount with 18 significant digits."""
    return None if value is None else significant(value, DIGITS)


def account_report(
    twin: NaiveEngine, name: str, solved: SolvedPrices | None = None
) -> dict[str, Any]:
    """Return everything about an account, every amount from the definitions."""
    world = twin.world
    account = world.accounts[name]
    state = account.units[None].state
    figures = None if state == "unknown" else naive_margin.figures(world, account, None)
    liquidating = any(unit.liquidating for unit in account.units.values())
    flags = {"liquidating": liquidating, "suspect": twin.ledger.is_suspect(account)}
    report: dict[str, Any] = {
        "account": name,
        "state": state,
        "flags": [flag for flag, is_set in flags.items() if is_set],
        "owner": account.owner,
        "role": account.role,
        "balances": {
            asset: exact(held) for asset, held in sorted(account.balances.items()) if held
        },
        "positions": [
            position_report(twin, account, account.positions[key], solved)
            for key in sorted(account.positions)
        ],
    }
    report["missing_prices"] = missing_prices(world, account) if figures is None else []
    report["unknown_since_ns"] = None  # without oracles that are held to something
    collateral = naive_equity.collateral_value(world, account, world.value)
    report["collateral_value"] = None if figures is None else text(collateral)
    names = (
        "equity", "initial_margin", "maintenance_margin", "margin_ratio", "free_collateral",
        "withdrawable",
    )  # fmt: skip
    if figures is None:
        return report | dict.fromkeys(names)
    return report | {name: text(getattr(figures, name)) for name in names}


def missing_prices(world: World, account: Account) -> list[dict[str, object]]:
    """Return the prices that a cross unit waits for."""
    held = naive_equity.open_positions(account, None)
    names = {f"mark:{one.instrument}" for one in held if world.marks.get(one.instrument) is None}
    assets = {one.listed.settlement_currency for one in held}
    assets |= {one.asset for one in account.pending if not one.isolated}
    assets |= {a for a, b in account.balances.items() if b < 0 or (b > 0 and world.counts(a))}
    for asset in assets:
        if world.value(asset) is None:
            rule = world.collaterals.get(asset)
            index = world.coin_index(asset) if rule is None else rule.index
            names.add(f"listing:{asset}" if index is None else f"index:{index}")
    return [{"price": name, "reason": "missing", "since_ns": None} for name in sorted(names)]


def position_report(
    twin: NaiveEngine, account: Account, position: Position, solved: SolvedPrices | None = None
) -> dict[str, Any]:
    """Return everything about one position."""
    world = twin.world
    listed = position.listed
    key = account.unit_key(position.instrument, position.leg)
    unknown = account.units[key].state == "unknown"
    mark, value = world.marks.get(position.instrument), world.value(listed.settlement_currency)
    report: dict[str, Any] = {
        "instrument": position.instrument,
        "leg": position.leg,
        "size": exact(position.size),
        "entry_price": None if position.entry_price is None else exact(position.entry_price),
        "mark_price": None if mark is None else exact(mark),
        "margin_mode": "isolated" if position.isolated else "cross",
        "settlement_currency": listed.settlement_currency,
        "fillable_price": None,
        "liquidation_price": None,
        "bankruptcy_price": None,
    }
    report |= dict.fromkeys(
        (
            "notional", "unrealized_pnl", "unrealized_pnl_settlement", "initial_margin",
            "maintenance_margin",
        )
    )  # fmt: skip
    entry = position.entry_price
    if position.size != 0 and mark is not None and value is not None and entry is not None:
        notional = naive_equity.notional(listed, position.size, mark)
        initial = naive_margin.own_initial(world, position, mark)
        # of an unknown unit the bankruptcy price, and a fee at it, are unknown too
        fees = {(position.instrument, position.leg): Fraction(0)} if unknown else None
        if listed.closing_fee_basis != "bankruptcy_price":
            fees = None
        maintenance = naive_margin.own_maintenance(world, account, position, mark, fees)
        gain = naive_equity.profit(listed, position.size, entry, mark)
        report["notional"] = text(notional * value)
        report["unrealized_pnl"] = text(gain * value)
        report["unrealized_pnl_settlement"] = text(gain)
        report["initial_margin"] = text(initial * value)
        report["maintenance_margin"] = text(maintenance * value)
        if not unknown:
            liquidation, bankruptcy = solved_prices(world, account, position, solved)
            report["liquidation_price"] = text(liquidation)
            report["bankruptcy_price"] = text(bankruptcy)
    report |= rank_report(twin, account, position)
    if position.isolated:
        figures = None if unknown else naive_margin.figures(world, account, key)
        report["isolated_margin"] = exact(position.isolated_margin)
        report["state"] = account.units[key].state
        report["equity"] = None if figures is None else text(figures.equity)
        report["margin_ratio"] = None if figures is None else text(figures.margin_ratio)
    return report


def solved_prices(
    world: World, account: Account, position: Position, solved: SolvedPrices | None
) -> Prices:
    """Return liquidation and bankruptcy price, solved once while nothing that they need changes."""
    found = {} if solved is None else solved
    marks = {one.instrument: world.marks.get(one.instrument) for one in account.positions.values()}
    key = repr(
        (
            (position.instrument, position.leg),
            (account.balances, account.positions, account.pending, marks, world.indices),
            (world.instruments, world.collaterals, world.settings.margin),
        )
    )
    if key not in found:
        found[key] = (
            naive_prices.liquidation_price(world, account, position),
            naive_prices.bankruptcy_price(world, account, position),
        )
    return found[key]


def rank_report(twin: NaiveEngine, account: Account, position: Position) -> dict[str, Any]:
    """Return the place of a position in the deleveraging queue of its side."""
    side = "long" if position.size > 0 else "short"
    queue = naive_deleveraging.queue(twin.world, position.instrument, side)
    for rank, one in enumerate(queue, start=1):
        if (one.account, one.position.leg) == (account.name, position.leg):
            light = naive_waterfall.light(rank, len(queue))
            return {"deleveraging_rank": rank, "deleveraging_light": light}
    return {"deleveraging_rank": None, "deleveraging_light": None}
