"""What units hold, read from the index: unrealized pnl, and the notional on one price factor."""

from monitor.core.margin.index.columns import BY_INSTRUMENT, Columns, Records
from monitor.core.margin.index.compile import compiled, prefetch
from monitor.core.margin.index.verdict import position_measure

UNITS_AHEAD = 12  # how many units are on the way from memory at once
# Columns of what is written: unrealized pnl; notional of the factor, > 0 long; its magnitude; 1 if
# floats do not bound the unit's requirement.
PNL, SIGNED, MAGNITUDE, UNBOUNDED = range(4)
EXPOSURES = 4


@compiled
def exposures_of(c: Columns, units: Records, is_of_factor: Records, exposures: Records) -> None:
    """Write what units hold at the present prices, valued; not a number where one is missing.

    `is_of_factor`: by number of an instrument's terms.
    """
    last = len(units) - 1
    for number in range(len(units)):
        ahead = c.begins[units[min(number + UNITS_AHEAD, last)]]
        prefetch(c.rows, ahead)
        prefetch(c.rows, ahead + 2)
        begin = int(c.begins[units[number]])
        head, own = c.heads[begin], exposures[number]
        own[:] = 0.0
        for place in range(begin + 1 + head["assets"], begin + 1 + head["count"]):
            row = c.rows[place]
            measured = position_measure(c, row)
            own[PNL] += measured[0]
            if is_of_factor[row["ref"]]:
                value = c.slots[c.instruments[row["ref"]]["value"]]["price"]
                worth = measured[3] * value
                own[SIGNED] += worth if row["quantity"] > 0.0 else -worth
                own[MAGNITUDE] += worth
        own[UNBOUNDED] = 1.0 if head["always_exact"] & BY_INSTRUMENT else 0.0
