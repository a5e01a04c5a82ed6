"""Guards by price: a ring of buckets for each price and side, found by what a move crosses.

A guard's key is the bits of its price as a float32, rounded towards the present price: keys are
ordered as prices are, and the rounding only draws a guard nearer. The upper bits of a key are its
bucket, one octave of prices a ring; a guard farther off shares a bucket and is only looked at.
A guard is live while the row says so; outdated ones stay until they are looked at or sorted out.
"""

import numpy as np

from monitor.core.margin.index.columns import (
    BUCKETS_USED,
    CHUNK,
    CHUNK_FREE,
    CHUNK_GUARDS,
    CHUNKS_FREE,
    CHUNKS_USED,
    CROSSED,
    HITS,
    INSERTS,
    LOWER,
    NO_GUARD,
    OVERFULL,
    PENDING,
    RING_BITS_MAX,
    UPPER,
    WAITING_MAX,
    Columns,
)
from monitor.core.margin.index.compile import inlined, prefetch

MANTISSA_BITS = 23
KEY_BITS = 32
ROW_MASK = 0xFFFFFFFF
BUCKET_GUARDS = 128  # wanted in a bucket when a ring is made
GUARDS_MIN = 256  # a ring is not made anew for fewer
LOOK_AHEAD = 16  # how many buckets are on the way from memory at once
PRICE_MIN, PRICE_MAX = 1e-20, 1e30  # prices; guards beyond need not be set


@inlined
def key_down(price: float) -> int:
    """Return the key of the largest float32 that is not above a price."""
    single = np.float32(price)
    bits = int(single.view(np.int32))
    return bits - 1 if float(single) > price else bits


@inlined
def key_up(price: float) -> int:
    """Return the key of the smallest float32 that is not below a price."""
    single = np.float32(price)
    bits = int(single.view(np.int32))
    return bits + 1 if float(single) < price else bits


@inlined
def chunks_left(c: Columns) -> int:
    """Return how many chunks may still be taken."""
    return int(len(c.chunks) - c.counters[CHUNKS_USED] + c.counters[CHUNKS_FREE])


@inlined
def take_chunk(c: Columns) -> int:
    """Return a free chunk; the caller has seen that there is one."""
    chunk = c.counters[CHUNK_FREE]
    if chunk >= 0:
        c.counters[CHUNK_FREE] = c.chunks[chunk, 0]
        c.counters[CHUNKS_FREE] -= 1
        return int(chunk)
    chunk = c.counters[CHUNKS_USED]
    c.counters[CHUNKS_USED] = chunk + 1
    return int(chunk)


@inlined
def push(c: Columns, bucket: int, entry: int) -> None:
    """Put a guard into a bucket: all chunks but the first are full."""
    own = c.buckets[bucket]
    count = own["count"]
    place = count % CHUNK_GUARDS
    if place == 0:
        chunk = take_chunk(c)
        c.chunks[chunk, 0] = own["chunk"] if count else -1
        own["chunk"] = chunk
    c.chunks[own["chunk"], 1 + place] = entry
    own["count"] = count + 1


@inlined
def pop(c: Columns, bucket: int) -> int:
    """Take the last guard of a bucket that has one."""
    own = c.buckets[bucket]
    count = own["count"] - 1
    own["count"] = count
    chunk, place = own["chunk"], count % CHUNK_GUARDS
    entry = c.chunks[chunk, 1 + place]
    if place == 0:
        own["chunk"] = c.chunks[chunk, 0]
        c.chunks[chunk, 0] = c.counters[CHUNK_FREE]
        c.counters[CHUNK_FREE] = chunk
        c.counters[CHUNKS_FREE] += 1
    return int(entry)


@inlined
def bucket_of(c: Columns, slot: int, side: int, key: int) -> int:
    """Return the bucket of a key."""
    own = c.slots[slot]
    bits = own["bits"]
    place = (key >> (MANTISSA_BITS - bits)) & ((1 << bits) - 1)
    return int(own["ring"] + (side << bits) + place)


@inlined
def put_pending(c: Columns) -> None:
    """Put the waiting guards into their buckets."""
    waiting = c.counters[PENDING]
    for number in range(min(waiting, LOOK_AHEAD)):
        prefetch_top(c, c.pending[number, 0])
    for number in range(waiting):
        if number + LOOK_AHEAD < waiting:
            prefetch_top(c, c.pending[number + LOOK_AHEAD, 0])
        push(c, c.pending[number, 0], c.pending[number, 1])
    c.counters[PENDING] = 0


@inlined
def prefetch_top(c: Columns, bucket: int) -> None:
    """Ask for the line of a bucket that the next guard goes to."""
    own = c.buckets[bucket]
    word = own["chunk"] * CHUNK + 1 + own["count"] % CHUNK_GUARDS
    prefetch(c.words, word)


@inlined
def insert(c: Columns, slot: int, side: int, key: int, row: int) -> None:
    """Let a row's guard wait to be put into its bucket, which is on the way from memory."""
    bucket = bucket_of(c, slot, side, key)
    prefetch(c.buckets, bucket)
    waiting = c.counters[PENDING]
    c.pending[waiting, 0] = bucket
    c.pending[waiting, 1] = (key << KEY_BITS) | row
    c.counters[PENDING] = waiting + 1
    if waiting + 1 == WAITING_MAX:
        put_pending(c)
    own = c.slots[slot]
    own["guards"] += 1
    c.counters[INSERTS] += 1
    if own["guards"] > own["guards_max"]:
        c.counters[OVERFULL] = 1


@inlined
def is_live(c: Columns, entry: int, side: int) -> bool:
    """Return whether a row still has the guard that an entry tells of."""
    row = c.rows[entry & ROW_MASK]
    key = entry >> KEY_BITS
    return bool(row["upper"] == key if side == UPPER else row["lower"] == key)


@inlined
def list_unit(c: Columns, begin: int) -> None:
    """Put a unit among the hits of this step, once."""
    head = c.heads[begin]
    if head["listed"] == 0:
        head["listed"] = 1
        c.hits[c.counters[HITS]] = head["unit"]
        c.counters[HITS] += 1


@inlined
def hit(c: Columns, entry: int, side: int) -> None:
    """Forget a crossed guard, if it is live, and list its unit."""
    if is_live(c, entry, side):
        number = entry & ROW_MASK
        row = c.rows[number]
        if side == UPPER:
            row["upper"] = NO_GUARD
        else:
            row["lower"] = NO_GUARD
        list_unit(c, number - row["place"])


@inlined
def scan_bucket(c: Columns, bucket: int, side: int, limit: int) -> int:
    """Take the crossed guards out of a bucket; return how many.

    Crossed: a lower one above `limit`, an upper one below it. A gap is filled from the top, which
    was looked at before.
    """
    own = c.buckets[bucket]
    chunk, left = own["chunk"], own["count"]
    filled = (left - 1) % CHUNK_GUARDS + 1
    taken = 0
    while left > 0:
        following = c.chunks[chunk, 0]
        for place in range(filled, 0, -1):
            entry = c.chunks[chunk, place]
            key = entry >> KEY_BITS
            crossed = key < limit if side == UPPER else key > limit
            if crossed:
                c.chunks[chunk, place] = pop(c, bucket)
                taken += 1
                prefetch(c.rows, entry & ROW_MASK)
                c.crossed[c.counters[CROSSED]] = entry
                c.counters[CROSSED] += 1
                if c.counters[CROSSED] == WAITING_MAX:
                    look_up_crossed(c, side)
        left -= filled
        filled = CHUNK_GUARDS
        chunk = following
    return taken


@inlined
def scan_side(c: Columns, slot: int, side: int, bounds: tuple[int, int], limit: int) -> None:
    """Scan the buckets from one key to another, each once."""
    own = c.slots[slot]
    bits = own["bits"]
    shift = MANTISSA_BITS - bits
    first, last = bounds[0] >> shift, bounds[1] >> shift
    mask = (1 << bits) - 1
    ring = own["ring"] + (side << bits)
    taken = 0
    for place in range(first, min(last, first + mask) + 1):
        taken += scan_bucket(c, ring + (place & mask), side, limit)
    own["guards"] -= taken
    look_up_crossed(c, side)


@inlined
def look_up_crossed(c: Columns, side: int) -> None:
    """Look at the rows of crossed guards: by now they are here."""
    for number in range(c.counters[CROSSED]):
        hit(c, c.crossed[number], side)
    c.counters[CROSSED] = 0


@inlined
def collect(c: Columns, slot: int) -> None:
    """List the units whose guard the last move of a price crossed.

    A lower guard is crossed when the price, rounded down, is below it; an upper one likewise. A
    move between two neighbouring keys crosses the guards that were rounded onto them.
    """
    own = c.slots[slot]
    if own["price"] < own["old"]:
        scan_side(c, slot, LOWER, (own["down"] + 1, own["old_down"] + 1), own["down"])
    if own["price"] > own["old"]:
        scan_side(c, slot, UPPER, (own["old_up"] - 1, own["up"] - 1), own["up"])
    own["old"], own["old_down"], own["old_up"] = own["price"], own["down"], own["up"]


@inlined
def sort_out(c: Columns, slot: int) -> None:
    """Move the live guards of a price to a ring of the right size; drop the outdated ones."""
    put_pending(c)
    own = c.slots[slot]
    old_ring, old_bits = own["ring"], own["bits"]
    live = 0
    for side in range(2):
        for place in range(1 << old_bits):
            live += live_guards(c, old_ring + (side << old_bits) + place, side)
    bits = old_bits
    while bits < RING_BITS_MAX and live > 2 * BUCKET_GUARDS << bits:
        bits += 1
    if bits > old_bits:
        own["ring"], own["bits"] = c.counters[BUCKETS_USED], bits
        c.counters[BUCKETS_USED] += 2 << bits
        for side in range(2):
            for place in range(1 << old_bits):
                empty_into(c, slot, old_ring + (side << old_bits) + place, side)
    own["guards"] = live
    own["guards_max"] = max(GUARDS_MIN, 2 * live)


@inlined
def live_guards(c: Columns, bucket: int, side: int) -> int:
    """Drop the outdated guards of a bucket; return how many stay."""
    own = c.buckets[bucket]
    chunk, left = own["chunk"], own["count"]
    filled = (left - 1) % CHUNK_GUARDS + 1
    while left > 0:
        following = c.chunks[chunk, 0]
        for place in range(filled, 0, -1):
            if not is_live(c, c.chunks[chunk, place], side):
                c.chunks[chunk, place] = pop(c, bucket)
        left -= filled
        filled = CHUNK_GUARDS
        chunk = following
    return int(own["count"])


@inlined
def empty_into(c: Columns, slot: int, bucket: int, side: int) -> None:
    """Move the guards of a bucket of an old ring to the present one."""
    while c.buckets[bucket]["count"] > 0:
        entry = pop(c, bucket)
        push(c, bucket_of(c, slot, side, entry >> KEY_BITS), entry)


@inlined
def rings_left(c: Columns) -> int:
    """Return how many buckets may still be taken."""
    return int(len(c.buckets) - c.counters[BUCKETS_USED])
