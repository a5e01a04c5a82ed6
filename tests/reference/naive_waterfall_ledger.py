"""Who paid what of an episode, slow and obvious: lists of exact fractions, kept for ever."""

from dataclasses import dataclass, field
from fractions import Fraction

from tests.reference.naive_world import Episode, Liquidation, World, ceil_to, floor_to

ZERO = Fraction(0)


@dataclass
class Paid:
    """What one layer paid, in its asset, and of the loss, in the shortfall's."""

    layer: str
    payer: str
    asset: str
    asked: Fraction
    paid: Fraction
    covered: Fraction
    surplus: Fraction = ZERO
    accounts: int = 0


@dataclass
class Entry:
    """One shortfall and all its payments."""

    liquidation_id: str
    instrument: str
    asset: str
    account_margin: Fraction | None
    shortfall: Fraction
    paid: list[Paid] = field(default_factory=list)
    uncovered: Fraction = ZERO


@dataclass
class Kept:
    """An episode with a shortfall."""

    episode: Episode
    account: str
    first_ns: int
    entries: list[Entry] = field(default_factory=list)
    closed_ns: int | None = None


def begin(
    world: World, account: str, episode: Episode, liquidation: Liquidation | None, entry: Entry
) -> Entry:
    """Enter a shortfall in its episode; the first one tells what the account itself lost."""
    kept = world.kept.get(episode.episode_id)
    if kept is None or kept.episode is not episode:
        world.kept.pop(episode.episode_id, None)
        kept = world.kept[episode.episode_id] = Kept(episode, account, world.engine_ns)
    entry.uncovered = entry.shortfall
    entry.account_margin = ZERO
    if not kept.entries:
        entry.account_margin = margin_left(world, entry.asset, liquidation)
    if margin := entry.account_margin:
        whole = margin + entry.shortfall
        entry.paid.append(Paid("account_margin", account, entry.asset, whole, margin, margin))
    kept.entries.append(entry)
    return entry


def margin_left(world: World, asset: str, liquidation: Liquidation | None) -> Fraction | None:
    """Return the equity when a liquidation began, in an asset; None if it was not seen."""
    if liquidation is None or liquidation.equity is None:
        return None
    value = world.value(asset)
    assert value is not None
    return floor_to(max(ZERO, liquidation.equity) / value, world.minor_unit(asset))


def enter(world: World, entry: Entry, paid: Paid) -> None:
    """Enter a payment: it covers what the loss in the shortfall's asset falls by."""
    left = paid.asked - paid.paid
    if paid.asset != entry.asset:
        value, own = world.value(paid.asset), world.value(entry.asset)
        assert value is not None
        assert own is not None
        left = ceil_to(left * value / own, world.minor_unit(entry.asset))
    rest = min(entry.uncovered, left)
    paid.covered = entry.uncovered - rest
    entry.uncovered = rest
    entry.paid.append(paid)


def close_ended(world: World) -> None:
    """Close what no margin unit is in any more."""
    units = [unit for account in world.accounts.values() for unit in account.units.values()]
    for kept in world.kept.values():
        if kept.closed_ns is None and not any(unit.episode is kept.episode for unit in units):
            kept.closed_ns = world.engine_ns
