"""What was connected to a proxy's channel ends with the proxy: every way to connect, every way to die."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6 import sip
from PyQt6.QtCore import QEvent, QObject, Qt, pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import QApplication, QLabel, QStackedWidget, QTabWidget, QWidget

from tests.qt.serving import SETTINGS, emitted, served, wanted
from tests.waiting import until
from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.exchange import ExchangeSettings
from upbit_ws_qt.qt import WebSocketClientProxy, WebSocketService
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.types import ConnectionState, DataType, Priority, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from upbit_ws_qt.exchange import EmbeddedExchange
    from upbit_ws_qt.qt import Channel

BUSY = ExchangeSettings(
    markets=5, rate=300, connects_per_second=None, messages_per_second=None, messages_per_minute=None
)
SIGNALS = ("received", "frame", "staleChanged")


class Panel(QWidget):
    """A widget with every kind of slot there is; what they are called with is counted elsewhere."""

    relayed = pyqtSignal(object)
    relayed_stale = pyqtSignal(bool)

    def __init__(self, counts: Counter[str], proxy_of: Callable[[Panel], WebSocketClientProxy]) -> None:
        super().__init__()
        self.counts = counts
        self.label = QLabel("", self)
        self.proxy = proxy_of(self)

    @pyqtSlot(object)
    @pyqtSlot(bool)
    def decorated(self, value: object) -> None:
        self.counts["decorated slot"] += 1

    def plain(self, value: object) -> None:
        self.counts["bound method"] += 1

    def with_words(self, words: str, value: object) -> None:
        self.counts[words] += 1
        self.label.setText(words)


class Neighbour(QObject):
    """Another object that lives on."""

    def __init__(self, counts: Counter[str]) -> None:
        super().__init__()
        self.counts = counts

    def take(self, value: object) -> None:
        self.counts["method of another object"] += 1


def add_to(counts: Counter[str], name: str, value: object) -> None:
    """Count a call."""
    counts[name] += 1


def connect_weakly(panel: Panel, channel: Channel, neighbour: Neighbour) -> None:
    """Connect in all ways that keep no reference to the panel."""
    counts = panel.counts

    def nested(value: object) -> None:
        counts["function"] += 1

    for name in SIGNALS:
        signal = getattr(channel, name)
        signal.connect(panel.decorated)
        signal.connect(panel.plain)
        signal.connect(neighbour.take)
        signal.connect(nested)
        signal.connect(lambda value: counts.update(["lambda"]))
        signal.connect(partial(add_to, counts, "partial"))
        relay = panel.relayed_stale if name == "staleChanged" else panel.relayed
        signal.connect(relay)
        relay.connect(partial(add_to, counts, "another signal"))


def connect_strongly(panel: Panel, channel: Channel, neighbour: Neighbour) -> None:
    """Connect in the ways that mention the panel, too."""
    connect_weakly(panel, channel, neighbour)
    for name in SIGNALS:
        signal = getattr(channel, name)
        signal.connect(lambda value: panel.with_words("lambda with its panel", value))
        signal.connect(partial(panel.with_words, "partial of a method"))


async def by_delete_later(panel: Panel) -> None:
    panel.deleteLater()


async def by_sip_delete(panel: Panel) -> None:
    sip.delete(panel)


async def by_close(panel: Panel) -> None:
    panel.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    panel.show()
    panel.close()


async def by_parent(panel: Panel) -> None:
    parent = QWidget()
    panel.setParent(parent)
    parent.deleteLater()


async def by_grandparent(panel: Panel) -> None:
    top = QWidget()
    middle = QWidget(top)
    panel.setParent(middle)
    sip.delete(top)


async def by_tab(panel: Panel) -> None:
    tabs = QTabWidget()
    tabs.addTab(panel, "panel")
    sip.delete(tabs)


async def by_stack(panel: Panel) -> None:
    stack = QStackedWidget()
    stack.addWidget(panel)
    stack.deleteLater()


async def by_suicide_in_its_own_slot(panel: Panel) -> None:
    channel = panel.proxy.ticker("KRW-BTC")
    channel.received.connect(lambda event: sip.delete(panel) if not sip.isdeleted(panel) else None)


async def by_cleanup(panel: Panel) -> None:
    await panel.proxy.cleanup()


async def by_cleanup_in_its_own_slot(panel: Panel) -> None:
    tasks = []
    channel = panel.proxy.ticker("KRW-BTC")
    channel.received.connect(lambda event: tasks.append(asyncio.ensure_future(panel.proxy.cleanup())))
    await until(lambda: panel.proxy.ended)
    await asyncio.gather(*tasks)


async def by_the_end_of_async_with(panel: Panel) -> None:
    async with panel.proxy:
        pass


async def by_an_error_in_async_with(panel: Panel) -> None:
    with contextlib.suppress(ZeroDivisionError):
        async with panel.proxy:
            raise ZeroDivisionError


async def by_cleanup_and_deletion(panel: Panel) -> None:
    await panel.proxy.cleanup()
    sip.delete(panel)


BY_QT = [
    by_delete_later,
    by_sip_delete,
    by_close,
    by_parent,
    by_grandparent,
    by_tab,
    by_stack,
    by_suicide_in_its_own_slot,
    by_cleanup,
    by_cleanup_in_its_own_slot,
    by_the_end_of_async_with,
    by_an_error_in_async_with,
    by_cleanup_and_deletion,
]


def all_kinds(counts: Counter[str], kinds: set[str]) -> bool:
    """Return whether each kind of connection was called."""
    return kinds <= counts.keys()


WEAK = {"decorated slot", "bound method", "method of another object", "function", "lambda", "partial", "another signal"}
STRONG = {"lambda with its panel", "partial of a method"}


async def assert_silence_after(
    exchange: EmbeddedExchange, service: WebSocketService, counts: Counter[str], witness: WebSocketClientProxy
) -> None:
    """Check that nothing of the dead is wanted or called, also when all lines are lost and come back."""
    await until(lambda: wanted(exchange) == {("trade", "KRW-ETH")})
    before = counts.copy()
    channel = witness.trade("KRW-ETH")
    stale: list[bool] = []
    channel.staleChanged.connect(stale.append)
    seen = channel.latest
    await until(lambda: channel.latest is not seen)
    exchange.faults.inject("drop")
    await until(lambda: stale)
    exchange.faults.clear()
    await until(lambda: stale == [True, False])
    assert counts == before
    active = {(key.data_type, key.symbol) for key in service.manager.get_active_subscriptions()}
    assert active == {(DataType.TRADE, "KRW-ETH")}


@pytest.mark.parametrize("die", BY_QT, ids=lambda way: way.__name__)
@served(BUSY)
async def test_all_that_was_connected_ends_with_the_proxy(
    exchange: EmbeddedExchange, service: WebSocketService, die: Callable[[Panel], Awaitable[None]]
) -> None:
    counts: Counter[str] = Counter()
    neighbour = Neighbour(counts)
    witness = WebSocketClientProxy("witness", service=service)
    witness.trade("KRW-ETH")
    panel = Panel(counts, lambda owner: WebSocketClientProxy("panel", owner, service=service))
    for channel in (panel.proxy.ticker("KRW-BTC"), panel.proxy.orderbook("KRW-BTC", depth=5)):
        connect_strongly(panel, channel, neighbour)
    proxy = panel.proxy
    del channel
    await until(lambda: all_kinds(counts, WEAK | STRONG))
    await die(panel)
    await until(lambda: proxy.ended)
    await assert_silence_after(exchange, service, counts, witness)
    if not sip.isdeleted(panel):
        sip.delete(panel)
    await witness.cleanup()
    await until(lambda: wanted(exchange) == set())


@pytest.mark.parametrize("in_a_cycle", [False, True])
@served(BUSY)
async def test_all_that_was_connected_ends_with_the_last_reference_to_the_owner(
    exchange: EmbeddedExchange, service: WebSocketService, in_a_cycle: bool
) -> None:
    counts: Counter[str] = Counter()
    neighbour = Neighbour(counts)
    witness = WebSocketClientProxy("witness", service=service)
    witness.trade("KRW-ETH")
    panels = [Panel(counts, lambda owner: WebSocketClientProxy("panel", owner, service=service))]
    if in_a_cycle:
        panels[0].myself = panels[0]  # type: ignore[attr-defined]  # only the collector can end this
    connect_weakly(panels[0], panels[0].proxy.ticker("KRW-BTC"), neighbour)
    await until(lambda: all_kinds(counts, WEAK))
    proxy, gone = panels[0].proxy, weakref.ref(panels[0])
    panels.clear()
    await until(lambda: gc.collect() >= 0 and proxy.ended)
    assert gone() is None
    await assert_silence_after(exchange, service, counts, witness)
    await witness.cleanup()
    await until(lambda: wanted(exchange) == set())


@served(BUSY)
async def test_the_wish_is_given_up_in_the_moment_of_death_and_leaves_the_wire_with_the_next_request(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    panel = QLabel()
    proxy = WebSocketClientProxy("panel", panel, service=service)
    proxy.ticker("KRW-BTC").received.connect(lambda event: panel.setText(str(event.trade_price)))
    other = WebSocketClientProxy("other", service=service)
    await other.subscribe_trade("KRW-ETH", print_nothing)
    await until(lambda: wanted(exchange) == {("ticker", "KRW-BTC"), ("trade", "KRW-ETH")})
    await until(lambda: panel.text())
    sent = len(exchange.connections[0].requests)
    sip.delete(panel)
    assert set(service.manager.get_active_subscriptions()) == {StreamKey(DataType.TRADE, "KRW-ETH")}
    await until(lambda: wanted(exchange) == {("trade", "KRW-ETH")})
    later = [request for _, request in exchange.connections[0].requests[sent:] if b"LIST" not in request]
    assert len(later) == 1
    assert b"ticker" not in later[0]
    await other.cleanup()


@served()
async def test_each_proxy_has_a_channel_of_its_own_and_the_services_is_shared(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    first = WebSocketClientProxy("one", service=service, priority=Priority.HIGH)
    second = WebSocketClientProxy("two", service=service)
    channel = first.ticker("KRW-BTC")
    assert first.ticker("KRW-BTC") is channel
    assert len({id(channel), id(second.ticker("KRW-BTC")), id(service.ticker("KRW-BTC"))}) == 3
    assert channel.spec.priority is Priority.HIGH
    heard: list[Any] = []
    shared = service.ticker("KRW-BTC")
    assert service.ticker("KRW-BTC") is shared
    shared.received.connect(heard.append)
    await until(lambda: heard and channel.latest is not None and second.ticker("KRW-BTC").latest is not None)
    await until(lambda: service.manager.get_active_subscriptions())
    components = service.manager.get_active_subscriptions()[StreamKey(DataType.TICKER, "KRW-BTC")]
    assert components == ("channel ticker KRW-BTC", "one", "two")
    await first.cleanup()
    last = channel.latest
    count = len(heard)
    await until(lambda: len(heard) > count)
    assert channel.latest is last
    assert channel.ended
    assert channel.stale
    await second.cleanup()
    shared.received.disconnect(heard.append)
    await until(lambda: wanted(exchange) == set())


@served()
async def test_connecting_to_a_channel_whose_proxy_has_ended_is_told_and_harms_nothing(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    proxy = WebSocketClientProxy("short", service=service)
    channel = proxy.ticker("KRW-BTC")
    signal = channel.received
    await until(lambda: wanted(exchange) == {("ticker", "KRW-BTC")})
    await proxy.cleanup()
    await until(lambda: wanted(exchange) == set())
    heard: list[Any] = []
    signal.connect(heard.append)
    (error,) = await emitted(service.errorOccurred)
    assert isinstance(error, SubscriptionError)
    assert "its proxy has ended" in str(error)
    assert error.component_id == "short"
    signal.disconnect(heard.append)
    with pytest.raises(SubscriptionError):
        proxy.ticker("KRW-BTC")
    assert heard == []
    assert wanted(exchange) == set()


@served()
async def test_one_channel_can_be_closed_and_asked_for_again_and_the_services_goes_on(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    proxy = WebSocketClientProxy("panel", service=service)
    channel, other = proxy.ticker("KRW-BTC"), proxy.trade("KRW-BTC")
    heard: list[Any] = []
    channel.received.connect(heard.append)
    await until(lambda: heard and wanted(exchange) == {("ticker", "KRW-BTC"), ("trade", "KRW-BTC")})
    channel.close()
    channel.close()
    await until(lambda: wanted(exchange) == {("trade", "KRW-BTC")})
    assert not other.ended
    count = len(heard)
    again = proxy.ticker("KRW-BTC")
    assert again is not channel
    await until(lambda: again.latest is not None)
    assert len(heard) == count
    await proxy.cleanup()
    shared = service.ticker("KRW-ETH")
    shared.received.connect(heard.append)
    shared.close()
    assert not shared.ended
    await until(lambda: len(heard) > count)
    shared.received.disconnect(heard.append)
    await until(lambda: wanted(exchange) == set())


@pytest.mark.parametrize("of", ["proxy", "service"])
@served(SETTINGS)
async def test_a_channel_that_somebody_deletes_is_left_alone_and_made_anew_when_asked_for(
    exchange: EmbeddedExchange, service: WebSocketService, of: str
) -> None:
    proxy = WebSocketClientProxy("panel", service=service)
    source = proxy if of == "proxy" else service
    channel = source.ticker("KRW-BTC")
    channel.received.connect(print_nothing)
    await until(lambda: channel.latest is not None)
    other = service.trade("KRW-BTC")
    other.received.connect(print_nothing)
    channel.deleteLater()
    QApplication.sendPostedEvents(channel, QEvent.Type.DeferredDelete)
    assert sip.isdeleted(channel)
    seen = other.latest
    await until(lambda: other.latest is not seen)
    again = source.ticker("KRW-BTC")
    again.received.connect(print_nothing)
    await until(lambda: again.latest is not None)
    again.received.disconnect(print_nothing)
    other.received.disconnect(print_nothing)
    await proxy.cleanup()
    await until(lambda: wanted(exchange) == set())


@served(SETTINGS)
async def test_a_channel_outlives_the_service_without_harm(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    panel = QWidget()
    proxy = WebSocketClientProxy("panel", panel, service=service)
    channel = proxy.ticker("KRW-BTC")
    stale: list[bool] = []
    channel.received.connect(lambda event: panel.setWindowTitle(event.code))
    channel.staleChanged.connect(stale.append)
    await until(lambda: channel.latest is not None)
    await service.stop()
    await until(lambda: stale == [True])
    assert service.connection_state(WebSocketType.PUBLIC) is ConnectionState.STOPPED
    sip.delete(panel)
    assert channel.ended


def print_nothing(event: object) -> None:
    """Take an event and do nothing with it."""
