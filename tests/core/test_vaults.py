"""A vault bears what its equity allows, once, and never falls below zero."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.amounts import Unit
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings, WaterfallSettings
from monitor.core.vaults import DRAWS_MAX, VaultEquity, Vaults
from monitor.core.waterfall import Loss, Shortfall
from tests.builders import Journal

CENT = Unit("0.01")
WITH_VAULTS = EngineSettings(waterfall=WaterfallSettings(layers=("liquidator_vault",)))


def loss_of(amount: int, event_ns: int = 1) -> Loss:
    return Loss(
        Shortfall(
            event_ns=event_ns,
            account="lea",
            instrument="X",
            leg="net",
            liquidation_id="L1",
            episode_id="lea:1",
            is_first=True,
            asset="USD",
            account_margin=None,
            amount=amount,
            closed_side="long",
            bankruptcy_price=None,
        )
    )


@given(
    st.integers(1, 10**6),
    st.lists(st.fractions(-5_000, 5_000, max_denominator=997), max_size=4),
    st.sampled_from([Fraction(1), Fraction(7, 3)]),
)
def test_vaults_conserve_a_loss_and_stay_above_zero(
    amount: int, equities: list[Fraction], value: Fraction
) -> None:
    vaults, found = Vaults(), [VaultEquity(f"v{n}", each) for n, each in enumerate(equities)]
    loss = loss_of(amount)
    vaults.draw(loss, found, value, CENT, 9)
    assert sum(payment.paid for payment in loss.payments) + loss.amount == amount
    for payment, vault in zip(loss.payments, found, strict=False):
        left = vault.equity - payment.paid * CENT.value * value
        assert left >= 0 or not payment.paid
        assert vaults.available(vault) == max(0, left)


def test_a_balance_includes_what_was_drawn_up_to_its_time() -> None:
    vaults, vault = Vaults(), VaultEquity("v", Fraction(10))
    vaults.draw(loss_of(300, event_ns=5), [vault], Fraction(1), CENT, 9)
    vaults.draw(loss_of(200, event_ns=8), [vault], Fraction(1), CENT, 9)
    assert vaults.available(vault) == 5
    vaults.show("v", 5)
    assert vaults.available(vault) == 8
    kept = Vaults()
    kept.restore(vaults.export_state())
    assert kept.available(vault) == 8
    vaults.show("v", 8)
    assert not vaults.draws


def test_of_very_many_draws_the_oldest_count_as_one_at_the_later_time() -> None:
    vaults, vault = Vaults(), VaultEquity("v", Fraction(10**6))
    for event_ns in range(DRAWS_MAX + 2):
        vaults.draw(loss_of(100, event_ns), [vault], Fraction(1), CENT, 9)
    assert len(vaults.draws["v"]) == DRAWS_MAX
    assert vaults.available(vault) == 10**6 - DRAWS_MAX - 2
    vaults.show("v", 1)
    assert len(vaults.draws["v"]) == DRAWS_MAX


def bankruptcy(journal: Journal, name: str = "lost") -> Journal:
    journal.balance(name, "-10")
    journal.liquidation("finished", name, "X", "-1", "80", f"of {name}")
    return journal


def told(engine: RiskEngine, journal: Journal) -> list[tuple[str, str]]:
    made = [decision for _, decision in engine.apply(journal.take())]
    return [(one.account, one.paid) for one in made if one.kind == "liquidator_vault_drawn"]  # type: ignore[attr-defined]


def test_a_vault_of_unknown_equity_and_the_bankrupt_one_pay_nothing() -> None:
    journal = Journal()
    for name in ("X", "Y"):
        journal.list_instrument(name)
    journal.mark("X", "100")
    for name in ("a", "b", "c"):
        journal.open(name, role="liquidator")
        journal.balance(name, "4")
    journal.position("a", "Y", "1", "5")  # no mark
    assert told(RiskEngine(WITH_VAULTS), bankruptcy(journal, "b")) == [("c", "4")]


def test_shards_and_a_restored_state_pay_the_same() -> None:
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    for name in ("v1", "v2", "v3", "v4"):
        journal.open(name, role="liquidator")
        journal.balance(name, "4")
    first, second = journal.take(), bankruptcy(bankruptcy(journal), "other").take()
    answers = []
    for shards in (1, 3):
        engine = RiskEngine(WITH_VAULTS, shards=shards)
        engine.apply(first)
        made = [one for _, one in engine.apply(second[:2])]
        engine = RiskEngine.from_state(engine.export_state(), WITH_VAULTS)
        made += [one for _, one in engine.apply(second[2:])]
        drawn = [one for one in made if one.kind == "liquidator_vault_drawn"]
        answers.append([(one.account, one.paid, one.uncovered) for one in drawn])  # type: ignore[attr-defined]
    assert answers[0] == answers[1]
    assert answers[0][:3] == [("v1", "4", "6"), ("v2", "4", "2"), ("v3", "2", "0")]
    assert [each[:2] for each in answers[0][3:]] == [
        ("v1", "0"), ("v2", "0"), ("v3", "2"), ("v4", "4"),
    ]  # fmt: skip
