"""Cases of deleveraging are kept up to a declared number of lines; sums stay whole beyond it."""

from fractions import Fraction

import msgspec
import pytest

from monitor.core import deleveraging_case, deleveraging_ledger
from monitor.core.deleveraging_case import (
    CaseKey,
    DeleveragingFill,
    ExpectedClose,
    ExpectedReduction,
)
from monitor.core.deleveraging_ledger import DeleveragingLedger


def expected(*sizes: str, accounts: int | None = None) -> ExpectedClose:
    """Return a plan that takes such sizes from w0, w1, and so on."""
    return ExpectedClose(
        origin="shortfall", engine_ns=1, events_given=1, trigger_ns=1, policy="queue-bitmex",
        unit="contracts", price="95", mark_price="80", asset="USD", amount="30", amount_usd="30",
        contracts="2", accounts=len(sizes) if accounts is None else accounts,
        reductions=tuple(
            ExpectedReduction(
                account=f"w{n}", size=size, amount="15", score="1", rank=n + 1, light=5
            )
            for n, size in enumerate(sizes)
        ),
    )  # fmt: skip


def fill(account: str, size: str = "1") -> DeleveragingFill:
    return DeleveragingFill(
        account=account, event_ns=5, size=size, price="95", mark_price="80", given_up_usd="15",
        hedge_broken_usd="0",
        price_worse_by="0", after_ns=4,
    )  # fmt: skip


def key(liquidation: str) -> CaseKey:
    return (liquidation, "lea", "X", "short")


def test_a_fill_belongs_to_the_newest_plan_of_its_close() -> None:
    ledger = DeleveragingLedger()
    ledger.open(key("L1"), expected("1"))
    ledger.open(key("L1"), expected("2"))
    ledger.open(("L1", "max", "X", "short"), expected("3"))
    ledger.fill(key("L1"), fill("w0"), Fraction(15))
    assert [len(case.fills) for case in ledger.of("L1")] == [0, 1, 0]
    assert ledger.expected(("L1", "lea", "Y", "short")) is None


def test_legs_of_one_account_count_together() -> None:
    ledger = DeleveragingLedger()
    plan = expected("1", "1")
    legs = tuple(msgspec.structs.replace(one, account="w0") for one in plan.reductions)
    ledger.open(key("L1"), msgspec.structs.replace(plan, reductions=legs))
    ledger.fill(key("L1"), fill("w0", "2"), Fraction(30))
    (case,) = ledger.of("L1")
    assert case.review is not None
    assert (case.review.skipped, case.review.wrongly_chosen) == ((), ())


def test_the_oldest_cases_are_forgotten_first_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deleveraging_ledger, "LINES_MAX", 6)
    ledger = DeleveragingLedger()
    ledger.open(key("L1"), expected("1"))
    ledger.open(key("L1"), expected("1"))
    ledger.open(key("L2"), expected("1"))
    assert (len(ledger.export_state()["cases"]), ledger.lines) == (3, 6)
    ledger.open(key("L3"), expected())
    assert (len(ledger.export_state()["cases"]), ledger.lines, ledger.forgotten) == (3, 5, 1)
    assert len(ledger.of("L1")) == 1
    ledger.fill(key("L2"), fill("w0"), Fraction(15))
    assert ledger.of("L1") == ()
    assert (len(ledger.export_state()["cases"]), ledger.lines, ledger.forgotten) == (2, 5, 2)


def test_the_newest_case_stays_however_large_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deleveraging_ledger, "LINES_MAX", 1)
    ledger = DeleveragingLedger()
    ledger.open(key("L1"), expected("1", "1"))
    assert len(ledger.export_state()["cases"]) == 1


def test_of_very_many_fills_the_oldest_are_in_the_sums_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deleveraging_case, "FILLS_MAX", 2)
    monkeypatch.setattr(deleveraging_case, "ACCOUNTS_MAX", 2)
    ledger = DeleveragingLedger()
    ledger.open(key("L1"), expected("1", "1"))
    for name in ("w0", "w1", "w0"):
        ledger.fill(key("L1"), fill(name), Fraction(15))
    (case,) = ledger.of("L1")
    assert case.review is not None
    assert (len(case.fills), case.fills_left_out, case.review.taken_contracts) == (2, 1, "3")
    assert case.review.wrongly_chosen is not None
    assert [one.account for one in case.review.wrongly_chosen] == ["w0"]
    ledger.fill(key("L1"), fill("w2"), None)
    (case,) = ledger.of("L1")
    assert case.review is not None
    assert (case.review.skipped, case.review.given_up_usd) == (None, None)
    restored = DeleveragingLedger.from_state(ledger.export_state())
    assert restored.of("L1") == ledger.of("L1")
    assert (restored.lines, restored.export_state()) == (ledger.lines, ledger.export_state())


def test_a_plan_with_more_accounts_than_are_kept_calls_nobody_wrong() -> None:
    ledger = DeleveragingLedger()
    ledger.open(key("L1"), expected("1", accounts=2))
    ledger.fill(key("L1"), fill("somebody"), Fraction(15))
    (case,) = ledger.of("L1")
    assert case.review is not None
    assert (case.review.skipped, case.review.wrongly_chosen) == (None, None)
