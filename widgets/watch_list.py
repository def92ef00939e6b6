"""The watch list: all markets of a currency, or the favourites, live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QModelIndex, QPoint, QPointF, QRectF, Qt, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor, QPainter, QPen, QPolygonF
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLineEdit,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTabBar,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from upbit_ws_qt import (
    Delivery,
    GlobalManagerState,
    Subscription,
    SubscriptionState,
    TickerEvent,
    WebSocketClientProxy,
    WebSocketError,
    WebSocketType,
)
from widgets.look import blend, look
from widgets.panel import Panel
from widgets.text import tr
from widgets.theme import number_font
from widgets.watch_list_model import Column, WatchListModel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PyQt6.QtGui import QKeyEvent

    from upbit_ws_qt import WebSocketService
    from widgets.market_catalog import Market, MarketCatalog

__all__ = ["WatchListWidget"]

_QUOTES = ("KRW", "BTC", "USDT")
_FAVOURITES = "★"
_FLASH = 0.25
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_DIM = 0.45


class WatchListWidget(Panel):
    """Lists markets with price, change, day's value and a small trend line.

    Example:
        >>> catalog = MarketCatalog(RestClient(service.config.rest_url))
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
        self._proxy = WebSocketClientProxy("watch list", self, service=service)
        self._subscription: Subscription | None = None
        self.model = WatchListModel(self)
        self.search = QLineEdit(self)
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._on_filter)
        self.tabs = QTabBar(self)
        for name in (_FAVOURITES, *_QUOTES):
            self.tabs.addTab(name)
        self.tabs.setCurrentIndex(1)
        self.tabs.setDrawBase(False)
        self.tabs.currentChanged.connect(self._on_filter)
        self.table = _Table(self.model, self)
        self.table.activatedRow.connect(self._on_activated)
        self.table.favouriteToggled.connect(self.toggle_favourite)
        self.tools.addWidget(self.search, 1)
        layout = QVBoxLayout(self.body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.table)
        outer = self.layout()
        assert isinstance(outer, QVBoxLayout)
        outer.insertWidget(1, self.tabs)
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
        """Mark the market that the linked panels show."""
        self._symbol = code
        self.table.mark(code)

    # -- hooks --------------------------------------------------------------------------------------------------------
    def activate(self) -> None:
        """Listen."""
        self.model.run(True)
        self._want()

    def deactivate(self) -> None:
        """Listen no more."""
        self.model.run(False)
        self._want()

    def retranslate(self) -> None:
        """Say everything anew."""
        self.setAccessibleName(tr("Watch list"))
        self.search.setPlaceholderText(tr("Search: code, name, 초성"))
        self.search.setAccessibleName(tr("Search markets"))
        self.tabs.setAccessibleName(tr("Currency"))
        self.table.setAccessibleName(tr("Markets"))
        self.tabs.setTabToolTip(0, tr("Favourites"))
        self.model.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(Column) - 1)
        self._on_filter()

    def restyle(self) -> None:
        """Take colours over."""
        self.model.flashes = not look().reduce_motion
        self.table.restyle(self)

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
        self.model.set_markets(markets)
        self.table.mark(self._symbol)
        self._want()
        if markets:
            if self.model.has_tickers:
                self.show_live()
            else:
                self.show_loading()
        elif self.search.text().strip():
            self.show_empty(tr("No market fits this search."))
        elif self.tabs.currentIndex() == 0:
            self.show_empty(tr("Mark markets with a star, and they are listed here."))
        elif self._catalog.markets:
            self.show_empty(tr("There are no markets in this currency."))

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
            self._subscription = self._proxy.subscribe_ticker(codes, self._on_ticker, delivery=Delivery.FRAME)
            self._subscription.failed.connect(self._on_failed)
        elif set(self._subscription.symbols) != set(codes):
            self._subscription.set_symbols(codes)

    def _on_ticker(self, event: TickerEvent) -> None:
        self.model.take(event)
        if not self.dimmed or self._line_is_up():
            self.show_live()

    def _line_is_up(self) -> bool:
        return self._proxy.is_public_available

    @pyqtSlot(WebSocketError)
    def _on_failed(self, error: WebSocketError) -> None:
        if not self.had_data:
            self.show_error(error)

    @pyqtSlot(str)
    def _on_catalog_failed(self, cause: str) -> None:
        if not self._catalog.markets:
            self.show_error(tr("The list of markets could not be loaded: {cause}", cause=cause))

    @pyqtSlot(str)
    def _on_activated(self, code: str) -> None:
        self.symbolSelected.emit(code)


class _Table(QTableView):
    """The table; never sorts under the mouse."""

    activatedRow = pyqtSignal(str)
    favouriteToggled = pyqtSignal(str)

    def __init__(self, model: WatchListModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self.setModel(model)
        self.delegate = _Delegate(model, self)
        self.setItemDelegate(self.delegate)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setAlternatingRowColors(True)
        self.setFont(number_font(self.font()))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_menu)
        self._set_up_headers()
        self.setSortingEnabled(True)
        self.sortByColumn(Column.VALUE, Qt.SortOrder.DescendingOrder)
        self.doubleClicked.connect(self._on_double_clicked)
        self.clicked.connect(self._on_clicked)
        model.may_sort = lambda: not self.underMouse()
        model.visible = self._visible_rows

    def _set_up_headers(self) -> None:
        header, rows = self.horizontalHeader(), self.verticalHeader()
        assert header is not None
        assert rows is not None
        rows.hide()
        rows.setDefaultSectionSize(self.fontMetrics().height() + 8)
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(24)
        advance = self.fontMetrics().horizontalAdvance
        for column, sample in (
            (Column.FAVOURITE, "★ "),
            (Column.PRICE, "123,456,000"),
            (Column.CHANGE, "▲ +12.34%"),
            (Column.VALUE, "24시간 대금"),
            (Column.TREND, "00000"),
        ):
            self.setColumnWidth(column, advance(sample) + 10)

    def mark(self, code: str) -> None:
        """Select the row of a market."""
        row = self._model.row_of(code)
        if row >= 0 and self.currentIndex().row() != row:
            self.setCurrentIndex(self._model.index(row, Column.NAME))

    def _visible_rows(self) -> tuple[int, int]:
        viewport = self.viewport()
        last = self.rowAt(viewport.height() - 1) if viewport is not None else -1
        return max(0, self.rowAt(0)), self._model.rowCount() - 1 if last < 0 else last

    def restyle(self, panel: Panel) -> None:
        """Take colours over."""
        self.delegate.take_colours(panel)
        viewport = self.viewport()
        if viewport is not None:
            viewport.update()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Enter selects, Space stars."""
        code = self._model.code_at(self.currentIndex().row())
        if event is not None and code is not None:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.activatedRow.emit(code)
                return
            if event.key() == Qt.Key.Key_Space:
                self.favouriteToggled.emit(code)
                return
        super().keyPressEvent(event)

    @pyqtSlot(QModelIndex)
    def _on_double_clicked(self, index: QModelIndex) -> None:
        code = self._model.code_at(index.row())
        if code is not None and index.column() != Column.FAVOURITE:
            self.activatedRow.emit(code)

    @pyqtSlot(QModelIndex)
    def _on_clicked(self, index: QModelIndex) -> None:
        code = self._model.code_at(index.row())
        if code is not None and index.column() == Column.FAVOURITE:
            self.favouriteToggled.emit(code)

    @pyqtSlot(QPoint)
    def _on_menu(self, position: QPoint) -> None:
        code = self._model.code_at(self.indexAt(position).row())
        if code is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        show = menu.addAction(tr("Show {code}", code=code))
        star = menu.addAction(tr("Favourite"))
        assert show is not None
        assert star is not None
        show.triggered.connect(lambda: self.activatedRow.emit(code))
        star.triggered.connect(lambda: self.favouriteToggled.emit(code))
        viewport = self.viewport()
        assert viewport is not None
        menu.popup(viewport.mapToGlobal(position))


class _Delegate(QStyledItemDelegate):
    """Draws cells by hand: a tenth of what the style takes, and this table changes all the time."""

    def __init__(self, model: WatchListModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self._signs: dict[int, QPen] = {}
        self._flashes: dict[int, QColor] = {}
        self._muted = QPen()
        self._selection = QColor()
        self._dim = False

    def take_colours(self, panel: Panel) -> None:
        """Remember the colours in force."""
        market, colours = panel.market_colours, panel.colours
        self._dim = panel.dimmed
        share = _DIM if panel.dimmed else 1.0
        signs = {1: market.up, 0: colours.text, -1: market.down}
        self._signs = {sign: QPen(blend(colour, colours.base, share)) for sign, colour in signs.items()}
        self._flashes = {sign: blend(colour, colours.base, _FLASH) for sign, colour in signs.items()}
        self._muted = QPen(blend(colours.muted, colours.base, share))
        self._selection = blend(colours.accent, colours.base, 0.25)

    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw a cell; the row's background is there already."""
        if painter is None:
            return
        row, column, area = self._model.row(index.row()), index.column(), option.rect
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, self._selection)
        if column == Column.TREND:
            if len(row.trend) > 1:
                self._draw_trend(painter, QRectF(area).adjusted(4, 5, -4, -5), list(row.trend), row.sign)
            return
        text = self._model.text(row, column)
        if column == Column.PRICE and self._model.is_flashing(row):
            painter.fillRect(area, self._flashes[row.flash])
        if column in (Column.PRICE, Column.CHANGE):
            painter.setPen(self._signs[row.sign])
        else:
            painter.setPen(self._signs[0] if column == Column.NAME else self._muted)
        area = area.adjusted(4, 0, -4, 0)
        if column == Column.NAME:
            text = option.fontMetrics.elidedText(text, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, _LEFT if column <= Column.NAME else _RIGHT, text)

    def _draw_trend(self, painter: QPainter, area: QRectF, points: list[float], sign: int) -> None:
        low, high = min(points), max(points)
        height = (high - low) or 1.0
        step = area.width() / (len(points) - 1)
        line = QPolygonF(
            QPointF(area.left() + number * step, area.bottom() - (value - low) / height * area.height())
            for number, value in enumerate(points)
        )
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self._signs[sign])
        painter.drawPolyline(line)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
