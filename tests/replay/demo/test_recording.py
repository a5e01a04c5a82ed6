"""The story that the demo tells: it conserves, it repeats, and it has the same turns each time."""

from collections import Counter
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest

from monitor.core import events
from monitor.core.events import Event
from monitor.replay.demo import __main__ as program
from monitor.replay.demo.recording import START_NS, generate
from tests.replay.audit import StreamAudit

SECOND_NS = 1_000_000_000


@pytest.fixture(scope="module", params=[(1, 20.0), (7, 60.0)], ids=["20 s", "60 s"])
def story(request: pytest.FixtureRequest) -> list[Event]:
    seed, seconds = request.param
    return list(generate(seed, seconds))


def first(story: list[Event], kind: type[Event], **fields: object) -> float:
    """Return when the first event of a kind happened, as a share of the whole story."""
    length = story[-1].event_ns - START_NS
    for event in story:
        if isinstance(event, kind) and all(
            getattr(event, name) == value for name, value in fields.items()
        ):
            return (event.event_ns - START_NS) / length
    raise AssertionError(f"expected a {kind.__name__} with {fields}")


def fund_balances(story: list[Event], fund: str) -> list[Fraction]:
    return [
        Fraction(event.balance)
        for event in story
        if isinstance(event, events.InsuranceFundChanged) and event.fund == fund
    ]


def test_contracts_and_money_are_conserved_at_every_step(story: list[Event]) -> None:
    audit = StreamAudit()
    steps = 0
    for event in story:
        if isinstance(event, events.MarkPricesChanged) and audit.positions:
            steps += 1
            if steps % 10 == 0:
                audit.check()
        audit.add(event)
    audit.check()
    assert steps >= 90


def test_the_turns_come_in_their_order_and_the_crash_comes_in_the_first_quarter(
    story: list[Event],
) -> None:
    liquidated = first(story, events.LiquidationStarted)
    drained = first(story, events.InsuranceFundChanged, reason="liquidation")
    deleveraged = first(story, events.DeleveragingFilled)
    socialized = first(story, events.BalanceChanged, reason="socialized_loss")
    refilled = [
        event
        for event in story
        if isinstance(event, events.InsuranceFundChanged) and event.reason == "deposit"
    ]
    assert liquidated < 0.25
    assert liquidated < drained < deleveraged < socialized
    assert len(refilled) == 4  # two at the opening, two when the calm is back


def test_the_fund_is_exhausted_and_then_filled_again(story: list[Event]) -> None:
    balances = fund_balances(story, "linear-fund")
    assert min(balances) < balances[0] / 10  # a report includes the fees of its step
    assert balances[-1] > balances[0] * Fraction(9, 10)


def test_the_population_has_two_thousand_accounts_and_three_instruments(
    story: list[Event],
) -> None:
    kinds = Counter(type(event) for event in story)
    opened = [event for event in story if isinstance(event, events.AccountOpened)]
    listed = [event for event in story if isinstance(event, events.InstrumentListed)]
    assert len(opened) == 2_000
    assert len({event.owner for event in opened}) < 2_000
    assert {event.role for event in opened} == {"client", "market_maker"}
    assert [event.kind for event in listed] == ["linear", "linear", "inverse"]
    for kind in (
        events.FundingPaid, events.FundingRateChanged, events.DepthChanged, events.TradePrinted,
        events.IndexPriceChanged, events.LiquidationFilled, events.TradingStatusChanged,
    ):  # fmt: skip
        assert kinds[kind] > 0, kind


def test_liquidations_fill_in_parts_and_some_worse_than_bankruptcy(story: list[Event]) -> None:
    asked = {
        event.liquidation_id: Fraction(event.size)
        for event in story
        if isinstance(event, events.LiquidationStarted)
    }
    fills: Counter[str] = Counter()
    for event in story:
        if isinstance(event, events.LiquidationFilled):
            assert Fraction(event.size) * asked[event.liquidation_id] > 0
            fills[event.liquidation_id] += 1
    assert max(fills.values()) > 1
    under_water = [
        event
        for event in story
        if isinstance(event, events.BalanceChanged) and event.reason == "insurance"
    ]
    assert len(under_water) > 20


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not() -> None:
    encode = msgspec.json.Encoder().encode
    stories = [[encode(event) for event in generate(seed, 5.0)] for seed in (3, 3, 4)]
    assert stories[0] == stories[1]
    assert stories[0] != stories[2]


def test_a_recording_is_one_event_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "crash.ndjson"
    assert program.main(["--record", str(path), "--seconds", "2", "--seed", "5"]) == 0
    lines = path.read_bytes().splitlines()
    decoded = [msgspec.json.decode(line, type=events.AnyEvent) for line in lines]
    assert decoded == list(generate(5, 2.0))
    assert f"{len(lines)} events" in capsys.readouterr().out


def test_a_length_that_is_not_positive_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert program.main(["--record", str(tmp_path / "x"), "--seconds", "0"]) == 2
    assert "expected --seconds above 0, received 0" in capsys.readouterr().err
