"""How fast every policy plans, on 1,000, 100,000 and 1,000,000 candidates.

Ours: `monitor/analysis/splits.py`, the plan as lots or pnl by candidate, for 5 % of the side's
size; equal to the exact policies of the core by test. Peers: the same policy in plain NumPy with a
sort (three of them), one `numpy.argsort` of as many floats, and HiGHS for the minimax rule, whose
highest leverage left must be ours to 1e-6 (ours takes whole lots). `small` ends at 100,000
candidates. Not included: the candidates' equity, and the exact rational plan of the engine.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from bench.measure import ROUNDS_MIN, Figure, Scale, alternate, main, seconds
from monitor.analysis.rounds import Close, Room
from monitor.analysis.shadow import digests_of
from monitor.analysis.splits import POLICIES, split

COUNTS: dict[Scale, tuple[int, ...]] = {
    "small": (1_000, 100_000),
    "full": (1_000, 100_000, 1_000_000),
}
ASKED_SHARE = 0.05
MARK = 100.0
HIGHS_COUNT = 100_000
Floats = NDArray[np.float64]
WHOLE = ("place", "order", "losers", "banned")


def make_room(count: int) -> Room:
    """Return candidates: sizes and leverages log-normal, every second one with a gain."""
    draw = np.random.default_rng(7)
    columns: dict[str, Any] = {
        name: np.zeros(count + 1, np.int64 if name in WHOLE else np.float64)
        for name in Room._fields
    }
    size = np.ceil(draw.lognormal(3, 1.5, count))
    equity = size * MARK / np.clip(draw.lognormal(2.0, 0.7, count), 1.2, 60)
    ratio = draw.normal(0.02, 0.1, count)
    values = {
        "size": size, "lots": size, "spared": size, "exposure": size, "equity": equity,
        "gain": ratio * size * MARK, "wallet": equity - ratio * size * MARK,
        "maintenance": 0.005 * size * MARK, "ratio": ratio, "price_ratio": 1 + ratio,
    }  # fmt: skip
    for name, column in values.items():
        columns[name][:count] = column
    return Room(**columns)


def close_of(room: Room, count: int) -> Close:
    """Return the close of 5 % of the side, at 5 % from the mark."""
    lots = float(np.ceil(ASKED_SHARE * room.lots[:count].sum()))
    concession = 0.05 * MARK
    return Close(0, 1.0, MARK, 0.05, MARK, 1, lots, lots * concession, concession)


def by_sort(room: Room, close: Close, count: int) -> Floats:
    """Return the queue of `queue-bitmex` in plain NumPy."""
    leverage = room.size[:count] * close.worth / room.equity[:count]
    ratio = room.ratio[:count]
    score = np.where(ratio > 0, ratio * leverage, ratio / leverage)
    order = np.argsort(-score, kind="stable")
    before = np.cumsum(room.lots[:count][order]) - room.lots[:count][order]
    taken = np.empty(count)
    taken[order] = np.clip(close.lots - before, 0, room.lots[:count][order])
    return taken


def by_remainders(room: Room, close: Close, count: int) -> Floats:
    """Return `pro-rata-contracts` in plain NumPy: floors, then the largest remainders."""
    share = close.lots * room.size[:count] / room.size[:count].sum()
    taken = np.floor(share)
    rest = int(close.lots - taken.sum())
    taken[np.argsort(taken - share, kind="stable")[:rest]] += 1
    given: Floats = taken
    return given


def by_levels(room: Room, close: Close, count: int) -> Floats:
    """Return `minimax-leverage` in plain NumPy, not in whole lots: sort the levels and solve."""
    size, width = room.size[:count], room.equity[:count] / close.worth
    order = np.argsort(-size / width, kind="stable")
    heights, widths = np.cumsum(size[order]), np.cumsum(width[order])
    levels = (heights - close.lots) / widths
    last = int(np.argmax(levels))
    taken: Floats = np.maximum(0.0, size - levels[last] * width)
    return taken


PEERS: dict[str, Callable[[Room, Close, int], Floats]] = {
    "queue-bitmex": by_sort,
    "pro-rata-contracts": by_remainders,
    "minimax-leverage": by_levels,
}


def by_highs(room: Room, close: Close, count: int) -> float:
    """Return the lowest highest leverage that is left, by HiGHS: min L, size - x <= L x width."""
    size, width = room.size[:count], room.equity[:count] / close.worth
    cost = np.zeros(count + 1)
    cost[-1] = 1.0
    above = sparse.hstack([-sparse.identity(count), sparse.csr_matrix(-width[:, None])]).tocsr()
    whole = sparse.csr_matrix(np.append(np.ones(count), 0.0))
    bounds = [*zip(np.zeros(count), size, strict=True), (0.0, None)]
    found = linprog(
        cost, A_ub=above, b_ub=-size, A_eq=whole, b_eq=[close.lots], bounds=bounds, method="highs"
    )
    return float(found.x[-1])


def measure(scale: Scale) -> list[Figure]:
    """Return the figures of every policy and number of candidates."""
    figures = []
    for count in COUNTS[scale]:
        room = make_room(count)
        close = close_of(room, count)
        chance = digests_of([7])[0], 1.0
        for number, policy in enumerate(POLICIES):
            figures.append(_figure(policy, number, (room, close, count, chance)))
        figures += _against_argsort((room, close, count, chance))
        if count == HIGHS_COUNT:
            figures.append(_against_highs((room, close, count, chance)))
    return figures


def _figure(policy: str, number: int, round_: tuple[Room, Close, int, Any]) -> Figure:
    room, close, count, chance = round_
    peer = PEERS.get(policy)
    split(room, close, count, number, chance)  # compiled by now
    taken = room.taken[:count].copy()
    if peer is not None:
        assert abs(float(peer(room, close, count).sum()) - float(taken.sum())) < 1e-6 * count

    def ours() -> None:
        split(room, close, count, number, chance)

    def theirs() -> None:
        if peer is not None:
            peer(room, close, count)

    timing = alternate(ours, theirs)
    return Figure(
        name=f"{policy}_{count}",
        value=timing.ours_s * 1e3,
        unit="ms",
        peer=timing.peer_s * 1e3 if peer else None,
        peer_name="NumPy with a sort" if peer else None,
        ratio=timing.ratio if peer else None,
    )


def _against_argsort(round_: tuple[Room, Close, int, Any]) -> list[Figure]:
    room, close, count, chance = round_
    floats = np.random.default_rng(1).random(count)
    made = []
    for name, policy in (("queue", "queue-bitmex"), ("water_filling", "minimax-leverage")):
        number = POLICIES.index(policy)
        timing = alternate(
            lambda number=number: split(room, close, count, number, chance),  # type: ignore[misc]
            lambda: np.argsort(floats),
        )
        made.append(
            Figure(
                name=f"{name}_vs_argsort_{'1m' if count == 1_000_000 else count}",
                value=timing.ours_s * 1e3,
                unit="ms",
                peer=timing.peer_s * 1e3,
                peer_name="one numpy.argsort of as many floats",
                ratio=timing.ratio,
            )
        )
    return made


def _against_highs(round_: tuple[Room, Close, int, Any]) -> Figure:
    room, close, count, chance = round_
    number = POLICIES.index("minimax-leverage")
    split(room, close, count, number, chance)
    left = (room.size[:count] - room.taken[:count]) * close.worth / room.equity[:count]
    started_s = time.perf_counter()
    best = by_highs(room, close, count)
    peer_s = time.perf_counter() - started_s  # once: it takes long
    lot = float(np.max(close.worth / room.equity[:count]))
    assert best - 1e-6 <= float(left.max()) <= best + lot, (best, float(left.max()))
    ours_s = min(
        seconds(lambda: split(room, close, count, number, chance)) for _ in range(ROUNDS_MIN)
    )
    return Figure(
        name="minimax_vs_highs_100k",
        value=ours_s * 1e3,
        unit="ms",
        peer=peer_s * 1e3,
        peer_name="HiGHS's linear program, once",
        ratio=peer_s / ours_s,
    )


if __name__ == "__main__":
    main(measure, description=__doc__ or "")
