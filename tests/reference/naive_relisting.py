"""An instrument that is listed again: the new definition reaches its holders a slice an event.

An account's turn is its number: the upper 16 bits of the CRC-32 of its name. An instrument with
few positions is done at once, as is one whose amounts mean something else now.
"""

from zlib import crc32

from monitor.core import events
from tests.reference.naive_world import Relisting, World

NUMBERS = 65_536
SLICE_HOLDERS = 1_000


def definition(world: World, account: str, instrument: str) -> events.InstrumentListed:
    """Return the definition of an instrument that is valid for an account."""
    relisting = world.relistings.get(instrument)
    if relisting is not None and crc32(account.encode()) // NUMBERS >= relisting.done:
        return relisting.old
    return world.instruments[instrument]


def begin(
    world: World, before: events.InstrumentListed | None, after: events.InstrumentListed
) -> None:
    """List an instrument; what is left of an earlier relisting is over."""
    world.relistings.pop(after.instrument, None)
    world.instruments[after.instrument] = after
    positions = [one for account in world.accounts.values() for one in account.positions.values()]
    holders = sum(1 for one in positions if one.instrument == after.instrument)
    if before is None or worth(before) != worth(after) or holders <= SLICE_HOLDERS:
        return
    stride = max(1, NUMBERS * SLICE_HOLDERS // holders)
    world.relistings[after.instrument] = Relisting(before, stride)


def worth(listed: events.InstrumentListed) -> tuple[str | None, ...]:
    """Return what amounts and lots are counted by (the size unit never changes)."""
    return (
        listed.kind,
        listed.contract_size,
        listed.lot_size,
        listed.settlement_currency,
        listed.base,
        listed.index,
    )


def go_on(world: World) -> None:
    """Do the next slice of one relisting, the first by name."""
    for instrument, relisting in sorted(world.relistings.items())[:1]:
        relisting.done += relisting.stride
        if relisting.done >= NUMBERS:
            del world.relistings[instrument]
    for account in world.accounts.values():
        for position in account.positions.values():
            position.listed = definition(world, account.name, position.instrument)
