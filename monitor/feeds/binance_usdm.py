"""Binance USD-M futures: marks, indices, funding, best quotes, trades and depth.

Frames come in the combined form `{"stream": .., "data": {"e": .., "E": ms, "s": .., ..}}`.
`event_ns` is always E, the venue's event time. What a feed subscribes follows from its role:

* `reference`, `index`: the mark price stream (`p` mark, `i` index), nothing else, because trades
  and depth of another venue are not those of the exchange that we guard;
* `mark` (the venue stands in for the exchange): marks and funding, trades, depth, forced orders;
* with `mark_from = "mid"` the best quotes instead of the mark price stream: each is a mark by
  the rule of docs/model/mark_from_mid.md.

A forced order (`forceOrder`) names no account and only the latest of each second is sent, so it
is neither one of our liquidation events nor a trade of its own (that is printed in the trade
stream anyway): it is counted, and becomes no event. The book is kept in `binance_book.py`.
"""

from collections.abc import Callable
from typing import Annotated, Any, TypeAlias

import msgspec

from monitor.config import FeedSettings
from monitor.core.events import (
    Event,
    FundingRateChanged,
    IndexPriceChanged,
    MarkPriceChanged,
    MarkPricesChanged,
    TradePrinted,
)
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
from monitor.feeds.binance_book import DepthUpdate, SymbolBook, parse_depth_snapshot
from monitor.feeds.numbers import canonical, canonical_positive, mid_of_quotes

MARK_PRICE, QUOTES, TRADES = "markPrice", "bookTicker", "trade"
DEPTH, FORCED_ORDERS = "depth", "forceOrder"

# channel: (path of its connection, stream of one symbol, must it keep arriving?)
CHANNELS = {
    MARK_PRICE: ("/market/stream", "{symbol}@markPrice@1s", True),
    FORCED_ORDERS: ("/market/stream", "{symbol}@forceOrder", False),
    QUOTES: ("/public/stream", "{symbol}@bookTicker", True),
    TRADES: ("/public/stream", "{symbol}@trade", False),
    DEPTH: ("/public/stream", "{symbol}@depth@100ms", True),
}
ALL_MARK_PRICES = "!markPrice@arr@1s"
SYMBOLS_ONE_BY_ONE_MAX = 20  # above it, the stream of all marks is cheaper than one a symbol
STREAMS_A_MESSAGE_MAX = 200
TRADE_KIND_MARKET = "MARKET"

Milliseconds: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=9_000_000_000_000)]


class MarkPriceUpdate(msgspec.Struct, frozen=True, gc=False, tag_field="e", tag="markPriceUpdate"):
    """Mark, index and funding of one symbol, once a second."""

    event_ms: Milliseconds = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    mark_price: str = msgspec.field(name="p")
    index_price: str = msgspec.field(name="i", default="")
    funding_rate: str = msgspec.field(name="r", default="")
    next_funding_ms: Milliseconds = msgspec.field(name="T", default=0)


class BookTicker(msgspec.Struct, frozen=True, gc=False, tag_field="e", tag="bookTicker"):
    """Best bid and ask of one symbol, each time they change."""

    event_ms: Milliseconds = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    bid_price: str = msgspec.field(name="b")
    bid_size: str = msgspec.field(name="B")
    ask_price: str = msgspec.field(name="a")
    ask_size: str = msgspec.field(name="A")


class Trade(msgspec.Struct, frozen=True, gc=False, tag_field="e", tag="trade"):
    """One trade; `kind` is not MARKET for what the insurance fund or deleveraging did."""

    event_ms: Milliseconds = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    trade_id: int = msgspec.field(name="t")
    price: str = msgspec.field(name="p")
    size: str = msgspec.field(name="q")
    buyer_is_maker: bool = msgspec.field(name="m")
    kind: str = msgspec.field(name="X", default=TRADE_KIND_MARKET)


class AggregateTrade(msgspec.Struct, frozen=True, gc=False, tag_field="e", tag="aggTrade"):
    """Fills of one taker order at one price, as one trade."""

    event_ms: Milliseconds = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    trade_id: int = msgspec.field(name="a")
    price: str = msgspec.field(name="p")
    size: str = msgspec.field(name="q")
    buyer_is_maker: bool = msgspec.field(name="m")
    kind: str = TRADE_KIND_MARKET


class ForcedOrder(msgspec.Struct, frozen=True, gc=False, tag_field="e", tag="forceOrder"):
    """A liquidation or deleveraging order, without its account."""

    event_ms: Milliseconds = msgspec.field(name="E")


Update: TypeAlias = (
    MarkPriceUpdate | BookTicker | Trade | AggregateTrade | ForcedOrder | DepthUpdate
)


class Failure(msgspec.Struct, frozen=True):
    """What was wrong with a request of ours."""

    code: int = 0
    msg: str = ""


class CombinedFrame(msgspec.Struct, frozen=True):
    """Any frame: a stream's data, or the answer to a request of ours."""

    stream: str = ""
    data: list[msgspec.Raw] | Update | None = None
    id: int | None = None
    error: Failure | None = None
    code: int = 0
    msg: str = ""


class BinanceState(msgspec.Struct):
    """What must be remembered between frames of one connection.

    `funding`: the last (rate, time) published, since the stream repeats it every second.
    """

    feed: str
    role: str
    names: dict[str, str]
    funding: dict[str, tuple[str, int]] = {}
    books: dict[str, SymbolBook] = {}


_decoder = msgspec.json.Decoder(CombinedFrame)
_mark_decoder = msgspec.json.Decoder(MarkPriceUpdate)


def channels_of(settings: FeedSettings) -> tuple[str, ...]:
    """Return the channels that a feed's role needs."""
    price = QUOTES if settings.mark_from == "mid" else MARK_PRICE
    if settings.role != "mark":
        return (price,)
    extra = () if settings.mark_from == "mid" else (FORCED_ORDERS,)
    return (price, TRADES, DEPTH, *extra)


def plans(settings: FeedSettings) -> list[Plan]:
    """Return the connections of a feed: the venue serves its channels on two paths."""
    symbols = [symbol.lower() for symbol in names_by_symbol(settings)]
    chosen = channels_of(settings)
    connections = []
    for path in sorted({CHANNELS[channel][0] for channel in chosen}):
        channels = [channel for channel in chosen if CHANNELS[channel][0] == path]
        streams: list[str] = []
        for channel in channels:
            if channel == MARK_PRICE and len(symbols) > SYMBOLS_ONE_BY_ONE_MAX:
                streams.append(ALL_MARK_PRICES)
            else:
                streams += [CHANNELS[channel][1].format(symbol=symbol) for symbol in symbols]
        required = tuple(channel for channel in channels if CHANNELS[channel][2])
        connections.append(Plan(path, subscribe_messages(streams), required))
    return connections


def subscribe_messages(streams: list[str]) -> tuple[str, ...]:
    """Return requests for the streams, at most STREAMS_A_MESSAGE_MAX in one."""
    starts = range(0, len(streams), STREAMS_A_MESSAGE_MAX)
    return tuple(
        msgspec.json.encode(
            {
                "method": "SUBSCRIBE",
                "params": streams[start : start + STREAMS_A_MESSAGE_MAX],
                "id": number,
            }
        ).decode()
        for number, start in enumerate(starts, start=1)
    )


def new_state(settings: FeedSettings) -> BinanceState:
    """Return what a new connection remembers: nothing but names."""
    names = {symbol.upper(): name for symbol, name in names_by_symbol(settings).items()}
    return BinanceState(settings.name, settings.role, names)


def parse(frame: bytes, state: BinanceState) -> Parsed:
    """Return what a frame says in our events; changes only the state of the books and funding."""
    message = decode(_decoder, frame)
    if isinstance(message, Refusal):
        return Parsed([message])
    if isinstance(message.data, list):
        return parse_all_marks(message.data, state)
    if message.data is None:
        return Parsed(answer_of(message))
    update = message.data
    name = state.names.get(getattr(update, "symbol", ""))
    channel, read = READERS[type(update)]
    event_ns = update.event_ms * 1_000_000
    if name is None and not isinstance(update, ForcedOrder):
        return Parsed(
            [Refusal("unknown_symbol", f"expected a subscribed one, received {update!r:.100}")]
        )
    try:
        outcomes = read(update, name, state)
    except ValueError as error:
        outcomes = [Refusal("bad_number", str(error))]
    if outcomes and isinstance(outcomes[0], Refusal):
        return Parsed(outcomes)
    return Parsed(outcomes, channel, event_ns)


def answer_of(message: CombinedFrame) -> list[Outcome]:
    """Return what the answer to a request of ours means: nothing, or that it was refused."""
    failure = message.error or Failure(message.code, message.msg)
    if failure.code:
        detail = f"expected a result, received code {failure.code}: {failure.msg[:200]}"
        return [Refusal("venue_error", detail)]
    if message.id is not None:
        return []
    return [Refusal("unexpected_shape", "expected data, or an answer with an id; received neither")]


def parse_all_marks(elements: list[msgspec.Raw], state: BinanceState) -> Parsed:
    """Return the marks of one instant as one step, and the indices or funding beside it.

    An element that cannot be used is refused alone; symbols that were not asked for are skipped.
    """
    outcomes: list[Outcome] = []
    marks: dict[str, str] = {}
    newest_ms = 0
    for element in elements:
        update = decode(_mark_decoder, bytes(element))
        if isinstance(update, Refusal):
            outcomes.append(update)
            continue
        name = state.names.get(update.symbol)
        if name is None:
            continue
        try:
            read = read_mark_price(update, name, state)
        except ValueError as error:
            outcomes.append(Refusal("bad_number", str(error)))
            continue
        newest_ms = max(newest_ms, update.event_ms)
        for outcome in read:
            if isinstance(outcome, MarkPriceChanged):
                marks[name] = outcome.price
            else:
                outcomes.append(outcome)
    if marks:
        outcomes.insert(0, MarkPricesChanged(event_ns=newest_ms * 1_000_000, prices=marks))
    return Parsed(outcomes, MARK_PRICE if newest_ms else "", newest_ms * 1_000_000)


def mark_in_role(price: str, event_ns: int, name: str, state: BinanceState) -> Event:
    """Return what the venue's mark is to us: the mark, or a price that only judges."""
    if state.role == "mark":
        return MarkPriceChanged(event_ns=event_ns, instrument=name, price=price)
    source = "exchange" if state.role == "index" else state.feed
    return IndexPriceChanged(event_ns=event_ns, index=name, price=price, source=source)


def read_mark_price(update: MarkPriceUpdate, name: str, state: BinanceState) -> list[Outcome]:
    """Return mark (or index, by role), and the funding rate when it has changed."""
    event_ns = update.event_ms * 1_000_000
    text = update.index_price if state.role == "index" else update.mark_price
    outcomes: list[Outcome] = [mark_in_role(canonical_positive(text), event_ns, name, state)]
    if state.role != "mark" or not update.funding_rate or not update.next_funding_ms:
        return outcomes
    funding = (canonical(update.funding_rate), update.next_funding_ms)
    if state.funding.get(name) != funding:
        state.funding[name] = funding
        rate, next_ms = funding
        outcomes.append(
            FundingRateChanged(
                event_ns=event_ns, instrument=name, rate=rate, next_funding_ns=next_ms * 1_000_000
            )
        )
    return outcomes


def read_quotes(update: BookTicker, name: str, state: BinanceState) -> list[Outcome]:
    """Return a mark made from the mid of the best quotes."""
    price = mid_of_quotes((update.bid_price, update.bid_size), (update.ask_price, update.ask_size))
    if price is None:
        detail = f"expected bid <= ask, received {update.bid_price} and {update.ask_price}"
        return [Refusal("crossed_book", detail)]
    return [mark_in_role(price, update.event_ms * 1_000_000, name, state)]


def read_trade(update: Trade | AggregateTrade, name: str, state: BinanceState) -> list[Outcome]:
    """Return a trade of the market; the other kinds are no trades between two orders."""
    if update.kind != TRADE_KIND_MARKET:
        return [Ignored("trade_off_market")]
    if state.role != "mark":
        return [Ignored("trade_of_another_venue")]
    return [
        TradePrinted(
            event_ns=update.event_ms * 1_000_000,
            instrument=name,
            price=canonical_positive(update.price),
            size=canonical_positive(update.size),
            aggressor="sell" if update.buyer_is_maker else "buy",
            trade_id=str(update.trade_id),
        )
    ]


def read_forced_order(_update: ForcedOrder, _name: str, _state: BinanceState) -> list[Outcome]:
    """Return nothing to publish: see the module's docstring."""
    return [Ignored("forced_order")]


def read_depth(update: DepthUpdate, name: str, state: BinanceState) -> list[Outcome]:
    """Return the visible book after a difference, when there is one and it has changed."""
    if state.role != "mark":
        return [Ignored("depth_of_another_venue")]
    return book_of(name, update.symbol, state).take_update(update)


def parse_snapshot(symbol: str, body: bytes, state: BinanceState) -> Parsed:
    """Return the visible book after a REST snapshot of `symbol`."""
    name = state.names[symbol]
    return Parsed(parse_depth_snapshot(body, book_of(name, symbol, state)))


def book_of(name: str, symbol: str, state: BinanceState) -> SymbolBook:
    """Return the book of a symbol, new if there was none."""
    if name not in state.books:
        state.books[name] = SymbolBook(name, symbol)
    return state.books[name]


def snapshot_path(symbol: str) -> str:
    """Return where the REST snapshot of a symbol's book is."""
    return f"/fapi/v1/depth?symbol={symbol}&limit=1000"


READERS: dict[type, tuple[str, Callable[[Any, Any, BinanceState], list[Outcome]]]] = {
    MarkPriceUpdate: (MARK_PRICE, read_mark_price),
    BookTicker: (QUOTES, read_quotes),
    Trade: (TRADES, read_trade),
    AggregateTrade: (TRADES, read_trade),
    ForcedOrder: (FORCED_ORDERS, read_forced_order),
    DepthUpdate: (DEPTH, read_depth),
}

ADAPTER = Adapter(
    url="wss://fstream.binance.com",
    rest_url="https://fapi.binance.com",
    frame_bytes_max=1_048_576,
    connection_age_max_s=23 * 3600.0,
    plans=plans,
    new_state=new_state,
    parse=parse,
    snapshot_path=snapshot_path,
    parse_snapshot=parse_snapshot,
)
