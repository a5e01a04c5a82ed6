"""Ranks and lights of all positions of an instrument that moved, beside a full new ranking.

`full`: 200,000 accounts, each with a position in the instrument that moves and in another one;
`small`: 20,000. Ours: candidates of both sides in columns, the first thousand by rank, and whose
light changed, after a move of 1 bp. The peer ranks every position anew in NumPy from the same
scores: a sort by score, the rank of each, its light, the names of those that changed. Not included:
Redis.
"""

import random
from itertools import cycle

import numpy as np

from bench.measure import Figure, Scale, alternate, main
from bench.restart import START_NS, market_facts
from monitor.core import events
from monitor.core.candidates import scored
from monitor.core.engine import RiskEngine
from monitor.core.lights import LightBoard
from monitor.core.settings import EngineSettings
from monitor.core.winners import foremost_accounts

ACCOUNTS: dict[Scale, int] = {"small": 20_000, "full": 200_000}
MOVED, OTHER = "COIN0-PERP", "COIN1-PERP"
SIDES = ("long", "short")
FIRST = 1_000
BATCH = 5_000


def build_engine(accounts: int) -> RiskEngine:
    """Return an engine in which every account has two positions, from a seeded generator."""
    engine = RiskEngine(EngineSettings(action_age_max_s=1e9))
    generator = random.Random(7)  # noqa: S311 - a benchmark, not a secret
    facts: list[events.Event] = [*market_facts()]
    for number in range(accounts):
        name = f"account-{number:06d}"
        facts.append(
            events.BalanceChanged(
                event_ns=START_NS,
                account=name,
                seq=1,
                asset="USD",
                reason="deposit",
                balance=f"{generator.lognormvariate(6, 1.5) + 500:.2f}",
            )
        )
        facts += [
            events.PositionChanged(
                event_ns=START_NS,
                account=name,
                seq=seq,
                instrument=instrument,
                size=f"{generator.choice((-1, 1)) * generator.randrange(1, 20)}.5",
                entry_price=f"{generator.uniform(90, 110):.2f}",
                margin_mode="cross",
            )
            for seq, instrument in ((2, MOVED), (3, OTHER))
        ]
    for start in range(0, len(facts), BATCH):
        engine.apply(facts[start : start + BATCH])
    assert not engine.take_refused(), "expected no refused event"
    return engine


def measure(scale: Scale) -> list[Figure]:
    """Return the figures."""
    engine = build_engine(ACCOUNTS[scale])
    marks = cycle(f"{100 * (1 + step * 1e-4):.4f}" for step in (0, 1, 2, 1, 0, -1, -2, -1))

    def move() -> None:
        mark = events.MarkPriceChanged(event_ns=START_NS, instrument=MOVED, price=next(marks))
        engine.apply([mark])

    board = LightBoard()

    def ours() -> None:
        for side in SIDES:
            parts = engine.shards.scored(MOVED, side)  # type: ignore[arg-type]
            foremost_accounts(parts, FIRST)
            board.tell(MOVED, side, parts)  # type: ignore[arg-type]

    last = {side: np.zeros(0, np.int64) for side in SIDES}

    def peer() -> None:
        for side in SIDES:
            (engine_part,) = engine.shards.engines
            part = scored(engine_part, MOVED, side, engine.venue.policy)  # type: ignore[arg-type]
            order = np.argsort(-part.scores, kind="stable")
            ranks = np.empty(len(order), np.int64)
            ranks[order] = np.arange(len(order))
            lights = 5 - ranks * 5 // len(order)
            if len(last[side]) == len(lights):
                [part.name(place) for place in np.flatnonzero(lights != last[side]).tolist()]
            [part.name(place) for place in order[:FIRST].tolist()]
            last[side] = lights

    for work in (ours, peer):
        move()
        work()
    move()
    timing = alternate(ours, peer)
    return [
        Figure(
            name="lights_vs_rerank",
            value=timing.ours_s * 1e3,
            unit="ms",
            peer=timing.peer_s * 1e3,
            peer_name="every position sorted anew in NumPy",
            ratio=timing.ratio,
        )
    ]


if __name__ == "__main__":
    main(measure, description=__doc__ or "")
