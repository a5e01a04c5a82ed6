"""The end of a liquidation: what it adds to the deficit of its unit, and who bears it."""

from decimal import Decimal
from fractions import Fraction

from monitor.core import decisions, events
from tests.reference import naive_equity, naive_margin, naive_waterfall, naive_waterfall_ledger
from tests.reference.naive_booking import UNSEEN, Finished
from tests.reference.naive_waterfall import Loss
from tests.reference.naive_waterfall_ledger import Entry
from tests.reference.naive_world import (
    Account,
    Episode,
    Liquidation,
    World,
    ceil_to,
    exact,
    floor_to,
    half_even_to,
)

ZERO = Fraction(0)


def settle(world: World, finished: Finished, *, suspect: bool) -> list[decisions.Decision]:
    """Return what the end of one liquidation leads to."""
    event, liquidation = finished.event, finished.liquidation
    account = world.accounts.get(event.account)
    listed = world.instruments.get(event.instrument)
    if account is None or listed is None:
        return []
    found: list[decisions.Decision] = []
    execution = None if liquidation is None else execution_loss(listed, liquidation)
    amount, episode = incur(world, account, listed, finished)
    if episode is not None and amount > 0:
        unit = world.minor_unit(listed.settlement_currency)
        found.append(
            decisions.ShortfallIncurred(
                event_ns=world.engine_ns,
                rule="waterfall",
                suspect=suspect,
                account=account.name,
                instrument=event.instrument,
                leg=event.leg,
                liquidation_id=event.liquidation_id,
                episode_id=episode.episode_id,
                asset=listed.settlement_currency,
                amount=exact(amount),
                execution_loss=None if execution is None else exact(half_even_to(execution, unit)),
            )
        )
    if execution is not None and execution < 0:
        assert liquidation is not None
        gain, rate = -execution, world.settings.waterfall.credit_rate_max
        if rate is not None:
            filled = sum(
                (naive_equity.notional(listed, size, at) for size, at, _ in liquidation.fills), ZERO
            )
            gain = min(gain, Fraction(Decimal(repr(rate))) * filled)
        found += credit(world, listed, event.liquidation_id, gain)
    if episode is not None and amount > 0:
        entry = Entry(
            event.liquidation_id, event.instrument, listed.settlement_currency, None, amount
        )
        naive_waterfall_ledger.begin(world, account.name, episode, liquidation, entry)
        loss = Loss(
            world.engine_ns,
            event.event_ns,
            event.liquidation_id,
            listed,
            account.name,
            losing_side(event, liquidation),
            None if liquidation is None else liquidation.bankruptcy_price,
            listed.settlement_currency,
            amount,
            entry,
        )
        found += naive_waterfall.absorb(world, loss)
    return found


def execution_loss(listed: events.InstrumentListed, liquidation: Liquidation) -> Fraction | None:
    """Return what the fills lost against the frozen bankruptcy price (< 0: gained).

    A fill of size s < 0 closes a long of -s: it loses what that long would have gained from the
    fill's price to the limit.
    """
    limit = liquidation.bankruptcy_price
    if limit is None:
        return None
    return sum(
        (naive_equity.profit(listed, -size, price, limit) for size, price, _ in liquidation.fills),
        ZERO,
    )


def incur(
    world: World, account: Account, listed: events.InstrumentListed, finished: Finished
) -> tuple[Fraction, Episode | None]:
    """Return what this liquidation adds to the deficit of its unit's episode, in minor units."""
    event, liquidation = finished.event, finished.liquidation
    asset = listed.settlement_currency
    value = world.value(asset)
    place = (event.instrument, event.leg)
    key = account.unit_key(*place)
    if liquidation is not None and liquidation.unit_key != UNSEEN:
        key = liquidation.unit_key
    if value is None:
        return ZERO, None
    closed = liquidation is not None and liquidation.closed
    if key is None or (account.unit_key(*place) == key and not closed):
        figures = naive_margin.figures(world, account, key)
        episode = account.units[key].episode
        deficit = ZERO if figures is None else max(ZERO, -figures.equity)
    elif place in account.positions and not closed:
        return ZERO, None  # a part of the cross unit by now
    else:
        assert liquidation is not None
        deficit = unpaid(listed, liquidation) * value
        episode = liquidation.episode
        if deficit > 0 and episode is None:
            episode = account.next_episode(key)
    if deficit == 0 or episode is None:
        return ZERO, None
    deficit -= sum(
        (amount * (world.value(name) or ZERO) for name, amount in episode.incurred.items()), ZERO
    )
    amount = max(ZERO, ceil_to(deficit / value, world.minor_unit(asset)))
    episode.incurred[asset] = episode.incurred.get(asset, ZERO) + amount
    world.shortfall += amount * value
    return amount, episode


def unpaid(listed: events.InstrumentListed, liquidation: Liquidation) -> Fraction:
    """Return what an isolated position that is closed has not paid: margin, fills and fees."""
    left = liquidation.margin - liquidation.owed
    entry = liquidation.entry_price
    if entry is not None:
        for size, price, fee in liquidation.fills:
            left += naive_equity.profit(listed, -size, entry, price) - fee
    return max(ZERO, -left)


def credit(
    world: World, listed: events.InstrumentListed, liquidation_id: str, gain: Fraction
) -> list[decisions.Decision]:
    """Return the decision that a gain belongs to the instrument's fund, if there is one."""
    if listed.fund is None:
        return []
    fund = naive_waterfall.fund_of(world, listed.fund, listed.settlement_currency)
    converted = naive_waterfall.convert(world, gain, listed.settlement_currency, fund.asset)
    if converted is None:
        return []
    amount = floor_to(converted, world.minor_unit(fund.asset))
    if amount <= 0:
        return []
    fund.credited += amount
    return [
        decisions.InsuranceFundCredited(
            event_ns=world.engine_ns,
            rule="waterfall",
            fund=listed.fund,
            asset=fund.asset,
            amount=exact(amount),
            liquidation_id=liquidation_id,
        )
    ]


def losing_side(event: events.LiquidationFinished, liquidation: Liquidation | None) -> str | None:
    """Return the side that was closed: a long is closed by negative size."""
    sizes = [Fraction(event.size)]
    if liquidation is not None:
        sizes += [liquidation.size, sum((fill[0] for fill in liquidation.fills), ZERO)]
    for size in sizes:
        if size != 0:
            return "long" if size < 0 else "short"
    return None
