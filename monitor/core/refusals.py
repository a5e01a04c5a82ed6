"""What the engine could not apply, with its reason."""

import msgspec

from monitor.core.events import Event


class RefusedError(Exception):
    """An event cannot be applied; `reason` is a word of the quarantine's list."""

    def __init__(self, reason: str, detail: str) -> None:
        """Take the reason and what was expected and received."""
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """An event that the engine could not apply, or keeps back (`held`) until it can.

    `ordinal` counts all events ever given to the engine from 0; `index` is the place in the
    present batch, -1 if the event came in an earlier one; `cause` is the index of the event at
    which it was refused.
    """

    index: int
    cause: int
    ordinal: int
    reason: str
    detail: str
    held: bool
    event: Event


class Refusals:
    """Collects refusals until somebody takes them."""

    def __init__(self) -> None:
        """Begin empty."""
        self.batch_start = 0  # ordinal of the first event of the present batch
        self.cause = 0  # index of the event that is being applied
        self._refused: list[Refused] = []

    def note(
        self, ordinal: int, event: Event, reason: str, detail: str, *, held: bool = False
    ) -> None:
        """Note that an event was refused, or is kept back."""
        self._refused.append(
            Refused(
                index=max(-1, ordinal - self.batch_start),
                cause=self.cause,
                ordinal=ordinal,
                reason=reason,
                detail=detail,
                held=held,
                event=event,
            )
        )

    def take(self) -> list[Refused]:
        """Return what was noted since the last call."""
        refused, self._refused = self._refused, []
        return refused
