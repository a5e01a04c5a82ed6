"""What the API reads: handed over once by the composition root.

Everything here is either immutable or cheap to ask on the event loop; nothing lets a request
change the engine. `reset_breaker` writes an event to the market topic, where the engine reads it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from monitor.api.breaker_resets import ResetBreaker
from monitor.api.decision_ring import DecisionRing
from monitor.core.audit_view import AuditReport
from monitor.core.deleveraging_case import Deleveraging
from monitor.core.view import RiskView
from monitor.core.waterfall_ledger import WaterfallEpisode
from monitor.runtime.health import Health
from monitor.runtime.measurements import Measurements


@dataclass(frozen=True, kw_only=True)
class ApiSource:
    """The monitor as the API sees it.

    `view`: the newest summary. `health`: the named checks of the daemon. `account_report`: one
    account as in `accounts.ndjson`, or None. `waterfall_episode`: who paid what in an episode, or
    None. `deleveragings`: what the rule said and the venue did for a liquidation. `audit_report`:
    what must be conserved, None before the engine is there. `metrics`: content type and body of
    /metrics.
    `now_ns`: the wall clock, nanoseconds since the epoch. `decisions`: the newest ones; whoever
    publishes decisions appends to it.
    """

    view: Callable[[], RiskView]
    health: Health
    account_report: Callable[[str], dict[str, Any] | None]
    waterfall_episode: Callable[[str], WaterfallEpisode | None]
    deleveragings: Callable[[str], tuple[Deleveraging, ...]]
    audit_report: Callable[[], AuditReport | None]
    reset_breaker: ResetBreaker
    metrics: Callable[[], Awaitable[tuple[str, bytes]]]
    now_ns: Callable[[], int]
    decisions: DecisionRing
    measurements: Measurements
    version: str = "0"
