"""What the venue's vaults hold would lose: live, by fund, apart from every realized shortfall."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given

from monitor.core.engine import RiskEngine
from monitor.core.events import AccountClosed, AccountOpened, AnyEvent
from monitor.core.inventory import Inventory
from monitor.core.settings import EngineSettings, FundSettings
from monitor.core.view import FundView
from tests import random_settings, strategies
from tests.builders import Journal
from tests.reference import naive_equity
from tests.reference.naive import NaiveEngine
from tests.reference.naive_world import World

ZERO = Fraction(0)


def fund_of(engine: RiskEngine, name: str = "main") -> FundView:
    (found,) = [fund for fund in engine.view().funds if fund.fund == name]
    return found


def taken_over() -> Journal:
    """Return a vault with a long of 10 at 95 in X and a short of 4 at 70 in Y, both marked 80."""
    journal = Journal()
    for name in ("X", "Y"):
        journal.list_instrument(name, fund="main")
        journal.mark(name, "80")
    journal.open("vault", role="liquidator")
    journal.position("vault", "X", "10", "95")
    journal.position("vault", "Y", "-4", "70")
    journal.balance("ann", "100")
    journal.position("ann", "X", "-10", "95")
    return journal


def test_the_loss_of_the_inventory_is_no_shortfall() -> None:
    engine = RiskEngine(EngineSettings())
    journal = taken_over()
    engine.apply(journal.take())
    fund = fund_of(engine)
    assert (fund.inventory_loss_usd, fund.inventory_gain_usd) == (190.0, 0.0)
    assert (fund.inventory_notional_usd, fund.inventory_positions) == (1_120.0, 2)
    assert (fund.shortfall_usd, fund.drawn) == (0.0, 0.0)
    journal.mark("Y", "60")
    engine.apply(journal.take())
    fund = fund_of(engine)
    assert (fund.inventory_loss_usd, fund.inventory_gain_usd) == (150.0, 40.0)
    assert engine.venue.funds == {}  # looking at it has made no fund
    assert (fund.balance, fund.balance_usd) == (None, None)  # unknown is not empty
    journal.fund("main", "7", "USD")
    engine.apply(journal.take())
    assert (fund_of(engine).balance, fund_of(engine).balance_usd) == (7.0, 7.0)


def test_without_a_price_the_amounts_are_unknown() -> None:
    engine = RiskEngine(EngineSettings())
    journal = taken_over()
    journal.list_instrument("Z", fund="main")
    journal.position("vault", "Z", "1", "5")
    engine.apply(journal.take())
    fund = fund_of(engine)
    assert (fund.inventory_loss_usd, fund.inventory_positions) == (None, 3)


def test_a_vault_that_closes_its_positions_its_role_or_itself_has_no_inventory() -> None:
    for ending in ("position", "role", "account"):
        journal = taken_over()
        journal.fund("main", "5")
        if ending == "position":
            journal.position("vault", "X", "0")
            journal.position("vault", "Y", "0")
        elif ending == "role":
            journal.add(AccountOpened(event_ns=journal.now_ns, account="vault", role="client"))
        else:
            number = journal.next_seq("vault")
            journal.add(AccountClosed(event_ns=journal.now_ns, account="vault", seq=number))
            journal.balance("next", "1")  # may be given the same number
        engine = RiskEngine(EngineSettings())
        engine.apply(journal.events)
        fund = fund_of(engine)
        assert (fund.inventory_loss_usd, fund.inventory_positions) == (0.0, 0), ending


def test_a_fund_that_nobody_mentioned_is_told_in_its_configured_asset() -> None:
    settings = EngineSettings(funds=(FundSettings(name="main", asset="USDT"),))
    engine = RiskEngine(settings)
    engine.apply(taken_over().events)
    assert (fund_of(engine).asset, fund_of(engine).balance) == ("USDT", None)


def naive_inventories(world: World) -> dict[str, Inventory]:
    """Return every vault's positions valued one by one, by fund."""
    found: dict[str, Inventory] = {}
    for account in world.accounts.values():
        for position in account.positions.values() if account.role == "liquidator" else ():
            listed = world.instruments[position.instrument]
            if listed.fund is None or not position.size:
                continue
            sums = found.setdefault(listed.fund, Inventory(listed.settlement_currency))
            sums.positions += 1
            mark, value = world.marks.get(position.instrument), None
            value = world.value(listed.settlement_currency)
            if mark is None or value is None:
                sums.unvalued += 1
                continue
            assert position.entry_price is not None
            pnl = naive_equity.profit(listed, position.size, position.entry_price, mark) * value
            sums.gains += max(ZERO, pnl)
            sums.losses += max(ZERO, -pnl)
            sums.notional += naive_equity.notional(listed, position.size, mark) * value
    return found


def with_vaults(sequence: list[AnyEvent]) -> list[AnyEvent]:
    """Return a sequence in which two of the accounts are vaults of the venue from the start."""
    vaults: list[AnyEvent] = [
        AccountOpened(event_ns=sequence[0].event_ns, account=name, role="liquidator")
        for name in ("bob", "ann")
    ]
    return vaults + sequence


@given(random_settings.SETTINGS, strategies.chaos())
def test_after_every_event_it_equals_a_recount_whatever_the_shards(
    settings: EngineSettings, sequence: list[AnyEvent]
) -> None:
    one, three, twin = RiskEngine(settings), RiskEngine(settings, shards=3), NaiveEngine(settings)
    for event in with_vaults(sequence):
        one.apply([event])
        three.apply([event])
        twin.apply(event)
        told, expected = one.shards.inventories(), naive_inventories(twin.world)
        assert three.shards.inventories().keys() == told.keys() == expected.keys()
        for fund, inventory in told.items():
            other, recount = three.shards.inventories()[fund], expected[fund]
            for name in ("gains", "losses", "notional", "positions", "unvalued"):
                amount = getattr(inventory, name)
                assert getattr(other, name) == amount, name  # to the last digit
                assert float(amount) == pytest.approx(float(getattr(recount, name)), rel=1e-15)


@given(random_settings.SETTINGS, strategies.chaos())
def test_a_restored_engine_knows_its_vaults(
    settings: EngineSettings, sequence: list[AnyEvent]
) -> None:
    engine = RiskEngine(settings)
    engine.apply(with_vaults(sequence))
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(engine.export_state()))
    assert (
        RiskEngine.from_state(state, settings).shards.inventories() == engine.shards.inventories()
    )
