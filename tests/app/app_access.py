"""An App inside a test: started on a test's own topics, and always ended."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from monitor.app import App
from monitor.config import KafkaSettings, load_configuration
from tests.faults.daemon_process import configuration_text
from tests.topic_access import wait_until


class RunningApp:
    """An App and the task it runs in."""

    def __init__(self, app: App, path: Path) -> None:
        self.app = app
        self.path = path
        self.task = asyncio.create_task(app.run_until_stopped())

    async def ready(self) -> None:
        """Return when it is ready; raise what ended it before."""
        await wait_until(lambda: self.task.done() or self.app.vitals.health.is_ready, what="ready")
        if self.task.done():
            await self.task

    async def stop(self) -> None:
        """Stop it in order."""
        self.app.request_stop()
        await self.task

    def check(self, name: str) -> str:
        """Return the detail of a health check, or "" when it passes or is not known."""
        return next(
            (
                each.detail
                for each in self.app.vitals.health.checks()
                if each.name == name and not each.is_ok
            ),
            "",
        )


@contextlib.asynccontextmanager
async def running_app(
    settings: KafkaSettings,
    directory: Path,
    *,
    state: str = "state",
    create_topics: bool = False,
    redis_url: str = "",
    listen: str = "",
    more: str = "",
) -> AsyncIterator[RunningApp]:
    """Give an App that has been started on these topics, with its state below `directory`.

    `more`: configuration that follows `[http] listen`.
    """
    path = directory / f"{state}.toml"
    text = configuration_text(settings, directory / state, redis_url=redis_url, listen=listen)
    text += more
    path.write_text(text)
    configuration, text = load_configuration(path)
    app = App(configuration, text, path=path, create_topics=create_topics)
    running = RunningApp(app, path)
    try:
        yield running
    finally:
        if not running.task.done():
            app.request_stop()
        await asyncio.gather(running.task, return_exceptions=True)
