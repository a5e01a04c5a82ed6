"""The daemon: the composition root that wires every part, and its life from start to stop."""

from monitor.app.command import run
from monitor.app.daemon import App

__all__ = ["App", "run"]
