"""Shortfalls by wave."""

import msgspec

from monitor.core.view import RiskView, WaveView
from monitor.core.waves import GAP_NS


class WavesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The newest waves, newest first, as of `engine_ns`; more than `gap_ns` apart."""

    engine_ns: int
    gap_ns: int
    waves: tuple[WaveView, ...]


def waves_answer(view: RiskView) -> WavesAnswer:
    """Return the waves of a view."""
    return WavesAnswer(engine_ns=view.engine_ns, gap_ns=GAP_NS, waves=view.waves)
