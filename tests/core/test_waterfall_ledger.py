"""Every layer's payments of an episode are kept: balanced to the last unit, bounded, replayable."""

from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core import waterfall_ledger
from monitor.core.engine import RiskEngine
from monitor.core.events import AccountClosed, AnyEvent
from monitor.core.settings import EngineSettings, FundSettings
from monitor.core.waterfall import Loss, Shortfall
from monitor.core.waterfall_ledger import BorneShortfall, WaterfallEpisode, WaterfallLedger
from tests import random_settings, strategies
from tests.builders import Journal
from tests.core.comparison import told
from tests.reference.naive import NaiveEngine
from tests.reference.naive_waterfall_ledger import Entry, Kept
from tests.reference.naive_world import exact

ASSET_UNIT = Fraction(1, 10**8)


def identities(ledger: WaterfallLedger) -> list[str]:
    """Return the episodes that a ledger keeps, oldest first."""
    return [told["episode_id"] for told in ledger.export_state()["episodes"]]


def kept_by(engine: RiskEngine) -> list[WaterfallEpisode]:
    """Return every episode that an engine keeps, oldest first."""
    found = [engine.waterfall_episode(one) for one in identities(engine.venue.ledger)]
    return [one for one in found if one is not None]


def assert_balanced(episode: WaterfallEpisode) -> None:
    """Assert that every shortfall, and every sum of an episode, is paid or named as uncovered."""
    for entry in episode.shortfalls:
        loss = Fraction(entry.account_margin or 0) + Fraction(entry.shortfall)
        covered = sum((Fraction(one.covered) for one in entry.payments), Fraction(0))
        assert covered + Fraction(entry.uncovered) == loss
        for payment in entry.payments:
            paid, left = Fraction(payment.paid), Fraction(payment.left)
            assert Fraction(payment.asked) == paid + left
            assert min(paid, left, Fraction(payment.covered), Fraction(payment.surplus)) >= 0
    for sums in episode.totals:
        covered = sum((Fraction(each) for each in sums.covered.values()), Fraction(0))
        loss = Fraction(sums.account_margin) + Fraction(sums.shortfall)
        assert covered + Fraction(sums.uncovered) == loss


def plain_entry(entry: BorneShortfall) -> dict[str, Any]:
    """Return an entry as far as the twin knows it."""
    return {
        "liquidation": (entry.liquidation_id, entry.instrument, entry.asset),
        "amounts": (entry.account_margin, entry.shortfall, entry.uncovered),
        "paid": [
            (one.layer, one.payer, one.asset, one.asked, one.paid, one.covered, one.surplus)
            for one in entry.payments
        ],
        "accounts": [one.accounts for one in entry.payments],
    }


def plain_twin(entry: Entry) -> dict[str, Any]:
    """Return the same of the twin."""
    margin = None if entry.account_margin is None else exact(entry.account_margin)
    return {
        "liquidation": (entry.liquidation_id, entry.instrument, entry.asset),
        "amounts": (margin, exact(entry.shortfall), exact(entry.uncovered)),
        "paid": [
            (
                one.layer,
                one.payer,
                one.asset,
                *(exact(each) for each in (one.asked, one.paid, one.covered, one.surplus)),
            )
            for one in entry.paid
        ],
        "accounts": [one.accounts for one in entry.paid],
    }


def assert_same_as(kept: list[Kept], episodes: list[WaterfallEpisode]) -> None:
    """Assert that engine and twin keep the same episodes with the same payments."""
    assert [(one.episode_id, one.account, one.closed_ns) for one in episodes] == [
        (one.episode.episode_id, one.account, one.closed_ns) for one in kept
    ]
    for episode, twin in zip(episodes, kept, strict=True):
        assert episode.complete
        assert episode.first_event_ns == twin.first_ns
        assert [plain_entry(one) for one in episode.shortfalls] == [
            plain_twin(one) for one in twin.entries
        ]


@given(random_settings.SETTINGS, strategies.chaos())
def test_after_every_event_the_ledger_balances_and_equals_that_of_the_twin(
    settings: EngineSettings, sequence: list[AnyEvent]
) -> None:
    engine, twin = RiskEngine(settings), NaiveEngine(settings)
    for number, event in enumerate(sequence, start=1):
        engine.apply([event])
        twin.apply(event)
        episodes = kept_by(engine)
        for episode in episodes:
            assert_balanced(episode)
        try:
            assert_same_as(list(twin.world.kept.values()), episodes)
        except AssertionError as error:
            error.add_note(f"after:\n{told(sequence[:number])}")
            raise


@given(random_settings.SETTINGS, strategies.chaos(), st.data())
def test_a_restored_ledger_goes_on_as_if_nothing_had_been(
    settings: EngineSettings, sequence: list[AnyEvent], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(sequence)))
    straight, before = RiskEngine(settings), RiskEngine(settings)
    straight.apply(sequence)
    before.apply(sequence[:cut])
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(before.export_state()))
    after = RiskEngine.from_state(state, settings)
    after.apply(sequence[cut:])
    assert kept_by(after) == kept_by(straight)
    assert after.venue.ledger.lines == straight.venue.ledger.lines
    assert after.state_hash() == straight.state_hash()


@given(random_settings.SETTINGS, strategies.chaos())
def test_the_ledger_is_the_same_whatever_the_shards(
    settings: EngineSettings, sequence: list[AnyEvent]
) -> None:
    one, three = RiskEngine(settings), RiskEngine(settings, shards=3)
    one.apply(sequence)
    three.apply(sequence)
    assert one.venue.ledger.export_state() == three.venue.ledger.export_state()


# --- conversions ------------------------------------------------------------------------------


def shortfall(amount: int, *, margin: int | None = None) -> Shortfall:
    return Shortfall(
        event_ns=1,
        account="ann",
        instrument="X",
        leg="net",
        liquidation_id="L1",
        episode_id="ann:1",
        is_first=True,
        asset="USD",
        account_margin=margin,
        amount=amount,
        closed_side="long",
        bankruptcy_price=None,
    )


PRICES = st.fractions(min_value=Fraction(1, 10**6), max_value=10**6)


@given(
    st.integers(1, 10**12),
    st.lists(st.tuples(PRICES, st.integers(0, 100)), max_size=6),
    st.none() | st.integers(0, 10**12),
)
def test_whatever_is_converted_and_paid_the_loss_balances(
    amount: int, steps: list[tuple[Fraction, int]], margin: int | None
) -> None:
    """Each step converts at a price into another asset, then pays so many percent."""
    loss = Loss(shortfall(amount, margin=margin))
    worth = Fraction(1)
    for number, (price, percent) in enumerate(steps):
        before = loss.amount
        loss.convert(f"asset {number}", loss.amount / price)
        worth *= price
        assert 0 <= loss.amount * price - before < price
        if loss.amount:
            loss.pay("insurance_fund", "main", loss.amount * percent // 100)
            covered = sum(payment.covered for payment in loss.payments)
            assert covered + loss.uncovered == amount + (margin or 0)
        assert loss.uncovered >= 0
        assert bool(loss.amount) == bool(loss.uncovered)
        assert loss.rounding >= 0
        if not loss.amount:
            break


def test_the_remainder_of_a_conversion_is_borne_by_who_pays_last() -> None:
    """10 units at 3 each: 3 1/3, rounded up to 4. Two of those cover 4, as two left are worth 6."""
    loss = Loss(shortfall(10))
    loss.convert("EUR", Fraction(10, 3))
    assert (loss.amount, loss.rounding) == (4, Fraction(2))
    loss.pay("insurance_fund", "main", 2)
    assert (loss.payments[-1].covered, loss.uncovered) == (4, 6)
    loss.pay("socialized_loss", "gains-pro-rata", 2)
    assert (loss.payments[-1].covered, loss.uncovered) == (6, 0)


def test_a_fund_in_another_asset_covers_what_it_is_worth() -> None:
    """Of 10 USD a fund in coins of 7 is asked for 1.42857143; it pays 1, and that is 7."""
    journal = Journal()
    journal.list_instrument("X", fund="coin")
    journal.list_collateral("COIN", index="COIN")
    journal.index("COIN", "7")
    journal.fund("coin", "1", "COIN")
    journal.mark("X", "100")
    journal.balance("ann", "10")
    journal.position("ann", "X", "1", "100")
    journal.liquidation("started", "ann", "X", "-1")
    journal.mark("X", "80")
    journal.liquidation("finished", "ann", "X", "-1", "80")
    settings = EngineSettings(funds=(FundSettings(name="coin", asset="COIN"),))
    engine = RiskEngine(settings)
    engine.apply(journal.events)
    (episode,) = kept_by(engine)
    (entry,) = episode.shortfalls
    assert_balanced(episode)
    assert (entry.account_margin, entry.shortfall) == ("10", "10")
    assert [(one.layer, one.asked, one.paid, one.covered) for one in entry.payments] == [
        ("account_margin", "20", "10", "10"),
        ("insurance_fund", "1.42857143", "1", "6.99999999"),
        ("deleveraging", "0.42857143", "0", "0"),
        ("socialized_loss", "0.42857143", "0", "0"),
    ]
    assert (entry.uncovered, entry.rounding) == ("3.00000001", "0.00000001")


# --- bounds -----------------------------------------------------------------------------------


def entry(liquidation: str, payments: int = 1) -> BorneShortfall:
    paid = waterfall_ledger.LayerPayment(
        layer="insurance_fund", payer="main", asset="USD", asked="1", paid="1", left="0",
        covered=exact(Fraction(1, payments)),
    )  # fmt: skip
    return BorneShortfall(
        liquidation_id=liquidation, event_ns=1, instrument="X", leg="net", asset="USD",
        account_margin="0", shortfall="1", payments=(paid,) * payments, uncovered="0", rounding="0",
    )  # fmt: skip


def test_those_that_closed_first_are_forgotten_first_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waterfall_ledger, "LINES_MAX", 6)
    ledger = WaterfallLedger()
    for name in ("open", "late", "early"):
        ledger.add(name, name, entry(name), 1, is_first=True)
    ledger.close("early", 2)
    ledger.close("late", 3)
    ledger.add("new", "new", entry("new"), 4, is_first=True)
    assert identities(ledger) == ["open", "late", "new"]
    assert (ledger.lines, ledger.forgotten, ledger.episode("early")) == (6, 1, None)
    ledger.add("newer", "newer", entry("newer"), 5, is_first=True)
    ledger.add("newest", "newest", entry("newest"), 6, is_first=True)
    assert identities(ledger) == ["new", "newer", "newest"]
    assert ledger.forgotten == 3


def test_an_open_episode_that_was_forgotten_is_not_complete_when_it_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waterfall_ledger, "LINES_MAX", 2)
    ledger = WaterfallLedger()
    ledger.add("ann:1", "ann", entry("L1"), 1, is_first=True)
    ledger.add("bob:1", "bob", entry("L2"), 2, is_first=True)
    ledger.add("ann:1", "ann", entry("L3"), 3, is_first=False)
    again = ledger.episode("ann:1")
    assert again is not None
    assert (again.complete, again.totals[0].shortfall) == (False, "1")


def test_the_newest_stays_however_large_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waterfall_ledger, "LINES_MAX", 2)
    ledger = WaterfallLedger()
    ledger.add("ann:1", "ann", entry("L1"), 1, is_first=True)
    ledger.add("bob:1", "bob", entry("L2", payments=4), 2, is_first=True)
    assert identities(ledger) == ["bob:1"]


def test_of_a_long_episode_the_oldest_shortfalls_are_in_the_sums_alone() -> None:
    ledger = WaterfallLedger()
    for number in range(105):
        ledger.add("ann:1", "ann", entry(f"L{number}"), number, is_first=number == 0)
    episode = ledger.episode("ann:1")
    assert episode is not None
    assert (len(episode.shortfalls), episode.shortfalls_left_out) == (100, 5)
    assert episode.shortfalls[0].liquidation_id == "L5"
    assert episode.totals[0].shortfall == "105"
    assert ledger.lines == 200
    restored = WaterfallLedger.from_state(ledger.export_state())
    assert restored.episode("ann:1") == episode
    assert restored.lines == 200


def test_one_payment_names_at_most_a_hundred_accounts_and_counts_all() -> None:
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    for number in range(130):
        journal.balance(f"winner {number:03}", "100")
        journal.position(f"winner {number:03}", "X", "-1", "100")
    journal.balance("ann", "10")
    journal.position("ann", "X", "130", "100")
    journal.mark("X", "99")
    journal.liquidation("finished", "ann", "X", "-130", "99")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.events)
    (episode,) = kept_by(engine)
    assert_balanced(episode)
    (entry,) = episode.shortfalls
    assert entry.account_margin is None  # its start was not seen
    deleveraging, socialized = entry.payments
    assert deleveraging.accounts == 0
    assert (socialized.accounts, len(socialized.charges)) == (130, 100)
    assert entry.lines == 1 + 2 + 100


def test_an_account_that_is_closed_ends_its_episodes_and_counts_anew() -> None:
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")

    def go_bankrupt() -> None:
        journal.balance("ann", "-1")
        journal.liquidation("finished", "ann", "X", "-1", "99")

    go_bankrupt()
    journal.add(AccountClosed(event_ns=journal.now_ns, account="ann", seq=journal.next_seq("ann")))
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    (first,) = kept_by(engine)
    assert first.closed_ns is not None
    journal.wait(1)
    journal.open("ann")
    go_bankrupt()
    engine.apply(journal.take())
    (second,) = kept_by(engine)
    assert (second.episode_id, second.closed_ns, second.complete) == ("ann:1", None, True)
    assert second.first_event_ns > first.first_event_ns
    assert engine.venue.ledger.forgotten == 1


def test_episodes_that_end_together_close_in_the_order_of_names() -> None:
    journal = Journal()
    journal.list_instrument("X-PERP")
    journal.mark("X-PERP", "10")
    for name in ("zoe", "bob", "yan", "ann"):
        journal.balance(name, "1")
        journal.position(name, "X-PERP", "2", "10")
        journal.liquidation("started", name, "X-PERP", "-1", None, name)
    journal.mark("X-PERP", "9")
    for name in ("zoe", "bob", "yan", "ann"):
        journal.liquidation("finished", name, "X-PERP", "-1", "9", name)
    under_water = journal.take()
    journal.mark("X-PERP", "12")
    recovered = journal.take()
    closed = []
    for shards in (1, 3):
        engine = RiskEngine(EngineSettings(), shards=shards)
        engine.apply(under_water)
        restarted = RiskEngine.from_state(engine.export_state(), EngineSettings())
        for each in (engine, restarted):
            each.apply(recovered)
            closed.append(each.venue.ledger.export_state()["closed"])
        assert engine.state_hash() == restarted.state_hash()
    assert closed == [["ann:1", "bob:1", "yan:1", "zoe:1"]] * 4


@pytest.mark.parametrize("ending", ["first", "second"])
def test_its_own_margin_is_that_before_the_first_of_several_liquidations(ending: str) -> None:
    journal = Journal()
    for name in ("X-PERP", "Y-PERP"):
        journal.list_instrument(name)
        journal.mark(name, "10")
    journal.balance("bob", "50")
    journal.position("bob", "X-PERP", "10", "10")
    journal.position("bob", "Y-PERP", "10", "10")
    journal.liquidation("started", "bob", "X-PERP", "-10", None, "first")
    journal.mark("X-PERP", "6")
    journal.liquidation("started", "bob", "Y-PERP", "-10", None, "second")
    journal.mark("X-PERP", "4")
    instrument = {"first": "X-PERP", "second": "Y-PERP"}[ending]
    journal.liquidation("finished", "bob", instrument, "-10", "4", ending)
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.take())
    (episode,) = kept_by(engine)
    assert [one.account_margin for one in episode.shortfalls] == ["50"]
