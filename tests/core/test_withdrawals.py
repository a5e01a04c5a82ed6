"""Gates close and open when the rule says, and a run shifts what its runners cannot pay."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.decisions import WithdrawalsGated, WithdrawalsReleased
from monitor.core.engine import RiskEngine
from monitor.core.events import FeedLost, FeedRestored
from monitor.core.settings import EngineSettings, WaterfallSettings, WithdrawalSettings
from monitor.core.withdrawals import RUNNERS_MAX, Withdrawals
from tests.builders import SECOND_NS, Journal

ALL = WithdrawalSettings(gate_on=("insolvency", "outage", "race"), cool_off_s=10.0, outage_s=5.0)
ENGINE = EngineSettings(waterfall=WaterfallSettings(layers=("socialized_loss",)), withdrawals=ALL)


class Clock:
    """The gate driven second by second, as the engine drives it."""

    def __init__(self) -> None:
        self.pools = Withdrawals(ALL)
        self.told: list[tuple[int, str]] = []

    def until(self, second: int) -> None:
        """Fire what is due, and restore the state in between."""
        while (timer := self.pools.next_timer()) is not None and timer[0] <= second * SECOND_NS:
            self.take(self.pools.fire(timer[2], ["USD"], timer[0]))
        kept = Withdrawals(ALL)
        kept.restore(self.pools.export_state())
        self.pools = kept

    def take(self, made: Any) -> None:
        self.told += [(one.event_ns // SECOND_NS, one.kind) for one in made]


def twin(facts: list[tuple[int, str]], end: int) -> list[tuple[int, str]]:
    """Return when the gate changes: at every second it is asked anew whether it is closed."""
    told, was_closed = [], False
    for second in range(end + 1):
        closed = any(kind == "loss" and at <= second < at + 10 for at, kind in facts)
        lost_at = None
        for at, kind in facts:
            if at > second:
                break
            if kind == "lost" and lost_at is None:
                lost_at = at
            elif kind == "restored":
                if lost_at is not None and at - lost_at >= 5:
                    closed = closed or second < at + 10
                lost_at = None
        if lost_at is not None and second - lost_at >= 5:
            closed = True
        if closed != was_closed:
            told.append((second, "withdrawals_gated" if closed else "withdrawals_released"))
        was_closed = closed
    return told


@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.sampled_from(["loss", "lost", "restored"])),
        max_size=8,
        unique_by=lambda fact: fact[0],
    )
)
def test_the_gate_is_closed_exactly_when_its_twin_is(facts: list[tuple[int, str]]) -> None:
    facts.sort()
    clock = Clock()
    for second, kind in facts:
        clock.until(second)
        now_ns = second * SECOND_NS
        if kind == "loss":
            clock.take(clock.pools.haircut_looms("USD", Fraction(1), {}, now_ns))
        else:
            clock.pools.feed_changed("f", lost=kind == "lost", now_ns=now_ns)
    clock.until(100)
    # One that opens and closes within a second is closed all the time to the twin.
    seen = [one for one in clock.told if clock.told.count((one[0], "withdrawals_gated")) == 0
            or clock.told.count((one[0], "withdrawals_released")) == 0]  # fmt: skip
    assert seen == twin(facts, 100)


def test_of_very_many_the_largest_charges_are_followed() -> None:
    pools = Withdrawals(ALL)
    charges = {f"a{number:04}": Fraction(number) for number in range(RUNNERS_MAX + 5)}
    pools.haircut_looms("USD", Fraction(10**6), charges, 0)
    (view,) = pools.views(1)
    assert view.accounts == RUNNERS_MAX + 5
    assert len(pools.races["USD"].runners) == RUNNERS_MAX
    assert pools.runner("a0004", "USD", 1) is None


def test_a_run_is_over_after_its_time_and_a_closed_account_shifts_all() -> None:
    pools = Withdrawals(ALL)
    pools.haircut_looms("USD", Fraction(40), {"ann": Fraction(30)}, 0)
    pools.forget("ann")
    (view,) = pools.views(1)
    assert (view.shifted_usd, view.exposed_usd) == ("30", "0")
    end_ns = 3_600 * SECOND_NS
    assert pools.runner("ann", "USD", end_ns - 1) is not None
    assert pools.runner("ann", "USD", end_ns) is None


def test_settings_without_outages_let_go_of_what_an_outage_holds() -> None:
    pools = Withdrawals(ALL)
    pools.feed_changed("f", lost=True, now_ns=0)
    pools.fire("feed:f", ["USD"], 5 * SECOND_NS)
    assert pools.next_timer() is None
    pools.use(WithdrawalSettings())
    assert pools.next_timer() == (15 * SECOND_NS, "withdrawals:pool:USD", "pool:USD")


def outage_with_listings(*, restored: bool) -> list[tuple[int, str, str]]:
    """Return when which pool is gated or released; USDC is listed while the outage holds."""
    journal = Journal()
    journal.list_instrument("X")
    start_ns = journal.now_ns
    journal.add(FeedLost(event_ns=journal.now_ns, feed="f", reason="silence"))
    journal.wait(2).list_instrument("EARLY", settlement_currency="EUR")
    journal.wait(5).list_instrument("Y", settlement_currency="USDC")
    journal.wait(1).list_instrument("Y", settlement_currency="USDC", fund="main")
    journal.wait(1).list_instrument("Z")
    if restored:
        journal.wait(1).add(FeedRestored(event_ns=journal.now_ns, feed="f"))
        journal.list_instrument("LATE", settlement_currency="USDT")
    journal.wait(90).tick()
    made = [one for _, one in RiskEngine(ENGINE).apply(journal.events)]
    return [
        ((one.event_ns - start_ns) // SECOND_NS, one.kind, one.pool)
        for one in made
        if isinstance(one, WithdrawalsGated | WithdrawalsReleased)
    ]


def test_a_pool_that_is_listed_during_an_outage_is_held_with_the_others() -> None:
    gated = [
        (5, "withdrawals_gated", "EUR"), (5, "withdrawals_gated", "USD"),
        (7, "withdrawals_gated", "USDC"),
    ]  # fmt: skip
    assert outage_with_listings(restored=False) == gated
    released = [(20, "withdrawals_released", pool) for pool in ("EUR", "USD", "USDC")]
    assert outage_with_listings(restored=True) == gated + released


def test_a_pool_that_is_gated_already_is_held_without_a_word() -> None:
    pools = Withdrawals(ALL)
    assert len(pools.haircut_looms("USD", Fraction(1), {}, 0)) == 1
    pools.feed_changed("f", lost=True, now_ns=0)
    pools.fire("feed:f", [], 5 * SECOND_NS)
    assert pools.next_timer() == (10 * SECOND_NS, "withdrawals:pool:USD", "pool:USD")
    assert pools.pool_listed("USD", 6 * SECOND_NS) == []
    assert pools.next_timer() is None


def run() -> Journal:
    """Return a run on two pools, an outage, and time after it."""
    journal = Journal()
    for name in ("X", "Y"):
        journal.list_instrument(name, settlement_currency="USD" if name == "X" else "USDC")
        journal.mark(name, "100")
    for number in range(6):
        for name, asset in (("X", "USD"), ("Y", "USDC")):
            journal.balance(f"{name}-{number}", "100", asset)
            journal.position(f"{name}-{number}", name, "-2", str(105 + number))
    for name, asset in (("X", "USD"), ("Y", "USDC")):
        journal.balance(f"lost-{name}", "-50", asset)
        journal.liquidation("finished", f"lost-{name}", name, "-1", "100", f"of {name}")
        journal.wait(4).balance(f"{name}-1", "1", asset, "withdrawal")
        journal.wait(4).balance(f"{name}-2", "-19", asset, "transfer")
    journal.add(FeedLost(event_ns=journal.now_ns, feed="f", reason="silence"))
    journal.wait(30).tick()
    journal.add(FeedRestored(event_ns=journal.now_ns, feed="f"))
    journal.wait(30).tick()
    return journal


@pytest.mark.parametrize("shards", [1, 3])
def test_shards_batches_and_restored_states_decide_the_same(shards: int) -> None:
    sequence = run().events
    whole = RiskEngine(ENGINE)
    expected = [one for _, one in whole.apply(sequence)]
    engine, made = RiskEngine(ENGINE, shards=shards), []
    for number, event in enumerate(sequence):
        if number % 5 == 2:
            engine = RiskEngine.from_state(engine.export_state(), ENGINE)
        made += [one for _, one in engine.apply([event])]
    assert made == expected
    assert engine.view().pools == whole.view().pools
    gates = [(one.kind, one.pool) for one in made if one.kind.startswith("withdrawals")]  # type: ignore[attr-defined]
    assert gates.count(("withdrawals_gated", "USD")) == 2
    assert gates.count(("withdrawals_released", "USDC")) >= 1


def test_nothing_is_gated_by_default_and_a_run_is_told_all_the_same() -> None:
    engine = RiskEngine(EngineSettings(waterfall=ENGINE.waterfall))
    made = [one.kind for _, one in engine.apply(run().events)]
    assert "withdrawals_gated" not in made
    usd, usdc = engine.view().pools
    assert not usd.gated
    assert Fraction(usd.shifted_usd) + Fraction(usd.exposed_usd) == Fraction(usd.charged_usd) == 50
    assert Fraction(usdc.withdrawn_usd) == 218
