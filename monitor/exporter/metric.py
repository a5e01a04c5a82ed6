"""What the catalogue says about one metric: the form, its cost in series, its help."""

from typing import Literal, TypeAlias

import msgspec

MetricKind: TypeAlias = Literal["counter", "gauge", "histogram", "info"]
# Where the numbers come from: the immutable view of the engine, what the running parts measured,
# or the interpreter's own collector.
Source: TypeAlias = Literal["view", "measurements", "process"]


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One metric family.

    `series_max` is the largest number of children (label combinations); a histogram costs
    `series` = children x (buckets + the +Inf bucket + sum + count). `values` lists, for a label
    with a closed set of values, the values that stand there from the start, at 0.
    """

    name: str
    kind: MetricKind
    help: str
    unit: str
    source: Source
    series_max: int = 1
    labels: tuple[str, ...] = ()
    values: dict[str, tuple[str, ...]] = {}
    buckets: tuple[float, ...] = ()

    @property
    def series(self) -> int:
        """Return the largest number of time series that the metric can cost."""
        return self.series_max * (len(self.buckets) + 3 if self.kind == "histogram" else 1)
