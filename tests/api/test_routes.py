"""Every address answers what it promises, and refuses what it must."""

import asyncio
import dataclasses
from typing import Any

import httpx
import jsonschema
import msgspec
import pytest
from hypothesis import given, settings, strategies

from monitor.api.desk import Desk
from monitor.api.endpoints import ENDPOINTS
from monitor.api.openapi import openapi_document
from monitor.api.routes import build_app
from monitor.api.stream import StreamHub
from monitor.core.view import RiskView
from tests.api.crash import END, Crash


def record_schema(name: str) -> dict[str, Any]:
    """Return the schema of one record, with the others it refers to."""
    document = openapi_document("1.2.3")
    return {"$ref": f"#/components/schemas/{name}", "components": document["components"]}


async def answer(client: httpx.AsyncClient, path: str, record: str) -> Any:
    """Return a 200 answer after checking it against the published schema."""
    response = await client.get(path)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    content = response.json()
    jsonschema.validate(content, record_schema(record), cls=jsonschema.Draft202012Validator)
    return content


async def test_status_sums_up_the_crash(
    client: httpx.AsyncClient, crash: Crash, desk: Desk
) -> None:
    crash.go_to(END, desk)
    status = await answer(client, "/v1/status", "Status")
    assert status["condition"]["level"] == "critical"
    assert "Breaker tripped on BTC-PERP" in status["condition"]["sentence"]
    assert "14 accounts bankrupt" in status["condition"]["sentence"]
    assert status["socialized_loss_usd"] == "412000"
    assert status["service"]["epoch"] == 3
    assert status["service"]["version"] == "1.2.3"


async def test_accounts_come_page_by_page_worst_first(
    client: httpx.AsyncClient, crash: Crash
) -> None:
    crash.go_to(END)
    first = await answer(client, "/v1/accounts?limit=40", "AccountsPage")
    assert first["total"] == 60
    assert first["next_offset"] == 40
    assert first["accounts"][0]["state"] == "bankrupt"
    assert first["accounts"][0]["margin_ratio"] is None
    assert first["accounts"][0]["risk_rank"] == 1
    second = await answer(client, "/v1/accounts?limit=40&offset=40", "AccountsPage")
    assert len(second["accounts"]) == 20
    assert second["next_offset"] is None
    beyond = await answer(client, "/v1/accounts?offset=1000000", "AccountsPage")
    assert beyond["accounts"] == []


async def test_accounts_of_one_state_keep_their_rank(
    client: httpx.AsyncClient, crash: Crash
) -> None:
    crash.go_to(END)
    page = await answer(client, "/v1/accounts?state=liquidatable", "AccountsPage")
    assert {account["state"] for account in page["accounts"]} == {"liquidatable"}
    assert page["accounts"][0]["risk_rank"] == 15


async def test_one_account_is_found_even_with_a_slash_in_its_name(
    client: httpx.AsyncClient, crash: Crash
) -> None:
    response = await client.get("/v1/accounts/trader-1000")
    assert response.json()["positions"][0]["instrument"] == "BTC-PERP"
    missing = await client.get("/v1/accounts/desk%2Fnobody")
    assert missing.status_code == 404
    assert missing.json()["received"] == "'desk/nobody'"


async def test_decisions_come_newest_first_with_a_sentence(
    client: httpx.AsyncClient, crash: Crash
) -> None:
    crash.go_to(END)
    page = await answer(client, "/v1/decisions?limit=2", "DecisionsPage")
    assert page["decisions"][0]["text"] == "412,000 USDT are spread over 1,000 accounts"
    assert page["decisions"][0]["decision"]["type"] == "loss_socialized"
    number = page["next_before"]
    older = await answer(client, f"/v1/decisions?limit=2&before={number}", "DecisionsPage")
    assert [one["number"] for one in older["decisions"]] == [number - 1, number - 2]


async def test_decisions_of_one_type(client: httpx.AsyncClient, crash: Crash) -> None:
    crash.go_to(END)
    page = await answer(client, "/v1/decisions?type=breaker_tripped", "DecisionsPage")
    assert [one["decision"]["scope"] for one in page["decisions"]] == ["BTC-PERP"]
    assert page["next_before"] is None


async def test_instruments_funds_and_breakers(
    client: httpx.AsyncClient, crash: Crash, desk: Desk
) -> None:
    crash.go_to(END, desk)
    instruments = await answer(client, "/v1/instruments", "InstrumentsAnswer")
    assert instruments["instruments"][0]["instrument"] == "BTC-PERP"
    funds = await answer(client, "/v1/funds", "FundsAnswer")
    assert funds["funds"][0]["peak_usd"] == "5000000"
    assert funds["funds"][0]["left_ratio"] == "0.23"
    breakers = await answer(client, "/v1/breakers", "BreakersAnswer")
    assert breakers["breakers"][0]["state"] == "tripped"


async def test_liquidations_are_told(client: httpx.AsyncClient) -> None:
    told = await answer(client, "/v1/liquidations", "LiquidationsAnswer")
    assert [one["waited_from_s"] for one in told["waiting"]] == ["0", "1", "5", "15", "60", "300"]


async def test_the_book_is_summed_up_with_its_moment(
    client: httpx.AsyncClient, crash: Crash
) -> None:
    book = await answer(client, "/v1/book", "BookAnswer")
    assert book["as_of_ns"] == crash.view.engine_ns
    assert (book["margin_ratio_from"], book["margin_ratios"][:2]) == (["0", "0.5", "1"], [100, 20])
    assert book["instruments"][0]["long"]["unrealized_gains_usd"] == "1250.5"
    assert book["instruments"][0]["long"]["notional_by_distance_usd"][-1] is None


async def test_a_ladder_stands_around_its_mark(client: httpx.AsyncClient, crash: Crash) -> None:
    crash.go_to(END)
    ladder = await answer(client, "/v1/instruments/BTC-PERP/ladder", "LadderAnswer")
    assert (ladder["instrument"], ladder["settlement_currency"]) == ("BTC-PERP", "USDT")
    assert ladder["as_of_ns"] == crash.view.engine_ns
    assert ladder["refreshed_ns"] == crash.view.engine_ns - 30 * 10**9
    mark = float(ladder["mark_price"])
    for side, sign in (("below", -1), ("above", 1)):
        near = [
            sign * float(rung["price_to" if sign < 0 else "price_from"]) for rung in ladder[side]
        ]
        assert near == sorted(near)
        assert near[0] >= sign * mark
        total = sum(float(rung["notional_usd"]) for rung in ladder[side])
        assert float(ladder[side][-1]["cumulative_usd"]) == pytest.approx(total)
        assert all(float(rung["price_from"]) < float(rung["price_to"]) for rung in ladder[side])
    assert ladder["liquidatable"] == {"units": 60, "notional_usd": "3250000"}
    assert ladder["unknown"] == {"units": 7, "notional_usd": None}
    assert ladder["exact_only"]["units"] == 31


async def test_an_instrument_that_nobody_holds_has_an_empty_ladder(
    client: httpx.AsyncClient,
) -> None:
    ladder = await answer(client, "/v1/instruments/ETH-PERP/ladder", "LadderAnswer")
    assert (ladder["mark_price"], ladder["below"], ladder["above"]) == (None, [], [])


@pytest.mark.parametrize(
    ("instrument", "status", "received"),
    [("BTC-USD", 503, "none yet"), ("NO/SUCH", 404, "'NO/SUCH'"), ("BTC-PERP/x", 404, None)],
)
async def test_a_ladder_that_there_is_not(
    client: httpx.AsyncClient, instrument: str, status: int, received: str | None
) -> None:
    response = await client.get(f"/v1/instruments/{instrument}/ladder")
    jsonschema.validate(response.json(), record_schema("ErrorRecord"))
    assert response.status_code == status
    assert received is None or response.json()["received"] == received


async def test_before_the_first_image_there_is_no_ladder() -> None:
    crash = Crash()
    crash.view = msgspec.structs.replace(crash.view, ladders=None)
    desk = Desk(crash.source())
    transport = httpx.ASGITransport(app=build_app(desk, StreamHub(desk)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/v1/instruments/BTC-PERP/ladder")
    assert (answer.status_code, answer.json()["received"]) == (503, "none yet")


async def test_before_the_first_image_there_is_no_book() -> None:
    source = dataclasses.replace(Crash().source(), view=RiskView)
    desk = Desk(source)
    transport = httpx.ASGITransport(app=build_app(desk, StreamHub(desk)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/v1/book")
    assert (answer.status_code, answer.json()["received"]) == (503, "none yet")


async def test_not_ready_says_why(client: httpx.AsyncClient, crash: Crash) -> None:
    assert (await client.get("/readyz")).status_code == 200
    crash.health.set("kafka", "Kafka does not answer", is_ok=False)
    response = await client.get("/readyz")
    assert response.status_code == 503
    assert {"name": "kafka", "ok": False, "detail": "Kafka does not answer", "need": "ready"} in (
        response.json()["checks"]
    )
    assert (await client.get("/livez")).status_code == 200


async def test_metrics_are_passed_on(client: httpx.AsyncClient) -> None:
    response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert response.text == "loss_monitor_ready 1.0\n"


@pytest.mark.parametrize(
    ("path", "expected", "received"),
    [
        ("/v1/accounts?limit=0", "a whole number from 1 to 500", "'0'"),
        ("/v1/accounts?limit=٣", "a whole number from 1 to 500", "'٣'"),
        ("/v1/accounts?limit=1e3", "a whole number from 1 to 500", "'1e3'"),
        ("/v1/accounts?offset=-1", "a whole number from 0 to 9223372036854775807", "'-1'"),
        ("/v1/accounts?state=rich", "one of bankrupt, healthy", "'rich'"),
        ("/v1/accounts?limit=1&limit=2", "each parameter once", "limit"),
        ("/v1/decisions?type=heartbeat", "one of account_bankrupt", "'heartbeat'"),
        ("/v1/decisions?color=red", "before or limit or type", "color"),
        ("/v1/status?x=1", "no query parameter", "x"),
        ("/v1/accounts/" + "x" * 129, "an account of 1 to 128 characters", "129 characters"),
    ],
)
async def test_a_bad_request_says_what_was_expected_and_received(
    client: httpx.AsyncClient, path: str, expected: str, received: str
) -> None:
    response = await client.get(path)
    assert response.status_code == 400
    content = response.json()
    jsonschema.validate(content, record_schema("ErrorRecord"))
    assert content["expected"].startswith(expected)
    assert content["received"] == received


@pytest.mark.parametrize(
    "path", ["/v2/status", "/console/../server.py", "/console/%2e%2e/guard.py"]
)
async def test_nothing_else_can_be_reached(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 404
    assert response.json()["error"] == "not found"


async def test_the_console_and_its_files_are_there_and_unchanged_files_stay_home(
    client: httpx.AsyncClient,
) -> None:
    page = await client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    script = await client.get("/console/console.js")
    assert script.status_code == 200
    again = await client.get(
        "/console/console.js", headers={"if-none-match": script.headers["etag"]}
    )
    assert again.status_code == 304
    assert again.content == b""


@settings(max_examples=150)
@given(
    path=strategies.one_of(
        strategies.sampled_from([endpoint.path for endpoint in ENDPOINTS]),
        strategies.text(max_size=40).map(lambda text: "/v1/accounts/" + text),
        strategies.text(max_size=40).map(lambda text: "/" + text),
    ).filter(lambda path: path != "/v1/stream"),
    query=strategies.dictionaries(
        strategies.sampled_from(["limit", "offset", "before", "state", "type", "x", ""]),
        strategies.text(max_size=25),
        max_size=3,
    ),
)
def test_no_request_is_an_error_of_ours(path: str, query: dict[str, str]) -> None:
    async def status() -> int:
        crash = Crash()
        desk = Desk(crash.source())
        transport = httpx.ASGITransport(app=build_app(desk, StreamHub(desk)))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            encoded = "".join(f"%{byte:02x}" for byte in path[1:].encode("utf-8", "replace"))
            return (await client.get(f"/{encoded}", params=query)).status_code

    assert asyncio.run(status()) < 500
