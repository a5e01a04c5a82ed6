"""The three instruments and two assets of the demo exchange, and how it announces them."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from monitor.core.events import (
    CollateralListed,
    Event,
    HaircutTier,
    InstrumentListed,
    RiskTier,
    TradingStatusChanged,
)
from monitor.replay.demo.contracts import Asset, Contract, schedule
from monitor.replay.demo.decimals import fraction_text
from monitor.replay.demo.journal import Journal

USDT = Asset("USDT", digits=6)
BTC = Asset("BTC", digits=8, index="BTC-USD")
ASSETS = (USDT, BTC)
FUNDS = ("linear-fund", "inverse-fund")

INDICES = ("BTC-USD", "ETH-USD")
INDEX_STARTS = (64_000.0, 3_100.0)
INDEX_BETAS = (1.0, 1.25)
INDEX_DIGITS = 2
# Market makers alone hold more than this: for clients a coin counts in full.
COIN_FULL_VALUE_MAX = "2000000"

CONTRACTS = (
    Contract(
        instrument="BTC-PERP",
        kind="linear",
        base="BTC",
        quote="USDT",
        settlement=USDT,
        contract_size=Fraction("0.001"),
        tick_size=Fraction("0.1"),
        tiers=schedule(
            (1_000_000, "0.04", "0.02"), (5_000_000, "0.05", "0.025"), (None, "0.1", "0.05")
        ),
        fund=FUNDS[0],
        index="BTC-USD",
    ),
    Contract(
        instrument="ETH-PERP",
        kind="linear",
        base="ETH",
        quote="USDT",
        settlement=USDT,
        contract_size=Fraction("0.01"),
        tick_size=Fraction("0.01"),
        tiers=schedule(
            (500_000, "0.04", "0.02"), (2_500_000, "0.06", "0.03"), (None, "0.12", "0.06")
        ),
        fund=FUNDS[0],
        index="ETH-USD",
    ),
    Contract(
        instrument="BTC-INVERSE",
        kind="inverse",
        base="BTC",
        quote="USD",
        settlement=BTC,
        contract_size=Fraction(10),
        tick_size=Fraction("0.1"),
        tiers=schedule((50, "0.04", "0.02"), (250, "0.05", "0.025"), (None, "0.1", "0.05")),
        fund=FUNDS[1],
        index="BTC-USD",
    ),
)
INDEX_OF_CONTRACT = (0, 1, 0)
# What a calm side of the book holds, in USD.
DEPTH_USD = (30_000_000.0, 25_000_000.0, 14_000_000.0)


def tier_records(contract: Contract) -> list[RiskTier]:
    """Return a contract's margin schedule as it stands in the event."""
    return [
        RiskTier(
            notional_max=None if tier.notional_max is None else str(tier.notional_max),
            initial_margin_rate=fraction_text(tier.initial_margin_rate),
            maintenance_margin_rate=fraction_text(tier.maintenance_margin_rate),
            maintenance_deduction=fraction_text(tier.deduction),
        )
        for tier in contract.tiers
    ]


def instrument_listed(contract: Contract, event_ns: int) -> InstrumentListed:
    """Return a contract as the event that lists it."""
    return InstrumentListed(
        event_ns=event_ns,
        instrument=contract.instrument,
        kind=contract.kind,
        base=contract.base,
        quote=contract.quote,
        settlement_currency=contract.settlement.name,
        contract_size=fraction_text(contract.contract_size),
        lot_size="1",
        tick_size=fraction_text(contract.tick_size),
        fund=contract.fund,
        index=contract.index,
        risk_tiers=tier_records(contract),
    )


def listing(journal: Journal, contracts: Sequence[Contract]) -> Iterator[Event]:
    """Yield what must be known before anything is traded."""
    yield CollateralListed(event_ns=journal.now(), asset=USDT.name, minor_unit="0.000001")
    yield CollateralListed(
        event_ns=journal.now(),
        asset=BTC.name,
        minor_unit="0.00000001",
        index=BTC.index,
        haircut_tiers=[
            HaircutTier(value_max=COIN_FULL_VALUE_MAX, haircut="0"),
            HaircutTier(haircut="0.05"),
        ],
    )
    for contract in contracts:
        yield instrument_listed(contract, journal.now())
        yield TradingStatusChanged(
            event_ns=journal.now(), instrument=contract.instrument, status="open"
        )
