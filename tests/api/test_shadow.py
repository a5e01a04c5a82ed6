"""What every policy would take, as the API tells it."""

import httpx
import msgspec
import pytest

from monitor.api.desk import Desk
from monitor.api.routes import build_app
from monitor.api.shadow import sentence
from monitor.api.stream import StreamHub
from monitor.core.shadow_view import ShadowPlanView
from tests.api.crash import Crash
from tests.api.test_routes import answer


def plan(policy: str, fraction: float | None) -> ShadowPlanView:
    """Return a plan of which only the burden matters."""
    return ShadowPlanView(
        policy=policy,
        collected_usd=10.0,
        overshoot_usd=(None,) * 5,
        equity_fraction_max=fraction,
        equity_fraction_mean=fraction,
        accounts_touched=1_200,
        leverage_max=None,
        hedges_broken=3,
    )


async def test_the_venue_s_rule_stands_beside_the_best_one(
    client: httpx.AsyncClient, crash: Crash
) -> None:
    found = await answer(client, "/v1/shadow", "ShadowAnswer")
    assert found["as_of_ns"] == crash.view.engine_ns
    assert (found["configured"], found["best"]) == ("queue-bitmex", "pro-rata-pnl")
    assert found["sentence"] == (
        "Under the venue's rule, queue-bitmex, the hardest hit account of a side loses 42.0 % of"
        " its equity, under pro-rata-pnl 3.0 %; 2 hedges break instead of 0, 3 accounts pay"
        " instead of 9."
    )
    (side,) = found["sides"]
    assert (side["instrument"], side["side"], side["feasible_ratio"]) == ("BTC-PERP", "long", "0.5")
    assert [each["policy"] for each in side["plans"]] == ["queue-bitmex", "pro-rata-pnl"]
    assert found["totals"][0]["leverage_max"] is None


async def test_a_side_tells_who_pays_under_every_policy(client: httpx.AsyncClient) -> None:
    found = await answer(client, "/v1/shadow/BTC-PERP/long", "ShadowSideAnswer")
    assert len(found["side"]["plans"]) == 4
    payer = found["side"]["plans"][0]["payers"][0]
    lost = float(payer["equity_before_usd"]) - float(payer["equity_after_usd"])
    assert lost == pytest.approx(float(payer["amount_usd"]))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("ETH-PERP/long", 404),
        ("NO-PERP/long", 404),
        ("BTC-PERP/both", 404),
        ("BTC-PERP/long?stress=0.07", 400),
        ("BTC-PERP/long?stress=0.05", 503),
    ],
)
async def test_what_there_is_not(client: httpx.AsyncClient, path: str, status: int) -> None:
    assert (await client.get(f"/v1/shadow/{path}")).status_code == status


async def test_before_the_first_round_there_is_nothing() -> None:
    crash = Crash()
    crash.view = msgspec.structs.replace(crash.view, shadows=())
    desk = Desk(crash.source())
    transport = httpx.ASGITransport(app=build_app(desk, StreamHub(desk)))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/v1/shadow")).status_code == 503


def test_the_sentence_of_a_rule_that_is_the_best_of_a_yardstick_and_of_ruin() -> None:
    plans = (plan("a", 0.5), plan("b", None))
    assert "is the best one here" in sentence(plans, "a", "a")
    assert sentence(plans, "minmax-fraction", "a").startswith("minmax-fraction is a yardstick")
    assert "loses more than all of its equity, under a 50.0 %" in sentence(plans, "b", "a")
