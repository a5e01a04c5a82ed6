"""The price velocity breaker by brute force: every tick is kept and looked at again."""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from monitor.core import decisions
from monitor.core.amounts import exact_text
from monitor.core.breaker_settings import PriceVelocitySettings
from tests.reference.naive_world import Tick, significant

SECOND_NS = 1_000_000_000


def nanoseconds(seconds: float) -> int:
    """Return a duration in nanoseconds."""
    return round(Fraction(Decimal(repr(seconds))) * SECOND_NS)


def ratio(number: float) -> Fraction:
    """Return the decimal number that a setting shows."""
    return Fraction(Decimal(repr(number)))


@dataclass
class NaiveBreaker:
    """One breaker for one instrument."""

    settings: PriceVelocitySettings
    scope: str
    state: str = "armed"
    ticks: list[Tick] = field(default_factory=list)
    look_ns: int = 0
    looked_ns: int = 0
    cool_until_ns: int = 0
    extended: int = 0
    measured_last: Fraction = Fraction(0)
    newest: tuple[Fraction, ...] = ()

    @property
    def timer_name(self) -> str:
        """Return the name that orders timers due at the same time."""
        return f"breaker:{self.settings.name}:{self.scope}"

    @property
    def limit(self) -> Fraction:
        """Return the limit; this twin knows moves relative to the price alone."""
        assert self.settings.limit_ratio is not None
        return ratio(self.settings.limit_ratio)

    def window(self, now_ns: int) -> list[Tick]:
        """Return the ticks of the lookback, its first instant included."""
        since = now_ns - nanoseconds(self.settings.lookback_s)
        return [tick for tick in self.ticks if tick.time_ns >= since]

    def measured(self, now_ns: int, high: Fraction, low: Fraction) -> Fraction:
        """Return the largest move against the window, 0 without an earlier event in it."""
        window = self.window(now_ns)
        if not self.ticks or all(
            tick.event_number == self.ticks[-1].event_number for tick in window
        ):
            return Fraction(0)
        prices = [price for tick in window for price in tick.extremes]
        moves = []
        if self.settings.direction in {"up", "both"}:
            moves.append(high / min(prices) - 1)
        if self.settings.direction in {"down", "both"}:
            moves.append(1 - low / max(prices))
        return max(moves)

    def on_tick(self, tick: Tick, now_ns: int) -> list[decisions.Decision]:
        """Return what a mark makes of the breaker."""
        self.looked_ns = now_ns
        self.ticks.append(tick)
        self.newest = tick.extremes
        measured = self.measured(now_ns, max(tick.extremes), min(tick.extremes))
        self.measured_last = measured
        if self.state == "armed" and measured > self.limit:
            self.state = "tripped"
            self.look_ns = now_ns + nanoseconds(self.settings.halt_s)
            self.extended = 0
            return [self.tripped_decision(now_ns)]
        if self.state == "tripped":
            return self.try_to_cool(now_ns, measured)
        return []

    def tripped_decision(self, now_ns: int, *, caught_up: bool = False) -> decisions.Decision:
        """Return the decision of the present trip."""
        return decisions.BreakerTripped(
            event_ns=now_ns,
            rule="price_velocity",
            caught_up=caught_up,
            breaker=self.settings.name,
            scope=self.scope,
            measured=significant(self.measured_last),
            limit=significant(self.limit),
            action=self.settings.action,
            window_start_ns=max(0, now_ns - nanoseconds(self.settings.lookback_s)),
            bounds=self.bounds(now_ns),
        )

    def bounds(self, now_ns: int) -> list[decisions.BreakerBound]:
        """Return the extreme and the newest tick that the larger watched move lies between."""
        high, low = max(self.newest), min(self.newest)
        if self.measured(now_ns, high, low) <= 0:
            return []
        seen = [(price, tick.time_ns) for tick in self.window(now_ns) for price in tick.extremes]
        bottom, top = min(price for price, _ in seen), max(price for price, _ in seen)
        rises = self.settings.direction != "down" and (
            self.settings.direction == "up" or high / bottom >= 2 - low / top
        )
        extreme, price = (bottom, high) if rises else (top, low)
        extreme_ns = max(time_ns for seen_price, time_ns in seen if seen_price == extreme)
        return [
            decisions.BreakerBound(role="extreme", event_ns=extreme_ns, value=exact_text(extreme)),
            decisions.BreakerBound(
                role="newest", event_ns=self.ticks[-1].time_ns, value=exact_text(price)
            ),
        ]

    def try_to_cool(self, now_ns: int, measured: Fraction) -> list[decisions.Decision]:
        """Return what follows if the move is over and the halt has lasted long enough."""
        release = self.settings.release_ratio
        if now_ns < self.look_ns or measured > (ratio(release) if release else self.limit):
            return []
        self.state = "cooling"
        self.cool_until_ns = now_ns + nanoseconds(self.settings.cool_off_s)
        found: list[decisions.Decision] = [
            decisions.BreakerCooling(
                event_ns=now_ns,
                rule="price_velocity",
                breaker=self.settings.name,
                scope=self.scope,
                extended=self.extended,
            )
        ]
        if self.cool_until_ns == now_ns:
            found += self.rearm(now_ns, None)
        return found

    def rearm(self, now_ns: int, by: str | None) -> list[decisions.Decision]:
        """Return the decision that arms the breaker; its window starts again."""
        self.state = "armed"
        self.extended = 0
        if self.ticks:
            last = self.ticks[-1]
            self.newest = (last.price,)
            self.ticks = [Tick(last.event_number, now_ns, last.price, (last.price,))]
        return [
            decisions.BreakerRearmed(
                event_ns=now_ns,
                rule="price_velocity",
                breaker=self.settings.name,
                scope=self.scope,
                by=by,
            )
        ]

    def due_ns(self) -> int | None:
        """Return when the breaker wants to be looked at without a mark."""
        if self.state == "cooling":
            return self.cool_until_ns
        if self.state != "tripped":
            return None
        if self.settings.halt_s > 0:
            return self.look_ns
        window = self.window(self.looked_ns)
        prices = [price for tick in window for price in tick.extremes]
        if not prices:
            return None
        last_seen = [
            max(tick.time_ns for tick in window if extreme in tick.extremes)
            for extreme in (min(prices), max(prices))
        ]
        return min(last_seen) + nanoseconds(self.settings.lookback_s) + 1

    def on_timer(self, now_ns: int) -> list[decisions.Decision]:
        """Return what time alone makes of the breaker."""
        self.looked_ns = now_ns
        if self.state == "cooling":
            return self.rearm(now_ns, None)
        last = self.ticks[-1].price
        self.newest = (last,)
        self.measured_last = self.measured(now_ns, last, last)
        found = self.try_to_cool(now_ns, self.measured_last)
        if not found and self.settings.halt_s > 0:
            self.extended += 1
            self.look_ns += nanoseconds(self.settings.halt_s)
        return found
