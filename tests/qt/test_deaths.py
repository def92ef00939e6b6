"""Widgets that die in every way known, while data flows: nothing of their wishes may be left."""

from __future__ import annotations

import asyncio
import gc
import itertools
import tracemalloc
import weakref
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from PyQt6 import sip
from PyQt6.QtCore import QEvent, QObject, Qt, pyqtSlot
from PyQt6.QtWidgets import QApplication, QStackedWidget, QTabWidget, QWidget

from tests.qt.serving import served, wanted
from tests.waiting import until
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.qt import Subscription, WebSocketClientProxy, WebSocketService
from upbit_ws_qt.types import GlobalManagerState

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.events import BaseWebSocketEvent, TradeEvent

BUSY = ExchangeSettings(
    markets=20, rate=500, prepare=False, connects_per_second=None, messages_per_second=None, messages_per_minute=None
)

CODES = ("KRW-BTC", "KRW-XRP", "KRW-ETH", "KRW-ADA")
_numbers = itertools.count(1)


class Panel(QWidget):
    """Uses everything that a panel can use."""

    def __init__(self, service: WebSocketService, parent: QWidget | None = None, code: str = "KRW-BTC") -> None:
        super().__init__(parent)
        self.calls = 0
        self.deed: Callable[[Panel], object] | None = None
        self.proxy = WebSocketClientProxy(f"panel {next(_numbers)}", self, service=service)
        self.proxy.subscribe_trade(code, self.on_trade)
        self.proxy.subscribe_ticker([code, "KRW-ETH"], self.on_event_async)
        self.proxy.orderbook(code).frame.connect(self.on_book)

    def on_trade(self, event: TradeEvent) -> None:
        assert not sip.isdeleted(self)
        self.calls += 1
        if self.deed is not None:
            self.deed(self)

    async def on_event_async(self, event: BaseWebSocketEvent) -> None:
        await asyncio.sleep(0)

    @pyqtSlot(object)
    def on_book(self, event: object) -> None:
        self.calls += 1


def by_delete_later(panel: Panel) -> None:
    panel.deleteLater()


def by_sip_delete(panel: Panel) -> None:
    sip.delete(panel)


def by_close(panel: Panel) -> None:
    panel.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    panel.show()
    panel.close()


def by_close_never_shown(panel: Panel) -> None:
    panel.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    panel.close()


def by_parent_deleted_later(panel: Panel) -> None:
    parent = QWidget()
    panel.setParent(parent)
    parent.deleteLater()


def by_parent_without_reference(panel: Panel) -> None:
    parent = QWidget()
    panel.setParent(parent)
    del parent


def by_grandparent(panel: Panel) -> None:
    top = QWidget()
    middle = QWidget(top)
    panel.setParent(middle)
    sip.delete(top)


def by_tab_removal(panel: Panel) -> None:
    tabs = QTabWidget()
    tabs.addTab(panel, "panel")
    tabs.show()
    tabs.removeTab(0)
    panel.deleteLater()
    tabs.close()
    sip.delete(tabs)


def by_stack(panel: Panel) -> None:
    stack = QStackedWidget()
    stack.addWidget(panel)
    stack.deleteLater()


def by_last_reference(panel: Panel) -> None:
    """The caller drops the last reference: nothing to do here."""


def by_cycle(panel: Panel) -> None:
    panel.myself = [panel]  # type: ignore[attr-defined]  # only the collector can end this


def by_suicide_in_the_callback(panel: Panel) -> None:
    panel.deed = sip.delete


def by_delete_later_in_the_callback(panel: Panel) -> None:
    panel.deed = QWidget.deleteLater


def by_cleanup_first(panel: Panel) -> None:
    panel.deed = lambda me: [subscription.close() for subscription in me.proxy.subscriptions]
    panel.deleteLater()


WAYS = [
    by_delete_later,
    by_sip_delete,
    by_close,
    by_close_never_shown,
    by_parent_deleted_later,
    by_parent_without_reference,
    by_grandparent,
    by_tab_removal,
    by_stack,
    by_last_reference,
    by_cycle,
    by_suicide_in_the_callback,
    by_delete_later_in_the_callback,
    by_cleanup_first,
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@served(BUSY)
async def test_a_widget_that_dies_leaves_nothing(
    exchange: EmbeddedExchange, service: WebSocketService, way: Callable[[Panel], None]
) -> None:
    idle = len(service.children())
    panels = [Panel(service)]
    survivor = Panel(service, code="KRW-XRP")
    await until(lambda: panels[0].calls and survivor.calls)
    gone = weakref.ref(panels[0])
    proxy = panels[0].proxy
    way(panels[0])
    panels.clear()
    if way is by_cycle:  # the collector finds it once no coroutine of the panel is under way
        await until(lambda: gc.collect() >= 0 and proxy.ended)
    await until(lambda: proxy.ended)
    await until(lambda: not proxy.subscriptions and gone() is None)
    expected = {("trade", "KRW-XRP"), ("ticker", "KRW-XRP"), ("ticker", "KRW-ETH"), ("orderbook", "KRW-XRP")}
    active = service.manager.get_active_subscriptions
    await until(lambda: {(key.data_type, key.symbol) for key in active()} == expected)
    await until(lambda: wanted(exchange) == expected)
    await until(lambda: len(service.findChildren(Subscription)) == 2)
    calls = survivor.calls
    await until(lambda: survivor.calls > calls)
    sip.delete(survivor)
    await until(lambda: wanted(exchange) == set())
    await until(lambda: len(service.children()) == idle)


@served(BUSY)
async def test_a_widget_that_is_kept_alive_by_a_lambda_ends_when_qt_destroys_it(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    widget = QWidget()
    seen: list[Any] = []
    proxy = WebSocketClientProxy("lambda", widget, service=service)
    proxy.subscribe_trade("KRW-BTC", lambda event: seen.append((widget.objectName(), event)))
    await until(lambda: seen)
    widget.deleteLater()
    await until(lambda: proxy.ended)
    count = len(seen)
    await until(lambda: wanted(exchange) == set())
    assert len(seen) == count


@served(BUSY)
async def test_a_callback_of_somebody_else_who_dies_first_ends_that_subscription_only(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    owner, other = Panel(service), Panel(service, code="KRW-XRP")
    subscription = owner.proxy.subscribe_trade("KRW-ADA", other.on_trade)
    await subscription
    before = len(owner.proxy.subscriptions)
    sip.delete(other)
    assert str(subscription.state) == "closed"
    assert len(owner.proxy.subscriptions) == before - 1
    calls = owner.calls
    await until(lambda: owner.calls > calls)
    owner.deleteLater()


@served(BUSY)
async def test_owners_that_die_in_the_hands_of_another_thread_are_noticed(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    owners = [QObject()]
    proxy = WebSocketClientProxy("collected elsewhere", owners[0], service=service)
    await proxy.subscribe_trade("KRW-BTC", print_nothing)
    await asyncio.to_thread(owners.clear)
    await until(lambda: proxy.ended)
    await until(lambda: wanted(exchange) == set())
    assert list(proxy.subscriptions) == []


@served(BUSY, cleanup_interval=0.05)
async def test_an_owner_that_qt_made_lives_without_its_python_half(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    tabs = QTabWidget()
    proxy = WebSocketClientProxy("tab bar", tabs.tabBar(), service=service)
    await proxy.subscribe_trade("KRW-BTC", print_nothing)
    proxy.orderbook("KRW-ETH")
    gc.collect()
    assert await service.manager.force_cleanup_dead_references() == 0
    await until(lambda: wanted(exchange) == {("trade", "KRW-BTC"), ("orderbook", "KRW-ETH")})
    for _ in range(15):
        await asyncio.sleep(0.01)
    assert proxy.subscriptions
    sip.delete(tabs)
    assert proxy.ended
    await until(lambda: wanted(exchange) == set())


@served(BUSY)
async def test_the_managers_sweep_finds_an_owner_whose_end_was_not_announced(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    owner = QObject()
    proxy = WebSocketClientProxy("unannounced", owner, service=service)
    await proxy.subscribe_trade("KRW-BTC", print_nothing)
    assert await service.manager.force_cleanup_dead_references() == 0
    owner.destroyed.disconnect()
    sip.delete(owner)
    assert not proxy.ended
    assert await service.manager.force_cleanup_dead_references() == 1
    await until(lambda: wanted(exchange) == set())


@served(BUSY, cleanup_interval=0.05)
async def test_of_owners_whose_end_was_not_announced_nothing_is_left(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    witness = QObject()
    alive = WebSocketClientProxy("alive", witness, service=service)
    await alive.subscribe_ticker("KRW-BTC", print_nothing)
    await until(lambda: service.state is GlobalManagerState.ACTIVE)
    before = leftovers(service)
    owners = [QObject() for _ in range(20)]
    proxies = [WebSocketClientProxy(f"dying {number}", owner, service=service) for number, owner in enumerate(owners)]
    for proxy in proxies[::2]:
        proxy.subscribe_trade("KRW-BTC", print_nothing)
        proxy.orderbook("KRW-BTC")
    for proxy in proxies[1::2]:  # no callback of theirs is registered that could be asked whether it lives
        proxy.orderbook("KRW-ETH")
    everything = {("ticker", "KRW-BTC"), ("trade", "KRW-BTC"), ("orderbook", "KRW-BTC"), ("orderbook", "KRW-ETH")}
    await until(lambda: wanted(exchange) == everything)
    for owner in owners:
        owner.destroyed.disconnect()
        sip.delete(owner)
    await until(lambda: all(proxy.ended for proxy in proxies))
    await until(lambda: wanted(exchange) == {("ticker", "KRW-BTC")})
    del owner, proxy
    owners.clear()
    proxies.clear()
    await until(lambda: nothing_more_than(before, service))
    assert not alive.ended


@pytest.mark.parametrize(
    ("widgets", "generations", "of_each_growth", "most_bytes"),
    # In the small form histories, which are bounded, still fill while it lasts, the more the busier the machine is.
    [(100, 1, 1, 2_500), pytest.param(500, 11, 4, 100, marks=pytest.mark.soak)],
    ids=["hundreds", "thousands"],
)
@served(ExchangeSettings(markets=20, rate=300, prepare=False, connects_per_second=None), slow_callback=5.0)
async def test_many_widgets_die_while_data_flows_and_nothing_is_left(
    exchange: EmbeddedExchange,
    service: WebSocketService,
    widgets: int,
    generations: int,
    of_each_growth: int,
    most_bytes: int,
) -> None:
    """The limits of the exchange are on: what it would take amiss, fails here.

    Making 500 widgets at a time blocks the loop, for which no callback shall be put aside: thus `slow_callback`.
    """
    asyncio.get_running_loop().set_debug(False)  # it would cost more than all the widgets
    witnesses = [Panel(service, code=code) for code in CODES]
    await until(lambda: all(witness.calls for witness in witnesses))
    await generation(service, 0, widgets)  # what is made once is made now
    before = leftovers(service)
    for number in range(generations):
        await generation(service, number, widgets)
    # Tables and queues grow now and then, what leaks does so each time.
    grown = min(await bytes_left(exchange, service, of_each_growth, widgets))
    expected = {(kind, code) for code in CODES for kind in ("trade", "ticker", "orderbook")}
    await until(lambda: wanted(exchange) == expected)
    await until(lambda: nothing_more_than(before, service))
    assert exchange.counters.rate_limit_violations == 0
    assert len(exchange.connections[0].requests) < 20  # what others want already costs no message
    assert service.manager.state is GlobalManagerState.ACTIVE
    assert grown / (widgets * of_each_growth) < most_bytes  # for each; a widget that is left has thousands
    calls = [witness.calls for witness in witnesses]
    await until(lambda: all(witness.calls > count for witness, count in zip(witnesses, calls, strict=True)))
    for witness in witnesses:
        sip.delete(witness)
    await until(lambda: wanted(exchange) == set())


async def bytes_left(
    exchange: EmbeddedExchange, service: WebSocketService, generations: int, widgets: int
) -> list[int]:
    """Return by how much the memory of Python objects grows, three times in a row."""
    tracemalloc.start()
    try:
        await generation(service, 0, widgets)
        await caught_up(exchange, service)
        marks = [tracemalloc.get_traced_memory()[0]]
        for _ in range(3):
            for number in range(generations):
                await generation(service, number, widgets)
            await caught_up(exchange, service)
            marks.append(tracemalloc.get_traced_memory()[0])
        return [after - before for before, after in itertools.pairwise(marks)]
    finally:
        tracemalloc.stop()


async def caught_up(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    """Wait until no frame waits while no new one comes, then tidy up."""
    exchange.stop_time()
    inboxes = [endpoint.inbox for endpoint in service.manager.wiring.endpoints.values()]
    statistics = service.manager.wiring.routing.get_routing_statistics
    await until(lambda: not any(len(inbox) for inbox in inboxes))
    await until(lambda: statistics().waiting == 0)
    leftovers(service)
    exchange.continue_time()


async def generation(service: WebSocketService, number: int, widgets: int) -> None:
    """Make so many widgets, let data flow, and let them die in several ways."""
    parent = QWidget()
    panels = [Panel(service, parent if i % 3 == 0 else None, CODES[(number + i) % 4]) for i in range(widgets)]
    proxies = [panel.proxy for panel in panels]
    calls = panels[1].calls
    await until(lambda: panels[1].calls > calls)
    for i, panel in enumerate(panels):
        if i % 3 == 1:
            panel.deleteLater()
    sip.delete(parent)
    del panel
    panels.clear()  # the rest has no other reference
    await until(lambda: all(proxy.ended for proxy in proxies))


def leftovers(service: WebSocketService) -> tuple[int, ...]:
    """Count what could be left: children, panels, proxies, tasks, sockets, widgets."""
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    kinds = [type(thing) for thing in gc.get_objects()]
    return (
        len(service.children()),
        kinds.count(Panel),
        kinds.count(WebSocketClientProxy),
        kinds.count(Subscription),
        len(asyncio.all_tasks()),
        len(psutil.Process().net_connections()),
        len(QApplication.topLevelWidgets()),
    )


def nothing_more_than(before: tuple[int, ...], service: WebSocketService) -> bool:
    """Whether of no kind there is more than before; there may be less where a socket was still closing then."""
    return all(now <= then for now, then in zip(leftovers(service), before, strict=True))


def print_nothing(event: object) -> None:
    """Take an event and do nothing with it."""
