"""Nothing is made and nothing is lost: balances, shortfalls, and books with both sides."""

from collections import defaultdict
from fractions import Fraction

from hypothesis import given

from monitor.core import decisions
from monitor.core.decisions import Decision
from monitor.core.engine import RiskEngine
from monitor.core.events import AnyEvent
from monitor.core.settings import EngineSettings
from tests import closed_book, random_settings, strategies
from tests.closed_book import UNIT, Chapter, gain
from tests.reference.naive import NaiveEngine


def booked(engine: RiskEngine) -> dict[tuple[str, str], Fraction]:
    """Return the sums of booked balance changes by asset and reason, in the asset."""
    found: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for part in engine.shards.engines:
        for asset, reasons in part.ledger.booked.items():
            for reason, units in reasons.items():
                found[asset, reason] += units * engine.market.unit(asset).value
    return {key: amount for key, amount in found.items() if amount}


def held(engine: RiskEngine) -> dict[str, Fraction]:
    """Return the sum of all balances by asset."""
    found: dict[str, Fraction] = defaultdict(Fraction)
    for part in engine.shards.engines:
        for account in part.ledger.accounts.values():
            for asset, units in account.balances.items():
                found[asset] += units * engine.market.unit(asset).value
    return {asset: amount for asset, amount in found.items() if amount}


@given(random_settings.SETTINGS, strategies.chaos())
def test_balances_are_the_sum_of_what_was_booked(
    settings: EngineSettings, sequence: list[AnyEvent]
) -> None:
    engine, twin = RiskEngine(settings), NaiveEngine(settings)
    for event in sequence:
        engine.apply([event])
        twin.apply(event)
        by_reason = booked(engine)
        sums: dict[str, Fraction] = defaultdict(Fraction)
        for (asset, _), amount in by_reason.items():
            sums[asset] += amount
        assert {asset: amount for asset, amount in sums.items() if amount} == held(engine)
        expected = {key: amount for key, amount in twin.world.booked.items() if amount}
        assert by_reason == expected


@given(random_settings.SETTINGS, strategies.chaos())
def test_every_shortfall_is_paid_by_somebody_to_the_last_unit(
    settings: EngineSettings, sequence: list[AnyEvent]
) -> None:
    engine = RiskEngine(settings)
    for event in sequence:
        made = [decision for _, decision in engine.apply([event])]
        for shortfall in made:
            if isinstance(shortfall, decisions.ShortfallIncurred):
                follow(shortfall, made, settings.waterfall.layers)


def follow(
    shortfall: decisions.ShortfallIncurred, made: list[Decision], layers: tuple[str, ...]
) -> None:
    """Check one shortfall on its way through the layers."""
    mine = [one for one in made if getattr(one, "liquidation_id", None) == shortfall.liquidation_id]
    open_amount, asset = Fraction(shortfall.amount), shortfall.asset
    assert open_amount > 0
    for one in mine:
        if isinstance(one, decisions.LiquidatorVaultDrawn):
            assert Fraction(one.amount) == open_amount
            assert Fraction(one.paid) + Fraction(one.uncovered) == open_amount
            open_amount = Fraction(one.uncovered)
        elif isinstance(one, decisions.InsuranceFundDrawn):
            if one.asset == asset:
                assert Fraction(one.amount) == open_amount
            assert Fraction(one.paid) + Fraction(one.uncovered) == Fraction(one.amount)
            assert Fraction(one.paid) >= 0
            open_amount, asset = Fraction(one.uncovered), one.asset
        elif isinstance(one, decisions.DeleveragingPlanned):
            assert Fraction(one.amount) == open_amount
            assert Fraction(one.taken) + Fraction(one.left) == open_amount
            assert all(Fraction(part.size) > 0 for part in one.reductions)
            assert (Fraction(one.taken) > 0) <= bool(one.reductions)
            open_amount = Fraction(one.left)
        elif isinstance(one, decisions.LossSocialized):
            assert Fraction(one.amount) == open_amount
            charged = sum((Fraction(part.amount) for part in one.accounts), Fraction(0))
            assert charged + Fraction(one.left) == open_amount + Fraction(one.surplus)
            assert not Fraction(one.left) or not Fraction(one.surplus)
            ratio = one.method == "settlement-ratio"  # its payee of the remainder may receive
            assert all(Fraction(part.amount) > 0 or ratio for part in one.accounts)
            open_amount = Fraction(one.left)
    kinds = {one.kind for one in mine}
    assert open_amount == 0 or "socialized_loss" not in layers or "loss_socialized" in kinds


@given(closed_book.closed_book())
def test_a_closed_book_is_worth_its_net_deposits(chapters: list[Chapter]) -> None:
    """Long = short; balances + isolated margins + pnl + funds = net deposits."""
    engine = RiskEngine(EngineSettings())
    for chapter in chapters:
        engine.apply(chapter.events)
        assert engine.take_refused() == []
        summary = engine.summary()
        for side in summary["open_interest"].values():
            assert Fraction(side["long"]) == Fraction(side["short"])
        worth: dict[str, Fraction] = defaultdict(Fraction)
        count = 0
        for fund in summary["funds"].values():
            worth[fund["asset"]] += Fraction(fund["balance"])
            count += 1
        for name in engine.account_ids():
            report = engine.account_report(name)
            assert report is not None
            for asset, balance in report["balances"].items():
                worth[asset] += Fraction(balance)
                count += 1
            for position in report["positions"]:
                currency = position["settlement_currency"]
                worth[currency] += Fraction(position.get("isolated_margin", "0"))
                worth[currency] += gain(
                    position["instrument"],
                    Fraction(position["size"]),
                    Fraction(position["entry_price"]),
                    Fraction(position["mark_price"]),
                )
                count += 1
        for asset, deposits in chapter.deposits.items():
            assert abs(worth[asset] - deposits) <= count * UNIT


@given(closed_book.closed_book())
def test_a_closed_book_has_no_pending_funding_and_the_twin_agrees(chapters: list[Chapter]) -> None:
    """Payments are cleared by the balances that follow them."""
    engine, twin = RiskEngine(EngineSettings()), NaiveEngine(EngineSettings())
    for chapter in chapters:
        for event in chapter.events:
            expected = twin.apply(event)
            assert [decision for _, decision in engine.apply([event])] == expected
        assert all(not account.pending for account in twin.world.accounts.values())
