"""Every policy plans live: as the command would on the same candidates, within the same bounds."""

import json
import random
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.decisions import DeleveragingPlanned
from monitor.core.deleveraging import POLICIES
from monitor.core.deleveraging.live import seed_of
from monitor.core.deleveraging.plan import plan
from monitor.core.deleveraging.request import parse_candidates, round_for
from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent
from monitor.core.settings import (
    DeleveragingSettings,
    EngineSettings,
    MarginSettings,
    PolicyName,
)
from tests import random_settings, strategies
from tests.builders import Journal
from tests.core.comparison import assert_same
from tests.reference import naive_deleveraging
from tests.reference.naive import NaiveEngine

ALL = pytest.mark.parametrize("policy", get_args(PolicyName))
# account: (balance, size, entry price); shorts win as the mark falls to 80.
WINNERS = {
    "ann": ("400", "-10", "100"),
    "bob": ("150", "-30", "95"),
    "cid": ("5000", "-50", "110"),
    "dan": ("90", "-6", "78"),
    "eve": ("60", "-20", "90"),
}


def bankruptcy_of_all(policy: PolicyName) -> tuple[RiskEngine, DeleveragingPlanned]:
    """Return the engine and its plan after a long of 40 from 100 with 700 is closed at 70."""
    journal = Journal()
    journal.list_instrument("X", fund="main")
    journal.mark("X", "100")
    for name, (balance, size, entry) in WINNERS.items():
        journal.balance(name, balance)
        journal.position(name, "X", size, entry)
    journal.open("vault", owner="venue", role="liquidator")
    journal.position("vault", "X", "-500", "120")
    journal.balance("lost", "700")
    journal.position("lost", "X", "40", "100")
    journal.mark("X", "80")
    journal.liquidation("started", "lost", "X", size="-40", liquidation_id="L1")
    journal.liquidation("filled", "lost", "X", size="-40", price="70", liquidation_id="L1")
    journal.liquidation("finished", "lost", "X", size="-40", price="70", liquidation_id="L1")
    engine = RiskEngine(EngineSettings(deleveraging=DeleveragingSettings(policy=policy)))
    made = [decision for _, decision in engine.apply(journal.events)]
    (planned,) = [one for one in made if isinstance(one, DeleveragingPlanned)]
    return engine, planned


def candidates_file(engine: RiskEngine, price: str) -> bytes:
    """Return the winners as the command is given them."""
    records = []
    for name, (balance, size, entry) in WINNERS.items():
        report = engine.account_report(name)
        assert report is not None
        record: Mapping[str, Any] = {
            "account": name,
            "size": size,
            "entry_price": entry,
            "equity": report["equity"],
            "wallet_balance": balance,
            "maintenance_margin": report["maintenance_margin"],
        }
        records.append(record)
    instrument = {"kind": "linear", "contract_size": "1", "lot_size": "1"}
    return json.dumps(
        {
            "instrument": instrument,
            "side": "short",
            "mark_price": "80",
            "bankruptcy_price": price,
            "spare_counterparties": True,
            "candidates": records,
        }
    ).encode()


def test_the_configuration_knows_every_policy_of_the_table() -> None:
    assert get_args(PolicyName) == tuple(POLICIES)


@ALL
def test_the_engine_plans_what_the_command_answers(policy: PolicyName) -> None:
    engine, planned = bankruptcy_of_all(policy)
    assert planned.price is not None
    file = parse_candidates(candidates_file(engine, planned.price))
    round_ = round_for(POLICIES[policy], file, seed=seed_of(planned.liquidation_id))
    made = plan(POLICIES[policy], round_, unit="pnl", asked=Fraction(planned.amount))
    assert made.reductions
    assert [(one.account, one.rank, one.light) for one in planned.reductions] == [
        (one.share.winner.account, one.rank, one.light) for one in made.reductions
    ]
    for told, one in zip(planned.reductions, made.reductions, strict=True):
        assert one.amount is not None
        assert float(told.size) == pytest.approx(float(one.size), rel=1e-11)
        assert float(told.amount) == pytest.approx(float(one.amount), rel=1e-11)
        assert (told.score is None) == (POLICIES[policy].ranking is None)
    collected = min(Fraction(planned.amount), made.taken)
    assert Fraction(planned.amount) == Fraction(planned.taken) + Fraction(planned.left)
    assert float(planned.taken) == pytest.approx(float(collected), abs=1e-8)


def crowded_bankruptcy(chance: random.Random) -> list[AnyEvent]:
    """Return a long that goes bankrupt before many shorts: legs, isolated ones, odd lots, ties."""
    kind = chance.choice(["linear", "linear", "inverse", "quanto"])
    asset = "X" if kind == "inverse" else "USD"
    journal = Journal()
    journal.list_instrument("X-PERP", kind, contract_size=chance.choice(["1", "10"]), lot_size="2")
    journal.list_instrument("X-LATER")
    journal.index("X", "80")
    journal.marks(X_PERP="100", X_LATER="100")
    for number in range(chance.randint(2, 8)):
        name = f"winner-{number}"
        journal.balance(name, chance.choice(["100", "300", "300.5", "4000"]), asset)
        for leg in chance.choice([("net",), ("net",), ("long", "short")]):
            fields = {"margin_mode": "isolated", "isolated_margin": "90"}
            size = chance.choice(["-2", "-4", "-7", "-7.5", "-20"])
            entry = chance.choice(["60", "79", "81", "100", "100", "120"])
            isolated = fields if not chance.randrange(4) else {}
            journal.position(name, "X-PERP", size, entry, leg=leg, **isolated)
        if not chance.randrange(3):
            journal.position(name, "X-LATER", chance.choice(["3", "-3"]), "90")
    journal.balance("lost", chance.choice(["1", "20", "100"]), asset)
    journal.position("lost", "X-PERP", "40", "110")
    journal.marks(X_PERP="80", X_LATER="80")
    for stage in ("started", "filled", "finished"):
        journal.liquidation(stage, "lost", "X-PERP", size="-40", price=chance.choice(["60", "75"]))
    return journal.events


@pytest.mark.parametrize("policy", naive_deleveraging.POLICIES)
def test_plans_in_a_crowd_are_those_of_the_twin(policy: PolicyName) -> None:
    """At least a third of the books end in a plan that takes something."""
    chosen = EngineSettings(
        margin=MarginSettings(liquidatable_when="below"),
        deleveraging=DeleveragingSettings(policy=policy),
    )
    taken = 0
    for seed in range(120):
        sequence = crowded_bankruptcy(random.Random(seed))
        made = [one for _, one in RiskEngine(chosen).apply(sequence)]
        taken += any(isinstance(one, DeleveragingPlanned) and one.reductions for one in made)
        assert_same(RiskEngine(chosen), NaiveEngine(chosen), sequence)
    assert taken >= 40


@ALL
def test_nobody_is_made_bankrupt_but_where_the_venue_says_so(policy: PolicyName) -> None:
    engine, planned = bankruptcy_of_all(policy)
    assert "vault" not in {one.account for one in planned.reductions}
    for one in planned.reductions:
        report = engine.account_report(one.account)
        assert report is not None
        spared = Fraction(one.amount) <= Fraction(report["equity"])
        assert spared or POLICIES[policy].may_bankrupt


@settings(max_examples=150)
@given(random_settings.SETTINGS, st.sampled_from(get_args(PolicyName)), strategies.chaos())
def test_every_plan_conserves_whatever_the_book(
    chosen: EngineSettings, policy: PolicyName, sequence: list[AnyEvent]
) -> None:
    deleveraging = DeleveragingSettings(policy=policy, price=chosen.deleveraging.price)
    engine = RiskEngine(msgspec.structs.replace(chosen, deleveraging=deleveraging))
    for event in sequence:
        for _, decision in engine.apply([event]):
            if isinstance(decision, DeleveragingPlanned):
                assert_bounds(engine, decision)


def assert_bounds(engine: RiskEngine, planned: DeleveragingPlanned) -> None:
    """Assert what holds for every plan: on the side, in lots, of traders, never more than asked."""
    assert Fraction(planned.amount) == Fraction(planned.taken) + Fraction(planned.left)
    assert min(Fraction(planned.taken), Fraction(planned.left)) >= 0
    listed = engine.market.instruments[planned.instrument]
    for one in planned.reductions:
        account = engine.shards.of(one.account).ledger.accounts[one.account]
        assert account.is_trader
        held = [
            abs(position.instrument.contracts(position.size))
            for position in account.positions.values()
            if position.instrument is listed and (position.size > 0) == (planned.side == "long")
        ]
        assert 0 < Fraction(one.size) <= max(held) * (1 + Fraction(1, 10**11))
        if POLICIES[planned.policy].unit == "contracts":
            assert Fraction(one.size) % listed.lot_size == 0
