"""Every policy plans live: as the command would on the same candidates, within the same bounds."""

import json
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
from monitor.core.settings import DeleveragingSettings, EngineSettings, PolicyName
from tests import random_settings, strategies
from tests.builders import Journal

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
