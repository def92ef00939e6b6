"""The HTTP control path: everything a test or a person may want to know of the exchange, or do to it."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .faultlist import SPECS, FaultName
from .http import error_body
from .spelling import spell

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .faultlist import Fault
    from .http import HttpRequest
    from .line import Line
    from .messages import Change
    from .operations import Operations
    from .views import ConnectionView

_LONGEST_ADVANCE = 3600.0


class ControlError(Exception):
    """A control request that cannot be served; `status` is the HTTP answer."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class Control:
    """Answers `/control/...` for one exchange. Only for loopback: other Hosts and any Origin get 403."""

    def __init__(self, exchange: Operations) -> None:
        self._exchange = exchange
        self._tasks: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """Cancel what is still being answered."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def answer(self, line: Line, request: HttpRequest) -> None:
        """Answer on `line`, at once or, where time has to be played, when it is done."""
        try:
            _require_local(request)
            result = self._find(request)()
        except (ControlError, ValueError, KeyError, TypeError, ArithmeticError) as error:
            self._respond(line, request, _status(error), error_body("control", str(error)))
            return
        if isinstance(result, _Later):
            task = asyncio.get_running_loop().create_task(self._answer_later(line, request, result.work))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._respond(line, request, 200, spell(result).encode())

    async def _answer_later(self, line: Line, request: HttpRequest, work: Awaitable[None]) -> None:
        await work
        self._respond(line, request, 200, spell(self._time()).encode())

    @staticmethod
    def _respond(line: Line, request: HttpRequest, status: int, body: bytes) -> None:
        if not line.lost:
            line.respond(status, body, close=not request.keeps_alive)

    def _find(self, request: HttpRequest) -> Callable[[], Any]:
        parts = request.path.strip("/").split("/")[1:]
        exchange, given = self._exchange, _body(request)
        match request.method, parts:
            case "GET", []:
                return lambda: {"faults": {name.value: spec.options for name, spec in SPECS.items()}}
            case "GET", ["connections"]:
                return lambda: [_connection(view) for view in exchange.connections]
            case "GET", ["closed"]:
                return lambda: [_connection(view) for view in exchange.closed_connections]
            case "GET", ["subscribed", endpoint]:
                return lambda: sorted(map(_stream, exchange.subscribed(endpoint)), key=str)
            case "GET", ["counters"]:
                return lambda: exchange.counters.as_dict()
            case "GET", ["time"]:
                return self._time
            case "POST", ["time"]:
                return lambda: self._set_time(**given)
            case "POST", ["rate"]:
                return lambda: self._set_rate(**given)
            case "POST", ["frames"]:
                return lambda: {"sent": exchange.send_raw(given["endpoint"], str(given["frame"]))}
            case _, ["faults", *rest]:
                return lambda: self._faults(request.method, rest, given)
            case _, ["orders" | "balances" | "announcements", *_]:
                return lambda: self._account(request.method, parts, given)
        raise ControlError(404, f"no control path {request.method} {request.path}")

    def _time(self) -> dict[str, Any]:
        clock = self._exchange.clock
        return {"now_ms": self._exchange.world.now_ms, "running": clock.running, "scale": clock.scale}

    def _set_time(self, running: bool | None = None, scale: float | None = None, advance: float | None = None) -> Any:
        if scale is not None:
            self._exchange.set_time_scale(float(scale))
        if running is not None:
            (self._exchange.continue_time if running else self._exchange.stop_time)()
        if advance is None:
            return self._time()
        if not 0 <= float(advance) <= _LONGEST_ADVANCE:
            raise ValueError(f"advance must be between 0 and {_LONGEST_ADVANCE:g} seconds")
        return _Later(self._exchange.advance(float(advance)))

    def _set_rate(self, rate: float) -> dict[str, Any]:
        self._exchange.set_rate(float(rate))
        return {"rate": float(rate)}

    def _faults(self, method: str, rest: list[str], given: dict[str, Any]) -> Any:
        board = self._exchange.faults
        match method, rest:
            case "GET", []:
                return [_fault(fault) for fault in board.active]
            case "POST", []:
                options = {
                    name: float(value) if isinstance(value, Decimal) else value
                    for name, value in given.get("options", {}).items()
                }
                return _fault(
                    board.inject(FaultName(given["name"]), given.get("endpoint"), given.get("connection"), **options)
                )
            case "DELETE", []:
                board.clear()
                return []
            case "DELETE", [number]:
                found = [fault for fault in board.active if str(fault.id) == number]
                if not found:
                    raise ControlError(404, f"no active fault {number}")
                found[0].clear()
                return _fault(found[0])
        raise ControlError(405, f"no {method} for faults")

    def _account(self, method: str, parts: list[str], given: dict[str, Any]) -> Any:
        exchange = self._exchange
        match method, parts:
            case "GET", ["balances"]:
                return {
                    currency: {"balance": str(free), "locked": str(locked)}
                    for currency, (free, locked) in exchange.world.account.balances().items()
                }
            case "GET", ["orders"]:
                return [
                    {"uuid": order.uuid, "code": order.code, "side": order.side, "state": order.state}
                    for order in exchange.world.account.orders()
                ]
            case "POST", ["orders"]:
                return _changes(exchange.place_order(**given))
            case "POST", ["orders", uuid, "fill"]:
                return _changes(exchange.fill_order(uuid, **given))
            case "POST", ["orders", uuid, "cancel"]:
                return _changes(exchange.cancel_order(uuid))
            case "POST", ["orders", uuid, "trigger"]:
                return _changes(exchange.trigger_order(uuid))
            case "POST", ["orders", uuid, "prevent"]:
                return _changes(exchange.prevent_order(uuid, **given))
            case "POST", ["announcements"]:
                return _changes(exchange.publish_announcement(**given))
            case "POST", ["announcements", uuid]:
                return _changes(exchange.update_announcement(uuid, **given))
        raise ControlError(404, f"no control path {method} {'/'.join(parts)}")


class _Later:
    """An answer that has to be waited for."""

    def __init__(self, work: Awaitable[None]) -> None:
        self.work = work


def _require_local(request: HttpRequest) -> None:
    host = request.headers.get("host", "").rsplit(":", 1)[0].strip("[]")
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local or "origin" in request.headers:
        raise ControlError(403, "the control path is for programs on this machine")


def _status(error: Exception) -> int:
    return error.status if isinstance(error, ControlError) else 400


def _body(request: HttpRequest) -> dict[str, Any]:
    if not request.body:
        return {}
    try:
        value = json.loads(request.body, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise ControlError(400, f"the body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ControlError(400, "the body must be a JSON object")
    return value


def _connection(view: ConnectionView) -> dict[str, Any]:
    values = asdict(view)
    values["requests"] = [{"time": time, "text": raw.decode(errors="replace")} for time, raw in view.requests]
    values["headers"] = {name: value for name, value in view.headers.items() if name != "authorization"}
    return values


def _stream(stream: tuple[Any, ...]) -> list[Any]:
    """Return a stream for JSON: its depth and level are numbers there, an indicator's parameters are text."""
    return [part if isinstance(part, (str, int, Decimal)) else str(part) for part in stream]


def _fault(fault: Fault) -> dict[str, Any]:
    return {
        "id": fault.id, "name": fault.name.value, "endpoint": fault.endpoint, "connection": fault.connection,
        "options": fault.options, "hits": fault.hits, "active": fault.active and not fault.is_exhausted(),
    }  # fmt: skip


def _changes(changes: list[Change]) -> list[Any]:
    return [json.loads(change.render("DEFAULT", "REALTIME"), parse_float=Decimal) for change in changes]
