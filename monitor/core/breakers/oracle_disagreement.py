"""`oracle_disagreement`: an outside price far from the exchange's own index.

measure = the largest of |price / index - 1| over the sources, each taken when the source told its
newest price: a source that falls silent, and the index that moves on, change nothing. With an
index of 100, sources at 99.5 and 104 disagree by 0.04.
"""

from fractions import Fraction
from typing import Any

from monitor.core.amounts import float_setting
from monitor.core.breaker_settings import OracleDisagreementSettings
from monitor.core.breakers.breaker import Estimate, Measure


class OracleDisagreement:
    """How far the outside prices of one index are from it."""

    trips_by_time = False

    def __init__(self, settings: OracleDisagreementSettings) -> None:
        """Begin without a source."""
        release = settings.release_ratio
        self.limit = float_setting(settings.limit_ratio)
        self.release = self.limit if release is None else float_setting(release)
        self._distances: dict[str, Fraction] = {}
        self._first: set[str] = set()  # sources that have told one price only

    def observe(self, source: str, price: Fraction, index: Fraction) -> None:
        """Take a source's price, and the index as it stands (> 0)."""
        if source in self._distances:
            self._first.discard(source)
        else:
            self._first.add(source)
        self._distances[source] = abs(price / index - 1)

    def pass_time(self) -> None:
        """Do nothing: a price holds until the next one."""

    def measure(self, now_ns: int) -> Measure:
        """Return the largest distance of the sources that have told more than one price."""
        told = (one for name, one in self._distances.items() if name not in self._first)
        distance = max(told, default=Fraction(0))
        return Measure(distance, self.limit, distance > self.limit, distance <= self.release)

    def estimate(self, now_ns: int) -> Estimate:
        """Return the same in floats."""
        measure = self.measure(now_ns)
        return Estimate(float(measure.value), float(measure.limit), not measure.is_beyond)

    def restart(self, now_ns: int, *, by_hand: bool) -> None:
        """Keep the sources; by hand, the newest price of each counts as its first one."""
        if by_hand:
            self._first = set(self._distances)

    def next_change_ns(self, now_ns: int) -> int | None:
        """Return None: only a price changes the distance."""
        return None

    def export_state(self) -> dict[str, Any]:
        """Return the rule's state as plain values, distances as numerator and denominator."""
        return {
            "distances": [
                [name, str(one.numerator), str(one.denominator)]
                for name, one in sorted(self._distances.items())
            ],
            "first": sorted(self._first),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self._distances = {
            name: Fraction(int(top), int(under)) for name, top, under in state["distances"]
        }
        self._first = set(state["first"])
