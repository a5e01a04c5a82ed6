"""What happened and when it was detected: the demo's memory of the monitor's decisions."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

KIND_NAMES = {
    "account_margin_called": "an account reaches its margin call",
    "account_liquidatable": "an account is liquidatable",
    "account_bankrupt": "an account is under water",
    "breaker_tripped": "a breaker trips",
    "shortfall_incurred": "a liquidation ends with a shortfall",
    "insurance_fund_drawn": "the insurance fund pays",
    "insurance_fund_credited": "the insurance fund gains",
    "fund_exhausted": "the insurance fund is not enough",
    "deleveraging_planned": "winners are to be deleveraged",
    "loss_socialized": "a loss is left for everybody",
    "breaker_cooling": "a breaker cools down",
    "breaker_rearmed": "a breaker is armed again",
    "account_recovered": "an account recovers",
}


@dataclass(slots=True)
class Moment:
    """The first decision of a kind: its event time and how much later it was received."""

    name: str
    event_ns: int
    latency_s: float
    detail: str
    count: int = 1


@dataclass(slots=True)
class Story:
    """Collects decisions; `moments` by kind, in the order in which they were first received."""

    moments: dict[str, Moment] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)
    accounts: dict[str, set[str]] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)

    def add(self, decision: dict[str, Any], received_ns: int) -> list[Moment]:
        """Remember a decision; return the moments that it is the first of."""
        kind = decision["type"]
        latency_s = (received_ns - decision["event_ns"]) / 1e9
        self.latencies_s.append(latency_s)
        self.kinds[kind] += 1
        if "account" in decision:
            self.accounts.setdefault(kind, set()).add(decision["account"])
        for reduction in decision.get("reductions", []):
            self.accounts.setdefault(kind, set()).add(reduction["account"])
        for charge in decision["accounts"] if kind == "loss_socialized" else []:
            self.accounts.setdefault(kind, set()).add(charge["account"])
        kinds = [kind]
        if kind == "insurance_fund_drawn" and decision["uncovered"] != "0":
            kinds.append("fund_exhausted")
        return [moment for name in kinds if (moment := self._count(name, decision, latency_s))]

    def _count(self, kind: str, decision: dict[str, Any], latency_s: float) -> Moment | None:
        if kind in self.moments:
            self.moments[kind].count += 1
            return None
        name = KIND_NAMES.get(kind, kind.replace("_", " "))
        moment = Moment(name, decision["event_ns"], latency_s, detail_of(decision))
        self.moments[kind] = moment
        return moment

    def latency_s(self, share: float) -> float | None:
        """Return a quantile of the detection latencies, null without decisions."""
        if not self.latencies_s:
            return None
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def detail_of(decision: dict[str, Any]) -> str:
    """Return what a person would want to know about a decision, in a few words."""
    describe = DETAILS.get(decision["type"])
    if describe is not None:
        return describe(decision)
    return str(decision.get("account") or decision.get("scope") or decision.get("index") or "")


def _breaker_tripped(decision: dict[str, Any]) -> str:
    measured, limit = float(decision["measured"]), float(decision["limit"])
    return f"{decision['breaker']} on {decision['scope']}: {measured:.2%} beyond {limit:.2%}"


def _deleveraging_planned(decision: dict[str, Any]) -> str:
    winners = f"{len(decision['reductions'])} {decision['side']}s"
    return f"{decision['instrument']}: {winners} for {amount_of(decision)}"


def amount_of(decision: dict[str, Any]) -> str:
    """Return a decision's amount with its asset."""
    return f"{short(decision['amount'])} {decision['asset']}"


def short(amount: str) -> str:
    """Return an amount with as many digits as a person reads."""
    value = float(amount)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"


DETAILS: dict[str, Callable[[dict[str, Any]], str]] = {
    "breaker_tripped": _breaker_tripped,
    "shortfall_incurred": lambda decision: f"{decision['account']}: {amount_of(decision)}",
    "insurance_fund_credited": lambda decision: f"{decision['fund']}: {amount_of(decision)}",
    "insurance_fund_drawn": lambda decision: (
        f"{decision['fund']}: {short(decision['paid'])} of {amount_of(decision)}"
    ),
    "deleveraging_planned": _deleveraging_planned,
    "loss_socialized": lambda decision: (
        f"{amount_of(decision)} over {len(decision['accounts'])} accounts"
    ),
}
