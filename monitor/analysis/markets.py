"""What cascades need beside a book image, as the engine knows it: visible books, funds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.analysis.funds import Funds
from monitor.analysis.liquidity import ImpactLaw, Liquidity
from monitor.analysis.moves import MoveModel
from monitor.analysis.positions import Floats, Listing
from monitor.analysis.settings import CascadeSettings, LossAtRiskSettings
from monitor.core.engine import RiskEngine
from monitor.core.report import fund_usd

SECOND_NS = 1_000_000_000
VOLUME_MIN = 1e-12  # of an instrument that nobody holds


@dataclass(frozen=True)
class Markets:
    """What cascades need beside a book image, and how many of them an image is asked for.

    `sides_per_image`: whose distances are looked for; `paths`: of all marks, 0: none.
    """

    books: Liquidity
    funds: Funds
    moves: MoveModel
    sides_per_image: int
    paths: int


def markets_of(
    engine: RiskEngine,
    listings: Sequence[Listing],
    settings: CascadeSettings,
    chances: LossAtRiskSettings,
    volatility: Floats,
) -> Markets:
    """Return books and funds of this moment; `volatility`: of every mark, in a day."""
    law = ImpactLaw(settings.daily_volatility, settings.volume_ratio, settings.impact_exponent)
    age_max_ns = round(settings.book_age_max_s * SECOND_NS)
    return Markets(
        books=liquidity_of(engine, listings, law, age_max_ns=age_max_ns),
        funds=funds_of(engine, listings),
        moves=MoveModel(
            volatility,
            np.array([listing.factor for listing in listings], np.int64),
            chances.correlation,
            chances.degrees,
        ),
        sides_per_image=settings.sides_per_image,
        paths=chances.paths,
    )


def funds_of(engine: RiskEngine, listings: Sequence[Listing]) -> Funds:
    """Return every instrument's fund, and what is in it: nothing where nobody has told.

    A parent fund is not counted: several may lean on it.
    """
    of = [engine.market.instruments[listing.name].fund for listing in listings]
    names = sorted({name for name in of if name is not None})
    numbers = [-1 if name is None else names.index(name) for name in of]
    balances = [float(fund_usd(engine, name) or 0) for name in names]
    return Funds(np.array(numbers, np.int64), np.array(balances, np.float64), tuple(names))


def liquidity_of(
    engine: RiskEngine, listings: Sequence[Listing], law: ImpactLaw, *, age_max_ns: int
) -> Liquidity:
    """Return the visible books that are new enough, and the law beyond them.

    A level on the wrong side of the mark stands at the mark.
    """
    market, books, now_ns = engine.market, engine.watch.books, engine.engine_ns
    begins, quantity, ratio, volume = [0], list[float](), list[float](), list[float]()
    for listing in listings:
        instrument, quote = market.instruments[listing.name], market.marks.get(listing.name)
        size = float(instrument.contract_size)
        for sign in (1.0, -1.0):
            levels = books.side(
                listing.name, sells=sign > 0.0, now_ns=now_ns, age_max_ns=age_max_ns
            )
            if levels and quote is not None:
                quantity += np.cumsum([float(contracts) * size for _, contracts in levels]).tolist()
                away = [sign * (1.0 - float(price) / quote.number) for price, _ in levels]
                ratio += np.maximum.accumulate(np.maximum(0.0, away)).tolist()
            begins.append(len(quantity))
        held = max(engine.shards.open_interest(listing.name))
        volume.append(float(instrument.contracts(held)) * size * law.volume_ratio)
    return Liquidity(
        begins=np.array(begins, np.int64),
        quantity=np.array(quantity, np.float64),
        ratio=np.array(ratio, np.float64),
        volume=np.maximum(volume, VOLUME_MIN),
        coefficient=np.full(len(listings), law.daily_volatility),
        exponent=law.exponent,
    )
