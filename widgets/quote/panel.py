"""The quote header: one market at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import pyqtSlot
from PyQt6.QtWidgets import QVBoxLayout

from upbit_ws_qt import Delivery, OrderbookEvent, Subscription, TickerEvent, safe_text

from ..base.market_panel import MarketPanel
from ..base.panel import plain_label
from ..base.price_format import (
    DASH,
    arrow,
    percent_text,
    price_text,
    quote_of,
    short_money_text,
    signed_price_text,
    volume_decimals,
    volume_text,
)
from ..base.spacing import spaced
from ..base.text import Language, current_language, tr
from .view import Figure, Quote, QuoteView

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import Channel, WebSocketService

    from ..base.market_catalog import MarketCatalog

__all__ = ["QuoteWidget"]


class QuoteWidget(MarketPanel):
    """Name, price and change of a market, its day, its 24 hours, its 52 weeks, its spread, and what is warned of.

    Example:
        >>> header = QuoteWidget(service, "KRW-BTC", catalog=MarketCatalog(service.rest))
        >>> header.set_symbol("KRW-ETH")
        >>> header.show()

    Args:
        service: where the data come from.
        symbol: market code; None waits for `set_symbol`.
        parent: of the widget.
        catalog: what markets are called; without one only the code is shown.
    """

    def __init__(
        self,
        service: WebSocketService,
        symbol: str | None,
        parent: QWidget | None = None,
        *,
        catalog: MarketCatalog | None = None,
    ) -> None:
        super().__init__(service, symbol, "quote", parent)
        self._catalog = catalog
        self._ticker: TickerEvent | None = None
        self._best: tuple[Decimal, Decimal] | None = None
        self.names = plain_label("", self)
        self.tools.insertWidget(0, self.names)
        self.tools.addStretch()
        self.view = QuoteView(self.body)
        layout = QVBoxLayout(self.body)
        spaced(layout)
        layout.addWidget(self.view)
        layout.addStretch()
        self.begin_at(self.view)
        if catalog is not None:
            catalog.changed.connect(self._on_catalog)
        self.symbolChanged.connect(self._on_catalog)
        self.retranslate()
        self.restyle()

    # -- hooks --------------------------------------------------------------------------------------------------------
    def subscribe(self) -> Iterable[Subscription]:
        """Want the ticker, and the best prices of the book."""
        yield self.proxy.subscribe_ticker(self.symbol, self._on_ticker, delivery=Delivery.FRAME)
        yield self.proxy.subscribe_orderbook(self.symbol, self._on_book, depth=1, delivery=Delivery.FRAME)

    def main_channel(self) -> Channel:
        """Be about the ticker."""
        return self.service.ticker(self.symbol)

    def forget(self) -> None:
        """Drop what was known of the last market."""
        self._ticker = self._best = None

    def retranslate(self) -> None:
        """Say everything anew."""
        self.setAccessibleName(tr("Quote"))
        self.view.setAccessibleName(tr("Quote"))
        self._on_catalog()
        self._show()

    def restyle(self) -> None:
        """Take colours over."""
        self.view.take_colours(self.market_colours, dimmed=self.dimmed)

    # -- data ---------------------------------------------------------------------------------------------------------
    def _on_ticker(self, event: TickerEvent) -> None:
        if event.code == self.symbol:
            self._ticker = event
            self.marks.note(event)
            self._show()
            self.arrived(event)

    def _on_book(self, event: OrderbookEvent) -> None:
        if event.code == self.symbol and event.orderbook_units:
            best = event.orderbook_units[0]
            self._best = (best.bid_price, best.ask_price)
            self._show()

    @pyqtSlot()
    def _on_catalog(self) -> None:
        """Say both names, the one in the language in force first."""
        market = None if self._catalog is None or self.symbol not in self._catalog else self._catalog.get(self.symbol)
        if market is None:
            self.names.setText("")
        else:
            both = dict.fromkeys((market.name, market.korean_name, market.english_name))
            self.names.setText(" · ".join(both))
        self.names.setVisible(bool(self.names.text()))

    def _show(self) -> None:
        ticker, market = self._ticker, self.symbol
        if ticker is None:
            return
        price, rate = ticker.trade_price, ticker.signed_change_rate
        korean = current_language() is Language.KOREAN
        base, quote = market.partition("-")[2], quote_of(market)
        change = f"{arrow(rate)} {percent_text(rate)}  {signed_price_text(market, ticker.signed_change_price, price)}"
        lowest, highest = ticker.lowest_52_week_price, ticker.highest_52_week_price
        share = float((price - lowest) / (highest - lowest)) if highest > lowest else 0.5
        figures = [
            Figure(tr("High today"), price_text(market, ticker.high_price), hint=tr("Since 09:00 in Korea")),
            Figure(tr("Low today"), price_text(market, ticker.low_price), hint=tr("Since 09:00 in Korea")),
            Figure(
                tr("24 h volume ({currency})", currency=base),
                volume_text(ticker.acc_trade_volume_24h, volume_decimals(market, price)),
            ),
            Figure(
                tr("24 h value ({currency})", currency=quote),
                short_money_text(ticker.acc_trade_price_24h, korean=korean),
            ),
            Figure(tr("Spread"), self._spread_text()),
            Figure(
                tr("52 weeks"),
                f"{price_text(market, lowest)} – {price_text(market, highest)}",
                share,
                tr(
                    "Lowest {lowest} on {low_date}, highest {highest} on {high_date}",
                    lowest=price_text(market, lowest), low_date=ticker.lowest_52_week_date,
                    highest=price_text(market, highest), high_date=ticker.highest_52_week_date,
                ),
            ),
            Figure(tr("State"), self._state_text(ticker)),
        ]  # fmt: skip
        rises = None if not rate else rate > 0
        self.view.show_quote(Quote(price_text(market, price), change, rises, tuple(figures)))

    def _spread_text(self) -> str:
        if self._best is None or not all(self._best):
            return DASH
        bid, ask = self._best
        return f"{price_text(self.symbol, ask - bid)} ({percent_text((ask - bid) / bid).lstrip('+')})"

    def _state_text(self, ticker: TickerEvent) -> str:
        """Return how the market stands, in the exchange's own word where that is none we know."""
        words = {"ACTIVE": tr("In trading"), "PREVIEW": tr("In preparation"), "DELISTED": tr("Delisted")}
        told = tr("Suspended") if ticker.is_trading_suspended else words.get(ticker.market_state)
        return told or safe_text(ticker.market_state, 20)
