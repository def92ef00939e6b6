"""A panel from which load or the exchange took something says so in itself, in a word, with the way back."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.showing import shown
from upbit_ws_qt import OrderbookEvent, SubscriptionError
from upbit_ws_qt.monitoring.adaptive import LADDER, AdaptationKind, LoadMetrics
from widgets.base.market_catalog import MarketCatalog
from widgets.base.panel import Panel, PanelState
from widgets.base.text import Language, set_language
from widgets.chart.panel import ChartWidget
from widgets.order_book.panel import OrderBookWidget
from widgets.watch_list.panel import WatchListWidget

if TYPE_CHECKING:
    from upbit_ws_qt import WebSocketService


def press_with_load(service: WebSocketService, until_kind: AdaptationKind) -> None:
    """Have the service give things up, as under load, down to one of them."""
    watch = service.manager.wiring.observer
    adaptive = watch.monitor.adaptive
    assert adaptive is not None
    for step_number in range(20 * len(LADDER)):
        step = adaptive.adapt_to_load(time.monotonic() + 10 * step_number, LoadMetrics(loop_lag=1.0))
        if step is not None:
            watch._adapt(step, adaptive.plan)
            if step.kind is until_kind:
                return


def words(panel: Panel) -> list[str]:
    return [limit.word for limit in panel.limits_button.limits] if panel.limits_button.isVisible() else []


def go_back(panel: Panel, word: str) -> None:
    """Choose the way back in the menu of the button."""
    (limit,) = [limit for limit in panel.limits_button.limits if limit.word == word]
    menu = panel.limits_button.menu()
    assert menu is not None
    (action,) = [action for action in menu.actions() if action.text() == limit.way_back]
    action.trigger()


def bids(book: OrderBookWidget) -> int:
    picture = book.view.model.picture()
    return 0 if picture is None else len(picture.bids)


@served()
async def test_a_book_that_load_made_shorter_says_so_and_has_the_way_back(service: WebSocketService) -> None:
    async with shown(OrderBookWidget(service, "KRW-BTC"), 300, 700) as book:
        await until(lambda: book.state is PanelState.LIVE)
        assert words(book) == []
        before = book.view.grab().toImage()
        press_with_load(service, AdaptationKind.BOOK_DEPTH_5)
        await until(lambda: words(book) == ["5 rows"])
        await until(lambda: bids(book) == 5)
        assert "1000 ms late" in book.limits_button.toolTip()
        assert book.view.grab().toImage() != before
        go_back(book, "5 rows")
        await until(lambda: words(book) == [])
        await until(lambda: bids(book) == 30)


@served()
async def test_a_panel_with_fewer_display_frames_says_so_in_the_language_in_force(service: WebSocketService) -> None:
    catalog = MarketCatalog(service.rest, None, service)
    async with shown(WatchListWidget(service, catalog), 400, 300) as panel:
        await until(lambda: panel.state is PanelState.LIVE)
        press_with_load(service, AdaptationKind.QUARTER_FRAMES)
        await until(lambda: words(panel) == ["Slower"])
        assert "1/4" in panel.limits_button.toolTip()
        set_language(Language.KOREAN)
        try:
            await until(lambda: words(panel) == ["느린 갱신"])
            assert "루프가 1000 ms 늦음" in panel.limits_button.toolTip()
        finally:
            set_language(Language.ENGLISH)
        await until(lambda: words(panel) == ["Slower"])
        go_back(panel, "Slower")
        await until(lambda: words(panel) == [])


@served()
async def test_a_grouping_that_was_not_to_be_had_is_told(service: WebSocketService) -> None:
    async with shown(OrderBookWidget(service, "KRW-BTC"), 300, 500) as book:
        await until(lambda: book.state is PanelState.LIVE)
        book.offer_levels((Decimal(0), Decimal(777)))
        book.set_level(Decimal(777))  # nothing comes of it
        await until(lambda: words(book) == ["Not grouped"])
        assert "777" in book.limits_button.toolTip()
        book.set_symbol("KRW-ETH")
        assert words(book) == []


@served()
async def test_a_chart_without_live_candles_says_that_it_shows_history_alone(service: WebSocketService) -> None:
    async with shown(ChartWidget(service, "KRW-BTC"), 500, 400) as chart:
        await until(lambda: len(chart.series) >= 100 and chart.state is PanelState.LIVE)
        chart.on_refused(SubscriptionError("not served"))
        assert words(chart) == ["Not live"]
        go_back(chart, "Not live")
        await until(lambda: words(chart) == [] and chart.state is PanelState.LIVE)


class FailingBook(OrderBookWidget):
    """A book whose own code fails, for as long as it is told to."""

    fails = False

    def _on_book(self, event: OrderbookEvent) -> None:
        if self.fails:
            raise RuntimeError("as a mistake in a panel would")
        super()._on_book(event)


@served()
async def test_a_panel_that_was_put_aside_is_stale_and_says_so_until_it_is_served_again(
    service: WebSocketService,
) -> None:
    async with shown(FailingBook(service, "KRW-BTC"), 300, 500) as book:
        await until(lambda: book.state is PanelState.LIVE)
        book.fails = True
        await until(lambda: words(book) == ["Put aside"])
        assert book.dimmed
        book.fails = False
        go_back(book, "Put aside")
        await until(lambda: words(book) == [] and book.state is PanelState.LIVE)
