"""Small books for cascades: an engine and the same accounts in plain Python."""

import random

import numpy as np

from monitor.analysis.cascade import Image
from monitor.analysis.funds import Funds
from monitor.analysis.liquidity import Liquidity
from monitor.analysis.listing import listings_of, no_traders
from monitor.analysis.markets import Markets
from monitor.analysis.moves import MoveModel
from monitor.analysis.positions import Book, gather, parts_of
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from tests.builders import Journal, tier
from tests.reference.naive_cascade import NaiveAccount, NaiveBooks

NAMES = ("A-PERP", "B-PERP", "C-PERP")


def engine_of(accounts: list[NaiveAccount], marks: list[float], shards: int = 1) -> RiskEngine:
    """Return an engine with these accounts, linear contracts of 1, maintenance 5 %."""
    journal = Journal()
    for name, mark in zip(NAMES, marks, strict=False):
        journal.list_instrument(name, risk_tiers=[tier(None, "0.1", "0.05")], fund="main")
        journal.mark(name, f"{mark}")
    for number, account in enumerate(accounts):
        journal.balance(f"a{number:03d}", f"{account.balance}")
        for instrument, (quantity, entry) in account.positions.items():
            journal.position(f"a{number:03d}", NAMES[instrument], f"{quantity:.0f}", f"{entry}")
    engine = RiskEngine(EngineSettings(), shards=shards)
    engine.apply(journal.take())
    assert not engine.take_refused()
    return engine


def image_of(engine: RiskEngine, funds: Funds) -> Image:
    """Return the image that cascades run on."""
    listings = listings_of(engine.market)
    books = [
        Book(part.thresholds.index.columns, part.thresholds.instrument_names, no_traders(part))
        for part in engine.shards.engines
    ]
    terms, positions = gather(books, listings)
    return Image(books, parts_of(books, listings), terms, positions, funds)


def markets_with(
    books: Liquidity, funds: Funds, *, sides_per_image: int = 1, paths: int = 1
) -> Markets:
    """Return markets of three marks of a volatility of 5 % a day, correlation 0.8, 3 degrees."""
    moves = MoveModel(np.full(3, 0.05), np.arange(3), 0.8, 3.0)
    return Markets(books, funds, moves, sides_per_image, paths)


def random_accounts(seed: int, count: int, marks: list[float]) -> list[NaiveAccount]:
    """Return accounts of both sides, most of them near their margin."""
    draw = random.Random(seed)
    made = []
    for _ in range(count):
        held = draw.sample(range(len(marks)), draw.randint(1, len(marks)))
        positions = {
            one: (float(draw.choice((-1, 1)) * draw.randint(1, 40)), round(marks[one], 2))
            for one in held
        }
        gross = sum(abs(size) * marks[one] for one, (size, _) in positions.items())
        made.append(NaiveAccount(round(gross * draw.uniform(0.055, 0.3), 2), positions))
    return made


def random_books(seed: int, count: int, exponent: float) -> tuple[NaiveBooks, Liquidity]:
    """Return visible levels on some sides, and a law, in both forms."""
    draw = random.Random(seed)
    levels: dict[tuple[int, int], list[tuple[float, float]]] = {}
    begins, quantity, ratio = [0], [], []
    for instrument in range(count):
        for side in range(2):
            depth, far = draw.randint(0, 3), 0.0
            own = []
            for _ in range(depth):
                far += draw.uniform(0.001, 0.01)
                own.append((float(draw.randint(1, 30)), far))
            levels[instrument, side] = own
            quantity += np.cumsum([size for size, _ in own]).tolist()
            ratio += [far for _, far in own]
            begins.append(len(quantity))
    volume = [draw.uniform(100, 1_000) for _ in range(count)]
    coefficient = [draw.uniform(0.01, 0.1) for _ in range(count)]
    ours = Liquidity(
        np.array(begins, np.int64),
        np.array(quantity, np.float64),
        np.array(ratio, np.float64),
        np.array(volume),
        np.array(coefficient),
        exponent,
    )
    return NaiveBooks(levels, volume, coefficient, exponent), ours
