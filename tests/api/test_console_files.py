"""The console in a real Chromium: what a person sees, in light and dark and on a phone.

SCREENSHOT_DIRECTORY=DIRECTORY keeps the pictures.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.config import HttpSettings
from monitor.core.view import RiskView
from tests.api.crash import END, Crash
from tests.api.serving import ServedCrash
from tests.browser import Chromium, Page

pytestmark = pytest.mark.service

DESKTOP = (1440, 900)
PHONE = (390, 844)
TAB, ENTER, ESCAPE = ("Tab", 9), ("Enter", 13), ("Escape", 27)
LIVE = "document.body.dataset.connection === 'live'"
DRAWN = """
[...document.querySelectorAll('.chart canvas')].every(canvas => {
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size > 3;
}) && document.querySelectorAll('.chart canvas').length === 4
"""
# Every text that can be seen, with its contrast to the nearest painted background (WCAG 2).
LOW_CONTRAST = """
(() => {
  const parse = text => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const channel = value => { value /= 255;
    return value <= .03928 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4; };
  const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const background = element => {
    for (; element; element = element.parentElement) {
      const color = parse(getComputedStyle(element).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const low = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility()) continue;
    const [one, two] = [light(parse(getComputedStyle(element).color)), light(background(element))];
    const contrast = (Math.max(one, two) + .05) / (Math.min(one, two) + .05);
    if (contrast < 4.5) low.push(`${walker.currentNode.textContent.trim()}: ${contrast}`);
  }
  return JSON.stringify(low);
})()
"""


@pytest.fixture(scope="module")
def crashed() -> Iterator[ServedCrash]:
    """Yield a server at the end of the crash."""
    with ServedCrash(second=END) as served:
        yield served


def opened(chromium: Chromium, served: ServedCrash, size: tuple[int, int], *, dark: bool) -> Page:
    """Return a live console with its charts drawn."""
    page = chromium.page(served.url, size=size, dark=dark)
    page.wait_for(LIVE)
    page.wait_for(DRAWN)
    return page


def keep(page: Page, name: str, directory: Path) -> None:
    """Take a picture, and keep it if somebody wants to look at it."""
    wanted = Path(os.environ.get("SCREENSHOT_DIRECTORY", directory))
    wanted.mkdir(parents=True, exist_ok=True)
    picture = page.screenshot(wanted / f"console-{name}.png")
    assert picture.stat().st_size > 20_000


def text_of(page: Page, selector: str) -> str:
    """Return what a person reads in one part of the page."""
    return str(page.evaluate(f"document.querySelector({json.dumps(selector)}).innerText"))


@pytest.mark.parametrize(
    ("name", "size", "dark"),
    [("light", DESKTOP, False), ("dark", DESKTOP, True), ("phone", PHONE, True)],
)
def test_a_person_sees_the_crash(
    chromium: Chromium,
    crashed: ServedCrash,
    tmp_path: Path,
    name: str,
    size: tuple[int, int],
    dark: bool,
) -> None:
    with opened(chromium, crashed, size, dark=dark) as page:
        assert text_of(page, "#sentence") == (
            "Breaker tripped on BTC-PERP; fund at 23 % of its peak; 412,000 USD socialized "
            "in the past 5 minutes; "
            "14 accounts bankrupt, 96 liquidatable"
        )
        assert "1.15M USD" in text_of(page, "#tile-fund")
        assert "in the last minute, now steady" in text_of(page, "#tile-fund")
        assert "14 bankrupt · 96 liquidatable" in text_of(page, "#tile-accounts")
        assert "412,000 USD" in text_of(page, "#tile-socialized")
        breaker = text_of(page, "#breakers li")
        assert "BTC-PERP" in breaker
        assert "tripped" in breaker
        assert "of 8.00 %" in breaker
        assert "412,000 USDT are spread over 1,000 accounts" in text_of(page, "#decisions li")
        assert "trader-1000" in text_of(page, "#account-rows tr")
        assert "halted" in text_of(page, "#instrument-rows tr")
        assert "A fall in all marks of 3.30 %" in text_of(page, "#distances-verdict")
        assert "all long" in text_of(page, "#distances-rows tr")
        assert "within a day with a probability of 26.0 %" in text_of(page, "#risk-verdict")
        assert "main" in text_of(page, "#risk-rows tr:nth-child(2)")
        assert "alone makes 41 accounts" in text_of(page, "#funding-verdict")
        assert "0.0750 % by longs" in text_of(page, "#funding-rows tr")
        assert "✓ kafka" in text_of(page, "#checks").replace("\n", " ")
        assert page.evaluate("document.title").startswith("critical: Breaker tripped")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert json.loads(page.evaluate(LOW_CONTRAST)) == []
        keep(page, name, tmp_path)
        assert page.errors == []


def test_the_charts_show_the_minutes_before_the_page_was_opened(
    chromium: Chromium, crashed: ServedCrash
) -> None:
    with opened(chromium, crashed, DESKTOP, dark=False) as page:
        label = page.evaluate("document.getElementById('chart-price').ariaLabel")
        assert label.startswith("Mark price of BTC-PERP: now 10")
        assert "highest 121,6" in label
        page.evaluate(CHOOSE % "'ETH-PERP'")
        page.wait_for("document.getElementById('chart-price').ariaLabel.includes('ETH-PERP')")


CHOOSE = """
(select => { select.value = %s; select.dispatchEvent(new Event('change')); })
(document.getElementById('instrument'))
"""
BARS = """
JSON.stringify(['below', 'above'].map(side => [...document.querySelectorAll(
  `#ladder rect.${side}`)].map(bar => Number(bar.getAttribute('height')))))
"""


@pytest.mark.parametrize(
    ("name", "size", "dark"),
    [("light", DESKTOP, False), ("dark", DESKTOP, True), ("phone", PHONE, True)],
)
def test_the_ladder_shows_what_a_fall_and_a_rise_liquidate(
    chromium: Chromium,
    crashed: ServedCrash,
    tmp_path: Path,
    name: str,
    size: tuple[int, int],
    dark: bool,
) -> None:
    with opened(chromium, crashed, size, dark=dark) as page:
        page.wait_for("document.querySelectorAll('#ladder rect').length === 40")
        page.evaluate("document.querySelector('.ladder').scrollIntoView({block: 'center'})")
        assert text_of(page, "#ladder-title") == "Liquidation ladder of BTC-PERP"
        ladder = crashed.crash.view.ladders.of("BTC-PERP")  # type: ignore[union-attr]
        assert ladder is not None
        for side, words in (("below", "fall of 5 %"), ("above", "rise of 5 %")):
            edge = 0.95 if side == "below" else 1.05
            reached = [
                rung.notional_usd
                for rung in getattr(ladder, side)
                if abs(
                    (rung.price_to if side == "below" else rung.price_from) / ladder.mark_price - 1
                )
                < abs(edge - 1)
            ]
            assert f"{words}: {sum(reached) / 1e6:.2f}M USD" in text_of(page, f"#ladder-{side}")
        below, above = json.loads(page.evaluate(BARS))
        assert max(below) > 100 or max(above) > 100  # the tallest bar fills the picture
        assert text_of(page, "#ladder-left-out") == (
            "Units not in the picture: 60 liquidatable already (3.25M USD), "
            "7 with a missing price, 31 with rules that no ladder can place (812,000 USD)."
        )
        assert text_of(page, "#ladder-aside") == "as of 21:24:30"
        label = page.evaluate("document.getElementById('ladder').ariaLabel")
        assert "USD of longs within" in label
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert json.loads(page.evaluate(LOW_CONTRAST)) == []
        keep(page, f"ladder-{name}", tmp_path)
        assert page.errors == []


@pytest.mark.parametrize(
    ("instrument", "said", "left_out"),
    [
        ("ETH-PERP", "Nobody holds it.", ""),
        ("SOL-PERP", "No price makes a position liquidatable.", "Units not in the picture: 60"),
        ("BTC-USD", "Not made yet: the first picture of the book is on its way.", ""),
    ],
)
def test_a_ladder_without_rungs_says_why(
    chromium: Chromium, crashed: ServedCrash, instrument: str, said: str, left_out: str
) -> None:
    with opened(chromium, crashed, DESKTOP, dark=False) as page:
        page.wait_for("document.querySelectorAll('#ladder rect').length === 40")
        page.evaluate(CHOOSE % json.dumps(instrument))
        page.wait_for(f"document.getElementById('ladder').innerText === {json.dumps(said)}")
        assert text_of(page, "#ladder-title") == f"Liquidation ladder of {instrument}"
        assert text_of(page, "#ladder-left-out").startswith(left_out)
        assert text_of(page, "#ladder-below") == ""


def test_an_old_ladder_says_so_and_a_new_one_comes_by_itself(chromium: Chromium) -> None:
    with ServedCrash(second=60) as served, opened(chromium, served, DESKTOP, dark=False) as page:
        old = served.crash.view.ladders
        assert old is not None
        served.go_to(120)
        served.do(lambda: served.crash.keep_ladders(old))
        page.wait_for("document.getElementById('ladder-aside').innerText === 'old: as of 21:21:00'")
        served.go_to(121)
        page.wait_for("document.getElementById('ladder-aside').innerText === 'as of 21:22:01'")


def test_nothing_is_asked_of_anybody_else(chromium: Chromium, crashed: ServedCrash) -> None:
    with opened(chromium, crashed, DESKTOP, dark=False) as page:
        origins = page.evaluate(
            "[...new Set(performance.getEntriesByType('resource')"
            ".map(entry => new URL(entry.name).origin))].join()"
        )
        assert origins == crashed.url


def test_the_keyboard_reaches_an_account_and_comes_back(
    chromium: Chromium, crashed: ServedCrash
) -> None:
    with opened(chromium, crashed, DESKTOP, dark=False) as page:
        page.press(TAB[0], code=TAB[1])
        assert page.evaluate("document.activeElement.className") == "skip"
        page.press(ENTER[0], code=ENTER[1], text="\r")
        page.wait_for("location.hash === '#accounts'")
        for _ in range(4):
            page.press(TAB[0], code=TAB[1])
            if page.evaluate("document.activeElement.textContent") == "trader-1000":
                break
        page.press(ENTER[0], code=ENTER[1], text="\r")
        page.wait_for("document.querySelector('dialog').open")
        page.wait_for("document.querySelector('dialog').innerText.includes('119,850')")
        assert "bankrupt, liquidating" in text_of(page, "dialog")
        page.press(ESCAPE[0], code=ESCAPE[1])
        page.wait_for("!document.querySelector('dialog').open")
        assert page.evaluate("document.activeElement.textContent") == "trader-1000"


def test_decisions_can_be_filtered(chromium: Chromium, crashed: ServedCrash) -> None:
    with opened(chromium, crashed, DESKTOP, dark=False) as page:
        page.evaluate(
            "(select => { select.value = 'breaker';"
            " select.dispatchEvent(new Event('change')); })"
            "(document.getElementById('decision-filter'))"
        )
        page.wait_for("document.querySelectorAll('#decisions li').length === 1")
        assert "Breaker velocity-60s trips on BTC-PERP" in text_of(page, "#decisions")


def test_the_page_follows_the_crash_live(chromium: Chromium) -> None:
    with ServedCrash(second=60) as served, opened(chromium, served, DESKTOP, dark=True) as page:
        assert text_of(page, "#sentence").startswith("Calm: 2,000 accounts")
        assert text_of(page, "#decisions") == "No decision yet."
        served.go_to(215)
        page.wait_for("document.body.dataset.level === 'critical'")
        page.wait_for("document.getElementById('decisions').innerText.includes('trips on BTC')")
        assert text_of(page, "#announcement").startswith("critical: Breaker tripped")


def test_a_page_whose_server_is_gone_says_so_and_comes_back(chromium: Chromium) -> None:
    with ServedCrash(second=60) as served:
        port = served.server.port
        page = opened(chromium, served, DESKTOP, dark=False)
    with page:
        page.wait_for("document.body.dataset.connection === 'lost'")
        notice = text_of(page, "#notice")
        assert notice.startswith("No word from the monitor: these figures are of 21:21:00 UTC")
        with ServedCrash(second=150, settings=HttpSettings(listen=f"127.0.0.1:{port}")):
            page.wait_for(LIVE)
            page.wait_for("document.getElementById('engine-time').innerText.includes('21:22:30')")
            assert page.evaluate("document.getElementById('notice').hidden")


def test_a_silent_server_makes_the_page_stale(chromium: Chromium) -> None:
    with ServedCrash(second=60) as served, opened(chromium, served, DESKTOP, dark=False) as page:
        served.do(served.server.hub.followers.clear)
        page.wait_for("document.body.dataset.connection === 'stale'")
        assert "may be wrong now" in text_of(page, "#notice")


def test_a_monitor_that_only_starts_says_what_it_waits_for(chromium: Chromium) -> None:
    crash = Crash()
    crash.view = RiskView()
    crash.health.set("kafka", "Kafka at 127.0.0.1:9092 does not answer", is_ok=False)
    with ServedCrash(crash=crash) as served, chromium.page(served.url, size=PHONE) as page:
        page.wait_for(LIVE)
        assert text_of(page, "#sentence") == "Not ready: Kafka at 127.0.0.1:9092 does not answer"
        assert "none" in text_of(page, "#tile-fund")
        assert "no accounts yet" in text_of(page, "#tile-accounts")
        assert text_of(page, "#breakers") == "No breaker is configured."
        assert "✕ kafka" in text_of(page, "#checks").replace("\n", " ")
        assert page.evaluate("document.body.dataset.level") == "blind"
        assert page.errors == []


def test_a_name_from_outside_is_text_and_never_markup(chromium: Chromium) -> None:
    with ServedCrash(second=END) as served:
        served.do(lambda: served.crash.rename_worst("<img src=x onerror=alert(1)>"))
        with opened(chromium, served, DESKTOP, dark=False) as page:
            assert "<img src=x onerror=alert(1)>" in text_of(page, "#account-rows tr")
            assert page.evaluate("document.querySelectorAll('#account-rows img').length") == 0


@pytest.mark.parametrize(
    ("name", "size", "dark"),
    [("light", DESKTOP, False), ("dark", DESKTOP, True), ("phone", PHONE, True)],
)
def test_a_person_sees_who_would_pay(
    chromium: Chromium,
    crashed: ServedCrash,
    tmp_path: Path,
    name: str,
    size: tuple[int, int],
    dark: bool,
) -> None:
    with opened(chromium, crashed, size, dark=dark) as page:
        page.wait_for("document.querySelectorAll('#shadow-payers li').length === 12")
        page.evaluate("document.querySelector('.shadow').scrollIntoView({block: 'center'})")
        sentence = text_of(page, "#shadow-sentence")
        assert sentence.startswith("Under the venue's rule, queue-bitmex, the hardest hit account")
        assert "12 longs would be bankrupt after a move of 7.0 %" in text_of(page, "#shadow-facts")
        assert "50 % of their size finds" in text_of(page, "#shadow-facts")
        first = text_of(page, "#shadow-rows tr")
        assert "pro-rata-pnl (best)" in first
        assert "3.0 %" in first
        overshoots = page.evaluate(
            "[...document.querySelectorAll('#shadow-rows tr')].map(line => line.cells[5].innerText)"
        )
        assert {"0", "100,000"} <= set(overshoots)
        assert "-0" not in overshoots
        widths = page.evaluate(
            "[...document.querySelectorAll('#shadow-payers figure')]"
            ".map(figure => figure.querySelector('.equity').getBoundingClientRect().width)"
        )
        assert all(width > 5 for width in widths)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert json.loads(page.evaluate(LOW_CONTRAST)) == []
        keep(page, f"shadow-{name}", tmp_path)
        assert page.errors == []
