"""Indicator lights: fifths of a queue, and only what has changed is told."""

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.decisions import Side
from monitor.core.deleveraging.policy import light
from monitor.core.engine import RiskEngine
from monitor.core.events import AccountClosed
from monitor.core.lights import LightBoard, LightChange, lights_of
from monitor.core.settings import DeleveragingSettings, EngineSettings
from tests.builders import Journal

NAMES = st.lists(st.integers(0, 9), max_size=40)


@given(NAMES)
def test_a_light_is_the_fifth_of_the_rank_and_equal_scores_stand_by_name(scores: list[int]) -> None:
    names = [f"{(7 * place) % 41:02}".encode() for place in range(len(scores))]
    order = sorted(range(len(scores)), key=lambda place: (-scores[place], names[place]))
    expected = [0] * len(scores)
    for rank, place in enumerate(order, start=1):
        expected[place] = light(rank, len(scores))
    found = lights_of(np.array(scores, np.float64), lambda place: names[place])
    assert found.tolist() == expected


class Book:
    """A random book of shorts and longs, and what two boards say of it."""

    def __init__(self, seed: int, shards: int) -> None:
        self.chance = random.Random(seed)
        settings = EngineSettings(deleveraging=DeleveragingSettings(policy="queue-hyperliquid"))
        self.engine = RiskEngine(settings, shards=shards)
        self.journal = Journal()
        self.journal.list_instrument("X")
        self.journal.mark("X", "100")
        self.names = [f"a{number:02}" for number in range(40)]
        for name in self.names:
            self.journal.balance(name, str(self.chance.randint(200, 900)))
        self.board = LightBoard()
        self.told: dict[tuple[Side, str], int] = {}

    def trade(self) -> None:
        """Let some accounts trade, leave or pay in, and the mark move."""
        for name in self.chance.sample(self.names, 12):
            size = self.chance.choice(["-3", "-2", "-1", "0", "1", "2"])
            entry = None if size == "0" else str(self.chance.randint(80, 120))
            self.journal.position(name, "X", size, entry)
            self.journal.balance(name, str(self.chance.randint(200, 900)))
        self.journal.mark("X", str(self.chance.randint(85, 115)))
        self.engine.apply(self.journal.take())

    def tell(self) -> None:
        """Take what the board says of both sides."""
        for side in self.sides():
            for change in self.board.tell("X", side, self.engine.shards.scored("X", side)):
                assert self.told.get((side, change.account), 0) == change.before
                self.told[side, change.account] = change.light

    def sides(self) -> tuple[Side, Side]:
        return ("long", "short")

    def lights(self) -> dict[tuple[Side, str], int]:
        """Return every light, from the exact ranks."""
        return {
            (side, account): light(one.rank, one.total)
            for side in self.sides()
            for (account, _), one in self.engine.shards.standings("X", side).items()
        }


@given(st.integers(0, 10_000), st.integers(1, 2))
def test_all_changes_together_are_the_lights_as_they_are(seed: int, shards: int) -> None:
    book = Book(seed, shards)
    book.engine.apply(book.journal.take())
    book.tell()
    assert book.told == {}
    for _ in range(4):
        book.trade()
        book.tell()
        assert {key: one for key, one in book.told.items() if one} == book.lights()


def test_the_first_ranking_of_a_side_is_where_changes_begin() -> None:
    book = Book(1, 1)
    book.trade()
    book.tell()
    assert book.told == {}
    before = book.lights()
    book.journal.position("a00", "X", "0")
    book.journal.position("a01", "X", "-9", "130")
    book.engine.apply(book.journal.take())
    book.told = dict(before)
    book.tell()
    assert {key: one for key, one in book.told.items() if one} == book.lights()


def test_an_account_that_is_closed_is_not_told_of() -> None:
    book = Book(2, 1)
    book.trade()
    book.tell()
    holder = next(account for (_, account) in book.lights())
    book.journal.position(holder, "X", "0")
    book.journal.balance(holder, "0")
    seq = book.journal.next_seq(holder)
    closed = AccountClosed(event_ns=book.journal.now_ns, account=holder, seq=seq)
    book.journal.add(closed)
    book.engine.apply(book.journal.take())
    changes: list[LightChange] = []
    for side in book.sides():
        changes += book.board.tell("X", side, book.engine.shards.scored("X", side))
    assert holder not in {change.account for change in changes}


def test_a_forgotten_instrument_begins_anew() -> None:
    book = Book(3, 1)
    book.trade()
    book.tell()
    for side in book.sides():
        book.board.forget(("X", side))
    book.trade()
    book.tell()
    assert book.told == {}
