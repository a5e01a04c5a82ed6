"""The report of a replay: one file, what was noticed first, and what it looks like."""

import re
from html.parser import HTMLParser
from pathlib import Path

from monitor.core.breaker_settings import PriceVelocitySettings
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from monitor.replay.player import Player, from_events
from monitor.replay.report import detections, report_of, sentence
from monitor.replay.timeline import Timeline
from tests.browser import Chromium
from tests.builders import Journal

RULE = PriceVelocitySettings(name="fall", lookback_s=60, limit_ratio=0.1, action="halt")


def crash(*, is_deleveraged: bool) -> Timeline:
    """Return the timeline of a crash: a trip at 2 s, a shortfall at 4 s, somebody pays at 5 s."""
    journal = Journal()
    journal.list_instrument("X<1>", fund="main")
    journal.mark("X<1>", "100")
    journal.fund("main", "3")
    for name, size in (("ann", "1"), ("bob", "-1")):
        journal.balance(name, "10")
        journal.position(name, "X<1>", size, "100")
    journal.wait(2).mark("X<1>", "85")
    journal.wait(1).liquidation("started", "ann", "X<1>", "-1")
    journal.wait(1).liquidation("filled", "ann", "X<1>", "-1", price="85")
    journal.position("ann", "X<1>", "0")
    journal.balance("ann", "-5")
    journal.liquidation("finished", "ann", "X<1>", "-1", price="85")
    if is_deleveraged:
        journal.wait(1).deleveraging("bob", "X<1>", "1", "90", "ann")
    return timeline_of(journal)


def timeline_of(journal: Journal) -> Timeline:
    timeline = Timeline()
    engine = RiskEngine(EngineSettings(breakers=(RULE,)))
    timeline.see(journal.events, (decision for _, decision in engine.apply(journal.events)))
    assert not engine.take_refused()
    return timeline


class Tags(HTMLParser):
    """Collects what a page would fetch, and whether its tags close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "br"}:
            self.open.append(tag)
        self.fetched += [str(value) for name, value in attributes if name in {"src", "href"}]

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.fetched += [str(value) for name, value in attributes if name in {"src", "href"}]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_is_whole_and_fetches_nothing() -> None:
    text = report_of(crash(is_deleveraged=True), ["/x/events.ndjson"])
    tags = Tags()
    tags.feed(text)
    assert (tags.open, tags.fetched) == ([], [])
    assert "X<1>" not in text
    assert "X&lt;1&gt;" in text
    assert "Replay of events.ndjson" in text
    assert "http" not in re.sub(r"<!doctype[^>]*>", "", text)


def test_what_was_noticed_first_stands_in_time() -> None:
    timeline = crash(is_deleveraged=True)
    kinds = [kind for kind, _ in detections(timeline)]
    assert kinds[:2] == ["account_liquidatable", "breaker_tripped"] or kinds[0] in {
        "account_bankrupt",
        "breaker_tripped",
    }
    assert kinds.index("breaker_tripped") < kinds.index("shortfall_incurred")
    assert [at for _, at in detections(timeline)] == sorted(at for _, at in detections(timeline))


def test_the_sentence_says_whether_somebody_was_warned() -> None:
    assert re.fullmatch(
        r"Breaker fall tripped on X<1> \d\.\d{3} s before a loss first reached others, at .+\.",
        sentence(crash(is_deleveraged=True)),
    )
    calm = Journal()
    calm.list_instrument("X")
    calm.mark("X", "100")
    assert sentence(timeline_of(calm)) == (
        "Nobody was deleveraged, no loss was socialized; breakers tripped 0 times."
    )
    unseen = crash(is_deleveraged=True)
    unseen.spans = []
    assert "no breaker had tripped before" in sentence(unseen)


def test_an_empty_recording_has_a_page() -> None:
    assert "no events" in report_of(Timeline(), ["-"])


def test_a_player_shows_its_timeline_what_it_applies(tmp_path: Path) -> None:
    journal = Journal()
    journal.list_instrument("X")
    journal.mark("X", "100")
    timeline = Timeline()
    player = Player(RiskEngine(EngineSettings()), tmp_path, timeline=timeline)
    player.play(from_events(journal.events, "made"))
    assert timeline.marks["X"].buckets[0].last == 100.0


def test_a_person_sees_the_timeline(chromium: Chromium, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(report_of(crash(is_deleveraged=True), ["events"]), encoding="utf-8")
    for size, dark in (((1280, 900), False), ((400, 900), True)):
        with chromium.page(path.as_uri(), size=size, dark=dark) as page:
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert page.evaluate("document.querySelectorAll('svg .tripped').length") == 1
            assert page.evaluate("document.querySelectorAll('svg .badge').length") >= 2
            assert page.errors == []
