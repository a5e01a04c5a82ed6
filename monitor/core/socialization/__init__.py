"""Socialized loss: one file a method, one line here for each."""

from collections.abc import Callable, Mapping

from monitor.core.socialization.gains_pro_rata import gains_pro_rata

METHODS: dict[str, Callable[[int, Mapping[str, int]], dict[str, int]]] = {
    "gains-pro-rata": gains_pro_rata
}
