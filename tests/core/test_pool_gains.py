"""What winners own of a pool: the columns against every position, one by one."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent
from monitor.core.ledger.store import TRADER_ROLES
from monitor.core.margin.exact import position_pnl
from monitor.core.pool_gains import PoolPart, pools_of
from monitor.core.settings import EngineSettings
from tests import strategies
from tests.builders import Journal


def slow_part(engine: RiskEngine, pool: str) -> tuple[Fraction, int, int]:
    """Return (gains in minor units, how many winners, money) by looking at every account."""
    gains, winners, money = Fraction(0), 0, 0
    unit = engine.market.unit(pool).value
    for name in engine.account_ids():
        part = engine.shards.of(name)
        account = part.ledger.accounts[name]
        money += account.balances.get(pool, 0)
        for position in account.list_positions():
            if position.instrument.settlement != pool:
                continue
            money += position.isolated_margin
            pnl = position_pnl(position, engine.market) if position.size else None
            if pnl is not None and pnl > 0 and account.is_trader:
                gains, winners = gains + pnl / unit, winners + 1
    return gains, winners, money


@given(strategies.chaos(), st.integers(1, 3))
def test_the_columns_say_what_every_position_says(sequence: list[AnyEvent], shards: int) -> None:
    engine = RiskEngine(EngineSettings(), shards=shards)
    engine.apply(sequence)
    found = engine.shards.pools()
    assert set(found) == set(pools_of(engine.market))
    for pool, (gains, money) in found.items():
        exact, winners, held = slow_part(engine, pool)
        assert money == held
        assert abs(gains - exact) <= winners + abs(exact) / 10**12


def test_a_vault_is_no_winner_and_an_isolated_margin_is_money() -> None:
    journal = Journal()
    journal.list_instrument("X")
    journal.open("vault", role="liquidator")
    for name in ("vault", "ann"):
        journal.balance(name, "100")
        journal.position(name, "X", "1", "80", margin_mode="isolated", isolated_margin="7")
    journal.position("bob", "X", "-1", "90")
    journal.mark("X", "100")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.events)
    unit = 10**8
    assert engine.shards.pools() == {"USD": PoolPart(gains=20 * unit, money=214 * unit)}
    assert len(TRADER_ROLES) == 2
