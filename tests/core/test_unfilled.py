"""Which liquidation is due next: a heap against a plain search."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.events import LiquidationFinished, LiquidationStarted
from monitor.core.settings import DeleveragingSettings
from monitor.core.unfilled import Unfilled

SETTINGS = DeleveragingSettings(trigger=("liquidation_unfilled",), unfilled_after_s=5e-9)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["start", "finish", "fire"]), st.sampled_from("abc"), st.integers(0, 9)
    )
)


def started(account: str, event_ns: int) -> LiquidationStarted:
    return LiquidationStarted(
        event_ns=event_ns, account=account, seq=1, instrument="X", size="-1", liquidation_id="L"
    )


def finished(account: str) -> LiquidationFinished:
    return LiquidationFinished(
        event_ns=0, account=account, seq=1, instrument="X", size="-1", price="1", liquidation_id="L"
    )


@given(STEPS)
def test_the_first_timer_is_that_of_the_oldest_that_is_open(
    steps: list[tuple[str, str, int]],
) -> None:
    unfilled, expected = Unfilled(SETTINGS), dict[str, int]()
    for step, account, event_ns in steps:
        timer = unfilled.next_timer()
        if step == "start":
            unfilled.started(started(account, event_ns))
            expected[account] = event_ns
        elif step == "finish":
            unfilled.finished(finished(account))
            expected.pop(account, None)
        elif timer is not None:
            unfilled.fire(timer[2])
            del expected[timer[2][0]]
        first = min(((ns + 5, f"unfilled:{name}:L") for name, ns in expected.items()), default=None)
        restored = Unfilled(SETTINGS)
        restored.restore(unfilled.export_state())
        for each in (unfilled, restored):
            found = each.next_timer()
            assert (None if found is None else found[:2]) == first


def test_without_the_trigger_nothing_is_followed() -> None:
    unfilled = Unfilled(DeleveragingSettings())
    unfilled.started(started("a", 1))
    assert unfilled.next_timer() is None
    unfilled = Unfilled(SETTINGS)
    unfilled.started(started("a", 1))
    unfilled.use(DeleveragingSettings())
    assert (unfilled.next_timer(), unfilled.export_state()) == (None, [])
