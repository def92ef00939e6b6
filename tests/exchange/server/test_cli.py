"""`python -m upbit_ws_qt.exchange`, started as people start it."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.exchange.server.raw import BTC, RawClient
from tests.waiting import at_leisure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROOT = Path(__file__).parents[3]


async def start(*arguments: str) -> asyncio.subprocess.Process:
    """Start the program."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "upbit_ws_qt.exchange",
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, str]]]:
    """Start the program and read its first line; it has to have been ended by the test, or is killed."""
    process = await start("--markets", "5", *arguments)
    assert process.stdout is not None
    try:
        yield process, json.loads(await process.stdout.readline())
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ended(process: asyncio.subprocess.Process) -> tuple[int, str]:
    """Wait for the end and return the exit code and what was logged."""
    _, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, errors.decode()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[RawClient]:
    """Connect to a running program."""
    async with connect(url, proxy=None, ping_interval=None, max_queue=None) as websocket:
        yield RawClient(websocket)


async def control(line: dict[str, str], method: str, path: str, body: object = None) -> Any:
    """Ask the control path once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(line["rest_url"].rpartition(":")[2]))
    data = b"" if body is None else json.dumps(body).encode()
    head = f"{method} /control/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n"
    writer.write(head.encode() + b"Connection: close\r\n\r\n" + data)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return json.loads(answer.partition(b"\r\n\r\n")[2])


async def test_the_first_line_is_the_json_object_of_the_design() -> None:
    async with running() as (process, line):
        assert set(line) == {"public_url", "private_url", "info_url", "rest_url", "access_key", "secret_key"}
        async with connected(line["public_url"]) as public:
            await public.request({"type": "ticker", "codes": [BTC]})
            assert (await public.message())["code"] == BTC
        process.send_signal(signal.SIGTERM)
        assert (await ended(process))[0] == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signals_end_it_within_a_second_with_all_sockets_closed(number: signal.Signals) -> None:
    async with running("--rate", "2000") as (process, line):
        async with connected(line["public_url"]) as public:
            await public.request({"type": "orderbook", "codes": [BTC]})
            await public.message()
            process.send_signal(number)
            with at_leisure() as seconds:
                code, log = await ended(process)
                assert seconds() < 1.0
            with pytest.raises(ConnectionClosed):
                await _read_for_ever(public)
        assert code == 0
        assert "Traceback" not in log


async def _read_for_ever(public: RawClient) -> NoReturn:
    while True:
        await public.frame()


def _taken_port() -> tuple[socket.socket, str]:
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    holder.listen()
    return holder, str(holder.getsockname()[1])


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--host", "0.0.0.0"), "loopback"),  # noqa: S104 -- refused
        (("--host", "example.com"), "loopback"),
        (("--colour", "red"), "--colour"),
        (("--port", "many"), "--port"),
        (("--port", "99999"), "port"),
        (("--rate", "0"), "rate"),
        (("--replay", "/nothing/here"), "/nothing/here"),
        (("--record", "/nothing/here"), "/nothing/here"),
    ],
)
async def test_wrong_use_is_one_clear_line_and_exit_code_2(arguments: tuple[str, ...], word: str) -> None:
    code, errors = await ended(await start(*arguments))
    assert code == 2
    assert len(errors.splitlines()) == 1
    assert word in errors


async def test_a_busy_port_is_one_clear_line_and_exit_code_2() -> None:
    holder, port = _taken_port()
    try:
        code, errors = await ended(await start("--port", port))
    finally:
        holder.close()
    assert code == 2
    assert len(errors.splitlines()) == 1
    assert port in errors


async def test_control_time_scale_and_the_demo_are_there() -> None:
    async with running("--control", "--time-scale", "50") as (process, line):
        assert (await control(line, "GET", "time"))["scale"] == 50
        process.send_signal(signal.SIGTERM)
        assert (await ended(process))[0] == 0


async def test_a_recording_can_be_replayed_to_whoever_subscribes(tmp_path: Path) -> None:
    file = tmp_path / "frames.jsonl"
    sent: list[Any] = []
    async with running("--record", str(file), "--rate", "300") as (process, line):
        async with connected(line["public_url"]) as public:
            await public.request({"type": "trade", "codes": [BTC], "is_only_realtime": True})
            sent = await public.messages(20)
        process.send_signal(signal.SIGTERM)
        await ended(process)
    # So slow that nothing is played before the request, until it is told to go on.
    async with running("--replay", str(file), "--time-scale", "0.001", "--control") as (process, line):
        async with connected(line["public_url"]) as public:
            await public.request({"type": "trade", "codes": [BTC], "is_only_realtime": True}, format="SIMPLE_LIST")
            await public.listing("SIMPLE_LIST")
            await control(line, "POST", "time", {"scale": 1})
            ((first,),) = await public.messages(1)
            ids = [message["sequential_id"] for message in sent]
            place = ids.index(first["sid"])  # what was played before the request is gone
            assert first["tp"] == sent[place]["trade_price"]
            rest = [message[0]["sid"] for message in await public.messages(len(ids) - place - 1)]
            assert rest == ids[place + 1 :]
        process.send_signal(signal.SIGTERM)
        assert (await ended(process))[0] == 0
