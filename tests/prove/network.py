"""A network of which everything can be said: delay, jitter, partitions, lines that are dead and do not know it."""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

__all__ = ["HOST", "LOOPBACK", "End", "Listener", "Network"]

LOOPBACK = "127.0.0.1"
HOST: ContextVar[str] = ContextVar("HOST", default="10.0.0.1")
"""The address from which the present task dials."""

WINDOW = 64 * 1024
"""Bytes under way that a sender need not wait for."""
HIGH_WATER = 64 * 1024
GIVEN_UP_AFTER = 60.0
"""Seconds after which a system gives up what it has sent on a dead line."""
RETRANSMITTED_WITHIN = 1.0
"""Seconds after the end of a partition until what waited comes through."""


class Listener:
    """Who accepts connections on a port."""

    def __init__(self, network: Network, port: int, factory: Callable[[], asyncio.BaseProtocol]) -> None:
        self._network = network
        self.port = port
        self.factory = factory

    @property
    def sockets(self) -> tuple[Listener, ...]:
        """What is asked for its address."""
        return (self,)

    def getsockname(self) -> tuple[str, int]:
        """Return where it listens."""
        return (LOOPBACK, self.port)

    def close(self) -> None:
        """Accept nobody any more."""
        self._network.listeners.pop(self.port, None)

    async def wait_closed(self) -> None:
        """Return at once: connections are the exchange's business."""


class End(asyncio.Transport):
    """One end of a connection."""

    def __init__(self, network: Network, host: str, peer_address: tuple[str, int], address: tuple[str, int]) -> None:
        super().__init__({"peername": peer_address, "sockname": address})
        self.network = network
        self.host = host  # whose network it depends on: the client's
        self.other: End
        self.dead = False
        self._loop = network.loop
        self._protocol: Any = None
        self._arriving: deque[tuple[float, str, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._last_at = 0.0
        self._reading = True
        self._closing = False
        self._lost = False
        self._eof_sent = False
        self._under_way = 0  # bytes that this end has sent and the other has not got
        self._high, self._low = HIGH_WATER, HIGH_WATER // 4
        self._protocol_paused = False

    def start(self, protocol: Any) -> None:
        """Put a protocol on it."""
        self._protocol = protocol
        protocol.connection_made(self)

    # -- asyncio's interface
    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send."""
        if data and not (self._closing or self._lost or self._eof_sent):
            self.network.on_sent(self, data)
            self._under_way += len(data)
            self._send("data", bytes(data))
            self._look_at_buffer()

    def write_eof(self) -> None:
        """Send no more."""
        if not (self._eof_sent or self._closing or self._lost):
            self._eof_sent = True
            self._send("eof")

    def can_write_eof(self) -> bool:
        """Whether the connection can be closed by halves."""
        return True

    def close(self) -> None:
        """Send what was written, then end."""
        if not (self._closing or self._lost):
            if not self._eof_sent:
                self._send("eof")
            self._end(None)

    def abort(self) -> None:
        """Reset the connection."""
        if not self._lost and not (self._closing and self._protocol is None):
            self._send("reset")
            self._end(None)

    def is_closing(self) -> bool:
        """Whether it is on its way out."""
        return self._closing

    def pause_reading(self) -> None:
        """Take nothing more."""
        self._reading = False

    def resume_reading(self) -> None:
        """Go on."""
        self._reading = True
        self._arm()

    def is_reading(self) -> bool:
        """Whether it takes what comes."""
        return self._reading

    def get_write_buffer_size(self) -> int:
        """Return what could not be sent yet."""
        return max(0, self._under_way - WINDOW)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return when the protocol is paused and resumed."""
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Say when the protocol is paused."""
        self._high = HIGH_WATER if high is None else high
        self._low = self._high // 4 if low is None else low

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Put another protocol on it."""
        self._protocol = protocol

    def get_protocol(self) -> Any:
        """Return the protocol."""
        return self._protocol

    # -- the wire
    @property
    def is_lost(self) -> bool:
        """Whether it has ended."""
        return self._lost

    def take(self, kind: str, data: bytes, at: float) -> None:
        """Have something arrive at a time, behind all that is under way; where nobody is left, that is told."""
        if self._lost and not self.dead:
            if kind == "data" and not self.other.dead:
                self.network.carry(self.host, self.other, "reset", b"")
            return
        self._last_at = max(self._last_at, at)
        self._arriving.append((self._last_at, kind, data))
        self._arm()

    def go_dead(self) -> None:
        """Lose all that is under way, and whatever is sent from now on."""
        self.dead = True
        self._arriving.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def fail(self, error: Exception | None) -> None:
        """End without having been asked to."""
        if not self._lost:
            self._end(error)

    def got_through(self, size: int) -> None:
        """Note that the other end has taken so many bytes."""
        self._under_way -= size
        if self._protocol_paused and self.get_write_buffer_size() <= self._low:
            self._protocol_paused = False
            if not self._lost:
                self._protocol.resume_writing()

    def _look_at_buffer(self) -> None:
        if not self._protocol_paused and self.get_write_buffer_size() > self._high:
            self._protocol_paused = True
            self._protocol.pause_writing()

    def _send(self, kind: str, data: bytes = b"") -> None:
        if self.dead:
            self.network.gives_up(self)
        else:
            self.network.carry(self.host, self.other, kind, data)

    def _arm(self) -> None:
        if self._timer is None and self._arriving and self._reading and not self._lost:
            self._timer = self._loop.call_at(self._arriving[0][0], self._arrive)

    def _arrive(self) -> None:
        self._timer = None
        arriving, now = self._arriving, self._loop.time() + 1e-9
        pieces: list[bytes] = []
        end = ""
        while arriving and arriving[0][0] <= now and not end:
            _, kind, data = arriving.popleft()
            if kind == "data":
                pieces.append(data)
            else:
                end = kind
        whole = b"".join(pieces)
        if whole and not self._closing:
            cut = self.network.cut_at(len(whole))
            for part in (whole[:cut], whole[cut:]) if cut else (whole,):
                if not self.is_closing():
                    self._protocol.data_received(part)
        if whole:
            self.other.got_through(len(whole))
        if end == "eof" and not (self._closing or self._lost):
            if not self._protocol.eof_received():
                self.close()
        elif end == "reset":
            self.fail(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))
        self._arm()

    def _end(self, error: Exception | None) -> None:
        already, self._closing = self._closing, True
        if not already:
            self._loop.call_soon(self._finish, error)

    def _finish(self, error: Exception | None) -> None:
        self._lost = True
        self._arriving.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.network.forget(self)
        self._protocol.connection_lost(error)


class Network:
    """Carries bytes between hosts and the exchange.

    Attributes:
        listeners: by port.
        ends: of all connections that are open.
        delay: seconds one way, at least.
        jitter: seconds that it may take longer.
        fragments: share of what arrives that comes in two pieces.
        on_sent: is told what is sent, by which end, before anything can happen to it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, random: Random) -> None:
        self.loop = loop
        self.random = random
        self.listeners: dict[int, Listener] = {}
        self.ends: dict[End, None] = {}
        self.delay = 0.005
        self.jitter = 0.0
        self.fragments = 0.0
        self.on_sent: Callable[[End, bytes | bytearray | memoryview], None] = lambda end, data: None
        self._cut_off: set[str] = set()
        self._waiting: list[tuple[str, End, str, bytes]] = []
        self._healed = asyncio.Event()
        self._given_up: dict[End, asyncio.TimerHandle] = {}
        self._next_port = 40_000
        self._client_port = 50_000

    def listen(self, factory: Callable[[], asyncio.BaseProtocol], port: int) -> Listener:
        """Accept connections on a port, 0 for any."""
        if not port:
            self._next_port += 1
            port = self._next_port
        if port in self.listeners:
            raise OSError(errno.EADDRINUSE, "Address already in use")
        self.listeners[port] = Listener(self, port, factory)
        return self.listeners[port]

    async def connect(
        self, host: str, port: int, factory: Callable[[], asyncio.BaseProtocol]
    ) -> tuple[End, asyncio.BaseProtocol]:
        """Connect from a host to a port; ConnectionRefusedError where nobody listens."""
        await asyncio.sleep(self._time_needed())
        await self._passable(host)
        listener = self.listeners.get(port)
        if listener is None:
            await asyncio.sleep(self._time_needed())
            raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
        self._client_port += 1
        here, there = (host, self._client_port), (LOOPBACK, port)
        client, server = End(self, host, there, here), End(self, host, here, there)
        client.other, server.other = server, client
        self.ends[client] = self.ends[server] = None
        server.start(listener.factory())
        try:
            await asyncio.sleep(self._time_needed())
            await self._passable(host)
        except BaseException:
            self.ends.pop(client, None)
            server.fail(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))
            raise
        protocol = factory()
        client.start(protocol)
        if server.is_lost or server.is_closing():
            pass  # what it has sent before it went is on its way
        return client, protocol

    def carry(self, host: str, to: End, kind: str, data: bytes) -> None:
        """Take something to the other end."""
        if host in self._cut_off:
            self._waiting.append((host, to, kind, data))
        else:
            to.take(kind, data, self.loop.time() + self._time_needed())

    def cut_off(self, host: str) -> None:
        """Let nothing through to or from a host; what is sent waits."""
        self._cut_off.add(host)
        self._healed.clear()

    def heal(self) -> None:
        """Let everything through; what has waited comes within a second."""
        self._cut_off.clear()
        waiting, self._waiting = self._waiting, []
        at = self.loop.time() + self.random.uniform(0.0, RETRANSMITTED_WITHIN)
        for _, to, kind, data in waiting:
            if not to.dead:
                to.take(kind, data, at)
        self._healed.set()

    def kill(self, end: End) -> None:
        """Have a connection be dead without anybody noticing: what is sent on it never arrives."""
        for each in (end, end.other):
            each.go_dead()

    def lines_of(self, host: str) -> list[End]:
        """Return the client's ends of a host's connections."""
        return [end for end in self.ends if end.host == host and end.get_extra_info("sockname")[0] == host]

    def gives_up(self, end: End) -> None:
        """Have the system give up on a dead connection some time after something was sent on it."""
        if end not in self._given_up:
            error = TimeoutError(errno.ETIMEDOUT, "Connection timed out")
            self._given_up[end] = self.loop.call_later(GIVEN_UP_AFTER, end.fail, error)

    def forget(self, end: End) -> None:
        """Let go of an end."""
        self.ends.pop(end, None)
        timer = self._given_up.pop(end, None)
        if timer is not None:
            timer.cancel()
        if end.dead and not end.other.is_lost:  # nobody will ever tell the other end
            self.gives_up(end.other)

    def cut_at(self, size: int) -> int:
        """Return where what arrives is cut in two, 0 for nowhere."""
        return self.random.randrange(size) if self.fragments and self.random.random() < self.fragments else 0

    def _time_needed(self) -> float:
        return self.delay + (self.random.random() * self.jitter if self.jitter else 0.0)

    async def _passable(self, host: str) -> None:
        while host in self._cut_off:
            self._healed.clear()
            await self._healed.wait()
