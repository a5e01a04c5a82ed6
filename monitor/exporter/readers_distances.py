"""How the metrics of cascades are read."""

from collections.abc import Callable, Iterable, Iterator

from monitor.core.distance_view import ALL_INSTRUMENTS, Distances
from monitor.exporter.catalogue_distances import FEEDBACKS, NEAREST_MAX
from monitor.exporter.reader import Child, Reader, of_part

SECOND_NS = 1_000_000_000


def _of_distances(read: Callable[[Distances], Iterable[Child]]) -> Reader:
    return of_part(lambda view: view.distances, read)


def _ratios(distances: Distances) -> Iterator[Child]:
    joint = [one for one in distances.sides if one.instrument == ALL_INSTRUMENTS]
    others = [one for one in distances.sides if one.instrument != ALL_INSTRUMENTS]
    for one in joint + others[:NEAREST_MAX]:
        ratios = (one.first_round_ratio, one.cascade_ratio)
        for feedback, ratio in zip(FEEDBACKS, ratios, strict=True):
            if ratio is not None:
                yield (one.instrument, one.side, feedback), ratio


def _reproduction(distances: Distances) -> list[Child]:
    worst: dict[str, float] = {}
    for one in distances.sides:
        worst[one.instrument] = max(one.reproduction_ratio, worst.get(one.instrument, 0.0))
    largest = sorted(worst.items(), key=lambda told: (-told[1], told[0]))[:NEAREST_MAX]
    return [((name,), ratio) for name, ratio in largest]


DISTANCE_READERS: dict[str, Reader] = {
    "loss_monitor_distance_to_socialized_loss_ratio": _of_distances(_ratios),
    "loss_monitor_cascade_reproduction_ratio": _of_distances(_reproduction),
    "loss_monitor_distances_oldest_timestamp_seconds": _of_distances(
        lambda distances: [((), distances.oldest_ns / SECOND_NS)]
    ),
}
