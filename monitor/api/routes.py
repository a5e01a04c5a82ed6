"""Every address of the API. Handlers read; what is written becomes an event of the market topic."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from monitor.api.breaker_records import BreakersAnswer
from monitor.api.breaker_resets import PATH, NotRecordedError, UnknownBreakerError, read_reset
from monitor.api.console_files import console_routes
from monitor.api.deleveragings import deleveragings_answer
from monitor.api.desk import Desk
from monitor.api.distances import distances_answer
from monitor.api.funding import funding_answer
from monitor.api.guard import Guard
from monitor.api.history import STATES
from monitor.api.liquidations import liquidations_answer
from monitor.api.loss_at_risk import loss_at_risk_answer
from monitor.api.openapi import openapi_document
from monitor.api.oracle_presenting import oracles_answer
from monitor.api.parameters import (
    BadRequest,
    choice,
    integer,
    path_text,
    query_text,
    refuse_unknown,
)
from monitor.api.presenting import (
    account_record,
    book_answer,
    breaker_record,
    check_records,
    decision_record,
    fund_record,
    instrument_record,
    ladder_answer,
    ranked_accounts,
)
from monitor.api.records import (
    AccountsPage,
    DecisionsPage,
    ErrorRecord,
    FundsAnswer,
    HealthRecord,
    InstrumentsAnswer,
)
from monitor.api.shadow import SIDES, STRESSES, shadow_answer, shadow_side_answer
from monitor.api.stream import StreamHub, StreamResponse
from monitor.api.waves import waves_answer
from monitor.api.withdrawals import withdrawals_answer
from monitor.core.decisions import DECISIONS
from monitor.core.events import snake_case
from monitor.core.shadow_view import Shadow

_Found = TypeVar("_Found")

PAGE_DEFAULT = 50
PAGE_MAX = 500
NUMBER_MAX = 2**63 - 1
ACCOUNT_LENGTH_MAX = 128
EPISODE_LENGTH_MAX = 1_024
LIQUIDATION_LENGTH_MAX = 128
DECISION_KINDS = frozenset(snake_case(kind.__name__) for kind in DECISIONS)


def json_response(answer: msgspec.Struct | dict[str, Any], *, status: int = 200) -> Response:
    """Return a record as JSON."""
    return Response(msgspec.json.encode(answer), status_code=status, media_type="application/json")


class Api:
    """The handlers, around one desk and one stream hub."""

    def __init__(self, desk: Desk, hub: StreamHub) -> None:
        self._desk = desk
        self._source = desk.source
        self._hub = hub

    def routes(self) -> list[Route]:
        """Return every route of the API, without the console's files."""
        handlers = {
            "/metrics": self.metrics,
            "/livez": self.livez,
            "/readyz": self.readyz,
            "/v1/status": self.status,
            "/v1/accounts": self.accounts,
            "/v1/accounts/{account:path}": self.account,
            "/v1/decisions": self.decisions,
            "/v1/instruments": self.instruments,
            "/v1/instruments/{instrument:path}/ladder": self.ladder,
            "/v1/book": self.book,
            "/v1/shadow": self.shadow,
            "/v1/shadow/{instrument:path}/{side}": self.shadow_side,
            "/v1/funding": self.funding,
            "/v1/distances": self.distances,
            "/v1/loss-at-risk": self.loss_at_risk,
            "/v1/funds": self.funds,
            "/v1/breakers": self.breakers,
            "/v1/liquidations": self.liquidations,
            "/v1/oracles": self.oracles,
            "/v1/waterfall/{episode:path}": self.waterfall,
            "/v1/deleveragings/{liquidation:path}": self.deleveragings,
            "/v1/audit": self.audit,
            "/v1/waves": self.waves,
            "/v1/withdrawals": self.withdrawals,
            "/v1/openapi.json": self.openapi,
        }
        routes = [Route(path, handler) for path, handler in handlers.items()]
        routes.append(Route(PATH, self.reset_breaker, methods=["POST"]))
        return [*routes, Route("/v1/stream", Streaming(self._hub), methods=["GET"])]

    async def metrics(self, request: Request) -> Response:
        """Return what Prometheus scrapes."""
        del request
        content_type, text = await self._source.metrics()
        return Response(text, headers={"content-type": content_type})

    async def livez(self, request: Request) -> Response:
        """Return 200 while the process works; restart it otherwise."""
        refuse_unknown(request, ())
        return self._health(is_ok=self._source.health.is_live)

    async def readyz(self, request: Request) -> Response:
        """Return 200 while the monitor does its whole job, else 503 with the reasons."""
        refuse_unknown(request, ())
        return self._health(is_ok=self._source.health.is_ready)

    async def status(self, request: Request) -> Response:
        """Return the exchange and the daemon, summed up."""
        refuse_unknown(request, ())
        return json_response(self._desk.status())

    async def accounts(self, request: Request) -> Response:
        """Return accounts at risk, worst first."""
        refuse_unknown(request, ("limit", "offset", "state"))
        limit = integer(request, "limit", PAGE_DEFAULT, low=1, high=PAGE_MAX) or PAGE_DEFAULT
        offset = integer(request, "offset", 0, low=0, high=NUMBER_MAX) or 0
        state = choice(request, "state", STATES)
        ranked = [
            (rank, account)
            for rank, account in ranked_accounts(self._source.view())
            if state is None or account.state == state
        ]
        end = offset + limit
        return json_response(
            AccountsPage(
                total=len(ranked),
                offset=offset,
                next_offset=end if end < len(ranked) else None,
                accounts=[account_record(rank, account) for rank, account in ranked[offset:end]],
            )
        )

    async def account(self, request: Request) -> Response:
        """Return one account with its positions."""
        refuse_unknown(request, ())
        account = path_text(request, "account", length_max=ACCOUNT_LENGTH_MAX)
        report = self._source.account_report(account)
        if report is None:
            return _not_found("a known account", account)
        return json_response(report)

    async def decisions(self, request: Request) -> Response:
        """Return the newest decisions, newest first."""
        refuse_unknown(request, ("limit", "before", "type"))
        limit = integer(request, "limit", PAGE_DEFAULT, low=1, high=PAGE_MAX) or PAGE_DEFAULT
        found = self._source.decisions.newest(
            limit=limit + 1,
            before=integer(request, "before", None, low=1, high=NUMBER_MAX),
            kind=choice(request, "type", DECISION_KINDS),
        )
        page = found[:limit]
        return json_response(
            DecisionsPage(
                next_before=page[-1].number if len(found) > limit else None,
                decisions=[decision_record(one) for one in page],
            )
        )

    async def instruments(self, request: Request) -> Response:
        """Return all instruments, largest open interest first."""
        refuse_unknown(request, ())
        found = [instrument_record(one) for one in self._source.view().instruments_by_size()]
        return json_response(InstrumentsAnswer(instruments=found))

    async def ladder(self, request: Request) -> Response:
        """Return an instrument's liquidation ladder; 503 before the first image that has it."""
        refuse_unknown(request, ())
        instrument, view = request.path_params["instrument"], self._source.view()
        if all(one.instrument != instrument for one in view.instruments):
            return _not_found("a listed instrument", instrument)
        ladder = view.ladders.of(instrument) if view.ladders else None
        if view.ladders is None or ladder is None:
            return _not_ready("a book image with the instrument")
        return json_response(ladder_answer(view.ladders, ladder))

    async def book(self, request: Request) -> Response:
        """Return the sums over the newest book image; 503 before the first."""
        refuse_unknown(request, ())
        return _when_ready(self._source.view().book, book_answer, "a book image")

    async def shadow(self, request: Request) -> Response:
        """Return what every policy would take now; 503 before the first answer."""
        refuse_unknown(request, ("stress",))
        return _when_ready(self._shadow(request), shadow_answer, "shadow rounds")

    async def shadow_side(self, request: Request) -> Response:
        """Return one side with every policy; 503 before the first answer."""
        refuse_unknown(request, ("stress",))
        instrument, side = request.path_params["instrument"], request.path_params["side"]
        shadow = self._shadow(request)
        if all(one.instrument != instrument for one in self._source.view().instruments):
            return _not_found("a listed instrument", instrument)
        if side not in SIDES:
            return _not_found("`long` or `short`", side)
        if shadow is None:
            return _not_ready("shadow rounds")
        found = shadow.of(instrument, "long" if side == "long" else "short")
        if found is None:
            return _not_found("a side with accounts that could become bankrupt", side)
        return json_response(shadow_side_answer(shadow, found))

    def _shadow(self, request: Request) -> Shadow | None:
        stress = float(choice(request, "stress", STRESSES) or 0)
        shadows = self._source.view().shadows
        return next((one for one in shadows if one.stress == stress), None)

    async def funding(self, request: Request) -> Response:
        """Return what the next funding payment does; 503 before the first answer."""
        refuse_unknown(request, ())
        return _when_ready(self._source.view().funding, funding_answer, "a funding forecast")

    async def distances(self, request: Request) -> Response:
        """Return how far socialized losses are; 503 before the first answer."""
        refuse_unknown(request, ())
        return _when_ready(self._source.view().distances, distances_answer, "a distance")

    async def loss_at_risk(self, request: Request) -> Response:
        """Return what may be socialized; 503 before the first answer."""
        refuse_unknown(request, ())
        return _when_ready(self._source.view().loss_at_risk, loss_at_risk_answer, "enough paths")

    async def funds(self, request: Request) -> Response:
        """Return all insurance funds."""
        refuse_unknown(request, ())
        funds = [fund_record(fund, self._desk.history) for fund in self._source.view().funds]
        return json_response(FundsAnswer(funds=funds))

    async def oracles(self, request: Request) -> Response:
        """Return all indices and their sources, those that may not be used first."""
        refuse_unknown(request, ())
        return json_response(oracles_answer(self._source.view()))

    async def breakers(self, request: Request) -> Response:
        """Return all breakers, the most urgent first."""
        refuse_unknown(request, ())
        breakers = self._source.view().breakers_by_urgency()
        return json_response(BreakersAnswer(breakers=[breaker_record(one) for one in breakers]))

    async def reset_breaker(self, request: Request) -> Response:
        """Record that a breaker is armed by hand: 202, it is applied when it is read back."""
        breaker, asked = await read_reset(request)
        try:
            recorded = await self._source.reset_breaker(breaker, asked)
        except UnknownBreakerError as error:
            return _not_found(str(error), breaker)
        except NotRecordedError as error:
            received = "no answer: it may be recorded yet, and asking again does no harm"
            answer = ErrorRecord(
                error="not recorded", expected=str(error), received=received, where="kafka"
            )
            return json_response(answer, status=503)
        return json_response(recorded, status=202)

    async def liquidations(self, request: Request) -> Response:
        """Return what the exchange's liquidation engine does, and what it costs."""
        refuse_unknown(request, ())
        view = self._source.view()
        return json_response(liquidations_answer(view.liquidations, view.engine_ns))

    async def waterfall(self, request: Request) -> Response:
        """Return who paid what in an episode."""
        refuse_unknown(request, ())
        identity = path_text(request, "episode", length_max=EPISODE_LENGTH_MAX)
        episode = self._source.waterfall_episode(identity)
        if episode is None:
            return _not_found("an episode with a shortfall that is still kept", identity)
        return json_response(episode)

    async def deleveragings(self, request: Request) -> Response:
        """Return why accounts were deleveraged for a liquidation."""
        refuse_unknown(request, ("account",))
        liquidation = path_text(request, "liquidation", length_max=LIQUIDATION_LENGTH_MAX)
        account = query_text(request, "account", length_max=ACCOUNT_LENGTH_MAX)
        cases = self._source.deleveragings(liquidation)
        if not cases:
            return _not_found("a liquidation with deleveraging that is still kept", liquidation)
        ring = self._source.decisions
        return json_response(deleveragings_answer(liquidation, cases, ring, account))

    async def audit(self, request: Request) -> Response:
        """Return the sums that must be conserved; 503 before the engine is there."""
        refuse_unknown(request, ())
        report = self._source.audit_report()
        return _not_ready("an engine") if report is None else json_response(report)

    async def waves(self, request: Request) -> Response:
        """Return the newest waves of shortfalls."""
        refuse_unknown(request, ())
        return json_response(waves_answer(self._source.view()))

    async def withdrawals(self, request: Request) -> Response:
        """Return the collateral pools that are gated, or run on."""
        refuse_unknown(request, ())
        return json_response(withdrawals_answer(self._source.view()))

    async def openapi(self, request: Request) -> Response:
        """Return the description of this API."""
        del request
        return json_response(openapi_document(self._source.version))

    def _health(self, *, is_ok: bool) -> Response:
        answer = HealthRecord(ok=is_ok, checks=check_records(self._source.health))
        return json_response(answer, status=200 if is_ok else 503)


def _not_found(expected: str, received: str) -> Response:
    answer = ErrorRecord(
        error="not found", expected=expected, received=repr(received[:128]), where="path"
    )
    return json_response(answer, status=404)


def _when_ready(
    found: _Found | None, answer: Callable[[_Found], msgspec.Struct], expected: str
) -> Response:
    return _not_ready(expected) if found is None else json_response(answer(found))


def _not_ready(expected: str) -> Response:
    answer = ErrorRecord(error="not ready", expected=expected, received="none yet", where="path")
    return json_response(answer, status=503)


class Streaming:
    """The ASGI endpoint of /v1/stream."""

    def __init__(self, hub: StreamHub) -> None:
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream to one client; HEAD would never end, so it is refused."""
        if scope["method"] != "GET":
            refusal = Response(status_code=405, headers={"allow": "GET"})
            await refusal(scope, receive, send)
            return
        await StreamResponse(self._hub)(scope, receive, send)


async def _bad_request(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, BadRequest)
    answer = ErrorRecord(
        error="bad request", expected=error.expected, received=error.received, where=error.where
    )
    return json_response(answer, status=400)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = ErrorRecord(
        error=error.detail.lower(),
        expected="an address of /v1/openapi.json",
        received=request.url.path[:100],
        where="path",
    )
    return json_response(answer, status=error.status_code)


def build_app(
    desk: Desk, hub: StreamHub, *, hosts: tuple[str, ...] = (), token: str | None = None
) -> Starlette:
    """Return the whole application: API, console and guard."""
    return Starlette(
        routes=[*Api(desk, hub).routes(), *console_routes()],
        middleware=[Middleware(Guard, hosts=hosts, token=token)],
        exception_handlers={BadRequest: _bad_request, HTTPException: _http_error},
    )
