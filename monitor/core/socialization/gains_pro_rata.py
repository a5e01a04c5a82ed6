"""`gains-pro-rata`: a loss is charged to unrealized gains, in proportion, never beyond them.

The base is each account's unrealized gain in the instrument, what deleveraging already takes
from it deducted. Charges are whole minor units: floors first, then the largest remainders (ties
by account), so that they add up to the loss exactly. A loss of 10 on gains of 30 and 10 charges
7.5 and 2.5. Source: variation-margin gains haircutting (Elliott 2013); Vega's loss socialization.
"""

from collections.abc import Mapping


def gains_pro_rata(loss: int, gains: Mapping[str, int]) -> dict[str, int]:
    """Return each account's charge in minor units (> 0), by account in UTF-8 order.

    `gains` are non-negative minor units. When they do not suffice everybody pays the whole gain.
    """
    assert loss >= 0
    total = sum(gains.values())
    names = sorted((name for name, gain in gains.items() if gain > 0), key=str.encode)
    if loss >= total:
        return {name: gains[name] for name in names}
    charges = {name: loss * gains[name] // total for name in names}
    rest = loss - sum(charges.values())
    by_remainder = sorted(names, key=lambda name: (-(loss * gains[name] % total), name.encode()))
    for name in by_remainder[:rest]:
        charges[name] += 1
    return {name: charge for name, charge in charges.items() if charge}
