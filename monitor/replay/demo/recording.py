"""The story as a pure function: the same seed and length give the same events, byte for byte."""

from collections.abc import Iterator

from monitor.core.events import Event
from monitor.replay.demo.exchange import Exchange
from monitor.replay.demo.scenario import STEP_NS, cycle_seconds

START_NS = 1_760_130_000_000_000_000  # 2025-10-10 21:00:00 UTC


def generate(seed: int, seconds: float, *, start_ns: int = START_NS) -> Iterator[Event]:
    """Yield every event of a demo of `seconds`, in the order of event time.

    Nobody answers here, so the exchange never halts: a breaker's decision reaches it only live.
    """
    exchange = Exchange(seed=seed, cycle_s=cycle_seconds(seconds), start_ns=start_ns)
    yield from exchange.open()
    for _ in range(1, max(2, round(seconds * 1e9 / STEP_NS))):
        yield from exchange.step()
