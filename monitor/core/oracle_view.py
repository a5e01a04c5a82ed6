"""What outsiders read of oracles and indices: the records of a view."""

import msgspec


class OracleView(msgspec.Struct, frozen=True, kw_only=True):
    """One oracle for one index; `deviation_ratio` is against the index in force.

    `mark_deviation_ratio`: against the mark furthest from it, of the index's instruments;
    `confidence_ratio`: its interval / its price; `is_live`: it is (part of) the price in force;
    `ignored`: reports that were not taken, by reason.
    """

    oracle: str
    index: str
    price: float
    deviation_ratio: float | None
    published_ns: int
    mark_deviation_ratio: float | None = None
    confidence_ratio: float | None = None
    received_ns: int = 0
    validity: str = "valid"
    reason: str = "valid"
    since_ns: int = 0
    allowed: tuple[str, ...] = ()
    is_live: bool = False
    ignored: dict[str, int] = {}


class IndexView(msgspec.Struct, frozen=True, kw_only=True):
    """One index: its price, what that may be used for, and who makes it.

    `live`: the source whose price it is, `aggregate` of several; `fit_sources` of `quorum` needed;
    `quorum_left`: how many more may fail, negative while too few are fit.
    """

    index: str
    price: float | None
    stable_price: float | None
    priced_by: str
    live: str | None
    validity: str
    reason: str
    since_ns: int
    allowed: tuple[str, ...]
    fit_sources: int
    quorum: int
    confidence_ratio: float | None
    published_ns: int

    @property
    def quorum_left(self) -> int:
        """Return how many more sources may fail; negative: so many are missing."""
        return self.fit_sources - self.quorum


class IndexErrorView(msgspec.Struct, frozen=True, kw_only=True):
    """What would become liquidatable if an index were wrong by `error_ratio`, down and up.

    Margin units with a position that are not liquidatable now, and their notional at the present
    prices; `undecided`: so near to the boundary that floats cannot say, counted in neither.
    """

    error: str
    error_ratio: float
    units_down: int
    notional_down_usd: float
    units_up: int
    notional_up_usd: float
    undecided: int

    @property
    def units(self) -> int:
        """Return the larger of the two numbers of units."""
        return max(self.units_down, self.units_up)

    @property
    def notional_usd(self) -> float:
        """Return the larger of the two notionals."""
        return max(self.notional_down_usd, self.notional_up_usd)


class IndexSensitivity(msgspec.Struct, frozen=True, kw_only=True):
    """What an index can do to the book, as of the image of `as_of_ns`."""

    index: str
    as_of_ns: int
    errors: tuple[IndexErrorView, ...]
