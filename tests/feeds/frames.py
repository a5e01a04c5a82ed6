"""Frames in the venues' documented forms, written for these tests."""

import json
from typing import Any

EVENT_MS = 1_723_161_256_000
EVENT_NS = EVENT_MS * 1_000_000


def combined(stream: str, data: Any) -> bytes:
    """Return a Binance frame in the combined form."""
    return json.dumps({"stream": stream, "data": data}, separators=(",", ":")).encode()


def mark_price(symbol: str = "BTCUSDT", price: str = "61800.10", **fields: Any) -> dict[str, Any]:
    """Return the data of a mark price update."""
    return {
        "e": "markPriceUpdate", "E": EVENT_MS, "s": symbol, "p": price, "i": "61790.00000000",
        "P": "61795.5", "r": "0.00010000", "T": EVENT_MS + 3_600_000, **fields,
    }  # fmt: skip


def quotes(bid: str = "61800.20", ask: str = "61800.30", **fields: Any) -> dict[str, Any]:
    """Return the data of a best quote."""
    return {
        "e": "bookTicker", "u": 1, "s": "BTCUSDT", "b": bid, "B": "2.507", "a": ask, "A": "2.510",
        "T": EVENT_MS, "E": EVENT_MS, **fields,
    }  # fmt: skip


def trade(**fields: Any) -> dict[str, Any]:
    """Return the data of a trade."""
    return {
        "e": "trade", "E": EVENT_MS, "T": EVENT_MS - 1, "s": "BTCUSDT", "t": 5266583935,
        "p": "61800.30", "q": "0.006", "X": "MARKET", "m": False, **fields,
    }  # fmt: skip


def depth(ids: tuple[int, int, int], **fields: Any) -> dict[str, Any]:
    """Return the data of a depth difference with ids (U, u, pu)."""
    first_id, last_id, previous_id = ids
    return {
        "e": "depthUpdate", "E": EVENT_MS + last_id, "T": EVENT_MS, "s": "BTCUSDT",
        "U": first_id, "u": last_id, "pu": previous_id, "b": [], "a": [], **fields,
    }  # fmt: skip


def depth_snapshot(last_id: int, **fields: Any) -> bytes:
    """Return the body of a REST depth snapshot."""
    return json.dumps(
        {
            "lastUpdateId": last_id, "E": EVENT_MS + last_id, "T": EVENT_MS,
            "bids": [["99.0", "1.000"], ["98.0", "2.000"]],
            "asks": [["101.0", "1.000"], ["102.0", "2.000"]], **fields,
        }
    ).encode()  # fmt: skip


def pyth_update(feed_id: str, **price: Any) -> bytes:
    """Return a Pyth price update."""
    return json.dumps(
        {
            "type": "price_update",
            "price_feed": {
                "id": feed_id,
                "price": {
                    "price": "6140993501000", "conf": "3287868567", "expo": -8,
                    "publish_time": EVENT_MS // 1000, **price,
                },
                "ema_price": {
                    "price": "6094590000000", "conf": "3500000000", "expo": -8,
                    "publish_time": EVENT_MS // 1000,
                },
            },
        }
    ).encode()  # fmt: skip
