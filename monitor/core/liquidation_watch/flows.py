"""What came into an insurance fund and what went out of it, by the cause that the venue names."""

from typing import Any

from monitor.core.amounts import rounded_text
from monitor.core.events import InsuranceFundChanged
from monitor.core.liquidation_view import FUND_CAUSES, FundFlowRecord
from monitor.core.liquidation_watch.waits import MILLIONTHS
from monitor.core.market import Market


class FundFlows:
    """Sums by fund and cause since the first balance that was told, in minor units.

    Of a fund, `fund_changed` tells absolute balances: a flow is the difference of two. As many
    funds as the venue half keeps, each with the causes of a closed list.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self._balances: dict[str, tuple[str, int]] = {}  # asset, minor units
        self._sums: dict[tuple[str, str], list[int]] = {}  # by fund and cause: inflow, outflow
        self._usd: dict[tuple[str, str], int] = {}  # by direction and cause, in millionths

    def take(self, event: InsuranceFundChanged, market: Market) -> None:
        """Take a fund's reported balance."""
        unit = market.unit(event.asset)
        balance = unit.count(event.balance)
        known = self._balances.get(event.fund)
        self._balances[event.fund] = event.asset, balance
        if known is None or known[1] == balance:
            return
        difference = balance - known[1]
        is_outflow = difference < 0
        self._sums.setdefault((event.fund, event.reason), [0, 0])[is_outflow] += abs(difference)
        value = market.exact_value(event.asset)
        if value is not None:
            key = ("outflow" if is_outflow else "inflow", event.reason)
            worth = round(abs(difference) * unit.value * value * MILLIONTHS)
            self._usd[key] = self._usd.get(key, 0) + worth

    def usd(self) -> dict[tuple[str, str], float]:
        """Return the sums over all funds by direction and cause, valued when they flowed."""
        directions = ("inflow", "outflow")
        keys = [(direction, cause) for direction in directions for cause in FUND_CAUSES]
        return {key: self._usd.get(key, 0) / MILLIONTHS for key in keys}

    def records(self, market: Market) -> tuple[FundFlowRecord, ...]:
        """Return the sums by fund and cause, in the fund's asset."""
        found = []
        for (fund, cause), (inflow, outflow) in sorted(self._sums.items()):
            asset = self._balances[fund][0]
            unit = market.unit(asset).value
            found.append(
                FundFlowRecord(
                    fund=fund,
                    asset=asset,
                    cause=cause,
                    inflow=rounded_text(inflow * unit),
                    outflow=rounded_text(outflow * unit),
                )
            )
        return tuple(found)

    def export_state(self) -> dict[str, Any]:
        """Return everything as plain values, in a canonical order."""
        return {
            "balances": [
                [name, asset, str(units)] for name, (asset, units) in sorted(self._balances.items())
            ],
            "sums": [
                [*key, *(str(one) for one in pair)] for key, pair in sorted(self._sums.items())
            ],
            "usd": [[*key, str(units)] for key, units in sorted(self._usd.items())],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take what `export_state` described."""
        self._balances = {name: (asset, int(units)) for name, asset, units in state["balances"]}
        self._sums = {
            (fund, cause): [int(inflow), int(outflow)]
            for fund, cause, inflow, outflow in state["sums"]
        }
        self._usd = {(direction, cause): int(units) for direction, cause, units in state["usd"]}
