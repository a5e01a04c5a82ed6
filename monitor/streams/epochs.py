"""Whose records count: the one rule that makes a second writer harmless.

Every start appends `leader_started` with the next epoch. What carries a lower epoch after it is
void, for the old writer, for recovery and for every receiver. Two writers that chose the same
epoch: the first in the log has it. The log alone decides.
"""

from monitor.streams.codec import LeaderStarted


class EpochGuard:
    """The epoch in force at a place in the log, moved on record by record."""

    def __init__(self, epoch: int = 0, *, instance: str = "") -> None:
        self.epoch = epoch
        self.instance = instance

    def admits(self, epoch: int) -> bool:
        """Return whether a record with this epoch counts here."""
        return epoch >= self.epoch

    def leader_started(self, record: LeaderStarted) -> bool:
        """Take in a `leader_started`; return whether its writer leads from here on."""
        if record.epoch <= self.epoch:
            return False
        self.epoch = record.epoch
        self.instance = record.instance
        return True
