"""REST beside the WebSocket: who may ask how often (REST sheet 3), and where an answer comes from."""

from __future__ import annotations

import gzip
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from .account_calls import AccountCalls
from .auth import TokenRefusedError, check_query_hash
from .faultlist import FaultName
from .http import error_body
from .limits import BLOCKED, OK, TOO_MANY, CallLimit
from .query import Query, RestRefusedError
from .quotation import Quotation
from .spelling import spell

if TYPE_CHECKING:
    from .account_calls import AccountCall
    from .auth import TokenVerifier
    from .faultlist import Fault
    from .http import HttpRequest
    from .settings import ExchangeSettings
    from .world import World

_LEAST_TO_COMPRESS = 1024  # bytes
ORIGIN = {"Remaining-Req": "group=origin; min=6; sec=0"}


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, JSON body and extra headers."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Rest:
    """Answers `GET /v1/...`; limited per address and group as the real one is."""

    def __init__(self, world: World, settings: ExchangeSettings, verifier: TokenVerifier) -> None:
        self.quotation = Quotation(world)
        self._world = world
        self._verifier = verifier
        self._scopes = settings.scopes
        self._account = AccountCalls(world, settings)
        self._limit = CallLimit(
            settings.rest_per_second, block_after=settings.block_after, block_seconds=settings.block_seconds
        )
        self._account_limit = CallLimit(
            settings.account_per_second, block_after=settings.block_after, block_seconds=settings.block_seconds
        )

    def answer(
        self, request: HttpRequest, peer: str, now: float, fault: Fault | None = None
    ) -> Generator[None, None, Answer]:
        """Answer a request of `peer` at `now` (seconds), in steps of some milliseconds.

        A `fault` that refuses takes the answer's place.
        """
        call = self._account.calls.get(request.path)
        if call is not None:
            return self._private(call, request, now, fault)
        return (yield from self._quoted(request, peer, now, fault))

    def _quoted(
        self, request: HttpRequest, peer: str, now: float, fault: Fault | None
    ) -> Generator[None, None, Answer]:
        headers: dict[str, str] = {}
        try:
            found = self.quotation.find(request.path)
            if found is None:
                raise RestRefusedError(404, "not_found", "No such path.")
            group, reply = found
            if "origin" in request.headers:
                headers = ORIGIN
            else:
                status, seconds, headers = self._count(self._limit, f"address {peer}", group, now)
                if status != OK:
                    return too_many(status, seconds, headers, quotation=True)
            if fault is not None:
                return _faulty(fault, headers, quotation=True)
            if request.method != "GET":
                raise RestRefusedError(405, 405, "Only GET is served here.")
            value: Any = reply(Query(request.query, quotation=True))
            if isinstance(value, Generator):
                value = yield from value
        except RestRefusedError as refused:
            return Answer(refused.status, refused.body, headers)
        body = spell(value).encode()
        if len(body) >= _LEAST_TO_COMPRESS and "gzip" in request.headers.get("accept-encoding", ""):
            return Answer(200, gzip.compress(body, 1, mtime=0), {**headers, "Content-Encoding": "gzip"})
        return Answer(200, body, headers)

    def _private(self, call: AccountCall, request: HttpRequest, now: float, fault: Fault | None) -> Answer:
        headers: dict[str, str] = {}
        try:
            claims = self._claims(request)
            status, seconds, headers = self._count(self._account_limit, f"key {claims['access_key']}", "default", now)
            if status != OK:
                return too_many(status, seconds, headers, quotation=False)
            if fault is not None:
                return _faulty(fault, headers, quotation=False)
            if request.method != "GET":
                raise RestRefusedError(405, "method_not_allowed", "Only GET is served here.")
            if call.scope and call.scope not in self._scopes:
                # REST sheet 1: the status differs by area, so that only the name can be relied on.
                status = 401 if call.scope == "view_assets" else 403
                raise RestRefusedError(status, "out_of_scope", "The key has no permission for this.")
            value = call.reply(Query(request.query, quotation=False))
        except RestRefusedError as refused:
            return Answer(refused.status, refused.body, headers)
        return Answer(200, spell(value).encode(), headers)

    def _claims(self, request: HttpRequest) -> dict[str, Any]:
        """Return what a request's token says; every wrong one is refused with 401."""
        try:
            claims = self._verifier.claims(request.headers.get("authorization"))
            check_query_hash(claims, unquote(request.query))
        except TokenRefusedError as refused:
            raise RestRefusedError(401, refused.name, f"{refused}.") from refused
        if self._world.now_ms >= self._account.expires_ms:
            raise RestRefusedError(401, "expired_access_key", "The key has expired.")
        return claims

    @staticmethod
    def _count(limit: CallLimit, client: str, group: str, now: float) -> tuple[int, float, dict[str, str]]:
        verdict = limit.count(client, group, now)
        remaining = limit.remaining(client, group, now)
        if remaining is None:
            return OK, 0.0, {}
        a_minute, left = remaining if verdict.status == OK else (remaining[0], 0)
        return verdict.status, verdict.seconds, {"Remaining-Req": f"group={group}; min={a_minute}; sec={left}"}


def too_many(status: int, seconds: float, headers: dict[str, str], *, quotation: bool) -> Answer:
    """Return the answer to a call too many, 429 or 418; a block says in words how long it lasts."""
    name: str | int = status if quotation else "too_many_requests"
    message = "Too many API requests."
    if status == BLOCKED:
        message = f"Blocked for {seconds:.1f} seconds because of too many requests."
    return Answer(status, error_body(name, message), headers)


def _faulty(fault: Fault, headers: dict[str, str], *, quotation: bool) -> Answer:
    exhausted = {name: value.rsplit("=", 1)[0] + "=0" for name, value in headers.items()}
    if fault.name is FaultName.REST_TOO_MANY:
        return too_many(TOO_MANY, 0.0, exhausted, quotation=quotation)
    if fault.name is FaultName.REST_BLOCKED:
        return too_many(BLOCKED, fault.options["seconds"], exhausted, quotation=quotation)
    status = fault.options["status"]
    name = status if quotation else fault.options["error"]
    return Answer(status, error_body(name, "Not now."), headers)
