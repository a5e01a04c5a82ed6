"""The metrics of cascades."""

from monitor.core.distance_view import ALL_INSTRUMENTS, Distances, DistanceView
from monitor.core.view import RiskView
from tests.exporter.test_collector import samples_of, text_of, value_of


def side(instrument: str, cascade: float | None, reproduction: float = 0.0) -> DistanceView:
    return DistanceView(
        instrument=instrument,
        side="long",
        as_of_ns=3_000_000_000,
        first_round_ratio=None if cascade is None else cascade + 0.02,
        cascade_ratio=cascade,
        bankruptcy_ratio=cascade,
        reproduction_ratio=reproduction,
        loss_usd=1_500.0,
    )


DISTANCES = Distances(
    as_of_ns=9_000_000_000,
    sides=(
        side("COIN0-PERP", 0.05, 1.25),
        *(side(f"COIN{number}-PERP", number / 10, number / 10) for number in range(1, 9)),
        side("COIN10-PERP", None),
        side("COIN11-PERP", None),
        side(ALL_INSTRUMENTS, 0.04, 0.75),
    ),
)


def test_the_nearest_sides_are_told_and_those_of_all_marks() -> None:
    samples = samples_of(text_of(RiskView(distances=DISTANCES)))
    of = {"instrument": "COIN0-PERP", "side": "long"}
    name = "distance_to_socialized_loss_ratio"
    assert value_of(samples, name, **of, feedback="cascade") == 0.05
    assert value_of(samples, name, **of, feedback="none") == 0.07
    joint = {"instrument": ALL_INSTRUMENTS, "side": "long", "feedback": "cascade"}
    assert value_of(samples, name, **joint) == 0.04
    told = {dict(labels)["instrument"] for full, labels in samples if full.endswith(name)}
    assert told == {ALL_INSTRUMENTS, *(f"COIN{number}-PERP" for number in range(9))}
    assert value_of(samples, "distances_oldest_timestamp_seconds") == 3.0


def test_the_largest_reproduction_ratios_are_told() -> None:
    samples = samples_of(text_of(RiskView(distances=DISTANCES)))
    name = "cascade_reproduction_ratio"
    assert value_of(samples, name, instrument="COIN0-PERP") == 1.25
    told = {dict(labels)["instrument"] for full, labels in samples if full.endswith(name)}
    assert len(told) == 10
    assert "COIN11-PERP" not in told
