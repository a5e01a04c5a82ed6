"""Relisting: a new definition reaches the holders of an instrument in slices, an event each.

Of several instruments the first by name goes on, the others wait. Accounts take their turn in the
order of a number made of their name, so that a restart, another order of rows or another number of
shards changes nothing. Until an account's turn the old definition is valid for it, whatever it does
meanwhile.
"""

import zlib
from dataclasses import dataclass

BUCKETS = 1 << 16
SLICE_HOLDERS = 1_000  # positions that an event may judge anew beside its own work, about


@dataclass(slots=True)
class Relisting:
    """How far the new definition of an instrument has come."""

    number: int  # the ledger's number of the old definition
    stride: int  # buckets an event
    done: int = 0  # the buckets below have the new definition


def bucket_of(account: str) -> int:
    """Return an account's turn: the upper half of the CRC-32 of its name."""
    return zlib.crc32(account.encode()) >> 16


def stride_for(holders: int) -> int:
    """Return how many buckets an event may do of so many positions: all of a few."""
    return BUCKETS if holders <= SLICE_HOLDERS else max(1, BUCKETS * SLICE_HOLDERS // holders)
