"""Plots are well-formed SVG with every point inside the frame."""

import xml.etree.ElementTree as ET

import numpy as np

from monitor.analysis.extremes import TailFit, fit_tail
from monitor.calibrating.pictures import (
    HEIGHT,
    WIDTH,
    Plot,
    mean_excess_plot,
    quantile_plot,
    stability_plot,
    svg,
)

LOSSES = np.random.default_rng(1).standard_t(4, size=2_000)


def circles(text: str) -> list[tuple[float, float]]:
    root = ET.fromstring(text)
    return [(float(one.attrib["cx"]), float(one.attrib["cy"])) for one in root.iter("circle")]


def test_diagnostics_of_a_tail_are_drawn_inside_their_frame() -> None:
    fit = fit_tail(LOSSES)
    plots = (mean_excess_plot(LOSSES, fit), quantile_plot(LOSSES, fit), stability_plot(LOSSES))
    for text in plots:
        found = circles(text)
        assert len(found) >= 7
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in found)


def test_an_exponential_tail_is_drawn_too() -> None:
    fit = TailFit(threshold=1.0, shape=0.0, scale=1.0, observations=2_000, excesses=200)
    assert circles(quantile_plot(LOSSES, fit))


def test_without_a_fit_there_is_no_plot_of_shapes() -> None:
    assert stability_plot(np.zeros(500)) == ""


def test_one_point_and_hostile_names_are_drawn() -> None:
    one = np.array([1.0])
    text = svg(Plot(title='<script>"', across="&", up=">", x=one, y=one))
    assert len(circles(text)) == 1
    assert "<script>" not in text
