"""What a program itself loses while its line stands is a gap too: told, and healed, or said not to be whole."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.manager.conftest import Diary, config_for
from tests.waiting import until
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings, FaultName
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.types import DataType, IndependenceLevel, WebSocketType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


BTC = "KRW-BTC"
ROOM = 100  # frames that the inbox has room for: the least there is
TOO_MANY = 4 * ROOM
TRADES = StreamKey(DataType.TRADE, BTC)
ORDERS = StreamKey(DataType.MY_ORDER)
PUBLIC = WebSocketType.PUBLIC


@dataclass
class Small:
    """A quiet exchange, and a manager with little room that wants the trades of one market."""

    exchange: EmbeddedExchange
    manager: GlobalWebSocketManager
    diary: Diary = field(default_factory=Diary)
    got: list[Any] = field(default_factory=list)

    def burst(self, count: int = TOO_MANY) -> None:
        """Have so many trades happen at once."""
        for n in range(count):
            self.exchange.trade(BTC, 150_000_000 + 1000 * (n % 9), "0.001")

    @asynccontextmanager
    async def too_busy(self, ws_type: WebSocketType = PUBLIC) -> AsyncIterator[None]:
        """Take nothing out of an inbox until it had to give something up, as where the program stands still."""
        inbox, drain = self.manager.wiring.endpoints[ws_type].inbox, self.manager.wiring.drain
        drain.remove(inbox)
        try:
            yield
            await until(lambda: inbox.figures().dropped > 0)
        finally:
            drain.add(inbox)

    async def truth(self) -> list[int]:
        """The ids of all trades that there were since the first that was handed out, oldest first."""
        page = await self.manager.rest.trade_page(BTC)
        ids = [trade.sequential_id for trade in reversed(page)]
        return ids[ids.index(self.got[0].sequential_id) :]

    @property
    def ids(self) -> list[int]:
        """What was handed out, in its order."""
        return [event.sequential_id for event in self.got]

    def is_whole(self, stream: StreamKey = TRADES) -> bool:
        """Whether nothing is missing, as the manager has it."""
        return self.manager.wiring.wholeness.is_whole(stream)


@asynccontextmanager
async def small(**changes: Any) -> AsyncIterator[Small]:
    settings = ExchangeSettings(seed=7, markets=2, rate=1, prepare=False, connects_per_second=None)
    quiet = {"backfill": frozenset({"trade", "order"}), "backfill_hold": 60.0, "inbox_frames": ROOM, **changes}
    async with EmbeddedExchange(settings) as exchange:
        made = Small(exchange, GlobalWebSocketManager(config_for(exchange, **quiet)))
        made.manager.add_listener(made.diary)
        try:
            await made.manager.start()
            spec = SubscriptionSpec(DataType.TRADE, BTC)
            await made.manager.register_component("c", spec, made.got.append).wait_served(30)
            made.burst(3)
            await until(lambda: len(made.got) >= 3)
            yield made
        finally:
            await made.manager.stop()
            assert made.diary.told_in_task == 0


async def test_what_a_full_inbox_gave_up_is_recovered_in_order() -> None:
    async with small() as made:
        async with made.too_busy():
            made.burst()
        await until(lambda: bool(made.diary.healed))
        made.burst(3)
        truth = await made.truth()
        await until(lambda: len(made.got) >= len(truth))
        assert made.ids[: len(truth)] == truth
        recovered = sum(event.recovered for event in made.got)
        assert recovered > 0
        (gap,) = made.diary.gaps
        assert (gap.old, gap.new, gap.streams) == (1, 1, (TRADES,))
        (report,) = made.diary.healed
        assert (report.old, report.new, report.dark) == (1, 1, 0.0)
        assert report.is_whole
        assert report.recovered == recovered
        assert str(report) == f"{recovered:,} events lost within this program, {recovered:,} of them recovered"
        assert made.is_whole()
        assert made.manager.wiring.wholeness.unhealed() == {}


async def test_a_line_that_is_cut_before_that_is_healed_is_healed_with_it() -> None:
    async with small() as made:
        mute = made.exchange.faults.inject("rest_refuse", path="/v1/trades")
        async with made.too_busy():
            made.burst()
        assert not made.is_whole()
        made.exchange.faults.inject("drop", endpoint="public", times=1)
        await until(lambda: made.manager.get_current_epoch(PUBLIC) == 2)
        made.burst(5)
        mute.clear()
        await until(lambda: bool(made.diary.healed))
        truth = await made.truth()
        await until(lambda: len(made.got) >= len(truth))
        assert made.ids[: len(truth)] == truth
        assert [(report.old, report.new) for report in made.diary.healed] == [(1, 2)]
        assert made.is_whole()


async def test_without_the_wish_for_it_a_loss_is_said_and_nothing_is_asked() -> None:
    async with small(backfill=frozenset()) as made:
        async with made.too_busy():
            made.burst()
        await until(lambda: bool(made.diary.gaps))
        assert not made.is_whole()
        made.burst(3)
        await until(lambda: made.got[-1].sequential_id > made.got[-4].sequential_id)
        assert made.diary.healed == []
        assert made.manager.wiring.backfill.stats.pages == 0


async def test_what_cannot_be_read_is_recovered() -> None:
    async with small() as made:
        made.exchange.faults.inject(FaultName.TRUNCATED, endpoint="public", times=2)
        made.burst(6)
        await until(lambda: bool(made.diary.healed))
        assert made.diary.errors
        truth = await made.truth()
        await until(lambda: len(made.got) >= len(truth))
        assert made.ids[: len(truth)] == truth
        assert made.diary.healed[-1].is_whole
        assert made.is_whole()


@pytest.mark.real_time
async def test_what_was_given_up_between_two_threads_is_recovered_in_order() -> None:
    async with small(independence_level=IndependenceLevel.ISOLATED) as made:
        connection = made.manager.wiring.endpoints[PUBLIC].connection
        line = connection.line
        assert line is not None
        made.burst()
        while not line.figures().dropped:  # this thread stands still, as a program may; the line's own reads on
            pass
        await until(lambda: bool(made.diary.healed))
        made.burst(3)
        truth = await made.truth()
        await until(lambda: len(made.got) >= len(truth))
        assert made.ids[: len(truth)] == truth
        assert made.diary.healed[-1].is_whole


async def test_orders_that_a_full_inbox_gave_up_are_asked_for() -> None:
    async with small() as made:
        orders: dict[str, Any] = {}
        fills: list[str] = []

        def on_order(event: Any) -> None:
            orders[event.uuid] = event
            if event.is_fill:
                fills.append(event.trade_uuid)

        made.manager.register_component("orders", SubscriptionSpec(DataType.MY_ORDER), on_order)
        account = made.exchange.world.account
        await until(lambda: made.manager.wiring.account.synced > 0)
        async with made.too_busy(WebSocketType.PRIVATE):
            for n in range(ROOM + 20):
                uuid = made.exchange.place_order(BTC, "BID", "limit", 50_000_000, "0.001")[0].uuid
                if n < 20:
                    made.exchange.fill_order(uuid)
        await until(lambda: bool(made.diary.healed) and not made.manager.wiring.account.is_busy)
        assert {uuid: event.state for uuid, event in orders.items()} == {
            order.uuid: order.state for order in account.orders()
        }
        assert sorted(fills) == sorted(fill.uuid for order in account.orders() for fill in order.fills)
        report = made.diary.healed[0]
        assert (report.ws_type, report.old, report.new) == (WebSocketType.PRIVATE, 1, 1)
        assert made.is_whole(ORDERS)
