"""A saved state says everything, whether a venue spelled it out or not."""

from monitor.core import gate
from monitor.core.engine import RiskEngine
from monitor.core.plain import plain
from monitor.core.settings import EngineSettings
from tests.builders import Journal


def test_a_default_that_is_spelled_out_is_the_same_state() -> None:
    listed = gate.encode(Journal().list_instrument("X"))
    spelled = listed[:-1] + b',"closing_fee_rate":"0","hedge_margin":"both"}'
    hashes = set()
    for raw in (listed, spelled):
        engine = RiskEngine(EngineSettings())
        engine.apply(gate.decode(raw))  # type: ignore[arg-type]
        restored = RiskEngine.from_state(engine.export_state(), EngineSettings())
        hashes |= {engine.state_hash(), restored.state_hash()}
    assert len(hashes) == 1


def test_every_field_is_said_with_its_type() -> None:
    (event,) = gate.decode(b'{"type":"clock_ticked","event_ns":1}')
    assert plain(event) == {"type": "clock_ticked", "event_ns": 1}
