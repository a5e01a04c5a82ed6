"""The configuration file again, while running: all of it or nothing.

A file that cannot be used leaves the old configuration in force and says so. A good one becomes
a `configuration_changed` event: it takes effect at one place of the log, and replays there.
"""

import asyncio
import os

import structlog

from monitor.config import (
    Configuration,
    ConfigurationError,
    configuration_hash,
    load_configuration,
)
from monitor.core.events import ConfigurationChanged
from monitor.runtime.inbox import Inbox
from monitor.runtime.vitals import Vitals
from monitor.streams.batch import Item

# What the parts read once, when they are made.
SECTIONS_OF_THE_START = ("service", "kafka", "redis", "http", "feeds", "webhooks")
SUCCESS = "loss_monitor_config_last_reload_successful"
SUCCESS_TIME = "loss_monitor_config_last_reload_success_timestamp_seconds"

log = structlog.get_logger(__name__)


class Reloader:
    """Reads the file that the daemon was started with; `path` None: there is none to read."""

    def __init__(
        self,
        configuration: Configuration,
        path: str | os.PathLike[str] | None,
        *,
        inbox: Inbox[Item],
        vitals: Vitals,
    ) -> None:
        self.configuration = configuration
        self._path = path
        self._inbox = inbox
        self._vitals = vitals
        self._succeeded()

    async def reload(self) -> bool:
        """Load the file and put its configuration into force; return whether that worked."""
        if self._path is None:
            log.warning("reload_refused", reason="expected a configuration file, received none")
            return False
        try:
            configuration, text = await asyncio.to_thread(load_configuration, self._path)
        except ConfigurationError as error:
            self._vitals.measurements.set_to(SUCCESS, 0)
            log.warning("reload_refused", reason=str(error), in_force="the old configuration")
            return False
        for section in SECTIONS_OF_THE_START:
            if getattr(configuration, section) != getattr(self.configuration, section):
                log.warning("reload_needs_restart", section=section)
        self.configuration = configuration
        await self._inbox.put(
            ConfigurationChanged(
                event_ns=self._vitals.clock.now_ns(), hash=configuration_hash(text), text=text
            )
        )
        self._succeeded()
        log.info("reloaded", path=str(self._path), hash=configuration_hash(text))
        return True

    def _succeeded(self) -> None:
        self._vitals.measurements.set_to(SUCCESS, 1)
        self._vitals.measurements.set_to(SUCCESS_TIME, self._vitals.clock.now_ns() / 1e9)
