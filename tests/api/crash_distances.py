"""The distances of the crash: they shrink while the fund does."""

from monitor.core.decisions import Side
from monitor.core.distance_view import ALL_INSTRUMENTS, Distances, DistanceView


def distances_at(now_ns: int, fallen: float) -> Distances:
    """Return the nearest sides when so much of the fall is behind."""
    sides: tuple[tuple[str, Side, float | None, float], ...] = (
        (ALL_INSTRUMENTS, "long", 0.11, 1.31),
        ("SOL-PERP", "long", 0.14, 1.12),
        ("BTC-PERP", "long", 0.19, 0.84),
        ("ETH-PERP", "long", 0.27, 0.62),
        ("BTC-PERP", "short", None, 0.12),
    )
    views = []
    for instrument, side, ratio, reproduction in sides:
        left = None if ratio is None else round(ratio * (1 - 0.7 * fallen), 4)
        views.append(
            DistanceView(
                instrument=instrument,
                side=side,
                as_of_ns=now_ns,
                first_round_ratio=None if left is None else round(left * 1.6, 4),
                cascade_ratio=left,
                bankruptcy_ratio=None if left is None else round(left * 0.6, 4),
                reproduction_ratio=reproduction,
                loss_usd=0.0 if left is None or left > 0.05 else 1_900_000.0,
            )
        )
    return Distances(as_of_ns=now_ns, sides=tuple(views))
