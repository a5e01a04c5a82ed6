"""Whose hedge deleveraging takes away, and who becomes liquidatable because of it."""

from monitor.core.deleveraging_case import Deleveraging
from tests.builders import Journal
from tests.core.test_deleveraging_watch import watched


def hedged() -> Journal:
    """Return a crash in which sue's short 4 of X hedges her long 3 of another future on its index.

    At a mark of 80 each: 240 of the 320 short is hedged.
    """
    journal = Journal()
    for name in ("X", "X-DEC"):
        journal.list_instrument(name, fund="main", index="X-INDEX")
        journal.mark(name, "100")
    journal.fund("main", "40")
    journal.balance("sue", "100")
    journal.position("sue", "X", "-4", "100")
    journal.position("sue", "X-DEC", "3", "100")
    journal.balance("lea", "50")
    journal.position("lea", "X", "10", "100")
    journal.liquidation("started", "lea", "X", "-10")
    for name in ("X", "X-DEC"):
        journal.mark(name, "80")
    journal.liquidation("finished", "lea", "X", "-10", "80")
    return journal


def broken(case: Deleveraging) -> list[str | None]:
    assert case.review is not None
    return [*(fill.hedge_broken_usd for fill in case.fills), case.review.hedge_broken_usd]


def test_a_fill_that_takes_a_hedge_away_says_how_much_stands_naked() -> None:
    """The first 1 bought back was no hedge; of the next 3, all 240 of the other leg's hedge."""
    journal = hedged()
    journal.deleveraging("sue", "X", "1", "95", "lea", more=True)
    journal.position("sue", "X", "-3", "100")
    journal.deleveraging("sue", "X", "3", "95", "lea", more=True)
    journal.position("sue", "X", "0")
    assert broken(watched(journal)) == ["0", "240", "240"]


def test_the_fills_of_one_change_break_a_hedge_one_after_the_other() -> None:
    """As above, told in another order within one change."""
    journal = hedged()
    journal.position("sue", "X", "-1", "100", more=True)
    journal.deleveraging("sue", "X", "2", "95", "lea", more=True)
    journal.deleveraging("sue", "X", "1", "95", "lea")
    assert broken(watched(journal)) == ["80", "80", "160"]


def test_a_hedge_is_unknown_while_a_price_is_missing() -> None:
    journal = hedged()
    journal.list_instrument("X-MAR", index="X-INDEX")
    journal.position("sue", "X-MAR", "1", "100")
    journal.deleveraging("sue", "X", "1", "95", "lea")
    assert broken(watched(journal)) == [None, None]


def test_positions_on_another_index_hedge_nothing() -> None:
    journal = hedged()
    journal.list_instrument("Y", index="Y-INDEX")
    journal.mark("Y", "80")
    journal.position("tom", "X", "-4", "100")
    journal.position("tom", "Y", "3", "100")
    journal.deleveraging("tom", "X", "4", "95", "lea")
    assert broken(watched(journal)) == ["0", "0"]


def ruined(wait_s: float) -> tuple[str, ...]:
    """Return who became liquidatable because of a close that leaves sue 10 of equity at first."""
    journal = hedged()
    journal.deleveraging("sue", "X", "4", "95", "lea", more=True)
    journal.position("sue", "X", "0")
    journal.wait(wait_s).balance("sue", "61")  # of 240 notional, 1 of equity
    case = watched(journal)
    assert case.review is not None
    return case.review.became_liquidatable


def test_who_becomes_liquidatable_at_once_did_so_because_of_it() -> None:
    assert ruined(0.5) == ("sue",)


def test_who_becomes_liquidatable_later_did_so_for_other_reasons() -> None:
    assert ruined(1.5) == ()
