"""Pyth prices through a Hermes server's websocket.

`{"type": "price_update", "price_feed": {"id": .., "price": {"price": "6140993501000",
"conf": "3287868567", "expo": -8, "publish_time": 1723161599}}}`: price and confidence are
integers scaled by 10^expo, publish_time is in whole seconds. One update becomes one
`oracle_reported`, whatever the feed's role: an oracle only reports. Symbols are price feed ids,
64 hex digits, with our index behind them: `e62df6c8..=BTC-USD`.

The server wants a bearer key since August 2026: LOSS_MONITOR_PYTH_HERMES_TOKEN.
"""

import msgspec

from monitor.config import FeedSettings
from monitor.core.events import OracleReported
from monitor.feeds.adapter import (
    Adapter,
    Ignored,
    Outcome,
    Parsed,
    Plan,
    Refusal,
    decode,
    names_by_symbol,
)
from monitor.feeds.numbers import canonical_non_negative, canonical_positive, scaled

CHANNEL = "price"
PUBLISH_TIME_MAX_S = 9_000_000_000


class HermesPrice(msgspec.Struct, frozen=True):
    """A price and its confidence, as integers scaled by 10^expo."""

    price: str
    conf: str
    expo: int
    publish_time: int


class HermesPriceFeed(msgspec.Struct, frozen=True):
    """What a price feed says now."""

    id: str
    price: HermesPrice


class HermesFrame(msgspec.Struct, frozen=True):
    """Any frame of the server: a price, or its answer to a request."""

    type: str
    price_feed: HermesPriceFeed | None = None
    status: str = ""
    error: str = ""


class HermesState(msgspec.Struct, frozen=True):
    """Nothing that changes: our index for each price feed id."""

    oracle: str
    names: dict[str, str]


_decoder = msgspec.json.Decoder(HermesFrame)


def feed_id(symbol: str) -> str:
    """Return a price feed id in the form that the server sends: lower case, without 0x."""
    return symbol.lower().removeprefix("0x")


def plans(settings: FeedSettings) -> list[Plan]:
    """Return the one connection of the feed."""
    ids = [feed_id(symbol) for symbol in names_by_symbol(settings)]
    subscribe = msgspec.json.encode({"type": "subscribe", "ids": ids}).decode()
    return [Plan(path="/ws", messages=(subscribe,), required_channels=(CHANNEL,))]


def new_state(settings: FeedSettings) -> HermesState:
    """Return the names of the feed; the oracle is the feed itself."""
    names = {feed_id(symbol): name for symbol, name in names_by_symbol(settings).items()}
    return HermesState(settings.name, names)


def parse(frame: bytes, state: HermesState) -> Parsed:
    """Return the report in a frame, or why there is none."""
    message = decode(_decoder, frame)
    if isinstance(message, Refusal):
        return Parsed([message])
    if message.type != "price_update":
        return Parsed(answer_of(message))
    if message.price_feed is None:
        return Parsed([Refusal("unexpected_shape", "expected a price_feed, received none")])
    outcome = report_of(message.price_feed, state)
    if isinstance(outcome, Refusal):
        return Parsed([outcome])
    return Parsed([outcome], CHANNEL, outcome.event_ns)


def answer_of(message: HermesFrame) -> list[Outcome]:
    """Return what any other frame means: nothing, or that a request of ours was refused."""
    if message.type != "response":
        return [Ignored("other_message")]
    if message.status == "success":
        return []
    return [Refusal("venue_error", f"expected success, received {message.error[:200]!r}")]


def report_of(price_feed: HermesPriceFeed, state: HermesState) -> OracleReported | Refusal:
    """Return what a price feed reports as an event of ours."""
    index = state.names.get(feed_id(price_feed.id))
    if index is None:
        return Refusal("unknown_symbol", f"expected a subscribed id, received {price_feed.id[:80]}")
    report = price_feed.price
    if not 0 <= report.publish_time <= PUBLISH_TIME_MAX_S:
        return Refusal("bad_number", f"expected seconds, received {report.publish_time}")
    published_ns = report.publish_time * 1_000_000_000
    try:
        return OracleReported(
            event_ns=published_ns,
            oracle=state.oracle,
            index=index,
            price=canonical_positive(scaled(report.price, report.expo)),
            confidence_interval=canonical_non_negative(scaled(report.conf, report.expo)),
            published_ns=published_ns,
        )
    except ValueError as error:
        return Refusal("bad_number", str(error))


ADAPTER = Adapter(
    url="wss://pyth.dourolabs.app/hermes",
    token_variable="LOSS_MONITOR_PYTH_HERMES_TOKEN",  # noqa: S106 - the name of a variable
    frame_bytes_max=1_048_576,
    connection_age_max_s=23 * 3600.0,
    plans=plans,
    new_state=new_state,
    parse=parse,
)
