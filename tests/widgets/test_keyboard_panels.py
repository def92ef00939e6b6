"""Each panel is worked without a mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication, QMenu, QMessageBox

from tests.waiting import until
from tests.widgets.desk import desk, turn, window_of
from tests.widgets.keyboard import SHIFT, back, go_to, key, ready, tab_to
from tests.widgets.showing import compose
from widgets.announcements.panel import AnnouncementsWidget
from widgets.base.panel import PanelState
from widgets.base.sorting import Sorting
from widgets.chart.panel import ChartWidget
from widgets.indicators.panel import IndicatorsWidget
from widgets.order_book.panel import OrderBookWidget
from widgets.tape.panel import TapeWidget
from widgets.watch_list.model import Column

if TYPE_CHECKING:
    from decimal import Decimal

    pass

pytestmark = [
    pytest.mark.qasync_loop,
    pytest.mark.usefixtures("let_go"),
    pytest.mark.qt_log_ignore("does not support grabbing the keyboard", extend=True),  # offscreen
]


async def test_a_market_is_found_starred_sorted_and_chosen_in_the_watch_list() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await ready(window)
        watch = await go_to(window, "watch_list")
        await tab_to(watch.search)
        compose(watch.search, "ㅇㄷㄹㅇ")
        await until(lambda: watch.model.codes[0] == "KRW-ETH")
        await tab_to(watch.table)
        key(Qt.Key.Key_Down)
        key(Qt.Key.Key_Up)
        code = watch.model.code_at(watch.table.currentIndex().row())
        key(Qt.Key.Key_Space)
        assert watch.favourites == (code,)
        key(Qt.Key.Key_Return)
        assert window.symbol == code
        await tab_to(watch.search)
        for _ in range(4):
            key(Qt.Key.Key_Backspace)
        await tab_to(watch.tabs)
        key(Qt.Key.Key_Left)
        assert watch.model.codes == [code]
        key(Qt.Key.Key_Right)
        await tab_to(watch.table)
        key(Qt.Key.Key_F10, SHIFT)
        choose_in_menu("Sort by")
        choose_in_menu("Name")
        await turn()
        assert watch.model.sorting == Sorting(Column.NAME)
        names = [watch.model.row(place).market.name for place in range(watch.model.rowCount())]
        assert names == sorted(names)


def choose_in_menu(text: str) -> None:
    """Go down an open menu to an action of this name, by keys, and take it."""
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    for _ in menu.actions():
        active = menu.activeAction()
        if active is not None and active.text() == text:
            break
        key(Qt.Key.Key_Down)
    key(Qt.Key.Key_Return)


async def test_chart_book_and_tape_are_worked_by_keys() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await ready(window)
        chart = await go_to(window, "chart")
        assert isinstance(chart, ChartWidget)
        await tab_to(chart.units)
        key(Qt.Key.Key_Down)
        assert chart.unit == "3m"
        taken: list[Decimal] = []
        book = await go_to(window, "order_book")
        assert isinstance(book, OrderBookWidget)
        book.priceActivated.connect(taken.append)
        await until(lambda: book.state is PanelState.LIVE)
        await tab_to(book.view)
        key(Qt.Key.Key_Up)
        key(Qt.Key.Key_Return)
        assert taken == [book.view.selected]
        key(Qt.Key.Key_Escape)
        assert book.view.selected is None
        await until(book.grouping.isEnabled)  # with the first ticker
        await tab_to(book.grouping)
        key(Qt.Key.Key_Down)
        assert book.level > 0
        tape = await go_to(window, "tape")
        assert isinstance(tape, TapeWidget)
        await tab_to(tape.least)
        key(Qt.Key.Key_Down)
        assert tape.model.least > 0


async def test_indicators_are_chosen_added_and_removed() -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        await ready(window)
        panel = await go_to(window, "indicators")
        assert isinstance(panel, IndicatorsWidget)
        await until(lambda: panel.state is PanelState.LIVE)
        await tab_to(panel.picker.timeframe)
        key(Qt.Key.Key_Down)
        await tab_to(panel.picker.add)
        key(Qt.Key.Key_Space)
        assert [timeframe for _, timeframe in panel.watches] == ["5m", "15m"]
        await until(lambda: len(exchange.subscribed("info")) == 2)
        await tab_to(panel.watch_table)
        key(Qt.Key.Key_Delete)
        assert [timeframe for _, timeframe in panel.watches] == ["5m"]


async def test_an_announcement_is_read_and_its_link_refused_and_opened() -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        await ready(window)
        panel = await go_to(window, "announcements")
        assert isinstance(panel, AnnouncementsWidget)
        opened: list[str] = []
        panel._open_url = lambda url: opened.append(url.toString())
        await until(lambda: panel.state is PanelState.EMPTY)
        exchange.publish_announcement("title", body="text", url="https://upbit.com/notice")
        await until(lambda: panel.state is PanelState.LIVE)
        await go_to(window, "announcements")
        await tab_to(panel.table)
        key(Qt.Key.Key_Down)
        await tab_to(panel.text)
        assert panel.text.toPlainText() == "text"
        for answer in (Qt.Key.Key_Escape, Qt.Key.Key_Return):
            await tab_to(panel.link)
            key(Qt.Key.Key_Space)
            question = panel.findChild(QMessageBox)
            assert question is not None
            await until(question.isActiveWindow)
            if answer is Qt.Key.Key_Return:
                await tab_to(question.button(QMessageBox.StandardButton.Open))  # type: ignore[arg-type]  # it has one
            key(answer)
            await turn()
            await back(window)
        assert opened == ["https://upbit.com/notice"]
