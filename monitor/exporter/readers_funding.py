"""How the metrics of funding forecasts are read."""

from collections.abc import Callable, Iterable, Iterator

from monitor.core.funding_view import FundingForecast
from monitor.exporter.catalogue_funding import DEAREST_MAX, HOURS
from monitor.exporter.reader import Child, Reader, of_part


def _of_forecast(read: Callable[[FundingForecast], Iterable[Child]]) -> Reader:
    return of_part(lambda view: view.funding, read)


def _carry(forecast: FundingForecast) -> Iterator[Child]:
    known = [one for one in forecast.instruments if one.carry_ratio[0] is not None]
    known.sort(key=lambda one: (-(one.carry_ratio[0] or 0.0), one.instrument))
    for one in known[:DEAREST_MAX]:
        for hours, ratio in zip(HOURS, one.carry_ratio, strict=True):
            if ratio is not None:
                yield (one.instrument, hours), ratio


FUNDING_READERS: dict[str, Reader] = {
    "loss_monitor_funding_pushed_accounts": _of_forecast(
        lambda forecast: [((), forecast.pushed_accounts)]
    ),
    "loss_monitor_funding_pushed_notional_usd": _of_forecast(
        lambda forecast: [((), forecast.pushed_notional_usd)]
    ),
    "loss_monitor_funding_carry_ratio": _of_forecast(_carry),
}
