"""The watch list: all markets of a currency, or the favourites, live."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PyQt6.QtCore import QModelIndex, QPoint, Qt, QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QInputDialog,
    QLineEdit,
    QMenu,
    QMessageBox,
    QTabBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

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
from ..base.panel_table import menu_text
from ..base.price_format import quote_of
from ..base.silence import QUIET_LOOKS, SilenceWatch
from ..base.spacing import Step, spaced
from ..base.text import mark, said, tr
from ..market.board import Wish, market_board
from ..market.expression import ScreenError, parse_figure
from .book import WatchBook
from .extra import EXTRA, Column, ExtraColumns
from .lists import LONGEST_FIGURE, MOST_LISTS
from .model import WatchListModel
from .table import WatchListTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from PyQt6.QtGui import QAction

    from upbit_ws_qt import WebSocketService

    from ..base.limits import Limit
    from ..base.market_catalog import Market, MarketCatalog

__all__ = ["WatchListWidget"]

_FAVOURITES = "★"
FIGURES_MS = 1000


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
        book: lists, tags and notes, which other watch lists may have too; None to forget them.

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
        book: WatchBook | None = None,
    ) -> None:
        super().__init__(service, parent)
        self._catalog = catalog
        self.book = book or WatchBook(None, self)
        self._whole_market = market_board(service)
        self._only = tuple(symbols)
        self._favourites: dict[str, None] = {}
        self._symbol = ""
        self.proxy: WebSocketClientProxy = WebSocketClientProxy("watch list", self, service=service)
        self._subscription: Subscription | None = None
        self._marks = market_marks(service)
        self.model = WatchListModel(self)
        self.model.marks = self._marks.of
        self.model.extra = ExtraColumns(
            self._whole_market.of, lambda: self._whole_market.now, lambda: self.book.watched
        )
        self._marks.changed.connect(self.model.note_marks)
        self._silence = SilenceWatch()
        self._looks = QTimer(self)
        self._looks.setInterval(int(service.config.busy_silence_timeout * 1000 / QUIET_LOOKS))
        self._looks.timeout.connect(self.look_for_silence)
        self.search = QLineEdit(self)
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._on_filter)
        self.tabs = QTabBar(self)
        self._quotes = quotes_in(service.config.region)
        for name in (_FAVOURITES, *self._quotes):
            self.tabs.addTab(name)
        self.tabs.setCurrentIndex(1)
        self.tabs.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tabs.customContextMenuRequested.connect(self._on_tab_menu)
        self.lists_button = QToolButton(self)
        self.lists_button.setAutoRaise(True)
        self.lists_button.setText("+")
        self.lists_button.clicked.connect(self._on_lists_menu)
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
        self.table.rowMenuRequested.connect(self._on_row_menu)
        self.table.columnsShown.connect(self._want_figures)
        self.table.arrangementChanged.connect(self._want_figures)
        self._figures = QTimer(self)
        self._figures.setInterval(FIGURES_MS)
        self._figures.timeout.connect(self._on_figures)
        self.book.changed.connect(self._on_book)
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
        row.addWidget(self.lists_button)
        row.addWidget(self.shown_market)
        outer = self.layout()
        assert isinstance(outer, QVBoxLayout)
        outer.insertLayout(1, row)
        catalog.changed.connect(self._on_filter)
        catalog.failed.connect(self._on_catalog_failed)
        self.follow_line(WebSocketType.PUBLIC)
        self._show_lists()
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

    # -- lists, tags and notes ----------------------------------------------------------------------------------------
    def show_list(self, name: str) -> bool:
        """Turn to a list of the user's own; False where there is none of that name."""
        place = self._first_list + self.book.watched.names.index(name) if name in self.book.watched.names else -1
        if place >= 0:
            self.tabs.setCurrentIndex(place)
        return place >= 0

    @property
    def shown_list(self) -> str:
        """The list of the user's own that is shown; empty where another tab is."""
        place = self.tabs.currentIndex() - self._first_list
        return self.book.watched.names[place] if 0 <= place < len(self.book.watched.names) else ""

    @property
    def _first_list(self) -> int:
        return 1 + len(self._quotes)

    def _show_lists(self) -> None:
        """Have a tab for each list."""
        names, place = self.book.watched.names, self.tabs.currentIndex()
        while self.tabs.count() > self._first_list + len(names):
            self.tabs.removeTab(self.tabs.count() - 1)
        for number, name in enumerate(names, start=self._first_list):
            shown = name.replace("&", "&&")
            if number < self.tabs.count():
                self.tabs.setTabText(number, shown)
            else:
                self.tabs.addTab(shown)
        self.tabs.setCurrentIndex(min(place, self.tabs.count() - 1))
        self.model.own_heading = self.book.watched.figure

    @pyqtSlot()
    def _on_book(self) -> None:
        self._show_lists()
        self.model.tell_headings()
        self._on_filter()
        self._want_figures()
        self.model.tell_extra()

    @pyqtSlot()
    def _on_lists_menu(self) -> None:
        self.lists_menu(self.shown_list).popup(self.lists_button.mapToGlobal(QPoint(0, self.lists_button.height())))

    @pyqtSlot(QPoint)
    def _on_tab_menu(self, place: QPoint) -> None:
        number = self.tabs.tabAt(place) - self._first_list
        names = self.book.watched.names
        self.lists_menu(names[number] if 0 <= number < len(names) else "").popup(self.tabs.mapToGlobal(place))

    def lists_menu(self, name: str = "") -> QMenu:
        """Return what can be done to the lists, and to one of them; the menu deletes itself when it closes."""
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        full = len(self.book.watched.lists) >= MOST_LISTS
        _add(menu, tr("New list…"), self._on_new_list, possible=not full)
        _add(menu, tr("Rename this list…"), partial(self._on_rename, name), possible=bool(name))
        _add(menu, tr("Delete this list"), partial(self._on_delete, name), possible=bool(name))
        menu.addSeparator()
        _add(menu, tr("Column of one's own…"), self._on_own_column)
        return menu

    @pyqtSlot()
    def _on_new_list(self) -> None:
        self._ask(tr("New list"), tr("Name"), "", lambda name: self.book.change(self.book.watched.with_list(name)))

    def _on_rename(self, name: str) -> None:
        self._ask(
            tr("Rename the list"),
            tr("Name"),
            name,
            lambda other: self.book.change(self.book.watched.renamed(name, other)),
        )

    def _on_delete(self, name: str) -> None:
        self.book.change(self.book.watched.without_list(name))

    @pyqtSlot()
    def _on_own_column(self) -> None:
        self._ask(
            tr("Column of one's own"),
            tr("A figure, such as RSI(14, 1h)"),
            self.book.watched.figure,
            self.set_own_figure,
        )

    def set_own_figure(self, text: str) -> bool:
        """Show another figure in the column of one's own; False, and the cause is told, where it makes no sense."""
        try:
            parse_figure(text)
        except ScreenError as error:
            box = QMessageBox(self)
            box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            box.setTextFormat(Qt.TextFormat.PlainText)
            box.setWindowTitle(tr("Column of one's own"))
            box.setText(tr("{reason} (at character {place})", reason=said(error.reason), place=error.place + 1))
            box.open()
            return False
        self.book.change(replace(self.book.watched, figure=text.strip()[:LONGEST_FIGURE]))
        self.table.want(Column.OWN, True)
        return True

    def _ask(self, title: str, words: str, text: str, take: Callable[[str], object]) -> QInputDialog:
        dialog = QInputDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(title)
        dialog.setLabelText(words)
        dialog.setTextValue(text)
        dialog.textValueSelected.connect(take)
        dialog.open()
        return dialog

    @pyqtSlot("QMenu*", "QModelIndex")
    def _on_row_menu(self, menu: QMenu, index: QModelIndex) -> None:
        """Offer what can be kept about a market."""
        code = self.model.code_at(index.row())
        if code is None:
            return
        watched = self.book.watched
        for name, codes in watched.lists:
            action = _add(menu, tr("On the list “{name}”", name=menu_text(name)), partial(self._on_toggled, name, code))
            action.setCheckable(True)
            action.setChecked(code in codes)
        _add(menu, tr("Tags…"), partial(self._on_tags, code))
        _add(menu, tr("Note…"), partial(self._on_note, code))

    def _on_toggled(self, name: str, code: str) -> None:
        self.book.change(self.book.watched.toggled(name, code))

    def _on_tags(self, code: str) -> None:
        words = " ".join(self.book.watched.tags_of(code))
        self._ask(
            tr("Tags of {code}", code=code), tr("Words; #word in the search finds them"), words,
            lambda text: self.book.change(self.book.watched.with_tags(code, text)),
        )  # fmt: skip

    def _on_note(self, code: str) -> None:
        note = self.book.watched.note_of(code)
        self._ask(
            tr("Note on {code}", code=code), tr("Note"), note,
            lambda text: self.book.change(self.book.watched.with_note(code, text)),
        )  # fmt: skip

    # -- figures by choice --------------------------------------------------------------------------------------------
    @pyqtSlot()
    def _want_figures(self) -> None:
        """Want what the columns by choice show, while they can be seen."""
        extra = self.model.extra
        shown = self.table.shown_columns() if self.isVisible() else []
        if extra is None or not any(column in shown for column in EXTRA):
            self._whole_market.want(self, Wish())
            self._figures.stop()
            return
        first, last = self.model.visible()
        codes = self.model.codes
        self._whole_market.want(self, extra.wish(shown, codes, codes[first : last + 1]))
        self._figures.start()

    @pyqtSlot()
    def _on_figures(self) -> None:
        self._want_figures()  # the rows that are seen may be others
        self.model.tell_extra()

    # -- hooks --------------------------------------------------------------------------------------------------------
    def activate(self) -> None:
        """Listen."""
        self.model.run(True)
        self._silence.forget()
        self._looks.start()
        self._want()
        self._want_figures()

    def deactivate(self) -> None:
        """Listen no more."""
        self.model.run(False)
        self._looks.stop()
        self._want()
        self._want_figures()

    def retranslate(self) -> None:
        """Say everything anew."""
        self.setAccessibleName(tr("Watch list"))
        self.search.setPlaceholderText(tr("Search: code, name, 초성"))
        self.search.setAccessibleName(tr("Search markets"))
        self.tabs.setAccessibleName(tr("Currency"))
        self.table.setAccessibleName(tr("Markets"))
        self.tabs.setTabToolTip(0, tr("Favourites"))
        self.lists_button.setAccessibleName(tr("Lists of one's own"))
        self.lists_button.setToolTip(tr("Lists of one's own"))
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
        place = self.tabs.currentIndex()
        tab = _FAVOURITES if place <= 0 else self._quotes[min(place, len(self._quotes)) - 1]
        query = self.search.text().strip()
        if self.shown_list:
            markets = [self._catalog.get(code) for code in self.book.watched.codes_of(self.shown_list)]
        elif tab == _FAVOURITES:
            markets = [self._catalog.get(code) for code in self._favourites]
        elif self._only:
            markets = [self._catalog.get(code) for code in self._only if code.startswith(f"{tab}-")]
        else:
            markets = [market for market in self._catalog.markets if market.quote == tab]
        if query.startswith("#"):
            wanted = query[1:].casefold()
            return [each for each in markets if self._has_tag(each.code, wanted)]
        return [market for market in markets if market.answers(query)] if query else markets

    def _has_tag(self, code: str, wanted: str) -> bool:
        return any(tag.casefold().startswith(wanted) for tag in self.book.watched.tags_of(code))

    @pyqtSlot()
    @pyqtSlot(int)
    @pyqtSlot(str)
    def _on_filter(self, _what: object = None) -> None:
        markets = self._shown()
        self._marks.set_markets(self._catalog.markets)
        self.model.set_markets(markets)
        self._restore_chosen()
        self._want()
        self._want_figures()
        if markets:
            if self.model.has_tickers:
                self.show_live()
            else:
                self.show_loading()
        elif self.search.text().strip():
            self.show_empty(Phrase(mark("No market fits this search.")))
        elif self.tabs.currentIndex() == 0:
            self.show_empty(Phrase(mark("Mark markets with a star, and they are listed here.")))
        elif self.shown_list:
            self.show_empty(Phrase(mark("A market is put on this list by the menu of its row.")))
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


def _add(menu: QMenu, words: str, act: Callable[[], object], *, possible: bool = True) -> QAction:
    action = menu.addAction(words)
    assert action is not None
    action.setEnabled(possible)
    action.triggered.connect(lambda _checked=False: act())
    return action
