"""A program of a desk has what one with a line of its own has, whatever is killed on the way."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import until
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.credentials import Credentials
from upbit_ws_qt.errors import ConfigurationError, SubscriptionError
from upbit_ws_qt.manager import GlobalWebSocketManager, ManagerListener
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import ConnectionState, WebSocketType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.desk.conftest import Running
    from upbit_ws_qt.backfill import GapReport
    from upbit_ws_qt.connection import GapEvent
    from upbit_ws_qt.desk.server import BundledServer
    from upbit_ws_qt.exchange import EmbeddedExchange

pytestmark = pytest.mark.real_time  # processes and sockets of others

CODES = ("KRW-BTC", "KRW-ETH")
PUBLIC = WebSocketType.PUBLIC


class Program(ManagerListener):
    """A manager with a component that writes the trades down."""

    def __init__(self, config: ServiceConfig) -> None:
        self.manager = GlobalWebSocketManager(config)
        self.manager.add_listener(self)
        self.trades: list[tuple[str, int]] = []
        self.live: list[tuple[str, int]] = []
        self.gaps: list[GapEvent] = []
        self.healed: list[GapReport] = []

    def on_gap(self, gap: GapEvent) -> None:
        self.gaps.append(gap)

    def on_gap_healed(self, report: GapReport) -> None:
        self.healed.append(report)

    def want(self, *codes: str) -> Any:
        return self.manager.register_component("trades", SubscriptionSpec("trade", codes), self.take)

    def take(self, event: Any) -> None:
        self.trades.append((event.code, event.sequential_id))
        if not event.recovered:
            self.live.append((event.code, event.sequential_id))

    @property
    def is_up(self) -> bool:
        return self.manager.wiring.endpoints[PUBLIC].connection.state is ConnectionState.CONNECTED

    def has_more_than(self, count: int) -> bool:
        return self.is_up and len(self.trades) > count


def of_desk(server: BundledServer, **changes: Any) -> ServiceConfig:
    return ServiceConfig.for_desk(
        server.client_url, **{"backfill": frozenset({"trade"}), "backoff_initial": 0.05, "backoff_max": 0.2, **changes}
    )


def of_exchange(exchange: EmbeddedExchange) -> ServiceConfig:
    return ServiceConfig.testing(exchange, credentials=None, backfill=frozenset({"trade"}))


@contextlib.asynccontextmanager
async def programs(*configs: ServiceConfig, codes: tuple[str, ...] = CODES) -> AsyncIterator[list[Program]]:
    """Programs that run and have had something."""
    found = [Program(config) for config in configs]
    try:
        for program in found:
            program.want(*codes)
            await program.manager.start()
        await until(lambda: all(program.has_more_than(10) for program in found))
        yield found
    finally:
        await asyncio.gather(*(program.manager.stop() for program in found))


async def assert_same(witness: Program, program: Program) -> None:
    """What one has had from some trade of its own on, and up to another, the other has had too, and once."""
    end = witness.trades[-1]
    await until(lambda: end in program.trades)
    have, ours = set(witness.trades), program.trades
    assert len(ours) == len(set(ours))
    # Ids are out of order by some milliseconds at the exchange: the first ones are no beginning and the last no end.
    ids = sorted(number for _, number in ours)
    begins, ends = ids[10], min(end[1], ids[-1]) - 30_000_000
    between = {trade for trade in have if begins + 30_000_000 < trade[1] < ends}
    assert between <= set(ours)
    assert {trade for trade in ours if begins + 30_000_000 < trade[1] < ends} <= have


async def test_a_program_of_a_desk_has_what_one_with_its_own_line_has(
    exchange: EmbeddedExchange, server: BundledServer, running: Running
) -> None:
    async with running(exchange), programs(of_exchange(exchange), of_desk(server)) as (witness, program):
        count = len(program.trades)
        await until(lambda: program.has_more_than(count + 200))
        await assert_same(witness, program)
        # In the order in which they came: what both have had by the stream alone.
        both = set(witness.live) & set(program.live)
        for code in CODES:
            orders = [[t for t in each.live if t[0] == code and t in both] for each in (witness, program)]
            assert orders[0] == orders[1]
        assert not program.gaps


async def test_a_server_that_is_killed_costs_nothing_and_asks_nothing_of_the_exchange(
    exchange: EmbeddedExchange, server: BundledServer, running: Running
) -> None:
    async with running(exchange) as relay, programs(of_exchange(exchange), of_desk(server)) as (witness, program):
        term = relay.figures().term
        server.kill()
        await until(lambda: not program.is_up)
        missed = len(witness.trades)
        await until(lambda: len(witness.trades) > missed + 20)
        await server.start()
        await until(lambda: program.is_up and len(program.gaps) == 1)
        await until(lambda: program.healed)
        await assert_same(witness, program)
        assert relay.figures().term == term
        assert relay.figures().passed_on == 0
        assert program.trades == program.live  # nothing was recovered: it came late, and in order


async def test_a_cut_of_the_relays_line_is_healed_for_all_programs_by_the_same_questions(
    exchange: EmbeddedExchange, server: BundledServer, running: Running
) -> None:
    configs = of_exchange(exchange), of_desk(server), of_desk(server)
    async with running(exchange) as relay, programs(*configs) as (witness, one, other):
        exchange.cut()
        await until(lambda: one.healed and other.healed and witness.healed)
        await assert_same(witness, one)
        await assert_same(witness, other)
        assert [gap.old for gap in one.gaps] == [gap.old for gap in other.gaps] == [1]
        assert relay.figures().passed_on <= relay.figures().asked


async def test_another_relay_begins_another_epoch_and_the_gap_is_healed(
    exchange: EmbeddedExchange, server: BundledServer, running: Running
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with running(exchange) as first:
            witness, program = await stack.enter_async_context(programs(of_exchange(exchange), of_desk(server)))
            term = first.figures().term
        await until(lambda: not program.is_up)
        missed = len(witness.trades)
        await until(lambda: len(witness.trades) > missed + 20)
        second = await stack.enter_async_context(running(exchange))
        assert second.figures().term > term
        await until(lambda: program.healed)
        await assert_same(witness, program)
        await program.manager.stop()


async def test_wishes_change_as_with_a_line_of_ones_own(
    exchange: EmbeddedExchange, server: BundledServer, running: Running
) -> None:
    async with running(exchange) as relay, programs(of_desk(server), codes=("KRW-BTC",)) as (program,):
        more = program.want("KRW-XRP")
        await until(lambda: any(code == "KRW-XRP" for code, _ in program.trades))
        assert not program.gaps
        assert relay.manager is not None
        wanted = relay.manager.get_active_subscriptions
        more.close()
        await until(lambda: {stream.symbol for stream in wanted()} == {"KRW-BTC"})
        shown = await program.manager.fetch_snapshot(SubscriptionSpec("ticker", ["KRW-ETH"]), 60.0)
        assert shown["KRW-ETH"].is_snapshot
        assert {stream.symbol for stream in wanted()} == {"KRW-BTC"}
        nowhere = program.manager.register_component("none", SubscriptionSpec("trade", "KRW-NOWHERE"), program.take)
        with pytest.raises(SubscriptionError):
            await nowhere.wait_served()


async def test_the_second_program_is_served_without_a_word_to_the_exchange(
    exchange: EmbeddedExchange, server: BundledServer, running: Running
) -> None:
    async with running(exchange) as relay, programs(of_desk(server)):
        assert relay.manager is not None
        sent: list[bytes] = []
        relay.manager.wiring.traces.add_tap(lambda line, data, at, is_sent: sent.append(data) if is_sent else None)
        async with programs(of_desk(server)) as (late,):
            assert late.is_up
        assert not [data for data in sent if b'"method"' not in data]


async def test_wishes_of_a_program_that_ends_end_with_it(
    exchange: EmbeddedExchange, server: BundledServer, running: Running
) -> None:
    async with running(exchange) as relay:
        async with programs(of_desk(server)):
            assert relay.figures().clients == 1
        await until(lambda: relay.figures().clients == 0)
        assert relay.figures().expired == 0


def test_a_desk_takes_no_keys_and_no_server_elsewhere_without_tls() -> None:
    with pytest.raises(ConfigurationError, match="relay alone"):
        ServiceConfig.for_desk("nats://127.0.0.1:4222", credentials=Credentials.dummy("a"))
    with pytest.raises(ConfigurationError, match="desk_plain"):
        ServiceConfig.for_desk("nats://10.1.2.3:4222")
    config = ServiceConfig.for_desk("nats://desk:secret@10.1.2.3", desk_plain=True)
    assert "secret" not in repr(config)
    assert config.url(PUBLIC) == config.desk_url
    assert config.url(WebSocketType.PRIVATE) is None
