"""The simulation itself: one seed is one course of events, and time and order are as the loop says."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.prove.course import Course, Step
from tests.prove.loop import DeadlockError, Fifo, LivelockError, Priorities, Shuffled, SimulatedLoop
from tests.prove.mutants import MUTANTS, ROOT
from tests.prove.stage import play

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def run(main: Callable[[], Awaitable[None]], order: Fifo | None = None) -> SimulatedLoop:
    loop = SimulatedLoop(Random(1), order)
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
    return loop


def test_two_runs_of_a_seed_are_the_same_byte_for_byte() -> None:
    one, other = play(Course.of(14)), play(Course.of(14))
    assert "\n".join(one.trace).encode() == "\n".join(other.trace).encode()
    assert one.violations == []
    assert len(one.trace) > 50


def test_two_processes_play_a_seed_the_same() -> None:
    """What fails in one process, whatever was played before it, is what `make prove SEED=…` plays in another."""
    program = "import sys; from tests.prove.__main__ import tell; print(*[tell(int(n)).digest for n in sys.argv[1:]])"
    environment = {**os.environ, "PYTHONHASHSEED": "0"}  # as the program sets it for itself
    players = [
        subprocess.Popen([sys.executable, "-c", program, *seeds], cwd=ROOT, env=environment, stdout=subprocess.PIPE)
        for seeds in (("7", "14", "27"), ("27", "14", "7"))
    ]
    one, other = [player.communicate()[0].split() for player in players]
    assert one == other[::-1]
    assert len(set(one)) == 3


def test_an_hour_passes_at_once() -> None:
    async def main() -> None:
        await asyncio.sleep(3600)

    assert run(main).turns < 10


def test_what_can_never_go_on_is_told_at_once() -> None:
    async def waits() -> None:
        await asyncio.Event().wait()

    async def spins() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(DeadlockError):
        run(waits)
    with pytest.raises(LivelockError):
        run(spins)


@pytest.mark.parametrize("order", [Shuffled(Random(3), 0.3), Priorities(Random(3), 5, 100)], ids=["shuffled", "pct"])
def test_callbacks_keep_their_order_and_tasks_do_not(order: Fifo) -> None:
    called: list[int] = []
    woken: list[int] = []

    async def wakes(number: int) -> None:
        await asyncio.sleep(0)
        woken.append(number)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in range(50):
            loop.call_soon(called.append, number)
        await asyncio.gather(*map(wakes, range(50)))
        await asyncio.sleep(1)

    run(main, order)
    assert called == list(range(50))
    assert sorted(woken) == list(range(50)) != woken


def test_bytes_arrive_in_order_and_whole_however_the_network_is() -> None:
    got = bytearray()

    class Receiver(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            got.extend(data)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        network = loop.network
        network.jitter, network.fragments = 0.5, 0.5
        server = await loop.create_server(Receiver, "127.0.0.1", 0)
        transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", server.sockets[0].getsockname()[1])
        for number in range(200):
            transport.write(b"%3d" % number)
            if number == 100:
                network.cut_off("10.0.0.1")
            await asyncio.sleep(0.01)
        assert len(got) < 450
        network.heal()
        await asyncio.sleep(5)
        transport.close()
        await asyncio.sleep(5)
        assert not network.ends

    run(main)
    assert bytes(got) == b"".join(b"%3d" % number for number in range(200))


def test_a_course_that_fails_is_shrunk_to_what_is_needed_for_it() -> None:
    course = Course.of(25)
    guilty = (course.steps[20], course.steps[41])
    shrunk = course.shrunk(lambda tried: all(step in tried.steps for step in guilty), most=500)
    assert shrunk.steps == guilty


def test_a_course_says_what_it_is() -> None:
    assert str(Step(1.5, "drop", {"endpoint": "public"})) == "    1.500 s  drop(endpoint='public')"
    assert str(Course.of(3)).splitlines()[0].startswith("course of seed 3: seed=3, order=")
    assert Course.of(3) == Course.of(3) != Course.of(4)


def test_what_is_put_wrong_on_purpose_has_its_place() -> None:
    for mutant in MUTANTS:
        source = (ROOT / Path(*mutant.module.split(".")).with_suffix(".py")).read_text()
        assert source.count(mutant.right) == 1, mutant.name
