"""The collateral pools: who is gated, and who runs while a haircut looms."""

import msgspec

from monitor.core.view import PoolView, RiskView


class WithdrawalsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Every pool with a gate or a run, as of `engine_ns`."""

    engine_ns: int
    pools: tuple[PoolView, ...]


def withdrawals_answer(view: RiskView) -> WithdrawalsAnswer:
    """Return the pools of a view."""
    return WithdrawalsAnswer(engine_ns=view.engine_ns, pools=view.pools)
