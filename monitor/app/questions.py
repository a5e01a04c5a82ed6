"""What the API asks the engine: between two events, in the engine's own task."""

from collections.abc import Callable
from typing import Any

from monitor.core.audit_view import AuditReport
from monitor.core.deleveraging_case import Deleveraging
from monitor.core.engine import RiskEngine
from monitor.core.waterfall_ledger import WaterfallEpisode


class Questions:
    """Asks the engine that there is; before there is one, nothing is known."""

    def __init__(self, engine: Callable[[], RiskEngine | None]) -> None:
        """Ask whichever engine is there at the time."""
        self._engine = engine

    def account_report(self, account: str) -> dict[str, Any] | None:
        """Return one account as in `accounts.ndjson`; None when it is not known."""
        engine = self._engine()
        return None if engine is None else engine.account_report(account)

    def waterfall_episode(self, episode: str) -> WaterfallEpisode | None:
        """Return who paid what in an episode; None when it is not known."""
        engine = self._engine()
        return None if engine is None else engine.waterfall_episode(episode)

    def deleveragings(self, liquidation_id: str) -> tuple[Deleveraging, ...]:
        """Return why accounts were deleveraged for a liquidation; none when it is not known."""
        engine = self._engine()
        return () if engine is None else engine.deleveragings(liquidation_id)

    def audit_report(self) -> AuditReport | None:
        """Return the sums that must be conserved, None before the engine is there."""
        engine = self._engine()
        return None if engine is None else engine.audit_report()
