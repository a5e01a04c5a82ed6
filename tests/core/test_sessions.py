"""A session keeps what was realized in it, and nothing of the one before."""

from monitor.core.sessions import Sessions
from monitor.core.settings import WaterfallSettings

SECOND_NS = 1_000_000_000


def settings_of(session_s: float = 10.0, method: str = "session-profit") -> WaterfallSettings:
    return WaterfallSettings(socialized_loss=method, session_s=session_s)  # type: ignore[arg-type]


def kept() -> Sessions:
    sessions = Sessions(settings_of())
    sessions.note(19 * SECOND_NS, "ann", "USD", 5)
    sessions.note(19 * SECOND_NS, "bob", "USD", -3)
    return sessions


def test_a_session_ends_where_the_next_one_begins() -> None:
    sessions = kept()
    assert sessions.of(20 * SECOND_NS - 1, "USD") == {"ann": 5, "bob": -3}
    assert sessions.of(20 * SECOND_NS, "USD") == {}


def test_a_state_is_restored_only_into_sessions_of_the_same_length() -> None:
    state = kept().export_state()
    for length, expected in ((10.0, {"ann": 5, "bob": -3}), (20.0, {})):
        sessions = Sessions(settings_of(length))
        sessions.restore(state)
        assert sessions.of(19 * SECOND_NS, "USD") == expected


def test_other_settings_forget_and_the_same_ones_keep() -> None:
    other = settings_of(10.0, "funding-index")
    for settings, count in ((settings_of(), 2), (settings_of(5.0), 0), (other, 0)):
        sessions = kept()
        sessions.use(settings)
        assert len(sessions.of(19 * SECOND_NS, "USD")) == count


def test_a_closed_account_is_forgotten() -> None:
    sessions = kept()
    sessions.forget("ann")
    assert sessions.of(19 * SECOND_NS, "USD") == {"bob": -3}
