"""How fast is the gate? Peer: `json.loads` and the same checks in plain Python.

Both turn the bytes of the commonest events (balance, position, mark) into checked records. The
peer checks what the gate checks: known type, no unknown and no missing field, types, closed lists,
plain numbers, bounds, that an open position has an entry price, and the sign of a leg.
The gate also takes zeros too many off numbers, as about one event in six here has them.
"""

import json
import random
import re
from collections import deque
from collections.abc import Callable
from typing import Any, get_args

from bench.measure import Figure, Scale, alternate, main
from monitor.core import events, gate

_NUMBER = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?\Z").match
_POSITIVE = re.compile(r"(?=.*[1-9])[0-9]{1,18}(?:\.[0-9]{1,18})?\Z").match
_NANOSECONDS_MAX = 2**63 - 1
_REASONS = frozenset(get_args(events.BalanceReason))
_LEGS = frozenset(("net", "long", "short"))
_MODES = frozenset(("cross", "isolated"))


class Balance:
    """A checked `balance_changed`."""

    __slots__ = ("account", "asset", "balance", "event_ns", "more", "reason", "seq")

    def __init__(self, plain: dict[str, Any]) -> None:
        """Take checked fields."""
        self.event_ns = plain["event_ns"]
        self.account = plain["account"]
        self.seq = plain["seq"]
        self.asset = plain["asset"]
        self.balance = plain["balance"]
        self.reason = plain["reason"]
        self.more = plain.get("more", False)


class Position:
    """A checked `position_changed`."""

    __slots__ = (
        "account",
        "entry_price",
        "event_ns",
        "instrument",
        "isolated_margin",
        "leg",
        "margin_mode",
        "more",
        "seq",
        "size",
    )

    def __init__(self, plain: dict[str, Any]) -> None:
        """Take checked fields."""
        self.event_ns = plain["event_ns"]
        self.account = plain["account"]
        self.seq = plain["seq"]
        self.instrument = plain["instrument"]
        self.size = plain["size"]
        self.entry_price = plain.get("entry_price")
        self.leg = plain.get("leg", "net")
        self.margin_mode = plain.get("margin_mode", "cross")
        self.isolated_margin = plain.get("isolated_margin")
        self.more = plain.get("more", False)


class Mark:
    """A checked `mark_price_changed`."""

    __slots__ = ("count", "event_ns", "high", "instrument", "low", "price")

    def __init__(self, plain: dict[str, Any]) -> None:
        """Take checked fields."""
        self.event_ns = plain["event_ns"]
        self.instrument = plain["instrument"]
        self.price = plain["price"]
        self.high = plain.get("high")
        self.low = plain.get("low")
        self.count = plain.get("count", 1)


_KNOWN = {
    "balance_changed": frozenset(("type", *events.BalanceChanged.__struct_fields__)),
    "position_changed": frozenset(("type", *events.PositionChanged.__struct_fields__)),
    "mark_price_changed": frozenset(("type", *events.MarkPriceChanged.__struct_fields__)),
}


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 128


def _is_time(value: object) -> bool:
    return type(value) is int and 0 <= value <= _NANOSECONDS_MAX


def _check_account(plain: dict[str, Any]) -> None:
    if not (_is_time(plain["event_ns"]) and _is_name(plain["account"])):
        raise ValueError(plain)
    seq = plain["seq"]
    if type(seq) is not int or not 1 <= seq <= _NANOSECONDS_MAX:
        raise ValueError(plain)
    if type(plain.get("more", False)) is not bool:
        raise ValueError(plain)


def _check_number(value: object, match: Callable[[str], object]) -> None:
    if not isinstance(value, str) or not match(value):
        raise ValueError(value)


def _balance(plain: dict[str, Any]) -> Balance:
    _check_account(plain)
    _check_number(plain["balance"], _NUMBER)
    if not _is_name(plain["asset"]) or plain["reason"] not in _REASONS:
        raise ValueError(plain)
    for name in ("instrument", "funding_id"):
        if name in plain and plain[name] is not None and not _is_name(plain[name]):
            raise ValueError(plain)
    return Balance(plain)


def _position(plain: dict[str, Any]) -> Position:
    _check_account(plain)
    _check_number(plain["size"], _NUMBER)
    if not _is_name(plain["instrument"]) or plain.get("leg", "net") not in _LEGS:
        raise ValueError(plain)
    if plain.get("margin_mode", "cross") not in _MODES:
        raise ValueError(plain)
    if plain.get("isolated_margin") is not None:
        _check_number(plain["isolated_margin"], _NUMBER)
    entry = plain.get("entry_price")
    if entry is not None:
        _check_number(entry, _NUMBER)
    size = float(plain["size"])
    if size and (entry is None or float(entry) <= 0):
        raise ValueError(plain)
    leg = plain.get("leg", "net")
    if (leg == "long" and size < 0) or (leg == "short" and size > 0):
        raise ValueError(plain)
    return Position(plain)


def _mark(plain: dict[str, Any]) -> Mark:
    if not (_is_time(plain["event_ns"]) and _is_name(plain["instrument"])):
        raise ValueError(plain)
    _check_number(plain["price"], _POSITIVE)
    for name in ("high", "low"):
        if plain.get(name) is not None:
            _check_number(plain[name], _POSITIVE)
    count = plain.get("count", 1)
    if type(count) is not int or count < 1:
        raise ValueError(plain)
    return Mark(plain)


_CHECKS: dict[str, Callable[[dict[str, Any]], object]] = {
    "balance_changed": _balance,
    "position_changed": _position,
    "mark_price_changed": _mark,
}


def plain_decode(raw: bytes) -> object:
    """Return the checked record of one event, with the standard library alone."""
    plain = json.loads(raw)
    kind = plain["type"]
    if not plain.keys() <= _KNOWN[kind]:
        raise ValueError(plain)
    return _CHECKS[kind](plain)


def records(count: int) -> list[bytes]:
    """Return the bytes of so many events: 45 % balances, 45 % positions, 10 % marks."""
    chance = random.Random(1)  # noqa: S311 (made-up events)
    made = []
    for number in range(count):
        kind = chance.choices(("balance", "position", "mark"), (45, 45, 10))[0]
        event: dict[str, object] = {
            "type": f"{kind}_changed" if kind != "mark" else "mark_price_changed",
            "event_ns": 1_700_000_000_000_000_000 + number,
        }
        if kind == "mark":
            event |= {"instrument": "BTC-PERP", "price": f"{chance.uniform(5e4, 6e4):.1f}"}
        else:
            event |= {"account": f"account-{chance.randrange(10_000)}", "seq": number + 1}
        if kind == "balance":
            event |= {
                "asset": "USDT",
                "balance": f"{chance.uniform(0, 1e5):.8f}",
                "reason": "trade",
            }
        elif kind == "position":
            event |= {
                "instrument": "BTC-PERP",
                "size": f"{chance.gauss(0, 5):.3f}",
                "entry_price": f"{chance.uniform(5e4, 6e4):.2f}",
                "margin_mode": "cross",
            }
        made.append(json.dumps(event).encode())
    return made


def measure(scale: Scale) -> list[Figure]:
    """Return the time per event of both."""
    raw = records(20_000 if scale == "small" else 200_000)
    timing = alternate(
        lambda: deque(map(gate.decode, raw), maxlen=0),
        lambda: deque(map(plain_decode, raw), maxlen=0),
    )
    microseconds = 1e6 / len(raw)
    return [
        Figure(
            name="codec_vs_json",
            value=timing.ours_s * microseconds,
            unit="us/event",
            peer=timing.peer_s * microseconds,
            peer_name="json.loads and the same checks in plain Python",
            ratio=timing.ratio,
        )
    ]


if __name__ == "__main__":
    main(measure, description="How fast is the gate, beside json.loads and the same checks?")
