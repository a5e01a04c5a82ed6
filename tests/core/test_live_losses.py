"""Every method of socializing losses charges on the live book what its slow twin does."""

import random

import pytest

from monitor.core.decisions import LossSocialized
from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent
from monitor.core.settings import EngineSettings, MarginSettings, MethodName, WaterfallSettings
from tests.builders import Journal
from tests.core.comparison import assert_same
from tests.reference import naive_socialization
from tests.reference.naive import NaiveEngine

METHODS = pytest.mark.parametrize("method", naive_socialization.METHODS)


def settings_of(method: MethodName, **fields: object) -> EngineSettings:
    waterfall = WaterfallSettings(
        layers=("deleveraging", "socialized_loss"),
        socialized_loss=method,
        session_s=30.0,
        **fields,  # type: ignore[arg-type]
    )
    return EngineSettings(margin=MarginSettings(liquidatable_when="below"), waterfall=waterfall)


def lost_book(chance: random.Random) -> list[AnyEvent]:
    """Return longs that go bankrupt before shorts, vaults, debts and legs, over some sessions."""
    kind = chance.choice(["linear", "linear", "inverse"])
    asset = "X" if kind == "inverse" else "USD"
    journal = Journal()
    journal.list_instrument("X-PERP", kind)
    journal.list_instrument("X-LATER", kind)
    journal.index("X", "80")
    journal.marks(X_PERP="100", X_LATER="100")
    for number in range(chance.randint(1, 6)):
        name = f"winner-{number}"
        balance = chance.randint(50, 400)
        journal.open(name, role=chance.choice(["client", "client", "market_maker", "liquidator"]))
        journal.balance(name, str(balance), asset)
        for leg in chance.choice([("net",), ("long", "short")]):
            size = chance.choice(["2", "7"]) if leg == "long" else chance.choice(["-3", "-9"])
            journal.position(name, "X-PERP", size, chance.choice(["70", "90", "120"]), leg=leg)
        for _ in range(chance.randint(0, 3)):
            balance += chance.randint(-20, 40)
            reason = chance.choice(["trade", "fee", "funding", "deposit", "transfer"])
            journal.wait(chance.randint(0, 9)).balance(name, str(balance), asset, reason)
        if not chance.randrange(3):
            journal.position(name, "X-LATER", chance.choice(["3", "-3"]), "90")
    for name in ("lost", "late"):
        journal.balance(name, "1", asset)
        journal.position(name, "X-PERP", "60", "110")
    journal.marks(X_PERP="80", X_LATER="80")
    for name in ("lost", "late"):
        journal.wait(chance.randint(0, 20))
        for stage in ("started", "finished"):
            journal.liquidation(stage, name, "X-PERP", size="-60", price="79", liquidation_id=name)
    return journal.events


@METHODS
def test_charges_on_the_live_book_are_those_of_the_twin(method: MethodName) -> None:
    """At least a third of the books end in a loss that somebody is charged with."""
    charged = 0
    for seed in range(90):
        chance = random.Random(seed)
        chosen = settings_of(
            method,
            minimum_rate=chance.choice([0.01, 0.9]),
            index_tick=chance.choice([1e-8, 0.5]),
            payee_of_remainder=chance.choice([None, "winner-0"]),
        )
        sequence = lost_book(chance)
        made = [one for _, one in RiskEngine(chosen).apply(sequence)]
        charged += any(isinstance(one, LossSocialized) and one.accounts for one in made)
        assert_same(RiskEngine(chosen), NaiveEngine(chosen), sequence)
    assert charged >= 30


@METHODS
def test_shards_batches_and_a_restored_state_charge_the_same(method: MethodName) -> None:
    chosen = settings_of(method)
    for seed in range(12):
        sequence = lost_book(random.Random(seed))
        whole = [one for _, one in RiskEngine(chosen).apply(sequence)]
        engine, made = RiskEngine(chosen, shards=3), []
        for number, event in enumerate(sequence):
            if number % 7 == 3:
                engine = RiskEngine.from_state(engine.export_state(), chosen)
            made += [one for _, one in engine.apply([event])]
        assert [one for one in made if isinstance(one, LossSocialized)] == [
            one for one in whole if isinstance(one, LossSocialized)
        ]


def test_a_surplus_is_told_and_what_is_taken_covers_the_loss() -> None:
    """A loss of 10 on 3 + 4 contracts with a step of 1: 2 a contract, 14 are charged."""
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    for name, size in (("ann", "3"), ("bob", "-4")):
        journal.balance(name, "1000")
        journal.position(name, "X", size, "100")
    journal.balance("lost", "-10")
    journal.liquidation("finished", "lost", "X", "-1", "100")
    waterfall = WaterfallSettings(
        layers=("socialized_loss",), socialized_loss="funding-index", index_tick=1.0
    )
    engine = RiskEngine(EngineSettings(waterfall=waterfall))
    *_, charged = [one for _, one in engine.apply(journal.events)]
    assert isinstance(charged, LossSocialized)
    assert [(one.account, one.amount) for one in charged.accounts] == [("ann", "6"), ("bob", "8")]
    assert (charged.amount, charged.left, charged.surplus) == ("10", "0", "4")
    episode = engine.waterfall_episode("lost:1")
    assert episode is not None
    (payment,) = episode.shortfalls[0].payments
    assert (payment.paid, payment.surplus, payment.left) == ("10", "4", "0")
