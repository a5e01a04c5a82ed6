"""What the index is told of instruments and collateral: plain numbers, from the core's objects."""

from itertools import accumulate
from typing import NamedTuple

import numpy as np

from monitor.core.instruments import Instrument
from monitor.core.margin.index.columns import (
    SIZE_LINEAR,
    SKEW_SCALED,
    SQUARE_ROOT,
    TIER,
    TIERED,
    Records,
)
from monitor.core.market import Collateral
from monitor.core.requirements import SizeLinear, SkewScaled, SquareRoot


class InstrumentTerms(NamedTuple):
    """How an instrument margins. `mark`, `value`: slots of its mark and of its currency's value.

    `tiers`: (largest notional, rate, deduction, largest rate so far) each, the last bound
    infinite. `steps`: the notionals at which the requirement may jump. `rate`, `per_unit` and
    `scalar` are parameters of the model. `fee` is a rate on the mark, `closing_fee` one on the
    bankruptcy price (`after_fee`: of the unit once it has paid it), `buffer` one on the mark that
    counts where a liquidation ends. `always_exact`: floats do not bound its rules.
    """

    mark: int
    value: int = 0
    inverse: bool = False
    model: int = TIERED
    tiers: tuple[tuple[float, float, float, float], ...] = ()
    steps: tuple[float, ...] = ()
    rate: float = 0.0
    per_unit: float = 0.0
    scalar: float = 1.0
    fee: float = 0.0
    at_entry: bool = False
    larger_leg: bool = False
    closing_fee: float = 0.0
    after_fee: bool = False
    buffer: float = 0.0
    always_exact: bool = False


def terms_of(instrument: Instrument, mark: int, value: int) -> InstrumentTerms:
    """Return the terms of a listed instrument."""
    model, schedule = instrument.model, instrument.model.schedule
    if isinstance(model, SkewScaled):
        rates, deductions = schedule.initial_rates, schedule.initial_deductions
        steepest = list(map(float, rates))
    else:
        rates, deductions = schedule.rates, schedule.deductions
        steepest = list(accumulate(map(float, rates), max))
    inner = tuple(map(float, schedule.bounds[: len(rates) - 1])) if rates else ()
    bounds = (*inner, float("inf")) if rates else ()
    terms = InstrumentTerms(
        mark=mark,
        value=value,
        inverse=instrument.inverse,
        tiers=tuple(zip(bounds, map(float, rates), map(float, deductions), steepest, strict=True)),
        fee=instrument.float_fee_rate if instrument.fee_at_mark else 0.0,
        at_entry=instrument.margins_at_entry,
        larger_leg=instrument.larger_leg,
        closing_fee=instrument.float_fee_rate if instrument.fee_at_bankruptcy else 0.0,
        after_fee=instrument.definition.bankruptcy_price_after_fee,
        buffer=float(instrument.buffer_rate),
        # the coin may be valued at the tested price too
        always_exact=instrument.fee_at_bankruptcy and instrument.inverse,
    )
    match model:
        case SizeLinear():
            rate, per_unit = float(model.rate), float(model.per_unit)
            return terms._replace(model=SIZE_LINEAR, rate=rate, per_unit=per_unit)
        case SquareRoot():
            return terms._replace(model=SQUARE_ROOT, per_unit=float(model.factor), steps=inner)
        case SkewScaled():
            scalar, per_unit = float(model.scalar), float(model.per_unit)
            return terms._replace(model=SKEW_SCALED, scalar=scalar, per_unit=per_unit, steps=inner)
    return terms._replace(steps=tuple(map(float, schedule.jumps)))


def collateral_tiers(collateral: Collateral) -> list[tuple[float, float]]:
    """Return the (width, share that counts) of each haircut tier, an unbounded one infinite."""
    return [
        (float("inf") if width is None else float(width), float(share))
        for width, share in collateral.tiers
    ]


def tier_records(tiers: tuple[tuple[float, float, float, float], ...]) -> Records:
    """Return tiers as the index keeps them."""
    return np.array(list(tiers), dtype=TIER)
