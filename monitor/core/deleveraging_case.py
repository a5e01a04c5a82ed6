"""One close by deleveraging: what the rule says of it, and what the venue really did.

docs/model/deleveraging.md.
"""

from collections import deque
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, TypeAlias

import msgspec

from monitor.core.amounts import exact_text, rounded_text, rounded_text_or_none, to_fraction
from monitor.core.decisions import Side
from monitor.core.deleveraging.round import Unit
from monitor.core.plain import plain

ACCOUNTS_MAX = 1_000  # of one case, expected or filled
FILLS_MAX = 1_000  # of one case; the newest, what was before is in the sums

Origin: TypeAlias = Literal["shortfall", "liquidation_unfilled", "first_fill"]
ZERO = Fraction(0)


class ExpectedReduction(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the rule takes from one account: contracts, and what that costs it in USD.

    `rank` 1 goes first; `amount` is null where the close has no price.
    """

    account: str
    size: str
    amount: str | None
    score: str | None
    rank: int
    light: int


class ExpectedClose(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the rule says, on the state after `events_given` events, at `engine_ns`.

    `trigger_ns`: when the plan was made, or when the liquidation began (`first_fill`, null if
    unseen). Needed are `amount` of `asset` (null: of contracts alone) and `contracts`
    (null: unknown, or the policy gives up pnl, or the close collects nothing). `price` is that of
    the close by the rule. `reductions` are the first of `accounts`.
    """

    origin: Origin
    engine_ns: int
    events_given: int
    trigger_ns: int | None
    policy: str
    unit: Unit
    price: str | None
    mark_price: str | None
    asset: str | None
    amount: str | None
    amount_usd: str | None
    contracts: str | None
    accounts: int
    reductions: tuple[ExpectedReduction, ...]


class DeleveragingFill(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the venue took from one account: contracts > 0.

    `given_up_usd`: against the mark of that moment; `price_worse_by`: against the rule's price, in
    price units; both > 0 at the account's cost, null where a price is missing. `after_ns`: since
    the trigger. `hedge_broken_usd`: what of its other positions on the same index was hedged by
    this one and no longer is.
    """

    account: str
    event_ns: int
    size: str
    price: str
    mark_price: str | None
    given_up_usd: str | None
    price_worse_by: str | None
    after_ns: int | None
    hedge_broken_usd: str | None


class Choice(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One account that the venue and the rule do not treat alike, in contracts.

    `expected`: of who was skipped, what it was due to give by now; else what it gives in all.
    `rank` is null for one that the rule does not name.
    """

    account: str
    rank: int | None
    expected: str
    filled: str


class DeleveragingReview(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the venue did against what the rule says.

    An overshoot is taken - needed, signed; `_positive` is max(0, overshoot). `skipped`: who would
    have given contracts by now, in the order of ranks, and gave fewer; `wrongly_chosen`: who gave
    more than the rule asks for at all. Both null where the rule names nobody, splits pnl, or has
    more accounts than are kept. `hedge_broken_usd` is the sum over all fills.
    `became_liquidatable`: accounts that did within 1 s after a fill of theirs.
    """

    taken_contracts: str
    overshoot_contracts: str | None
    overshoot_contracts_positive: str | None
    given_up_usd: str | None
    overshoot_usd: str | None
    overshoot_usd_positive: str | None
    skipped: tuple[Choice, ...] | None
    wrongly_chosen: tuple[Choice, ...] | None
    hedge_broken_usd: str | None
    became_liquidatable: tuple[str, ...]
    first_fill_ns: int
    last_fill_ns: int


class Deleveraging(msgspec.Struct, frozen=True, kw_only=True):
    """One case: `account` is the bankrupt one, `side` that of the winners.

    `review` is null before the first fill.
    """

    liquidation_id: str
    account: str
    instrument: str
    side: Side
    expected: ExpectedClose
    fills: tuple[DeleveragingFill, ...]
    fills_left_out: int
    review: DeleveragingReview | None


CaseKey: TypeAlias = tuple[str, str, str, Side]  # liquidation, bankrupt account, instrument, side


@dataclass(slots=True)
class Case:
    """One case as it grows."""

    key: CaseKey
    expected: ExpectedClose
    fills: deque[DeleveragingFill] = field(default_factory=deque)
    left_out: int = 0
    filled: dict[str, Fraction] = field(default_factory=dict)
    is_whole: bool = True  # every filled account is in `filled`
    taken: Fraction = ZERO
    given_up: Fraction | None = ZERO  # None: a fill could not be valued
    hedge_broken: Fraction | None = ZERO
    liquidatable: dict[str, None] = field(default_factory=dict)
    first_fill_ns: int = 0
    last_fill_ns: int = 0

    @property
    def lines(self) -> int:
        """Return how many lines of the ledger this takes."""
        told = len(self.fills) + len(self.filled) + len(self.liquidatable)
        return 1 + len(self.expected.reductions) + told

    def add(
        self, fill: DeleveragingFill, given_up: Fraction | None, hedge_broken: Fraction | None
    ) -> None:
        """Add a fill; of too many the oldest stays in the sums alone."""
        size = to_fraction(fill.size)
        if not self.taken:
            self.first_fill_ns = fill.event_ns
        self.last_fill_ns = fill.event_ns
        self.taken += size
        self.given_up = _sum(self.given_up, given_up)
        self.hedge_broken = _sum(self.hedge_broken, hedge_broken)
        if fill.account in self.filled or len(self.filled) < ACCOUNTS_MAX:
            self.filled[fill.account] = self.filled.get(fill.account, ZERO) + size
        else:
            self.is_whole = False
        self.fills.append(fill)
        if len(self.fills) > FILLS_MAX:
            self.fills.popleft()
            self.left_out += 1

    def report(self) -> Deleveraging:
        """Return the case as it is now."""
        liquidation_id, account, instrument, side = self.key
        return Deleveraging(
            liquidation_id=liquidation_id,
            account=account,
            instrument=instrument,
            side=side,
            expected=self.expected,
            fills=tuple(self.fills),
            fills_left_out=self.left_out,
            review=self._review() if self.taken else None,
        )

    def _review(self) -> DeleveragingReview:
        needed, usd = self.expected.contracts, self.expected.amount_usd
        contracts = None if needed is None else self.taken - to_fraction(needed)
        given_up = self.given_up
        worth = None if usd is None or given_up is None else given_up - to_fraction(usd)
        skipped, wrongly_chosen = self._choices()
        return DeleveragingReview(
            taken_contracts=exact_text(self.taken),
            overshoot_contracts=None if contracts is None else exact_text(contracts),
            overshoot_contracts_positive=None
            if contracts is None
            else exact_text(max(ZERO, contracts)),
            given_up_usd=rounded_text_or_none(given_up),
            overshoot_usd=rounded_text_or_none(worth),
            overshoot_usd_positive=None if worth is None else rounded_text(max(ZERO, worth)),
            skipped=skipped,
            wrongly_chosen=wrongly_chosen,
            hedge_broken_usd=rounded_text_or_none(self.hedge_broken),
            became_liquidatable=tuple(self.liquidatable),
            first_fill_ns=self.first_fill_ns,
            last_fill_ns=self.last_fill_ns,
        )

    def _choices(self) -> tuple[tuple[Choice, ...] | None, tuple[Choice, ...] | None]:
        """Return who was skipped and who was wrongly chosen."""
        expected = self.expected
        complete = self.is_whole and len(expected.reductions) == expected.accounts
        if expected.unit != "contracts" or not expected.accounts or not complete:
            return None, None
        asked: dict[str, Fraction] = {}
        due: dict[str, Fraction] = {}
        ranks: dict[str, int] = {}
        rest = self.taken
        for one in expected.reductions:  # two legs of an account are two of them
            size, name = to_fraction(one.size), one.account
            asked[name] = asked.get(name, ZERO) + size
            due[name] = due.get(name, ZERO) + min(size, rest)
            ranks.setdefault(name, one.rank)
            rest -= min(size, rest)
        filled = self.filled
        skipped = [name for name in due if filled.get(name, ZERO) < due[name]]
        wrong = [name for name in filled if filled[name] > asked.get(name, ZERO)]
        return (
            tuple(self._choice(name, ranks, due) for name in skipped),
            tuple(self._choice(name, ranks, asked) for name in sorted(wrong, key=str.encode)),
        )

    def _choice(self, name: str, ranks: dict[str, int], of: dict[str, Fraction]) -> Choice:
        return Choice(
            account=name,
            rank=ranks.get(name),
            expected=exact_text(of.get(name, ZERO)),
            filled=exact_text(self.filled.get(name, ZERO)),
        )

    def export_state(self) -> list[Any]:
        """Return the case as plain values."""
        return [
            list(self.key),
            plain(self.expected),
            [plain(fill) for fill in self.fills],
            self.left_out,
            [[name, exact_text(size)] for name, size in self.filled.items()],
            self.is_whole,
            exact_text(self.taken),
            _plain_sum(self.given_up),
            self.first_fill_ns,
            self.last_fill_ns,
            _plain_sum(self.hedge_broken),
            list(self.liquidatable),
        ]

    @classmethod
    def from_state(cls, state: list[Any]) -> "Case":
        """Return the case that `export_state` described."""
        key, expected, fills, left_out, filled, is_whole, taken, given_up, first, last = state[:10]
        hedge_broken, liquidatable = state[10:]
        return cls(
            key=(key[0], key[1], key[2], key[3]),
            expected=msgspec.convert(expected, ExpectedClose),
            fills=deque(msgspec.convert(fills, list[DeleveragingFill])),
            left_out=left_out,
            filled={name: to_fraction(size) for name, size in filled},
            is_whole=is_whole,
            taken=to_fraction(taken),
            given_up=_sum_from(given_up),
            first_fill_ns=first,
            last_fill_ns=last,
            hedge_broken=_sum_from(hedge_broken),
            liquidatable=dict.fromkeys(liquidatable),
        )


def _sum(one: Fraction | None, other: Fraction | None) -> Fraction | None:
    return None if one is None or other is None else one + other


def _plain_sum(value: Fraction | None) -> list[str] | None:
    return None if value is None else [str(value.numerator), str(value.denominator)]


def _sum_from(plain_sum: list[str] | None) -> Fraction | None:
    return None if plain_sum is None else Fraction(int(plain_sum[0]), int(plain_sum[1]))
