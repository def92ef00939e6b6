"""유의, 주의, 상장폐지, 거래정지, 신규: in list, panels, tool tip and for a screen reader, with date and reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PyQt6.QtCore import Qt

from tests.qt.serving import served
from tests.rest.peers import nobody
from tests.waiting import until
from tests.widgets.made import ticker
from tests.widgets.showing import shown
from upbit_ws_qt import MarketWarnings, RestMarket
from upbit_ws_qt.exchange import ExchangeSettings
from widgets.base.market_catalog import MarketCatalog
from widgets.base.market_marks import MarkKind, market_marks, marks_hint, marks_of, marks_text
from widgets.base.panel import PanelState
from widgets.base.text import Language, set_language
from widgets.chart.panel import ChartWidget
from widgets.indicators.panel import IndicatorsWidget
from widgets.order_book.panel import OrderBookWidget
from widgets.tape.panel import TapeWidget
from widgets.watch_list.model import Column
from widgets.watch_list.panel import WatchListWidget
from widgets.window.symbol_search import SymbolSearch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PyQt6.QtWidgets import QApplication

    from upbit_ws_qt import WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange

# All markets: the one that is about to be delisted is among the last.
WORLD = ExchangeSettings(
    rate=200, prepare=False, connects_per_second=None, messages_per_second=None, messages_per_minute=None
)
CAREFUL = MarketWarnings(warning=False, cautions=("PRICE_FLUCTUATIONS", "SOMETHING_NEW"))


@pytest.fixture
def korean(qapp: QApplication) -> Iterator[None]:
    del qapp
    set_language(Language.KOREAN)
    yield
    set_language(Language.ENGLISH)


@pytest.mark.parametrize(
    ("listed", "changes", "kinds"),
    [
        (None, {}, []),
        (MarketWarnings(), {}, []),
        (None, {"market_warning": "CAUTION"}, [MarkKind.WARNING]),
        (MarketWarnings(warning=True), {}, [MarkKind.WARNING]),
        (MarketWarnings(warning=True), {"market_warning": "CAUTION"}, [MarkKind.WARNING]),
        (CAREFUL, {}, [MarkKind.CAUTION]),
        (CAREFUL, {"delisting_date": "2027-01-29"}, [MarkKind.DELISTING, MarkKind.CAUTION]),
        (None, {"market_state": "DELISTED", "delisting_date": "2026-01-29"}, [MarkKind.DELISTED]),
        (None, {"is_trading_suspended": True}, [MarkKind.SUSPENDED]),
        (None, {"market_state": "PREVIEW"}, [MarkKind.NEW]),
    ],
)
def test_the_marks_of_a_market_are_those_of_the_list_and_of_its_ticker(
    listed: MarketWarnings | None, changes: dict[str, Any], kinds: list[MarkKind]
) -> None:
    assert [each.kind for each in marks_of(listed, ticker("KRW-A", **changes))] == kinds


def test_marks_are_told_in_korean_with_date_and_reasons(korean: None) -> None:
    marks = marks_of(CAREFUL, ticker("KRW-A", delisting_date="2027-01-29", market_warning="CAUTION"))
    assert marks_text(marks) == "상폐 예정 2027-01-29 · 유의 · 주의"
    assert marks_hint(marks).split("\n") == [
        "상장폐지 예정: 2027-01-29(KST)에 거래지원이 종료됩니다.",
        "유의: 거래소가 투자유의 종목으로 지정했습니다.",
        "주의: 가격 급등락, SOMETHING_NEW.",
    ]


def test_what_a_date_from_outside_says_is_made_safe() -> None:
    (mark,) = marks_of(None, ticker("KRW-A", delisting_date="\u202e" + "9" * 400))
    assert len(mark.date) <= 41
    assert "\u202e" not in mark.date


def test_warnings_are_remembered_with_their_market(qapp: QApplication, tmp_path: Path) -> None:
    del qapp
    warnings = MarketWarnings(True, ("PRICE_FLUCTUATIONS",))
    MarketCatalog(nobody(), tmp_path)._on_done((RestMarket("KRW-A", "가", "A", warnings),))
    assert MarketCatalog(nobody(), tmp_path).get("KRW-A").market_event == warnings


@served(WORLD)
async def test_a_market_that_will_be_delisted_is_marked_in_the_list_and_in_every_panel(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    catalog = MarketCatalog(service.rest, None, service)
    catalog.load()
    async with (
        shown(WatchListWidget(service, catalog), 500, 400) as watch_list,
        shown(OrderBookWidget(service, "KRW-RED"), 300, 400) as book,
        shown(TapeWidget(service, "KRW-RED"), 300, 400) as tape,
        shown(ChartWidget(service, "KRW-RED"), 500, 400) as chart,
        shown(IndicatorsWidget(service, "KRW-RED"), 500, 400) as indicators,
    ):
        await until(lambda: catalog.fresh and watch_list.state is PanelState.LIVE)
        panels = (book, tape, chart, indicators)
        await until(lambda: all("2027-01-29" in panel.marks_label.text() for panel in panels))
        for panel in panels:
            assert panel.marks_label.isVisible()
            assert "investment warning" in panel.marks_label.toolTip()
        row = watch_list.model.row_of("KRW-RED")
        name = watch_list.model.index(row, Column.NAME)
        assert "2027-01-29" in name.data(Qt.ItemDataRole.ToolTipRole)
        assert "investment warning" in name.data(Qt.ItemDataRole.AccessibleTextRole)
        before = watch_list.table.visualRect(name)
        watch_list.table.scrollTo(name)
        assert before is not None
        set_language(Language.KOREAN)
        try:
            await until(lambda: all("상폐 예정 2027-01-29 · 유의" in panel.marks_label.text() for panel in panels))
        finally:
            set_language(Language.ENGLISH)
        book.set_symbol("KRW-BTC")
        assert not book.marks_label.isVisible()
    assert exchange.world.market_event("KRW-RED")["warning"]


@served()
async def test_a_caution_comes_from_the_list_of_markets(service: WebSocketService) -> None:
    catalog = MarketCatalog(service.rest, None, service)
    catalog.load()
    async with shown(WatchListWidget(service, catalog), 500, 400):
        await until(lambda: catalog.fresh)
        (mark,) = market_marks(service).of("KRW-SHIB")
        assert mark.kind is MarkKind.CAUTION
        assert mark.sentence == "Caution: large price fluctuations, soaring deposits."
        assert market_marks(service).of("KRW-BTC") == ()


@served()
async def test_the_search_tells_what_the_exchange_warns_of(service: WebSocketService) -> None:
    catalog = MarketCatalog(service.rest, None, service)
    catalog.load()
    await until(lambda: catalog.fresh)
    book = market_marks(service)
    book.set_markets(catalog.markets)
    book.note(ticker("KRW-SHIB", delisting_date="2027-01-29"))
    async with shown(SymbolSearch(catalog, marks=book), 420, 380) as search:
        search.line.setText("SHIB")
        item = search.list.item(0)
        assert item is not None
        assert item.text().endswith("⚠ Delisting 2027-01-29 · Caution")
        assert "soaring deposits" in item.toolTip()
        search.line.setText("KRW-BTC")
        item = search.list.item(0)
        assert item is not None
        assert "⚠" not in item.text()
