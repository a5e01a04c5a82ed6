"""Makes the views of breakers: beside their state, whether the venue followed, and who is silent.

Whether the venue followed is read from its own `trading_status_changed`, so only of breakers of one
instrument whose action is a status of trading. A breaker whose mark has been silent is degraded: it
neither trips nor disarms by that, but it does not see.
"""

from monitor.core.breakers import PRICE_RULES
from monitor.core.breakers.breaker import SECOND_NS, Breaker
from monitor.core.decisions import VenueFollowing
from monitor.core.market import Market
from monitor.core.parts import EngineParts
from monitor.core.view import BreakerView

# How long the venue has for an action, from the trip on.
FOLLOWED_WITHIN_NS = 10 * SECOND_NS
# A mark that has not been told for so long leaves its breakers blind.
SILENT_AFTER_NS = 60 * SECOND_NS
# Which statuses of trading carry an action out.
STATUSES_OF = {
    "halt": frozenset({"halted", "closed", "pre_open"}),
    "reduce_only": frozenset({"reduce_only", "halted", "closed", "pre_open"}),
}


def breaker_views(engine: EngineParts) -> tuple[BreakerView, ...]:
    """Return every breaker that has seen its scope, by name, then scope."""
    board, market, now_ns = engine.venue.board, engine.market, engine.engine_ns
    return tuple(_breaker(breaker, market, now_ns) for _, breaker in sorted(board.breakers.items()))


def _breaker(breaker: Breaker, market: Market, now_ns: int) -> BreakerView:
    status = breaker.status
    return BreakerView(
        breaker=breaker.settings.name,
        kind=breaker.kind,
        scope=breaker.scope,
        state=status.state,
        action=breaker.action,
        unit=breaker.unit,
        dry_run=breaker.settings.dry_run,
        measured=status.estimate,
        limit=status.limit,
        extended=status.extended,
        changed_ns=status.changed_ns,
        following=_following(breaker, market, now_ns),
        silent_since_ns=_silent_since_ns(breaker, market, now_ns),
    )


def _following(breaker: Breaker, market: Market, now_ns: int) -> VenueFollowing | None:
    """Return whether the venue does what a standing trip asks for, None where nobody can tell."""
    statuses = STATUSES_OF.get(breaker.action)
    is_told = statuses is not None and breaker.scope in market.instruments
    if not is_told or breaker.status.state != "tripped" or breaker.settings.scope == "fund":
        return None
    assert statuses is not None
    told = market.statuses.get(breaker.scope)
    if told is not None and told.status in statuses:
        return "followed"
    is_late = now_ns > breaker.status.changed_ns + FOLLOWED_WITHIN_NS
    return "not_followed" if is_late else "waiting"


def _silent_since_ns(breaker: Breaker, market: Market, now_ns: int) -> int | None:
    """Return since when the mark that a price rule needs has been silent, None while it is told."""
    if type(breaker.settings) not in PRICE_RULES:
        return None
    quote = market.marks.get(breaker.scope)
    if quote is None or now_ns <= quote.event_ns + SILENT_AFTER_NS:
        return None
    return quote.event_ns
