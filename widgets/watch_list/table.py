"""The table of the watch list, and how its cells are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PyQt6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPointF,
    QRect,
    QRectF,
    Qt,
    QTimer,
    pyqtSignal,
    pyqtSlot,
)
from PyQt6.QtGui import QColor, QFont, QPainter, QPen, QPolygonF
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from ..base.look import blend, legible
from ..base.panel_table import PanelTable, menu_text
from ..base.tables import italic
from ..base.text import brief_age_text, tr
from ..base.theme import number_font
from ..base.tokens import BOLD_STROKE, FLASH_WEIGHT, LINK_BAR, STROKE, space
from .extra import EXTRA, Column
from .model import LONGEST_SIGN, Row, WatchListModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PyQt6.QtGui import QKeyEvent, QResizeEvent
    from PyQt6.QtWidgets import QMenu

    from ..base.panel import Panel

__all__ = ["WatchListDelegate", "WatchListTable"]

_NAME = "이더리움클래식"  # names need at least this much room
_SHORT_NAME = "비트코…"
_SORTED_BY = (Column.NAME, Column.PRICE, Column.CHANGE, Column.VALUE)
_CHANGES = frozenset({Column.HOUR, Column.FIVE, Column.ONE})
_WORDS = frozenset({Column.CODE, Column.TAGS, Column.NOTE})
_WIDEST_FIGURE = 28  # characters: no exchange makes a column as wide as it likes
_JUST_MOVE = QItemSelectionModel.SelectionFlag.NoUpdate
_ONLY_THESE = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


class WatchListTable(PanelTable):
    """The table; never sorts under the mouse."""

    activatedRow = pyqtSignal(str)
    columnsShown = pyqtSignal()
    favouriteToggled = pyqtSignal(str)

    def __init__(self, model: WatchListModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = model
        self._widths: dict[Column, int] = {}
        self._refit = QTimer(self)  # not while a cell is being painted
        self._refit.setSingleShot(True)
        self._refit.setInterval(0)
        self._refit.timeout.connect(self._fit)
        self.setObjectName("markets")
        self.setModel(model)
        self.delegate = WatchListDelegate(model, self)
        self.setItemDelegate(self.delegate)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setAlternatingRowColors(True)
        self.setFont(number_font(self.font()))
        self._set_up_headers()
        model.headerDataChanged.connect(self._on_headings)
        self.rowMenuRequested.connect(self._on_row_menu)
        self.doubleClicked.connect(self._on_double_clicked)
        self.clicked.connect(self._on_clicked)
        model.visible = self._visible_rows
        self.usually_without(EXTRA)

    def _set_up_headers(self) -> None:
        header, rows = self.horizontalHeader(), self.verticalHeader()
        assert header is not None
        assert rows is not None
        rows.hide()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(space().huge)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.fit_rows()

    def row_air(self) -> int:
        """Return the height of a row beyond that of its text: markets are picked with the mouse all the time."""
        return space().list_row

    def fit_rows(self) -> None:
        """Follow the size of the type, in height and in width."""
        super().fit_rows()
        self._set_widths()

    def _set_widths(self) -> None:
        advance = self.fontMetrics().horizontalAdvance
        for column, sample in (
            (Column.FAVOURITE, "★ "),
            (Column.PRICE, "123,456,000"),
            (Column.CHANGE, "▲ +12.34%"),
            (Column.VALUE, "24시간 대금"),
            (Column.DAY, "00000"),
            (Column.CODE, "KRW-WWWW"),
            (Column.SPARK, "0000000"),
            (Column.VOLUME, "123.4억"),
            (Column.HOUR, "▲ +12.34%"),
            (Column.FIVE, "▲ +12.34%"),
            (Column.ONE, "▲ +12.34%"),
            (Column.SPREAD, "0.123% "),
            (Column.OWN, "RSI(14, 1h)"),
            (Column.TAGS, "#layer1 #nft"),
            (Column.NOTE, "0000000000000000"),
        ):
            self._widths[column] = advance(sample) + 2 * space().small + space().tiny
            self.setColumnWidth(column, self._widths[column])
        scroll = self.verticalScrollBar()
        beside = 2 * self.frameWidth() + (scroll.sizeHint().width() if scroll is not None else 0)
        # A price that is cut off is another price.
        self.setMinimumWidth(
            self._widths[Column.FAVOURITE] + advance(_SHORT_NAME) + self._widths[Column.PRICE] + beside
        )

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Show what fits."""
        super().resizeEvent(event)
        self._fit()

    def widen(self, column: Column, width: int) -> None:
        """Have a column of figures be this wide at least, from the next turn of the loop on; it stays so."""
        if width > self._widths[column]:
            self._widths[column] = min(width, _WIDEST_FIGURE * self.fontMetrics().averageCharWidth())
            self._refit.start()

    @pyqtSlot()
    def _on_headings(self) -> None:
        """Have room for each heading of a figure, with the sign of the order, in whatever language it is."""
        for column in _SORTED_BY[1:]:
            words = self._model.heading(column) + LONGEST_SIGN
            self.widen(column, self.fontMetrics().horizontalAdvance(words) + 2 * space().small)

    def refit(self) -> None:
        """Show the columns that are wanted, as far as there is room for them."""
        self._fit()

    @pyqtSlot()
    def _fit(self) -> None:
        """Give up columns where names would not be readable any more: those that are there by choice stay longer."""
        viewport = self.viewport()
        room = viewport.width() if viewport is not None else 0
        hidden = set(self.unwanted)
        needed = 0 if Column.NAME in hidden else self.fontMetrics().horizontalAdvance(_NAME)
        needed += sum(width for column, width in self._widths.items() if column not in hidden)
        for column in (Column.DAY, Column.VALUE, *reversed(EXTRA), Column.CHANGE):
            if needed > room and column not in hidden and len(hidden) < len(Column) - 1:
                hidden.add(column)
                needed -= self._widths[column]
        changed = False
        for column in Column:
            if self.isColumnHidden(column) is not (column in hidden):
                self.setColumnHidden(column, column in hidden)
                changed = True
            width = self._widths.get(column)
            if width is not None and column not in hidden and self.columnWidth(column) != width:
                self.setColumnWidth(column, width)
        if changed:
            self.columnsShown.emit()

    @property
    def chosen(self) -> list[str]:
        """The markets whose rows are marked, top first."""
        selection = self.selectionModel()
        rows = [] if selection is None else sorted(index.row() for index in selection.selectedRows())
        return [code for code in map(self._model.code_at, rows) if code is not None]

    def choose(self, codes: Sequence[str]) -> None:
        """Mark the rows of these markets, as far as they are listed, and no others; the keyboard goes to the first."""
        selection = self.selectionModel()
        rows = [row for row in map(self._model.row_of, codes) if row >= 0]
        if selection is None or not rows:
            return
        marks = QItemSelection()
        for row in rows:
            marks.select(self._model.index(row, 0), self._model.index(row, len(Column) - 1))
        selection.setCurrentIndex(self._model.index(rows[0], Column.NAME), _JUST_MOVE)
        selection.select(marks, _ONLY_THESE)

    def shown_columns(self) -> list[int]:
        """Return the columns that can be seen."""
        return [column for column in Column if not self.isColumnHidden(column)]

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

    @pyqtSlot("QMenu*", "QModelIndex")
    def _on_row_menu(self, menu: QMenu, index: QModelIndex) -> None:
        """Offer what the mouse does elsewhere: what can be done to a market."""
        code = self._model.code_at(index.row())
        if code is not None:
            menu.addAction(tr("Show {code}", code=menu_text(code)), lambda: self.activatedRow.emit(code))
            menu.addAction(tr("Favourite"), lambda: self.favouriteToggled.emit(code))


class _Pens(NamedTuple):
    """By the sign of the change, and for what matters less."""

    signs: dict[int, QPen]
    muted: QPen
    warning: QPen


class WatchListDelegate(QStyledItemDelegate):
    """Draws cells by hand: a tenth of what the style takes, and this table changes all the time."""

    def __init__(self, model: WatchListModel, table: WatchListTable) -> None:
        super().__init__(table)
        self._model = model
        self._table = table
        self._pens: dict[tuple[bool, bool], _Pens] = {}  # by whether a row is out of date, and whether it is chosen
        self._flashes: dict[int, QColor] = {}
        self._selection = self._link = QColor()
        self._ink = QPen()
        self._dim = False

    def take_colours(self, panel: Panel) -> None:
        """Remember the colours in force."""
        market, colours = panel.market_colours, panel.colours
        self._dim = panel.dimmed
        signs = {1: market.up, 0: colours.text, -1: market.down}
        for chosen, grounds in ((False, (colours.base, colours.alternate)), (True, (colours.chosen,))):
            grey = QPen(legible(colours.muted, colours.text, *grounds))
            pens = {sign: QPen(legible(colour, colours.text, *grounds)) for sign, colour in signs.items()}
            warning = QPen(legible(colours.warn, colours.text, *grounds))
            self._pens[False, chosen] = _Pens(pens, grey, warning)
            self._pens[True, chosen] = _Pens(dict.fromkeys(signs, grey), grey, warning)
        self._flashes = {sign: blend(colour, colours.base, FLASH_WEIGHT) for sign, colour in signs.items()}
        self._ink = QPen(QColor(colours.text))
        self._selection = QColor(colours.chosen)
        self._link = QColor(colours.accent)

    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw a cell; the row's background is there already."""
        if painter is None:
            return
        row, column, area = self._model.row(index.row()), index.column(), option.rect
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen:
            painter.fillRect(area, self._selection)
        linked = row.market.code == self._model.linked
        if linked and column == Column.FAVOURITE:
            painter.fillRect(QRect(area.left(), area.top(), LINK_BAR, area.height()), self._link)
        stale = self._dim or row.stale_since is not None
        pens = self._pens[stale, chosen]
        if column == Column.DAY:
            if row.day is not None:
                _draw_day(
                    painter,
                    QRectF(area).adjusted(space().small, space().small, -space().small, -space().small),
                    row.day,
                    pens,
                )
            return
        if column == Column.SPARK:
            extra = self._model.extra
            day = () if extra is None else extra.day(row.market.code)
            if len(day) > 1:
                inside = QRectF(area).adjusted(space().small, space().small, -space().small, -space().small)
                _draw_course(painter, inside, day, pens)
            return
        text = self._model.text(row, column)
        font = option.font
        if stale:
            font = italic(font)
            painter.setFont(font)
        if column == Column.PRICE and self._model.is_flashing(row):
            painter.fillRect(area, self._flashes[row.flash])
            painter.setPen(self._ink)  # on the flash the price's own colour could not be read
        elif column in (Column.PRICE, Column.CHANGE):
            painter.setPen(pens.signs[row.sign])
        elif column in _CHANGES:
            painter.setPen(pens.signs[1 if text.startswith("▲") else -1 if text.startswith("▼") else 0])
        elif column in _WORDS:
            painter.setPen(pens.signs[0] if column == Column.CODE else pens.muted)
            text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, area.width() - 2 * space().small)
        else:
            painter.setPen(pens.signs[0] if column == Column.NAME else pens.muted)
        area = area.adjusted(space().small, 0, -space().small, 0)
        if column == Column.NAME:
            area = self._draw_marks(painter, area, row, pens)
            if linked:
                font = QFont(font)
                font.setBold(True)
                painter.setFont(font)
            painter.setPen(pens.signs[0])
            text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, area.width())
        elif column != Column.FAVOURITE and column not in _WORDS:
            needed = option.fontMetrics.horizontalAdvance(text)
            if needed > area.width():
                self._table.widen(Column(column), needed + 2 * space().small)
                text = "…"
        painter.drawText(area, _LEFT if column <= Column.NAME or column in _WORDS else _RIGHT, text)
        if font is not option.font:
            painter.setFont(option.font)

    def _draw_marks(self, painter: QPainter, area: QRect, row: Row, pens: _Pens) -> QRect:
        """Draw, at the right of a name, a market's marks and its age if it is out of date; return what is left.

        In little room the gravest mark stands for all.
        """
        marks = self._model.marks(row.market.code)
        age = "" if row.stale_since is None or self._dim else brief_age_text(row.stale_age)
        if not marks and not age:
            return area
        advance = painter.fontMetrics().horizontalAdvance
        text = "·".join([*(each.brief for each in marks), *([age] if age else [])])
        if marks and advance(text) > area.width() // 2:
            text = marks[0].brief + (f"+{len(marks) - 1}" if len(marks) > 1 else "") + (f"·{age}" if age else "")
        width = min(advance(text), area.width())
        painter.setPen(pens.warning)
        painter.drawText(area, _RIGHT, text)
        return area.adjusted(0, 0, -width - space().small, 0)


def _draw_course(painter: QPainter, area: QRectF, day: tuple[float, ...], pens: _Pens) -> None:
    """Draw what a market cost in 24 hours; in the colour of a rise or a fall over them, and not over the day."""
    low, high = min(day), max(day)
    height = (high - low) or 1.0
    step = area.width() / (len(day) - 1)
    points = [
        QPointF(area.left() + place * step, area.bottom() - (price - low) / height * area.height())
        for place, price in enumerate(day)
    ]
    painter.setPen(QPen(pens.signs[(day[-1] > day[0]) - (day[-1] < day[0])].color(), STROKE))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.drawPolyline(QPolygonF(points))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def _draw_day(painter: QPainter, area: QRectF, day: tuple[float, float, float], pens: _Pens) -> None:
    """Draw a candle that lies down: the day's low at the left, its high at the right."""
    opened, now, sign = day
    middle, half = area.center().y(), area.height() / 2
    left, right = sorted((area.left() + opened * area.width(), area.left() + now * area.width()))
    painter.setPen(pens.muted)
    painter.drawLine(QPointF(area.left(), middle), QPointF(area.right(), middle))
    colour = pens.signs[int(sign)].color()
    painter.fillRect(QRectF(left, middle - half / 2, max(1.0, right - left), half), colour)
    at = area.left() + now * area.width()
    painter.fillRect(QRectF(min(at, area.right() - 1), middle - half, BOLD_STROKE, 2 * half), colour)
