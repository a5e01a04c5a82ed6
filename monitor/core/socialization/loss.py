"""One residual loss as every method of socializing it sees it, and what a method gives back.

All money is in whole minor units of the loss's asset. A method is a `Method`: the fields that it
needs and one pure function from a loss to its burden.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from monitor.core.apportionment import apportion


@dataclass(slots=True, frozen=True, kw_only=True)
class Bearer:
    """An account that may bear a part, in minor units; 0 is also what a method does not need.

    `size` is signed, in contracts; `equity` includes `unvested_pnl`.
    """

    account: str
    session_profit: int = 0
    unrealized_pnl: int = 0
    unvested_pnl: int = 0
    equity: int = 0
    size: Fraction = Fraction(0)


@dataclass(slots=True, frozen=True, kw_only=True)
class Loss:
    """What nobody's margin, fund or position has covered, and who may bear it."""

    amount: int
    bearers: tuple[Bearer, ...]
    minor_unit: Fraction
    fund_balance: int = 0
    minimum_rate: Fraction = Fraction(0)
    index_tick: Fraction = Fraction(1)
    payee_of_remainder: str = ""


@dataclass(slots=True, frozen=True, kw_only=True)
class Burden:
    """Who bears a loss: charges per account (> 0 pays), what the fund pays, per stage.

    `index_change` is that of the long side, per unit of size; the short side's is its negative.
    """

    charges: Mapping[str, int]
    fund_used: int = 0
    stages: Mapping[str, int] | None = None
    index_change: Fraction | None = None


@dataclass(slots=True, frozen=True)
class Method:
    """A method: its name, the fields of a bearer and of the file that it needs, its function."""

    name: str
    needs: tuple[str, ...]
    fields: tuple[str, ...]
    share: Callable[[Loss], Burden] = field(repr=False)


def charge_in_proportion(
    amount: int, bearers: Sequence[Bearer], base: Callable[[Bearer], int]
) -> dict[str, int]:
    """Return charges in proportion to a base, at most the base, by the largest remainder."""
    bases = [max(0, base(bearer)) for bearer in bearers]
    names = [bearer.account for bearer in bearers]
    charges = apportion(amount, bases, bases, names)
    return {name: charge for name, charge in zip(names, charges, strict=True) if charge}
