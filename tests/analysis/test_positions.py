"""The positions of an image are the candidates of the exact core."""

import math
from fractions import Fraction
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.analysis.listing import listings_of, no_traders
from monitor.analysis.positions import CANDIDATE, Book, gather
from monitor.core.decisions import Side
from monitor.core.deleveraging import POLICIES
from monitor.core.deleveraging.policy import Policy
from monitor.core.deleveraging.round import Winner
from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent
from monitor.core.settings import EngineSettings
from monitor.core.winners import all_candidates
from tests import random_settings, strategies

EVERYTHING = Policy(
    name="everything",
    unit="contracts",
    needs=("entry_price", "wallet_balance", "maintenance_margin", "other_exposure"),
    prices=(),
    split=POLICIES["queue-bitmex"].split,
    ranking=None,
)


def seen(winner: Winner) -> list[float]:
    """Return a candidate's numbers."""
    values = (
        winner.size,
        winner.entry_price,
        winner.equity,
        winner.maintenance_margin,
        winner.wallet_balance,
        winner.other_exposure,
    )
    return [float(value or Fraction(0)) for value in values]


@given(random_settings.SETTINGS, strategies.chaos(), st.integers(1, 2))
def test_the_candidates_are_those_of_the_core(
    settings: EngineSettings, sequence: list[AnyEvent], shards: int
) -> None:
    engine = RiskEngine(settings, shards=shards)
    engine.apply(sequence)
    listings = listings_of(engine.market)
    books = [
        Book(part.thresholds.index.columns, part.thresholds.instrument_names, no_traders(part))
        for part in engine.shards.engines
    ]
    _, found = gather(books, listings)
    for number, listing in enumerate(listings):
        for side, name in enumerate(get_args(Side)):
            first, end = found.begins[2 * number + side : 2 * number + side + 2].tolist()
            ours = sorted(
                [
                    float(column[row])
                    for column in (
                        found.size, found.entry, found.equity, found.maintenance, found.wallet,
                        found.other,
                    )
                ]
                for row in range(first, end)
                if found.role[row] == CANDIDATE
            )  # fmt: skip
            exact = [
                winner
                for part in engine.shards.engines
                for winner in all_candidates(part, listing.name, name, EVERYTHING)
            ]
            theirs = sorted(seen(winner) for winner in exact)
            assert len(ours) == len(theirs)
            for one, other in zip(ours, theirs, strict=True):
                scale = max(1.0, *(abs(value) for value in other if math.isfinite(value)))
                assert one == pytest.approx(other, rel=1e-9, abs=1e-9 * scale)
    assert np.all(found.size > 0)
