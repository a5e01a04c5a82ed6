"""What a feed has done so far: plain counts that the daemon turns into metrics and status."""

import msgspec

from monitor.runtime.measurements import Measurements

SAMPLE_CHARACTERS_MAX = 200


class FeedStatistics(msgspec.Struct, kw_only=True):
    """Counts of one feed since the start of the process; one writer, any number of readers.

    `events`: what the frames said; `events_coalesced`: of these, prices merged into a newer one
    before they were published; `events_dropped`: trades that found the queue full.
    `refusals` and `ignored` count frames or parts of frames by reason, from closed lists;
    `samples` holds the start of the last refused frame for each reason.
    `last_frame_ns`: when the last valid frame was received; `last_event_ns`: the largest
    event time published.
    """

    feed: str
    lost: bool = False
    connections: int = 0
    reconnects: int = 0
    connection_failures: int = 0
    frames: int = 0
    frame_bytes: int = 0
    events: int = 0
    events_published: int = 0
    events_coalesced: int = 0
    events_dropped: int = 0
    snapshots_requested: int = 0
    snapshot_failures: int = 0
    last_frame_ns: int = 0
    last_event_ns: int = 0
    refusals: dict[str, int] = {}
    samples: dict[str, str] = {}
    ignored: dict[str, int] = {}

    def refuse(self, reason: str, detail: str, frame: bytes) -> None:
        """Count a refused frame and keep what was wrong with it, and its start, as the sample."""
        self.refusals[reason] = self.refusals.get(reason, 0) + 1
        start = ascii(frame[:SAMPLE_CHARACTERS_MAX])
        self.samples[reason] = f"{detail}; frame begins {start}"[: 2 * SAMPLE_CHARACTERS_MAX]

    def ignore(self, kind: str) -> None:
        """Count a valid frame that no event of ours can express."""
        self.ignored[kind] = self.ignored.get(kind, 0) + 1

    def write_to(self, measurements: Measurements) -> None:
        """Write the counts to the feed's metrics; a time only once there is one."""
        if self.last_frame_ns:
            name = "loss_monitor_feed_last_event_timestamp_seconds"
            measurements.set_to(name, self.last_frame_ns / 1e9, self.feed)
        for name, value in (
            ("loss_monitor_feed_events_total", self.events),
            ("loss_monitor_feed_refused_total", sum(self.refusals.values())),
            ("loss_monitor_feed_coalesced_total", self.events_coalesced),
            ("loss_monitor_feed_dropped_total", self.events_dropped),
            ("loss_monitor_feed_reconnects_total", self.reconnects),
        ):
            measurements.set_to(name, value, self.feed)
