"""Market map, movers, screener and cross premium against a real exchange, by mouse and keyboard."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QColor
from PyQt6.QtTest import QAbstractItemModelTester

from tests.qt.serving import SETTINGS, served, wanted
from tests.waiting import until
from tests.widgets.showing import click, compose, double_click, press, shown
from widgets.base.contrast import contrast
from widgets.base.look import legible
from widgets.base.market_catalog import MarketCatalog
from widgets.base.panel import PanelState
from widgets.base.text import Language, set_language
from widgets.base.theme import DARK, LIGHT, MarketScheme, market_colours
from widgets.market.board import market_board
from widgets.market.map import MarketMapWidget, ground_of
from widgets.market.movers import MoversWidget
from widgets.market.premium import CrossPremiumWidget
from widgets.market.screener import ScreenerWidget

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from upbit_ws_qt.exchange import EmbeddedExchange
    from upbit_ws_qt.qt import WebSocketService
    from widgets.market.board_panel import BoardPanel

_P = TypeVar("_P", bound="BoardPanel")


@asynccontextmanager
async def live(kind: type[_P], service: WebSocketService, width: int = 700, height: int = 480) -> AsyncIterator[_P]:
    catalog = MarketCatalog(service.rest, None, service)
    catalog.load()
    widget = kind(service, catalog)
    async with shown(widget, width, height):
        await until(lambda: catalog.fresh and widget.state is PanelState.LIVE)
        yield widget


def codes(exchange: EmbeddedExchange, quote: str = "KRW") -> set[str]:
    return {market.market for market in exchange.world.markets if market.market.startswith(f"{quote}-")}


async def row_place(widget: Any, row: int) -> QPoint:
    await until(lambda: len(widget.model.rows) > row)
    place: QPoint = widget.table.visualRect(widget.model.index(row, 0)).center()
    return place


# -- map --------------------------------------------------------------------------------------------------------------
@served()
async def test_the_map_has_a_box_for_each_market_as_large_as_what_is_traded(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    async with live(MarketMapWidget, service) as widget:
        view = widget.view
        await until(lambda: {tile.market.code for tile in view.tiles} == codes(exchange))
        areas = [(box := view.box_of(tile.market.code)).width() * box.height() for tile in view.tiles]
        values = [float(tile.event.acc_trade_price_24h) for tile in view.tiles]
        assert values == sorted(values, reverse=True)
        whole = view.width() * view.height()
        for area, value in zip(areas, values, strict=True):
            assert area == pytest.approx(whole * value / sum(values), rel=1e-3, abs=1.0)
        wished = wanted(exchange)
        assert {("ticker", code) for code in codes(exchange)} <= wished
        assert not [each for each in wished if each[0] != "ticker"]


@served()
async def test_a_box_is_chosen_by_a_double_click_and_by_the_keyboard(service: WebSocketService) -> None:
    async with live(MarketMapWidget, service) as widget:
        view = widget.view
        await until(lambda: len(view.tiles) > 5)
        chosen: list[str] = []
        widget.symbolSelected.connect(chosen.append)
        other = view.tiles[3].market.code
        double_click(view, view.box_of(other).center().toPoint())
        assert chosen == [other]
        widget.setFocus()
        assert view.hasFocus()
        first = view.tiles[0].market.code
        click(view, view.box_of(first).center().toPoint())
        press(view, Qt.Key.Key_Right)
        beside = view.current
        assert view.box_of(beside).center().x() > view.box_of(first).center().x()
        assert view.accessibleDescription().startswith(widget.catalog.get(beside).name)
        press(view, Qt.Key.Key_Return)
        assert chosen[-1] == beside
        for key in (Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Left):
            press(view, key)
        assert view.current in {tile.market.code for tile in view.tiles}


@served()
async def test_linked_and_pointed_at_are_two_marks(service: WebSocketService) -> None:
    async with live(MarketMapWidget, service) as widget:
        view = widget.view
        await until(lambda: len(view.tiles) > 5)
        linked, pointed = view.tiles[0].market.code, view.tiles[1].market.code
        widget.set_symbol(linked)
        widget.setFocus()
        click(view, view.box_of(pointed).center().toPoint())
        picture = view.grab().toImage()

        def edge(code: str) -> QColor:
            box = view.box_of(code)
            return picture.pixelColor(int(box.left()) + 1, int(box.center().y()))

        assert edge(linked) != edge(pointed)
        assert edge(linked) == QColor(widget.colours.accent)


@served()
async def test_a_short_span_asks_for_the_last_hour_and_colours_by_it(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    async with live(MarketMapWidget, service) as widget:
        widget.spans.setCurrentIndex(widget.spans.findData(60))
        await until(lambda: len(widget.view.tiles) == len(codes(exchange)))
        await until(lambda: all(tile.change is not None for tile in widget.view.tiles))
        tile = widget.view.tiles[0]
        assert tile.change != tile.event.signed_change_rate
        assert "%" in tile.hint
        widget.set_span(7)
        assert widget.spans.currentData() == 60


@served()
async def test_a_map_that_nobody_sees_wants_nothing(service: WebSocketService, exchange: EmbeddedExchange) -> None:
    async with live(MarketMapWidget, service) as widget:
        await until(lambda: len(widget.view.tiles) > 5)
        widget.hide()
        await until(lambda: not wanted(exchange))
        widget.show()
        await until(lambda: {("ticker", code) for code in codes(exchange)} <= wanted(exchange))


@served()
async def test_a_map_says_when_its_line_was_lost_and_goes_on_with_the_next(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    async with live(MarketMapWidget, service) as widget:
        await until(lambda: len(widget.view.tiles) > 5)
        states: list[PanelState] = []
        widget.stateChanged.connect(states.append)
        exchange.cut("public")
        await until(lambda: PanelState.STALE in states)
        await until(lambda: widget.state is PanelState.LIVE)
        assert widget.view.tiles


@pytest.mark.parametrize("colours", [LIGHT, DARK])
@pytest.mark.parametrize("scheme", list(MarketScheme))
@pytest.mark.parametrize("change", ["-0.2", "-0.03", "-0.001", "0", "0.001", "0.03", "0.2"])
def test_what_is_written_on_a_box_can_be_read(colours: Any, scheme: MarketScheme, change: str) -> None:
    ground = ground_of(Decimal(change), 0.05, market_colours(scheme, dark=colours.dark), colours)
    assert contrast(legible(colours.text, colours.text, ground), ground) >= 4.5


# -- movers -----------------------------------------------------------------------------------------------------------
@served()
async def test_movers_are_ranked_by_what_is_asked_for(service: WebSocketService, exchange: EmbeddedExchange) -> None:
    async with live(MoversWidget, service) as widget:
        QAbstractItemModelTester(widget.model, QAbstractItemModelTester.FailureReportingMode.Warning, widget.model)
        widget.kinds.setCurrentIndex(widget.kinds.findData("both"))
        await until(lambda: len(widget.model.rows) > 5)
        sizes = [abs(row.change) for row in widget.model.rows]
        assert sizes == sorted(sizes, reverse=True)
        widget.kinds.setCurrentIndex(widget.kinds.findData("falling"))
        await until(lambda: all(row.change < 0 for row in widget.model.rows))
        widget.kinds.setCurrentIndex(widget.kinds.findData("value"))
        await until(lambda: len(widget.model.rows) == len(codes(exchange)))
        widget.set_span(5)
        await until(lambda: all(row.change is not None for row in widget.model.rows))
        assert not widget.table.note


@served()
async def test_a_mover_is_shown_in_the_panels_by_double_click_and_by_enter(service: WebSocketService) -> None:
    async with live(MoversWidget, service) as widget:
        widget.kinds.setCurrentIndex(widget.kinds.findData("value"))
        chosen: list[str] = []
        widget.symbolSelected.connect(chosen.append)
        viewport = widget.table.viewport()
        place = await row_place(widget, 1)
        code = widget.code_at(1)
        click(viewport, place)
        double_click(viewport, place)
        assert chosen == [code]
        press(widget.table, Qt.Key.Key_Return)
        assert chosen == [code, code]
        widget.set_symbol(code)
        assert str(widget.model.index(widget.table.currentIndex().row(), 0).data()).startswith("▸")


# -- screener ---------------------------------------------------------------------------------------------------------
@served()
async def test_an_expression_that_is_typed_finds_markets_and_one_that_is_wrong_says_where(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    async with live(ScreenerWidget, service) as widget:
        told: list[str] = []
        widget.expressionChanged.connect(told.append)
        widget.line.setText("value > 0 and price > 0")
        press(widget.line, Qt.Key.Key_Return)
        assert told == ["value > 0 and price > 0"]
        await until(lambda: {row.market.code for row in widget.model.rows} == codes(exchange))
        assert f"{len(codes(exchange))} of {len(codes(exchange))}" in widget.found.text()
        widget.line.setText("value > 0 and prise > 0")
        press(widget.line, Qt.Key.Key_Return)
        assert "prise" in widget.trouble.text()
        assert "15" in widget.trouble.text()
        assert widget.line.cursorPosition() == 14
        assert widget.expression == "value > 0 and price > 0"  # what worked goes on
        assert len(widget.model.rows) == len(codes(exchange))
        set_language(Language.KOREAN)
        try:
            assert not widget.set_expression("price >")
            assert "빠진" in widget.trouble.text()
        finally:
            set_language(Language.ENGLISH)


@served()
async def test_a_condition_is_put_together_by_the_form(service: WebSocketService, exchange: EmbeddedExchange) -> None:
    async with live(ScreenerWidget, service) as widget:
        widget.line.clear()
        widget.blocks.setCurrentIndex(widget.blocks.findData("RSI(14, 1h)"))
        widget.signs.setCurrentText(">=")
        click(widget.add_button)
        assert "number is missing" in widget.trouble.text()
        press(widget.number, "0", Qt.Key.Key_Return)
        assert widget.expression == "RSI(14, 1h) >= 0"
        await until(lambda: len(widget.model.rows) == len(codes(exchange)))
        assert all(0 <= row.figures[0] <= 100 for row in widget.model.rows if row.figures[0] is not None)
        assert widget.model.heading(5) == "RSI(14, 60m)"
        widget.blocks.setCurrentIndex(widget.blocks.findData("value"))
        compose(widget.number, "10억")
        click(widget.add_button)
        assert widget.expression == "RSI(14, 1h) >= 0 and value >= 10억"
        press(widget.number, "x")
        click(widget.add_button)
        assert "called" in widget.trouble.text()
        assert widget.line.text() == widget.expression


@served()
async def test_a_spread_is_asked_for_only_where_an_expression_has_it(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    async with live(ScreenerWidget, service) as widget:
        assert not [each for each in wanted(exchange) if each[0] == "orderbook"]
        assert widget.set_expression("spread >= 0")
        await until(lambda: len(widget.model.rows) == len(codes(exchange)))
        assert {("orderbook", code) for code in codes(exchange)} <= wanted(exchange)
        assert widget.set_expression("price > 0")
        await until(lambda: not [each for each in wanted(exchange) if each[0] == "orderbook"])


# -- premium ----------------------------------------------------------------------------------------------------------
@served(replace(SETTINGS, markets=300))
async def test_premiums_are_those_of_the_last_trades_and_marked_from_the_threshold_on(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    assert codes(exchange, "BTC")
    async with live(CrossPremiumWidget, service) as widget:
        told: list[tuple[str, ...]] = []
        widget.beyondChanged.connect(told.append)
        await until(lambda: len(widget.premiums) > 0)
        board = market_board(service)
        found = widget.premiums[0]
        assert {f"KRW-{found.coin}", "KRW-BTC"} <= {code for _, code in wanted(exchange)}
        way, bitcoin = board.of(f"BTC-{found.coin}").event, board.of("KRW-BTC").event
        assert way is not None
        assert bitcoin is not None
        widget.refresh()
        (now,) = [each for each in widget.premiums if each.coin == found.coin]
        assert now.by_btc == way.trade_price * bitcoin.trade_price
        widget.set_threshold(Decimal(0))
        assert widget.threshold == 0
        widget.limit.setFocus()
        widget.limit.selectAll()
        press(widget.limit, "0.01", Qt.Key.Key_Return)
        assert widget.threshold == Decimal("0.0001")
        await until(lambda: bool(told) and bool(told[-1]))
        marked = [row for row in range(len(widget.premiums)) if str(widget.model.index(row, 4).data()).startswith("!")]
        assert marked
        widget.set_threshold(Decimal(1))
        assert told[-1] == ()


@served()
async def test_all_panels_over_the_market_ask_once(service: WebSocketService, exchange: EmbeddedExchange) -> None:
    """Three panels that show the same tickers are one component with one subscription."""
    async with live(MarketMapWidget, service) as one, live(MoversWidget, service) as two, live(ScreenerWidget, service):
        await until(lambda: len(one.view.tiles) == len(codes(exchange)))
        await until(lambda: bool(two.model.rows))
        components = service.performance_metrics().components
        assert sum("market" in each.component_id for each in components) <= 1
