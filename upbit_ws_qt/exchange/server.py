"""The embedded exchange: a server on loopback that runs on the current event loop."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from .clock import ExchangeClock
from .control import Control
from .faults import FaultBoard
from .hub import Hub
from .line import Line
from .pump import Pump
from .reception import Reception
from .recording import Recorder, load_recording
from .replay import ReplayWorld
from .requests import ENDPOINTS
from .settings import ExchangeSettings
from .views import ConnectionView, Counters
from .world import World, WorldSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from decimal import Decimal
    from types import TracebackType

    from .messages import Change


class EmbeddedExchange:
    """A whole Upbit on loopback; `async with` starts and stops it.

    Raises:
        OSError: From `start`, if the port is taken.
    """

    def __init__(self, settings: ExchangeSettings | None = None) -> None:
        self.settings = settings or ExchangeSettings()
        self.world = make_world(self.settings)
        self._counters = Counters()
        self._server: asyncio.Server | None = None
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
        """Listen and let time run. May be called once.

        Raises:
            OSError: If the port is taken, or the file to record to cannot be written.
        """
        loop = asyncio.get_running_loop()
        settings, counters = self.settings, self._counters
        self._clock = ExchangeClock(self.world.now_ms, loop.time, settings.time_scale, running=not settings.stopped)
        self._hub = hub = Hub(settings, self.world, counters, now=loop.time, later=self._later)
        self._pump = Pump(hub, self._clock, counters)
        self._reception = reception = Reception(settings, counters, hub, self._pump)
        self.faults = reception.faults = FaultBoard(hub, counters, self._later, self._announce_maintenance)
        hub.hide_codes, hub.on_message_violation = self.faults.hide_codes, reception.note_message_violation
        if settings.control:
            reception.control = Control(self)
        if settings.record is not None:
            reception.recorder = Recorder(settings.record, self.world)
        try:
            self._server = await loop.create_server(
                lambda: Line(reception, settings.max_request), settings.host, settings.port, backlog=512
            )
        except OSError:
            if reception.recorder is not None:
                reception.recorder.close()
            raise
        self._port = self._server.sockets[0].getsockname()[1]
        self._pump.start()

    async def stop(self) -> None:
        """Cut all lines, free the port, close the recording; idempotent."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        self._pump.stop()
        if self._reception.control is not None:
            await self._reception.control.stop()
        await self._reception.clear()
        await server.wait_closed()
        if self._reception.recorder is not None:
            self._reception.recorder.close()
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
            frames_sent=self._reception.frames_of_closed + live,
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

    @property
    def clock(self) -> ExchangeClock:
        """The exchange's clock, to read."""
        return self._clock

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

    def place_order(self, *order: Any, **terms: Any) -> list[Change]:
        """Place an order as `World.account.place` does and deliver what follows; the first change has its `.uuid`."""
        return self._delivered(self.world.account.place(*order, **terms))

    def fill_order(self, uuid: str, volume: Decimal | None = None, **terms: Any) -> list[Change]:
        """Fill an open order by `volume`, None for the rest (`World.account.fill`), and deliver what follows."""
        return self._delivered(self.world.account.fill(uuid, volume, **terms))

    def cancel_order(self, uuid: str) -> list[Change]:
        """Cancel an open order and deliver what follows."""
        return self._delivered(self.world.account.cancel(uuid))

    def trigger_order(self, uuid: str) -> list[Change]:
        """Turn a reserved order into a waiting one and deliver what follows."""
        return self._delivered(self.world.account.trigger(uuid))

    def prevent_order(self, uuid: str, volume: Decimal | None = None) -> list[Change]:
        """Let self-match prevention take `volume`, None for the rest, and deliver what follows."""
        return self._delivered(self.world.account.prevent(uuid, volume))

    def publish_announcement(self, title: str, category: str = "notice", **parts: Any) -> list[Change]:
        """Publish an announcement (`World.publish_announcement`) and deliver it; the change has its `.uuid`."""
        return self._delivered(self.world.publish_announcement(title, category, **parts))

    def update_announcement(self, uuid: str, **parts: Any) -> list[Change]:
        """Change what is given of an announcement and deliver the change."""
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

    # Inside.

    def _later(self, seconds: float, callback: Callable[[], None]) -> None:
        self._pump.later(seconds, callback)

    def _announce_maintenance(self) -> None:
        self.publish_announcement(
            "긴급 서버 점검 안내",
            "maintenance",
            body="곧 서버 점검이 시작됩니다. Maintenance begins shortly.",
        )

    def _delivered(self, changes: list[Change]) -> list[Change]:
        self.deliver(changes)
        return changes

    def _url(self, scheme: str, path: str) -> str:
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        return f"{scheme}://{host}:{self._port}{path}"


def make_world(settings: ExchangeSettings) -> World:
    """Return the market that the settings ask for.

    Raises:
        ReplayError: If there is a file to replay and it cannot be read.
    """
    if settings.replay is not None:
        return ReplayWorld(load_recording(settings.replay), WorldSettings(seed=settings.seed))
    return World(
        WorldSettings(
            seed=settings.seed,
            markets=settings.markets,
            rate=settings.rate,
            start_ms=settings.start_ms,
            demo=settings.demo,
        )
    )


def _require_endpoint(endpoint: str) -> None:
    if endpoint not in ENDPOINTS:
        raise ValueError(f"endpoint must be one of {', '.join(ENDPOINTS)}, not {endpoint!r}")
