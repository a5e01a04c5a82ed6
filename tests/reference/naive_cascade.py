"""A liquidation cascade in plain Python: every account is looked at anew in every round."""

from dataclasses import dataclass, field

MAINTENANCE = 0.05


@dataclass
class NaiveAccount:
    """One cross account in linear contracts of one quote currency."""

    balance: float
    positions: dict[int, tuple[float, float]]  # instrument: (quantity, entry price)

    def equity(self, prices: dict[int, float]) -> float:
        """Return balance + unrealized pnl."""
        return self.balance + sum(
            q * (prices[i] - entry) for i, (q, entry) in self.positions.items()
        )

    def maintenance(self, prices: dict[int, float]) -> float:
        """Return what must be kept."""
        return sum(MAINTENANCE * abs(q) * prices[i] for i, (q, _) in self.positions.items())


@dataclass
class NaiveBooks:
    """Visible levels (quantity, ratio) by (instrument, side), and the law beyond them."""

    levels: dict[tuple[int, int], list[tuple[float, float]]]
    volume: list[float]
    coefficient: list[float]
    exponent: float

    def ratio(self, instrument: int, side: int, quantity: float) -> float:
        """Return how far the price has moved after a quantity."""
        seen, last = 0.0, 0.0
        for size, ratio in self.levels.get((instrument, side), []):
            seen, last = seen + size, ratio
            if quantity <= seen:
                return last
        return last + self.law(instrument, quantity) - self.law(instrument, seen)

    def law(self, instrument: int, quantity: float) -> float:
        """Return the law's ratio."""
        return float(
            self.coefficient[instrument] * (quantity / self.volume[instrument]) ** self.exponent
        )

    def mean_ratio(self, instrument: int, side: int, quantity: float, steps: int = 20_000) -> float:
        """Return the mean of the ratio from nothing to a quantity, by the midpoint rule."""
        width = quantity / steps
        return sum(
            self.ratio(instrument, side, (step + 0.5) * width) for step in range(steps)
        ) / steps  # fmt: skip

    def factor(self, instrument: int, sold: float) -> float:
        """Return price / mark after a net quantity sold."""
        if sold >= 0:
            return max(0.01, 1 - self.ratio(instrument, 0, sold))
        return 1 + self.ratio(instrument, 1, -sold)

    def value(self, instrument: int, sold: float) -> float:
        """Return what a net quantity brings, / mark."""
        if not sold:
            return 0.0
        side = 0 if sold > 0 else 1
        return sold - abs(sold) * self.mean_ratio(instrument, side, abs(sold))


@dataclass
class NaiveCascade:
    """What happened: notional by round, shortfall by fund, accounts closed."""

    rounds: list[float] = field(default_factory=list)
    shortfall: dict[int, float] = field(default_factory=dict)
    closed: list[int] = field(default_factory=list)
    prices: dict[int, float] = field(default_factory=dict)


def naive_cascade(
    accounts: list[NaiveAccount],
    start: dict[int, float],
    books: NaiveBooks,
    fund_of: list[int],
    *,
    has_feedback: bool = True,
) -> NaiveCascade:
    """Return what follows from marks that stand at `start` now."""
    found, sold = NaiveCascade(prices=dict(start)), dict.fromkeys(start, 0.0)
    while True:
        prices = dict(found.prices)
        hit = [
            number
            for number, account in enumerate(accounts)
            if number not in found.closed
            and account.positions
            and account.equity(prices) <= account.maintenance(prices)
        ]
        if not hit:
            return found
        before = dict(sold)
        found.rounds.append(
            sum(abs(q) * prices[i] for n in hit for i, (q, _) in accounts[n].positions.items())
        )
        for number in hit:
            for instrument, (quantity, _) in accounts[number].positions.items():
                sold[instrument] += quantity
        executed = dict(prices)
        if has_feedback:
            for i, mark in start.items():
                way = sold[i] - before[i]
                mean = (
                    (books.value(i, sold[i]) - books.value(i, before[i])) / way
                    if way
                    else books.factor(i, sold[i])
                )
                executed[i] = mark * max(0.01, mean)
                found.prices[i] = mark * books.factor(i, sold[i])
        for number in hit:
            account = accounts[number]
            lost = sum(q * (prices[i] - executed[i]) for i, (q, _) in account.positions.items())
            left = account.equity(prices) - lost
            if left < 0:
                largest = max(
                    account.positions, key=lambda i: abs(account.positions[i][0]) * prices[i]
                )
                fund = fund_of[largest]
                found.shortfall[fund] = found.shortfall.get(fund, 0.0) - left
        found.closed += hit
        if not has_feedback:
            return found
