"""The demo's memory of decisions: what came first, how late it was heard, who was named."""

from typing import Any

from monitor.replay.demo.story import Story

SECOND_NS = 1_000_000_000


def decision(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "event_ns": 10 * SECOND_NS, **fields}


def test_the_first_decision_of_a_kind_is_a_moment_and_later_ones_only_count() -> None:
    story = Story()
    first = story.add(decision("account_bankrupt", account="a"), 10 * SECOND_NS + 250_000_000)
    assert [moment.latency_s for moment in first] == [0.25]
    assert story.add(decision("account_bankrupt", account="b"), 11 * SECOND_NS) == []
    assert story.moments["account_bankrupt"].count == 2
    assert story.moments["account_bankrupt"].detail == "a"
    assert story.accounts["account_bankrupt"] == {"a", "b"}
    assert story.latency_s(0.99) == 1.0


def test_a_draw_that_leaves_something_uncovered_is_a_moment_of_its_own() -> None:
    story = Story()
    drawn = {"fund": "f", "asset": "USDT", "amount": "1200.5", "paid": "1000", "uncovered": "200.5"}
    moments = story.add(decision("insurance_fund_drawn", **drawn), 10 * SECOND_NS)
    assert [moment.name for moment in moments] == [
        "the insurance fund pays",
        "the insurance fund is not enough",
    ]
    assert moments[0].detail == "f: 1,000 of 1,200 USDT"


def test_winners_and_charged_accounts_are_counted_once_each() -> None:
    story = Story()
    plan = {
        "instrument": "I",
        "side": "short",
        "amount": "0.5",
        "asset": "BTC",
        "reductions": [{"account": "a"}, {"account": "b"}],
    }
    for _ in range(2):
        story.add(decision("deleveraging_planned", **plan), 10 * SECOND_NS)
    loss = {"amount": "3", "asset": "BTC", "accounts": [{"account": "c"}]}
    story.add(decision("loss_socialized", **loss), 10 * SECOND_NS)
    assert story.accounts["deleveraging_planned"] == {"a", "b"}
    assert story.accounts["loss_socialized"] == {"c"}
    assert story.moments["deleveraging_planned"].detail == "I: 2 shorts for 0.5 BTC"
    assert story.moments["loss_socialized"].detail == "3 BTC over 1 accounts"


def test_without_decisions_there_is_no_latency() -> None:
    assert Story().latency_s(0.5) is None
