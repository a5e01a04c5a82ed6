"""The endpoints of the API: a table of addresses, with the records that they answer with."""

from typing import Any

import msgspec

from monitor.api.breaker_records import BreakersAnswer
from monitor.api.breaker_resets import ResetRecord, ResetRequest
from monitor.api.distances import DistancesAnswer
from monitor.api.funding import FundingAnswer
from monitor.api.liquidations import LiquidationsAnswer
from monitor.api.loss_at_risk import LossAtRiskAnswer
from monitor.api.oracle_records import OraclesAnswer
from monitor.api.records import (
    AccountsPage,
    BookAnswer,
    DecisionsPage,
    DeleveragingsAnswer,
    ErrorRecord,
    FundsAnswer,
    HealthRecord,
    InstrumentsAnswer,
    LadderAnswer,
    Status,
)
from monitor.api.shadow import SIDES, STRESSES, ShadowAnswer, ShadowSideAnswer
from monitor.api.waves import WavesAnswer
from monitor.api.withdrawals import WithdrawalsAnswer
from monitor.core.audit_view import AuditReport
from monitor.core.waterfall_ledger import WaterfallEpisode

JSON = "application/json"


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A query or path parameter."""

    name: str
    description: str
    schema: dict[str, Any]
    place: str = "query"


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One address; `answers` maps a status to the record and what it means.

    `body`: what a POST says; null: the address is read.
    """

    path: str
    summary: str
    answers: dict[int, tuple[type[msgspec.Struct] | None, str]]
    content_type: str = JSON
    parameters: tuple[Parameter, ...] = ()
    body: type[msgspec.Struct] | None = None


_LIMIT = Parameter(
    name="limit",
    description="How many at most.",
    schema={"type": "integer", "minimum": 1, "maximum": 500, "default": 50},
)
_STRESS = Parameter(
    name="stress",
    description="How far the mark is moved against the side; 0: its worst accounts.",
    schema={"type": "string", "enum": list(STRESSES), "default": STRESSES[0]},
)
_BAD_REQUEST = (ErrorRecord, "A parameter is not usable: what was expected and received.")

ENDPOINTS = (
    Endpoint(
        path="/metrics",
        summary="Metrics in the Prometheus text format.",
        answers={200: (None, "The text.")},
        content_type="text/plain",
    ),
    Endpoint(
        path="/livez",
        summary="Does the process work? If not, restart it.",
        answers={200: (HealthRecord, "It works."), 503: (HealthRecord, "It does not.")},
    ),
    Endpoint(
        path="/readyz",
        summary="Does the monitor do its whole job? If not, the reasons.",
        answers={200: (HealthRecord, "Ready."), 503: (HealthRecord, "Not ready.")},
    ),
    Endpoint(
        path="/v1/status",
        summary="The exchange and the daemon, summed up.",
        answers={200: (Status, "The sum.")},
    ),
    Endpoint(
        path="/v1/accounts",
        summary="Accounts at risk, worst first.",
        answers={200: (AccountsPage, "One page."), 400: _BAD_REQUEST},
        parameters=(
            _LIMIT,
            Parameter(
                name="offset",
                description="How many to pass over.",
                schema={"type": "integer", "minimum": 0, "default": 0},
            ),
            Parameter(
                name="state",
                description="Only accounts in this state.",
                schema={"enum": ["healthy", "margin_call", "liquidatable", "bankrupt", "unknown"]},
            ),
        ),
    ),
    Endpoint(
        path="/v1/accounts/{account}",
        summary="One account with its positions, as a line of accounts.ndjson.",
        answers={
            200: (None, "The account."),
            400: _BAD_REQUEST,
            404: (ErrorRecord, "Nobody knows this account."),
        },
        parameters=(
            Parameter(
                name="account",
                description="The account.",
                schema={"type": "string", "minLength": 1, "maxLength": 128},
                place="path",
            ),
        ),
    ),
    Endpoint(
        path="/v1/decisions",
        summary="The newest decisions, newest first, each with a sentence in plain words.",
        answers={200: (DecisionsPage, "One page."), 400: _BAD_REQUEST},
        parameters=(
            _LIMIT,
            Parameter(
                name="before",
                description="Only decisions with a lower number.",
                schema={"type": "integer", "minimum": 1},
            ),
            Parameter(
                name="type",
                description="Only decisions of this type.",
                schema={"type": "string"},
            ),
        ),
    ),
    Endpoint(
        path="/v1/instruments",
        summary="All instruments, largest open interest first.",
        answers={200: (InstrumentsAnswer, "The list.")},
    ),
    Endpoint(
        path="/v1/instruments/{instrument}/ladder",
        summary="How much becomes liquidatable as the mark of an instrument falls or rises.",
        answers={
            200: (LadderAnswer, "Its rungs, away from the mark, and when they were so."),
            404: (ErrorRecord, "No such instrument is listed."),
            503: (ErrorRecord, "No image of the book with this instrument has been taken yet."),
        },
        parameters=(
            Parameter(
                name="instrument",
                description="The instrument.",
                schema={"type": "string", "minLength": 1},
                place="path",
            ),
        ),
    ),
    Endpoint(
        path="/v1/book",
        summary="Sums over the whole book as of one moment: gains, losses, margin, distances.",
        answers={
            200: (BookAnswer, "The sums, and when they were so."),
            503: (ErrorRecord, "No image of the book has been taken yet."),
        },
    ),
    Endpoint(
        path="/v1/shadow",
        summary="What every deleveraging policy would take now, over the whole venue.",
        answers={
            200: (ShadowAnswer, "Totals by policy, and the worst sides."),
            400: _BAD_REQUEST,
            503: (ErrorRecord, "No shadow round has been worked out yet."),
        },
        parameters=(_STRESS,),
    ),
    Endpoint(
        path="/v1/shadow/{instrument}/{side}",
        summary="Who would pay for the worst accounts of a side, under every policy.",
        answers={
            200: (ShadowSideAnswer, "Every policy, with the largest payers."),
            400: _BAD_REQUEST,
            404: (ErrorRecord, "No such instrument or side, or nobody there can become bankrupt."),
            503: (ErrorRecord, "No shadow round has been worked out yet."),
        },
        parameters=(
            Parameter(
                name="instrument",
                description="The instrument.",
                schema={"type": "string", "minLength": 1},
                place="path",
            ),
            Parameter(
                name="side",
                description="The side of the would-be bankrupt.",
                schema={"type": "string", "enum": list(SIDES)},
                place="path",
            ),
            _STRESS,
        ),
    ),
    Endpoint(
        path="/v1/funding",
        summary="What the next funding payment takes from whom, and whom it makes liquidatable.",
        answers={
            200: (FundingAnswer, "The forecast, the instruments, the accounts hit hardest."),
            503: (ErrorRecord, "No funding forecast has been worked out yet."),
        },
    ),
    Endpoint(
        path="/v1/distances",
        summary="How far each side's price is from a socialized loss, the nearest first.",
        answers={
            200: (DistancesAnswer, "Every side that was looked at, and all marks at once."),
            503: (ErrorRecord, "No distance has been worked out yet."),
        },
    ),
    Endpoint(
        path="/v1/loss-at-risk",
        summary="What each insurance fund may not be able to pay within a horizon, how likely.",
        answers={
            200: (LossAtRiskAnswer, "All funds together, then each."),
            503: (ErrorRecord, "Too few paths have been run yet."),
        },
    ),
    Endpoint(
        path="/v1/funds",
        summary="All insurance funds.",
        answers={200: (FundsAnswer, "The list.")},
    ),
    Endpoint(
        path="/v1/oracles",
        summary="All indices, those that may not be used first, their sources, and what an error "
        "of each would do.",
        answers={200: (OraclesAnswer, "The lists.")},
    ),
    Endpoint(
        path="/v1/breakers",
        summary="All breakers: those not armed first, then those nearest to their limit.",
        answers={200: (BreakersAnswer, "The list.")},
    ),
    Endpoint(
        path="/v1/breakers/{breaker}/reset",
        summary="Arm a tripped or cooling breaker by hand, recorded with who and why.",
        answers={
            202: (ResetRecord, "Recorded; applied when it is read back."),
            400: _BAD_REQUEST,
            403: (None, "No token is configured, or a page of another origin asks: text."),
            404: (ErrorRecord, "No such breaker is configured."),
            503: (ErrorRecord, "The market topic did not take it in time."),
        },
        parameters=(
            Parameter(
                name="breaker",
                description="The `name` of a `[[breakers]]`.",
                schema={"type": "string", "minLength": 1, "maxLength": 64},
                place="path",
            ),
        ),
        body=ResetRequest,
    ),
    Endpoint(
        path="/v1/liquidations",
        summary="What the exchange's liquidation engine does, what it costs, and how fast it goes.",
        answers={200: (LiquidationsAnswer, "The newest view of it.")},
    ),
    Endpoint(
        path="/v1/waterfall/{episode}",
        summary="Who paid what in an episode: every layer, every shortfall, balanced exactly.",
        answers={
            200: (WaterfallEpisode, "The episode."),
            400: _BAD_REQUEST,
            404: (ErrorRecord, "The episode is unknown, had no shortfall, or is kept no more."),
        },
        parameters=(
            Parameter(
                name="episode",
                description="The `episode_id` of a `shortfall_incurred`.",
                schema={"type": "string", "minLength": 1, "maxLength": 1024},
                place="path",
            ),
        ),
    ),
    Endpoint(
        path="/v1/deleveragings/{liquidation}",
        summary="Why was I deleveraged: what the rule says, and what the venue did.",
        answers={
            200: (DeleveragingsAnswer, "The cases of the liquidation, oldest first."),
            400: _BAD_REQUEST,
            404: (ErrorRecord, "The liquidation is unknown, led to none, or is kept no more."),
        },
        parameters=(
            Parameter(
                name="liquidation",
                description="The `liquidation_id` of a plan or of a `deleveraging_filled`.",
                schema={"type": "string", "minLength": 1, "maxLength": 128},
                place="path",
            ),
            Parameter(
                name="account",
                description="Only what concerns this account.",
                schema={"type": "string"},
            ),
        ),
    ),
    Endpoint(
        path="/v1/audit",
        summary="What must be conserved over all accounts, and is it.",
        answers={
            200: (AuditReport, "Every sum that is watched, by check and scope."),
            503: (ErrorRecord, "The engine is not there yet."),
        },
    ),
    Endpoint(
        path="/v1/waves",
        summary="Shortfalls by wave: a pause of more than 5 s begins another.",
        answers={200: (WavesAnswer, "The newest 100, newest first.")},
    ),
    Endpoint(
        path="/v1/withdrawals",
        summary="Collateral pools that are gated, and the run on them while a haircut looms.",
        answers={200: (WithdrawalsAnswer, "The pools; none: nothing looms.")},
    ),
    Endpoint(
        path="/v1/stream",
        summary="Server-sent events: one `hello` with everything, then a `step` twice a second.",
        answers={200: (None, "The data of `hello` is a Hello, that of `step` a Step.")},
        content_type="text/event-stream",
    ),
    Endpoint(
        path="/v1/openapi.json",
        summary="This document.",
        answers={200: (None, "The document.")},
    ),
)
