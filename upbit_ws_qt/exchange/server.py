"""The embedded exchange: a server on loopback that runs on the current event loop."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from .clock import ExchangeClock
from .door import PATHS, Admission, Door, faulty_admission, too_many_body
from .faultlist import Fault, FaultName
from .faults import FaultBoard
from .http import error_body
from .hub import Hub
from .limits import OK, MessageLimit
from .line import Line
from .pump import Pump
from .requests import ENDPOINTS, RequestRefusedError
from .rest import Rest
from .session import Session
from .settings import ExchangeSettings
from .views import ConnectionView, Counters
from .world import World, WorldSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from decimal import Decimal
    from types import TracebackType

    from .http import HttpRequest
    from .messages import Change


class EmbeddedExchange:
    """A whole Upbit on loopback; `async with` starts and stops it.

    Raises:
        OSError: From `start`, if the port is taken.
    """

    def __init__(self, settings: ExchangeSettings | None = None) -> None:
        self.settings = settings or ExchangeSettings()
        world_settings = WorldSettings(
            seed=self.settings.seed,
            markets=self.settings.markets,
            rate=self.settings.rate,
            start_ms=self.settings.start_ms,
            demo=self.settings.demo,
        )
        self.world = World(world_settings)
        self._counters = Counters()
        self._frames_of_closed = 0
        self._numbers = itertools.count(1)
        self._lines: dict[Line, Session | None] = {}
        self._limits: dict[Session, MessageLimit] = {}
        self._server: asyncio.Server | None = None
        self._all_gone = asyncio.Event()
        self._port = 0

    # Life.

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen and let time run. May be called once."""
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._clock = ExchangeClock(
            self.world.now_ms, loop.time, self.settings.time_scale, running=not self.settings.stopped
        )
        self._door = Door(self.settings, self._counters)
        self._hub = Hub(
            self.settings,
            self.world,
            self._counters,
            now=loop.time,
            later=self.at,
            on_message_violation=self._note_message_violation,
        )
        self.faults = FaultBoard(self._hub, self._counters, self.at, self._announce_maintenance)
        self._hub.hide_codes = self.faults.hide_codes
        self._pump = Pump(self._hub, self._clock, self._counters)
        self._rest = Rest(self.world, self.settings.rest_per_second)
        self._server = await loop.create_server(
            lambda: Line(self, self.settings.max_request), self.settings.host, self.settings.port, backlog=512
        )
        self._port = self._server.sockets[0].getsockname()[1]
        self._pump.start()

    async def stop(self) -> None:
        """Cut all lines and free the port; idempotent."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        self._pump.stop()
        for line in list(self._lines):
            line.abort("exchange stopped")
        if self._lines:
            await self._all_gone.wait()
        await server.wait_closed()
        self._pump.stop()  # whatever the ends of the lines have put on the agenda

    # Addresses.

    @property
    def port(self) -> int:
        """The TCP port that is listened on."""
        return self._port

    @property
    def public_url(self) -> str:
        """WebSocket address of the public endpoint."""
        return self._url("ws", "/websocket/v1")

    @property
    def private_url(self) -> str:
        """WebSocket address of the private endpoint."""
        return self._url("ws", "/websocket/v1/private")

    @property
    def info_url(self) -> str:
        """WebSocket address of the info endpoint."""
        return self._url("ws", "/websocket/v1/info")

    @property
    def rest_url(self) -> str:
        """Base address of the REST calls, without a slash at the end."""
        return self._url("http", "")

    @property
    def access_key(self) -> str:
        """The dummy access key."""
        return self.settings.access_key

    @property
    def secret_key(self) -> str:
        """The dummy secret key."""
        return self.settings.secret_key

    # The oracle.

    @property
    def connections(self) -> list[ConnectionView]:
        """All open connections, oldest first."""
        return [session.view() for session in self._hub.sessions.values()]

    @property
    def closed_connections(self) -> list[ConnectionView]:
        """The last 1,000 connections that have ended, in the order of their ends."""
        return list(self._hub.closed)

    @property
    def counters(self) -> Counters:
        """All counters as they are now."""
        live = sum(session.frames_sent for session in self._hub.sessions.values())
        return replace(
            self._counters,
            frames_sent=self._frames_of_closed + live,
            refused_by_status=self._counters.refused_by_status.copy(),
            errors=self._counters.errors.copy(),
            fault_hits=self._counters.fault_hits.copy(),
        )

    def subscribed(self, endpoint: str) -> set[tuple[Any, ...]]:
        """Return the realtime streams that open connections of `endpoint` have asked for.

        `(type, code)`; for order books `(type, code, level, depth)`; for indicators `(type, code, timeframe, wish)`;
        where no codes are named, code is "". Codes as they were sent, unknown ones included.
        """
        _require_endpoint(endpoint)
        sessions = [session for session in self._hub.sessions.values() if session.endpoint == endpoint]
        return set().union(*(session.subscribed() for session in sessions))

    # Time and rate.

    def stop_time(self) -> None:
        """Let exchange time stand still; lines, limits and timeouts go on in real time."""
        self._clock.stop()

    def continue_time(self) -> None:
        """Let exchange time run again."""
        self._clock.go_on()

    def set_time_scale(self, scale: float) -> None:
        """Set how many exchange seconds pass in a second: 0.001 to 10,000, else ValueError."""
        self._clock.set_scale(scale)

    def set_rate(self, rate: float) -> None:
        """Set how many public messages a second the whole market makes: 1 to 50,000."""
        self.world.set_rate(rate)

    async def advance(self, seconds: float) -> None:
        """Play so many exchange seconds at once, whether time is stopped or not."""
        await self._pump.advance(seconds)

    # Events by hand.

    async def publish(self, *changes: Change) -> None:
        """Deliver changes as if they had just happened."""
        self.deliver(changes)
        await asyncio.sleep(0)

    def deliver(self, changes: Iterable[Change]) -> None:
        """The same without waiting for anything."""
        self._hub.deliver(changes)
        self._hub.flush_all()

    def place_order(self, code: str, side: str, order_type: str, **terms: Any) -> list[Change]:
        """Place an order on the account (`World.account.place`) and deliver what follows from it."""
        return self._delivered(self.world.account.place(code, side, order_type, **terms))

    def fill_order(self, uuid: str, volume: Decimal) -> list[Change]:
        """Fill an open order by `volume` and deliver what follows from it."""
        return self._delivered(self.world.account.fill(uuid, volume))

    def cancel_order(self, uuid: str) -> list[Change]:
        """Cancel an open order and deliver what follows from it."""
        return self._delivered(self.world.account.cancel(uuid))

    def prevent_order(self, uuid: str) -> list[Change]:
        """Let self-match prevention end an open order and deliver what follows from it."""
        return self._delivered(self.world.account.prevent(uuid))

    def publish_announcement(self, **parts: Any) -> list[Change]:
        """Publish an announcement (`World.publish_announcement`) and deliver it."""
        return self._delivered(self.world.publish_announcement(**parts))

    def update_announcement(self, uuid: str, **parts: Any) -> list[Change]:
        """Change an announcement and deliver the change."""
        return self._delivered(self.world.update_announcement(uuid, **parts))

    def send_raw(self, endpoint: str, frame: bytes | str) -> int:
        """Send a hand-made data frame to all connections of an endpoint; return how many got it."""
        _require_endpoint(endpoint)
        payload = frame.encode() if isinstance(frame, str) else frame
        sessions = [s for s in self._hub.sessions.values() if s.endpoint == endpoint and s.line.is_open]
        for session in sessions:
            session.push(payload)
            self._hub.flush(session)
        return len(sessions)

    # What lines ask (LineOwner).

    def admit(self, line: Line) -> bool:
        """Take a new TCP connection if there is room."""
        self._lines[line] = None
        if len(self._lines) <= self.settings.max_connections and self._server is not None:
            return True
        self._counters.connections_over_limit += 1
        return False

    def at(self, seconds: float, callback: Callable[[], None]) -> None:
        """Run `callback` in so many seconds, unless the exchange is stopped before."""
        self._pump.later(seconds, callback)

    def on_drained(self) -> None:
        """Wake up those who wait for full buffers."""
        self._pump.on_drained()

    def on_lost(self, line: Line, reason: str) -> None:
        """Forget a line and its session."""
        session = self._lines.pop(line, None)
        if not self._lines and self._server is None:
            self._all_gone.set()
        if session is not None:
            if reason.startswith("protocol error"):
                self._counters.protocol_errors += 1
            self._frames_of_closed += session.frames_sent
            self._limits.pop(session, None)
            self._hub.close(session, reason)

    def on_http(self, line: Line, request: HttpRequest) -> None:
        """Answer a plain HTTP request."""
        self._counters.http_requests += 1
        status, seconds = self._door.admits_http(request, line.peer, self._loop.time())
        if status != OK:
            line.respond(status, too_many_body(status, seconds), close=True)
            return
        answer = self._rest.answer(request, line.peer, self._loop.time())
        line.respond(answer.status, answer.body, answer.headers, close=not request.keeps_alive)

    def on_upgrade(self, line: Line, request: HttpRequest) -> None:
        """Answer a handshake."""
        endpoint = PATHS.get(request.path)
        if endpoint is None:
            self._refuse(line, 404, error_body("not_found", "No such path."))
            return
        fault = self.faults.at_door(endpoint)
        if fault is not None and fault.name is FaultName.SLOW_ACCEPT:
            self.at(fault.options["seconds"], lambda: self._open_late(line, endpoint, request))
        else:
            self._open(line, endpoint, request, fault)

    def on_message(self, line: Line, message: bytes) -> None:
        """Take a data message of a session."""
        session = self._lines[line]
        if session is None:
            return
        now = self._loop.time()
        self._counters.messages_received += 1
        session.messages_received += 1
        session.requests.append((now, message))
        if session.doomed:
            return
        if not self._limits[session].accept(now):
            self._note_message_violation(session)
            self._hub.refuse(session, RequestRefusedError("TOO_MANY_REQUEST"))
            return
        if self.faults.on_request(session):
            self._hub.take(session, message)
            self.faults.on_served(session)

    def on_ping(self, line: Line) -> None:
        """Count a ping frame."""
        session = self._lines[line]
        if session is not None:
            session.pings_received += 1

    # Inside.

    def _announce_maintenance(self) -> None:
        self.publish_announcement(
            title="긴급 서버 점검 안내",
            category="maintenance",
            body="곧 서버 점검이 시작됩니다. Maintenance begins shortly.",
        )

    def _delivered(self, changes: list[Change]) -> list[Change]:
        self.deliver(changes)
        return changes

    def _url(self, scheme: str, path: str) -> str:
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        return f"{scheme}://{host}:{self._port}{path}"

    def _refuse(self, line: Line, status: int, body: bytes) -> None:
        self._counters.connects_refused += 1
        self._counters.refused_by_status[status] += 1
        line.respond(status, body, close=True)

    def _open_late(self, line: Line, endpoint: str, request: HttpRequest) -> None:
        if not line.lost:
            self._open(line, endpoint, request, self.faults.at_door(endpoint, without=FaultName.SLOW_ACCEPT))

    def _open(self, line: Line, endpoint: str, request: HttpRequest, fault: Fault | None) -> None:
        admission = self._door.judge(endpoint, request, line.peer, self._loop.time())
        if admission.status == OK and fault is not None:
            admission = faulty_admission(admission, fault)
        if admission.status == 0:
            self._counters.connects_refused += 1
            self._counters.refused_by_status[0] += 1
            line.abort(f"fault {FaultName.REFUSE}")
        elif admission.status != OK:
            self._refuse(line, admission.status, admission.body)
        elif not line.accept(deflate=self.settings.deflate):
            self._counters.connects_refused += 1
            self._counters.refused_by_status[400] += 1
        else:
            self._begin_session(line, endpoint, request, admission)

    def _begin_session(self, line: Line, endpoint: str, request: HttpRequest, admission: Admission) -> None:
        self._counters.connects_accepted += 1
        session = Session(next(self._numbers), endpoint, line, request.headers, self._loop.time())
        session.pocket = admission.pocket
        session.scopes = self.settings.scopes if admission.authenticated else ()
        self._limits[session] = self._message_limit("origin" in request.headers)
        self._lines[line] = session
        self._hub.open(session)
        self._watch_idle(session)
        if admission.invalid_auth:
            self._hub.refuse(session, RequestRefusedError("INVALID_AUTH"))
        self.faults.on_open(session)
        line.start_reading()

    def _message_limit(self, with_origin: bool) -> MessageLimit:
        limits = [(self.settings.messages_per_second, 1.0), (self.settings.messages_per_minute, 60.0)]
        if with_origin:
            limits.append((1, self.settings.origin_seconds))
        return MessageLimit(*limits)

    def _note_message_violation(self, session: Session) -> None:
        self._counters.message_violations += 1
        self._door.message_violation(session.pocket, self._loop.time())

    def _watch_idle(self, session: Session) -> None:
        line = session.line
        if line.lost or line.silent:
            return
        left = line.last_activity + self.settings.idle_timeout - self._loop.time()
        if left <= 0:
            self._counters.idle_closes += 1
            line.finish("idle")
        else:
            self.at(left, lambda: self._watch_idle(session))


def _require_endpoint(endpoint: str) -> None:
    if endpoint not in ENDPOINTS:
        raise ValueError(f"endpoint must be one of {', '.join(ENDPOINTS)}, not {endpoint!r}")
