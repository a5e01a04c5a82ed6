"""What /v1/breakers answers, as a record."""

from monitor.api.records import BreakerRecord, Record


class BreakersAnswer(Record, frozen=True, kw_only=True):
    """All breakers: those not armed first, then those nearest to their limit."""

    breakers: list[BreakerRecord]
