"""The embedded exchange: a server on loopback that runs on the current event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from .acceptor import Acceptor
from .by_hand import ByHand
from .control import Control
from .line import Line
from .recording import load_recording, make_recorder
from .regions import REGIONS
from .replay import ReplayWorld
from .settings import ExchangeSettings
from .world import World, WorldSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


class EmbeddedExchange(ByHand):
    """A whole Upbit on loopback; `async with` starts and stops it.

    What it can be asked, it can be asked before it is started and after it was stopped too: then nobody is connected.

    Args:
        settings: The defaults where there are none.
        now: The clock, in seconds, of limits, blocks, delays and timeouts, and of exchange time; the loop's where
            there is none.

    Raises:
        OSError: From `start`, if the port is taken.
        RuntimeError: From `start`, if it was started before.
    """

    def __init__(self, settings: ExchangeSettings | None = None, *, now: Callable[[], float] | None = None) -> None:
        settings = settings or ExchangeSettings()
        self._loop_clock = _LoopClock()
        super().__init__(settings, make_world(settings), now or self._loop_clock)
        self._server: asyncio.Server | None = None
        self._acceptor: Acceptor | None = None
        self._port = 0

    def __repr__(self) -> str:
        where = f"{self.settings.host}:{self._port}" if self._server is not None else "not listening"
        return f"<EmbeddedExchange {where} {len(self.world.markets)} markets, {len(self.connections)} connections>"

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
            RuntimeError: If it was called before.
        """
        if self._acceptor is not None:
            raise RuntimeError("an exchange can be started once: make a new one")
        settings = self.settings
        self._loop_clock.loop = asyncio.get_running_loop()
        self._acceptor = acceptor = Acceptor(settings, self._counters, self._hub, self._pump, self.faults, self._now)
        self._hub.on_message_violation = acceptor.note_message_violation
        if settings.control:
            acceptor.control = Control(self)
        try:
            if settings.record is not None:
                acceptor.recorder = make_recorder(settings.record, self.world)
            self._server = await asyncio.get_running_loop().create_server(
                lambda: Line(acceptor, settings.max_request), settings.host, settings.port, backlog=512
            )
        except OSError:
            self._acceptor = None
            if acceptor.recorder is not None:
                acceptor.recorder.close()
            raise
        self._port = self._server.sockets[0].getsockname()[1]
        if not settings.stopped:
            self._clock.go_on()
        self._pump.start()

    async def stop(self) -> None:
        """Cut all lines, free the port, close the recording; idempotent."""
        if self._server is None or self._acceptor is None:
            return
        server, self._server = self._server, None
        server.close()
        self._pump.stop()
        if self._acceptor.control is not None:
            await self._acceptor.control.stop()
        await self._acceptor.clear()
        await server.wait_closed()
        if self._acceptor.recorder is not None:
            self._acceptor.recorder.close()
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
        """WebSocket address of the info endpoint, "" where the region has none."""
        return self._url("ws", "/websocket/v1/info") if REGIONS[self.settings.region].has_info else ""

    @property
    def rest_url(self) -> str:
        """Base address of the REST calls, without a slash at the end."""
        return self._url("http", "")

    @property
    def region(self) -> str:
        """The country whose protocol is spoken."""
        return self.settings.region

    @property
    def access_key(self) -> str:
        """The dummy access key."""
        return self.settings.access_key

    @property
    def secret_key(self) -> str:
        """The dummy secret key."""
        return self.settings.secret_key

    # Inside.

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
            region=settings.region,
            full=settings.full_market,
            demo=settings.demo,
        )
    )


class _LoopClock:
    """The clock of the loop that the exchange was started on, of the running one before that."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None

    def __call__(self) -> float:
        return (self.loop or asyncio.get_running_loop()).time()
