"""Random sequences with creeping prices: where the fast engine's shortcuts are at their busiest."""

from decimal import Decimal

from hypothesis import strategies as st

from monitor.core import events
from tests.builders import Journal
from tests.strategies import ACCOUNTS, INSTRUMENTS, Rules, Writer


@st.composite
def drift(draw: st.DrawFn, *, rules: Rules = "tiered") -> list[events.AnyEvent]:
    """Draw leveraged accounts and prices that creep, so that thresholds are met slowly.

    Here the fast engine's shortcuts (guards on prices) are at their busiest, and its floats are
    furthest from exact: sizes up to 100,000 contracts, prices with six digits.
    """
    writer = Writer(draw, Journal(), ACCOUNTS, rules)
    for instrument in INSTRUMENTS:
        writer.list_instrument(instrument)
    for _ in range(draw(st.integers(0, 2))):
        writer.list_collateral()
    prices = dict.fromkeys([*INSTRUMENTS, "BTC", "EUR"], 10_000)  # in thousandths
    for name in prices:
        write_price(writer.journal, name, prices[name])
    for account in writer.accounts:
        writer.journal.balance(account, draw(st.integers(1, 50_000)))
        writer.journal.balance(account, draw(st.integers(0, 2_000)), "BTC")
        for instrument in draw(st.lists(st.sampled_from(INSTRUMENTS), max_size=3, unique=True)):
            size = draw(st.integers(-100_000, 100_000).filter(bool))
            writer.journal.position(account, instrument, size, "10")
    for _ in range(draw(st.integers(1, 40))):
        name = draw(st.sampled_from(list(prices)))
        step = draw(st.integers(-300, 300))
        prices[name] = max(100, prices[name] + step)
        write_price(writer.journal, name, prices[name])
    return writer.journal.events


def write_price(journal: Journal, name: str, thousandths: int) -> None:
    """Write a mark or an index price."""
    price = Decimal(thousandths).scaleb(-3)
    if name in INSTRUMENTS:
        journal.mark(name, price)
    else:
        journal.index(name, price)
