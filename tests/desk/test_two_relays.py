"""Two relays on one server, as processes: one leads, and the other takes over when it dies or stands still."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.desk.test_line import assert_same, of_desk, of_exchange, programs
from tests.waiting import until
from upbit_ws_qt.desk.nats_link import DeskAddress, NatsLink
from upbit_ws_qt.desk.subjects import Stamp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from upbit_ws_qt.desk.server import BundledServer
    from upbit_ws_qt.exchange import EmbeddedExchange

pytestmark = pytest.mark.real_time  # processes and sockets of others


class RelayProcess:
    """A relay as a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.said = ""
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, server: BundledServer, settings: Path) -> RelayProcess:
        command = [sys.executable, "-m", "upbit_ws_qt.desk.relay", "--nats", server.relay_url, "--config", settings]
        process = await asyncio.create_subprocess_exec(
            *map(str, command), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        return cls(process)

    async def _read(self) -> None:
        assert self._process.stderr is not None
        while line := await self._process.stderr.readline():
            self.said += line.decode()

    @property
    def leads(self) -> bool:
        news = [line for line in self.said.splitlines() if "leads" in line or "taken over" in line]
        return bool(news) and "leads, term" in news[-1]

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
        await self._process.wait()
        await self._reading


def relay_settings(folder: Path, exchange: EmbeddedExchange) -> Path:
    """Write the settings of a relay on an exchange."""
    settings = folder / "relay.toml"
    names = ("public_url", "info_url", "rest_url")
    settings.write_text("".join(f'{name} = "{getattr(exchange, name)}"\n' for name in names))
    return settings


@pytest.fixture
async def start(
    tmp_path: Path, server: BundledServer, exchange: EmbeddedExchange
) -> AsyncIterator[Callable[[], Awaitable[RelayProcess]]]:
    """What starts relays, and ends them afterwards."""
    settings = relay_settings(tmp_path, exchange)
    made: list[RelayProcess] = []

    async def begin() -> RelayProcess:
        made.append(await RelayProcess.start(server, settings))
        return made[-1]

    yield begin
    for each in made:
        await each.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_the_other_relay_takes_over_and_no_two_publish_the_same_epoch(
    exchange: EmbeddedExchange, server: BundledServer, start: Callable[[], Awaitable[RelayProcess]], number: int
) -> None:
    published: dict[int, list[int]] = {}

    async def note(message: Any) -> None:
        stamp = Stamp.read(message.headers)
        assert stamp is not None
        published.setdefault(stamp.term, []).append(stamp.number)

    link = await NatsLink.open(DeskAddress(server.client_url), "test")
    for line in ("public", "info"):
        await link.subscribe(f"upbit.kr.{line}.>", note)
    first = await start()
    await until(lambda: first.leads)
    second = await start()
    await until(lambda: "another relay leads" in second.said)
    async with programs(of_exchange(exchange), of_desk(server)) as (witness, program):
        assert len(published) == 1
        first.signal(number)
        await until(lambda: second.leads)
        await until(lambda: program.healed)
        if number == signal.SIGSTOP:
            first.signal(signal.SIGCONT)
            await until(lambda: "has taken over" in first.said or "another relay leads" in first.said)
        count = len(program.trades)
        await until(lambda: program.has_more_than(count + 50))
        await assert_same(witness, program)
    old, new = sorted(published)
    # A number twice would be two relays in one term, or one that has forgotten what it has published.
    for term in (old, new):
        assert len(set(published[term])) == len(published[term])
    await link.close()
