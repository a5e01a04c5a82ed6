"""The collateral pools as the API tells them."""

from fractions import Fraction

from monitor.api.withdrawals import withdrawals_answer
from monitor.core.settings import WithdrawalSettings
from monitor.core.view import RiskView
from monitor.core.withdrawals import Withdrawals


def test_a_pool_is_told_with_its_gate_and_its_runners() -> None:
    pools = Withdrawals(WithdrawalSettings(gate_on=("insolvency",), cool_off_s=2.0))
    pools.haircut_looms("USD", Fraction(9), {"ann": Fraction(7)}, 1)
    pools.requested("ann", "USD", Fraction(4), 2)
    answer = withdrawals_answer(RiskView(engine_ns=3, pools=pools.views(3)))
    (pool,) = answer.pools
    assert (answer.engine_ns, pool.reason, pool.release_ns) == (3, "insolvency", 2_000_000_001)
    assert [(one.account, one.charged_usd, one.requested_usd) for one in pool.runners] == [
        ("ann", "7", "4")
    ]
