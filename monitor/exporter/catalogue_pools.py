"""The metrics of the collateral pools: gates of withdrawals, runs while a haircut looms."""

from monitor.exporter.metric import Metric

POOLS_MAX = 3  # the most urgent; /v1/withdrawals has all


def _of_pool(name: str, text: str, unit: str = "usd") -> Metric:
    return Metric(
        name=name,
        kind="gauge",
        help=text,
        unit=unit,
        source="view",
        labels=("pool",),
        series_max=POOLS_MAX,
    )


POOL_METRICS = (
    _of_pool(
        "loss_monitor_withdrawals_gated",
        "1 while the withdrawals of a collateral pool should stop, 0 while a haircut looms "
        "without.",
        "boolean",
    ),
    _of_pool(
        "loss_monitor_haircut_looming_usd",
        "What vaults, funds and deleveraging left of losses within the time of a run.",
    ),
    _of_pool(
        "loss_monitor_withdrawal_race_shifted_usd",
        "What they cannot pay any more of their charges, so that the others must.",
    ),
    _of_pool(
        "loss_monitor_withdrawal_race_exposed_usd",
        "What they could still shift to the others, if all of them left with everything.",
    ),
)
