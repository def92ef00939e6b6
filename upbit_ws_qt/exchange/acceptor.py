"""The acceptor: takes lines in, answers HTTP and handshakes, hands messages on, and notices who has gone."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

from .admission import PATHS, Admission, AdmissionCheck
from .faultlist import Fault, FaultName
from .http import error_body, response
from .limits import OK, MessageLimit
from .quotation import TRADES_PATH
from .requests import RequestRefusedError
from .rest import ORIGIN, Rest, too_many
from .session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from .control import Control
    from .faults import FaultBoard
    from .http import HttpRequest
    from .hub import Hub
    from .line import Line
    from .pump import Pump
    from .recording import FolderRecorder, Recorder
    from .rest import Answer
    from .settings import ExchangeSettings
    from .views import Counters

_STEP_BUDGET = 0.005  # seconds of an answer that takes long, and then the lines' turn again
_REFUSALS = (FaultName.REST_REFUSE, FaultName.REST_TOO_MANY, FaultName.REST_BLOCKED)


class Acceptor:
    """What lines turn to (`line.LineOwner`).

    Attributes:
        control: The HTTP control path, None where it is off.
        recorder: Writes down what goes out, None where nothing does.
        now: The clock, in seconds.
    """

    def __init__(
        self,
        settings: ExchangeSettings,
        counters: Counters,
        hub: Hub,
        pump: Pump,
        faults: FaultBoard,
        now: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._counters = counters
        self._hub = hub
        self._pump = pump
        self._faults = faults
        self.now = now
        self._admissions = AdmissionCheck(settings, counters)
        self._rest = Rest(hub.world, settings, self._admissions.verifier)
        self._numbers = itertools.count(1)
        self._lines: dict[Line, Session | None] = {}
        self._empty = asyncio.Event()
        self._open = True
        self.control: Control | None = None
        self.recorder: Recorder | FolderRecorder | None = None

    async def clear(self) -> None:
        """Reset all lines, take no new ones, and wait until the last is gone."""
        self._open = False
        for line in list(self._lines):
            line.abort("exchange stopped")
        if self._lines:
            await self._empty.wait()

    def admit(self, line: Line) -> bool:
        """Take a new TCP connection if there is room."""
        self._lines[line] = None
        # Counted before the handshake: a peer that only opens TCP connections uses up file descriptors as well.
        if len(self._lines) <= self._settings.max_connections and self._open:
            return True
        self._counters.connections_over_limit += 1
        return False

    def at(self, seconds: float, callback: Callable[[], None]) -> None:
        """Run `callback` in so many seconds, unless the exchange is stopped before."""
        self._pump.later(seconds, callback)

    def on_drained(self) -> None:
        """Wake up those who wait for full buffers."""
        self._pump.on_drained()

    def on_closing(self, line: Line) -> None:
        """Send nothing more to a session whose line is on its way out."""
        session = self._lines.get(line)
        if session is not None:
            self._hub.end_streams(session)

    def on_lost(self, line: Line, reason: str) -> None:
        """Forget a line and its session."""
        session = self._lines.pop(line, None)
        if not self._lines and not self._open:
            self._empty.set()
        if session is not None:
            if reason.startswith("protocol error"):
                self._counters.protocol_errors += 1
            self._counters.frames_sent += session.frames_sent
            self._hub.close(session, reason)

    def on_http(self, line: Line, request: HttpRequest) -> None:
        """Answer a plain HTTP request."""
        self._counters.http_requests += 1
        if self.control is not None and request.path.startswith("/control"):
            self.control.answer(line, request)
            return
        status, seconds = self._admissions.admits_http(request, line.peer, self.now())
        if status != OK:
            answer = too_many(status, seconds, ORIGIN if "origin" in request.headers else {}, quotation=True)
            line.respond(status, answer.body, answer.headers, close=True)
            return
        slow = self._faults.at_rest(request.path, FaultName.REST_SLOW)
        if slow is not None:
            self.at(slow.options["seconds"], lambda: self._ask(line, request))
        else:
            self._ask(line, request)

    def on_upgrade(self, line: Line, request: HttpRequest) -> None:
        """Answer a handshake."""
        endpoint = PATHS.get(request.path)
        if endpoint is None or (endpoint == "info" and not self._hub.region.has_info):
            self._refuse(line, 404, error_body("not_found", "No such path."))
            return
        fault = self._faults.at_handshake(endpoint)
        if fault is not None and fault.name is FaultName.SLOW_ACCEPT:
            self.at(fault.options["seconds"], lambda: self._enter_late(line, endpoint, request))
        else:
            self._enter(line, endpoint, request, fault)

    def on_message(self, line: Line, message: bytes) -> None:
        """Take a data message of a session."""
        session = self._lines[line]
        if session is None:
            return
        now = self.now()
        self._counters.messages_received += 1
        session.messages_received += 1
        session.requests.append((now, message))  # also of one that is being closed: tests look at all that was sent
        if session.doomed:
            return
        # Before the message is looked at: one too many is refused whatever it says, as on the real exchange.
        if not session.limit.accept(now):
            self.note_message_violation(session)
            self._hub.refuse(session, RequestRefusedError("TOO_MANY_REQUEST"))
            return
        if self._faults.on_request(session):
            self._hub.take(session, message)
            self._faults.on_served(session)

    def on_ping(self, line: Line) -> None:
        """Count a ping frame."""
        session = self._lines[line]
        if session is not None:
            session.pings_received += 1

    def note_message_violation(self, session: Session) -> None:
        """Count a message too many against the limits of its connection."""
        self._counters.message_violations += 1
        self._admissions.message_violation(session.limit_key, self.now())

    # Inside.

    def _ask(self, line: Line, request: HttpRequest) -> None:
        """Have a REST call answered, whatever faults it meets."""
        if line.lost:  # a peer may give up while it is kept waiting
            return
        refusal = self._faults.at_rest(request.path, *_REFUSALS)
        if refusal is not None and refusal.options.get("status") == 0:
            line.abort(f"fault {refusal.name}")
            return
        lag = self._faults.at_rest(request.path, FaultName.REST_LAG) if request.path == TRADES_PATH else None
        self._rest.quotation.trades_lag_ms = round(lag.options["seconds"] * 1000) if lag is not None else 0
        self._work(line, request, self._rest.answer(request, line.peer, self.now(), refusal))

    def _work(self, line: Line, request: HttpRequest, steps: Generator[None, None, Answer]) -> None:
        """Get on with an answer for some milliseconds, and go on in the next turn if that was not all."""
        until = self.now() + _STEP_BUDGET
        while not line.lost:
            try:
                next(steps)
            except StopIteration as done:
                self._reply(line, request, done.value)
                return
            if self.now() >= until:
                self.at(0.0, lambda: self._work(line, request, steps))
                return

    def _reply(self, line: Line, request: HttpRequest, answer: Answer) -> None:
        if self._faults.at_rest(request.path, FaultName.REST_CUT) is not None:
            whole = response(answer.status, answer.body, answer.headers)
            line.write(whole[: -max(1, len(answer.body) // 2)])
            line.finish(f"fault {FaultName.REST_CUT}")
        else:
            line.respond(answer.status, answer.body, answer.headers, close=not request.keeps_alive)

    def _refuse(self, line: Line, status: int, body: bytes) -> None:
        self._counters.connects_refused += 1
        self._counters.refused_by_status[status] += 1
        line.respond(status, body, close=True)

    def _enter_late(self, line: Line, endpoint: str, request: HttpRequest) -> None:
        if not line.lost:  # a peer may give up while it is kept waiting
            self._enter(line, endpoint, request, self._faults.at_handshake(endpoint, without=FaultName.SLOW_ACCEPT))

    def _enter(self, line: Line, endpoint: str, request: HttpRequest, fault: Fault | None) -> None:
        admission = self._admissions.judge(endpoint, request, line.peer, self.now())
        if admission.status == OK and fault is not None:
            admission = self._admissions.spoilt(admission, fault)
        if admission.status == 0:
            self._counters.connects_refused += 1
            self._counters.refused_by_status[0] += 1
            line.abort(f"fault {FaultName.REFUSE}")
        elif admission.status != OK:
            self._refuse(line, admission.status, admission.body)
        elif not line.accept(deflate=self._settings.deflate, headers=admission.headers):
            self._counters.connects_refused += 1
            self._counters.refused_by_status[400] += 1
        else:
            self._begin_session(line, endpoint, request, admission)

    def _begin_session(self, line: Line, endpoint: str, request: HttpRequest, admission: Admission) -> None:
        self._counters.connects_accepted += 1
        session = Session(next(self._numbers), endpoint, line, request.headers, self.now())
        session.limit = self._message_limit("origin" in request.headers)
        session.limit_key = admission.limit_key
        session.scopes = self._settings.scopes if admission.authenticated else ()
        if self.recorder is not None:
            session.tap = self.recorder.note
        self._lines[line] = session
        self._hub.open(session)
        self._watch_idle(session)
        if admission.invalid_auth:
            self._hub.refuse(session, RequestRefusedError("INVALID_AUTH"))
        self._faults.on_open(session)
        line.start_reading()

    def _message_limit(self, with_origin: bool) -> MessageLimit:
        limits = [(self._settings.messages_per_second, 1.0), (self._settings.messages_per_minute, 60.0)]
        if with_origin:
            limits.append((1, self._settings.origin_seconds))
        return MessageLimit(*limits)

    def _watch_idle(self, session: Session) -> None:
        line = session.line
        if line.lost or line.silent:
            return
        left = line.last_activity + self._settings.idle_timeout - self.now()
        if left <= 0:
            self._counters.idle_closes += 1
            line.finish("idle")
        else:
            self.at(left, lambda: self._watch_idle(session))
