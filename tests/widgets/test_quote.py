"""The quote header on a real exchange."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tests.qt.serving import served, wanted
from tests.waiting import until
from tests.widgets.showing import shown
from upbit_ws_qt.exchange import ExchangeSettings, FaultName
from widgets.base.market_catalog import MarketCatalog
from widgets.base.panel import PanelState
from widgets.base.price_format import price_text
from widgets.base.text import Language, set_language
from widgets.quote.panel import QuoteWidget
from widgets.quote.view import Figure, Quote

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QApplication

    from upbit_ws_qt import WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange

D = Decimal
# The market does nothing of itself.
BY_HAND = ExchangeSettings(
    markets=5, stopped=True, prepare=False, connects_per_second=None, messages_per_second=None, messages_per_minute=None
)


def figures(panel: QuoteWidget) -> dict[str, Figure]:
    return {each.name: each for each in panel.view.quote.figures}


@served(BY_HAND)
async def test_it_says_what_the_ticker_and_the_book_say(service: WebSocketService, exchange: EmbeddedExchange) -> None:
    catalog = MarketCatalog(service.rest, parent=service)
    async with shown(QuoteWidget(service, "KRW-BTC", catalog=catalog), 900, 140) as panel:
        await until(lambda: panel.state is PanelState.LIVE)
        exchange.ticker(
            "KRW-BTC", trade_price=D(150_000_000), prev_closing_price=D(120_000_000), high_price=D(151_000_000),
            low_price=D(119_000_000), acc_trade_volume_24h=D("1234.5678"), acc_trade_price_24h=D(185_000_000_000),
            lowest_52_week_price=D(100_000_000), highest_52_week_price=D(200_000_000),
        )  # fmt: skip
        exchange.book("KRW-BTC", [(D(150_001_000), D(1))], [(D(149_998_000), D(2))])
        # The price alone may be that by chance, before the exchange is told to say so.
        await until(lambda: panel.view.quote.change == "▲ +25.00%  +30,000,000")
        await until(lambda: figures(panel)["Spread"].value == "3,000 (0.00%)")
        await until(lambda: bool(panel.names.text()))
        told = figures(panel)
        assert panel.view.quote.price == "150,000,000"
        assert panel.view.quote.rises is True
        assert told["High today"].value == "151,000,000"
        assert told["Low today"].value == "119,000,000"
        assert told["24 h volume (BTC)"].value.startswith("1,234.567")
        assert told["24 h value (KRW)"].value == "185B"
        assert told["52 weeks"].share == 0.5
        assert told["52 weeks"].value == "100,000,000 – 200,000,000"
        assert told["State"].value == "In trading"
        assert "Bitcoin" in panel.names.text()
        assert "비트코인" in panel.names.text()
        assert "High today 151,000,000" in panel.view.accessibleDescription()
        set_language(Language.KOREAN)
        try:
            await until(lambda: "당일 고가" in figures(panel))
            assert panel.names.text().startswith("비트코인")
            assert figures(panel)["거래대금 24시간 (KRW)"].value == "1,850억"
        finally:
            set_language(Language.ENGLISH)


@served()
async def test_a_market_that_is_delisted_or_warned_of_says_so(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    async with shown(QuoteWidget(service, "KRW-BTC"), 900, 140) as panel:
        await until(lambda: panel.state is PanelState.LIVE)
        assert panel.marks_label.isHidden()
        exchange.ticker("KRW-BTC", market_warning="CAUTION", delisting_date="2027-01-29")
        await until(lambda: "2027-01-29" in panel.marks_label.text())
        assert "Warning" in panel.marks_label.text()
        assert "2027-01-29" in panel.marks_label.toolTip()


@served()
async def test_another_market_shows_nothing_of_the_last_one(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    async with shown(QuoteWidget(service, "KRW-BTC"), 900, 140) as panel:
        await until(lambda: panel.state is PanelState.LIVE)
        panel.set_symbol("KRW-ETH")
        assert panel.state is PanelState.LOADING
        await until(lambda: panel.state is PanelState.LIVE)
        await until(lambda: wanted(exchange) == {("ticker", "KRW-ETH"), ("orderbook", "KRW-ETH")})
        [ticker] = (await service.rest.tickers("KRW-ETH"))[:1]
        digits = len(price_text("KRW-ETH", ticker.trade_price))
        assert len(panel.view.quote.price) == digits
        panel.hide()
        await until(lambda: not wanted(exchange))


@served()
async def test_a_lost_line_dims_it(service: WebSocketService, exchange: EmbeddedExchange) -> None:
    async with shown(QuoteWidget(service, "KRW-BTC"), 900, 140) as panel:
        await until(lambda: panel.state is PanelState.LIVE)
        before = panel.view.grab().toImage()
        exchange.faults.inject(FaultName.REFUSE, "public")
        exchange.faults.inject(FaultName.DROP, "public")
        await until(lambda: panel.state is PanelState.STALE)
        assert panel.view.grab().toImage() != before
        exchange.faults.clear()
        await until(lambda: panel.state is PanelState.LIVE)


def test_what_does_not_fit_goes_into_the_next_row(qapp: QApplication) -> None:
    from widgets.quote.view import QuoteView

    view = QuoteView()
    names = tuple(Figure(f"name {number}", "123,456,789") for number in range(6))
    view.show_quote(Quote("150,000,000", "▲ +1.00%", True, names))
    heights = [view.heightForWidth(width) for width in (1600, 500, 250)]
    assert heights == sorted(set(heights)), "the narrower the higher"
    for width, height in zip((1600, 500, 250), heights, strict=True):
        view.resize(width, height)
        assert view.shown_figures() == [each.name for each in names]
    view.deleteLater()
