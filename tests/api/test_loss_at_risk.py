"""What may be socialized as the API tells it."""

import msgspec

from monitor.api.loss_at_risk import loss_at_risk_answer, sentence
from tests.api.crash_loss_at_risk import loss_at_risk_at

FOUND = loss_at_risk_at(9_000_000_000, 1.0)


def test_all_funds_are_told_with_their_uncertainty() -> None:
    answer = loss_at_risk_answer(FOUND)
    assert (answer.as_of_ns, answer.oldest_ns, answer.paths) == (9 * 10**9, 4 * 10**9, 1_000)
    assert [one.fund for one in answer.funds] == [None, "main", "alts"]
    main = answer.funds[1]
    assert (main.balance_usd, main.median_depletion_s) == ("1150000", "21600")
    assert [one.horizon_s for one in main.horizons] == [600, 3_600, 86_400]
    day = main.horizons[-1]
    assert (day.shortfall_probability, day.depletion_probability) == ("0.338", "0.26")
    assert [one.confidence for one in day.uncovered] == ["0.99", "0.999"]
    assert day.uncovered[0].expected_shortfall_usd == "561600"
    assert day.uncovered[0].error_usd == "31200"
    assert [one.share for one in main.contributions] == ["0.62", "0.38"]


def test_one_sentence_says_how_likely_the_worst_fund_is_empty() -> None:
    assert sentence(FOUND) == (
        "Insurance fund main is exhausted within a day with a probability of 26.0 %, within an hour"
        " 6.0 %."
    )
    calm = loss_at_risk_at(1, 0.0)
    assert sentence(calm) == "No path within a day exhausts an insurance fund."
    rare = loss_at_risk_at(1, 1e-4)
    assert sentence(rare).endswith(
        "probability of less than 0.1 %, within an hour less than 0.1 %."
    )
    fundless = msgspec.structs.replace(FOUND, funds=FOUND.funds[:1])
    assert sentence(fundless) == (
        "No instrument has an insurance fund: every shortfall is somebody else's."
    )
