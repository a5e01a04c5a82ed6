"""Why was I deleveraged: what the rule says before the first fill, and what the venue did then."""

import random
from fractions import Fraction

import msgspec
import pytest

from monitor.core import deleveraging_watch
from monitor.core.decisions import DeleveragingPlanned
from monitor.core.deleveraging_case import Choice, Deleveraging
from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent, DeleveragingFilled
from monitor.core.settings import DeleveragingSettings, EngineSettings, PolicyName
from tests.builders import Journal, text
from tests.core.comparison import told
from tests.reference import naive_deleveraging, naive_deleveraging_watch
from tests.reference.naive import NaiveEngine


def crash(*, finished: bool = True) -> Journal:
    """Return a book in which lea is long 10 at 100 with 50: bankrupt at 95, and the mark is 80.

    Needed are 110 beyond a fund of 40: 8 contracts at 15 each. Sue goes before tom, uma after both.
    """
    journal = Journal()
    journal.list_instrument("X", fund="main")
    journal.mark("X", "100")
    journal.fund("main", "40")
    for name, size, balance in (("sue", "-4", "20"), ("tom", "-6", "100"), ("uma", "-5", "900")):
        journal.balance(name, balance)
        journal.position(name, "X", size, "100")
    journal.balance("lea", "50")
    journal.position("lea", "X", "10", "100")
    journal.liquidation("started", "lea", "X", "-10")
    journal.wait(1).mark("X", "80")
    if finished:
        journal.wait(1).liquidation("finished", "lea", "X", "-10", "80")
    return journal


def watched(journal: Journal, settings: EngineSettings | None = None) -> Deleveraging:
    """Return the newest case of the liquidation L1."""
    engine = RiskEngine(settings or EngineSettings())
    engine.apply(journal.events)
    return engine.deleveragings("L1")[-1]


def test_a_plan_says_who_why_and_on_what_state() -> None:
    journal = crash()
    case = watched(journal)
    expected = case.expected
    assert (case.liquidation_id, case.account, case.instrument, case.side) == (
        "L1", "lea", "X", "short",
    )  # fmt: skip
    assert (expected.origin, expected.policy, expected.unit) == (
        "shortfall", "queue-bitmex", "contracts",
    )  # fmt: skip
    assert (expected.asset, expected.amount, expected.amount_usd, expected.contracts) == (
        "USD", "110", "110", "8",
    )  # fmt: skip
    assert (expected.price, expected.mark_price) == ("95", "80")
    assert expected.engine_ns == expected.trigger_ns == journal.events[-1].event_ns
    assert expected.events_given == len(journal.events)
    assert [(one.account, one.size, one.amount, one.rank) for one in expected.reductions] == [
        ("sue", "4", "60", 1),
        ("tom", "4", "60", 2),
    ]
    assert (case.fills, case.review) == ((), None)


def test_what_the_venue_did_as_the_rule_says_leaves_nothing_to_say() -> None:
    journal = crash().wait(0.5)
    journal.deleveraging("sue", "X", "4", "95", "lea")
    journal.wait(0.25).deleveraging("tom", "X", "4", "95", "lea")
    case = watched(journal)
    assert [(one.account, one.size, one.price_worse_by, one.after_ns) for one in case.fills] == [
        ("sue", "4", "0", 500_000_000),
        ("tom", "4", "0", 750_000_000),
    ]
    assert [(one.mark_price, one.given_up_usd) for one in case.fills] == [("80", "60")] * 2
    review = case.review
    assert review is not None
    assert (review.taken_contracts, review.overshoot_contracts) == ("8", "0")
    assert (review.given_up_usd, review.overshoot_usd, review.overshoot_usd_positive) == (
        "120", "10", "10",
    )  # fmt: skip
    assert (review.skipped, review.wrongly_chosen) == ((), ())


def test_too_much_from_the_wrong_ones_at_a_worse_price_is_told() -> None:
    """Uma is not due at all, sue is passed over, and 9 are taken where 8 are needed."""
    journal = crash()
    journal.mark("X", "82")
    journal.deleveraging("tom", "X", "4", "97", "lea")
    journal.deleveraging("uma", "X", "5", "90", "lea")
    case = watched(journal)
    assert [(one.price_worse_by, one.given_up_usd) for one in case.fills] == [
        ("2", "60"),
        ("-5", "40"),
    ]
    review = case.review
    assert review is not None
    assert review.overshoot_contracts == review.overshoot_contracts_positive == "1"
    assert (review.overshoot_usd, review.overshoot_usd_positive) == ("-10", "0")
    assert review.skipped == (Choice(account="sue", rank=1, expected="4", filled="0"),)
    assert review.wrongly_chosen == (Choice(account="uma", rank=None, expected="0", filled="5"),)


def test_who_comes_too_early_has_passed_over_who_was_due() -> None:
    journal = crash()
    journal.deleveraging("tom", "X", "3", "95", "lea")
    review = watched(journal).review
    assert review is not None
    assert review.overshoot_contracts == "-5"
    assert review.overshoot_contracts_positive == "0"
    assert review.skipped == (Choice(account="sue", rank=1, expected="3", filled="0"),)
    assert review.wrongly_chosen == ()


def test_before_a_shortfall_the_rule_is_asked_at_the_first_fill() -> None:
    """Of 10 the liquidation has filled 3; 7 are left, sue's 4 and 3 of tom's."""
    journal = crash(finished=False)
    journal.liquidation("filled", "lea", "X", "-3", "85")
    journal.wait(2)
    before = len(journal.events)
    journal.deleveraging("sue", "X", "4", "95", "lea")
    journal.position("sue", "X", "0")
    journal.deleveraging("tom", "X", "3", "95", "lea")
    case = watched(journal)
    expected = case.expected
    assert (expected.origin, expected.events_given) == ("first_fill", before)
    assert (expected.amount, expected.contracts, expected.price) == (None, "7", "95")
    assert [(one.account, one.size) for one in expected.reductions] == [("sue", "4"), ("tom", "3")]
    assert [one.after_ns for one in case.fills] == [3_000_000_000] * 2
    assert case.review is not None
    assert case.review.overshoot_contracts == "0"
    assert (case.review.skipped, case.review.wrongly_chosen) == ((), ())
    assert case.review.overshoot_usd is None


def test_a_position_that_is_told_before_its_fill_in_one_change_still_counts() -> None:
    journal = crash(finished=False)
    journal.position("sue", "X", "0", more=True)
    journal.balance("sue", "40", more=True)
    journal.deleveraging("sue", "X", "4", "95", "lea")
    case = watched(journal)
    assert case.expected.reductions[0].account == "sue"
    assert case.review is not None
    assert case.review.wrongly_chosen == ()


def test_of_a_close_that_nobody_announced_the_position_says_how_much_is_needed() -> None:
    journal = crash(finished=False)
    journal.deleveraging("sue", "X", "4", "95", "lea", "L2")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.events)
    (case,) = engine.deleveragings("L2")
    assert case.expected.contracts == "10"
    assert (case.expected.price, case.expected.trigger_ns) == (None, None)
    assert [one.amount for one in case.expected.reductions] == [None, None]
    assert (case.fills[0].price_worse_by, case.fills[0].after_ns) == (None, None)


def test_a_change_that_holds_a_fill_of_an_unlisted_instrument_asks_when_it_is_listed() -> None:
    journal = Journal()
    journal.balance("sue", "1", more=True)
    journal.deleveraging("sue", "LATER", "4", "95", "lea")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    assert engine.deleveragings("L1") == ()
    journal.list_instrument("LATER")
    engine.apply(journal.events)
    assert len(engine.deleveragings("L1")) == 1


def test_on_the_side_that_is_being_closed_the_rule_names_nobody() -> None:
    journal = crash(finished=False)
    journal.deleveraging("zoe", "X", "-4", "95", "lea")
    expected = watched(journal).expected
    assert (expected.origin, expected.contracts, expected.accounts) == ("first_fill", None, 0)
    assert expected.trigger_ns is not None


def test_when_the_liquidation_has_closed_everything_nothing_is_needed() -> None:
    journal = crash(finished=False)
    journal.liquidation("filled", "lea", "X", "-10", "80")
    journal.deleveraging("sue", "X", "4", "95", "lea")
    case = watched(journal)
    assert (case.expected.contracts, case.expected.reductions) == ("0", ())
    assert case.review is not None
    assert (case.review.overshoot_contracts, case.review.overshoot_contracts_positive) == ("4", "4")


def test_a_liquidation_of_another_instrument_says_nothing_of_this_one() -> None:
    journal = crash(finished=False)
    journal.list_instrument("Y")
    journal.mark("Y", "80")
    journal.position("lea", "Y", "6", "90")
    journal.position("sue", "Y", "-6", "90")
    journal.deleveraging("sue", "Y", "4", "95", "lea")
    expected = watched(journal).expected
    assert (expected.contracts, expected.price, expected.trigger_ns) == ("6", None, None)


@pytest.mark.parametrize(
    ("policy", "limit"),
    [("queue-bitmex", "FORESEEN_IN_QUEUES_MAX"), ("minimax-leverage", "FORESEEN_HOLDERS_MAX")],
)
def test_of_very_many_holders_only_what_is_needed_is_known(
    monkeypatch: pytest.MonkeyPatch, policy: PolicyName, limit: str
) -> None:
    """Of a queue, where whole positions are taken from the front, the limit is another one."""
    chosen = EngineSettings(deleveraging=DeleveragingSettings(policy=policy))
    journal = crash(finished=False)
    journal.deleveraging("sue", "X", "4", "95", "lea")
    assert watched(journal, chosen).expected.accounts > 0
    monkeypatch.setattr(deleveraging_watch, limit, 3)
    case = watched(journal, chosen)
    assert (case.expected.contracts, case.expected.accounts) == ("10", 0)
    assert case.review is not None
    assert (case.review.overshoot_contracts, case.review.skipped) == ("-6", None)


def test_a_policy_without_a_unit_gives_up_pnl_whatever_opens_the_case() -> None:
    settings = EngineSettings(deleveraging=DeleveragingSettings(policy="risk-aware-pro-rata"))
    units = []
    for finished in (True, False):
        journal = crash(finished=finished)
        journal.deleveraging("sue", "X", "4", "95", "lea")
        units.append(watched(journal, settings).expected.unit)
    assert units == ["pnl", "pnl"]


def test_a_fill_on_the_side_that_lost_is_a_case_without_a_rule() -> None:
    journal = crash()
    journal.deleveraging("zoe", "X", "-4", "95", "lea")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.events)
    planned, odd = engine.deleveragings("L1")
    assert (planned.side, planned.review) == ("short", None)
    assert (odd.side, odd.expected.contracts, odd.expected.reductions) == ("long", None, ())
    assert odd.review is not None
    assert (odd.review.skipped, odd.review.wrongly_chosen) == (None, None)


def test_where_the_policy_gives_up_pnl_nobody_is_called_wrong() -> None:
    policy = EngineSettings(deleveraging=DeleveragingSettings(policy="pro-rata-pnl"))
    journal = crash()
    journal.deleveraging("uma", "X", "5", "95", "lea")
    case = watched(journal, policy)
    assert (case.expected.unit, case.expected.contracts) == ("pnl", None)
    assert case.review is not None
    assert (case.review.skipped, case.review.overshoot_contracts) == (None, None)
    assert case.review.overshoot_usd == "-35"


def test_a_fill_of_an_unlisted_instrument_waits_for_it() -> None:
    journal = Journal()
    journal.deleveraging("sue", "LATER", "4", "95", "lea")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    assert engine.deleveragings("L1") == ()
    journal.list_instrument("LATER")
    engine.apply(journal.events)
    (case,) = engine.deleveragings("L1")
    assert case.fills[0].mark_price is None
    assert case.review is not None
    assert (case.review.given_up_usd, case.review.taken_contracts) == (None, "4")


# --- against the twin -------------------------------------------------------------------------


def crowd(chance: random.Random) -> list[AnyEvent]:
    """Return a long that goes bankrupt, and what the venue takes from whom, often wrongly."""
    kind = chance.choice(["linear", "linear", "inverse", "quanto"])
    asset = "X" if kind == "inverse" else "USD"
    journal = Journal()
    journal.list_instrument("X-PERP", kind, contract_size=chance.choice(["1", "10"]), lot_size="2")
    journal.index("X", "80")
    journal.mark("X-PERP", "100")
    names = [f"winner-{number}" for number in range(chance.randint(2, 7))]
    for name in names:
        journal.balance(name, chance.choice(["100", "300", "4000"]), asset)
        size = chance.choice(["-2", "-4", "-7", "-20"])
        journal.position(name, "X-PERP", size, chance.choice(["79", "81", "100", "120"]))
    journal.balance("lost", chance.choice(["1", "20", "100"]), asset)
    journal.position("lost", "X-PERP", "40", "110")
    journal.liquidation("started", "lost", "X-PERP", "-40")
    journal.mark("X-PERP", "80")
    journal.liquidation("filled", "lost", "X-PERP", chance.choice(["-10", "-3"]), "75")
    if chance.randrange(2):
        journal.liquidation("finished", "lost", "X-PERP", "-40", "75")
    for _ in range(chance.randint(1, 5)):
        if not chance.randrange(3):
            journal.mark("X-PERP", chance.choice(["70", "82", "79.5"]))
        name, size = chance.choice(names), chance.choice(["2", "4", "6", "10"])
        journal.deleveraging(name, "X-PERP", size, chance.choice(["60", "75", "90"]), "lost")
    return journal.events


def twin_review(twin: NaiveEngine, sequence: list[AnyEvent]) -> naive_deleveraging_watch.Review:
    """Return what the definitions say of the last close of a sequence, step by step."""
    expected: list[tuple[str, Fraction]] | None = None
    needed: Fraction | None = None
    fills: list[tuple[DeleveragingFilled, Fraction | None]] = []
    for event in sequence:
        if isinstance(event, DeleveragingFilled):
            if expected is None:
                needed, price = left_to_close(twin)
                expected = naive_deleveraging_watch.queue_now(twin.world, event, needed, price)
            fills.append((event, naive_deleveraging_watch.given_up(twin.world, event)))
        for decision in twin.apply(event):
            if isinstance(decision, DeleveragingPlanned):
                expected = naive_deleveraging_watch.planned(decision)
                needed = contracts_needed(twin, decision)
    assert expected is not None
    return naive_deleveraging_watch.review(expected, needed, fills)


def left_to_close(twin: NaiveEngine) -> tuple[Fraction, Fraction | None]:
    """Return how many contracts of the lost position are open, and its bankruptcy price."""
    lost = twin.world.accounts["lost"]
    liquidation = lost.liquidations.get("L1")
    if liquidation is None:
        return abs(lost.positions["X-PERP", "net"].size), None
    done = sum((fill[0] for fill in liquidation.fills), Fraction(0))
    return abs(liquidation.size) - abs(done), liquidation.bankruptcy_price


def contracts_needed(twin: NaiveEngine, decision: DeleveragingPlanned) -> Fraction | None:
    """Return how many contracts collect what a plan asks for, None where none does."""
    listed = twin.world.instruments[decision.instrument]
    one = decision.reductions[0] if decision.reductions else None
    if one is None:
        return None
    value = twin.world.value(decision.asset)
    assert value is not None
    lots = Fraction(one.size) / Fraction(listed.lot_size)
    per_lot = Fraction(one.amount) / lots
    return -(-Fraction(decision.amount) * value // per_lot) * Fraction(listed.lot_size)


@pytest.mark.parametrize("policy", naive_deleveraging.POLICIES)
def test_what_the_venue_did_is_reviewed_as_by_the_twin(policy: PolicyName) -> None:
    """At least a third of the books have somebody skipped, and a third somebody wrongly chosen."""
    chosen = EngineSettings(deleveraging=DeleveragingSettings(policy=policy))
    skipped = wrong = 0
    for seed in range(80):
        sequence = crowd(random.Random(seed))
        engine = RiskEngine(chosen, shards=1 + seed % 2)
        engine.apply(sequence)
        case = engine.deleveragings("L1")[-1]
        review, twin = case.review, twin_review(NaiveEngine(chosen), sequence)
        assert review is not None
        shown = f"seed {seed}:\n{told(sequence)}"
        assert review.taken_contracts == text(twin.taken), shown
        assert twin.given_up is not None
        assert review.given_up_usd is not None
        assert float(review.given_up_usd) == pytest.approx(float(twin.given_up), rel=1e-11), shown
        if case.expected.accounts:
            assert case.expected.contracts == text(twin.needed or 0), shown
            assert review.overshoot_contracts is not None
            assert Fraction(review.overshoot_contracts) == twin.taken - (twin.needed or 0)
            assert choices(review.skipped) == twin.skipped, shown
            assert choices(review.wrongly_chosen) == twin.wrongly_chosen, shown
            skipped += bool(twin.skipped)
            wrong += bool(twin.wrongly_chosen)
    assert min(skipped, wrong) >= 26


def choices(listed: tuple[Choice, ...] | None) -> dict[str, tuple[Fraction, Fraction]]:
    assert listed is not None
    return {one.account: (Fraction(one.expected), Fraction(one.filled)) for one in listed}


def test_a_restored_watch_goes_on_as_if_nothing_had_been() -> None:
    for seed in range(12):
        sequence = crowd(random.Random(seed))
        straight = RiskEngine(EngineSettings())
        straight.apply(sequence)
        for cut in range(10, len(sequence), 3):
            before = RiskEngine(EngineSettings())
            before.apply(sequence[:cut])
            state = msgspec.msgpack.decode(msgspec.msgpack.encode(before.export_state()))
            after = RiskEngine.from_state(state, EngineSettings())
            after.apply(sequence[cut:])
            assert after.deleveragings("L1") == straight.deleveragings("L1")
            assert after.state_hash() == straight.state_hash()
