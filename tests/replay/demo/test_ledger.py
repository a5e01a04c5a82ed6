"""The exchange's own books: exact, and nothing is ever lost."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from monitor.replay.demo.ledger import Ledger
from monitor.replay.demo.listing import ASSETS, CONTRACTS

TRADES = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 3),
        st.integers(0, len(CONTRACTS) - 1),
        st.integers(1, 500),
        st.integers(100_000, 900_000),
    ).filter(lambda trade: trade[0] != trade[1]),
    max_size=30,
)


@given(trades=TRADES, marks=st.lists(st.integers(100_000, 900_000), min_size=3, max_size=3))
def test_balances_and_profits_sum_to_nothing_after_any_trades(
    trades: list[tuple[int, int, int, int, int]], marks: list[int]
) -> None:
    ledger = Ledger(CONTRACTS, ASSETS, 4)
    for buyer, seller, column, size, ticks in trades:
        ledger.trade(buyer, seller, column, size, ticks)
    totals = [Fraction(int(units)) for units in ledger.balances.sum(axis=0)]
    for column, mark in enumerate(marks):
        for account in range(4):
            profit = ledger.unrealized(account, column, mark)
            totals[ledger.settlement[column]] += profit
    assert totals == [0, 0]
    assert not ledger.sizes.sum(axis=0).any()
    assert not ledger.costs[ledger.sizes == 0].any()


def test_a_linear_long_earns_the_rise_of_what_it_sells() -> None:
    ledger = Ledger(CONTRACTS, ASSETS, 2)
    ledger.trade(0, 1, 0, 10, 500_000)  # 10 x 0.001 BTC at 50,000
    changes = ledger.trade(1, 0, 0, 4, 510_000)
    assert [change.realized for change in changes] == [-4_000_000, 4_000_000]  # 4 USDT
    assert ledger.entry_price(0, 0) == 50_000
    assert ledger.size(0, 0) == 6


def test_an_inverse_long_earns_coins() -> None:
    ledger = Ledger(CONTRACTS, ASSETS, 2)
    ledger.trade(0, 1, 2, 30, 500_000)  # 300 USD at 50,000: 0.006 BTC
    assert ledger.unrealized(0, 2, 600_000) == 100_000  # 0.001 BTC


def test_a_trade_beyond_the_position_turns_it_around() -> None:
    ledger = Ledger(CONTRACTS, ASSETS, 2)
    ledger.trade(0, 1, 0, 10, 500_000)
    ledger.trade(1, 0, 0, 15, 520_000)
    assert ledger.size(0, 0) == -5
    assert ledger.entry_price(0, 0) == 52_000
    assert ledger.balance(0, 0) == 20_000_000  # 10 x 0.001 x 2,000 USDT
