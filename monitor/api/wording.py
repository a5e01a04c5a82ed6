"""Decisions in plain words: one sentence each, for the console and for people who read logs."""

from collections.abc import Sequence
from decimal import Decimal
from functools import singledispatch

from monitor.core import decisions
from monitor.core.view import LOWEST_LIMITS

NAMES_SHOWN = 3
_STATE_WORDS: dict[type[decisions.AccountDecision], str] = {
    decisions.AccountMarginCalled: "is called for margin",
    decisions.AccountLiquidatable: "can be liquidated",
    decisions.AccountBankrupt: "is bankrupt",
    decisions.AccountRecovered: "is healthy again",
}
_ACTION_WORDS = {
    "halt": "halt trading",
    "price_band": "hold prices in the band",
    "reduce_only": "let positions only shrink",
    "margin_multiplier": "raise margin",
    "withdrawals_gate": "stop withdrawals",
    "notify": "notify",
}


def describe(decision: decisions.Decision) -> str:
    """Return what a decision says, with what qualifies it."""
    words = _words(decision)
    if decision.suspect:
        words += " (suspect: an event of the account is missing)"
    if decision.caught_up:
        words += " (found when the monitor caught up)"
    return words


def describe_many(group: Sequence[decisions.Decision]) -> str:
    """Return one sentence for decisions of one kind; that of the decision if it is alone."""
    return describe(group[0]) if len(group) == 1 else _words_of_many(group[0], group)


@singledispatch
def _words_of_many(first: decisions.Decision, group: Sequence[decisions.Decision]) -> str:
    del first
    return f"{len(group)} times: {describe(group[-1])}"


@_words_of_many.register
def _accounts(first: decisions.AccountDecision, group: Sequence[decisions.Decision]) -> str:
    return f"{len(group)} accounts {_plural(first)}: {_names(group)}"


@_words_of_many.register
def _shortfalls(_: decisions.ShortfallIncurred, group: Sequence[decisions.Decision]) -> str:
    return f"{len(group)} shortfalls, together {_amounts(group)}: {_names(group)}"


@_words_of_many.register
def _vault_draws(_: decisions.LiquidatorVaultDrawn, group: Sequence[decisions.Decision]) -> str:
    return f"Vaults pay {_amounts(group, 'paid')} of {_amounts(group)} asked for {len(group)} times"


@_words_of_many.register
def _draws(_: decisions.InsuranceFundDrawn, group: Sequence[decisions.Decision]) -> str:
    return f"Funds pay {_amounts(group, 'paid')} of {_amounts(group)} asked for {len(group)} times"


@_words_of_many.register
def _credits(_: decisions.InsuranceFundCredited, group: Sequence[decisions.Decision]) -> str:
    return f"Funds gain {_amounts(group)} in {len(group)} liquidations"


@_words_of_many.register
def _plans(_: decisions.DeleveragingPlanned, group: Sequence[decisions.Decision]) -> str:
    return f"{len(group)} deleveraging plans, together for {_amounts(group)}"


@_words_of_many.register
def _spreads(_: decisions.LossSocialized, group: Sequence[decisions.Decision]) -> str:
    return f"{len(group)} losses, together {_amounts(group)}, are spread over other accounts"


@_words_of_many.register
def _gates(_: decisions.WithdrawalsGated, group: Sequence[decisions.Decision]) -> str:
    return f"Withdrawals should stop in {len(group)} collateral pools"


@_words_of_many.register
def _releases(_: decisions.WithdrawalsReleased, group: Sequence[decisions.Decision]) -> str:
    return f"Withdrawals may go on in {len(group)} collateral pools"


def _plural(decision: decisions.AccountDecision) -> str:
    words = _STATE_WORDS[type(decision)]
    return f"are {words[3:]}" if words.startswith("is ") else words


def _names(group: Sequence[decisions.Decision]) -> str:
    names = sorted({str(getattr(decision, "account", "")) for decision in group})
    named = ", ".join(names[:NAMES_SHOWN])
    return named + (f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else "")


def _amounts(group: Sequence[decisions.Decision], field: str = "amount") -> str:
    """Return the sum of one amount of each, asset by asset."""
    sums: dict[str, Decimal] = {}
    for decision in group:
        asset = str(getattr(decision, "asset", ""))
        sums[asset] = sums.get(asset, Decimal(0)) + Decimal(getattr(decision, field))
    return " and ".join(money(str(amount), asset) for asset, amount in sorted(sums.items()))


def money(amount: str | None, asset: str = "USD") -> str:
    """Return an amount for reading: `1,234.50 USDT`; small amounts keep four digits."""
    if amount is None:
        return "an unknown amount"
    value = Decimal(amount)
    places = 0 if abs(value) >= 10_000 else 2 if abs(value) >= 1 or not value else 6
    text = f"{value:,.{places}f}"
    return f"{text} {asset}".rstrip()


def percent(ratio: str | None) -> str:
    """Return a ratio for reading: `12.5 %`."""
    return "unknown" if ratio is None else f"{Decimal(ratio) * 100:.1f} %"


@singledispatch
def _words(decision: decisions.Decision) -> str:
    words = decision.kind.replace("_", " ").capitalize()
    subject = [part for part in decision.subject if part]
    return f"{words}: {', '.join(subject)}" if subject else words


@_words.register
def _account(decision: decisions.AccountDecision) -> str:
    unit = f" on {decision.instrument}" if decision.instrument else ""
    words = f"{decision.account} {_STATE_WORDS[type(decision)]}{unit}: "
    words += f"equity {money(decision.equity)}, "
    words += f"maintenance {money(decision.maintenance_margin)}"
    if decision.margin_ratio is not None:
        words += f", margin ratio {percent(decision.margin_ratio)}"
    return words


@_words.register
def _shortfall(decision: decisions.ShortfallIncurred) -> str:
    return (
        f"{decision.account} leaves a shortfall of {money(decision.amount, decision.asset)} "
        f"on {decision.instrument}"
    )


@_words.register
def _gated(decision: decisions.WithdrawalsGated) -> str:
    return f"Withdrawals of {decision.pool} should stop: {decision.reason}"


@_words.register
def _released(decision: decisions.WithdrawalsReleased) -> str:
    return f"Withdrawals of {decision.pool} may go on"


@_words.register
def _vault_drawn(decision: decisions.LiquidatorVaultDrawn) -> str:
    words = f"Vault {decision.account} pays {money(decision.paid, decision.asset)}"
    if Decimal(decision.uncovered) > 0:
        words += f"; {money(decision.uncovered, decision.asset)} stay uncovered"
    return words


@_words.register
def _drawn(decision: decisions.InsuranceFundDrawn) -> str:
    words = f"Fund {decision.fund} pays {money(decision.paid, decision.asset)}"
    if Decimal(decision.uncovered) > 0:
        words += f"; {money(decision.uncovered, decision.asset)} stay uncovered"
    return words


@_words.register
def _credited(decision: decisions.InsuranceFundCredited) -> str:
    return f"Fund {decision.fund} gains {money(decision.amount, decision.asset)}"


@_words.register
def _deleveraging(decision: decisions.DeleveragingPlanned) -> str:
    count = len(decision.reductions)
    accounts = "1 account" if count == 1 else f"{count} accounts"
    words = (
        f"Deleverage {accounts} {decision.side} {decision.instrument} "
        f"for {money(decision.taken, decision.asset)} ({decision.policy})"
    )
    if Decimal(decision.left) > 0:
        words += f"; {money(decision.left, decision.asset)} are left"
    return words


@_words.register
def _socialized(decision: decisions.LossSocialized) -> str:
    count = len(decision.accounts)
    accounts = "1 account" if count == 1 else f"{count:,} accounts"
    words = f"{money(decision.amount, decision.asset)} are spread over {accounts}"
    if Decimal(decision.left) > 0:
        words += f"; {money(decision.left, decision.asset)} could not be charged to anyone"
    return words


@_words.register
def _tripped(decision: decisions.BreakerTripped) -> str:
    asked = decision.dry_run_action or decision.action
    action = _ACTION_WORDS.get(asked, asked)
    if decision.dry_run_action is not None:
        action = f"on trial, would {action}"
    measured, limit = (in_unit(each, decision.unit) for each in (decision.measured, decision.limit))
    lowest = "lowest " if decision.rule in LOWEST_LIMITS else "limit "
    told = f"measured {measured}, {lowest}{limit}"
    if decision.rule == "price_band_log_normal":
        told = f"trade at {measured}, bound {limit}"
    return f"Breaker {decision.breaker} trips on {decision.scope}: {told}: {action}"


def in_unit(text: str, unit: str) -> str:
    """Return a measure or a limit for reading: `12.5 %`, `300`, `1,000 USD`."""
    if unit == "ratio":
        return percent(text)
    if unit == "usd":
        return money(text, "USD")
    return f"{text} s" if unit == "s" else text


@_words.register
def _cooling(decision: decisions.BreakerCooling) -> str:
    words = f"Breaker {decision.breaker} cools on {decision.scope}"
    if decision.extended:
        words += f", after {decision.extended} extension{'s' * (decision.extended > 1)}"
    return words


@_words.register
def _rearmed(decision: decisions.BreakerRearmed) -> str:
    words = f"Breaker {decision.breaker} is armed again on {decision.scope}"
    return words + (f", reset by {decision.by}" if decision.by else "")


@_words.register
def _gap(decision: decisions.StreamGapDetected) -> str:
    return (
        f"An event of {decision.account} is missing: expected number {decision.expected}, "
        f"received {decision.received}"
    )


@_words.register
def _conservation(decision: decisions.ConservationViolated) -> str:
    return f"{decision.check} does not hold for {decision.scope}: {decision.difference} too much"


@_words.register
def _oracle_rejected(decision: decisions.OracleRejected) -> str:
    reason = decision.reason.replace("_", " ")
    return f"Oracle {decision.oracle} is not used for {decision.index}: {reason}"


@_words.register
def _oracle_restored(decision: decisions.OracleRestored) -> str:
    return f"Oracle {decision.oracle} is used again for {decision.index}"
