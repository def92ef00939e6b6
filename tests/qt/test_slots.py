"""What slots and callbacks may do without anybody else noticing."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any

from PyQt6 import sip
from PyQt6.QtCore import QObject, QTimer, pyqtSlot
from PyQt6.QtWidgets import QDialog, QWidget

from tests.qt.serving import served, wanted
from tests.waiting import until
from upbit_ws_qt.errors import BackpressureError
from upbit_ws_qt.events import TradeEvent
from upbit_ws_qt.exchange import ExchangeSettings
from upbit_ws_qt.qt import Subscription, WebSocketClientProxy, WebSocketService, install_excepthook
from upbit_ws_qt.types import ConnectionState, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from upbit_ws_qt.exchange import EmbeddedExchange

# Trades are never conflated: what a witness is missing is missing.
BUSY = ExchangeSettings(
    markets=3, rate=300, connects_per_second=None, messages_per_second=None, messages_per_minute=None
)


class Witness(QObject):
    """Somebody else: must get every trade, in the order of the others."""

    def __init__(self, service: WebSocketService, name: str) -> None:
        super().__init__()
        self.seen: list[int] = []
        self.proxy = WebSocketClientProxy(name, self, service=service)
        self.subscription = self.proxy.subscribe_trade("KRW-BTC", self.on_trade)

    def on_trade(self, event: TradeEvent) -> None:
        self.seen.append(event.sequential_id)


class Culprit(QWidget):
    """Does something in its callback, once it is told to."""

    def __init__(self, service: WebSocketService, name: str = "culprit") -> None:
        super().__init__()
        self.calls = 0
        self.deed: Callable[[], object] | None = None
        self.proxy = WebSocketClientProxy(name, self, service=service)
        self.subscription = self.proxy.subscribe_trade("KRW-BTC", self.on_trade)

    def on_trade(self, event: TradeEvent) -> None:
        self.calls += 1
        if self.deed is not None:
            self.deed()


async def witnessed(service: WebSocketService, culprit: Culprit, deed: Callable[[], object], calls: int = 1) -> None:
    """Let the culprit do it between two witnesses, and compare what these saw."""
    before = Witness(service, "before")
    after = Witness(service, "after")
    await until(lambda: culprit.calls and before.seen and after.seen)
    first = culprit.calls
    culprit.deed = deed
    await until(lambda: culprit.calls >= first + calls or culprit.proxy.ended or not culprit.proxy.subscriptions)
    seen = len(after.seen)
    await until(lambda: len(after.seen) > seen + 10)
    both = min(len(before.seen), len(after.seen))
    assert before.seen[:both] == after.seen[:both]
    assert len(set(after.seen)) == len(after.seen)
    figures = service.manager.wiring.drain.figures()
    assert figures.failures == 0
    await before.proxy.cleanup()
    await after.proxy.cleanup()


@served(BUSY)
async def test_one_that_raises(service: WebSocketService) -> None:
    failures: list[str] = []
    service.componentFailed.connect(lambda component_id, error: failures.append(component_id))
    culprit = Culprit(service)

    def fail() -> None:
        raise ValueError("in a slot")

    await witnessed(service, culprit, fail, calls=3)
    assert set(failures) == {"culprit"}
    await culprit.proxy.cleanup()
    culprit.deleteLater()


@served(BUSY)
async def test_one_that_keeps_raising_is_put_aside_and_can_come_back(service: WebSocketService) -> None:
    errors: list[Exception] = []
    service.componentFailed.connect(lambda component_id, error: errors.append(error))
    culprit = Culprit(service)

    def fail() -> None:
        raise ValueError("in a slot")

    culprit.deed = fail
    await until(lambda: any(isinstance(error, BackpressureError) for error in errors))
    calls = culprit.calls
    witness = Witness(service, "witness")
    await until(lambda: len(witness.seen) > 5)
    assert culprit.calls == calls
    culprit.deed = None
    assert service.manager.resume("culprit")
    await until(lambda: culprit.calls > calls + 5)
    culprit.deleteLater()


@served(BUSY)
async def test_one_that_blocks_200_ms(service: WebSocketService) -> None:
    culprit = Culprit(service)

    def block() -> None:
        time.sleep(0.2)
        culprit.deed = None

    await witnessed(service, culprit, block)
    assert service.epoch(WebSocketType.PUBLIC) == 1
    culprit.deleteLater()


@served(BUSY)
async def test_one_that_opens_a_modal_dialog_for_seconds(service: WebSocketService) -> None:
    culprit = Culprit(service)
    witness = Witness(service, "meanwhile")
    ticked: list[int] = []
    closed: list[int] = []

    async def heartbeat() -> None:
        while True:
            await asyncio.sleep(0.05)
            ticked.append(len(witness.seen))

    def open_dialog() -> None:
        culprit.deed = None
        dialog, watch, overdue = QDialog(culprit), QTimer(), QTimer()
        began, opened = (len(ticked), len(witness.seen)), time.monotonic()

        def close_in_time() -> None:
            is_late = time.monotonic() - opened >= 5
            if is_late and len(ticked) - began[0] > 20 and len(witness.seen) - began[1] > 20:
                dialog.accept()

        watch.timeout.connect(close_in_time)
        watch.start(20)
        overdue.timeout.connect(dialog.accept)
        overdue.start(60_000)  # only what is broken takes so long
        dialog.exec()
        watch.stop()
        overdue.stop()
        closed.extend([len(ticked) - began[0], len(witness.seen) - began[1]])

    beat = asyncio.get_running_loop().create_task(heartbeat())
    try:
        await witnessed(service, culprit, open_dialog)
        await until(lambda: closed)
    finally:
        beat.cancel()
    assert closed[0] > 20  # other tasks ran under the dialog
    assert closed[1] > 20  # and the others got their trades
    assert service.epoch(WebSocketType.PUBLIC) == 1
    assert service.connection_state(WebSocketType.PUBLIC) is ConnectionState.CONNECTED
    calls = culprit.calls
    await until(lambda: culprit.calls > calls)
    await witness.proxy.cleanup()
    culprit.deleteLater()


@served(BUSY)
async def test_one_that_deletes_its_neighbour(service: WebSocketService) -> None:
    neighbours = [Culprit(service, "left"), Culprit(service, "right")]
    culprit = Culprit(service)
    late = Culprit(service, "late")

    def kill() -> None:
        culprit.deed = None
        for victim in (neighbours[0], neighbours[1], late):
            victim.setParent(None)
            _delete(victim)

    await witnessed(service, culprit, kill)
    assert [victim.proxy.ended for victim in (*neighbours, late)] == [True, True, True]
    assert {component for names in service.manager.get_active_subscriptions().values() for component in names} == {
        "culprit"
    }
    culprit.deleteLater()


@served(BUSY)
async def test_one_that_commits_suicide(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    culprit = Culprit(service)

    def die() -> None:
        culprit.deed = None
        _delete(culprit)

    await witnessed(service, culprit, die)
    assert culprit.proxy.ended
    await until(lambda: wanted(exchange) == set())


@served(BUSY)
async def test_one_that_unsubscribes_itself(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    culprit = Culprit(service)
    await witnessed(service, culprit, culprit.subscription.close)
    calls = culprit.calls
    assert str(culprit.subscription.state) == "closed"
    await until(lambda: wanted(exchange) == set())
    assert culprit.calls == calls
    culprit.deleteLater()


@served(BUSY)
async def test_one_that_subscribes_to_more(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    culprit = Culprit(service)
    more: list[Subscription] = []

    def subscribe() -> None:
        culprit.deed = None
        more.append(culprit.proxy.subscribe_ticker("KRW-ETH", lambda event: None))
        culprit.subscription.set_symbols(["KRW-BTC", "KRW-ETH"])

    await witnessed(service, culprit, subscribe)
    await more[0]
    assert wanted(exchange) == {("trade", "KRW-BTC"), ("trade", "KRW-ETH"), ("ticker", "KRW-ETH")}
    culprit.deleteLater()


@served(BUSY)
async def test_one_that_stops_the_service(service: WebSocketService) -> None:
    culprit = Culprit(service)
    tasks: list[asyncio.Task[None]] = []

    def stop() -> None:
        culprit.deed = None
        tasks.append(asyncio.get_running_loop().create_task(service.stop()))

    culprit.deed = stop
    await until(lambda: tasks)
    await tasks[0]
    assert str(service.state) == "stopped"
    culprit.deleteLater()


@served(BUSY)
async def test_a_raising_slot_of_a_channel_is_one_report_and_the_others_run(
    service: WebSocketService, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Panel(QObject):
        @pyqtSlot(TradeEvent)
        def on_trade(self, event: TradeEvent) -> None:
            raise LookupError("no such row")

    reports: list[Any] = []
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)  # pytest-qt's would be called too
    hook = install_excepthook(reports.append)
    try:
        panel, seen = Panel(), list[TradeEvent]()
        channel = service.trade("KRW-BTC")
        channel.received.connect(panel.on_trade)
        channel.received.connect(seen.append)
        await until(lambda: len(seen) > 5)
        channel.received.disconnect()
    finally:
        hook.uninstall()
    assert len(reports) == 1
    assert reports[0].receiver == "Panel.on_trade"
    assert hook.errors[0].count >= 5


def _delete(widget: QWidget) -> None:
    """Destroy it here and now, as the death of a parent would."""
    sip.delete(widget)
