"""Random books of one instrument for shadow rounds, and the exact round that they stand for."""

from fractions import Fraction

import numpy as np

from monitor.analysis.positions import CANDIDATE, LOSER, NOTHING, Positions, Terms
from monitor.analysis.rounds import Close
from monitor.core.deleveraging.round import Round, Winner


def random_book(seed: int, *, inverse: bool = False, holders: int = 40) -> tuple[Terms, Positions]:
    """Return an instrument with longs and shorts; some rows stand twice, so that there are ties."""
    draw = np.random.default_rng(seed)
    mark = float(draw.lognormal(2, 1))
    terms = Terms(
        mark=np.array([mark]),
        value=np.array([float(draw.choice([1.0, draw.lognormal(0, 1)]))]),
        lot=np.array([float(draw.choice([0.001, 0.1, 1.0, 3.0]))]),
        inverse=np.array([inverse], np.uint8),
        factor=np.zeros(1, np.int64),
    )
    counts = draw.integers(1, holders, 2)
    begins = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    count = int(begins[-1])
    size = np.round(draw.lognormal(2, 1.5, count)) + 1.0
    lot_worth = float(terms.value[0] * terms.lot[0] * (1 / mark if inverse else mark))
    equity = size * lot_worth / draw.lognormal(2, 1.2, count)
    equity[draw.random(count) < 0.05] *= -0.1
    net = np.where(draw.random(count) < 0.8, size, size * draw.uniform(-0.5, 1.0, count))
    columns = {
        "size": size,
        "entry": mark * np.exp(draw.normal(0, 0.2, count)),
        "net": net,
        "other": np.where(draw.random(count) < 0.5, 0.0, draw.normal(0, 2, count))
        * size
        * lot_worth,
        "equity": equity,
        "maintenance": size * lot_worth * 0.01 * draw.uniform(1, 3, count),
        "wallet": equity * draw.uniform(0.2, 2, count),
    }
    for column in columns.values():  # a few stand twice
        for side in range(2):
            first = begins[side]
            if counts[side] > 4:
                column[first + 1 : first + 3] = column[first + 3 : first + 5]
    role = draw.choice([NOTHING, LOSER, CANDIDATE], count, p=[0.05, 0.1, 0.85]).astype(np.uint8)
    unit = np.arange(count, dtype=np.int64)
    return terms, Positions(begins, unit, role, **columns)


def shifted(terms: Terms, before: float, after: float) -> Fraction:
    """Return what a long lot gains while the price goes from one to another, exactly."""
    worth = Fraction(float(terms.lot[0])) * Fraction(float(terms.value[0]))
    if terms.inverse[0]:
        return worth * (1 / Fraction(before) - 1 / Fraction(after))
    return worth * (Fraction(after) - Fraction(before))


def exact_round(terms: Terms, book: Positions, close: Close, banned: set[int], seed: int) -> Round:
    """Return the round of a close as the exact policies see it."""
    side, price = close.side ^ 1, Fraction(close.price)
    sign = int(close.direction)
    worth = Fraction(float(terms.lot[0])) * Fraction(float(terms.value[0]))
    rise = sign * shifted(terms, float(terms.mark[0]), close.price)
    winners = []
    for row in range(int(book.begins[side]), int(book.begins[side + 1])):
        if book.role[row] != CANDIDATE or int(book.unit[row]) in banned:
            continue
        equity = Fraction(float(book.equity[row])) + Fraction(float(book.net[row])) * rise
        winners.append(
            Winner(
                account=f"{int(book.unit[row]):06d}",
                lots=int(book.size[row]),
                entry_price=Fraction(float(book.entry[row])),
                equity=max(Fraction(0), equity),
                wallet_balance=Fraction(float(book.wallet[row])),
                maintenance_margin=Fraction(float(book.maintenance[row])),
                other_exposure=Fraction(float(book.other[row])),
            )
        )
    given_up = sign * Fraction(close.concession) / worth
    bankruptcy = 1 / (1 / price + given_up) if terms.inverse[0] else price - given_up
    return Round(
        kind="inverse" if terms.inverse[0] else "linear",
        contract_size=Fraction(1),
        lot_size=Fraction(float(terms.lot[0])),
        side="long" if sign > 0 else "short",
        winners=tuple(winners),
        mark_price=price,
        bankruptcy_price=bankruptcy,
        settlement_price=Fraction(float(terms.value[0])),
        seed=seed,
        spares_counterparties=True,
    )
