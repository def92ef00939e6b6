"""What lies over the candles: drawings by mouse and keyboard, the measure, own orders, other markets."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QInputDialog, QLineEdit

from tests.qt.serving import served, wanted
from tests.waiting import until
from tests.widgets.showing import click, move_mouse, press, shown
from widgets.base.panel import PanelState
from widgets.base.price_format import price_text
from widgets.chart.choice import ScaleKind
from widgets.chart.drawings import Drawing, DrawingBook, DrawingKind, Point
from widgets.chart.panel import ChartWidget

if TYPE_CHECKING:
    from pathlib import Path

    from upbit_ws_qt import WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange

D = Decimal
QTEST: Any = QTest
LINE = Drawing(DrawingKind.TREND, (Point(60.0, D(100)), Point(120.0, D(110))))
LEVEL = Drawing(DrawingKind.HORIZONTAL, (Point(60.0, D("0.00001234")),))
NOTE = Drawing(DrawingKind.TEXT, (Point(60.0, D(5)),), "메모")


def test_what_is_done_is_undone_and_done_again() -> None:
    book = DrawingBook()
    assert book.put("KRW-BTC", [LINE])
    assert book.put("KRW-BTC", [LINE, LEVEL])
    assert not book.put("KRW-BTC", [LINE, LEVEL]), "nothing changed"
    assert book.undo("KRW-BTC")
    assert book.of("KRW-BTC") == (LINE,)
    assert not book.undo("KRW-ETH")
    assert book.redo("KRW-BTC")
    assert book.of("KRW-BTC") == (LINE, LEVEL)
    assert book.undo("KRW-BTC")
    assert book.put("KRW-BTC", [NOTE])
    assert not book.redo("KRW-BTC"), "what was undone is gone once something else is done"
    assert book.undo("KRW-BTC")
    assert book.undo("KRW-BTC")
    assert not book.undo("KRW-BTC")
    assert book.of("KRW-BTC") == ()


def test_drawings_are_read_back_exactly_by_market() -> None:
    book = DrawingBook()
    book.put("KRW-BTC", [LINE, NOTE])
    book.put("BTC-XRP", [LEVEL])
    book.put("KRW-ETH", [LINE])
    book.put("KRW-ETH", [])
    plain = json.loads(json.dumps(book.to_plain()))
    assert set(plain) == {"KRW-BTC", "BTC-XRP"}
    again = DrawingBook.from_plain(plain)
    assert again.of("KRW-BTC") == (LINE, NOTE)
    assert again.of("BTC-XRP") == (LEVEL,)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("kind", "points", "text")), inner),
    max_leaves=10,
)
_ALMOST = st.fixed_dictionaries(
    {"kind": st.sampled_from(DrawingKind), "points": st.lists(st.lists(_JSON, min_size=2, max_size=2), max_size=2)}
)


@given(plain=st.dictionaries(st.sampled_from(("KRW-BTC", "x")), st.lists(_ALMOST | _JSON, max_size=3) | _JSON) | _JSON)
def test_a_damaged_file_loses_only_what_is_damaged(plain: object) -> None:
    book = DrawingBook.from_plain(plain)
    for drawing in book.of("KRW-BTC"):
        assert len(drawing.points) == drawing.kind.points
        assert all(point.price > 0 for point in drawing.points)


def drawn(chart: ChartWidget) -> list[Drawing]:
    return list(chart.drawings)


def at(chart: ChartWidget, index: int, price: float) -> QPoint:
    """Return where a candle and a price are."""
    frame = chart.view.frame()
    assert frame is not None
    return QPoint(round(frame.x(index)), round(frame.price.scale.y(price)))


def dragged(chart: ChartWidget, begin: QPoint, end: QPoint) -> None:
    view = chart.view
    QTEST.mousePress(view, Qt.MouseButton.LeftButton, pos=begin)
    QTEST.mouseMove(view, (begin + end) / 2)
    QTEST.mouseMove(view, end)
    QTEST.mouseRelease(view, Qt.MouseButton.LeftButton, pos=end)


@served()
async def test_a_line_is_drawn_moved_removed_undone_and_kept(service: WebSocketService, tmp_path: Path) -> None:
    memory = tmp_path / "chart.json"
    async with shown(ChartWidget(service, "KRW-BTC", memory=memory), 800, 500) as chart:
        await until(lambda: chart.state is PanelState.LIVE and len(chart.series) >= 200)
        await until(lambda: not chart.seam_is_open)
        chart.view.grab()
        first, end = chart.view.visible_bars
        bars = chart.series.bars
        low, high = min(b.shown[2] for b in bars[first:end]), max(b.shown[1] for b in bars[first:end])
        begin, over = at(chart, first + 10, low), at(chart, first + 40, high)
        chart.drawing.choose(DrawingKind.TREND)
        click(chart.view, begin)
        move_mouse(chart.view, over)
        click(chart.view, over)
        [line] = chart.drawings
        assert line.kind is DrawingKind.TREND
        assert [point.time for point in line.points] == [bars[first + 10].start, bars[first + 40].start]
        assert all(point.price % 1000 == 0 for point in line.points), "on the grid of ticks"
        assert chart.drawing.tool is None
        # By one of its ends, and all of it by its middle.
        dragged(chart, over, over + QPoint(0, 30))
        assert chart.drawings[0].points[0] == line.points[0]
        assert chart.drawings[0].points[1].price < line.points[1].price
        press(chart.view, Qt.Key.Key_Delete)
        assert drawn(chart) == []
        control = Qt.KeyboardModifier.ControlModifier
        QTEST.keyClick(chart.view, Qt.Key.Key_Z, control)
        QTEST.keyClick(chart.view, Qt.Key.Key_Z, control)
        assert drawn(chart) == [line]
        middle = (begin + over) / 2
        dragged(chart, middle, middle + QPoint(0, 20))
        assert chart.drawings[0].points[0].price < line.points[0].price
        QTEST.keyClick(chart.view, Qt.Key.Key_Z, control)
        QTEST.keyClick(chart.view, Qt.Key.Key_Y, control)
        moved = drawn(chart)
        assert moved != [line]
        chart.set_symbol("KRW-ETH")
        assert drawn(chart) == []
        chart.set_symbol("KRW-BTC")
        chart.set_unit("15m")
        assert drawn(chart) == moved, "it is where it was, in every unit"
    async with shown(ChartWidget(service, "KRW-BTC", memory=memory), 800, 500) as chart:
        assert drawn(chart) == moved


@pytest.mark.parametrize("kind", DrawingKind)
@served()
async def test_each_kind_is_drawn_from_the_menu(service: WebSocketService, kind: DrawingKind) -> None:
    async with shown(ChartWidget(service, "KRW-BTC"), 800, 500) as chart:
        await until(lambda: chart.state is PanelState.LIVE and len(chart.series) >= 200)
        chart.view.grab()
        menu = chart.drawing_menu()
        [action] = [each for each in menu.actions() if each.data() == kind]
        action.trigger()
        menu.deleteLater()
        assert chart.drawing.tool is kind
        click(chart.view, QPoint(200, 120))
        if kind.points == 2:
            click(chart.view, QPoint(400, 220))
        if kind is DrawingKind.TEXT:
            dialog = chart.findChild(QInputDialog)
            assert dialog is not None
            field = dialog.findChild(QLineEdit)
            press(field, "note")
            press(field, Qt.Key.Key_Return)
        [made] = chart.drawings
        assert made.kind is kind
        assert made.text == ("note" if kind is DrawingKind.TEXT else "")
        with_it = chart.view.picture()
        chart.drawing.remove_all()
        assert chart.view.picture() != with_it


@served()
async def test_a_drag_is_measured(service: WebSocketService) -> None:
    async with shown(ChartWidget(service, "KRW-BTC"), 800, 500) as chart:
        await until(lambda: chart.state is PanelState.LIVE and len(chart.series) >= 200)
        await until(lambda: not chart.seam_is_open)
        chart.view.grab()
        frame = chart.view.frame()
        assert frame is not None
        first, scale = frame.first, frame.price.scale
        begin = at(chart, first + 10, scale.low + (scale.high - scale.low) * 0.2)
        end = at(chart, first + 25, scale.low + (scale.high - scale.low) * 0.7)
        chart.drawing.measure()
        dragged(chart, begin, end)
        told = chart.drawing.measured_text.splitlines()
        assert told[0].startswith("+")
        assert "%" in told[0]
        assert told[1] == "15 candles, 15 min 0 s"
        assert not chart.drawing.measures
        press(chart.view, Qt.Key.Key_Escape)
        assert chart.drawing.measured_text == ""


@served()
async def test_own_orders_fills_and_the_average_price_are_shown(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    async with shown(ChartWidget(service, "KRW-BTC"), 800, 500) as chart:
        await until(lambda: chart.state is PanelState.LIVE and len(chart.series) >= 200)
        [held] = [each for each in await service.rest.accounts() if each.currency == "BTC"]
        await until(lambda: chart.own.average == held.avg_buy_price)
        price = (chart.series.bars[-1].close * D("0.99") // 1000) * 1000
        placed = exchange.order("KRW-BTC", "BID", price=price, volume=D("0.1"))
        await until(lambda: chart.own.orders == {(True, price): (D("0.1"), False)})
        chart.view.grab()
        assert f"◆ Buy 0.1 @ {price_text('KRW-BTC', price)}" in chart.own.texts(chart.view)
        placed.fill()
        await until(lambda: [fill.volume for fill in chart.own.fills("KRW-BTC")] == [D("0.1")])
        await until(lambda: chart.own.orders == {})
        [dearer] = [each for each in await service.rest.accounts() if each.currency == "BTC"]
        assert dearer.avg_buy_price != held.avg_buy_price
        await until(lambda: chart.own.average == dearer.avg_buy_price)
        chart.set_symbol("KRW-ETH")
        assert chart.own.average != dearer.avg_buy_price
        assert not chart.own.fills("KRW-ETH")


@served()
async def test_another_market_is_compared_in_percent_with_history_and_live(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    async with shown(ChartWidget(service, "KRW-BTC"), 900, 500) as chart:
        await until(lambda: chart.state is PanelState.LIVE and len(chart.series) >= 200)
        alone = chart.view.picture()
        menu = chart.menu()
        [action] = [each for each in menu.actions() if each.text() == "Compare with…"]
        action.trigger()
        menu.deleteLater()
        dialog = chart.findChild(QInputDialog)
        assert dialog is not None
        field = dialog.findChild(QLineEdit)
        press(field, "krw-eth")
        press(field, Qt.Key.Key_Return)
        assert chart.choice.compared == ("KRW-ETH",)
        assert chart.choice.scale is ScaleKind.PERCENT
        await until(lambda: ("candle.1m", "KRW-ETH") in wanted(exchange))

        def told() -> dict[str, float]:
            frame = chart.view.frame()
            assert frame is not None
            return chart.comparison.percentages(frame)

        await until(lambda: "KRW-ETH" in told())
        assert chart.view.picture() != alone
        exchange.stop_time()  # nobody else trades before the next candle goes out, and no minute begins
        answer = await service.rest.candles("KRW-ETH", "1m", None, 200)
        exchange.candle("KRW-BTC", "1m")  # the chart has this minute, too
        exchange.candle("KRW-ETH", "1m", trade_price=D(5_000_000))

        def wanted_change() -> float:
            """Reckon it from the left edge as it is now: the chart may still scroll to the last minute."""
            frame = chart.view.frame()
            assert frame is not None
            edge = chart.series.bars[frame.first].start
            before = max((each.start, each.trade_price) for each in answer if each.start.timestamp() <= edge)
            return 5_000_000 / float(before[1]) - 1

        await until(lambda: told()["KRW-ETH"] == pytest.approx(wanted_change()))
        frame = chart.view.frame()
        assert frame is not None
        [drawn] = chart.comparison.prices(frame)
        assert frame.price.scale.low <= drawn.min()
        assert drawn.max() <= frame.price.scale.high
        chart.compare_with("KRW-ETH", "KRW-NONE")
        await until(lambda: "KRW-NONE" in chart._history_trouble.text())
        chart.compare_with()
        assert told() == {}
        await until(lambda: ("candle.1m", "KRW-ETH") not in wanted(exchange))
