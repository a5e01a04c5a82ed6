"""What every venue's file provides, and what its parser answers.

An adapter is one file of one shape: a table first (endpoint, channels, limits), then the
subscribe messages, then `parse(frame, state)`: a pure function, total over all bytes. Start with
`Adapter`; `pyth_hermes.py` is the shortest example.
"""

from collections.abc import Callable
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import msgspec

from monitor.config import FeedSettings
from monitor.core.events import Event

State = TypeVar("State")
Frame = TypeVar("Frame")

RefusalReason: TypeAlias = Literal[
    "not_json",  # no JSON document: a page of HTML, half a frame, bytes that are no text
    "unexpected_shape",  # JSON, but not in a form that this venue documents
    "bad_number",  # a number that is no finite decimal of at most 18 + 18 digits, or not positive
    "unknown_symbol",  # a symbol that was not subscribed
    "venue_error",  # the venue says that a request of ours was wrong
    "crossed_book",  # the best bid is above the best ask
    "sequence_gap",  # an update that this one builds on is missing
    "snapshot_too_old",  # a book snapshot from before the first update that we have
    "too_large",  # a frame above the adapter's bound
    "from_the_future",  # an event time too far ahead of the time of receipt
]


class Refusal(msgspec.Struct, frozen=True):
    """A frame, or a part of one, that cannot be used: expected .., received .."""

    reason: RefusalReason
    detail: str


class Ignored(msgspec.Struct, frozen=True):
    """A valid part of a frame that no event of ours expresses; `kind` is from a closed list."""

    kind: str


class SnapshotWanted(msgspec.Struct, frozen=True):
    """The parser needs the REST snapshot of `symbol`; asking twice does no harm."""

    symbol: str


Outcome: TypeAlias = Event | Refusal | Ignored | SnapshotWanted


class Parsed(msgspec.Struct, frozen=True):
    """What a frame says.

    `channel` is empty for control frames; `event_ns` is the venue's time of the frame: a channel
    whose times stand still is as silent as one without frames.
    """

    outcomes: list[Outcome]
    channel: str = ""
    event_ns: int = 0


class Heartbeat(msgspec.Struct, frozen=True):
    """A text that the venue wants to see every `interval_s` seconds."""

    interval_s: float
    text: str


class Plan(msgspec.Struct, frozen=True):
    """One connection of a feed: where to, what to say first, what must then keep arriving."""

    path: str
    messages: tuple[str, ...]
    required_channels: tuple[str, ...]


class Adapter(msgspec.Struct, Generic[State], frozen=True, kw_only=True):
    """A venue: constants, and pure functions.

    `url` and `rest_url` are the venue's own, without a path. `token_variable` names the
    environment variable with a bearer key (with `_FILE` appended: with the path of a file that
    holds it). `connection_age_max_s` is when a connection is renewed, before the venue cuts it.
    `new_state` is called for each connection. `snapshot_path` and `parse_snapshot` belong to
    venues whose book needs a REST snapshot.
    """

    url: str
    rest_url: str | None = None
    token_variable: str | None = None
    frame_bytes_max: int
    connection_age_max_s: float = float("inf")
    heartbeat: Heartbeat | None = None
    plans: Callable[[FeedSettings], list[Plan]]
    new_state: Callable[[FeedSettings], State]
    parse: Callable[[bytes, State], Parsed]
    snapshot_path: Callable[[str], str] | None = None
    parse_snapshot: Callable[[str, bytes, State], Parsed] | None = None


AnyAdapter: TypeAlias = Adapter[Any]


def decode(decoder: msgspec.json.Decoder[Frame], frame: bytes) -> Frame | Refusal:
    """Return the frame in the decoder's form, or why it has none; never raises."""
    try:
        return decoder.decode(frame)
    except msgspec.ValidationError as error:
        return Refusal("unexpected_shape", f"expected a documented frame, received {error}")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Refusal("not_json", f"expected JSON, received {error}")
    except RecursionError:
        return Refusal("not_json", "expected JSON, received a document nested too deeply")


def names_by_symbol(settings: FeedSettings) -> dict[str, str]:
    """Return our name for each of the venue's symbols.

    A symbol is configured as `BTCUSDT`, or as `BTCUSDT=BTC-PERPETUAL` where our instrument (or,
    for roles `reference` and `index` and for oracles, our index) has another name.
    """
    names = {}
    for entry in settings.symbols:
        symbol, _, name = entry.partition("=")
        names[symbol] = name or symbol
    return names
