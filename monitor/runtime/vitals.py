"""What every running part is given: a clock to read, and where to tell how it is."""

from dataclasses import dataclass, field

from monitor.runtime.clock import Clock
from monitor.runtime.health import Health
from monitor.runtime.measurements import Measurements


@dataclass(frozen=True, kw_only=True)
class Vitals:
    """The clock, the health checks and the measurements of one process."""

    clock: Clock = field(default_factory=Clock)
    health: Health = field(default_factory=Health)
    measurements: Measurements = field(default_factory=Measurements)
