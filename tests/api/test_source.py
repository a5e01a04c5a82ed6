"""What the engine is asked for over HTTP: who paid what in an episode, whole and exact."""

from decimal import Decimal
from typing import Any
from urllib.parse import quote

import httpx
import jsonschema
import msgspec
import pytest

from tests.api.crash_waterfall import EPISODE, ISOLATED, told_engine
from tests.api.test_routes import answer, record_schema


async def episode(client: httpx.AsyncClient, name: str) -> Any:
    return await answer(client, f"/v1/waterfall/{quote(name, safe='')}", "WaterfallEpisode")


async def test_an_episode_tells_what_every_layer_paid(client: httpx.AsyncClient) -> None:
    told = await episode(client, EPISODE)
    assert (told["episode_id"], told["account"], told["complete"]) == ("lea:1", "lea", True)
    assert told["first_event_ns"] < told["closed_ns"]
    (shortfall,) = told["shortfalls"]
    assert shortfall["liquidation_id"] == "L1"
    assert [
        tuple(one[name] for name in ("layer", "payer", "asked", "paid", "left", "accounts"))
        for one in shortfall["payments"]
    ] == [
        ("account_margin", "lea", "400", "50", "350", 0),
        ("insurance_fund", "market", "350", "30", "320", 0),
        ("insurance_fund", "all", "320", "40", "280", 0),
        ("deleveraging", "queue-bitmex", "280", "175", "105", 2),
        ("socialized_loss", "gains-pro-rata", "105", "25", "80", 2),
    ]
    deleveraging, socialized = shortfall["payments"][3:]
    assert [(one["account"], one["size"]) for one in deleveraging["reductions"]] == [
        ("sue", "4"),
        ("tom", "6"),
    ]
    assert [(one["account"], one["amount"]) for one in socialized["charges"]] == [
        ("sue", "10"),
        ("tom", "15"),
    ]
    assert shortfall["uncovered"] == "80"


async def test_what_is_paid_and_what_is_not_are_the_whole_loss(client: httpx.AsyncClient) -> None:
    for name in (EPISODE, ISOLATED):
        told = await episode(client, name)
        for part in (*told["totals"], *told["shortfalls"]):
            covered = (
                part["covered"].values()
                if "covered" in part
                else [one["covered"] for one in part["payments"]]
            )
            loss = Decimal(part["account_margin"]) + Decimal(part["shortfall"])
            assert sum(map(Decimal, covered)) + Decimal(part["uncovered"]) == loss


async def test_an_episode_of_an_isolated_position_is_found_by_its_name_with_slashes(
    client: httpx.AsyncClient,
) -> None:
    encoded = await episode(client, ISOLATED)
    plain = await answer(client, f"/v1/waterfall/{ISOLATED}", "WaterfallEpisode")
    assert encoded == plain
    assert (plain["account"], plain["closed_ns"]) == ("ivy", None)


async def test_it_is_the_same_when_the_events_are_applied_again(client: httpx.AsyncClient) -> None:
    first = await episode(client, EPISODE)
    again = told_engine()[0].waterfall_episode(EPISODE)
    assert first == msgspec.json.decode(msgspec.json.encode(again))


@pytest.mark.parametrize(
    ("name", "status", "received"),
    [
        ("sue:1", 404, "'sue:1'"),
        ("lea:2", 404, "'lea:2'"),
        ("x" * 1025, 400, "1025 characters"),
        ("lea:1?x=1", 400, "x"),
    ],
)
async def test_an_episode_that_there_is_not(
    client: httpx.AsyncClient, name: str, status: int, received: str
) -> None:
    response = await client.get(f"/v1/waterfall/{name}")
    jsonschema.validate(response.json(), record_schema("ErrorRecord"))
    assert (response.status_code, response.json()["received"]) == (status, received)
