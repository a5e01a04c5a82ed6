"""After the rehearsal nothing is compiled any more, whatever the engine is told."""

from typing import Any

from numba.core import event as numba_events

from monitor.core.book_ladders import LadderKeeper
from monitor.core.book_sums import NamedColumns, book_sums, image_sums
from monitor.core.margin.index.image import BookImages, ImageReader
from monitor.core.margin.index.rehearsal import steps_of_rehearsal
from tests.core.margin.index.worlds import World

_events: Any = numba_events  # numba has no types


class Compilations(_events.Listener):  # type: ignore[misc]
    """Counts what numba compiles or loads."""

    def __init__(self) -> None:
        self.count = 0

    def on_start(self, event: Any) -> None:
        del event
        self.count += 1

    def on_end(self, event: Any) -> None:
        del event


def test_after_the_rehearsal_nothing_is_compiled_in_the_path_of_an_event() -> None:
    for step in steps_of_rehearsal():
        step()
    found = Compilations()
    _events.register("numba:compile", found)
    try:
        world = World(3, accounts=10)
        for _ in range(40):
            world.step()
        for part in world.engine.shards.engines:
            image = BookImages(part.thresholds.index).take()
            names = [(name, "USDT") for name in part.thresholds.instrument_names]
            images = [NamedColumns(ImageReader().columns(image.source), names)]
            image.release()
            book_sums(images, image_sums(images), 1)
            LadderKeeper().follow(images, {}, 1)
    finally:
        _events.unregister("numba:compile", found)
    assert found.count == 0
