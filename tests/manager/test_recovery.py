"""After a drop everything is restored and proved; what is old never passes for new."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import until
from upbit_ws_qt.credentials import Credentials
from upbit_ws_qt.errors import AuthenticationError, RecoveryStrategy, SubscriptionError
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.manager.wiring import UNREADABLE_TOLD_PER_SECOND
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.subscriptions import StreamStatus
from upbit_ws_qt.types import ConnectionState, DataType, GlobalManagerState, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.manager.conftest import Desk
    from upbit_ws_qt.events import BaseWebSocketEvent

PUBLIC, PRIVATE = WebSocketType.PUBLIC, WebSocketType.PRIVATE
S = ConnectionState


def urls_of(exchange: EmbeddedExchange) -> dict[str, Any]:
    """Return the settings that point at an exchange."""
    return {
        "public_url": exchange.public_url,
        "private_url": exchange.private_url,
        "credentials": Credentials(exchange.access_key, exchange.secret_key),
    }


class Ledger:
    """Checks what arrives: epochs never fall, per key never older after newer, no trade twice."""

    def __init__(self) -> None:
        self.epochs: list[int] = []
        self.trades: Counter[tuple[str, int]] = Counter()
        self.newest: dict[tuple[str, str], tuple[int, int]] = {}
        self.backwards = 0

    def __call__(self, event: BaseWebSocketEvent) -> None:
        self.epochs.append(event.epoch)
        key, now = (event.type, event.code), (event.epoch, event.timestamp)
        if event.type == "trade":
            trade: Any = event
            self.trades[event.code, trade.sequential_id] += 1
        elif event.type in ("ticker", "orderbook") and not event.is_snapshot:
            self.backwards += now < self.newest.get(key, (0, 0))
            self.newest[key] = now

    async def more_trades(self, count: int) -> None:
        """Return when so many more have come."""
        goal = len(self.trades) + count
        await until(lambda: len(self.trades) > goal)


async def test_ten_components_with_fifty_symbols_come_back_proved(exchange: EmbeddedExchange, desk: Desk) -> None:
    markets = sorted(exchange.world.codes)[:50]
    ledgers = [Ledger() for _ in range(10)]
    handles = []
    for number, ledger in enumerate(ledgers):
        mine = markets[number * 5 : number * 5 + 10]
        specs = [SubscriptionSpec(kind, mine) for kind in (DataType.TICKER, DataType.TRADE, DataType.ORDERBOOK)]
        handles.append(desk.manager.register_component(f"c{number}", specs, ledger))
    await asyncio.gather(*(handle.wait_served(10) for handle in handles))
    table = exchange.subscribed("public")
    assert len(table) == 150
    exchange.set_rate(2000)
    await until(lambda: all(ledger.trades for ledger in ledgers))

    exchange.faults.inject("drop", endpoint="public", times=1)
    await until(lambda: desk.diary.gaps and desk.diary.path(PUBLIC)[-1] is S.CONNECTED)
    assert exchange.subscribed("public") == table
    assert desk.diary.path(PUBLIC) == [S.CONNECTING, S.SYNCING, S.CONNECTED, S.RECONNECTING, S.SYNCING, S.CONNECTED]
    (gap,) = desk.diary.gaps
    assert (gap.ws_type, gap.old, gap.new) == (PUBLIC, 1, 2)
    assert {stream.data_type for stream in gap.streams} == {DataType.TRADE}
    assert {stream.symbol for stream in gap.streams} == set(markets)
    assert desk.diary.epochs == [(PUBLIC, 1), (PUBLIC, 2)]
    before = [len(ledger.epochs) for ledger in ledgers]
    await until(lambda: all(len(ledger.epochs) > count for ledger, count in zip(ledgers, before, strict=True)))
    for ledger in ledgers:
        assert ledger.epochs == sorted(ledger.epochs)
        assert ledger.epochs[-1] == 2
        assert ledger.backwards == 0
        assert set(ledger.trades.values()) == {1}
    statistics = desk.manager.wiring.subscription_statistics()[PUBLIC]
    assert (statistics.restored, statistics.restorable) == (150, 150)
    assert exchange.counters.message_violations == exchange.counters.connect_violations == 0


async def test_a_planned_change_of_the_line_loses_and_repeats_nothing(exchange: EmbeddedExchange, desk: Desk) -> None:
    ledger = Ledger()
    specs = [
        SubscriptionSpec(kind, ["KRW-BTC", "KRW-ETH"]) for kind in (DataType.TRADE, DataType.TICKER, DataType.ORDERBOOK)
    ]
    handle = desk.manager.register_component("c", specs, ledger)
    await handle.wait_served(10)
    exchange.set_rate(1500)
    for turn in range(3):
        await ledger.more_trades(5)
        await desk.manager.reconnect(PUBLIC)
        assert desk.manager.get_current_epoch(PUBLIC) == turn + 2
    await ledger.more_trades(5)
    assert set(ledger.trades.values()) == {1}
    assert ledger.backwards == 0
    assert ledger.epochs == sorted(ledger.epochs)
    assert [gap.down_seconds for gap in desk.diary.gaps] == [0.0] * 3
    assert [gap.streams for gap in desk.diary.gaps] == [()] * 3
    assert S.RECONNECTING not in desk.diary.path(PUBLIC)


async def test_orders_survive_a_planned_change_exactly_once(exchange: EmbeddedExchange, desk: Desk) -> None:
    got: list[tuple[str, str]] = []
    handle = desk.manager.register_component(
        "orders", SubscriptionSpec(DataType.MY_ORDER), lambda event: got.append((event.identifier, event.state))
    )
    await handle.wait_served(10)
    rotation = asyncio.ensure_future(desk.manager.reconnect(PRIVATE))
    placed = []
    for number in range(40):
        placed.append(f"order-{number}")
        exchange.place_order("KRW-BTC", "BID", "limit", "1000000", "0.01", identifier=placed[-1])
        await asyncio.sleep(0.005)
    await rotation
    await until(lambda: len(got) >= 40)
    assert [name for name, state in got if state == "wait"] == placed
    assert desk.manager.get_current_epoch(PRIVATE) == 2


async def test_a_refused_key_stops_that_line_and_says_so(exchange: EmbeddedExchange, desk: Desk) -> None:
    exchange.faults.inject("invalid_auth", endpoint="private")
    public = desk.manager.register_component("p", SubscriptionSpec(DataType.TICKER, "KRW-BTC"), lambda event: None)
    private = desk.manager.register_component("o", SubscriptionSpec(DataType.MY_ORDER), lambda event: None)
    await public.wait_served(10)
    await until(lambda: desk.manager.connection_state(PRIVATE) is S.FAILED)
    await until(lambda: any(isinstance(error, AuthenticationError) for error in desk.diary.errors))
    await until(lambda: desk.manager.state is GlobalManagerState.DEGRADED)
    exchange.faults.clear()
    await desk.manager.reconnect(PRIVATE)
    await private.wait_served(10)
    await until(lambda: desk.manager.state is GlobalManagerState.ACTIVE)


@pytest.mark.parametrize("wrong", ["access_key", "secret_key"])
async def test_a_wrong_key_costs_two_handshakes_and_is_called_what_it_is_from_the_first_on(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any], wrong: str
) -> None:
    keys = {"access_key": exchange.access_key, "secret_key": exchange.secret_key, wrong: f"{exchange.secret_key}x"}
    desk: Desk = await make_desk(credentials=Credentials(keys["access_key"], keys["secret_key"]))
    desk.manager.register_component("o", SubscriptionSpec(DataType.MY_ORDER), lambda event: None)
    await until(lambda: desk.manager.connection_state(PRIVATE) is S.FAILED)
    await until(lambda: len(desk.diary.errors) == 2)
    assert [type(error) for error in desk.diary.errors] == [AuthenticationError] * 2
    assert [error.recovery for error in desk.diary.errors] == [RecoveryStrategy.RECONNECT, RecoveryStrategy.NONE]
    assert exchange.counters.auth_failures == 2


async def test_a_key_without_a_scope_is_not_taken_for_a_wrong_one(make_desk: Callable[..., Any]) -> None:
    async with EmbeddedExchange(
        ExchangeSettings(scopes=("view_orders",), prepare=False, connects_per_second=None)
    ) as exchange:
        desk: Desk = await make_desk(**urls_of(exchange), messages_per_second=5)
        orders = desk.manager.register_component("o", SubscriptionSpec(DataType.MY_ORDER), lambda event: None)
        assets = desk.manager.register_component("a", SubscriptionSpec(DataType.MY_ASSET), lambda event: None)
        await orders.wait_served(60)
        with pytest.raises(SubscriptionError, match="myAsset"):
            await assets.wait_served(60)
        await until(lambda: desk.manager.connection_state(PRIVATE) is S.CONNECTED)
        assert S.FAILED not in desk.diary.path(PRIVATE)
        await desk.manager.stop()


async def test_codes_that_do_not_come_back_are_reported_and_the_rest_serves(
    exchange: EmbeddedExchange, desk: Desk
) -> None:
    handle = desk.manager.register_component(
        "c", SubscriptionSpec(DataType.TICKER, ["KRW-BTC", "KRW-ETH"]), lambda event: None
    )
    await handle.wait_served(10)
    exchange.faults.inject("missing_codes", endpoint="public", codes=["KRW-ETH"], times=None)
    exchange.faults.inject("drop", endpoint="public", times=1)
    await until(
        lambda: desk.manager.wiring.stream_status(StreamKey(DataType.TICKER, "KRW-ETH")) is StreamStatus.UNSERVED
    )
    assert desk.manager.wiring.stream_status(StreamKey(DataType.TICKER, "KRW-BTC")) is StreamStatus.LIVE
    await until(lambda: desk.manager.connection_state(PUBLIC) is S.CONNECTED)


async def test_streams_that_come_back_listed_but_silent_are_asked_for_again_until_they_flow(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any]
) -> None:
    desk: Desk = await make_desk(proof_timeout=0.5)
    markets = sorted(exchange.world.codes)[:20]
    handle = desk.manager.register_component("c", SubscriptionSpec(DataType.TICKER, markets), lambda event: None)
    await handle.wait_served(10)
    silent = exchange.faults.inject("missing_codes", endpoint="public", codes=markets[:3], listed=True, times=1)
    exchange.faults.inject("drop", endpoint="public", times=1)
    await until(lambda: silent.hits and desk.manager.state is GlobalManagerState.DEGRADED)
    await until(lambda: desk.manager.state is GlobalManagerState.ACTIVE)
    assert desk.manager.wiring.subscription_statistics()[PUBLIC].live == 20
    assert len(desk.diary.gaps) == 1  # on the same line
    assert exchange.counters.message_violations == 0


@pytest.mark.parametrize(
    "fault",
    [
        "drop",
        "half_open",
        "close",
        "error",
        "cut_frame",
        "huge_message",
        "decompression_bomb",
        "masked_frame",
        "protocol_violation",
        "refuse",
        "too_many",
        "slow_accept",
        "stall",
        "ignored_request",
    ],
)
async def test_a_fault_that_costs_the_line_is_survived(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any], fault: str
) -> None:
    desk: Desk = await make_desk(proof_timeout=0.5, list_timeout=0.5, busy_silence_timeout=1.0)
    ledger = Ledger()
    specs = [SubscriptionSpec(kind, ["KRW-BTC", "KRW-ETH"]) for kind in (DataType.TRADE, DataType.TICKER)]
    exchange.set_rate(3000)
    handle = desk.manager.register_component("c", specs, ledger)
    await handle.wait_served(10)
    await until(lambda: len(ledger.epochs) > 300)  # known to be busy
    if fault in ("refuse", "too_many", "slow_accept", "ignored_request"):
        exchange.faults.inject(fault, endpoint="public", times=2)
        exchange.faults.inject("drop", endpoint="public", times=1)
    elif fault == "stall":
        exchange.faults.inject(fault, endpoint="public", keep=False)
    else:
        exchange.faults.inject(fault, endpoint="public", times=1)
    await until(lambda: S.RECONNECTING in desk.diary.path(PUBLIC))
    exchange.faults.clear() if fault == "stall" else None
    await until(lambda: desk.manager.connection_state(PUBLIC) is S.CONNECTED)
    epoch = desk.manager.get_current_epoch(PUBLIC)
    await until(lambda: ledger.epochs[-1] == epoch)
    assert set(ledger.trades.values()) == {1}
    assert ledger.epochs == sorted(ledger.epochs)
    assert {(entry[0], entry[1]) for entry in exchange.subscribed("public")} == {
        (kind, code) for kind in ("trade", "ticker") for code in ("KRW-BTC", "KRW-ETH")
    }
    assert exchange.counters.message_violations == 0


@pytest.mark.parametrize("fault", ["garbage", "truncated", "wrong_order", "duplicate_trades", "delay", "clock_skew"])
async def test_a_fault_that_costs_frames_is_counted_and_the_line_stays(
    exchange: EmbeddedExchange, desk: Desk, fault: str
) -> None:
    ledger = Ledger()
    specs = [SubscriptionSpec(kind, ["KRW-BTC", "KRW-ETH"]) for kind in (DataType.TRADE, DataType.TICKER)]
    handle = desk.manager.register_component("c", specs, ledger)
    await handle.wait_served(10)
    exchange.set_rate(1000)
    await until(lambda: ledger.trades)
    options: dict[str, Any] = {"every": 5} if fault == "truncated" else {}
    injected = exchange.faults.inject(fault, endpoint="public", **options)
    count = len(ledger.trades)
    await until(lambda: (injected.hits or fault == "delay") and len(ledger.trades) > count + 20)
    exchange.faults.clear()
    statistics = desk.manager.wiring.routing.get_routing_statistics()
    if fault in ("garbage", "truncated"):
        assert statistics.decode_errors
    if fault == "duplicate_trades":
        assert statistics.duplicates
    assert set(ledger.trades.values()) == {1}
    assert ledger.backwards == 0
    assert desk.manager.get_current_epoch(PUBLIC) == 1


async def test_a_flood_of_garbage_is_counted_and_told_within_a_bound(exchange: EmbeddedExchange, desk: Desk) -> None:
    handle = desk.manager.register_component("c", SubscriptionSpec(DataType.TICKER, "KRW-BTC"), lambda event: None)
    await handle.wait_served(10)
    exchange.faults.inject("garbage", endpoint="public", count=2000, times=1)
    began = asyncio.get_running_loop().time()
    await until(lambda: desk.manager.wiring.routing.get_routing_statistics().decode_errors >= 2000)
    seconds = asyncio.get_running_loop().time() - began
    assert 0 < len(desk.diary.errors) <= UNREADABLE_TOLD_PER_SECOND * (seconds + 2)


async def test_a_token_is_renewed_before_it_ends_without_a_gap(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any]
) -> None:
    desk: Desk = await make_desk(token_lifetime=1.0)
    handle = desk.manager.register_component("o", SubscriptionSpec(DataType.MY_ORDER), lambda event: None)
    await handle.wait_served(10)
    await until(lambda: desk.manager.get_current_epoch(PRIVATE) >= 2)
    assert S.RECONNECTING not in desk.diary.path(PRIVATE)
    assert exchange.counters.auth_failures == 0
    assert all(gap.down_seconds == 0 for gap in desk.diary.gaps)
