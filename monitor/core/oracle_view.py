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
