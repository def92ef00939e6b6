"""Own assets, valued in won by live tickers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor, QPalette
from PyQt6.QtWidgets import QVBoxLayout

from upbit_ws_qt import (
    Delivery,
    MyAssetEvent,
    Subscription,
    TickerEvent,
    WebSocketError,
    WebSocketService,
    WebSocketType,
)
from widgets.event_panel import EventPanel
from widgets.my_assets_model import WON, AssetBook, MyAssetsModel, market_of
from widgets.panel import plain_label
from widgets.price_format import money_text
from widgets.tables import dim_colour, fit_columns, plain_table
from widgets.text import tr

if TYPE_CHECKING:
    from PyQt6.QtCore import QModelIndex
    from PyQt6.QtWidgets import QWidget

__all__ = ["MyAssetsWidget"]

_FLUSH_MS = 250  # sums that change faster cannot be read
_SAMPLES = ("WWWW", "000.00000000", "0.00000000", "000,000,000", "000,000,000", "100.0%")


class MyAssetsWidget(EventPanel):
    """What the account holds, as far as the exchange has told: it tells of a currency only when it changes.

    Example:
        >>> assets = MyAssetsWidget(service)
        >>> assets.symbolActivated.connect(print)

    Args:
        service: where the data come from.
        parent: of the widget.

    Signals:
        symbolActivated(str): the market of a currency was chosen by double-click or Enter.
    """

    symbolActivated = pyqtSignal(str)

    def __init__(self, service: WebSocketService, parent: QWidget | None = None) -> None:
        super().__init__(service, WebSocketType.PRIVATE, "my assets", parent)
        self.assets = AssetBook()
        self.model = MyAssetsModel(self)
        self.table = plain_table(self.model, self.body)
        self.table.activated.connect(self._on_activated)
        self.total = plain_label("", self)
        font = self.total.font()
        font.setBold(True)
        self.total.setFont(font)
        self.note = plain_label("", self.body)
        self.note.setWordWrap(True)
        self.tools.addWidget(self.total)
        self.tools.addStretch()
        layout = QVBoxLayout(self.body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)
        layout.addWidget(self.note)
        self.setFocusProxy(self.table)
        self._prices: Subscription | None = None
        self._flush = QTimer(self)
        self._flush.setSingleShot(True)
        self._flush.setInterval(_FLUSH_MS)
        self._flush.timeout.connect(self._refresh)
        self.retranslate()
        self.restyle()
        self.begin()

    # -- wishes -------------------------------------------------------------------------------------------------------
    def wish(self) -> Subscription:
        """Want the assets."""
        return self.proxy.subscribe_my_asset(self._on_asset)

    def _want_prices(self) -> None:
        """Want the tickers that value what there is, while it can be seen."""
        markets = self.assets.wanted_markets() if self.isVisible() else []
        prices = self._prices
        if not markets:
            self._prices = None
            if prices is not None:
                prices.close()
        elif prices is None:
            self._prices = self.proxy.subscribe_ticker(markets, self._on_ticker, delivery=Delivery.FRAME)
            self._prices.failed.connect(self._on_unpriced)
        elif list(prices.symbols) != markets:
            prices.set_symbols(markets)

    # -- data ---------------------------------------------------------------------------------------------------------
    def has_rows(self) -> bool:
        """Whether any currency was heard of."""
        return len(self.assets) > 0

    def silence_text(self, since: str) -> str:
        """Say that silence is normal."""
        if not since:
            return tr("No news of your assets yet.")
        return tr("No changes of your assets since {time} – normal. The exchange tells of them only then.", time=since)

    def on_gap(self) -> None:
        """Doubt what is known."""
        self.assets.doubt()
        self._refresh_soon()

    def _on_asset(self, event: MyAssetEvent) -> None:
        self.assets.take(event)
        self.settle()
        if self.isVisible():
            self._want_prices()
            self._refresh_soon()

    def _on_ticker(self, event: TickerEvent) -> None:
        if self.assets.set_price(event.code.partition("-")[2], event.trade_price):
            self._refresh_soon()

    @pyqtSlot(WebSocketError)
    def _on_unpriced(self, error: WebSocketError) -> None:
        del error  # it says what `unserved` says
        if self._prices is not None:
            for stream in self._prices.unserved:
                self.assets.set_unpriced(stream.symbol.partition("-")[2])
            QTimer.singleShot(0, self._want_prices)  # not while the subscription speaks
            self._refresh_soon()

    # -- what is seen -------------------------------------------------------------------------------------------------
    def activate(self) -> None:
        """Value what there is, and show it."""
        self._want_prices()
        self._refresh()

    def deactivate(self) -> None:
        """Want no prices any more."""
        self._flush.stop()
        self._want_prices()

    def _refresh_soon(self) -> None:
        if self.isVisible() and not self._flush.isActive():
            self._flush.start()

    @pyqtSlot()
    def _refresh(self) -> None:
        whole, without = self.assets.total()
        self.model.whole = whole
        known = {id(row) for row in self.model.rows}
        held = self.assets.held()
        if {id(row) for row in held} == known:
            self.model.tell_changed()  # the order is that of before: rows must not jump because a price has moved
        else:
            self.model.replace(held)
        text = tr("Total {amount} KRW", amount=money_text(WON, whole))
        self.total.setText(text + (" + " + tr("%n without a price", without) if without else ""))

    @pyqtSlot("QModelIndex")
    def _on_activated(self, index: QModelIndex) -> None:
        currency = self.model.rows[index.row()].currency
        if currency != WON:
            self.symbolActivated.emit(market_of(currency))

    # -- looks --------------------------------------------------------------------------------------------------------
    def retranslate(self) -> None:
        """Name everything."""
        super().retranslate()
        self.table.setAccessibleName(tr("My assets"))
        self.note.setText(tr("Only what has changed while the program listened is known: the exchange sends no list."))
        self.model.retranslate()
        fit_columns(self.table, _SAMPLES)
        self._refresh()

    def restyle(self) -> None:
        """Take colours and dimming over."""
        if not hasattr(self, "table"):
            return
        self.model.muted = QColor(self.colours.muted)
        palette = self.note.palette()
        palette.setColor(QPalette.ColorRole.WindowText, QColor(self.colours.muted))
        self.note.setPalette(palette)
        self.model.set_dim(dim_colour(self.colours, dimmed=self.dimmed))
