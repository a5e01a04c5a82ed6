"""The engine's parts, as those see them who describe, save or restore it."""

from typing import Protocol

from monitor.core.audit import Audit
from monitor.core.changes import OpenChanges
from monitor.core.events import Event
from monitor.core.facts import MarketFacts
from monitor.core.held import HeldEvents
from monitor.core.liquidation_watch import LiquidationWatch
from monitor.core.margin.book import MarginRules
from monitor.core.market import Market
from monitor.core.recount import Recount
from monitor.core.refusals import Refusals
from monitor.core.settings import EngineSettings
from monitor.core.shards import Shards
from monitor.core.venue import VenueEngine


class EngineParts(Protocol):
    """What `RiskEngine` is composed of; `engine.py` says what each is for."""

    settings: EngineSettings
    configuration_hash: str
    rules: MarginRules
    market: Market
    venue: VenueEngine
    shards: Shards
    facts: MarketFacts
    watch: LiquidationWatch
    audit: Audit
    recount: Recount
    changes: OpenChanges
    held: HeldEvents
    refusals: Refusals
    engine_ns: int
    ordinal: int
    events_applied: int
    event_counts: dict[str, int]
    ignored_counts: dict[str, int]
    decision_counts: dict[str, int]
    feeds: dict[str, tuple[bool, int]]
    bootstrapping: bool
    accounts_expected: int | None
    caught_up: bool

    def count_applied(self, event: Event) -> None:
        """Count an event that has been applied."""

    def state_hash(self) -> str:
        """Return the SHA-256 (hex) of the whole state."""
