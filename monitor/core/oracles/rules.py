"""The rules of one index, made of its settings once: limits, weights, who makes the price."""

from fractions import Fraction

from monitor.core.amounts import float_setting
from monitor.core.oracle_settings import (
    ALL_ACTIONS,
    OracleClassSettings,
    OracleSettings,
    Validity,
)
from monitor.core.oracles.validity import SECOND_NS, Limits

EXCHANGE = "exchange"  # the source that is the exchange's own index


class IndexRules:
    """What holds for one index and its sources."""

    __slots__ = ("_limits", "_sources", "_weights", "index", "limits", "mean_ns", "settings")

    def __init__(self, settings: OracleSettings, name: str) -> None:
        """Take the part of the settings that is about an index."""
        self.settings = settings
        self.index = settings.of_index(name)
        own = settings.class_of(self.index.source_class)
        self.limits = Limits.of(own)
        self._sources = {source.oracle: source for source in self.index.sources}
        self._weights = {name: float_setting(s.weight) for name, s in self._sources.items()}
        self._limits: dict[str, Limits] = {}
        kept = self.limits.volatility is not None or any(r.add_mean for r in self.index.formula)
        kept |= any(self._class(name).volatility_factor is not None for name in self._sources)
        self.mean_ns = round(settings.mean_window_s * SECOND_NS) if kept else None

    @property
    def is_aggregate(self) -> bool:
        """Return whether the oracles make the price, and not the exchange."""
        return self.index.price == "aggregate"

    @property
    def is_plain(self) -> bool:
        """Return whether every price of the exchange holds, whatever anybody says."""
        return not self.is_aggregate and not self._sources and self._has_no_limits

    @property
    def _has_no_limits(self) -> bool:
        limits = self.settings.class_of(self.index.source_class)
        free = OracleClassSettings(
            quorum=limits.quorum,
            restore_after_s=limits.restore_after_s,
            push_grace_s=limits.push_grace_s,
        )
        return limits == free

    def _class(self, source: str) -> OracleClassSettings:
        named = self._sources.get(source)
        of = None if named is None else named.source_class
        return self.settings.class_of(of or self.index.source_class)

    def limits_of(self, source: str) -> Limits:
        """Return the limits of a source: of its own class, else of the index's."""
        found = self._limits.get(source)
        if found is None:
            found = self._limits[source] = Limits.of(self._class(source))
        return found

    def weight(self, source: str) -> Fraction:
        """Return what a source counts."""
        return self._weights.get(source, Fraction(1))

    def makes_price(self, source: str) -> bool:
        """Return whether a source is part of the aggregate."""
        if self._sources:
            return source in self._sources
        return source != EXCHANGE and source not in self.index.fallback

    def in_order(self, source: str) -> tuple[int, str]:
        """Return where a source stands in the order of the configuration."""
        names = list(self._sources)
        return (names.index(source) if source in self._sources else len(names)), source

    def allows(self, validity: Validity, action: str) -> bool:
        """Return whether a price of a level may be used for something."""
        return action in self.settings.actions.of(validity)

    def allows_all(self, validity: Validity) -> bool:
        """Return whether a price of a level may be used for everything."""
        return len(self.settings.actions.of(validity)) == len(ALL_ACTIONS)

    def is_fit(self, validity: Validity) -> bool:
        """Return whether a source of a level counts in a price that margins and liquidates."""
        return self.allows(validity, "margin") and self.allows(validity, "liquidation")

    def allowed(self, validity: Validity) -> list[str]:
        """Return what a price of a level may be used for, in the order of the actions."""
        return [action for action in ALL_ACTIONS if self.allows(validity, action)]
