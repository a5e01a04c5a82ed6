"""The board in the engine: what is rejected and restored, and what that does to accounts."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core import events, gate
from monitor.core.engine import RiskEngine
from monitor.core.oracle_settings import SOURCES_MAX
from tests.core.oracles.worlds import SECOND_NS, START_S, World, told

STALE = "[oracles.classes.default]\nstale_after_s = 10\n"
MEDIAN = '[oracles.index.BTC]\nprice = "aggregate"\n'


def of(world: World, *fields: str) -> dict[str, Any]:
    """Return something of the account ann."""
    report = world.engine.account_report("ann")
    assert report is not None
    return {name: report[name] for name in fields}


def of_index(world: World) -> str | None:
    """Return the price that values the coin."""
    return world.price


def test_without_a_configuration_no_price_is_ever_stale() -> None:
    world = World()
    world.index("100")
    world.holder("ann", "2")
    world.report("pyth", "300", confidence_interval="200")
    assert world.at(1_000_000).tick() == []
    assert of(world, "state", "equity") == {"state": "healthy", "equity": "200"}


def test_a_stale_index_makes_its_accounts_unknown_and_a_new_price_known_again() -> None:
    world = World(STALE)
    world.index("100")
    world.holder("ann", "2")
    assert world.at(10).tick() == []
    # The timer is due a nanosecond beyond the limit, before the event of second 11.
    decisions = world.at(11).tick()
    assert told(decisions) == ["oracle_rejected exchange stale_for_margin"]
    assert decisions[0].event_ns == (START_S + 10) * SECOND_NS + 1
    since_ns = decisions[0].event_ns
    assert of(world, "state", "equity", "unknown_since_ns", "missing_prices") == {
        "state": "unknown",
        "equity": None,
        "unknown_since_ns": since_ns,
        "missing_prices": [
            {"price": "index:BTC", "reason": "stale_for_margin", "since_ns": since_ns}
        ],
    }
    world.at(12).index("101")
    assert of(world, "state")["state"] == "unknown"  # until it has been good for a second
    assert told(world.at(13).tick()) == ["oracle_restored exchange"]
    assert of(world, "state", "equity", "unknown_since_ns", "missing_prices") == {
        "state": "healthy", "equity": "202", "unknown_since_ns": None, "missing_prices": [],
    }  # fmt: skip


def test_a_stale_price_neither_liquidates_nor_hides_that_it_does_not() -> None:
    world = World(STALE)
    world.apply(
        "instrument_listed", instrument="X", kind="linear", base="X", quote="USD",
        settlement_currency="USD", contract_size="1", lot_size="1", tick_size="0.01", fund=None,
        index="BTC", risk_tiers=[
            events.RiskTier(
                notional_max=None, initial_margin_rate="0.1", maintenance_margin_rate="0.05"
            )
        ],
    )  # fmt: skip
    world.index("100")
    world.holder("ann", "1")
    world.apply("mark_price_changed", instrument="X", price="100")
    world.seqs["ann"] += 1
    world.apply(
        "position_changed", account="ann", seq=2, instrument="X", size="10", entry_price="100"
    )
    world.at(11)
    assert told(world.apply("mark_price_changed", instrument="X", price="92")) == [
        "oracle_rejected exchange stale_for_margin"
    ]
    assert of(world, "state")["state"] == "unknown"
    world.index("100")
    decisions = world.at(12).tick()
    assert told(decisions) == ["account_liquidatable", "oracle_restored exchange"]


def test_a_level_that_allows_verdicts_alone_leaves_nothing_free() -> None:
    actions = '[oracles.actions]\nstale_for_margin = ["liquidation"]\n'
    world = World(STALE + actions)
    world.index("100")
    world.holder("ann", "2")
    assert of(world, "free_collateral", "withdrawable")["withdrawable"] == "200"
    (decision,) = world.at(11).tick()
    assert getattr(decision, "allowed", None) == ["liquidation"]
    assert of(world, "state", "equity", "free_collateral", "withdrawable") == {
        "state": "healthy", "equity": "200", "free_collateral": None, "withdrawable": None,
    }  # fmt: skip


def test_the_aggregate_is_the_only_price_and_the_exchange_only_judged() -> None:
    world = World(MEDIAN)
    world.index("50")
    assert of_index(world) is None, "the exchange does not make it"
    for oracle, price in (("a", "100"), ("b", "101"), ("c", "250")):
        world.report(oracle, price)
    assert world.price == "101"
    world.report("d", "102")
    assert world.price == "101.5"
    assert world.engine.summary()["indices"]["BTC"]["price"] == "101.5"


def test_a_liar_is_left_out_and_named_and_the_price_stands() -> None:
    world = World("[oracles.classes.default]\ndeviation_ratio = 0.05\n" + MEDIAN)
    for oracle in ("a", "b", "c"):
        world.report(oracle, "100")
    (decision,) = world.at(1).report("c", "130")
    assert told([decision]) == ["oracle_rejected c deviation"]
    assert (decision.measured, decision.limit) == ("0.3", "0.05")  # type: ignore[attr-defined]
    assert world.price == "100"
    assert world.at(2).report("c", "101") == []
    assert told(world.at(3).tick()) == ["oracle_restored c"]


def test_a_lost_quorum_falls_back_in_order_and_then_to_unknown() -> None:
    world = World(
        "[oracles.classes.default]\nstale_after_s = 10\nquorum = 2\n"
        + MEDIAN
        + 'sources = [{oracle = "a"}, {oracle = "b"}]\nfallback = ["c", "d"]\n'
    )
    world.report("a", "100")
    world.report("b", "102")
    world.at(5).report("d", "90")
    world.report("c", "95")
    assert world.price == "101"
    world.holder("ann", "1")
    world.at(8).report("a", "104")
    assert told(world.at(11).tick()) == ["oracle_rejected b stale_for_margin"]
    assert world.price == "95"
    (view,) = world.engine.view().indices
    assert (view.live, view.quorum_left) == ("c", -1)
    # c, d and a get too old at 15 s and 18 s: at first too few sources, then none.
    assert told(world.at(16).tick()) == [
        "oracle_rejected c stale_for_margin",
        "oracle_rejected d stale_for_margin",
        "oracle_rejected aggregate too_few_sources",
    ]
    assert of(world, "state")["state"] == "unknown"


def test_a_push_oracle_that_keeps_silent_while_the_others_move_is_stale() -> None:
    world = World(
        "[oracles.classes.push]\nstale_after_s = 3600\npush_deviation_ratio = 0.005\n"
        "push_grace_s = 30\n"
        + MEDIAN
        + 'sources = [{oracle = "a"}, {oracle = "b"}, {oracle = "link", source_class = "push"}]\n'
    )
    for oracle in ("a", "b", "link"):
        world.report(oracle, "100")
    world.at(10).report("a", "101")
    assert world.report("b", "101") == []
    decisions = world.at(41).tick()
    assert told(decisions) == ["oracle_rejected link not_pushed"]
    assert decisions[0].event_ns == (START_S + 40) * SECOND_NS + 1
    world.at(42).report("link", "101")
    assert told(world.at(43).tick()) == ["oracle_restored link"]


@pytest.mark.parametrize(
    ("limit", "report", "reason"),
    [
        ("confidence_ratio = 0.01", {"confidence_interval": "1.01"}, "too_uncertain"),
        ("signers_min = 3", {"signers": 2}, "too_few_signers"),
        ("signers_min = 3", {}, "too_few_signers"),
        ("funding_stale_after_s = 5", {"ago_s": 6}, "stale_for_funding"),
        ("stale_after_s = 5", {"ago_s": 6}, "stale_for_margin"),
    ],
)
def test_a_report_is_held_to_the_limits_of_its_class(
    limit: str, report: dict[str, Any], reason: str
) -> None:
    world = World(f"[oracles.classes.default]\n{limit}\n")
    assert told(world.report("a", "100", **report)) == [f"oracle_rejected a {reason}"]


def test_a_price_of_nothing_is_rejected_whatever_is_configured() -> None:
    world = World()
    world.index("100")
    (decision,) = world.report("a", "-3")
    assert told([decision]) == ["oracle_rejected a non_positive"]
    assert world.price == "100"


def test_a_price_far_from_its_mean_is_too_volatile_until_the_mean_has_come_after_it() -> None:
    world = World(
        "[oracles]\nmean_window_s = 60\n[oracles.classes.default]\nvolatility_factor = 5\n"
    )
    world.index("1")
    assert told(world.at(60).index("10")) == ["oracle_rejected exchange too_volatile"]
    assert world.price is None
    # After 8 s the mean is 2.2: 10 is less than 5 times that, and has been for a second at 70.
    for second in (66, 68, 70):
        last = world.at(second).index(f"10.0000{second}")
    assert told(last) == ["oracle_restored exchange"]
    assert world.price == "10.000070"


def test_old_rounds_duplicates_and_the_future_are_counted_and_not_taken() -> None:
    world = World("[oracles]\npublished_ahead_max_s = 5\n")
    world.report("a", "100", round=7)
    world.at(1).report("a", "100", round=7, ago_s=1)
    world.report("a", "90", round=6)
    world.report("a", "80", round=7)
    world.report("a", "70", round=8, ago_s=2)
    world.report("a", "60", round=9, ago_s=-6)
    (view,) = world.engine.view().oracles
    assert view.price == 100.0
    assert view.ignored == {"duplicate": 1, "republished": 3, "from_future": 1}
    world.report("a", "50", round=8)
    assert world.engine.view().oracles[0].price == 50.0


def test_a_price_that_oscillates_around_a_limit_is_rejected_once() -> None:
    world = World("[oracles.classes.default]\ndeviation_ratio = 0.05\n" + MEDIAN)
    for oracle in ("a", "b", "c"):
        world.report(oracle, "100")
    found = []
    for number in range(1_000):
        found += world.at(number / 1000).report("c", "106" if number % 2 else "104")
    assert told(found) == ["oracle_rejected c deviation"]


def test_sources_of_an_index_are_bounded() -> None:
    world = World()
    for number in range(SOURCES_MAX):
        world.report(f"o{number}", "100")
    event_ns = int(world.second * SECOND_NS)
    report = events.OracleReported(
        event_ns=event_ns, oracle="one more", index="BTC", price="100", published_ns=event_ns
    )
    world.engine.apply([report])
    assert [one.detail for one in world.engine.take_refused()] == [
        "expected at most 64 sources of an index, received 'one more' of 'BTC'"
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("confidence_interval", "-1"),
        ("price", "1e40"),
        ("price", "nan"),
        ("published_ns", -1),
        ("round", -1),
        ("signers", "many"),
    ],
)
def test_a_report_that_cannot_be_one_is_refused_at_the_gate(field: str, value: object) -> None:
    report = {
        "type": "oracle_reported", "event_ns": 1, "oracle": "a", "index": "BTC", "price": "1",
        "published_ns": 1,
    }  # fmt: skip
    (answer,) = gate.decode(msgspec.json.encode(report | {field: value}))
    assert isinstance(answer, gate.Refusal)
    assert answer.reason == "invalid_field"
    assert f"$.{field}" in answer.detail


@pytest.mark.parametrize("event_ns", [0, 253_402_300_799 * SECOND_NS])
def test_a_clock_of_1970_or_9999_makes_nothing_endless(event_ns: int) -> None:
    world = World(STALE)
    world.index("100")
    world.holder("ann", "2")
    world.engine.apply([events.ClockTicked(event_ns=event_ns)])
    state = of(world, "state")["state"]
    assert state == ("unknown" if event_ns else "healthy")
    assert world.engine.venue.oracles.next_timer() is None or not event_ns


def test_a_reload_judges_every_price_by_the_new_limits() -> None:
    world = World()
    world.index("100")
    world.holder("ann", "2")
    world.at(20)
    changed = events.ConfigurationChanged(
        event_ns=int(world.second * SECOND_NS), hash="h", text=STALE
    )
    assert told([one for _, one in world.engine.apply([changed])]) == [
        "oracle_rejected exchange stale_for_margin"
    ]
    assert of(world, "state")["state"] == "unknown"


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["exchange", "a", "b", "c", "tick"]),
        st.floats(0, 8),
        st.integers(90, 112),
        st.integers(0, 4),
    ),
    max_size=40,
)
STRICT = (
    "[oracles]\nmean_window_s = 20\n[oracles.classes.default]\nstale_after_s = 10\n"
    "funding_stale_after_s = 5\ndeviation_ratio = 0.05\nconfidence_ratio = 0.02\nquorum = 2\n"
    "volatility_factor = 1.1\npush_deviation_ratio = 0.04\npush_grace_s = 3\n"
)


def events_of(steps: list[tuple[str, float, int, int]]) -> list[events.Event]:
    """Return reports, prices and silence."""
    now_ns = START_S * SECOND_NS
    made: list[events.Event] = []
    made.append(
        events.BalanceChanged(
            event_ns=now_ns, account="ann", seq=1, asset="BTC", balance="2", reason="deposit"
        )
    )
    made.append(
        events.CollateralListed(event_ns=now_ns, asset="BTC", index="BTC", minor_unit="0.01")
    )
    for who, passed_s, price, more in steps:
        now_ns += round(passed_s * SECOND_NS)
        if who == "tick":
            made.append(events.ClockTicked(event_ns=now_ns))
        elif who == "exchange":
            made.append(events.IndexPriceChanged(event_ns=now_ns, index="BTC", price=str(price)))
        else:
            made.append(
                events.OracleReported(
                    event_ns=now_ns, oracle=who, index="BTC", price=str(price),
                    confidence_interval=str(more), published_ns=now_ns - more * SECOND_NS,
                )
            )  # fmt: skip
    return made


@given(STEPS, st.booleans(), st.integers(0, 41), st.sampled_from([1, 2]))
def test_a_restart_and_another_number_of_shards_change_nothing(
    steps: list[tuple[str, float, int, int]], aggregate: bool, cut: int, shards: int
) -> None:
    made = events_of(steps)
    configuration = STRICT + (MEDIAN if aggregate else "")
    whole, parted = World(configuration), World(configuration, shards=shards)
    expected = [one for _, one in whole.engine.apply(made)]
    found = [one for _, one in parted.engine.apply(made[:cut])]
    again = RiskEngine.from_state(parted.engine.export_state(), parted.engine.settings)
    found += [one for _, one in again.apply(made[cut:])]
    assert found == expected
    assert again.account_reports() == whole.engine.account_reports()
    if shards == 1:
        assert again.state_hash() == whole.engine.state_hash()


@given(STEPS, st.booleans())
def test_what_is_rejected_is_restored_before_it_is_rejected_for_as_much_again(
    steps: list[tuple[str, float, int, int]], aggregate: bool
) -> None:
    world = World(STRICT + (MEDIAN if aggregate else ""))
    allowed: dict[str, int] = {}
    for _, one in world.engine.apply(events_of(steps)):
        if one.kind == "oracle_rejected":
            count = len(one.allowed)  # type: ignore[attr-defined]
            assert count < 4
            allowed[one.oracle] = count  # type: ignore[attr-defined]
        elif one.kind == "oracle_restored":
            assert allowed.pop(one.oracle) < 4  # type: ignore[attr-defined]
    index = world.engine.venue.oracles.indices.get("BTC")
    if index is None:
        return
    for name, source in index.sources.items():
        full = len(index.rules.allowed(source.standing.verdict.validity)) == 4
        assert full == (name not in allowed) or not full
    fitness = world.engine.venue.oracles.fitness("BTC")
    assert fitness is not None
    assert (world.price is None) == (fitness.price is None or fitness.reason is not None)
