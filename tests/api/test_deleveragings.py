"""Why was I deleveraged, in one call: the rule's choice, the venue's, and what they rest on."""

from typing import Any

import httpx
import jsonschema
import pytest

from monitor.api.decision_ring import DecisionRing
from monitor.api.deleveragings import deleveragings_answer
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from tests.api.crash import Crash
from tests.api.crash_waterfall import FUNDS, story, told_engine
from tests.api.test_routes import answer, record_schema


async def case(client: httpx.AsyncClient, query: str = "") -> Any:
    told = await answer(client, f"/v1/deleveragings/L1{query}", "DeleveragingsAnswer")
    assert told["liquidation_id"] == "L1"
    (found,) = told["deleveragings"]
    return found


async def test_one_call_says_rank_score_needed_taken_price_and_what_it_rests_on(
    client: httpx.AsyncClient,
) -> None:
    deleveraging = (await case(client))["deleveraging"]
    expected = deleveraging["expected"]
    assert (deleveraging["account"], deleveraging["side"]) == ("lea", "short")
    assert {name: expected[name] for name in ("amount", "contracts", "price", "policy")} == {
        "amount": "280",
        "contracts": "16",
        "price": "97.5",
        "policy": "queue-bitmex",
    }
    assert [(one["account"], one["rank"], one["size"]) for one in expected["reductions"]] == [
        ("sue", 1, "4"),
        ("tom", 2, "6"),
    ]
    assert expected["events_given"] == 15
    (fill,) = deleveraging["fills"]
    assert (fill["account"], fill["size"], fill["price_worse_by"]) == ("tom", "7", "0.5")
    assert fill["after_ns"] == 2_000_000_000
    review = deleveraging["review"]
    assert (review["taken_contracts"], review["overshoot_contracts"]) == ("7", "-9")
    assert review["overshoot_contracts_positive"] == "0"
    assert [one["account"] for one in review["skipped"]] == ["sue"]
    assert review["wrongly_chosen"] == [
        {"account": "tom", "rank": 2, "expected": "6", "filled": "7"}
    ]


async def test_the_decision_and_its_place_in_the_log_are_told_while_they_are_kept(
    client: httpx.AsyncClient, crash: Crash
) -> None:
    found = await case(client)
    assert (found["decision_id"], found["cause"]) == (None, None)
    _, decisions = told_engine()
    crash.decisions.extend(decisions)
    found = await case(client)
    (planned,) = [one for one in decisions if one.kind == "deleveraging_planned"]
    assert found["decision_id"] == planned.decision_id
    assert found["cause"] == {"topic": "accounts", "partition": 0, "offset": 14}


async def test_an_account_is_told_only_what_concerns_it(client: httpx.AsyncClient) -> None:
    deleveraging = (await case(client, "?account=sue"))["deleveraging"]
    assert [one["account"] for one in deleveraging["expected"]["reductions"]] == ["sue"]
    assert deleveraging["expected"]["accounts"] == 2
    assert deleveraging["fills"] == []
    assert [one["account"] for one in deleveraging["review"]["skipped"]] == ["sue"]
    assert deleveraging["review"]["wrongly_chosen"] == []


async def test_an_account_that_has_no_part_in_it_is_told_nothing(
    client: httpx.AsyncClient,
) -> None:
    answer = (await client.get("/v1/deleveragings/L1?account=nobody")).json()
    assert answer["deleveragings"] == []


async def test_before_the_venue_has_done_anything_there_is_no_review() -> None:
    """Told of one account too."""
    engine = RiskEngine(EngineSettings(funds=FUNDS))
    engine.apply(story()[:-1])
    told = deleveragings_answer("L1", engine.deleveragings("L1"), DecisionRing(), "sue")
    (record,) = told.deleveragings
    assert (record.deleveraging.review, record.deleveraging.fills) == (None, ())


@pytest.mark.parametrize(
    ("path", "status", "received"),
    [
        ("L2", 404, "'L2'"),
        ("no/such", 404, "'no/such'"),
        ("x" * 129, 400, "129 characters"),
        ("L1?color=red", 400, "color"),
        ("L1?account=" + "x" * 129, 400, "129 characters"),
    ],
)
async def test_a_deleveraging_that_there_is_not(
    client: httpx.AsyncClient, path: str, status: int, received: str
) -> None:
    response = await client.get(f"/v1/deleveragings/{path}")
    jsonschema.validate(response.json(), record_schema("ErrorRecord"))
    assert (response.status_code, response.json()["received"]) == (status, received)
