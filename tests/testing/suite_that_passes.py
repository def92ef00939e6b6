"""What people write who test a program on this package; tests/testing/test_plugin.py runs it in a pytest of its own."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6.QtCore import QEventLoop, QTimer
from PyQt6.QtWidgets import QApplication, QLabel, QWidget

from tests.recording.frames import trade
from upbit_ws_qt import (
    AuthenticationError,
    ConnectionState,
    Credentials,
    Delivery,
    GlobalWebSocketManager,
    SimpleWebSocketClient,
    WebSocketClientProxy,
    WebSocketService,
    WebSocketType,
)
from upbit_ws_qt.recording.captures import import_lines
from upbit_ws_qt.testing import assert_no_wishes, assert_wishes

if TYPE_CHECKING:
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from upbit_ws_qt import TickerEvent, TradeEvent
    from upbit_ws_qt.exchange import EmbeddedExchange
    from upbit_ws_qt.qt.attach import AttachedLoop
    from upbit_ws_qt.testing.stage import ReplayMaker

BTC, ETH = "KRW-BTC", "KRW-ETH"
seen: dict[str, object] = {}


def failing(event: TickerEvent) -> None:
    """A callback that fails."""
    raise KeyError(event.code)


class PriceLabel(QLabel):
    """A widget as anybody writes it: it knows of no test."""

    def __init__(self, code: str = BTC) -> None:
        super().__init__("-")
        self.proxy = WebSocketClientProxy("price", owner=self)
        self.proxy.subscribe_ticker(code, self.show_price)

    def show_price(self, event: TickerEvent) -> None:
        self.setText(f"{event.trade_price:,.0f}")


def test_a_signal_is_waited_for(qtbot: QtBot, upbit_service: WebSocketService) -> None:
    with qtbot.waitSignal(upbit_service.ticker(BTC).received) as blocker:
        pass
    assert blocker.args[0].code == BTC


def test_a_chosen_price_is_shown(qtbot: QtBot, upbit_exchange: EmbeddedExchange, upbit_service: object) -> None:
    upbit_exchange.trade(BTC, "160000000", "0.1")
    label = PriceLabel()
    qtbot.addWidget(label)
    qtbot.waitUntil(lambda: label.text() == "160,000,000")
    upbit_exchange.ticker(BTC, trade_price="161000000")
    qtbot.waitUntil(lambda: label.text() == "161,000,000")


@pytest.mark.usefixtures("upbit_service", "upbit_no_leaks")
def test_nothing_comes_after_a_settled_world(
    qtbot: QtBot, upbit_exchange: EmbeddedExchange, upbit_loop: AttachedLoop
) -> None:
    trades: list[TradeEvent] = []
    owner = QWidget()
    qtbot.addWidget(owner)
    WebSocketClientProxy("trades", owner=owner).subscribe_trade(BTC, trades.append)
    upbit_loop.run_until_complete(upbit_exchange.settle())
    known = len(trades)
    for volume in range(1, 101):
        upbit_exchange.trade(BTC, "160000000", volume)
    upbit_loop.run_until_complete(upbit_exchange.settle())
    assert [trade.trade_volume for trade in trades[known:]] == list(range(1, 101))


@pytest.mark.usefixtures("upbit_service")
async def test_a_coroutine_runs_on_the_same_loop(
    qtbot: QtBot, upbit_exchange: EmbeddedExchange, upbit_loop: AttachedLoop
) -> None:
    assert asyncio.get_running_loop() is upbit_loop
    label = PriceLabel()
    qtbot.addWidget(label)
    upbit_exchange.trade(BTC, "160000000", "0.1")
    await upbit_exchange.settle()
    assert label.text() == "160,000,000"


async def test_after_a_cut_the_line_comes_back(
    qtbot: QtBot, upbit_exchange: EmbeddedExchange, upbit_service: WebSocketService
) -> None:
    gaps: list[object] = []
    upbit_service.gapDetected.connect(gaps.append)
    label = PriceLabel()
    qtbot.addWidget(label)
    await upbit_exchange.settle()
    upbit_exchange.cut()
    await upbit_exchange.settle()
    assert len(gaps) == 1
    assert upbit_service.epoch(WebSocketType.PUBLIC) == 2
    upbit_exchange.trade(BTC, "160000000", "0.1")
    await upbit_exchange.settle()
    assert label.text() == "160,000,000"


class TestInAClass:
    """Methods are tests too."""

    @pytest.mark.usefixtures("upbit_service")
    async def test_by_the_frame(self, upbit_exchange: EmbeddedExchange) -> None:
        frames: list[TickerEvent] = []
        proxy = WebSocketClientProxy("frames")
        proxy.subscribe_ticker(BTC, frames.append, delivery=Delivery.FRAME)
        await upbit_exchange.settle()
        upbit_exchange.ticker(BTC, trade_price=160_000_000)
        await upbit_exchange.settle()
        assert frames[-1].trade_price == 160_000_000


@pytest.mark.parametrize("price", [150_000_000, 160_000_000])
async def test_books_and_candles(upbit_exchange: EmbeddedExchange, upbit_service: WebSocketService, price: int) -> None:
    got: list[Any] = []
    proxy = WebSocketClientProxy("books")
    proxy.subscribe_orderbook(BTC, got.append, depth=5)
    proxy.subscribe_candle(BTC, got.append, unit="1m")
    await upbit_exchange.settle()
    got.clear()
    upbit_exchange.book(BTC, asks=[(price + 1000, "0.5")], bids=[(price, 2)])
    upbit_exchange.candle(BTC, "1m", trade_price=price, candle_acc_trade_volume="3.5")
    await upbit_exchange.settle()
    book, candle = got
    assert (book.best_ask, book.total_bid_size) == (price + 1000, 2)
    assert candle.candle_acc_trade_volume == Decimal("3.5")


@pytest.mark.usefixtures("upbit_service")
async def test_own_orders(upbit_exchange: EmbeddedExchange) -> None:
    orders: list[Any] = []
    WebSocketClientProxy("orders").subscribe_my_order(orders.append)
    await upbit_exchange.settle()
    order = upbit_exchange.order(BTC, "BID", price=1_000_000, volume="0.01")
    order.fill("0.004")
    await upbit_exchange.settle()
    assert [event.state for event in orders] == ["wait", "trade"]


@pytest.mark.upbit_service(credentials=Credentials.dummy("wrong"))
def test_a_key_that_is_refused(qtbot: QtBot, upbit_service: WebSocketService) -> None:
    with qtbot.waitSignal(
        upbit_service.errorOccurred, check_params_cb=lambda error: isinstance(error, AuthenticationError)
    ):
        WebSocketClientProxy("orders").subscribe_my_order(print)


def test_the_key_of_the_environment(upbit_key: Credentials, upbit_exchange: EmbeddedExchange) -> None:
    assert Credentials.from_env() == upbit_key
    assert upbit_key == Credentials(upbit_exchange.access_key, upbit_exchange.secret_key)


@pytest.mark.upbit_exchange(
    stopped=False, rate=2000, markets=3, faults=[("refuse", {"endpoint": "public", "times": 1})]
)
def test_time_that_runs_and_a_fault_from_the_beginning(
    qtbot: QtBot, upbit_exchange: EmbeddedExchange, upbit_service: WebSocketService
) -> None:
    trades: list[object] = []
    WebSocketClientProxy("trades").subscribe_trade(BTC, trades.append)
    qtbot.waitUntil(lambda: len(trades) > 3, timeout=60_000)
    assert upbit_exchange.counters.fault_hits["refuse"] == 1
    assert len(upbit_exchange.world.markets) == 3


def test_what_a_widget_wants(qtbot: QtBot, upbit_service: WebSocketService) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    label = PriceLabel()
    label.setParent(window)
    other = PriceLabel(ETH)
    qtbot.addWidget(other)
    books = WebSocketClientProxy("books", owner=window)
    books.subscribe_orderbook([BTC, ETH])
    books.subscribe_my_asset()
    candle = books.candle(BTC, "1m")
    assert_wishes(window, ticker=BTC, orderbook=[BTC, ETH], my_asset=(), candle_1m=BTC)
    assert_wishes(label, ticker=[BTC])
    with pytest.raises(AssertionError, match=f"missing: trade {BTC}\n  too much: ticker {BTC}"):
        assert_wishes(label, trade=BTC)
    with pytest.raises(TypeError, match="no data called 'tickers'"):
        assert_wishes(label, tickers=BTC)
    with pytest.raises(AssertionError, match=f"ticker {BTC}"):
        assert_no_wishes(label)
    with pytest.raises(AssertionError, match=f"ticker {ETH} .for price"):
        assert_no_wishes()
    label.deleteLater()
    qtbot.waitUntil(lambda: not upbit_service.wishes_of(label))
    assert_no_wishes(label)
    other.deleteLater()
    window.deleteLater()
    qtbot.waitUntil(lambda: upbit_service.manager.get_active_subscriptions() == {})
    assert_no_wishes(window)
    assert_no_wishes()
    assert candle.ended


@pytest.mark.usefixtures("upbit_service")
def test_a_callback_that_is_meant_to_fail(
    upbit_exchange: EmbeddedExchange, upbit_loop: AttachedLoop, upbit_failures: list[BaseException]
) -> None:
    proxy = WebSocketClientProxy("bad")
    proxy.subscribe_ticker(BTC, failing)
    upbit_loop.run_until_complete(upbit_exchange.settle())
    assert isinstance(upbit_failures.pop(), KeyError)
    assert not upbit_failures


def test_each_test_has_an_exchange_and_a_service_of_its_own(
    upbit_exchange: EmbeddedExchange, upbit_service: WebSocketService
) -> None:
    assert WebSocketService.instance() is upbit_service
    assert GlobalWebSocketManager.instance() is upbit_service.manager
    assert upbit_service is not seen.get("service")
    assert upbit_service.manager.get_active_subscriptions() == {}
    assert upbit_service.connection_state(WebSocketType.PUBLIC) is ConnectionState.DISCONNECTED
    seen["service"] = upbit_service


test_and_so_has_the_next = test_each_test_has_an_exchange_and_a_service_of_its_own


async def test_values_are_asked_for_without_callbacks(
    upbit_exchange: EmbeddedExchange, upbit_service: WebSocketService
) -> None:
    upbit_exchange.trade(BTC, "160000000", "0.1")
    client = SimpleWebSocketClient("strategy")
    await client.register_interests([BTC], ["ticker"])
    await upbit_exchange.settle()
    ticker = client.get_ticker(BTC)
    assert ticker is not None
    assert ticker.trade_price == 160_000_000
    await client.close()


def test_a_dialog_and_a_program_that_quits_itself(qtbot: QtBot, upbit_loop: AttachedLoop) -> None:
    ticks: list[None] = []
    upbit_loop.call_later(0.01, ticks.append, None)
    nested = QEventLoop()
    QTimer.singleShot(0, lambda: QApplication.exit(3))  # what a menu's Quit does
    upbit_loop.call_later(0.02, nested.quit)
    nested.exec()
    upbit_loop.run_until_complete(asyncio.sleep(0.02))
    assert ticks == [None]


def test_one_coroutine_in_another_is_awaited(upbit_loop: AttachedLoop) -> None:
    async def inner() -> None: ...

    async def outer() -> None:
        waiting = inner()
        try:
            upbit_loop.run_until_complete(waiting)
        finally:
            waiting.close()

    with pytest.raises(RuntimeError, match="await it"):
        upbit_loop.run_until_complete(outer())


def test_without_any_of_it_asyncio_is_as_it_was() -> None:
    assert asyncio.run(asyncio.sleep(0, "slept")) == "slept"


async def test_so_is_pytest_asyncio() -> None:
    assert type(asyncio.get_running_loop()).__module__.startswith("asyncio.")


def test_a_replay_is_the_programs_service(
    upbit_loop: AttachedLoop, upbit_replay: ReplayMaker, tmp_path: Path, upbit_no_leaks: None
) -> None:
    frames = [(trade(BTC, number), 1000.0 + number) for number in range(20)]
    lines = [json.dumps({"ts": at, "frame": data.decode()}) for data, at in frames]
    (tmp_path / "day.jsonl").write_text("\n".join(lines), encoding="utf-8")
    import_lines(tmp_path / "day.jsonl", tmp_path / "day")
    service = upbit_replay(tmp_path / "day")
    assert WebSocketService.instance() is service
    events: list[TradeEvent] = []
    proxy = WebSocketClientProxy("replayed")
    proxy.subscribe_trade(BTC, events.append)
    assert service.clock is not None
    assert service.clock.is_paused
    upbit_replay.to_end()
    assert len(events) == 20
    service.clock.seek(service.clock.begins + 5)
    upbit_replay.to_end()
    assert len(events) == 35
    assert service.connection_state(WebSocketType.PUBLIC) is ConnectionState.CONNECTED
    upbit_loop.run_until_complete(proxy.cleanup())


def test_a_replay_has_to_be_opened_first(upbit_replay: ReplayMaker) -> None:
    with pytest.raises(RuntimeError, match="comes first"):
        upbit_replay.to_end()
