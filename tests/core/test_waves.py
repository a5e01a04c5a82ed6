"""A wave is a view in time: one deficit stays one, through however many waves it lasts."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core import waves as waves_module
from monitor.core.engine import RiskEngine
from monitor.core.settings import EngineSettings
from monitor.core.waves import GAP_NS, WAVES_SHOWN, Waves
from tests.builders import SECOND_NS, Journal

VAULT = Fraction("10925707.159377944")
OTHERS = Fraction("1732022.25")  # of eight accounts, in the waves after the first


def test_one_vault_through_nine_waves_is_one_deficit() -> None:
    """The published sum counts it nine times: 100,063,386.69 instead of 12,657,729.41."""
    journal = Journal()
    journal.list_instrument("X")
    journal.list_collateral("USD", minor_unit="0.000000001")
    journal.mark("X", "100")
    journal.open("vault", role="liquidator")
    journal.balance("vault", -VAULT)
    for wave in range(9):
        journal.wait(60).liquidation("finished", "vault", "X", "-1", "100", f"v{wave}")
        if wave:
            journal.wait(1).balance(f"lost-{wave}", -OTHERS / 8)
            journal.liquidation("finished", f"lost-{wave}", "X", "-1", "100", f"o{wave}")
    engine = RiskEngine(EngineSettings())
    engine.apply(journal.events)
    told = engine.view().waves
    assert len(told) == 9
    assert told[-1].by_pool == {"USD": "10925707.159377944"}
    assert [(one.shortfalls, one.episodes) for one in told] == [(1, 1)] * 9
    total = sum(Fraction(one.by_pool["USD"]) for one in told)
    assert total == VAULT + OTHERS
    assert float(total) == pytest.approx(12_657_729.41, abs=0.005)
    assert float(9 * VAULT + OTHERS) == pytest.approx(100_063_386.69, abs=0.01)


@given(st.lists(st.integers(0, 9), max_size=30))
def test_waves_are_those_that_sorting_by_pauses_gives(pauses: list[int]) -> None:
    expected: list[int] = []
    waves, now_ns = Waves(), 0
    for number, pause in enumerate(pauses):
        now_ns += pause * SECOND_NS
        if not expected or pause * SECOND_NS > GAP_NS:
            expected.append(0)
        expected[-1] += number + 1
        waves.note(now_ns, ("X", "USD", "e"), Fraction(number + 1), Fraction(number + 1))
        kept = Waves()
        kept.restore(waves.export_state())
        assert kept.export_state() == waves.export_state()
        waves = kept
    assert [int(one.wave_usd) for one in reversed(waves.shown())] == expected


def test_the_oldest_waves_are_forgotten_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waves_module, "WAVES_MAX", 150)
    waves = Waves()
    for number in range(200):
        waves.note(number * 10 * SECOND_NS, ("X", "USD", "e"), Fraction(1), Fraction(1))
    assert waves.forgotten == 50
    assert [one.number for one in waves.shown()] == list(range(200, 200 - WAVES_SHOWN, -1))
    monkeypatch.setattr(waves_module, "LINES_MAX", 40)
    waves.note(10**13, ("X", "USD", "e"), Fraction(1), Fraction(1))
    assert waves.forgotten == 191
