"""The most urgent pools are read first."""

from fractions import Fraction

from monitor.core.settings import WithdrawalSettings
from monitor.core.view import RiskView
from monitor.core.withdrawals import Withdrawals
from monitor.exporter.readers import READERS


def test_a_gated_pool_comes_before_a_larger_haircut() -> None:
    pools = Withdrawals(WithdrawalSettings(gate_on=("race",), race_limit_ratio=0.0))
    for pool, haircut in (("A", 1), ("B", 9), ("C", 5)):
        pools.haircut_looms(pool, Fraction(haircut), {"ann": Fraction(haircut)}, 0)
    pools.left("ann", "C", Fraction(5), Fraction(2), 1)
    view = RiskView(pools=pools.views(2))
    read = {name: list(READERS[f"loss_monitor_{name}"](view)) for name in (
        "withdrawals_gated", "haircut_looming_usd", "withdrawal_race_shifted_usd",
        "withdrawal_race_exposed_usd",
    )}  # fmt: skip
    assert read == {
        "withdrawals_gated": [(("C",), 1.0), (("B",), 0.0), (("A",), 0.0)],
        "haircut_looming_usd": [(("C",), 5.0), (("B",), 9.0), (("A",), 1.0)],
        "withdrawal_race_shifted_usd": [(("C",), 3.0), (("B",), 0.0), (("A",), 0.0)],
        "withdrawal_race_exposed_usd": [(("C",), 2.0), (("B",), 9.0), (("A",), 1.0)],
    }
