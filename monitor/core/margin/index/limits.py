"""What the index takes: items outside are refused before anything is changed."""

import numpy as np

from monitor.core.margin.index.columns import ITEMS_MAX, POSITION, WATCHED, Records

# Larger amounts, or entry prices outside, could leave the range of floats when multiplied.
AMOUNT_MAX, ENTRY_MIN, ENTRY_MAX = 1e100, 1e-40, 1e40


def refuse_items(items: Records, refs_max: tuple[int, int, int], units: int) -> None:
    """Refuse what no arithmetic could mend, whatever is not there, and items of units apart.

    `refs_max`: how many instruments, price slots and collaterals there are; `units`: room.
    """
    if not (np.abs(items["quantity"]) <= AMOUNT_MAX).all():
        raise ValueError(f"expected finite quantities, at most {AMOUNT_MAX}")
    kinds, refs = items["kind"], items["ref"]
    positions = (kinds == POSITION) & (items["quantity"] != 0.0)
    entries = items["entry"][positions]
    if not ((entries >= ENTRY_MIN) & (entries <= ENTRY_MAX)).all():
        raise ValueError(f"expected positive entry prices from {ENTRY_MIN} to {ENTRY_MAX}")
    limits = np.array([*refs_max, 1 << 30])
    if kinds.max() > WATCHED or (refs < 0).any() or (refs >= limits[kinds]).any():
        raise ValueError("expected items of known kinds, instruments, slots and collateral")
    if items["unit"].min() < 0:
        raise ValueError("expected units numbered from 0")
    starts = np.flatnonzero(np.diff(items["unit"], prepend=items["unit"][0] - 1))
    if np.diff(starts, append=len(items)).max() > ITEMS_MAX // 2:
        raise ValueError(f"expected at most {ITEMS_MAX // 2} items of one unit")
    if len(starts) > max(units, int(items["unit"].max()) + 1):
        raise ValueError("expected the items of a unit together")
