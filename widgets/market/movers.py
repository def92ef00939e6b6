"""What rises and falls most."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from PyQt6.QtCore import pyqtSlot
from PyQt6.QtWidgets import QComboBox

from upbit_ws_qt import Phrase

from ..base.labels import contained
from ..base.market_marks import market_marks
from ..base.tables import fit_columns
from ..base.text import mark, tr
from .board import Wish
from .board_panel import QuoteBox
from .rows import MarketRow, MarketRowsModel, MarketTablePanel

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import WebSocketService

    from ..base.market_catalog import MarketCatalog
    from .figures import MarketFigures

__all__ = ["SPAN_TITLES", "MoversWidget", "change_over"]

MOST_ROWS = 50
SPAN_TITLES = {0: mark("Today"), 60: mark("1 hour"), 5: mark("5 minutes"), 1: mark("1 minute")}
"""By minutes; 0 is since 09:00 in Korea."""
_KINDS = {"rising": mark("Rising"), "falling": mark("Falling"), "both": mark("Both ways"), "value": mark("By value")}
_SAMPLES = ("▸ KRW-WWWWW", "이더리움클래식", "123,456,000", "▲ +12.34%", "123.4B")


def change_over(figures: MarketFigures, minutes: int, now: float) -> Decimal | None:
    """Return a market's change: of the day (0), or over so many minutes; None where it is not known."""
    if figures.event is None:
        return None
    return figures.change(minutes, int(now) // 60) if minutes else figures.event.signed_change_rate


class MoversWidget(MarketTablePanel):
    """The markets that rose or fell most today, within an hour, five minutes or one.

    Example:
        >>> movers = MoversWidget(service, MarketCatalog(service.rest))
        >>> movers.set_span(5)
        >>> movers.symbolSelected.connect(print)

    Args:
        service: where the data come from.
        catalog: which markets there are.
        parent: of the widget.

    Signals:
        symbolSelected(str): a row was double-clicked, or Enter pressed on it.
    """

    def __init__(self, service: WebSocketService, catalog: MarketCatalog, parent: QWidget | None = None) -> None:
        super().__init__(service, catalog, MarketRowsModel(), parent)
        self.table.setObjectName("movers")
        self._marks = market_marks(service)
        self.quotes = QuoteBox(service.config.region, self)
        self.kinds, self.spans = contained(QComboBox(self)), contained(QComboBox(self))
        for kind in _KINDS:
            self.kinds.addItem("", kind)
        for minutes in SPAN_TITLES:
            self.spans.addItem("", minutes)
        for box in (self.kinds, self.spans, self.quotes):
            box.currentIndexChanged.connect(self.rewish)
            self.tools.addWidget(box)
        self.tools.addStretch()
        self.retranslate()
        self.restyle()

    @pyqtSlot(int)
    def set_span(self, minutes: int) -> None:
        """Rank by the change over so many minutes (1, 5, 60), or (0) of the day; any other number changes nothing."""
        place = self.spans.findData(minutes)
        if place >= 0:
            self.spans.setCurrentIndex(place)

    # -- hooks --------------------------------------------------------------------------------------------------------
    def wish(self) -> Wish:
        """Want tickers, and for a short span what was in the last hour."""
        codes = [market.code for market in self.markets_of(self.quotes.currentText())]
        return Wish.of(codes, hour=bool(self.spans.currentData()))

    def refresh(self) -> None:
        """Rank them."""
        minutes, now = int(self.spans.currentData()), self.board.now
        rows = []
        for market in self.markets_of(self.quotes.currentText()):
            figures = self.board.of(market.code)
            if figures.event is not None:
                change = change_over(figures, minutes, now)
                rows.append(MarketRow(market, figures.event, change, self._marks.of(market.code)))
        if not rows:
            return
        known = [row for row in rows if row.change is not None]
        kind = self.kinds.currentData()
        if kind == "value":
            ranked = sorted(rows, key=lambda row: row.event.acc_trade_price_24h, reverse=True)
        else:
            sign = -1 if kind == "falling" else 1
            moved = [row for row in known if kind == "both" or sign * (row.change or 0) > 0]
            ranked = sorted(moved, key=lambda row: abs(row.change or Decimal(0)), reverse=True)
        self.model.replace(ranked[:MOST_ROWS])
        unknown = len(rows) - len(known)
        self.table.set_note(
            tr("{count} more are not known yet for so long.", count=unknown)
            if unknown
            else ("" if ranked else tr("Nothing has moved that way."))
        )

    def retranslate(self) -> None:
        """Say everything anew."""
        self.setAccessibleName(tr("Movers"))
        self.table.setAccessibleName(tr("Movers"))
        for box, titles, name in (
            (self.kinds, _KINDS, tr("Direction")),
            (self.spans, SPAN_TITLES, tr("Over which time")),
        ):
            for place, title in enumerate(titles.values()):
                box.setItemText(place, tr(title))
            box.setAccessibleName(name)
            box.setToolTip(name)
        self.quotes.say()
        self.model.retranslate()
        fit_columns(self.table, _SAMPLES, (1, 4))
        if not self.had_data:
            self.show_loading(Phrase(mark("Waiting for the connection…")))
        self.refresh()
