"""Every story in `scenarios/` is told by the engine, row by row; see `story.py` for the form."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitor.config import parse_configuration
from monitor.core.decisions import Decision
from monitor.core.engine import RiskEngine
from tests.reference.naive import NaiveEngine
from tests.story import Row, Story, StoryError, Teller, check_decision, describe, read_story, shown

PATHS = sorted((Path(__file__).parent / "scenarios").glob("*.txt"))
# The twin of the engine takes every price as it comes: what oracles are held to has its own twin.
# The twin has no oracles, and asks winners after the funds alone.
TWIN_PATHS = [
    path
    for path in PATHS
    if "[oracles" not in path.read_text(encoding="utf-8")
    and not path.stem.startswith("deleveraging_")
]


def told(story: Story, engine: RiskEngine) -> None:
    """Raise StoryError at the first row that the engine does not confirm."""
    teller = Teller()
    pending: list[Decision] = []
    fact: Row | None = None
    for row in story.rows:
        if row.kind == "decision":
            if not pending:
                raise row.what.error(row.what.text, "no further decision")
            check_decision(row, pending.pop(0))
            continue
        nothing_left(fact, pending)
        if row.kind == "question":
            check_answer(row, engine)
            continue
        fact = row
        pending = [decision for _, decision in engine.apply([teller.event(row)])]
        refused = engine.take_refused()
        if refused:
            raise row.what.error("an event that can be applied", refused[0])
    nothing_left(fact, pending)


def nothing_left(fact: Row | None, pending: list[Decision]) -> None:
    """Raise StoryError if a fact caused more decisions than the story tells."""
    if pending and fact is not None:
        raise fact.what.error("no further decision", describe(pending[0]))


def episode_answer(engine: RiskEngine, identity: str) -> dict[str, Any] | None:
    """Return an episode in one asset, flat: its sums, and who paid of its newest shortfall."""
    episode = engine.waterfall_episode(identity)
    if episode is None:
        return None
    (totals,) = episode.totals
    payments = episode.shortfalls[-1].payments
    by_layer = {str(layer): covered for layer, covered in totals.covered.items()}
    by_layer.pop("account_margin", None)  # told by the totals themselves
    return {
        **msgspec.structs.asdict(episode),
        **msgspec.structs.asdict(totals),
        **by_layer,
        "paid": " / ".join(f"{one.payer}:{one.covered}" for one in payments),
        "shortfalls": len(episode.shortfalls),
        "open": episode.closed_ns is None,
    }


def deleveraging_answer(engine: RiskEngine, liquidation_id: str) -> dict[str, Any] | None:
    """Return the newest case of a liquidation, flat: what was expected, and its review."""
    cases = engine.deleveragings(liquidation_id)
    if not cases:
        return None
    newest = cases[-1]
    review = {} if newest.review is None else msgspec.structs.asdict(newest.review)
    asked = " / ".join(f"{one.account}:{one.size}" for one in newest.expected.reductions)
    expected = msgspec.structs.asdict(newest.expected)
    return {**msgspec.structs.asdict(newest), **expected, **review, "asked": asked}


def pool_answer(engine: RiskEngine, pool: str) -> dict[str, Any] | None:
    """Return a collateral pool with a gate or a race."""
    found = [one for one in engine.view().pools if one.pool == pool]
    return msgspec.structs.asdict(found[0]) if found else None


ANSWERS: dict[str, Callable[[RiskEngine, str], dict[str, Any] | None]] = {
    "account": lambda engine, name: engine.account_report(name),
    "episode": episode_answer,
    "deleveraging": deleveraging_answer,
    "pool": pool_answer,
    "index": lambda engine, name: engine.summary()["indices"].get(name),
}


def check_answer(row: Row, engine: RiskEngine) -> None:
    """Raise StoryError unless what a row asks about is as it says."""
    ask = ANSWERS.get(row.what.text)
    if ask is None:
        raise row.what.error(" or ".join(ANSWERS), repr(row.what.text))
    report = ask(engine, row.who.text)
    if report is None:
        raise row.who.error(f"a known {row.what.text}", repr(row.who.text))
    for name, cell in row.values.items():
        received = shown(name, report.get(name, "no such field"))
        if received != cell.text:
            raise cell.error(f"{name} {cell.text}", received)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_story_is_told(path: Path) -> None:
    story = read_story(path)
    configuration = parse_configuration(story.configuration, where=path.name)
    told(story, RiskEngine(configuration.engine_settings()))


@pytest.mark.parametrize("path", TWIN_PATHS, ids=lambda path: path.stem)
def test_the_twin_tells_the_same_story(path: Path) -> None:
    story = read_story(path)
    settings = parse_configuration(story.configuration, where=path.name).engine_settings()
    twin, teller = NaiveEngine(settings), Teller()
    made = [
        decision
        for row in story.rows
        if row.kind == "fact"
        for decision in twin.apply(teller.event(row))
    ]
    # Gates have a slow twin of their own in tests/core/test_withdrawals.py.
    expected = [
        row for row in story.rows if row.kind == "decision" and "withdrawals_" not in row.what.text
    ]
    for row, decision in zip(expected, made, strict=False):
        check_decision(row, decision)
    assert [row.what.text for row in expected] == [decision.kind for decision in made]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("no sentence\n", ":1:1: expected a sentence"),
        ("A story.\n0 | tick\n", ":2:1: expected 4 cells"),
        ("A story.\n0 | tock | x | price 9\n", ":2:5: expected the type of an event"),
        ("A story.\n0 | clock_ticked | | price 9\n", ":2:28: expected a field of clock_ticked"),
        ("A story.\nx | clock_ticked | | \n", ":2:1: expected a number of seconds"),
        ("A story.\n0 | mark_price_changed | E | price\n", ":2:30: expected a name and a value"),
        ("A story.\n0 | mark_price_changed | E | price -9\n", ":2:36: expected a mark_price_chan"),
        ("A story.\n0 | mark_price_changed | E | price 9\n", "expected an event that can be"),
        (
            "A story.\n0 | clock_ticked | | \n | => account_bankrupt | ann | \n",
            ":3:4: expected account_bankrupt, received no further decision",
        ),
        (
            "A story.\n0 | balance_changed | ann | balance -1\n",
            ":2:5: expected no further decision, received account_bankrupt",
        ),
        (
            "A story.\n0 | balance_changed | a | balance -1\n | => account_bankrupt | a | equity 2",
            ":3:37: expected equity 2, received -1",
        ),
        (
            "A story.\n0 | balance_changed | ann | balance 1\n | ? account | ann | state sad\n",
            ":3:28: expected state sad, received healthy",
        ),
    ],
)
def test_an_error_in_a_story_names_line_and_column(tmp_path: Path, text: str, place: str) -> None:
    path = tmp_path / "story.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StoryError) as raised:
        told(read_story(path), RiskEngine(parse_configuration("", where="").engine_settings()))
    assert place in str(raised.value)
