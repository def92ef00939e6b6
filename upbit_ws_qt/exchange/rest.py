"""REST beside the WebSocket: who may ask how often (REST sheet 3), and where an answer comes from."""

from __future__ import annotations

import gzip
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .faultlist import FaultName
from .http import error_body
from .limits import BLOCKED, OK, TOO_MANY, CallLimit
from .query import Query, RestRefusedError
from .quotation import Quotation
from .spelling import spell

if TYPE_CHECKING:
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

    def __init__(self, world: World, settings: ExchangeSettings) -> None:
        self.quotation = Quotation(world)
        self._limit = CallLimit(
            settings.rest_per_second, block_after=settings.block_after, block_seconds=settings.block_seconds
        )

    def answer(
        self, request: HttpRequest, peer: str, now: float, fault: Fault | None = None
    ) -> Generator[None, None, Answer]:
        """Answer a request of `peer` at `now` (seconds), in steps of some milliseconds.

        A `fault` that refuses takes the answer's place.
        """
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
