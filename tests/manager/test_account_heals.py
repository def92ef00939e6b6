"""Orders and balances are what the exchange says, over cuts of the private line and from the first second on."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tests.manager.conftest import Diary, config_for
from tests.waiting import until
from upbit_ws_qt.events import MyAssetEvent, MyOrderEvent
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings, FaultName
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.monitoring import ReasonKind
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.types import ConnectionState, DataType, WebSocketType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from upbit_ws_qt.backfill import AccountState, AccountSync

BTC = "KRW-BTC"
PRIVATE = WebSocketType.PRIVATE
STAGES = {"watch": 0, "wait": 1, "trade": 1, "prevented": 1, "done": 2, "cancel": 2}
ACCOUNT = (SubscriptionSpec(DataType.MY_ORDER), SubscriptionSpec(DataType.MY_ASSET))


@dataclass
class Listener:
    """What one component was told, and what it makes of it, as a program would: the newest of each."""

    events: list[Any] = field(default_factory=list)
    orders: dict[str, MyOrderEvent] = field(default_factory=dict)
    assets: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    fills: list[str] = field(default_factory=list)
    backwards: list[MyOrderEvent] = field(default_factory=list)

    def __call__(self, event: MyOrderEvent | MyAssetEvent) -> None:
        self.events.append(event)
        if isinstance(event, MyAssetEvent):
            self.assets |= {item.currency: (item.balance, item.locked) for item in event.assets}
            return
        known = self.orders.get(event.uuid)
        if known is not None and (STAGES[event.state], event.trades_count, event.executed_volume) < (
            STAGES[known.state], known.trades_count, known.executed_volume,
        ):  # fmt: skip
            self.backwards.append(event)
        if event.is_fill:
            assert event.trade_uuid is not None
            self.fills.append(event.trade_uuid)
        self.orders[event.uuid] = event

    @property
    def recovered(self) -> list[Any]:
        """What the line did not bring."""
        return [event for event in self.events if event.recovered]


@dataclass
class Desk:
    """An exchange, a manager on it, and one component that wants orders and assets."""

    exchange: EmbeddedExchange
    manager: GlobalWebSocketManager
    heard: Listener = field(default_factory=Listener)
    diary: Diary = field(default_factory=Diary)

    def agrees(self) -> bool:
        """Whether each order that the component knows, and each balance, is that of the exchange."""
        account = self.exchange.world.account
        orders = {order.uuid: order for order in account.orders()}
        known = self.heard.orders
        for uuid, order in orders.items():
            if uuid not in known:
                return False
            told = known[uuid]
            final = order.state if order.state in ("done", "cancel") else None
            if (told.state if told.is_final else None, told.trades_count) != (final, order.trades):
                return False
            if told.executed_volume != Decimal(order.executed) / 10**8:
                return False
        balances = account.balances()
        return all(self.heard.assets.get(currency, (0, 0)) == held for currency, held in balances.items())

    @property
    def account(self) -> AccountSync:
        """What keeps it in step."""
        return self.manager.wiring.account

    def orders_are_whole(self) -> bool:
        """Whether no order is missing, as the manager has it."""
        return self.manager.wiring.wholeness.is_whole(StreamKey(DataType.MY_ORDER))

    async def heal(self) -> None:
        """Wait until the private line serves again and the account was asked for."""
        connection, account = self.manager.wiring.endpoints[PRIVATE].connection, self.manager.wiring.account
        await until(lambda: connection.state is ConnectionState.CONNECTED and self.agrees() and not account.is_busy)


@asynccontextmanager
async def desk_on(exchange: EmbeddedExchange, **changes: Any) -> AsyncIterator[Desk]:
    """A manager with the account's back-fill, in step with the exchange."""
    changes = {"backfill": frozenset({"order", "asset"}), **changes}
    manager = GlobalWebSocketManager(config_for(exchange, **changes))
    desk = Desk(exchange, manager)
    manager.add_listener(desk.diary)
    await manager.start()
    manager.register_component("desk", ACCOUNT, desk.heard)
    try:
        yield desk
    finally:
        await manager.stop()


@pytest.fixture
async def exchange() -> AsyncIterator[EmbeddedExchange]:
    """Few markets, and time enough for whoever reconnects often."""
    settings = ExchangeSettings(seed=3, markets=4, rate=20, connects_per_second=None, account_per_second=None)
    async with EmbeddedExchange(settings) as running:
        yield running


def bid(exchange: EmbeddedExchange, volume: str = "0.001") -> str:
    """Place a resting bid and return its uuid."""
    return exchange.place_order(BTC, "BID", "limit", 50_000_000, volume)[0].uuid


async def deaf(desk: Desk) -> None:
    """Cut the private line and have no other accepted for now."""
    private = [view.id for view in desk.exchange.connections if view.endpoint == "private"]
    assert private
    desk.exchange.faults.inject(FaultName.REFUSE, "private")
    for number in private:
        desk.exchange.faults.inject(FaultName.DROP, connection=number)
    await until(lambda: not any(view.endpoint == "private" for view in desk.exchange.connections))


async def test_at_the_beginning_open_orders_and_balances_are_there(exchange: EmbeddedExchange) -> None:
    resting, partly, closed = (bid(exchange) for _ in range(3))
    exchange.fill_order(partly, "0.0004")
    exchange.cancel_order(closed)
    async with desk_on(exchange) as desk:
        await until(lambda: desk.account.synced > 0)
        state = desk.manager.account_state()
        assert state is not None
        assert {order.uuid for order in state.open_orders} == {resting, partly}
        assert {order.state for order in desk.heard.recovered if isinstance(order, MyOrderEvent)} == {"wait"}
        assert desk.heard.fills == []  # that was before anybody listened
        assert desk.heard.orders[partly].executed_volume == Decimal("0.0004")
        btc = state.balance("BTC")
        assert btc is not None
        assert btc.balance == exchange.world.account.balances()["BTC"][0]
        assert btc.avg_buy_price > 100_000_000
        assert btc.unit_currency == "KRW"
        assert desk.heard.assets["KRW"] == exchange.world.account.balances()["KRW"]


async def test_what_is_known_is_there_when_the_first_event_about_it_is_handed_out(exchange: EmbeddedExchange) -> None:
    resting = bid(exchange)
    manager = GlobalWebSocketManager(config_for(exchange, backfill=frozenset({"order", "asset"})))
    known: list[tuple[MyOrderEvent | MyAssetEvent, AccountState | None]] = []
    try:
        manager.register_component("desk", ACCOUNT, lambda event: known.append((event, manager.account_state())))
        assert manager.account_state() is None
        await manager.start()
        await until(lambda: {type(event) for event, _ in known} == {MyOrderEvent, MyAssetEvent})
        for event, state in known:
            assert state is not None
            if isinstance(event, MyOrderEvent):
                assert resting in {order.uuid for order in state.open_orders}
            else:
                btc = state.balance("BTC")
                assert btc is not None
                assert btc.avg_buy_price > 0
        first = known[0][1]
        assert first is not None
        assert not first.is_complete
        await until(lambda: manager.wiring.account.synced > 0)
        last = manager.account_state()
        assert last is not None
        assert last.is_complete
    finally:
        await manager.stop()


async def test_who_listens_after_nobody_did_is_told_how_it_stands(exchange: EmbeddedExchange) -> None:
    order = bid(exchange)
    async with desk_on(exchange) as desk:
        await until(lambda: order in desk.heard.orders and "BTC" in desk.heard.assets)
        desk.manager.unregister_component("desk")
        # Until the exchange has been told so too: what happens before that may still come.
        await until(lambda: not exchange.subscribed("private") and not desk.manager.wiring.account.book.open_orders)
        exchange.cancel_order(bid(exchange))
        later = Listener()
        desk.manager.register_component("later", ACCOUNT, later)
        await until(lambda: order in later.orders and "BTC" in later.assets)
        assert set(later.orders) == {order}
        assert later.fills == []


async def test_what_happened_while_the_line_was_down_is_told_and_nothing_else(exchange: EmbeddedExchange) -> None:
    async with desk_on(exchange) as desk:
        await until(lambda: desk.account.synced > 0)
        untouched, filled, partly, cancelled = (bid(exchange) for _ in range(4))
        exchange.fill_order(partly, "0.0001")
        await desk.heal()
        before = len(desk.heard.events)
        await deaf(desk)
        exchange.fill_order(filled)
        exchange.fill_order(partly, "0.0002")
        exchange.fill_order(partly, "0.0003")
        exchange.cancel_order(cancelled)
        placed, gone = bid(exchange), bid(exchange)
        exchange.fill_order(gone)
        exchange.faults.clear()
        await desk.heal()
        told = [event for event in desk.heard.events[before:] if isinstance(event, MyOrderEvent)]
        assert all(event.recovered for event in told)
        states: dict[str, list[str]] = {}
        for event in told:
            states.setdefault(event.uuid, []).append(event.state)
        assert states == {
            filled: ["trade", "done"],
            partly: ["trade", "trade"],
            cancelled: ["cancel"],
            placed: ["wait"],
            gone: ["trade", "done"],
        }
        assert untouched not in states
        trade = next(event for event in told if event.uuid == filled)
        assert (trade.price, trade.volume) == (Decimal(50_000_000), Decimal("0.001"))
        assert (trade.trade_fee, trade.is_maker) == (None, None)  # which REST does not tell


async def test_a_rest_that_fails_for_a_while_is_asked_again(exchange: EmbeddedExchange) -> None:
    async with desk_on(exchange) as desk:
        await until(lambda: desk.account.synced > 0)
        await deaf(desk)
        order = bid(exchange)
        exchange.faults.inject(FaultName.REST_REFUSE, path="/v1/orders", status=500, times=3)  # all tries of a question
        for fault in [each for each in exchange.faults.active if each.name is not FaultName.REST_REFUSE]:
            fault.clear()
        await desk.heal()
        assert desk.heard.orders[order].recovered
        assert desk.manager.wiring.account.failures == 1
        assert desk.manager.wiring.account.reason == ""


async def test_a_gap_of_the_private_line_is_told_and_added_up(exchange: EmbeddedExchange) -> None:
    async with desk_on(exchange) as desk:
        await until(lambda: desk.account.synced > 0)
        assert desk.orders_are_whole()
        before = len(desk.heard.events)
        await deaf(desk)
        exchange.fill_order(bid(exchange))
        exchange.faults.clear()
        await until(lambda: bool(desk.diary.gaps))
        assert not desk.orders_are_whole()
        assert set(desk.manager.wiring.wholeness.unhealed()) == set(desk.diary.gaps[0].streams)
        await until(lambda: bool(desk.diary.healed))
        await until(lambda: bool(desk.diary.healed))
        (report,) = desk.diary.healed
        assert (report.ws_type, report.old, report.new) == (PRIVATE, 1, 2)
        assert {each.stream.data_type for each in report.streams} == {DataType.MY_ORDER, DataType.MY_ASSET}
        recovered = [event for event in desk.heard.events[before:] if event.recovered]
        assert report.recovered == report.expected == len(recovered)
        assert [event.type for event in recovered] == ["myOrder", "myOrder", "myAsset"]
        assert report.is_whole
        assert all(each.in_order for each in report.streams)
        assert str(report).endswith("3 events recovered of 3")
        assert desk.orders_are_whole()
        assert desk.manager.wiring.wholeness.unhealed() == {}


async def test_live_events_of_the_account_wait_for_what_was_missed_before_them(exchange: EmbeddedExchange) -> None:
    async with desk_on(exchange, backfill_hold=60.0) as desk:
        await until(lambda: desk.account.synced > 0)
        known = bid(exchange)
        await desk.heal()
        before = len(desk.heard.events)
        await deaf(desk)
        exchange.fill_order(known, "0.0002")
        missed = bid(exchange)
        exchange.faults.inject(FaultName.REST_REFUSE, path="/v1/orders")
        exchange.faults.inject(FaultName.REST_REFUSE, path="/v1/accounts", status=503)
        for fault in [each for each in exchange.faults.active if each.name is not FaultName.REST_REFUSE]:
            fault.clear()
        hold = desk.account.hold_of(DataType.MY_ORDER)
        await until(lambda: bool(exchange.subscribed("private")))
        later = bid(exchange)
        exchange.fill_order(known, "0.0001")
        exchange.fill_order(later, "0.0004")
        await until(lambda: len(hold.held) >= 3)
        assert len(desk.heard.events) == before, "all of it waits"
        exchange.faults.clear()
        await desk.heal()
        told = [event for event in desk.heard.events[before:] if isinstance(event, MyOrderEvent)]
        fills = [(event.uuid, event.volume) for event in told if event.is_fill]
        assert [volume for uuid, volume in fills if uuid == known] == [Decimal("0.0002"), Decimal("0.0001")]
        assert sorted(fills) == sorted(set(fills))
        assert desk.heard.orders[missed].recovered
        assert desk.heard.backwards == []
        await until(lambda: bool(desk.diary.healed))
        (report,) = desk.diary.healed
        assert all(each.in_order for each in report.streams)


async def test_they_wait_no_longer_than_they_may_and_that_is_counted(exchange: EmbeddedExchange) -> None:
    async with desk_on(exchange, backfill_hold=0.0) as desk:
        await until(lambda: desk.account.synced > 0)
        await deaf(desk)
        missed = bid(exchange)
        exchange.faults.inject(FaultName.REST_REFUSE, path="/v1")
        for fault in [each for each in exchange.faults.active if each.name is not FaultName.REST_REFUSE]:
            fault.clear()
        await until(lambda: bool(exchange.subscribed("private")))
        live = bid(exchange)
        await until(lambda: live in desk.heard.orders)
        assert missed not in desk.heard.orders
        exchange.faults.clear()
        await desk.heal()
        await until(lambda: bool(desk.diary.healed))
        (report,) = desk.diary.healed
        assert report.is_whole
        assert not next(each for each in report.streams if each.stream.data_type is DataType.MY_ORDER).in_order
        assert desk.account.late >= 1


@pytest.mark.parametrize("goes_on_with", ["a fill", "its last fill", "the end"])
async def test_a_fill_that_was_missed_is_told_though_the_line_has_gone_on_behind_it(
    exchange: EmbeddedExchange, goes_on_with: str
) -> None:
    """By what the line told next REST knew nothing new of the order any more, and the fill was never told."""
    async with desk_on(exchange, backfill_hold=0.0) as desk:
        await until(lambda: desk.account.synced > 0)
        order = bid(exchange)
        await until(lambda: order in desk.heard.orders)
        await deaf(desk)
        exchange.fill_order(order, "0.0003")
        exchange.fill_order(order, "0.0002")
        exchange.faults.inject(FaultName.REST_REFUSE, path="/v1")
        for fault in [each for each in exchange.faults.active if each.name is not FaultName.REST_REFUSE]:
            fault.clear()
        await until(lambda: bool(exchange.subscribed("private")))
        if goes_on_with == "the end":
            exchange.cancel_order(order)
        else:
            exchange.fill_order(order, None if "last" in goes_on_with else "0.0001")
        told = 0 if goes_on_with == "the end" else 1
        await until(lambda: desk.heard.orders[order].trades_count == 2 + told)
        assert len(desk.heard.fills) == told
        exchange.faults.clear()
        await desk.heal()
        assert len(desk.heard.fills) == len(set(desk.heard.fills)) == 2 + told
        has_ended = goes_on_with != "a fill"
        assert desk.heard.orders[order].is_final is has_ended
        await until(lambda: bool(desk.diary.healed))
        (report,) = desk.diary.healed
        orders = next(each for each in report.streams if each.stream.data_type is DataType.MY_ORDER)
        assert (orders.recovered, orders.in_order) == (2 + has_ended, False)


async def test_what_rest_refuses_is_not_whole_until_a_later_gap_is_healed(exchange: EmbeddedExchange) -> None:
    async with desk_on(exchange) as desk:
        await until(lambda: desk.account.synced > 0)
        await deaf(desk)
        missed = bid(exchange)
        exchange.faults.inject(FaultName.REST_REFUSE, path="/v1/orders", status=403, error="out_of_scope")
        for fault in [each for each in exchange.faults.active if each.name is not FaultName.REST_REFUSE]:
            fault.clear()
        await until(lambda: bool(desk.diary.healed))
        (lost,) = desk.diary.healed[0].unrecoverable
        assert lost.stream == StreamKey(DataType.MY_ORDER)
        assert lost.reason.startswith("refused")
        assert desk.manager.wiring.wholeness.unhealed() == {lost.stream: lost.reason}
        assert not desk.orders_are_whole()
        monitor = desk.manager.monitor
        await until(lambda: ReasonKind.UNHEALED in {each.kind for each in monitor.health_status().reasons})
        exchange.faults.clear()
        exchange.faults.inject(FaultName.DROP, "private", times=1)
        await until(lambda: len(desk.diary.healed) == 2)
        assert desk.diary.healed[1].is_whole
        assert desk.heard.orders[missed].recovered
        assert desk.orders_are_whole()


async def test_who_listens_second_is_told_how_it_stands_without_a_question(exchange: EmbeddedExchange) -> None:
    partly = bid(exchange)
    async with desk_on(exchange) as desk:
        await until(lambda: desk.account.synced > 0)
        resting = bid(exchange)
        exchange.fill_order(partly, "0.0004")
        await desk.heal()
        asked, first = exchange.counters.http_requests, len(desk.heard.events)
        second = Listener()
        desk.manager.register_component("second", ACCOUNT, second)
        await until(lambda: set(second.orders) == {resting, partly} and second.assets.keys() >= {"KRW", "BTC"})
        assert second.fills == [], "that one was told when it happened"
        order = second.orders[partly]
        assert (order.state, order.price, order.volume) == ("wait", Decimal(50_000_000), Decimal("0.001"))
        assert order.executed_volume == Decimal("0.0004")
        assert all(event.recovered for event in second.events)
        assert second.assets == {name: held for name, held in desk.heard.assets.items() if any(held)}
        assert exchange.counters.http_requests == asked
        assert len(desk.heard.events) == first, "who listens already hears nothing of it"


async def test_at_the_beginning_each_question_is_asked_once(exchange: EmbeddedExchange) -> None:
    async with desk_on(exchange) as desk:
        await until(lambda: desk.account.synced > 0 and not desk.account.is_busy)
        await desk.heal()
        assert desk.account.synced == 1
        assert exchange.counters.http_requests == 3  # open orders, closed ones, balances


async def test_nothing_is_asked_where_nothing_is_wanted(exchange: EmbeddedExchange) -> None:
    async with desk_on(exchange, backfill=frozenset()) as desk:
        order = bid(exchange)
        await until(lambda: desk.manager.wiring.endpoints[PRIVATE].connection.line is not None)
        exchange.cancel_order(order)
        assert desk.manager.account_state() is None
        assert not desk.manager.wiring.account.is_on
        assert exchange.counters.http_requests == 0


@pytest.mark.parametrize(
    ("changes", "cuts", "seed"),
    [(60, 6, 1), *(pytest.param(200, 20, seed, marks=pytest.mark.soak) for seed in range(5))],
)
async def test_random_orders_around_cuts_are_the_exchanges_own(
    exchange: EmbeddedExchange, changes: int, cuts: int, seed: int
) -> None:
    dice = Random(seed)
    account = exchange.world.account

    def something_happens() -> None:
        opened = [order for order in account.orders() if order.is_open]
        kind = dice.random()
        if kind < 0.45 or not opened:
            side = dice.choice(("BID", "ASK"))
            price = 50_000_000 if side == "BID" else 300_000_000
            exchange.place_order(BTC, side, "limit", price, f"0.00{dice.randrange(1, 9)}")
            return
        order = dice.choice(opened)
        if kind < 0.65:
            exchange.fill_order(order.uuid)
        elif kind < 0.85:
            exchange.fill_order(order.uuid, Decimal(max(1, order.remaining * dice.randrange(1, 9) // 10)) / 10**8)
        else:
            exchange.cancel_order(order.uuid)

    async with desk_on(exchange) as desk:
        await until(lambda: desk.account.synced > 0)
        for _ in range(cuts):
            each = changes // cuts
            for _ in range(each // 3):
                something_happens()
            await deaf(desk)
            for _ in range(each // 3):
                something_happens()
            exchange.faults.clear()
            for _ in range(each - 2 * (each // 3)):
                something_happens()
                await exchange.publish()
            await desk.heal()
        assert desk.heard.backwards == []
        assert len(desk.heard.fills) == len(set(desk.heard.fills))
        assert sorted(desk.heard.fills) == sorted(fill.uuid for order in account.orders() for fill in order.fills)
        assert desk.heard.recovered
        state = desk.manager.account_state()
        assert state is not None
        assert {order.uuid for order in state.open_orders} == {o.uuid for o in account.orders() if o.is_open}
