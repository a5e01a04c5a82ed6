"""The newest immutable view, for everybody who is not the writer."""

import msgspec

from monitor.core.distance_view import Distances
from monitor.core.engine import RiskEngine
from monitor.core.funding_view import FundingForecast
from monitor.core.loss_at_risk_view import LossAtRisk
from monitor.core.oracle_view import IndexSensitivity
from monitor.core.shadow_view import Shadow
from monitor.core.view import BookSums, Ladders, RiskView
from monitor.runtime.clock import Clock
from monitor.streams.shard import Applied

REFRESH_INTERVAL_S = 0.1
SHARE_MAX = 0.1


class ViewHolder:
    """Holds a view by reference; the writer refreshes it at most every 100 ms.

    A view that is dear to make is made less often, so that making it takes at most a tenth of
    the writer's time.
    """

    def __init__(self, clock: Clock) -> None:
        self.view = RiskView()
        self._book: BookSums | None = None
        self._ladders: Ladders | None = None
        self._sensitivities: tuple[IndexSensitivity, ...] = ()
        self._shadows: tuple[Shadow, ...] = ()
        self._funding: FundingForecast | None = None
        self._distances: Distances | None = None
        self._loss_at_risk: LossAtRisk | None = None
        self._clock = clock
        self._engine: RiskEngine | None = None
        self._is_behind = True
        self._due_s = 0.0

    def follow(self, engine: RiskEngine) -> None:
        """Take views of this engine from now on."""
        self._engine = engine
        self._is_behind = True
        self.refresh(None)

    def take_book(self, sums: BookSums) -> None:
        """Show the sums of a book image from now on."""
        self._book = sums
        self.view = msgspec.structs.replace(self.view, book=sums)

    def take_ladders(self, ladders: Ladders) -> None:
        """Show the ladders of a book image from now on."""
        self._ladders = ladders
        self.view = msgspec.structs.replace(self.view, ladders=ladders)

    def take_sensitivities(self, found: tuple[IndexSensitivity, ...]) -> None:
        """Show what indices could do to a book image from now on."""
        self._sensitivities = found
        self.view = msgspec.structs.replace(self.view, sensitivities=found)

    def take_shadows(self, shadows: tuple[Shadow, ...]) -> None:
        """Show what every policy would take now from now on."""
        self._shadows = shadows
        self.view = msgspec.structs.replace(self.view, shadows=shadows)

    def take_funding(self, forecast: FundingForecast) -> None:
        """Show what the next funding payment does from now on."""
        self._funding = forecast
        self.view = msgspec.structs.replace(self.view, funding=forecast)

    def take_distances(self, distances: Distances) -> None:
        """Show how far socialized losses are from now on."""
        self._distances = distances
        self.view = msgspec.structs.replace(self.view, distances=distances)

    def take_loss_at_risk(self, found: LossAtRisk) -> None:
        """Show what may be socialized from now on."""
        self._loss_at_risk = found
        self.view = msgspec.structs.replace(self.view, loss_at_risk=found)

    def refresh(self, applied: Applied | None) -> None:
        """Make a new view if something was applied since the last one and it is time."""
        self._is_behind = self._is_behind or applied is not None
        started_s = self._clock.monotonic_s()
        if self._engine is None or not self._is_behind or started_s < self._due_s:
            return
        self.view = msgspec.structs.replace(
            self._engine.view(),
            book=self._book,
            ladders=self._ladders,
            sensitivities=self._sensitivities,
            shadows=self._shadows,
            funding=self._funding,
            distances=self._distances,
            loss_at_risk=self._loss_at_risk,
        )
        self._is_behind = False
        ended_s = self._clock.monotonic_s()
        self._due_s = ended_s + max(REFRESH_INTERVAL_S, (ended_s - started_s) / SHARE_MAX)
