"""The clock of an idle machine: waiting and computing count, being kept from the processor does not.

And waiting takes no time, unless it is for somebody beside the loop.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time

import pytest

from tests.waiting import until

# Seconds that a test asks for where it would not end if they really passed.
HOURS = 3600.0 * 24


async def test_what_is_waited_for_counts_and_takes_no_time() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.sleep(HOURS)
    assert HOURS <= loop.time() - began < HOURS + 1


async def test_what_was_sent_has_arrived_before_time_passes() -> None:
    received = bytearray()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server, asyncio.timeout(HOURS):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        for number in range(200):
            writer.write(bytes([number]))
            async with asyncio.timeout(0.05):
                received += await reader.readexactly(1)
        writer.close()
        await writer.wait_closed()
    assert received == bytes(range(200))


async def test_a_thread_that_works_for_the_loop_is_waited_for() -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(HOURS):
        assert await asyncio.to_thread(_wait, threading.Event()) is False
    began = time.monotonic()
    await asyncio.sleep(HOURS)  # the thread is still there, and has nothing to do
    assert time.monotonic() - began < HOURS
    assert loop.time() > HOURS


def _wait(event: threading.Event) -> bool:
    return event.wait(0.02)


async def test_with_another_thread_or_program_about_time_is_real() -> None:
    loop = asyncio.get_running_loop()
    began, done = loop.time(), threading.Event()
    thread = threading.Thread(target=_wait, args=(done,))
    thread.start()
    await until(lambda: not thread.is_alive(), HOURS)
    assert loop.time() - began < HOURS
    began = loop.time()
    program = await asyncio.create_subprocess_exec(sys.executable, "-c", "print('here')", stdout=-1)
    async with asyncio.timeout(HOURS):
        assert (await program.communicate())[0] == b"here\n"
    assert loop.time() - began < HOURS


async def test_what_is_computed_counts() -> None:
    loop = asyncio.get_running_loop()
    began, computed = loop.time(), time.thread_time()
    while time.thread_time() < computed + 0.05:
        pass
    assert loop.time() - began >= 0.05


async def test_standing_still_without_computing_does_not_count() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    time.sleep(0.2)  # noqa: ASYNC251 - as a machine does to us that is busy otherwise
    assert loop.time() - began < 0.1


async def test_the_wall_clock_goes_as_the_loop_does() -> None:
    loop = asyncio.get_running_loop()
    difference = time.time() - loop.time()
    time.sleep(0.2)  # noqa: ASYNC251
    assert time.time() - loop.time() == pytest.approx(difference, abs=0.05)
