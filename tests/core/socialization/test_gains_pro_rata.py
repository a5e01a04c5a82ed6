"""Charges add up to the loss, and nobody pays more than the gain."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.socialization.gains_pro_rata import METHOD
from monitor.core.socialization.loss import Bearer, Loss

GAINS = st.dictionaries(st.text("abcd", min_size=1, max_size=3), st.integers(0, 1_000))


def gains_pro_rata(loss: int, gains: dict[str, int]) -> dict[str, int]:
    """Return each account's charge, for gains in minor units."""
    bearers = tuple(Bearer(account=name, unrealized_pnl=gain) for name, gain in gains.items())
    return dict(METHOD.share(Loss(amount=loss, bearers=bearers, minor_unit=Fraction(1))).charges)


@given(st.integers(0, 5_000), GAINS)
def test_it_charges_the_loss_or_all_gains(loss: int, gains: dict[str, int]) -> None:
    charges = gains_pro_rata(loss, gains)
    assert sum(charges.values()) == min(loss, sum(gains.values()))
    assert all(0 < charge <= gains[name] for name, charge in charges.items())


@given(st.integers(1, 5_000), GAINS)
def test_a_charge_is_within_one_unit_of_its_share(loss: int, gains: dict[str, int]) -> None:
    charges = gains_pro_rata(loss, gains)
    total = sum(gains.values())
    for name, gain in gains.items():
        share = min(loss, total) * gain / total if total else 0
        assert abs(charges.get(name, 0) - share) < 1


def test_ties_of_the_last_unit_go_by_name() -> None:
    assert gains_pro_rata(1, {"bob": 1, "ann": 1}) == {"ann": 1}
