"""Every panel about data dies without a trace, at any moment of its life, and costs nothing while hidden."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from PyQt6 import sip
from PyQt6.QtCore import QEvent, QTimer
from PyQt6.QtWidgets import QApplication, QCheckBox, QComboBox, QPlainTextEdit, QPushButton, QTableView, QWidget

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.showing import shown
from upbit_ws_qt import Subscription, WebSocketService
from widgets.account.my_assets import MyAssetsWidget
from widgets.account.my_orders import MyOrdersWidget
from widgets.announcements.panel import AnnouncementsWidget
from widgets.base.panel import PanelState
from widgets.indicators.panel import IndicatorsWidget
from widgets.order_book.panel import OrderBookWidget
from widgets.order_book.view import OrderBookView
from widgets.tape.panel import TapeWidget

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.exchange import EmbeddedExchange
    from widgets.base.panel import Panel

MAKERS: list[Callable[[WebSocketService], Panel]] = [
    lambda service: OrderBookWidget(service, "KRW-BTC"),
    lambda service: TapeWidget(service, "KRW-BTC"),
    MyOrdersWidget,
    MyAssetsWidget,
    AnnouncementsWidget,
    lambda service: IndicatorsWidget(service, "KRW-BTC"),
]


def wishes(service: WebSocketService) -> int:
    return len(service.findChildren(Subscription))


def running_timers(widget: QWidget) -> list[QTimer]:
    return [timer for timer in widget.findChildren(QTimer) if timer.isActive() and timer.parent() is widget]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("age", [0.0, 0.01, 0.2])
@served()
async def test_a_panel_leaves_nothing_behind(
    exchange: EmbeddedExchange, service: WebSocketService, make: Callable[[WebSocketService], Panel], age: float
) -> None:
    failed: list[object] = []
    service.componentFailed.connect(lambda name, error: failed.append((name, error)))
    exchange.set_rate(2000)
    for _ in range(3):
        panel = make(service)
        panel.show()
        await asyncio.sleep(age)
        panel.deleteLater()
        QApplication.sendPostedEvents(panel, QEvent.Type.DeferredDelete)
        assert sip.isdeleted(panel)
    await until(lambda: wishes(service) == 0)
    await until(lambda: not any(exchange.subscribed(line) for line in ("public", "private", "info")))
    assert failed == []


@pytest.mark.parametrize("make", MAKERS)
@served()
async def test_a_hidden_panel_draws_nothing_and_has_no_timer(
    exchange: EmbeddedExchange, service: WebSocketService, make: Callable[[WebSocketService], Panel]
) -> None:
    async with shown(make(service)) as panel:
        await until(lambda: panel.state is not PanelState.LOADING)
        panel.hide()
        await until(lambda: not exchange.subscribed("public"))
        exchange.publish_announcement("while hidden")
        await until(lambda: not running_timers(panel))
        panel.show()
        assert panel.isVisible()


@pytest.mark.parametrize("make", MAKERS)
@served()
async def test_every_control_has_a_name_for_those_who_listen(
    service: WebSocketService, make: Callable[[WebSocketService], Panel]
) -> None:
    async with shown(make(service)) as panel:
        for widget in panel.findChildren(QWidget):
            if widget.isHidden():
                continue
            if isinstance(widget, QComboBox | QTableView | QPlainTextEdit | OrderBookView):
                assert widget.accessibleName(), widget
            if isinstance(widget, QPushButton | QCheckBox):
                assert widget.text(), widget


@served()
async def test_a_panel_that_is_moved_goes_on_with_what_it_has(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    """Docks that are arranged anew hide and show their panels several times in one go."""
    async with shown(TapeWidget(service, "KRW-BTC")) as panel:
        await until(lambda: panel.state is PanelState.LIVE)
        wished = service.findChildren(Subscription)
        for _ in range(3):
            panel.hide()
            panel.show()
        await asyncio.sleep(0)
        assert service.findChildren(Subscription) == wished
        panel.hide()
        await until(lambda: wishes(service) == 0)
