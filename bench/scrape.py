"""The cost of a scrape of 400 instruments to the event loop.

A probe sleeps for a millisecond again and again in the loop and notes how late it wakes, first
alone, then while /metrics is rendered again and again in its thread. The peer is the same text
rendered in the loop itself: what the engine would wait for without the thread.
"""

import asyncio
import time

from bench.measure import Figure, Scale, main, quantile
from monitor.core.view import BreakerView, InstrumentView, RiskView
from monitor.exporter.catalogue import INSTRUMENTS_MAX
from monitor.exporter.collector import declared_measurements
from monitor.exporter.scrape import CACHE_S, Scraper
from monitor.runtime.measurements import Measurements

NAP_S = 0.001
SCRAPES = {"small": 10, "full": 100}


def view_of(instruments: int) -> RiskView:
    """Return a view with that many instruments and one breaker on each."""
    names = [f"COIN{number:04d}-PERP" for number in range(instruments)]
    return RiskView(
        engine_ns=1,
        instruments=tuple(
            InstrumentView(
                instrument=name, kind="linear", status="open", mark_price=1.25, mark_price_ns=1,
                index_price=1.24, funding_rate=0.0, open_interest_long_contracts=5.0,
                open_interest_short_contracts=5.0, open_interest_usd=6.25,
            )
            for name in names
        ),
        breakers=tuple(
            BreakerView(
                breaker="velocity", kind="price_velocity", scope=name, state="armed",
                action="halt", measured=0.01, limit=0.1, extended=0, changed_ns=1,
            )
            for name in names
        ),
    )  # fmt: skip


async def lateness_ms(stop: asyncio.Event) -> list[float]:
    """Return how late each nap ended until told to stop."""
    late = []
    while not stop.is_set():
        started = time.perf_counter()
        await asyncio.sleep(NAP_S)
        late.append((time.perf_counter() - started - NAP_S) * 1e3)
    return late


async def measure_lateness(scraper: Scraper, scrapes: int) -> list[float]:
    """Return the lateness of the loop while /metrics is scraped; without scrapes, when idle."""
    stop = asyncio.Event()
    probe = asyncio.create_task(lateness_ms(stop))
    if not scrapes:
        await asyncio.sleep(1.0)
    for _ in range(scrapes):
        await scraper.scrape()
        await asyncio.sleep(CACHE_S)
    stop.set()
    return await probe


def measure(scale: Scale) -> list[Figure]:
    """Return the figures."""
    view = view_of(INSTRUMENTS_MAX)
    scraper = Scraper(lambda: view, Measurements(declared_measurements()))
    text = scraper.render()
    started = time.perf_counter()
    scraper.render()
    in_the_loop_ms = (time.perf_counter() - started) * 1e3
    idle = asyncio.run(measure_lateness(Scraper(lambda: view, Measurements()), 0))
    busy = asyncio.run(measure_lateness(Scraper(lambda: view, Measurements()), SCRAPES[scale]))
    scraper.close()
    late = [
        Figure(
            name=f"loop_late_p{share * 100:g}",
            value=quantile(busy, share),
            unit="ms",
            peer=quantile(idle, share),
            peer_name="idle loop",
            ratio=quantile(idle, share) / quantile(busy, share),
        )
        for share in (0.5, 0.99)
    ]
    return [
        Figure(name="series", value=float(text.count(b"\n") - text.count(b"#")), unit="series"),
        Figure(
            name="loop_late_max",
            value=max(busy),
            unit="ms",
            peer=in_the_loop_ms,
            peer_name="rendered in the loop",
            ratio=in_the_loop_ms / max(busy),
        ),
        *late,
    ]


if __name__ == "__main__":
    main(measure, description=__doc__.splitlines()[0] if __doc__ else "")
