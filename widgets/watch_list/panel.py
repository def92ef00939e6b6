"""The watch list: all markets of a currency, or the favourites, live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt, QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import QAbstractItemView, QHBoxLayout, QLineEdit, QTabBar, QToolButton, QVBoxLayout, QWidget

from upbit_ws_qt import (
    Delivery,
    GlobalManagerState,
    Phrase,
    Subscription,
    SubscriptionState,
    TickerEvent,
    WebSocketClientProxy,
    WebSocketError,
    WebSocketType,
)

from ..base.countries import quotes_in
from ..base.look import look
from ..base.market_marks import market_marks
from ..base.panel import Panel
from ..base.price_format import quote_of
from ..base.silence import QUIET_LOOKS, SilenceWatch
from ..base.spacing import Step, spaced
from ..base.text import mark, tr
from .model import Column, WatchListModel
from .table import WatchListTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from upbit_ws_qt import WebSocketService

    from ..base.limits import Limit
    from ..base.market_catalog import Market, MarketCatalog

__all__ = ["WatchListWidget"]

_FAVOURITES = "★"


class WatchListWidget(Panel):
    """Lists markets with price, change, day's value and a small trend line.

    Example:
        >>> catalog = MarketCatalog(service.rest)
        >>> watch_list = WatchListWidget(service, catalog)
        >>> watch_list.symbolSelected.connect(print)
        >>> catalog.load()

    Args:
        service: where the tickers come from.
        catalog: which markets there are.
        parent: of the widget.
        symbols: only these, in the currency tabs; empty for all.

    Signals:
        symbolSelected(str): a row was double-clicked, or Enter pressed on it.
        favouritesChanged: stars were given or taken; see `favourites`.
    """

    symbolSelected = pyqtSignal(str)
    favouritesChanged = pyqtSignal()

    def __init__(
        self,
        service: WebSocketService,
        catalog: MarketCatalog,
        parent: QWidget | None = None,
        *,
        symbols: Iterable[str] = (),
    ) -> None:
        super().__init__(service, parent)
        self._catalog = catalog
        self._only = tuple(symbols)
        self._favourites: dict[str, None] = {}
        self._symbol = ""
        self.proxy: WebSocketClientProxy = WebSocketClientProxy("watch list", self, service=service)
        self._subscription: Subscription | None = None
        self._marks = market_marks(service)
        self.model = WatchListModel(self)
        self.model.marks = self._marks.of
        self._marks.changed.connect(self.model.note_marks)
        self._silence = SilenceWatch()
        self._looks = QTimer(self)
        self._looks.setInterval(int(service.config.busy_silence_timeout * 1000 / QUIET_LOOKS))
        self._looks.timeout.connect(self.look_for_silence)
        self.search = QLineEdit(self)
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._on_filter)
        self.tabs = QTabBar(self)
        for name in (_FAVOURITES, *quotes_in(service.config.region)):
            self.tabs.addTab(name)
        self.tabs.setCurrentIndex(1)
        self.tabs.setDrawBase(False)
        self.tabs.currentChanged.connect(self._on_filter)
        self.table = WatchListTable(self.model, self)
        self.table.activatedRow.connect(self._on_activated)
        selection = self.table.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(self._on_chosen)
        self._chosen: list[str] = []
        self._restoring = False
        self.table.favouriteToggled.connect(self.toggle_favourite)
        self.begin_at(self.table)
        self.tools.addWidget(self.search, 1)
        layout = QVBoxLayout(self.body)
        spaced(layout, Step.TINY)
        layout.addWidget(self.table)
        self.shown_market = QToolButton(self)
        self.shown_market.setAutoRaise(True)
        self.shown_market.clicked.connect(self._on_show_linked)
        self.shown_market.hide()
        row = QHBoxLayout()
        spaced(row, Step.TINY)
        row.addWidget(self.tabs, 1)
        row.addWidget(self.shown_market)
        outer = self.layout()
        assert isinstance(outer, QVBoxLayout)
        outer.insertLayout(1, row)
        catalog.changed.connect(self._on_filter)
        catalog.failed.connect(self._on_catalog_failed)
        self.follow_line(WebSocketType.PUBLIC)
        self.retranslate()
        self.show_loading()

    # -- what it shows ------------------------------------------------------------------------------------------------
    @property
    def favourites(self) -> tuple[str, ...]:
        """The markets with a star, oldest first."""
        return tuple(self._favourites)

    def set_favourites(self, codes: Iterable[str]) -> None:
        """Give stars to these and no others."""
        self._favourites = dict.fromkeys(codes)
        self.model.set_favourites(self._favourites)
        if self.tabs.currentIndex() == 0:
            self._on_filter()

    @pyqtSlot(str)
    def toggle_favourite(self, code: str) -> None:
        """Give a market its star, or take it away."""
        if code in self._favourites:
            del self._favourites[code]
        else:
            self._favourites[code] = None
        self.set_favourites(self._favourites)
        self.favouritesChanged.emit()

    def set_symbol(self, code: str) -> None:
        """Mark the market that the linked panels show, also where it is not in this tab, and choose its row."""
        self._symbol = code
        self.model.set_linked(code)
        self.shown_market.setText(f"▸ {code}")
        self.shown_market.setVisible(bool(code))
        self._name_shown_market()
        self._choose([code])

    def _choose(self, codes: Sequence[str]) -> None:
        """Mark rows as chosen; what is not listed now is marked as soon as it is."""
        self._chosen = list(codes)
        self._restore_chosen()

    def _restore_chosen(self) -> None:
        self._restoring = True
        try:
            self.table.choose(self._chosen)
        finally:
            self._restoring = False

    @pyqtSlot()
    def _on_chosen(self) -> None:
        if not self._restoring:
            self._chosen = self.table.chosen

    @pyqtSlot()
    def _on_show_linked(self) -> None:
        """Go to the row of the market that the panels show, in whatever tab it is."""
        quotes = [self.tabs.tabText(place) for place in range(self.tabs.count())]
        if self.model.row_of(self._symbol) < 0:
            self.search.clear()
            quote = quote_of(self._symbol)
            if self.model.row_of(self._symbol) < 0 and quote in quotes:
                self.tabs.setCurrentIndex(quotes.index(quote))
        self._choose([self._symbol])
        self.table.scrollTo(self.table.currentIndex(), QAbstractItemView.ScrollHint.PositionAtCenter)

    def _name_shown_market(self) -> None:
        market = self._catalog.get(self._symbol)
        words = tr("The panels show {code} ({name}). A click goes to its row.", code=self._symbol, name=market.name)
        self.shown_market.setToolTip(words)
        self.shown_market.setAccessibleName(words)

    @pyqtSlot()
    def look_for_silence(self) -> None:
        """Dim the markets that were busy and send nothing any more; happens by itself ten times a timeout."""
        if self.service.clock is not None:
            return  # how fast the past goes by says nothing of its markets
        if self._line_is_up():
            self.model.set_stale(self._silence.look(self.model.newest))
        else:
            self._silence.forget()  # that is told by the line

    # -- hooks --------------------------------------------------------------------------------------------------------
    def activate(self) -> None:
        """Listen."""
        self.model.run(True)
        self._silence.forget()
        self._looks.start()
        self._want()

    def deactivate(self) -> None:
        """Listen no more."""
        self.model.run(False)
        self._looks.stop()
        self._want()

    def retranslate(self) -> None:
        """Say everything anew."""
        self.setAccessibleName(tr("Watch list"))
        self.search.setPlaceholderText(tr("Search: code, name, 초성"))
        self.search.setAccessibleName(tr("Search markets"))
        self.tabs.setAccessibleName(tr("Currency"))
        self.table.setAccessibleName(tr("Markets"))
        self.tabs.setTabToolTip(0, tr("Favourites"))
        self._name_shown_market()
        self.model.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(Column) - 1)
        self._on_filter()

    def restyle(self) -> None:
        """Take colours over."""
        self.model.flashes = not look().reduce_motion
        self.table.restyle(self)

    def limits(self) -> Iterable[Limit]:
        """Say that it follows more slowly under load."""
        return self.fewer_frames()

    def begin_anew(self) -> None:
        """Show no price of another moment."""
        self.model.forget()
        self._silence.forget()
        self._restore_chosen()
        if self.model.codes:
            self.show_loading()

    def retry(self) -> None:
        """Ask for the list and the line anew."""
        self._catalog.load()
        super().retry()

    # -- inside -------------------------------------------------------------------------------------------------------
    def _shown(self) -> list[Market]:
        tab = self.tabs.tabText(self.tabs.currentIndex())
        query = self.search.text().strip()
        if tab == _FAVOURITES:
            markets = [self._catalog.get(code) for code in self._favourites]
        elif self._only:
            markets = [self._catalog.get(code) for code in self._only if code.startswith(f"{tab}-")]
        else:
            markets = [market for market in self._catalog.markets if market.quote == tab]
        return [market for market in markets if market.answers(query)] if query else markets

    @pyqtSlot()
    @pyqtSlot(int)
    @pyqtSlot(str)
    def _on_filter(self, _what: object = None) -> None:
        markets = self._shown()
        self._marks.set_markets(self._catalog.markets)
        self.model.set_markets(markets)
        self._restore_chosen()
        self._want()
        if markets:
            if self.model.has_tickers:
                self.show_live()
            else:
                self.show_loading()
        elif self.search.text().strip():
            self.show_empty(Phrase(mark("No market fits this search.")))
        elif self.tabs.currentIndex() == 0:
            self.show_empty(Phrase(mark("Mark markets with a star, and they are listed here.")))
        elif self._catalog.markets:
            self.show_empty(Phrase(mark("There are no markets in this currency.")))

    def _want(self) -> None:
        """Subscribe to what is listed, while somebody can see it."""
        codes = self.model.codes if self.isVisible() else []
        if self._subscription is not None and self._subscription.state is SubscriptionState.CLOSED:
            self._subscription = None  # the service was stopped
        if self.service.state in (GlobalManagerState.STOPPING, GlobalManagerState.STOPPED):
            return
        if not codes:
            if self._subscription is not None:
                self._subscription.close()
                self._subscription = None
        elif self._subscription is None:
            self._subscription = self.proxy.subscribe_ticker(codes, self._on_ticker, delivery=Delivery.FRAME)
            self._subscription.failed.connect(self._on_failed)
        elif set(self._subscription.symbols) != set(codes):
            self._subscription.set_symbols(codes)

    def _on_ticker(self, event: TickerEvent) -> None:
        self.note_data(event)
        self._marks.note(event)
        self.model.take(event)
        if not self.dimmed or self._line_is_up():
            self.show_live()

    def _line_is_up(self) -> bool:
        return self.proxy.is_public_available

    @pyqtSlot(WebSocketError)
    def _on_failed(self, error: WebSocketError) -> None:
        if not self.had_data:
            self.show_error(error)
        if self._subscription is not None:
            self.model.set_stale({stream.symbol for stream in self._subscription.unserved})

    @pyqtSlot(object)
    def _on_catalog_failed(self, cause: str) -> None:
        if not self._catalog.markets:
            self.show_error(Phrase(mark("The list of markets could not be loaded: {cause}"), cause=cause))

    @pyqtSlot(str)
    def _on_activated(self, code: str) -> None:
        self.symbolSelected.emit(code)
