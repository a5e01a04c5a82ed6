"""The columns of the index: a few arrays of records, and nothing else.

A unit is a block of 32-byte rows: its head, then one row an item, rounded up to 64 bytes, so that
three positions and the head lie in two lines of the cache. Head and rows are two readings of one
memory. Capacities are reserved, not touched: the system maps a page when it is first written, so
growth up to the declared maximum copies nothing; beyond it `growth.py` doubles them.
"""

from collections.abc import Hashable
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

# Items. An amount counts in full; collateral after its haircut, a debt in full.
# WATCHED makes its unit always exact.
POSITION, AMOUNT, COLLATERAL, WATCHED = range(4)
# States. UNDECIDED: inside the float band, the caller decides in exact numbers.
HEALTHY, MARGIN_CALL, LIQUIDATABLE, BANKRUPT, UNKNOWN, UNDECIDED = range(6)
STATES = 6
# Why a unit is always exact: the caller watches it, or floats do not bound an instrument's rules.
BY_CALLER, BY_INSTRUMENT = 1, 2
# Margin models.
TIERED, SIZE_LINEAR, SQUARE_ROOT, SKEW_SCALED = range(4)
# Sides of a price on which a guard lies.
LOWER, UPPER = 0, 1
NO_GUARD = 0  # the key of no price
CONSTANT = 0  # the slot whose price is always 1
# Counters.
(
    ROWS_USED, CHUNKS_USED, CHUNK_FREE, CHUNKS_FREE, BUCKETS_USED, HITS, GUARDED, CHANGES,
    OVERFULL, UNITS_HELD, INSERTS, CROSSED, PENDING, UNSETTLED,
) = range(14)  # fmt: skip
COUNTERS = 16
CHUNK = 64  # words of a chunk of a bucket: the next chunk, then 63 guards
CHUNK_GUARDS = CHUNK - 1
RING_BITS_MAX = 12
SIZE_CLASSES = 64
WAITING_MAX = 1_024  # guards crossed but not looked up, guards to be put into buckets
ITEMS_MAX = 65_000  # of one unit
# What is copied at once for an image: 1 KB each.
ROWS_A_PAGE = 32
UNITS_A_PAGE = 256
# Marks of pages: below 0, 0, or the number of the copy from 1 on.
WRITABLE, TO_COPY = -1, 0
# Counters of an image.
IMAGE_NUMBER, ROW_COPIES, BEGIN_COPIES = range(3)

HEAD = np.dtype(
    [
        ("constant", "f8"),  # what the unit has in the valuation currency itself
        ("gross", "f8"),  # sum of the magnitudes in `constant`
        ("unit", "i4"),  # its number; in a free block, the next free block
        ("count", "i4"),  # rows after the head
        ("assets", "u2"),  # of these, amounts and collateral: they come first
        ("size_class", "u1"),
        ("state", "u1"),
        ("always_exact", "u1"),  # BY_CALLER, BY_INSTRUMENT or both
        ("listed", "u1"),  # among the hits of this step
        ("ending", "u1"),  # in liquidation: the level at which that ends is a boundary too
        ("rare", "u1"),  # two legs of which the larger counts, or fees at the bankruptcy price
    ]
)
ROW = np.dtype(
    [
        ("quantity", "f8"),
        ("entry", "f8"),  # entry price of a position
        ("lower", "i4"),  # keys of the guards on the item's own price
        ("upper", "i4"),
        ("ref", "i4"),  # instrument, price slot or collateral
        ("place", "u2"),  # rows after the head
        ("kind", "u1"),
        ("spare", "u1"),
    ]
)
SLOT = np.dtype(
    [
        ("price", "f8"),  # not a number: missing
        ("moves", "f8"),  # how often it moved lately: busy prices get a larger share
        ("down", "i4"),  # keys of the price, rounded down and up
        ("up", "i4"),
        ("old", "f8"),  # the price before this step, and its keys
        ("old_down", "i4"),
        ("old_up", "i4"),
        ("ring", "i4"),  # first bucket: a ring of lower guards, then one of upper guards
        ("bits", "i4"),  # 2^bits buckets an octave
        ("guards", "i4"),  # in the buckets, outdated ones too
        ("guards_max", "i4"),  # more: sort out the outdated ones
        ("turned", "u1"),  # it was missing and is not, or the other way
    ],
    align=True,
)
INSTRUMENT = np.dtype(
    [
        ("mark", "i4"),
        ("value", "i4"),  # slot of the settlement currency's value
        ("tiers", "i4"),  # first tier and number
        ("tier_count", "i4"),
        ("steps", "i4"),  # first jump of the requirement and number
        ("step_count", "i4"),
        ("rate", "f8"),
        ("per_unit", "f8"),
        ("scalar", "f8"),
        ("fee", "f8"),  # closing fee on the mark, a rate
        ("model", "u1"),
        ("inverse", "u1"),
        ("at_entry", "u1"),  # margined at the entry price
        ("always_exact", "u1"),  # has rules that floats do not bound
        ("larger_leg", "u1"),  # of its long and its short side the larger requirement counts
        ("at_bankruptcy", "u1"),  # closing fee at the price where the unit's equity is used up,
        ("after_fee", "u1"),  # ... and where it has paid that fee
    ],
    align=True,
)
# What the record of an instrument, one line of the cache, leaves out.
RARE = np.dtype(
    [
        ("buffer", "f8"),  # asked at the end of a liquidation beyond the requirement, a rate
        ("closing_fee", "f8"),  # at the bankruptcy price, a rate
    ]
)
TIER = np.dtype([("bound", "f8"), ("rate", "f8"), ("deduction", "f8"), ("steepest", "f8")])
HAIRCUT = np.dtype([("slot", "i4"), ("tiers", "i4"), ("tier_count", "i4"), ("spare", "i4")])
BUCKET = np.dtype([("chunk", "i4"), ("count", "i4")])
# What a unit's row may change equity (reach) and requirement (steep) by, per unit of log price.
ITEM = np.dtype(
    [("unit", "i4"), ("ref", "i4"), ("quantity", "f8"), ("entry", "f8"), ("kind", "u1")], align=True
)
REACH = np.dtype(
    [
        ("reach", "f8"),
        ("steep", "f8"),
        ("radius_max", "f8"),
        ("weight", "f8"),
        ("direction", "i8"),  # 1: only a fall hurts, -1: only a rise, 0: both
    ]
)
CHANGE = np.dtype([("step", "i4"), ("unit", "i4"), ("before", "u1"), ("after", "u1")], align=True)
RULES = np.dtype([("call_factor", "f8"), ("end_factor", "f8"), ("share", "f8")])

# A structured array or one record of it: numpy types neither by field.
Records: TypeAlias = Any


class Memory(Protocol):
    """Where rows, units' places and images lie; what is reserved and not touched costs nothing."""

    def reserve(self, size: int) -> NDArray[np.uint8]:
        """Return so many bytes of 0, at the beginning of a line of the cache."""
        ...

    def locate(self, array: NDArray[Any]) -> tuple[Hashable, int]:
        """Return (segment, offset) of an array here: by that name another process can map it."""
        ...


class PrivateMemory:
    """Memory of this process alone."""

    def reserve(self, size: int) -> NDArray[np.uint8]:
        """Return so many bytes of 0, at the beginning of a line of the cache."""
        memory = np.zeros(size + 64, np.uint8)
        start = -memory.ctypes.data % 64
        return memory[start : start + size]

    def locate(self, array: NDArray[Any]) -> tuple[Hashable, int]:
        """Refuse: nobody else can map it."""
        raise ValueError(f"expected shared memory, received {array.nbytes} bytes of private memory")


class ImageBuffer(NamedTuple):
    """What an image of the book copies while it is held: `copy_on_write.py`."""

    counters: NDArray[np.int64]  # the number of the image held, negative: of the last; copies
    rows: Records  # copies of pages, in the order of the writes
    row_marks: NDArray[np.int32]  # a page each
    begins: NDArray[np.int32]
    begin_marks: NDArray[np.int32]


class Columns(NamedTuple):
    """Everything that a compiled function may see, in one value that numba hands on by name."""

    rules: Records  # one record
    rows: Records
    heads: Records  # the same memory
    draft: Records  # rows of a unit that is being set
    begins: NDArray[np.int32]  # unit -> its head, -1: none
    slots: Records
    instruments: Records
    rare: Records  # by instrument
    tiers: Records
    steps: NDArray[np.float64]  # notionals at which a requirement jumps
    haircuts: Records
    buckets: Records
    chunks: NDArray[np.int64]
    words: NDArray[np.int64]  # the same memory
    free_blocks: NDArray[np.int32]  # by size class, -1: none
    crossed: NDArray[np.int64]  # guards that a scan took out, their rows on the way
    pending: NDArray[np.int64]  # (bucket, guard) to be put in, the bucket's line on the way
    hits: NDArray[np.int32]  # units hit in this step
    changes: Records
    reaches: Records
    counts: NDArray[np.int64]  # units by state
    constants: NDArray[np.int64]  # equity by state, as sums.py has it: what moves with no price
    amounts: NDArray[np.int64]  # ... per unit of a slot's price: [slot, state, limb]
    positions: NDArray[np.int64]  # ... per unit of mark x value or value / mark
    counters: NDArray[np.int64]
    image: ImageBuffer


class Capacity(NamedTuple):
    """How much is reserved; what is not used is never touched."""

    units: int = 1 << 16
    rows: int = 1 << 19
    slots: int = 1 << 10
    instruments: int = 1 << 10
    chunks: int = 1 << 16


def make_columns(capacity: Capacity, memory: Memory) -> Columns:
    """Return empty columns with the constant slot in place."""
    rows = reserved(memory, capacity.rows, ROW)
    begins = reserved(memory, capacity.units, np.int32)
    begins[:] = -1
    rings = capacity.chunks * 4 + capacity.slots * 4
    chunks = np.zeros((capacity.chunks, CHUNK), np.int64)
    columns = Columns(
        rules=np.zeros(1, RULES),
        rows=rows,
        heads=rows.view(HEAD),
        draft=np.zeros(ITEMS_MAX + 1, ROW),
        begins=begins,
        slots=np.zeros(capacity.slots, SLOT),
        instruments=np.zeros(capacity.instruments, INSTRUMENT),
        rare=np.zeros(capacity.instruments, RARE),
        tiers=np.zeros(0, TIER),
        steps=np.zeros(0),
        haircuts=np.zeros(0, HAIRCUT),
        buckets=np.zeros(rings, BUCKET),
        chunks=chunks,
        words=chunks.reshape(-1),
        free_blocks=np.full(SIZE_CLASSES, -1, np.int32),
        crossed=np.zeros(WAITING_MAX, np.int64),
        pending=np.zeros((WAITING_MAX, 2), np.int64),
        hits=np.zeros(capacity.units, np.int32),
        changes=np.zeros(2 * capacity.units, CHANGE),
        reaches=np.zeros(ITEMS_MAX + 1, REACH),
        counts=np.zeros(STATES, np.int64),
        constants=np.zeros((8, 4), np.int64),
        amounts=np.zeros((capacity.slots, 8, 3), np.int64),
        positions=np.zeros((capacity.instruments, 8, 3), np.int64),
        counters=np.zeros(COUNTERS, np.int64),
        image=ImageBuffer(
            reserved(memory, 3, np.int64),
            *pages_for(memory, rows, ROWS_A_PAGE),
            *pages_for(memory, begins, UNITS_A_PAGE),
        ),
    )
    columns.slots["price"] = np.nan
    columns.slots["price"][CONSTANT] = 1.0
    columns.slots["moves"] = 1.0
    columns.counters[CHUNK_FREE] = -1
    return columns


def reserved(memory: Memory, count: int, kind: np.dtype[Any] | type[np.generic]) -> Records:
    """Return so many elements of 0, none touched."""
    return memory.reserve(count * np.dtype(kind).itemsize).view(kind)


def pages_for(memory: Memory, array: Records, size: int) -> tuple[Records, NDArray[np.int32]]:
    """Return room for an image's copies of an array, and marks that let all of it be written."""
    pages = len(array) // size + 1
    marks = reserved(memory, pages, np.int32)
    marks[:] = WRITABLE
    return reserved(memory, pages * size, array.dtype), marks
