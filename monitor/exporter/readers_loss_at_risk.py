"""How the metrics of what may be socialized are read."""

from collections.abc import Callable, Iterable, Iterator

from monitor.core.loss_at_risk_view import FundLoss, LossAtRisk
from monitor.exporter.catalogue_loss_at_risk import (
    ALL_FUNDS,
    CONFIDENCES_TOLD,
    FUNDS_TOLD_MAX,
    HORIZONS_TOLD,
    MEASURES,
)
from monitor.exporter.reader import Child, Reader, of_part

SECOND_NS = 1_000_000_000


def _of_losses(read: Callable[[LossAtRisk], Iterable[Child]]) -> Reader:
    return of_part(lambda view: view.loss_at_risk, read)


def _told(found: LossAtRisk) -> list[tuple[str, FundLoss]]:
    """Return all funds together, then those most at risk."""
    everywhere, *others = found.funds
    worst = sorted(others, key=lambda one: -one.horizons[-1].uncovered[0].expected_shortfall_usd)
    named = [(one.fund, one) for one in worst[:FUNDS_TOLD_MAX] if one.fund is not None]
    return [(ALL_FUNDS, everywhere), *named]


def _losses(found: LossAtRisk) -> Iterator[Child]:
    for name, fund in _told(found):
        for confidence, tail in zip(CONFIDENCES_TOLD, fund.horizons[-1].uncovered, strict=True):
            amounts = (tail.value_at_risk_usd, tail.expected_shortfall_usd)
            for measure, amount in zip(MEASURES, amounts, strict=True):
                yield (name, measure, confidence), amount


def _depletions(found: LossAtRisk) -> Iterator[Child]:
    for name, fund in _told(found):
        for label, horizon in zip(HORIZONS_TOLD, fund.horizons, strict=True):
            yield (name, label), horizon.depletion_probability


LOSS_AT_RISK_READERS: dict[str, Reader] = {
    "loss_monitor_socialized_loss_at_risk_usd": _of_losses(_losses),
    "loss_monitor_fund_depletion_probability_ratio": _of_losses(_depletions),
    "loss_monitor_loss_at_risk_oldest_timestamp_seconds": _of_losses(
        lambda found: [((), found.oldest_ns / SECOND_NS)]
    ),
}
