"""What a desk is for: many programs with wishes that overlap, one line, and whatever is killed, nobody misses anything.

Programs and relays are processes; the exchange, the server's keeper and a witness with a line of its own are here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
from typing import TYPE_CHECKING

import pytest

from tests.desk.test_line import Program, of_exchange
from tests.desk.test_two_relays import RelayProcess, relay_settings
from tests.waiting import until
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from upbit_ws_qt.desk.server import BundledServer

pytestmark = pytest.mark.real_time  # processes and sockets of others

PROGRAM = """
import asyncio, json, sys
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.specs import SubscriptionSpec

def say(event):
    print(json.dumps([event.code, event.sequential_id]), flush=True)

async def main():
    config = ServiceConfig.for_desk(
        sys.argv[1], backfill=frozenset({"trade"}), backoff_initial=0.05, backoff_max=0.2, backfill_hold=60.0
    )
    manager = GlobalWebSocketManager(config)
    manager.register_component("trades", SubscriptionSpec("trade", sys.argv[2:]), say)
    await manager.start()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await manager.stop()

asyncio.run(main())
"""
SLACK = 30_000_000
"""Three seconds in the numbers of trades, which the exchange mixes by some milliseconds."""


class ProgramProcess:
    """A program of the desk as a process of its own."""

    def __init__(self, codes: list[str], process: asyncio.subprocess.Process) -> None:
        self.codes = codes
        self.trades: list[tuple[str, int]] = []
        self._process = process
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, url: str, codes: list[str]) -> ProgramProcess:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, url, *codes, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
        )
        return cls(codes, process)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            if line.endswith(b"\n"):
                code, number = json.loads(line)
                self.trades.append((code, number))

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._reading

    def judge(self, witness: dict[str, set[int]]) -> None:
        """Nothing twice; all that the witness has had between the first and the last, and nothing else."""
        assert len(self.trades) == len(set(self.trades))
        for code in self.codes:
            ours = {number for name, number in self.trades if name == code}
            seen = witness[code]
            begins, ends = min(ours) + SLACK, min(max(ours), max(seen)) - SLACK
            expected = {number for number in seen if begins < number < ends}
            assert {number for number in ours if begins < number < ends} == expected


@pytest.fixture
async def exchange() -> AsyncIterator[EmbeddedExchange]:
    """An exchange whose trades all can be told of."""
    async with EmbeddedExchange(ExchangeSettings(markets=12, rate=400.0, prepare=False)) as found:
        yield found


@pytest.mark.parametrize(
    ("count", "faults"), [pytest.param(5, 8, id="short"), pytest.param(20, 100, id="long", marks=pytest.mark.soak)]
)
async def test_nobody_of_a_desk_misses_anything_whatever_is_killed(
    exchange: EmbeddedExchange, server: BundledServer, tmp_path: Path, count: int, faults: int
) -> None:
    rng = random.Random(count)
    codes = sorted(exchange.world.codes)[:8]
    settings = relay_settings(tmp_path, exchange)
    programs: list[ProgramProcess] = []
    relays: list[RelayProcess] = []
    gone: list[ProgramProcess] = []
    witness = Program(of_exchange(exchange))
    witness.want(*codes)
    await witness.manager.start()
    try:
        relays += [await RelayProcess.start(server, settings) for _ in range(2)]
        wishes = [sorted(rng.sample(codes, 3 + number % 3)) for number in range(count)]
        programs += [await ProgramProcess.start(server.client_url, each) for each in wishes]
        await flows(programs)
        # One line for all of them beside the witness's, with the union of their wishes; and so it is in the end.
        expected = sorted([sorted(codes), sorted({code for each in wishes for code in each})])
        await until(lambda: tables(exchange) == expected)
        for number in range(faults):
            await fault(number % 4, rng, exchange, server, settings, relays, programs, gone)
            await flows(programs)
        await until(lambda: tables(exchange) == expected)
        last = {code: len([t for t in witness.trades if t[0] == code]) for code in codes}
        await until(lambda: all(len([t for t in witness.trades if t[0] == c]) > last[c] + 3 for c in codes))
        await flows(programs)
        await asyncio.gather(*(healed(program, witness) for program in programs))
    finally:
        await asyncio.gather(*(each.kill() for each in relays), *(each.kill() for each in programs))
        await witness.manager.stop()
    seen = {code: {number for name, number in witness.trades if name == code} for code in codes}
    for program in (*programs, *gone):
        program.judge(seen)


def tables(exchange: EmbeddedExchange) -> list[list[str]]:
    """Return the markets that each open public line is subscribed to."""
    lines = [line for line in exchange.connections if line.endpoint == "public"]
    return sorted(sorted({code for part in line.subscriptions for code in part["codes"]}) for line in lines)


async def fault(
    kind: int,
    rng: random.Random,
    exchange: EmbeddedExchange,
    server: BundledServer,
    settings: Path,
    relays: list[RelayProcess],
    programs: list[ProgramProcess],
    gone: list[ProgramProcess],
) -> None:
    """Have one thing go wrong, and what a person or systemd would do about it."""
    match kind:
        case 0:
            exchange.cut()
        case 1:
            leader = next((relay for relay in relays if relay.leads), relays[0])
            await leader.kill()
            relays.remove(leader)
            relays.append(await RelayProcess.start(server, settings))
        case 2:
            server.kill()
            await server.start()
        case _:
            victim = programs.pop(rng.randrange(len(programs)))
            await victim.kill()
            gone.append(victim)
            programs.append(await ProgramProcess.start(server.client_url, victim.codes))


async def flows(programs: list[ProgramProcess]) -> None:
    """Return when each program has had more of each of its markets."""
    counts = {program: dict.fromkeys(program.codes, 0) for program in programs}
    begun = {program: len(program.trades) for program in programs}

    def is_there() -> bool:
        for program in programs:
            news = {code for code, _ in program.trades[begun[program] :]}
            if not news.issuperset(counts[program]):
                return False
        return True

    await until(is_there)


async def healed(program: ProgramProcess, witness: Program) -> None:
    """Return when a program has had all that the witness has had by now, as far as it was there."""
    first = {code: min(number for name, number in program.trades if name == code) for code in program.codes}
    due = {trade for trade in witness.trades if trade[0] in first and trade[1] > first[trade[0]] + SLACK}
    await until(lambda: due <= set(program.trades))
