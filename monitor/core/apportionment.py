"""Shares in proportion, with caps: what a cap cuts off is spread again over the others.

`fill_in_proportion` is exact (rationals); `apportion` gives whole units by the largest remainder.
Both give min(total, sum of caps): nothing is lost to rounding, nothing is given beyond a cap.
"""

from collections.abc import Sequence
from fractions import Fraction

Number = int | Fraction


def fill_in_proportion(
    total: Number, weights: Sequence[Number], caps: Sequence[Number]
) -> list[Fraction]:
    """Return x_i = min(cap_i, t x weight_i) with the t at which they add up to `total`.

    Weights are >= 0; who has weight 0 gets nothing. When the caps do not suffice they are all
    used up. 10 in proportion 1 : 3 with caps of 9 and 6 is 4 and 6.
    """
    assert total >= 0
    shares = [Fraction(0)] * len(weights)
    rest = Fraction(total)
    sharing = [number for number, weight in enumerate(weights) if weight > 0 and caps[number] > 0]
    sharing.sort(key=lambda number: Fraction(caps[number]) / weights[number])
    weight_left = sum((Fraction(weights[number]) for number in sharing), Fraction(0))
    for place, number in enumerate(sharing):
        if rest * weights[number] < caps[number] * weight_left:  # nobody after it is capped either
            for later in sharing[place:]:
                shares[later] = rest * weights[later] / weight_left
            break
        shares[number] = min(Fraction(caps[number]), rest)
        rest -= shares[number]
        weight_left -= weights[number]
    return shares


def apportion(
    total: int, weights: Sequence[Number], caps: Sequence[int], names: Sequence[str]
) -> list[int]:
    """Return whole units in proportion to the weights, at most the caps, together `total`.

    Floors of the exact shares first, then one unit each by the largest remainder; ties by name in
    UTF-8 order.
    """
    exact = fill_in_proportion(total, weights, caps)
    units = [share.numerator // share.denominator for share in exact]
    rest = sum(exact, Fraction(0)) - sum(units)
    assert rest.denominator == 1
    order = sorted(range(len(exact)), key=lambda n: (units[n] - exact[n], names[n].encode("utf-8")))
    for number in order[: rest.numerator]:
        units[number] += 1
    return units
