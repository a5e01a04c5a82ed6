"""Where a unit's surplus crosses zero as one price moves: the search behind every solved price.

Between two breakpoints it is A + B P or A + C / P, so three samples give the piece and its root
exactly. A size-based requirement of an inverse instrument has further terms (1 / P^2, a square
root): there a fine subdivision shows the changes of sign, and bisection in exact fractions
narrows each down. No formula of a venue is used.
"""

import itertools
from collections.abc import Callable
from fractions import Fraction

Curve = Callable[[Fraction], Fraction]
PARTS = 64
TAIL_PARTS = 256
TAIL = 10**24  # how far below the first and above the last breakpoint a curved piece is searched
WIDTH = Fraction(1, 10**25)  # relative, of a bisected root
INSIDE = Fraction(1, 10**27)  # relative, to see a piece's own side of a jump
DIP_STEPS = 60


def nearest(
    inside: Callable[[Fraction], bool],
    curve: Curve,
    cuts: set[Fraction],
    mark: Fraction,
    *,
    curved: bool = False,
) -> Fraction | None:
    """Return the point nearest to the mark of the closure of {P > 0: inside(P)}."""
    edges = sorted(cuts | {mark})
    points = set(edges)
    if curved:
        ends = [edges[0] / TAIL, *edges, edges[-1] * TAIL]
        for number, (lower, upper) in enumerate(itertools.pairwise(ends)):
            is_tail = number in {0, len(ends) - 2}
            points |= set(curved_roots(curve, lower, upper, TAIL_PARTS if is_tail else PARTS))
    else:
        for lower, upper in itertools.pairwise([Fraction(0), *edges]):
            points |= set(roots_between(curve, lower, upper))
        points |= set(roots_beyond(curve, edges[-1]))
    ordered = sorted(points)
    middles = [
        (lower + upper) / 2 for lower, upper in zip([Fraction(0), *ordered], ordered, strict=False)
    ]
    middles.append(ordered[-1] * 2)
    touched = {
        point
        for number, point in enumerate(ordered)
        if inside(point) or inside(middles[number]) or inside(middles[number + 1])
    }
    return min(touched, key=lambda point: (abs(point - mark), point), default=None)


# --- straight and hyperbolic pieces --------------------------------------------------------------


def fitted(
    curve: Curve, samples: tuple[Fraction, Fraction, Fraction]
) -> tuple[bool, list[Fraction]]:
    """Return whether a curve is A + B P or A + C / P on even samples, and its root if any."""
    first, second, third = samples
    one, two, three = curve(first), curve(second), curve(third)
    rise = two - one
    if rise == three - two:
        return True, [] if rise == 0 else [first - one * (second - first) / rise]
    scale = rise / (1 / second - 1 / first)
    constant = one - scale / first
    return constant + scale / third == three, [] if constant == 0 else [-scale / constant]


def roots_between(curve: Curve, lower: Fraction, upper: Fraction) -> list[Fraction]:
    """Return where A + B P or A + C / P is 0 strictly between two prices."""
    first, second, third = (lower + (upper - lower) * share / 4 for share in (1, 2, 3))
    is_simple, roots = fitted(curve, (first, second, third))
    if not is_simple:
        raise AssertionError(f"expected A + B P or A + C / P between {lower} and {upper}")
    return [root for root in roots if lower < root < upper]


def roots_beyond(curve: Curve, lower: Fraction) -> list[Fraction]:
    """Return the roots above the last breakpoint, however far away."""
    is_simple, roots = fitted(curve, (lower + 1, lower + 2, lower + 3))
    if not is_simple:
        raise AssertionError(f"expected A + B P or A + C / P above {lower}")
    return [root for root in roots if root > lower]


# --- curved pieces -------------------------------------------------------------------------------


def subdivision(lower: Fraction, upper: Fraction, parts: int) -> list[Fraction]:
    """Return the ends and the geometric steps between two prices, just inside them."""
    steps = [
        Fraction(f"{float(lower) * float(upper / lower) ** (number / parts):.12e}")
        for number in range(1, parts)
    ]
    ends = lower * (1 + INSIDE), upper * (1 - INSIDE)
    return [ends[0], *sorted({step for step in steps if ends[0] < step < ends[1]}), ends[1]]


def curved_roots(curve: Curve, lower: Fraction, upper: Fraction, parts: int) -> list[Fraction]:
    """Return where a curve changes its sign between two prices > 0."""
    places = subdivision(lower, upper, parts)
    seen = [(place, curve(place)) for place in places]
    turns = []
    for (left, before), (_, here), (right, after) in zip(seen, seen[1:], seen[2:], strict=False):
        if before * here > 0 and here * after > 0 and abs(before) > abs(here) <= abs(after):
            turns += dip(curve, left, right, 1 if here > 0 else -1)
    seen = sorted([*seen, *((place, curve(place)) for place in turns)])
    found = [place for place, value in seen if value == 0]
    for (left, before), (right, after) in itertools.pairwise(seen):
        if before * after < 0:
            found.append(bracketed(curve, left, right))
    return found


def dip(curve: Curve, lower: Fraction, upper: Fraction, sign: int) -> list[Fraction]:
    """Return a place where a curve that turns between two prices reaches the other sign."""
    for _ in range(DIP_STEPS):
        left, right = lower + (upper - lower) / 3, upper - (upper - lower) / 3
        one, two = curve(left) * sign, curve(right) * sign
        if one <= 0 or two <= 0:
            return [left if one <= 0 else right]
        lower, upper = (lower, right) if one < two else (left, upper)
    return []


def bracketed(curve: Curve, lower: Fraction, upper: Fraction) -> Fraction:
    """Return the root between two prices of different sign: exact where the piece is simple."""
    is_below = curve(lower) < 0
    width = (upper - lower) / 8
    wide = fitted(curve, (lower + width, lower + 4 * width, lower + 7 * width))
    close = fitted(curve, (lower + 3 * width, lower + 4 * width, lower + 5 * width))
    if wide[0] and wide == close and wide[1] and lower < wide[1][0] < upper:
        return wide[1][0]
    while upper - lower > lower * WIDTH:
        middle = (lower + upper) / 2
        value = curve(middle)
        if value == 0:
            return middle
        lower, upper = (middle, upper) if (value < 0) == is_below else (lower, middle)
    return (lower + upper) / 2
