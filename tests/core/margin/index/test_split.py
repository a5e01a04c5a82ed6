"""Inside the guards no verdict changes; a split of a little more than the slack is caught."""

import pytest

from tests.core.margin.index.crowds import Crowd

UNITS, TRIALS = 3_000, 700


def test_no_verdict_changes_inside_the_guards() -> None:
    changed, looked = Crowd(UNITS, 1).changed_inside(TRIALS)
    assert looked > 2_000_000
    assert changed == 0


@pytest.mark.parametrize("share", [1.02, 2.0], ids=["102 % of the slack", "half the sensitivity"])
def test_a_split_of_more_than_the_slack_is_caught(share: float) -> None:
    changed, _ = Crowd(UNITS, 2, share=share).changed_inside(20)
    assert changed > 100
