"""The base of panels over the whole market: what they show comes from one board, and only while they can be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import QComboBox

from upbit_ws_qt import ConnectionState, Phrase, WebSocketType

from ..base.countries import quotes_in
from ..base.panel import Panel
from ..base.text import mark, tr
from .board import Wish, market_board

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import WebSocketService

    from ..base.limits import Limit
    from ..base.market_catalog import Market, MarketCatalog

__all__ = ["BoardPanel", "QuoteBox"]

REFRESH_MS = 1000
_DOWN = (ConnectionState.RECONNECTING, ConnectionState.FAILED, ConnectionState.STOPPED)


class QuoteBox(QComboBox):
    """Which markets: those of one currency."""

    def __init__(self, country: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.addItems(quotes_in(country))

    def say(self) -> None:
        """Say what it is for in the language in force."""
        self.setAccessibleName(tr("Currency"))
        self.setToolTip(tr("Currency"))


class BoardPanel(Panel):
    """A panel that draws figures of many markets, once a second.

    Subclasses say in `wish` what they have to know, and draw it in `refresh`.

    Args:
        service: where the data come from.
        catalog: which markets there are.
        parent: of the widget.

    Signals:
        symbolSelected(str): a market was chosen.
    """

    symbolSelected = pyqtSignal(str)

    def __init__(self, service: WebSocketService, catalog: MarketCatalog, parent: QWidget | None = None) -> None:
        super().__init__(service, parent)
        self.catalog = catalog
        self.board = market_board(service)
        self._linked = ""
        self._redraw = QTimer(self)
        self._redraw.setInterval(REFRESH_MS)
        self._redraw.timeout.connect(self._on_redraw)
        self._news = False
        self.board.changed.connect(self._on_news)
        catalog.changed.connect(self.rewish)
        catalog.failed.connect(self._on_catalog_failed)
        self.follow_line(WebSocketType.PUBLIC)

    # -- hooks --------------------------------------------------------------------------------------------------------
    def wish(self) -> Wish:
        """Return what has to be known while the panel is seen."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Draw what is known now."""
        raise NotImplementedError

    def limits(self) -> Iterable[Limit]:
        """Say that it follows more slowly under load."""
        return self.fewer_frames()

    # -- for subclasses -----------------------------------------------------------------------------------------------
    def set_symbol(self, code: str) -> None:
        """Mark the market that the linked panels show."""
        if code != self._linked:
            self._linked = code
            self.refresh()

    @property
    def linked(self) -> str:
        """The market that the linked panels show."""
        return self._linked

    def markets_of(self, quote: str) -> list[Market]:
        """Return the markets of a currency."""
        return [market for market in self.catalog.markets if market.quote == quote]

    @pyqtSlot()
    def rewish(self) -> None:
        """Want what is to be known now."""
        self.board.want(self, self.wish() if self.isVisible() else Wish())
        if self.isVisible():
            self._news = True
            self._on_redraw()

    # -- inside -------------------------------------------------------------------------------------------------------
    def activate(self) -> None:
        """Begin to want."""
        self.rewish()
        self._redraw.start()

    def deactivate(self) -> None:
        """Want nothing."""
        self._redraw.stop()
        self.board.want(self, Wish())

    @pyqtSlot()
    def _on_news(self) -> None:
        self._news = True
        newest = self.board.newest
        if newest is None or not self.isVisible():
            return
        self.note_data(newest)
        if self.service.connection_state(WebSocketType.PUBLIC) in _DOWN:
            return
        if not self.had_data:
            self._on_redraw()
        self.show_live()

    @pyqtSlot()
    def _on_redraw(self) -> None:
        if self._news:
            self._news = False
            self.refresh()

    @pyqtSlot(object)
    def _on_catalog_failed(self, cause: str) -> None:
        if not self.catalog.markets:
            self.show_error(Phrase(mark("The list of markets could not be loaded: {cause}"), cause=cause))

    def retry(self) -> None:
        """Ask for the list and the line anew."""
        self.catalog.load()
        super().retry()
