"""Inside the guards no verdict changes; a split of a little more than the slack is caught.

LOSS_MONITOR_SOAK=1 looks at more than ten million pairs of a unit and prices, of eight crowds.
"""

import os

import pytest

from tests.core.margin.index.crowds import Crowd

SOAK = os.environ.get("LOSS_MONITOR_SOAK") == "1"
SEEDS, PAIRS = (range(10, 18), 10_000_000) if SOAK else (range(10, 12), 1_000_000)
UNITS = 3_000
TRIALS = -(-PAIRS // (UNITS * len(SEEDS)))


@pytest.mark.timeout(1_200)
def test_no_verdict_changes_inside_the_guards() -> None:
    looked = 0
    for seed in SEEDS:
        changed, own = Crowd(UNITS, seed).changed_inside(TRIALS)
        assert changed == 0, f"crowd {seed}"
        looked += own
    assert looked >= PAIRS


@pytest.mark.parametrize("share", [1.02, 2.0], ids=["102 % of the slack", "half the sensitivity"])
def test_a_split_of_more_than_the_slack_is_caught(share: float) -> None:
    changed, _ = Crowd(UNITS, 2, share=share).changed_inside(20)
    assert changed > 100
