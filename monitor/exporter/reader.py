"""What reads a metric's children from the view."""

from collections.abc import Callable, Iterable
from typing import TypeAlias, TypeVar

from monitor.core.view import RiskView

Child: TypeAlias = tuple[tuple[str, ...], float]  # labels, value
Reader: TypeAlias = Callable[[RiskView], Iterable[Child]]
Part = TypeVar("Part")


def of_part(
    part: Callable[[RiskView], Part | None], read: Callable[[Part], Iterable[Child]]
) -> Reader:
    """Return a reader of a part of the view: no children while the part is not there."""

    def from_view(view: RiskView) -> Iterable[Child]:
        found = part(view)
        return () if found is None else read(found)

    return from_view
