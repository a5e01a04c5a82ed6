"""How far socialized losses are as the API tells it."""

import msgspec

from monitor.api.distances import distances_answer, sentence
from monitor.core.distance_view import ALL_INSTRUMENTS, Distances
from tests.exporter.test_readers_distances import DISTANCES, side


def test_all_sides_are_told() -> None:
    answer = distances_answer(DISTANCES)
    assert (answer.as_of_ns, answer.oldest_ns) == (9_000_000_000, 3_000_000_000)
    assert len(answer.sides) == len(DISTANCES.sides)
    first = answer.sides[0]
    assert (first.first_round_ratio, first.cascade_ratio) == ("0.07", "0.05")
    assert (first.reproduction_ratio, first.loss_usd) == ("1.25", "1500")
    assert answer.sides[-2].cascade_ratio is None


def test_one_sentence_says_which_move_is_nearest() -> None:
    assert sentence(DISTANCES) == (
        "A fall in COIN0-PERP of 5.00 % ends in a socialized loss; without its cascade it would"
        " take 7.00 %."
    )
    rise = msgspec.structs.replace(
        side(ALL_INSTRUMENTS, 0.04), side="short", first_round_ratio=None
    )
    assert sentence(Distances(as_of_ns=1, sides=(rise,))) == (
        "A rise in all marks of 4.00 % ends in a socialized loss, by its cascade alone."
    )
    none = Distances(as_of_ns=1, sides=(side("X", None),))
    assert sentence(none) == "No move up to 90 % exhausts an insurance fund."
    assert none.oldest_ns == 3_000_000_000
    assert Distances(as_of_ns=1, sides=()).oldest_ns == 1
