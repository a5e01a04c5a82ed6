"""The collector: catalogue + immutable view + measurements -> metric families.

It keeps no state between scrapes, so a series that ends is gone at the next one. A family's
samples are made one by one while the text is written, and every SAMPLES_BETWEEN_PAUSES of them
the writer pauses: rendering happens in a thread of its own, but holds the interpreter's lock, and
the engine's thread shall never wait for that longer than a fraction of a millisecond.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import cast

from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from monitor.core.view import RiskView
from monitor.exporter.catalogue import CATALOGUE
from monitor.exporter.labels import harmless
from monitor.exporter.metric import Metric
from monitor.exporter.reader import Child
from monitor.exporter.readers import READERS
from monitor.exporter.readers_liquidations import distribution_of
from monitor.runtime.measurements import Distribution, Measurements

SAMPLES_BETWEEN_PAUSES = 40
LEFT_OUT = "loss_monitor_series_left_out"
# Absent until somebody measured them: 0 would claim something that is not known.
_NOT_FROM_THE_START = frozenset({"loss_monitor_redis_connected", "loss_monitor_build_info"})


def declared_measurements() -> dict[str, tuple[float, ...]]:
    """Return what `Measurements` may be told: each measured name with its histogram bounds."""
    return {metric.name: metric.buckets for metric in CATALOGUE if metric.source == "measurements"}


class RiskCollector(Collector):
    """Families of every metric in the catalogue, from one view and one set of measurements.

    `pause` is called between slices of samples; it should let other threads run.
    """

    def __init__(
        self,
        view: Callable[[], RiskView],
        measurements: Measurements,
        *,
        pause: Callable[[], object] = lambda: None,
    ) -> None:
        self._view = view
        self._measurements = measurements
        self._pause = pause

    def collect(self) -> Iterator[Family]:
        """Yield one family a metric, in the order of the catalogue; read each before the next."""
        view = self._view()
        left_out = 0
        for metric in CATALOGUE:
            if metric.name == LEFT_OUT:
                yield self._family(metric, samples_of(metric, [((), float(left_out))]))
            elif metric.kind == "histogram":
                distribution = self._distribution(metric, view)
                yield self._family(metric, histogram_samples(metric, distribution))
            else:
                children = self._children(metric, view)
                bounded = children[: metric.series_max]
                left_out += len(children) - len(bounded)
                yield self._family(metric, samples_of(metric, bounded))

    def _distribution(self, metric: Metric, view: RiskView) -> Distribution | None:
        if metric.source == "view":
            return distribution_of(metric.name, view)
        return self._measurements.distribution(metric.name)

    def _children(self, metric: Metric, view: RiskView) -> list[Child]:
        if metric.source == "view":
            found = list(READERS[metric.name](view))
        else:
            found = list(self._measurements.children(metric.name).items())
        present = {labels for labels, _ in found}
        return found + [child for child in initial_children(metric) if child[0] not in present]

    def _family(self, metric: Metric, samples: Iterable[Sample]) -> Family:
        kind = "gauge" if metric.kind == "info" else metric.kind
        family = Family(metric.name.removesuffix("_total"), metric.help, kind)
        family.samples = cast("list[Sample]", self._paced(samples))
        return family

    def _paced(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        self._pause()
        for number, sample in enumerate(samples, start=1):
            yield sample
            if number % SAMPLES_BETWEEN_PAUSES == 0:
                self._pause()


def initial_children(metric: Metric) -> list[Child]:
    """Return the series that stand at 0 from the start: those whose labels are all closed sets."""
    if metric.name in _NOT_FROM_THE_START or any(
        label not in metric.values for label in metric.labels
    ):
        return []
    combinations = itertools.product(*(metric.values[label] for label in metric.labels))
    return [(labels, 0.0) for labels in combinations]


def samples_of(metric: Metric, children: Iterable[Child]) -> Iterator[Sample]:
    """Yield a sample a child; a value that is not a number is left out."""
    for labels, value in children:
        if not math.isnan(value):
            harmless_labels = [harmless(label) for label in labels]
            yield Sample(metric.name, dict(zip(metric.labels, harmless_labels, strict=True)), value)


def histogram_samples(metric: Metric, distribution: Distribution | None) -> Iterator[Sample]:
    """Yield a histogram's samples; all zero before the first observation."""
    distribution = distribution or Distribution(metric.buckets)
    cumulative = distribution.cumulative()
    bounds = [*(f"{bound:g}" for bound in distribution.bounds), "+Inf"]
    for bound, count in zip(bounds, cumulative, strict=True):
        yield Sample(f"{metric.name}_bucket", {"le": bound}, count)
    yield Sample(f"{metric.name}_count", {}, cumulative[-1])
    yield Sample(f"{metric.name}_sum", {}, distribution.sum)
