"""Many components, one request: everybody gets exactly their own, and what nobody wants goes."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.manager.conftest import config_for
from tests.waiting import until
from upbit_ws_qt.errors import ConfigurationError, SubscriptionError
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.subscriptions import StreamStatus
from upbit_ws_qt.types import DataType, GlobalManagerState, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.manager.conftest import Desk
    from upbit_ws_qt.errors import WebSocketError
    from upbit_ws_qt.events import BaseWebSocketEvent

TICKER, TRADE, BOOK = DataType.TICKER, DataType.TRADE, DataType.ORDERBOOK


def _requests(exchange: EmbeddedExchange, endpoint: str = "public") -> int:
    views = [*exchange.connections, *exchange.closed_connections]
    return sum(b"LIST_SUBSCRIPTIONS" not in data for v in views if v.endpoint == endpoint for _, data in v.requests)


def _table(exchange: EmbeddedExchange) -> set[tuple[str, str]]:
    return {(entry[0], entry[1]) for entry in exchange.subscribed("public")}


def _note(seen: set[tuple[str, str]], event: BaseWebSocketEvent) -> None:
    seen.add((event.type, event.code))


async def _nothing_is_under_way(desk: Desk) -> None:
    """Wait until no frame has come for twenty turns of the loop in a row."""
    connection = desk.manager.wiring.endpoints[WebSocketType.PUBLIC].connection
    frames, quiet = connection.figures().carried.frames, 0
    while quiet < 20:
        await asyncio.sleep(0.001)
        seen, frames = frames, connection.figures().carried.frames
        quiet = quiet + 1 if seen == frames else 0


async def test_four_components_share_one_request_and_get_their_own(exchange: EmbeddedExchange, desk: Desk) -> None:
    seen: dict[str, set[tuple[str, str]]] = {name: set() for name in "abcd"}
    wishes = {
        "a": [SubscriptionSpec(TICKER, "KRW-BTC")],
        "b": [SubscriptionSpec(TICKER, ["KRW-BTC", "KRW-ETH"]), SubscriptionSpec(TRADE, "KRW-BTC")],
        "c": [SubscriptionSpec(BOOK, "KRW-BTC"), SubscriptionSpec(TRADE, "KRW-BTC")],
        "d": [SubscriptionSpec(DataType.CANDLE_1M, "KRW-BTC")],
    }
    handles = {
        name: desk.manager.register_component(name, specs, partial(_note, seen[name])) for name, specs in wishes.items()
    }
    await asyncio.gather(*(handle.wait_served(10) for handle in handles.values()))
    await until(lambda: all(len(seen[n]) == len(handles[n].streams) for n in wishes))
    assert _requests(exchange) == 1
    for name, handle in handles.items():
        assert seen[name] == {(stream.data_type.value, stream.symbol) for stream in handle.streams}

    handles["b"].close()
    await until(lambda: ("ticker", "KRW-ETH") not in _table(exchange))
    assert _table(exchange) == {
        ("ticker", "KRW-BTC"),
        ("trade", "KRW-BTC"),
        ("orderbook", "KRW-BTC"),
        ("candle.1m", "KRW-BTC"),
    }
    assert (
        set(desk.manager.get_active_subscriptions())
        == handles["a"].streams | handles["c"].streams | handles["d"].streams
    )


async def test_six_changes_in_half_a_second_end_exact_within_the_limit(exchange: EmbeddedExchange, desk: Desk) -> None:
    handle = desk.manager.register_component("strategy", SubscriptionSpec(TICKER, "KRW-BTC"), lambda event: None)
    await handle.wait_served(10)
    loop = asyncio.get_running_loop()
    before, began = _requests(exchange), loop.time()
    markets = sorted(code for code in exchange.world.codes if code.startswith("KRW-"))[:6]
    for market in markets:
        handle.set_specs(SubscriptionSpec(TICKER, ["KRW-BTC", market]))
        await asyncio.sleep(0.08)
    await until(lambda: _table(exchange) == {("ticker", "KRW-BTC"), ("ticker", markets[-1])})
    seconds = int(loop.time() - began)  # 0, unless the machine is too busy for half a second to be one
    assert _requests(exchange) - before <= 5 * (1 + seconds)
    assert exchange.counters.message_violations == 0


async def test_a_hundred_components_on_a_thousand_streams_cost_three_requests_at_most() -> None:
    async with EmbeddedExchange(ExchangeSettings(seed=7, rate=20)) as exchange:
        manager = GlobalWebSocketManager(
            config_for(exchange, proof_timeout=60.0, list_timeout=60.0, connect_timeout=60.0)
        )
        await manager.start()
        markets = sorted(exchange.world.codes)
        handles = []
        for number in range(100):
            mine = [markets[(number * 7 + step) % len(markets)] for step in range(40)]
            specs = [SubscriptionSpec(kind, mine) for kind in (TICKER, TRADE, BOOK)]
            handles.append(manager.register_component(f"c{number}", specs, lambda event: None))
        await asyncio.gather(*(handle.wait_served(60) for handle in handles))
        wanted = set().union(*(handle.streams for handle in handles))
        assert len(wanted) == 3 * len(markets) >= 1000
        assert {manager.wiring.stream_status(stream) for stream in wanted} == {StreamStatus.LIVE}
        assert _requests(exchange) <= 3
        assert exchange.counters.message_violations == 0
        await manager.stop()


async def test_a_late_joiner_gets_the_newest_at_once_without_a_request(exchange: EmbeddedExchange, desk: Desk) -> None:
    first = desk.manager.register_component("first", SubscriptionSpec(BOOK, "KRW-BTC"), lambda event: None)
    await first.wait_served(10)
    await until(lambda: desk.manager.wiring.latest(StreamKey(BOOK, "KRW-BTC")))
    exchange.stop_time()
    await _nothing_is_under_way(desk)
    before = _requests(exchange)
    got: list[Any] = []
    late = desk.manager.register_component("late", SubscriptionSpec(BOOK, "KRW-BTC", depth=5), got.append)
    await until(lambda: got)
    assert got[0].is_snapshot
    assert len(got[0].orderbook_units) == 5
    await late.wait_served(10)
    assert _requests(exchange) == before


async def test_a_component_may_register_more_than_once(exchange: EmbeddedExchange, desk: Desk) -> None:
    ticker = desk.manager.register_component("w", SubscriptionSpec(TICKER, "KRW-BTC"), lambda event: None)
    trade = desk.manager.register_component("w", SubscriptionSpec(TRADE, "KRW-BTC"), lambda event: None)
    await asyncio.gather(ticker.wait_served(10), trade.wait_served(10))
    ticker.close()
    ticker.close()
    await until(lambda: _table(exchange) == {("trade", "KRW-BTC")})
    assert desk.manager.unregister_component("w") is True
    assert desk.manager.unregister_component("w") is False
    assert trade.closed
    await until(lambda: not exchange.connections)
    assert desk.manager.state is GlobalManagerState.IDLE


async def test_a_bad_wish_changes_nothing(exchange: EmbeddedExchange, desk: Desk) -> None:
    handle = desk.manager.register_component("w", SubscriptionSpec(TICKER, "KRW-BTC"), lambda event: None)
    await handle.wait_served(10)
    with pytest.raises(SubscriptionError, match=r"spec 1"):
        handle.set_specs([SubscriptionSpec(TRADE, "KRW-BTC"), SubscriptionSpec(BOOK, "KRW-BTC", depth=7)])
    with pytest.raises(SubscriptionError, match="nothing is wanted"):
        handle.set_specs([])
    with pytest.raises(ConfigurationError, match="component_id"):
        desk.manager.register_component("", SubscriptionSpec(TICKER, "KRW-BTC"), lambda event: None)
    with pytest.raises(ConfigurationError, match="callback"):
        desk.manager.register_component("x", SubscriptionSpec(TICKER, "KRW-BTC"), "not callable")  # type: ignore[call-overload]
    bad: Any
    for bad in (None, "ticker", 5, [None], [SubscriptionSpec(TICKER, "KRW-BTC"), "ticker"]):
        with pytest.raises(ConfigurationError, match="subscriptions"):
            desk.manager.register_component("x", bad, lambda event: None)
        with pytest.raises(ConfigurationError, match="subscriptions"):
            handle.set_specs(bad)
    assert set(desk.manager.get_active_subscriptions()) == {StreamKey(TICKER, "KRW-BTC")}
    handle.close()
    with pytest.raises(SubscriptionError, match="closed"):
        handle.set_specs(SubscriptionSpec(TICKER, "KRW-ETH"))


async def test_private_data_without_keys_is_refused_at_once(make_desk: Callable[..., Any]) -> None:
    desk: Desk = await make_desk(credentials=None)
    assert not desk.manager.wiring.is_available(WebSocketType.PRIVATE)
    with pytest.raises(SubscriptionError, match="credentials"):
        desk.manager.register_component("orders", SubscriptionSpec(DataType.MY_ORDER), lambda event: None)
    with pytest.raises(SubscriptionError, match="private"):
        await desk.manager.reconnect(WebSocketType.PRIVATE)


async def test_an_unknown_market_is_reported_to_its_owner_and_holds_nobody_up(desk: Desk) -> None:
    told: list[tuple[StreamKey, StreamStatus, WebSocketError | None]] = []
    good = desk.manager.register_component("good", SubscriptionSpec(TICKER, "KRW-BTC"), lambda event: None)
    bad = desk.manager.register_component(
        "bad", SubscriptionSpec(TICKER, "KRW-NOSUCH"), lambda event: None, on_status=lambda *news: told.append(news)
    )
    await good.wait_served(10)
    with pytest.raises(SubscriptionError, match="KRW-NOSUCH"):
        await bad.wait_served(10)
    await until(lambda: any(status is StreamStatus.UNSERVED for _, status, _ in told))
    stream, _, error = next(news for news in told if news[1] is StreamStatus.UNSERVED)
    assert stream == StreamKey(TICKER, "KRW-NOSUCH")
    assert isinstance(error, SubscriptionError)
    await until(lambda: desk.manager.state is GlobalManagerState.DEGRADED)
    bad.close()
    await until(lambda: desk.manager.state is GlobalManagerState.ACTIVE)


async def test_a_snapshot_comes_once_and_disturbs_nobody(exchange: EmbeddedExchange, desk: Desk) -> None:
    live: list[BaseWebSocketEvent] = []
    handle = desk.manager.register_component("live", SubscriptionSpec(TRADE, "KRW-BTC"), live.append)
    await handle.wait_served(10)
    found = await desk.manager.fetch_snapshot(SubscriptionSpec(TICKER, ["KRW-ETH", "KRW-XRP", "KRW-NOSUCH"]))
    assert set(found) == {"KRW-ETH", "KRW-XRP"}
    await until(lambda: _table(exchange) == {("trade", "KRW-BTC")})
    count = len(live)
    await until(lambda: len(live) > count)
    assert desk.manager.get_current_epoch(WebSocketType.PUBLIC) == 1


async def test_a_snapshot_of_what_flows_costs_no_request(exchange: EmbeddedExchange, desk: Desk) -> None:
    handle = desk.manager.register_component("live", SubscriptionSpec(TICKER, "KRW-BTC"), lambda event: None)
    await handle.wait_served(10)
    await until(lambda: desk.manager.wiring.latest(StreamKey(TICKER, "KRW-BTC")))
    before = _requests(exchange)
    assert set(await desk.manager.fetch_snapshot(SubscriptionSpec(TICKER, "KRW-BTC"))) == {"KRW-BTC"}
    assert _requests(exchange) == before
    with pytest.raises(SubscriptionError, match="no snapshots"):
        await desk.manager.fetch_snapshot(SubscriptionSpec(DataType.MY_ASSET))


async def test_a_snapshot_alone_opens_the_line_and_lets_it_go(exchange: EmbeddedExchange, desk: Desk) -> None:
    found = await desk.manager.fetch_snapshot(SubscriptionSpec(TICKER, "KRW-BTC"))
    assert set(found) == {"KRW-BTC"}
    await until(lambda: not exchange.connections)
