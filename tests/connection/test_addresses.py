"""Several addresses of one host: what failed lately is dialled last, and a dial goes on where nobody was reached."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from typing import TYPE_CHECKING

import pytest

from tests.connection.kit import TICKERS, Rig, rig_for, until
from tests.connection.peers import CANARY
from tests.connection.test_tls import make_certificate, tls_server
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.connection import Addresses, DialError, DialRequest, open_socket
from upbit_ws_qt.connection.addresses import FORGIVEN_AFTER
from upbit_ws_qt.connection.socket import make_tls_context
from upbit_ws_qt.types import ConnectionState, WebSocketType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from upbit_ws_qt.exchange import EmbeddedExchange

HOST = "exchange.test"


class Names:
    """A resolver that a test decides about, and a clock of its own."""

    def __init__(self, *addresses: str) -> None:
        self.now = 1000.0
        self.found = list(addresses)
        self.asked: list[tuple[str, int]] = []
        self.addresses = Addresses(self.resolve, lambda: self.now)

    async def resolve(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        if not self.found:
            raise socket.gaierror(socket.EAI_NONAME, "no such host")
        return list(self.found)


async def test_what_failed_comes_last_until_it_is_forgiven() -> None:
    names = Names("a", "b", "c", "a")
    of = names.addresses.of
    assert await of(HOST, 443) == ["a", "b", "c"]
    names.addresses.failed("a")
    assert await of(HOST, 443) == ["b", "c", "a"]
    names.now += 10
    names.addresses.failed("b")
    assert await of(HOST, 443) == ["c", "a", "b"], "the one that failed longest ago is the next to be tried"
    assert names.addresses.avoided == 2
    names.addresses.answered("b")
    assert await of(HOST, 443) == ["b", "c", "a"]
    names.now += FORGIVEN_AFTER
    assert await of(HOST, 443) == ["a", "b", "c"]
    assert names.addresses.avoided == 0


async def test_an_address_needs_no_resolver() -> None:
    names = Names()
    assert await names.addresses.of("127.0.0.1", 1) == ["127.0.0.1"]
    assert await names.addresses.of("::1", 1) == ["::1"]
    assert names.asked == []


async def test_what_is_remembered_is_bounded() -> None:
    names = Names("good")
    for number in range(1000):
        names.addresses.failed(f"10.0.{number // 256}.{number % 256}")
    assert names.addresses.avoided < 100


async def test_the_systems_resolver_is_asked_by_default() -> None:
    assert set(await Addresses().of("localhost", 443)) & {"127.0.0.1", "::1"}


def request(port: int, names: Names, certificate: Path, **settings: float) -> DialRequest:
    frames: list[bytes] = []
    tls = make_tls_context()
    tls.load_verify_locations(certificate)
    return DialRequest(
        ws_type=WebSocketType.PRIVATE,
        url=f"wss://{HOST}:{port}/",
        config=ServiceConfig.testing(**settings),
        make_token=lambda: CANARY,
        on_frames=lambda messages, _: frames.extend(messages),
        on_pong=lambda rtt, now: None,
        watch_silence=False,
        tls=tls,
        wall_clock=time.time,
        addresses=names.addresses,
    )


@contextlib.asynccontextmanager
async def exchange_at(folder: Path, address: str) -> AsyncIterator[tuple[int, Path]]:
    certificate = make_certificate(folder, HOST)
    async with tls_server(certificate, address) as url:
        yield int(url.rstrip("/").rpartition(":")[2]), certificate


@pytest.mark.statement("P1.8")
async def test_a_dial_goes_on_to_the_next_address_where_nobody_was_reached(tmp_path: Path) -> None:
    async with exchange_at(tmp_path, "127.0.0.3") as (port, certificate):
        names = Names("127.0.0.1", "127.0.0.2", "127.0.0.3")
        dialled = await open_socket(request(port, names, certificate))
        assert dialled.figures().peer == "127.0.0.3"
        await dialled.close()
        assert await names.addresses.of(HOST, port) == ["127.0.0.3", "127.0.0.1", "127.0.0.2"]


async def test_after_an_answer_that_is_no_handshake_the_next_dial_goes_elsewhere(tmp_path: Path) -> None:
    """Not the same dial: the exchange may have counted it."""
    reached = 0

    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal reached
        reached += 1
        writer.close()

    async with exchange_at(tmp_path, "127.0.0.3") as (port, certificate):
        names = Names("127.0.0.2", "127.0.0.3")
        async with await asyncio.start_server(drop, "127.0.0.2", port):
            with pytest.raises(DialError):
                await open_socket(request(port, names, certificate))
            dialled = await open_socket(request(port, names, certificate))
            assert dialled.figures().peer == "127.0.0.3"
            await dialled.close()
    assert reached == 1


async def test_an_address_that_swallows_everything_costs_one_dial(tmp_path: Path) -> None:
    swallowed: set[asyncio.StreamWriter] = set()

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        swallowed.add(writer)
        await reader.read()
        writer.close()

    async with exchange_at(tmp_path, "127.0.0.3") as (port, certificate):
        names = Names("127.0.0.2", "127.0.0.3")
        async with await asyncio.start_server(swallow, "127.0.0.2", port):
            with pytest.raises(DialError) as caught:
                await open_socket(request(port, names, certificate, connect_timeout=0.05))
            assert caught.value.kind == "timeout"
            dialled = await open_socket(request(port, names, certificate))
            assert dialled.figures().peer == "127.0.0.3"
            await dialled.close()
    assert len(swallowed) == 1


async def test_a_host_that_is_not_found_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(DialError, match="not found") as caught:
        await open_socket(request(1, Names(), make_certificate(tmp_path, HOST)))
    assert caught.value.kind == "network"


async def test_a_resolver_that_hangs_ends_with_the_dial(tmp_path: Path) -> None:
    async def hang(host: str, port: int) -> list[str]:
        await asyncio.get_running_loop().create_future()
        return [host]

    names = Names()
    names.addresses = Addresses(hang)
    with pytest.raises(DialError) as caught:
        await open_socket(request(1, names, make_certificate(tmp_path, HOST), connect_timeout=0.05))
    assert caught.value.kind == "timeout"


async def test_a_dial_that_is_given_up_accuses_nobody(tmp_path: Path) -> None:
    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await reader.read()
        writer.close()

    reached = asyncio.Event()
    names = Names("127.0.0.2", "127.0.0.3")
    async with await asyncio.start_server(hold, "127.0.0.2", 0) as running:
        port = running.sockets[0].getsockname()[1]
        dial = asyncio.ensure_future(open_socket(request(port, names, make_certificate(tmp_path, HOST))))
        await reached.wait()
        dial.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dial
    assert names.addresses.avoided == 0


async def test_a_line_tells_its_address_and_what_the_exchange_left_of_the_budget(exchange: EmbeddedExchange) -> None:
    async with rig_for(exchange, TICKERS) as rig:
        await rig.connected()
        figures = rig.connection.figures()
        assert figures.carried.peer == "127.0.0.1"
        assert figures.addresses_avoided == 0
        budget = figures.carried.connect_budget
        assert budget is not None
        assert (budget.left, budget.group, budget.by_ip) == (4, "websocket", True)


async def test_a_connection_counts_the_addresses_that_it_avoids() -> None:
    rig = Rig(ServiceConfig.testing(public_url="ws://127.0.0.1:9/"))
    rig.connection.set_wanted(True)
    await until(lambda: rig.connection.state is ConnectionState.RECONNECTING)
    assert rig.connection.figures().addresses_avoided == 1
    await rig.stop()
