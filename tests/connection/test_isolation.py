"""A connection with a thread of its own lives on while this thread is frozen."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.connection.kit import Rig, config_for, until
from tests.connection.peers import Client
from tests.waiting import at_leisure
from upbit_ws_qt.connection import ConnectLimiter, DialError, IsolatedHost
from upbit_ws_qt.errors import ConnectionLostError
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import DataType, WebSocketType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from upbit_ws_qt.exchange import EmbeddedExchange

pytestmark = pytest.mark.real_time  # a line in a thread has a loop of its own
TRADES = SubscriptionSpec(DataType.TRADE, ["KRW-BTC"])


@contextlib.asynccontextmanager
async def isolated(exchange: EmbeddedExchange, *specs: SubscriptionSpec) -> AsyncIterator[Rig]:
    host = IsolatedHost(WebSocketType.PUBLIC)
    rig = Rig(config_for(exchange), WebSocketType.PUBLIC, specs, connect=host.connect, limiter=ConnectLimiter(100))
    rig.connection.set_wanted(True)
    try:
        yield rig
    finally:
        with at_leisure() as seconds:
            await rig.stop()
            await host.stop()
            await host.stop()
            assert seconds() < 2
        await until(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("upbit-")])


class Pinger:
    """A server in a thread of its own that pings its client all the time, sends tickers, and notes when pongs come."""

    def __init__(self) -> None:
        self.pongs: list[int] = []
        self.url = ""
        self._ready = threading.Event()
        self._over: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> Pinger:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        assert self._over is not None
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(30)

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with serve(self._ping, "127.0.0.1", 0, ping_interval=None, close_timeout=0.2) as server:
            self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            self._ready.set()
            await self._over.wait()

    async def _ping(self, connection: ServerConnection) -> None:
        for serial in range(100_000):
            await connection.send(b'{"type":"ticker","code":"KRW-BTC","serial":%d}' % serial)
            await (await connection.ping())
            self.pongs.append(serial)
            await asyncio.sleep(0.002)


@pytest.fixture
def pinger() -> Iterator[Pinger]:
    with Pinger() as running:
        yield running


async def test_pings_are_answered_while_the_program_is_frozen(pinger: Pinger) -> None:
    host = IsolatedHost(WebSocketType.PUBLIC)
    client = Client(inbox_frames=100)
    socket = await host.connect(client.request(pinger.url))
    await until(lambda: client.frames)
    answered = len(pinger.pongs)
    for _ in range(300):  # frozen until what matters has happened, however long the other threads take for it
        time.sleep(0.1)  # noqa: ASYNC251 -- the freeze is what this is about
        if len(pinger.pongs) >= answered + 150:
            break
    assert len(pinger.pongs) >= answered + 150
    await until(lambda: socket.figures().superseded > 0)
    figures = socket.figures()
    await socket.close()
    # More came than may wait: the superseded tickers are dropped and counted, nothing else is.
    figures = socket.figures()
    assert figures.frames == len(client.frames) + figures.superseded
    assert figures.dropped == 0
    await host.stop()


async def test_a_line_in_a_thread_of_its_own_is_restored_and_replaced(exchange: EmbeddedExchange) -> None:
    async with isolated(exchange, TRADES) as rig:
        await rig.served(10)
        exchange.faults.inject("drop", times=1)
        await until(lambda: rig.epoch == 2)
        await rig.served(10)
        await rig.connection.reconnect()
        assert rig.epoch == 3
        await rig.served(10)
        assert [gap.new for gap in rig.gaps] == [2, 3]
        assert [frame.epoch for frame in rig.frames] == sorted(frame.epoch for frame in rig.frames)
        await until(lambda: rig.connection.figures().rtt.count > 0)
        assert rig.connection.figures().carried.frames >= len(rig.frames)


async def test_it_can_be_stopped_at_every_moment(exchange: EmbeddedExchange) -> None:
    for moment in range(10):
        async with isolated(exchange, TRADES):
            await asyncio.sleep(0.003 * moment)
        await until(lambda: not exchange.connections)


async def test_a_failed_dial_is_told_across_the_threads(exchange: EmbeddedExchange) -> None:
    exchange.faults.inject("refuse", status=503)
    host = IsolatedHost(WebSocketType.PUBLIC)
    with pytest.raises(DialError) as caught:
        await host.connect(Client().request(exchange.public_url))
    assert caught.value.status == 503
    await host.stop()


async def test_a_cancelled_dial_leaves_no_socket(exchange: EmbeddedExchange) -> None:
    host = IsolatedHost(WebSocketType.PUBLIC)
    for steps in range(0, 30, 3):
        dial = asyncio.ensure_future(host.connect(Client().request(exchange.public_url)))
        for _ in range(steps):
            await asyncio.sleep(0.0005)
        dial.cancel()
        with contextlib.suppress(asyncio.CancelledError, DialError):
            await (await dial).close()
    await until(lambda: not exchange.connections)
    await host.stop()


async def test_after_the_end_sending_is_a_typed_error(exchange: EmbeddedExchange) -> None:
    host = IsolatedHost(WebSocketType.PUBLIC)
    socket = await host.connect(Client().request(exchange.public_url))
    exchange.faults.inject("drop", times=1)
    await asyncio.wait({socket.closed})
    with pytest.raises(ConnectionLostError):
        await socket.send(b"late")
    await socket.close()
    await host.stop()
    with pytest.raises(ConnectionLostError):
        await socket.send(b"later")


async def test_stopping_the_host_ends_sockets_that_nobody_closed(exchange: EmbeddedExchange) -> None:
    host = IsolatedHost(WebSocketType.PUBLIC)
    socket = await host.connect(Client().request(exchange.public_url))
    await host.stop()
    await until(lambda: socket.closed.done())
    await until(lambda: not exchange.connections)


async def test_a_sink_that_fails_on_the_way_costs_one_frame_and_is_counted() -> None:
    async def send(connection: ServerConnection) -> None:
        for data in (b"1", b"2", b"3"):
            await connection.send(data)
        await connection.wait_closed()

    client, host = Client(), IsolatedHost(WebSocketType.PUBLIC)

    def sink(messages: Iterator[bytes], _: float) -> None:
        for data in messages:
            if data == b"2":
                raise RecursionError("too deep")
            client.frames.append(data)

    async with serve(send, "127.0.0.1", 0, close_timeout=0.2) as running:
        request = client.request(f"ws://127.0.0.1:{running.sockets[0].getsockname()[1]}/")
        socket = await host.connect(replace(request, on_frames=sink))
        await until(lambda: client.frames == [b"1", b"3"])
        assert socket.figures().sink_failures == 1
        assert not socket.closed.done()
        await socket.close()
        await host.stop()


@pytest.mark.qasync_loop
async def test_it_works_beside_a_qt_loop(exchange: EmbeddedExchange) -> None:
    async with isolated(exchange, TRADES) as rig:
        await rig.served(10)
        await rig.connection.reconnect()
        await rig.served(10)
        assert rig.epoch == 2
