"""The venues that a feed can be configured with: one line each."""

from monitor.feeds import binance_usdm, pyth_hermes
from monitor.feeds.adapter import AnyAdapter

VENUES: dict[str, AnyAdapter] = {
    "binance-usdm": binance_usdm.ADAPTER,
    "pyth-hermes": pyth_hermes.ADAPTER,
}
