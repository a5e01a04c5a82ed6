"""Decisions in plain words."""

from typing import Any

import pytest

from monitor.api.wording import describe, describe_many, money
from monitor.core import decisions
from tests.api.crash import END, decisions_at

ENVELOPE: dict[str, Any] = {"event_ns": 1, "rule": "r"}


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0.00 USD"),
        ("0.00012345", "0.000123 USD"),
        ("12.5", "12.50 USD"),
        ("-1843.2", "-1,843.20 USD"),
        ("1283333.25", "1,283,333 USD"),
        (None, "an unknown amount"),
    ],
)
def test_money_for_reading(amount: str | None, text: str) -> None:
    assert money(amount) == text


def test_every_decision_of_the_crash_has_its_sentence() -> None:
    sentences = [describe(one) for second in range(END) for one in decisions_at(second)]
    assert "trader-1040 is bankrupt: equity -1,843.20 USD, maintenance 20,112 USD" in sentences
    assert (
        "Breaker velocity-60s trips on BTC-PERP: measured 8.3 %, limit 8.0 %: halt trading"
        in sentences
    )
    assert (
        "Deleverage 2 accounts short BTC-PERP for 500,000 USDT (queue-bitmex); "
        "412,000 USDT are left" in sentences
    )


def test_what_qualifies_a_decision_is_said() -> None:
    decision = decisions.BreakerRearmed(
        **ENVELOPE, breaker="b", scope="BTC", by="ops", suspect=True, caught_up=True
    )
    assert describe(decision) == (
        "Breaker b is armed again on BTC, reset by ops "
        "(suspect: an event of the account is missing) (found when the monitor caught up)"
    )


@pytest.mark.parametrize(
    ("decision", "text"),
    [
        (
            decisions.WithdrawalsGated(**ENVELOPE, pool="USDT", reason="race"),
            "Withdrawals of USDT should stop: race",
        ),
        (
            decisions.WithdrawalsReleased(**ENVELOPE, pool="USDT"),
            "Withdrawals of USDT may go on",
        ),
        (
            decisions.LiquidatorVaultDrawn(
                **ENVELOPE, account="hlp", asset="BTC", amount="2", paid="1.5", uncovered="0.5",
                liquidation_id="l",
            ),
            "Vault hlp pays 1.50 BTC; 0.500000 BTC stay uncovered",
        ),
        (
            decisions.InsuranceFundDrawn(
                **ENVELOPE, fund="main", asset="BTC", amount="2", paid="1.5", uncovered="0.5",
                liquidation_id="l",
            ),
            "Fund main pays 1.50 BTC; 0.500000 BTC stay uncovered",
        ),
        (
            decisions.InsuranceFundCredited(
                **ENVELOPE, fund="main", asset="BTC", amount="2", liquidation_id="l"
            ),
            "Fund main gains 2.00 BTC",
        ),
        (
            decisions.StreamGapDetected(
                **ENVELOPE, account="a", expected=4, received=6, reason="sequence_gap"
            ),
            "An event of a is missing: expected number 4, received 6",
        ),
        (
            decisions.OracleRejected(**ENVELOPE, oracle="pyth", index="BTCUSD", reason="too_old"),
            "Oracle pyth is not used for BTCUSD: too old",
        ),
        (
            decisions.BreakerCooling(**ENVELOPE, breaker="b", scope="BTC", extended=2),
            "Breaker b cools on BTC, after 2 extensions",
        ),
    ],
)  # fmt: skip
def test_a_sentence(decision: decisions.Decision, text: str) -> None:
    assert describe(decision) == text


def test_many_of_a_kind_become_one_sentence() -> None:
    group = [
        decisions.AccountRecovered(
            **ENVELOPE, account=f"a{number}", instrument=None, leg=None, equity="1",
            maintenance_margin="0", margin_ratio="0", state_before="bankrupt",
        )
        for number in range(5)
    ]  # fmt: skip
    assert describe_many(group) == "5 accounts are healthy again: a0, a1, a2 and 2 more"
    assert describe_many(group[:1]) == describe(group[0])


def test_amounts_of_many_are_summed_by_asset() -> None:
    group = [
        decisions.InsuranceFundDrawn(
            **ENVELOPE, fund="f", asset=asset, amount=amount, paid="1", uncovered="0",
            liquidation_id="l",
        )
        for asset, amount in (("USDT", "10.5"), ("BTC", "2"), ("USDT", "1.5"))
    ]  # fmt: skip
    assert describe_many(group) == (
        "Funds pay 1.00 BTC and 2.00 USDT of 2.00 BTC and 12.00 USDT asked for 3 times"
    )


def test_every_kind_has_a_sentence_for_many() -> None:
    of_kind: dict[str, decisions.Decision] = {
        one.kind: one for second in range(END) for one in decisions_at(second)
    }
    assert [describe_many([one] * 4) for one in of_kind.values()] == [
        "4 accounts are called for margin: trader-2060",
        "4 accounts can be liquidated: trader-1054",
        (
            "4 times: Breaker velocity-60s trips on BTC-PERP: measured 8.3 %, limit 8.0 %: "
            "halt trading"
        ),
        "4 accounts are bankrupt: trader-1060",
        "4 shortfalls, together 5,133,333 USDT: trader-1040",
        "Funds pay 5,133,333 USDT of 5,133,333 USDT asked for 4 times",
        "4 deleveraging plans, together for 3,648,000 USDT",
        "4 losses, together 1,648,000 USDT, are spread over other accounts",
    ]
