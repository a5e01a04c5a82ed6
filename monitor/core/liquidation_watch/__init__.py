"""Is the exchange's liquidation engine doing its job: one file a check, `watch.py` joins them.

Each check compares what the exchange did with our own margin state. Every check is off until its
limit is configured; what an execution cost is always measured. docs/model/liquidation_watch.md and
docs/model/execution.md.
"""

from monitor.core.liquidation_watch.waits import UnitKey
from monitor.core.liquidation_watch.watch import LiquidationWatch

__all__ = ["LiquidationWatch", "UnitKey"]
