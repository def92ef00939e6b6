"""The public REST calls beside the WebSocket: markets, candles, order book instruments, tickers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .http import error_body
from .limits import SlidingWindow
from .spelling import spell

if TYPE_CHECKING:
    from .http import HttpRequest
    from .market.catalog import Market
    from .world import World

UNITS = (1, 3, 5, 10, 15, 30, 60, 240)
_MOST_CANDLES = 200
_MOST_WINDOWS = 10_000
_SECONDS = "/v1/candles/seconds"
_CANDLES = re.compile(r"/v1/candles/minutes/(\d{1,4})")


class _RefusedError(Exception):
    def __init__(self, status: int, name: str | int, message: str) -> None:
        self.status = status
        self.body = error_body(name, message)
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, JSON body and extra headers."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Rest:
    """Answers `GET /v1/...`; limited per address and group as the real one is."""

    def __init__(self, world: World, per_second: int | None) -> None:
        self._world = world
        self._per_second = per_second
        self._windows: dict[tuple[str, str], SlidingWindow] = {}

    def answer(self, request: HttpRequest, peer: str, now: float) -> Answer:
        """Answer a request of `peer` at `now` (seconds)."""
        try:
            if request.method != "GET":
                raise _RefusedError(405, "method_not_allowed", "Only GET is served here.")
            group = _group(request.path)
            remaining = self._count(peer, group, now)
            body = spell(self._value(group, request)).encode()
        except _RefusedError as refused:
            return Answer(refused.status, refused.body)
        return Answer(200, body, remaining)

    def _count(self, peer: str, group: str, now: float) -> dict[str, str]:
        if self._per_second is None:
            return {}
        if len(self._windows) >= _MOST_WINDOWS:
            del self._windows[next(iter(self._windows))]
        window = self._windows.setdefault((peer, group), SlidingWindow(self._per_second, 1.0))
        if not window.has_room(now):
            raise _RefusedError(429, "too_many_requests", "Too many requests.")
        window.note(now)
        return {"Remaining-Req": f"group={group}; min={self._per_second * 60}; sec={window.remaining(now)}"}

    def _value(self, group: str, request: HttpRequest) -> Any:
        query = request.query
        if group == "market":
            details = request.query.get("is_details", "false") == "true"
            return [self._market(each, details=details) for each in self._world.markets]
        if group == "candle":
            return self._candles(request)
        codes = self._codes(query)
        return self._world.rest_ticker(codes) if group == "ticker" else self._world.orderbook_instruments(codes)

    def _market(self, market: Market, *, details: bool) -> dict[str, Any]:
        names = {"market": market.market, "korean_name": market.korean_name, "english_name": market.english_name}
        return {**names, "market_event": self._world.market_event(market.market)} if details else names

    def _codes(self, query: dict[str, str]) -> list[str]:
        if not query.get("markets"):
            raise _RefusedError(400, "invalid_parameter", "markets is missing.")
        codes = query["markets"].split(",")
        if not self._world.codes.issuperset(codes):
            raise _RefusedError(404, 404, "Code not found")
        return codes

    def _candles(self, request: HttpRequest) -> list[dict[str, Any]]:
        found = _CANDLES.fullmatch(request.path)
        unit = int(found[1]) if found else 0
        if unit not in UNITS and request.path != _SECONDS:
            raise _RefusedError(400, "invalid_parameter", f"The unit must be one of {', '.join(map(str, UNITS))}.")
        market, count = request.query.get("market", ""), request.query.get("count", "1")
        if market not in self._world.codes:
            raise _RefusedError(404, 404, "Code not found")
        if not (count.isascii() and count.isdigit() and len(count) <= 3 and 1 <= int(count) <= _MOST_CANDLES):
            raise _RefusedError(400, "invalid_parameter", f"count must be between 1 and {_MOST_CANDLES}.")
        return self._world.candles(market, unit, _milliseconds(request.query.get("to")), int(count))


def _group(path: str) -> str:
    if path == "/v1/market/all":
        return "market"
    if path == "/v1/ticker":
        return "ticker"
    if path == "/v1/orderbook/instruments":
        return "orderbook"
    if path == _SECONDS or path.startswith("/v1/candles/minutes/"):
        return "candle"
    raise _RefusedError(404, "not_found", "No such path.")


def _milliseconds(text: str | None) -> int | None:
    """Read `to`: ISO 8601, UTC where it names no offset (a plus in a query may arrive as a space)."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(re.sub(r" (\d\d:?\d\d)$", r"+\1", text))
    except ValueError:
        raise _RefusedError(400, "invalid_parameter", "to must be a date and time.") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
