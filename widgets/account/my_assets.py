"""Own assets, valued in won by live tickers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QTimer, pyqtSlot
from PyQt6.QtGui import QColor, QPalette

from upbit_ws_qt import DataType, Delivery, GapReport, MyAssetEvent, Subscription, TickerEvent, WebSocketError

from ..base.panel import plain_label
from ..base.price_format import money_text
from ..base.table_panel import TablePanel
from ..base.tables import fit_columns
from ..base.text import tr
from .asset_model import WON, AssetBook, Column, MyAssetsModel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import WebSocketService

    from ..base.event_panel import EventPanel
    from ..base.limits import Limit

__all__ = ["MyAssetsWidget"]

_SAMPLES = ("WWWW", "000,000.00000", "000,000,000", "≈ 000,000,000", "000,000,000", "100.0%", "00:00:00 ?")
_GIVE_UP = (Column.SHARE, Column.LOCKED, Column.TIME, Column.PRICE, Column.VALUE)  # in a narrow panel, in this order


class MyAssetsWidget(TablePanel):
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

    def __init__(self, service: WebSocketService, parent: QWidget | None = None) -> None:
        self.model = MyAssetsModel()
        super().__init__(service, "my assets", self.model, parent)
        self.table.setObjectName("assets")
        self.assets = AssetBook()
        self.healing.be_about(DataType.MY_ASSET)
        self.total = plain_label("", self)
        font = self.total.font()
        font.setBold(True)
        self.total.setFont(font)
        self.note = plain_label("", self.body)
        self.note.setWordWrap(True)
        self.tools.addWidget(self.total)
        self.tools.addStretch()
        self.note.setVisible("asset" not in service.config.backfill)
        self.rows.addWidget(self.note)
        self._prices: Subscription | None = None
        self._ranked: set[tuple[int, bool]] = set()
        self.retranslate()
        self.restyle()
        self.begin()

    # -- wishes -------------------------------------------------------------------------------------------------------
    def wish(self) -> Subscription:
        """Want the assets."""
        return self.proxy.subscribe_my_asset(self._on_asset)

    @pyqtSlot()
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

    def limits(self) -> Iterable[Limit]:
        """Say that the values follow more slowly under load."""
        return self.fewer_frames()

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
        self.refresh_soon()

    def on_healed(self, report: GapReport) -> None:
        """Doubt nothing any more."""
        state = self.service.account_state()
        whole = any(each.is_whole for each in report.streams if each.stream.data_type is DataType.MY_ASSET)
        if whole and state is not None:
            self.assets.trust(state)
            self.refresh_soon()

    def forget(self) -> None:
        """Know of no assets."""
        self.assets = AssetBook()
        self._ranked = set()
        self._want_prices()
        self.model.replace([])
        self.refresh()

    def inherit(self, old: EventPanel) -> None:
        """Go on with what another panel of the same account knows; all of it is in doubt."""
        assert isinstance(old, MyAssetsWidget)
        self.assets = old.assets
        self.on_gap()
        self.settle()
        self.activate()

    def _on_asset(self, event: MyAssetEvent) -> None:
        self.note_data(event)
        self.assets.take(event)
        self.settle()
        if self.isVisible():
            self._want_prices()
            self.refresh_soon()

    def _on_ticker(self, event: TickerEvent) -> None:
        if self.assets.set_price(event.code, event.trade_price):
            self.refresh_soon()

    @pyqtSlot(WebSocketError)
    def _on_unpriced(self, error: WebSocketError) -> None:
        del error  # it says what `unserved` says
        if self._prices is not None:
            for stream in self._prices.unserved:
                self.assets.set_missing(stream.symbol)
            QTimer.singleShot(0, self._want_prices)  # not while the subscription speaks
            self.refresh_soon()

    # -- what is seen -------------------------------------------------------------------------------------------------
    def activate(self) -> None:
        """Value what there is, and show it."""
        self._want_prices()
        super().activate()

    def deactivate(self) -> None:
        """Want no prices any more."""
        super().deactivate()
        self._want_prices()

    @pyqtSlot()
    def refresh(self) -> None:
        """Show all that there is anything of, and its sum."""
        whole, without = self.assets.total()
        self.model.whole = whole
        held = self.assets.held()
        ranked = {(id(row), row.price is None) for row in held}
        if ranked == self._ranked:
            self.model.tell_changed()  # the order is that of before: rows must not jump because a price has moved
        else:
            self._ranked = ranked
            self.model.replace(held)
        self.total.setVisible(self.has_rows())  # nothing known is not nothing owned
        text = tr("Total {amount} KRW", amount=money_text(WON, whole))
        self.total.setText(text + (" + " + tr("%n without a price", without) if without else ""))

    def market_at(self, place: int) -> str:
        """Return the market of a currency; won have none."""
        return self.model.rows[place].market

    # -- looks --------------------------------------------------------------------------------------------------------
    def retranslate(self) -> None:
        """Name everything."""
        super().retranslate()
        self.table.setAccessibleName(tr("My assets"))
        self.note.setText(tr("Only what has changed while the program listened is known: the exchange sends no list."))
        self.model.retranslate()
        fit_columns(self.table, _SAMPLES, _GIVE_UP)
        self.refresh()

    def restyle(self) -> None:
        """Take colours and dimming over."""
        super().restyle()
        if hasattr(self, "note"):
            palette = self.note.palette()
            palette.setColor(QPalette.ColorRole.WindowText, QColor(self.colours.muted))
            self.note.setPalette(palette)
