"""The configuration file again: all of it or nothing."""

from pathlib import Path

from monitor.app.reloading import SUCCESS, SUCCESS_TIME, Reloader
from monitor.config import Configuration, configuration_hash
from monitor.core.events import ConfigurationChanged
from monitor.runtime.clock import ManualClock
from monitor.runtime.inbox import Inbox
from monitor.runtime.vitals import Vitals
from monitor.streams.batch import Item


def made(path: Path | None) -> tuple[Vitals, Inbox[Item], Reloader]:
    """Return a reloader of a file."""
    vitals = Vitals(clock=ManualClock(now_ns=5 * 10**9))
    inbox: Inbox[Item] = Inbox(10)
    return vitals, inbox, Reloader(Configuration(), path, inbox=inbox, vitals=vitals)


async def test_a_good_file_becomes_one_event_with_its_text(tmp_path: Path) -> None:
    path = tmp_path / "monitor.toml"
    text = "[margin]\nmargin_call_ratio = 0.5\n"
    path.write_text(text)
    vitals, inbox, reloader = made(path)
    assert await reloader.reload()
    change = ConfigurationChanged(event_ns=5 * 10**9, hash=configuration_hash(text), text=text)
    assert await inbox.take(10) == [change]
    assert reloader.configuration.margin.margin_call_ratio == 0.5
    assert vitals.measurements.value(SUCCESS) == 1
    assert vitals.measurements.value(SUCCESS_TIME) == 5


async def test_a_bad_file_changes_nothing_and_is_a_metric(tmp_path: Path) -> None:
    path = tmp_path / "monitor.toml"
    path.write_text("[margin]\nunknown = 1\n")
    vitals, inbox, reloader = made(path)
    assert not await reloader.reload()
    assert len(inbox) == 0
    assert vitals.measurements.value(SUCCESS) == 0
    assert vitals.measurements.value(SUCCESS_TIME) == 5


async def test_without_a_file_there_is_nothing_to_read() -> None:
    _, inbox, reloader = made(None)
    assert not await reloader.reload()
    assert len(inbox) == 0
