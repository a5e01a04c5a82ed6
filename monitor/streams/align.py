"""In which order the partitions' records go to the engine, when there is a choice.

Topics have no common order. Live, records are applied as they come. Behind, one topic must not
run hours ahead of another, or an account would be judged at a price of another hour: so records
are taken in windows of their timestamps. Nothing is lost by a wrong timestamp but this order.
"""

from bisect import bisect_right
from collections.abc import Collection, Mapping
from typing import TypeAlias

from monitor.streams.batch import Record, Slice

Partition: TypeAlias = tuple[str, int]
WINDOW_MS = 100


def take_aligned(
    buffers: Mapping[Partition, list[Record]],
    *,
    ended: Collection[Partition],
    window_ms: int = WINDOW_MS,
) -> list[Slice]:
    """Take from the buffers what may be applied now, in order, and return it.

    `ended` are the partitions whose buffer holds everything there is; any other empty buffer
    stops the taking, because its next record may be older. Within a window the partition with
    the oldest record goes first.
    """
    slices: list[Slice] = []
    while all(records or partition in ended for partition, records in buffers.items()):
        waiting = [(partition, records) for partition, records in buffers.items() if records]
        if not waiting:
            break
        waiting.sort(key=lambda each: each[1][0].timestamp)
        horizon = waiting[0][1][0].timestamp + window_ms
        for partition, records in waiting:
            count = _count_until(records, horizon)
            if count:
                slices.append(Slice(*partition, records[:count]))
                del records[:count]
    return slices


def _count_until(records: list[Record], horizon: int) -> int:
    """Return how many records stand before the first one that is later than the horizon.

    Timestamps inside a partition may be out of order; then a little too much or too little is
    taken, which only shifts the order between partitions.
    """
    if records[0].timestamp > horizon:
        return 0
    if records[-1].timestamp <= horizon:
        return len(records)
    return bisect_right(records, horizon, lo=1, key=lambda record: record.timestamp)
