"""A day of a program with windows, in simulated time: widgets come and go, lines are cut, and nothing is left of it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import importlib
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import psutil
import pytest
from PyQt6 import sip
from PyQt6.QtCore import QEvent, QObject, pyqtSlot
from PyQt6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget

from tests.prove.computer import SimulatedComputer
from tests.prove.loop import DeadlockError
from tests.prove.network import HOST
from tests.prove.qt_loop import SimulatedQtLoop
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.errors import WebSocketError
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings, pump
from upbit_ws_qt.qt import WebSocketClientProxy, WebSocketService
from upbit_ws_qt.types import ConnectionState, Delivery, GlobalManagerState, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upbit_ws_qt.events import CandleEvent, OrderbookEvent, TickerEvent, TradeEvent

BEGINS_MS = 1_790_000_000_000
CODES = ("KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL", "KRW-DOGE")
CLIENT = "10.0.0.1"
HOUR = 3600.0
MOST_WINDOWS = 12


class Counts(NamedTuple):
    """What there is at a quiet moment."""

    tasks: int
    sockets: int
    descriptors: int
    qobjects: int
    children: int
    windows: int


class Quote(QLabel):
    """Shows a price, as any widget of a user's."""

    def __init__(self, code: str, service: WebSocketService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.calls = 0
        self._proxy = WebSocketClientProxy("quote", owner=self, service=service)
        self._proxy.subscribe_ticker(code, self.show_price)

    @pyqtSlot(object)
    def show_price(self, event: TickerEvent) -> None:
        """Show it."""
        self.calls += 1
        self.setText(f"{event.trade_price:,}")


class Window(QWidget):
    """Some quotes, a book by display frames, and the trades with what was missed of them."""

    def __init__(self, service: WebSocketService, codes: tuple[str, ...]) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        self.quotes = [Quote(code, service, self) for code in codes]
        for quote in self.quotes:
            layout.addWidget(quote)
        self._proxy = WebSocketClientProxy("window", owner=self, service=service)
        self._proxy.orderbook(codes[0]).frame.connect(self.show_book)
        self._proxy.subscribe_trade(codes, self.show_trade, backfill=True)
        self._proxy.subscribe_candle(codes[0], self.show_candle, unit="1m", delivery=Delivery.FRAME)
        self.trades = self.books = 0

    @pyqtSlot(object)
    def show_book(self, event: OrderbookEvent) -> None:
        """Show it."""
        self.books += 1

    @pyqtSlot(object)
    def show_candle(self, event: CandleEvent) -> None:
        """Show it."""
        self.setWindowTitle(f"{event.trade_price:,}")

    @pyqtSlot(object)
    def show_trade(self, event: TradeEvent) -> None:
        """Show it."""
        self.trades += 1


class Day:
    """Plays a course of hours on one loop.

    Args:
        hours: simulated.
        seed: of everything that happens.
    """

    def __init__(self, loop: SimulatedQtLoop, hours: float, seed: int) -> None:
        self._loop = loop
        self._hours = hours
        self._random = Random(f"qt day {seed}")
        self._windows: list[Window] = []
        self._service: WebSocketService
        self._exchange: EmbeddedExchange
        self.counts: list[Counts] = []
        self.timers: list[int] = []
        self.memory: list[int] = []
        self.made = self.cuts = 0
        self.seen: list[int] = []

    async def play(self) -> None:
        """Play all of it."""
        settings = ExchangeSettings(seed=1, markets=8, rate=1, start_ms=BEGINS_MS, prepare=False, block_seconds=2.0)
        async with EmbeddedExchange(settings) as self._exchange:
            HOST.set(CLIENT)
            self._service = WebSocketService(ServiceConfig.for_exchange(
                self._exchange, backfill=frozenset({"trade", "order", "asset"}), raise_independence=False
            ))  # fmt: skip
            await self._service.start()
            stays = Window(self._service, CODES[:2])
            account = QObject()
            WebSocketClientProxy("account", owner=account, service=self._service).subscribe_my_order(print_nothing)
            await self._trouble(0.1 * HOUR)  # what is made once is made
            for _ in range(2):
                await self._rest()
                await self._trouble(self._hours * HOUR / 2)
            await self._rest()
            self.seen = [stays.trades, stays.books, *(quote.calls for quote in stays.quotes)]
            for owner in (stays, account):
                sip.delete(owner)
            await self._service.stop()
            self._service.deleteLater()
        await asyncio.sleep(5.0)

    async def _trouble(self, seconds: float) -> None:
        """Let widgets come and go, and lines be lost, every minute or so."""
        ends = self._loop.time() + seconds
        acts = (self._open_window, self._open_window, self._close_window, self._cut, self._drop, self._die,
                self._refuse, self._renew, self._order, self._sleep)  # fmt: skip
        while self._loop.time() < ends:
            await asyncio.sleep(self._random.expovariate(1 / 40.0))
            await self._random.choice(acts)()

    async def _rest(self) -> None:
        """Close all that came, wait until the lines are well, and count."""
        while self._windows:
            await self._close_window()
        self._exchange.faults.clear()
        service = self._service
        lines = (WebSocketType.PUBLIC, WebSocketType.PRIVATE)
        for _ in range(600):
            await asyncio.sleep(1.0)
            is_up = all(service.connection_state(kind) is ConnectionState.CONNECTED for kind in lines)
            if is_up and service.state is GlobalManagerState.ACTIVE and not service.manager.wiring.backfill.is_busy:
                break
        else:
            raise AssertionError(f"not well after ten minutes: {service.state}")
        await asyncio.sleep(90.0)  # idle connections of REST are closed, old lines gone
        self.counts.append(self._count())
        self.timers.append(len(self._loop.timers()))
        self.memory.append(psutil.Process().memory_info().rss)

    def _count(self) -> Counts:
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()
        return Counts(
            tasks=len(asyncio.all_tasks()),
            sockets=len(self._loop.network.ends),
            descriptors=psutil.Process().num_fds(),
            qobjects=sum(isinstance(each, QObject) for each in gc.get_objects()),
            children=len(self._service.findChildren(QObject)),
            windows=len(QApplication.topLevelWidgets()),
        )

    # -- what happens
    async def _open_window(self) -> None:
        if len(self._windows) < MOST_WINDOWS:
            codes = tuple(self._random.sample(CODES, self._random.randrange(1, 4)))
            self._windows.append(Window(self._service, codes))
            self.made += 1

    async def _close_window(self) -> None:
        """In each of the ways in which a widget can end."""
        if not self._windows:
            return
        window = self._windows.pop(self._random.randrange(len(self._windows)))
        way = self._random.randrange(4)
        if way == 0:
            window.deleteLater()
        elif way == 1:
            sip.delete(window)
        elif way == 2:
            window.quotes.pop().deleteLater()  # one of its children first, and itself when Python lets go of it
        elif way == 3:
            holder = QWidget()
            window.setParent(holder)
            holder.deleteLater()
        del window

    async def _cut(self) -> None:
        for end in self._loop.network.lines_of(CLIENT):
            for each in (end, end.other):
                each.fail(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))
        self.cuts += 1

    async def _drop(self) -> None:
        self._exchange.faults.inject("drop", endpoint=self._random.choice(("public", "private")))
        self.cuts += 1

    async def _die(self) -> None:
        """The lines are dead, and nobody is told."""
        for end in self._loop.network.lines_of(CLIENT):
            self._loop.network.kill(end)
        self.cuts += 1

    async def _refuse(self) -> None:
        self._exchange.faults.inject("refuse", status=503, times=self._random.randrange(1, 4))
        await self._drop()

    async def _renew(self) -> None:
        with contextlib.suppress(WebSocketError):
            await self._service.reconnect(WebSocketType.PUBLIC)

    async def _order(self) -> None:
        order: Any = self._exchange.place_order(CODES[0], "BID", "limit", 50_000_000, "0.001")[0]
        await asyncio.sleep(1.0)
        self._exchange.fill_order(order.uuid)

    async def _sleep(self) -> None:
        """The program stands still for some seconds."""
        self._loop.pass_time(self._random.choice((0.5, 3.0, 20.0)))


def print_nothing(event: object) -> None:
    """Take an event and do nothing with it."""


@pytest.fixture
def loop(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedQtLoop]:
    """Qt's loop in simulated time, and a computer whose clocks go by it."""
    importlib.import_module("aiohttp")  # else the first question would load it in a thread
    found = SimulatedQtLoop(qapp, Random("qt day"))
    computer = SimulatedComputer(found, "qt day", BEGINS_MS / 1000)
    monkeypatch.setattr("upbit_ws_qt.manager.wiring.Computer", lambda: computer)
    monkeypatch.setattr(pump, "TICK", 1.0)
    found.network.delay = 0.01
    asyncio.set_event_loop(found)
    yield found
    asyncio.set_event_loop(None)
    found.close()


def test_qt_turns_the_loop_and_an_hour_passes_at_once(loop: SimulatedQtLoop) -> None:
    called: list[float] = []

    async def main() -> None:
        began = loop.time()
        loop.call_later(0.25, lambda: called.append(loop.time() - began))
        loop.call_later(0.1, called.append, -1.0).cancel()
        label = QLabel()
        label.destroyed.connect(lambda: called.append(0.0))
        label.deleteLater()
        await asyncio.sleep(HOUR)
        called.append(loop.time() - began)

    loop.run_until_complete(main())
    assert called == pytest.approx([0.0, 0.25, HOUR], abs=0.01)
    assert loop.jumps < 10


def test_what_can_never_go_on_is_told(loop: SimulatedQtLoop) -> None:
    with pytest.raises(RuntimeError, match="stopped before"):
        loop.run_until_complete(loop.create_future())
    assert isinstance(loop.deadlock, DeadlockError)


@pytest.mark.parametrize("hours", [0.3, pytest.param(24.0, marks=[pytest.mark.soak, pytest.mark.timeout(7200)])])
def test_a_day_of_windows_and_lost_lines_leaves_nothing(loop: SimulatedQtLoop, hours: float) -> None:
    """No task, timer, socket, descriptor or QObject more than before, though hundreds came and went."""
    day = Day(loop, hours, seed=1)
    errors: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: errors.append(context))
    loop.run_until_complete(day.play())
    assert loop.deadlock is None
    assert errors == []
    print(
        f"{hours} h, {day.made} windows, {day.cuts} cuts, {loop.jumps} jumps, {day.counts}, timers {day.timers}, "
        f"{day.memory}"
    )
    assert day.made > 10 * hours
    assert day.cuts > 10 * hours
    assert min(day.seen) > 0
    assert day.counts[1:] == [day.counts[0]] * 2
    assert max(day.timers) <= min(day.timers) + 3  # a ping may be under way, a connection of REST idle
    assert not loop.network.ends
    left = [timer for timer in loop.timers() if "upbit_ws_qt" in repr(timer)]
    assert left == []
