"""What the running parts measure about themselves: counters, gauges and histograms by name.

One object is made by the composition root and handed to every part that has something to tell;
whoever exposes it reads copies. All writes come from the event loop's thread, so no lock is
needed: a reader in another thread copies with one call that the interpreter does not interrupt.
"""

from bisect import bisect_left
from collections.abc import Mapping

CHILDREN_MAX = 256
OTHER = "other"
DEFAULT_BOUNDS = (0.001, 0.01, 0.1, 1.0, 10.0)


class UndeclaredMeasurementError(KeyError):
    """A part measured under a name that nobody exposes: a programmer's error."""


class Distribution:
    """A histogram: how many observations fell at or below each bound, and their sum.

    `counts` has one place more than `bounds`: what lies above the last bound.
    """

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> list[int]:
        """Return, for each bound and for infinity, how many observations are not above it."""
        total = 0
        cumulative = []
        for count in list(self.counts):
            total += count
            cumulative.append(total)
        return cumulative


class Measurements:
    """Counters, gauges and histograms by name and label values.

    `declared` maps each allowed name to its histogram bounds (empty for counters and gauges);
    without it every name is allowed, which suits a part that is tested alone. A name has at most
    CHILDREN_MAX combinations of label values; later ones are counted under `other`.
    """

    def __init__(self, declared: Mapping[str, tuple[float, ...]] | None = None) -> None:
        self._declared = declared
        self._values: dict[str, dict[tuple[str, ...], float]] = {}
        self._distributions: dict[str, Distribution] = {}

    def increase(self, name: str, *labels: str, by: float = 1.0) -> None:
        """Add to a counter."""
        children = self._children(name)
        key = self._bounded(children, labels)
        children[key] = children.get(key, 0.0) + by

    def set_to(self, name: str, value: float, *labels: str) -> None:
        """Give a gauge its value."""
        children = self._children(name)
        children[self._bounded(children, labels)] = float(value)

    def remove(self, name: str, *labels: str) -> None:
        """Forget one child: what it described is gone."""
        self._children(name).pop(labels, None)

    def observe(self, name: str, value: float) -> None:
        """Count one observation of a histogram."""
        distribution = self._distributions.get(name)
        if distribution is None:
            self._check(name)
            bounds = (self._declared or {}).get(name) or DEFAULT_BOUNDS
            distribution = self._distributions[name] = Distribution(bounds)
        distribution.observe(value)

    def value(self, name: str, *labels: str) -> float:
        """Return one counter or gauge; 0 if nobody touched it."""
        return self._values.get(name, {}).get(labels, 0.0)

    def children(self, name: str) -> dict[tuple[str, ...], float]:
        """Return a copy of a name's values by label values; safe from any thread."""
        return dict(self._values.get(name, {}))

    def distribution(self, name: str) -> Distribution | None:
        """Return a histogram, or None if nothing was observed."""
        return self._distributions.get(name)

    def _children(self, name: str) -> dict[tuple[str, ...], float]:
        children = self._values.get(name)
        if children is None:
            self._check(name)
            children = self._values[name] = {}
        return children

    def _check(self, name: str) -> None:
        if self._declared is not None and name not in self._declared:
            raise UndeclaredMeasurementError(f"expected a declared measurement, received {name!r}")

    @staticmethod
    def _bounded(
        children: dict[tuple[str, ...], float], labels: tuple[str, ...]
    ) -> tuple[str, ...]:
        if labels in children or len(children) < CHILDREN_MAX:
            return labels
        return (OTHER,) * len(labels)
