"""One event of every type, to show the form and to feed what must take them all."""

from monitor.core import events
from tests.builders import tier

LINEAR, INVERSE = "ETH-PERP", "BTC-INV"

EXAMPLES: list[events.AnyEvent] = [
    events.AccountOpened(event_ns=1, account="ann", owner="family", role="market_maker"),
    events.AccountClosed(event_ns=1, account="ann", seq=1),
    events.AccountSnapshot(
        event_ns=1,
        account="ann",
        seq=7,
        balances={"USD": "1.5"},
        positions=[
            events.PositionRecord(instrument=LINEAR, leg="long", size="2", entry_price="10")
        ],
        orders=[events.OrdersRecord(instrument=LINEAR, bids_size="1", bids_value="9")],
        pending_funding=[
            events.PendingFunding(instrument=LINEAR, asset="USD", amount="0.25", funding_id="f1")
        ],
    ),
    events.BalanceChanged(
        event_ns=1, account="ann", seq=1, more=True, asset="USD", balance="-3", reason="fee"
    ),
    events.WithdrawalRequested(
        event_ns=1, account="ann", seq=1, asset="USD", amount="1", request_id="w1"
    ),
    events.PositionChanged(
        event_ns=1, account="ann", seq=1, instrument=LINEAR, size="-2", entry_price="10.25",
        margin_mode="isolated", isolated_margin="5",
    ),
    events.MarginOrdersChanged(
        event_ns=1, account="ann", seq=1, instrument=LINEAR, bids_size="1", asks_size="0",
        bids_value="9", asks_value="0",
    ),
    events.LiquidationStarted(
        event_ns=1, account="ann", seq=1, instrument=LINEAR, size="-2", liquidation_id="L1"
    ),
    events.LiquidationFilled(
        event_ns=1, account="ann", seq=1, instrument=LINEAR, size="-2", price="9", fee="0.1",
        liquidation_id="L1",
    ),
    events.LiquidationFinished(
        event_ns=1, account="ann", seq=1, instrument=LINEAR, size="-2", price="9", fee="0.1",
        liquidation_id="L1",
    ),
    events.DeleveragingFilled(
        event_ns=1, account="bob", seq=1, instrument=LINEAR, size="2", price="9",
        counterparty="ann", liquidation_id="L1",
    ),
    events.InstrumentListed(
        event_ns=1, instrument=LINEAR, kind="linear", base="ETH", quote="USD",
        settlement_currency="USD", contract_size="0.1", lot_size="1", tick_size="0.05",
        risk_tiers=[tier("100", "0.1", "0.05"), tier(None, "0.2", "0.1")],
        margin_model=events.SquareRoot(factor="0.001"),
    ),
    events.InstrumentDelisted(event_ns=1, instrument=LINEAR),
    events.TradingStatusChanged(event_ns=1, instrument=LINEAR, status="halted", until_ns=5),
    events.BootstrapFinished(event_ns=1, accounts=3),
    events.CollateralListed(
        event_ns=1, asset="BTC", minor_unit="0.00000001", index="BTC",
        haircut_tiers=[events.HaircutTier(value_max="100", haircut="0.1")],
    ),
    events.MarkPriceChanged(
        event_ns=1, instrument=LINEAR, price="10", high="11", low="9", count=4
    ),
    events.MarkPricesChanged(event_ns=1, prices={LINEAR: "10", INVERSE: "9.5"}),
    events.IndexPriceChanged(event_ns=1, index="BTC", price="10", source="feed"),
    events.OracleReported(
        event_ns=1, oracle="pyth", index="BTC", price="10", confidence_interval="0.1",
        published_ns=1, round=1, signers=3,
    ),
    events.FundingRateChanged(event_ns=1, instrument=LINEAR, rate="-0.0001", next_funding_ns=9),
    events.FundingPaid(event_ns=1, instrument=LINEAR, rate="0.0001", price="10", funding_id="f1"),
    events.DepthChanged(event_ns=1, instrument=LINEAR, bids=[("9", "1")], asks=[("11", "2")]),
    events.TradePrinted(
        event_ns=1, instrument=LINEAR, price="10", size="1", aggressor="sell", trade_id="t1"
    ),
    events.InsuranceFundChanged(
        event_ns=1, fund="main", asset="USD", balance="100", reason="deposit",
        instrument=LINEAR, liquidation_ids=["L1"],
    ),
    events.AuditPoint(event_ns=1, accounts_position={"0": 12}),
    events.ClockTicked(event_ns=1),
    events.FeedLost(event_ns=1, feed="binance", reason="no frames"),
    events.FeedRestored(event_ns=1, feed="binance"),
    events.BreakerReset(event_ns=1, breaker="fast", reason="looked at", by="duty officer"),
    events.ConfigurationChanged(event_ns=1, hash="00", text=""),
    events.ForecastFinished(
        event_ns=1, name="tails", as_of={"0": 1}, seed=1, values={"loss": "1"}, model_hash="00"
    ),
]  # fmt: skip
