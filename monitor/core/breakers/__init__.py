"""Circuit breakers: one file a rule, one line here for each."""

from monitor.core.breakers.breaker import Breaker
from monitor.core.breakers.price_velocity import PriceVelocity
from monitor.core.settings import BreakerSettings, PriceVelocitySettings

RULES = {PriceVelocitySettings: PriceVelocity}


def make_breaker(settings: BreakerSettings, scope: str) -> Breaker:
    """Return an armed breaker for one scope."""
    return Breaker(settings, scope, RULES[type(settings)](settings))
