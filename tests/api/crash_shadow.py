"""Shadow rounds of the crash: two sides, three policies, the venue's rule not the best."""

from dataclasses import dataclass

from monitor.core.decisions import Side
from monitor.core.shadow_view import PATH_S, ShadowPayerView, ShadowPlanView, ShadowSideView

BURDENS = {  # policy: (largest fraction, accounts, hedges broken, payers' shares)
    "queue-bitmex": (0.42, 3, 2, (0.5, 0.3, 0.2)),
    "queue-hyperliquid": (0.36, 4, 1, (0.4, 0.3, 0.2, 0.1)),
    "pro-rata-pnl": (0.03, 9, 0, (0.2, 0.15, 0.15, 0.1, 0.1, 0.1, 0.08, 0.07, 0.05)),
    "minimax-leverage": (0.11, 6, 1, (0.3, 0.2, 0.2, 0.1, 0.1, 0.1)),
}


@dataclass(frozen=True)
class CrashShadow:
    """What every policy would take at one moment of the crash."""

    as_of_ns: int
    needed_usd: float
    stress: float = 0.0
    configured: str = "queue-bitmex"
    best: str = "pro-rata-pnl"

    @property
    def realised(self) -> "CrashShadow":
        """Return itself: its path is complete."""
        return self

    @property
    def totals(self) -> tuple[ShadowPlanView, ...]:
        """Return every policy."""
        return tuple(self._plan(name, 2.0, told=False) for name in BURDENS)

    @property
    def worst(self) -> tuple[ShadowSideView, ...]:
        """Return the longs of BTC-PERP, half of whom find nobody."""
        side = self.of("BTC-PERP", "long")
        assert side is not None
        return (side,)

    def of(self, instrument: str, side: Side) -> ShadowSideView | None:
        """Return BTC-PERP; nobody holds the others."""
        if instrument != "BTC-PERP":
            return None
        return ShadowSideView(
            instrument=instrument,
            side=side,
            move_ratio=0.07,
            price=113_000.0,
            accounts=12,
            lots=5_100.0,
            needed_usd=self.needed_usd / 2,
            candidates=740,
            feasible_ratio=0.5 if side == "long" else 1.0,
            plans=tuple(self._plan(name, 1.0, told=True) for name in BURDENS),
        )

    def _plan(self, policy: str, share: float, *, told: bool) -> ShadowPlanView:
        fraction, accounts, hedges, shares = BURDENS[policy]
        collected = self.needed_usd * share / 2
        payers = tuple(
            ShadowPayerView(
                account=f"winner-{3 * number if 'pnl' in policy else number}",
                amount_usd=collected * each,
                equity_before_usd=collected * each / fraction * (1 + 0.4 * number),
                equity_after_usd=collected * each * (1 / fraction * (1 + 0.4 * number) - 1),
            )
            for number, each in enumerate(shares)
        )
        return ShadowPlanView(
            policy=policy,
            collected_usd=collected,
            overshoot_usd=tuple(-1e-9 if "pnl" in policy else 20_000 * each for each in PATH_S),
            equity_fraction_max=fraction,
            equity_fraction_mean=fraction,
            accounts_touched=accounts,
            leverage_max=None if policy == "queue-bitmex" else 12.5,
            hedges_broken=hedges,
            gini=0.99 if told else None,
            instability_ratio=0.1 if told else None,
            overlap_ratio=(1.0 if policy == "queue-bitmex" else 0.25) if told else None,
            payers=payers if told else (),
        )
