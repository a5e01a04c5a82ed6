"""Binance's rules for a book of a snapshot and differences, and what breaks them."""

import json

import msgspec
import pytest

from monitor.core.events import DepthChanged
from monitor.feeds.adapter import Ignored, Outcome, Refusal, SnapshotWanted
from monitor.feeds.binance_book import (
    UPDATES_BUFFERED_MAX,
    DepthUpdate,
    SymbolBook,
    parse_depth_snapshot,
)
from tests.feeds.frames import EVENT_MS, EVENT_NS, depth, depth_snapshot

WANTED = SnapshotWanted("BTCUSDT")


@pytest.fixture
def book() -> SymbolBook:
    return SymbolBook("BTC-PERP", "BTCUSDT")


def update(ids: tuple[int, int, int], **fields: object) -> DepthUpdate:
    return msgspec.json.decode(json.dumps(depth(ids, **fields)), type=DepthUpdate)


def reasons(outcomes: list[Outcome]) -> list[str]:
    """Return refusals by reason, other outcomes by their type."""
    return [
        outcome.reason if isinstance(outcome, Refusal) else type(outcome).__name__
        for outcome in outcomes
    ]


def in_step(book: SymbolBook) -> None:
    """Bring a book to update 110."""
    book.take_update(update((101, 110, 95)))
    parse_depth_snapshot(depth_snapshot(105), book)


def test_the_first_difference_contains_the_snapshot_and_the_others_follow_each_other(
    book: SymbolBook,
) -> None:
    assert book.take_update(update((90, 99, 80), b=[["97.0", "5"]])) == [WANTED]
    assert book.take_update(update((101, 110, 99), b=[["99.0", "0.000"]])) == [WANTED]
    assert book.take_update(update((112, 120, 110), a=[["100.5", "3.0"]])) == [WANTED]
    events = parse_depth_snapshot(depth_snapshot(105), book)
    assert [event.event_ns for event in events if isinstance(event, DepthChanged)] == [
        (EVENT_MS + number) * 1_000_000 for number in (105, 110, 120)
    ]
    assert events[-1] == DepthChanged(
        event_ns=EVENT_NS + 120_000_000,
        instrument="BTC-PERP",
        bids=[("98", "2")],
        asks=[("100.5", "3"), ("101", "1"), ("102", "2")],
    )


def test_a_snapshot_between_two_differences_is_as_good(book: SymbolBook) -> None:
    book.take_update(update((90, 99, 80)))
    book.take_update(update((110, 120, 99), a=[["100.5", "3.0"]]))
    assert reasons(parse_depth_snapshot(depth_snapshot(105), book)) == ["DepthChanged"] * 2


def test_a_snapshot_from_before_what_we_have_is_refused_and_asked_for_again(
    book: SymbolBook,
) -> None:
    book.take_update(update((101, 110, 99)))
    outcomes = parse_depth_snapshot(depth_snapshot(90), book)
    assert reasons(outcomes) == ["snapshot_too_old", "SnapshotWanted"]
    assert reasons(parse_depth_snapshot(depth_snapshot(105), book)) == ["DepthChanged"]


def test_a_snapshot_that_comes_after_a_newer_one_changes_nothing(book: SymbolBook) -> None:
    in_step(book)
    assert parse_depth_snapshot(depth_snapshot(100), book) == [Ignored("depth_snapshot_not_needed")]
    assert reasons(book.take_update(update((111, 112, 110), b=[["99.5", "1"]]))) == ["DepthChanged"]


def test_a_gap_drops_the_book_until_a_new_snapshot(book: SymbolBook) -> None:
    in_step(book)
    outcomes = book.take_update(update((125, 130, 120)))
    assert reasons(outcomes) == ["sequence_gap", "SnapshotWanted"]
    assert isinstance(outcomes[0], Refusal)
    assert "after 110" in outcomes[0].detail
    assert book.take_update(update((131, 140, 130))) == [WANTED]
    outcomes = parse_depth_snapshot(depth_snapshot(127), book)
    assert reasons(outcomes) == []  # the same visible book as before: nothing to tell
    assert reasons(book.take_update(update((141, 142, 140), b=[["99.0", "7"]]))) == ["DepthChanged"]


def test_a_difference_that_is_already_in_the_book_is_skipped(book: SymbolBook) -> None:
    in_step(book)
    assert book.take_update(update((101, 110, 95))) == [Ignored("depth_before_snapshot")]
    assert book.take_update(update((96, 100, 95))) == [Ignored("depth_before_snapshot")]


def test_a_crossed_book_cannot_be(book: SymbolBook) -> None:
    in_step(book)
    outcomes = book.take_update(update((111, 112, 110), b=[["101.0", "1"]]))
    assert reasons(outcomes) == ["crossed_book", "SnapshotWanted"]


@pytest.mark.parametrize("level", [["-1", "1"], ["NaN", "1"], ["1", "-1"]])
def test_a_bad_number_drops_the_book(book: SymbolBook, level: list[str]) -> None:
    in_step(book)
    outcomes = book.take_update(update((111, 112, 110), a=[level]))
    assert reasons(outcomes) == ["bad_number", "SnapshotWanted"]
    outcomes = parse_depth_snapshot(depth_snapshot(113, asks=[level]), book)
    assert reasons(outcomes) == ["bad_number", "SnapshotWanted"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"<html></html>", "not_json"), (b'{"code":-1121,"msg":"Invalid"}', "unexpected_shape")],
)
def test_an_answer_that_is_no_snapshot_is_refused(
    book: SymbolBook, body: bytes, reason: str
) -> None:
    assert reasons(parse_depth_snapshot(body, book)) == [reason]


def test_levels_that_nobody_sees_tell_nothing(book: SymbolBook) -> None:
    levels = [[str(1000 - number), "1"] for number in range(60)]
    body = depth_snapshot(105, bids=levels, asks=[])
    assert reasons(parse_depth_snapshot(body, book)) == ["DepthChanged"]
    assert book.take_update(update((101, 110, 95), b=[["950", "3"]])) == []
    assert reasons(book.take_update(update((111, 112, 110), b=[["951", "3"]]))) == ["DepthChanged"]


def test_a_snapshot_without_a_time_waits_for_the_next_difference(book: SymbolBook) -> None:
    body = json.dumps({"lastUpdateId": 105, "bids": [["99", "1"]], "asks": []}).encode()
    assert parse_depth_snapshot(body, book) == []
    assert reasons(book.take_update(update((101, 110, 95)))) == ["DepthChanged"]


def test_what_waits_for_a_snapshot_is_bounded(book: SymbolBook) -> None:
    for number in range(UPDATES_BUFFERED_MAX + 5):
        book.take_update(update((number + 1, number + 1, number)))
    outcomes = parse_depth_snapshot(depth_snapshot(4), book)
    assert reasons(outcomes) == ["snapshot_too_old", "SnapshotWanted"]
    assert reasons(parse_depth_snapshot(depth_snapshot(5), book)) == ["DepthChanged"]
