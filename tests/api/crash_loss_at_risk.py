"""The loss at risk of the crash: it grows while the fund shrinks."""

from monitor.core.loss_at_risk_view import (
    FundLoss,
    LossAtRisk,
    LossContribution,
    LossHorizon,
    LossTail,
)


def loss_at_risk_at(now_ns: int, fallen: float) -> LossAtRisk:
    """Return what may be socialized when so much of the fall is behind."""

    def tails(scale: float) -> tuple[LossTail, ...]:
        return tuple(
            LossTail(
                confidence=confidence,
                value_at_risk_usd=round(scale * fallen * amount),
                expected_shortfall_usd=round(scale * fallen * 1.8 * amount),
                error_usd=round(scale * fallen * 0.1 * amount),
            )
            for confidence, amount in ((0.99, 1_200_000), (0.999, 5_000_000))
        )

    def fund(name: str | None, balance: float, share: float) -> FundLoss:
        return FundLoss(
            fund=name,
            balance_usd=balance,
            horizons=tuple(
                LossHorizon(
                    horizon_s=horizon_s,
                    shortfall_probability=chance * share * (0.3 + fallen),
                    depletion_probability=chance * share * fallen,
                    uncovered=tails(chance * share),
                    shortfall=tails(2 * chance * share),
                )
                for horizon_s, chance in ((600.0, 0.01), (3_600.0, 0.06), (86_400.0, 0.26))
            ),
            median_depletion_s=21_600.0 if fallen else None,
            contributions=(
                LossContribution(instrument="BTC-PERP", share=0.62),
                LossContribution(instrument="SOL-PERP", share=0.38),
            ),
        )

    funds = (fund(None, 1_300_000.0, 1.0), fund("main", 1_150_000.0, 1.0), fund("alts", 150e3, 0.4))
    return LossAtRisk(as_of_ns=now_ns, oldest_ns=now_ns - 5 * 10**9, paths=1_000, funds=funds)
