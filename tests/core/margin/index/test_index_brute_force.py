"""The short form of `bench.brute_force`; `make soak` runs the full one."""

import pytest

from bench.brute_force import Watched, WrongError, check_sequence, check_streams


@pytest.mark.parametrize("full", [False, True], ids=["linear", "every margin rule"])
def test_no_wrong_verdict_and_no_missed_crossing(full: bool) -> None:
    figures = {figure.name: figure.value for figure in check_streams(3_000, "small", full=full)}
    prefix = "full_margin_" if full else ""
    assert figures[f"{prefix}wrong_verdicts"] == 0
    assert figures[f"{prefix}gap_changes_checked"] > 2_000
    assert figures[f"{prefix}ends_checked"] > 20


@pytest.mark.parametrize("full", [False, True], ids=["linear", "every margin rule"])
def test_changes_are_those_of_a_rescan_after_each_tick(full: bool) -> None:
    figures = {figure.name: figure.value for figure in check_sequence(3_000, 3_000, full=full)}
    prefix = "full_margin_" if full else ""
    assert figures[f"{prefix}sequence_differences"] == 0
    assert figures[f"{prefix}sequence_changes"] > 100


def test_guards_that_lie_too_far_off_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_far(self: Watched) -> None:
        self.index.columns.rules["share"] = 3.0
        self.index.rescan()

    make = Watched.__init__

    def make_wrong(self: Watched, accounts: int, *, full: bool) -> None:
        make(self, accounts, full=full)
        too_far(self)

    monkeypatch.setattr(Watched, "__init__", make_wrong)
    with pytest.raises(WrongError, match="changes of state differ"):
        list(check_sequence(3_000, 3_000, full=True))
    with pytest.raises(WrongError, match="wrong verdicts"):
        list(check_streams(3_000, "small", full=False))


def test_an_end_of_a_liquidation_that_nobody_reported_is_found_out() -> None:
    watched = Watched(20_000, full=False)
    for unit in watched.ending.tolist():
        watched.index.set_ending(unit, ending=False)
    watched.index.rescan()

    def fall_slowly() -> None:
        for _ in range(20):
            watched.take(watched.index.move(watched.book.marks, watched.prices() * 0.99))
            watched.check()

    with pytest.raises(WrongError, match="ends of liquidations missed"):
        fall_slowly()
