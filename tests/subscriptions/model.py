"""A small model of the exchange's subscription side, without sockets, and a connection that keeps dialling it."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import deque
from typing import TYPE_CHECKING, Any, Self

from upbit_ws_qt.connection.rate_limit import MessageLimiter
from upbit_ws_qt.errors import ConnectionLostError, RecoveryError, SubscriptionError
from upbit_ws_qt.streams import streams_of
from upbit_ws_qt.subscriptions import EndpointSync, StreamStatus, SubscriptionStateManager
from upbit_ws_qt.types import WebSocketType
from upbit_ws_qt.wire import ServerError, ServerStatus, SubscriptionList, decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.specs import SubscriptionSpec
    from upbit_ws_qt.streams import StreamKey

Entry = tuple[Any, ...]
LATENCY = 0.01


class ModelExchange:
    """What the protocol sheet says about requests, and a few ways to be otherwise.

    Attributes:
        unknown: codes that are accepted and never served.
        refuses: type object -> name of the error that a request with it gets, or None.
        split: what becomes of one type in two ways: "taken", "last" (only the last object of a type counts),
            "unsnapped" (no snapshot beside realtime-only), "refused".
        forget: how many codes of the next requests are silently left out of the table, one number for each request.
        answers_lists: whether LIST_SUBSCRIPTIONS is answered; "error" refuses it.
        busy_until: loop time before which it reads nothing that was sent to it.
        snapshot_pause: seconds between one snapshot and the next.
    """

    def __init__(self) -> None:
        self.unknown: set[str] = set()
        self.refuses: Callable[[dict[str, Any]], str | None] = lambda entry: None
        self.split = "taken"
        self.forget: deque[int] = deque()
        self.answers_lists: bool | str = True
        self.busy_until = 0.0
        self.snapshot_pause = 0.0
        self.lines: list[ModelLine] = []
        self.violations = 0
        self.refused = 0
        self.snapshots: list[tuple[str, str]] = []
        self.requests: list[list[dict[str, Any]]] = []
        self.lists = 0
        self.closes_after_error = True

    @property
    def line(self) -> ModelLine:
        return self.lines[-1]

    def handle(self, line: ModelLine, data: bytes, now: float) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() < self.busy_until:
            loop.call_at(self.busy_until, self.handle, line, data, now)
            return
        if not line.is_open or line.doomed:
            return
        if not line.count(now):
            self.violations += 1
            self.fail(line, "TOO_MANY_REQUEST")
            return
        parts = json.loads(data)
        assert "ticket" in parts[0]
        assert "format" in parts[-1]
        line.format = parts[-1]["format"]
        body = parts[1:-1]
        if "method" in body[0]:
            self.list(line, parts[0]["ticket"])
            return
        self.requests.append(body)
        error = next((name for entry in body if (name := self.refuses(entry))), None)
        if self.split == "refused" and mixed_types(body):
            error = "WRONG_FORMAT"
        if error is not None:
            self.refused += 1
            self.fail(line, error)
            return
        self.subscribe(line, body)

    def subscribe(self, line: ModelLine, body: list[dict[str, Any]]) -> None:
        mixed = mixed_types(body)
        if self.split == "last":
            body = list({entry["type"]: entry for entry in body}.values())
        left_out = self.forget.popleft() if self.forget else 0
        table: dict[Entry, dict[str, Any]] = {}
        codes = [code for entry in body for code in entry.get("codes", ())]
        hidden = set(codes[len(codes) - left_out :]) if left_out else set()
        for entry in body:
            if entry.get("is_only_snapshot"):
                continue
            for code in entry.get("codes") or ("",):
                if code not in hidden:
                    table[entry["type"], code, str(entry.get("level", 0))] = entry
        line.table = table
        later = 0.0
        for entry in body:
            is_unsnapped = self.split == "unsnapped" and entry["type"] in mixed
            if entry.get("is_only_realtime") or is_unsnapped or entry["type"] in ("myOrder", "myAsset", "announcement"):
                continue
            for code in entry.get("codes", ()):
                if code.partition(".")[0] not in self.unknown and code not in hidden:
                    self.snapshots.append((entry["type"], code))
                    line.show(entry["type"], code.partition(".")[0], later=later)
                    later += self.snapshot_pause

    def list(self, line: ModelLine, ticket: str) -> None:
        self.lists += 1
        if self.answers_lists == "error":
            self.fail(line, "WRONG_FORMAT")
        elif self.answers_lists:
            rows: dict[tuple[str, str], list[str]] = {}
            for kind, code, level in line.table:
                rows.setdefault((kind, level), []).extend([code] if code else [])
            result = [
                {
                    "type": kind,
                    **({"codes": codes} if codes else {}),
                    **({"level": float(level)} if level != "0" else {}),
                }
                for (kind, level), codes in rows.items()
            ]
            line.deliver(json.dumps({"method": "LIST_SUBSCRIPTIONS", "result": result, "ticket": ticket}).encode())

    def trade(self, code: str) -> None:
        """Let something happen in a market: what the open lines have of it gets data."""
        for line in self.lines:
            if line.is_open and not line.doomed and code not in self.unknown:
                for kind, name, _ in line.table:
                    if name.partition(".")[0] == code:
                        line.show(kind, code, "REALTIME")

    def fail(self, line: ModelLine, name: str) -> None:
        line.doomed = self.closes_after_error
        line.deliver(json.dumps({"error": {"name": name, "message": ""}}).encode())
        if self.closes_after_error:
            asyncio.get_running_loop().call_later(0.16, line.drop)

    def table(self) -> set[Entry]:
        return set(self.line.table) if self.lines and self.line.is_open else set()


def mixed_types(body: list[dict[str, Any]]) -> set[str]:
    """Return the types that a request asks for both realtime only and otherwise."""
    realtime = {entry["type"] for entry in body if entry.get("is_only_realtime")}
    return realtime & {entry["type"] for entry in body if not entry.get("is_only_realtime")}


class ModelLine:
    """One connection, both ends of it."""

    def __init__(self, exchange: ModelExchange, ws_type: WebSocketType, limiter: MessageLimiter) -> None:
        self._exchange = exchange
        self._loop = asyncio.get_running_loop()
        self._arrivals: deque[float] = deque()
        self._unread: list[bytes] | None = None
        self.ws_type = ws_type
        self.limiter = limiter
        self.control: Callable[[ServerError | ServerStatus | SubscriptionList], None] | None = None
        self.observer: Callable[[bytes | str], None] | None = None
        self.closed = asyncio.Event()
        self.table: dict[Entry, dict[str, Any]] = {}
        self.format = ""
        self.doomed = False
        self.sent: list[tuple[float, bytes]] = []
        exchange.lines.append(self)

    def listen(self, control: Callable[[ServerError | ServerStatus | SubscriptionList], None] | None) -> None:
        self.control = control

    def observe(self, observer: Callable[[bytes | str], None] | None) -> None:
        self.observer = observer

    @property
    def is_open(self) -> bool:
        return not self.closed.is_set()

    def is_watched(self) -> bool:
        return self.observer is not None

    async def send(self, data: bytes) -> None:
        if not self.is_open:
            raise ConnectionLostError(self.ws_type.value, "closed")
        await asyncio.sleep(0)
        now = self._loop.time()
        self.sent.append((now, data))
        self._loop.call_later(LATENCY, self._exchange.handle, self, data, now)

    def count(self, now: float) -> bool:
        """Whether a message is within the limits: 5 a second, 100 a minute."""
        while self._arrivals and self._arrivals[0] <= now - 60.0:
            self._arrivals.popleft()
        if len(self._arrivals) >= 100 or sum(1 for at in self._arrivals if at > now - 1.0) >= 5:
            return False
        self._arrivals.append(now)
        return True

    def show(self, kind: str, code: str, stream_type: str = "SNAPSHOT", *, later: float = 0.0) -> None:
        """Send a frame that says little more than which stream it is of."""
        keys = ("ty", "cd", "st") if "SIMPLE" in self.format else ("type", "code", "stream_type")
        frame = json.dumps(dict(zip(keys, (kind, code, stream_type), strict=True)), separators=(",", ":"))
        self.deliver(frame.encode(), later)

    def deliver(self, frame: bytes, later: float = 0.0) -> None:
        self._loop.call_later(LATENCY + later, self._receive, frame)

    def hold(self) -> None:
        """Keep what comes unread, as a loop does that is busy."""
        self._unread = []

    def release(self) -> None:
        """Have what was kept read in the loop's next turn."""
        unread, self._unread = self._unread or [], None
        for frame in unread:
            self._loop.call_soon(self._receive, frame)

    def drop(self) -> None:
        self.closed.set()

    def _receive(self, frame: bytes) -> None:
        if not self.is_open:
            return
        if self._unread is not None:
            self._unread.append(frame)
            return
        if frame.startswith((b'{"type', b'{"ty')):
            if self.observer is not None:
                self.observer(frame)
            return
        (message,) = decode(frame)
        assert isinstance(message, (ServerError, ServerStatus, SubscriptionList))
        if isinstance(message, ServerError) and message.name == "TOO_MANY_REQUEST":
            self.limiter.refused(self._loop.time())
        if self.control is not None:
            self.control(message)


class Desk:
    """State, synchronisation and a connection that dials again whenever its line is lost."""

    def __init__(
        self, exchange: ModelExchange, config: ServiceConfig, ws_type: WebSocketType = WebSocketType.PUBLIC
    ) -> None:
        self.exchange = exchange
        self.ws_type = ws_type
        self.loop = asyncio.get_running_loop()
        self.state = SubscriptionStateManager(clock=self.loop.time)
        self.told: list[tuple[StreamKey, StreamStatus]] = []
        self.reasons: dict[StreamKey, SubscriptionError | None] = {}
        self.rejected: list[tuple[str, SubscriptionError]] = []
        self.errors: list[Exception] = []
        self.limiter = MessageLimiter()
        self.dials = itertools.count()
        self._line: Any = None
        self.is_serving = False
        self._changing = asyncio.Lock()
        self.sync = EndpointSync(
            ws_type,
            self.state,
            config,
            on_status=self._on_status,
            on_rejected=lambda component, error: self.rejected.append((component, error)),
        )
        self.task = self.loop.create_task(self._live())

    def _on_status(self, stream: StreamKey, status: StreamStatus, error: SubscriptionError | None) -> None:
        self.told.append((stream, status))
        self.reasons[stream] = error

    def want(self, component_id: str, *specs: SubscriptionSpec) -> None:
        self.state.replace(component_id, specs)
        self.sync.wishes_changed()

    def dial(self) -> ModelLine:
        self.limiter = self.limiter.successor()
        return ModelLine(self.exchange, self.ws_type, self.limiter)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def needs_line(self) -> bool:
        return self.sync.is_wanted

    def status(self, spec: SubscriptionSpec) -> set[StreamStatus]:
        return {self.sync.status(stream) for stream in streams_of(spec)}

    async def open_line(self) -> Any:
        """Dial, or what stands for it."""
        return self.dial()

    async def settled(self) -> None:
        """Wait until every wanted stream is judged and nobody is under suspicion."""
        for _ in range(4000):
            await asyncio.sleep(0.05)
            if self.exchange.lines and self.exchange.line.is_open and self.is_quiet():
                return
        raise AssertionError(f"never quiet: {self.sync.statistics()}")

    def is_quiet(self) -> bool:
        wanted = {s for s, d in self.state.demand(self.ws_type).items() if d.realtime}
        statuses = {self.sync.status(stream) for stream in wanted}
        waiting = {StreamStatus.WANTED, StreamStatus.REQUESTED}
        return not (statuses & waiting) and not self.sync.is_searching

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.sync.stop()

    async def take_over(self) -> None:
        """Change lines as planned, as for a new token: the new one is proved before the old one goes."""
        if not (self.is_serving and self._line.is_open):
            return
        async with self._changing:
            old, new = self._line, self.dial()
            try:
                await self.sync.synchronize(new)
            except (ConnectionLostError, RecoveryError):
                new.drop()
                self.exchange.lines.append(old)
                return
            self._line = new
            old.drop()

    async def _live(self) -> None:
        while True:
            next(self.dials)
            self.is_serving = False
            self._line = await self.open_line()
            try:
                await self.sync.synchronize(self._line)
            except (ConnectionLostError, RecoveryError) as error:
                self.errors.append(error)
                self._line.drop()
                await asyncio.sleep(0.05)
                continue
            self.is_serving = True
            while self._line.is_open:
                await self._line.closed.wait()
                async with self._changing:  # a change that is under way may bring another line
                    pass
            self.sync.line_lost()
            await asyncio.sleep(0.05)
