"""The next funding payment as the API tells it."""

import msgspec

from monitor.api.funding import MINUTE_NS, funding_answer, sentence
from tests.exporter.test_readers_funding import FUNDING


def test_the_whole_forecast_is_told() -> None:
    answer = funding_answer(FUNDING)
    assert (answer.payment_usd, answer.pushed_accounts, answer.pushed_notional_usd) == (
        "18",
        2,
        "2500",
    )
    assert answer.carry_hours == [8, 24]
    assert [one.carry_ratio for one in answer.instruments[:3]] == [
        [None, None],
        ["0", "0"],
        ["0.01", "0.03"],
    ]


def test_one_sentence_says_whom_it_pushes_under() -> None:
    soon = msgspec.structs.replace(FUNDING, next_funding_ns=1 + 42 * MINUTE_NS)
    assert sentence(soon) == (
        "The next funding payment, in 42 min, takes 18 USD and alone makes 2 accounts with 2,500"
        " USD of positions liquidatable."
    )
    calm = msgspec.structs.replace(soon, pushed_accounts=0)
    assert sentence(calm) == (
        "The next funding payment, in 42 min, takes 18 USD and makes nobody liquidatable."
    )
    none = msgspec.structs.replace(soon, next_funding_ns=None)
    assert sentence(none) == "No instrument has told the rate of its next funding payment."
