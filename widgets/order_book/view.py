"""The order book painted by hand: asks above bids, bars, percentages, the spread between them."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from PyQt6.QtCore import QPoint, QRect, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QFontMetrics, QKeySequence, QPainter, QPalette, QPen
from PyQt6.QtWidgets import QAbstractScrollArea, QFrame, QMenu, QWidget

from ..base.copying import csv_text, exact_number, lined_up, put_on_clipboard
from ..base.kst import kst_file_stamp
from ..base.look import blend, legible, paint_hatching
from ..base.panel_table import AS_TEXT
from ..base.saving import ask_where_to_save
from ..base.tables import italic
from ..base.text import tr
from ..base.theme import number_font
from ..base.tokens import BAR_WEIGHT, BOOK_WIDTHS, FRAME, TINT_WEIGHT, space

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

    from PyQt6.QtGui import (
        QContextMenuEvent,
        QFocusEvent,
        QKeyEvent,
        QMouseEvent,
        QPaintEvent,
        QResizeEvent,
        QWheelEvent,
    )

    from ..base.theme import Colours, MarketColours
    from .model import BookPicture, BookRow, OrderBookModel

__all__ = ["DEPTH", "OrderBookView"]

DEPTH = 30
_LEAST, _USUAL, _WIDEST = BOOK_WIDTHS
_MARK = "◆"
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_CENTRE = Qt.AlignmentFlag.AlignCenter


class _SideLook(NamedTuple):
    """The colours of asks or bids: as they are, of the bars, and behind the rows."""

    full: QColor
    bar: QColor
    tint: QColor


class OrderBookView(QAbstractScrollArea):
    """Paints a model; the spread stays in the middle until somebody scrolls, and again after Home.

    Signals:
        priceActivated(object): a price was double-clicked, or chosen by Enter; a Decimal.
        priceSelected(object): a price was clicked, or chosen by the arrow keys; a Decimal.
    """

    priceActivated = pyqtSignal(object)
    priceSelected = pyqtSignal(object)

    def __init__(self, model: OrderBookModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = model
        self._market: MarketColours | None = None
        self._colours: Colours | None = None
        self._text = self._accent = QColor()
        self._directions = (QColor(), QColor(), QColor())
        self._dimmed = False
        self._centred = True
        self._selected: Decimal | None = None
        self._widths = (0, 0, 0)
        self._size_width = 0
        self._shown: BookPicture | None = None
        self._note = ""
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFont(number_font(self.font()))
        scroll_bar = self.verticalScrollBar()
        assert scroll_bar is not None
        self._scroll = scroll_bar
        self._surface = self.viewport()
        assert self._surface is not None
        self._surface.setBackgroundRole(QPalette.ColorRole.Base)
        self._surface.setAutoFillBackground(True)

    @property
    def selected(self) -> Decimal | None:
        """The chosen price; None for none."""
        return self._selected

    @property
    def centred(self) -> bool:
        """Whether the spread is kept in the middle."""
        return self._centred

    def set_look(self, colours: Colours, market: MarketColours, *, dimmed: bool) -> None:
        """Paint in other colours from now on."""
        self._colours, self._market, self._dimmed = colours, market, dimmed
        self._text, self._accent = QColor(colours.text), QColor(colours.accent)
        # Each direction stands on either side of the book.
        tints = [blend(side, colours.base, TINT_WEIGHT) for side in (market.up, market.down)]
        grounds = (*tints, QColor(colours.grid)) if dimmed else tints
        grey = legible(colours.muted, colours.text, *grounds)
        flat, up, down = (legible(each, colours.text, *grounds) for each in (market.flat, market.up, market.down))
        self._directions = (grey, grey, grey) if dimmed else (flat, up, down)
        if dimmed:
            bars = [blend(side, colours.base, BAR_WEIGHT) for side in (market.up, market.down)]
            self._text = legible(colours.muted, colours.text, *grounds, *bars)
        self.refresh()

    def set_note(self, text: str) -> None:
        """Say, below the last row, why there are no more."""
        if text != self._note:
            self._note = text
            self.refresh()

    def set_model(self, model: OrderBookModel) -> None:
        """Paint another model from now on, with its own widths of columns."""
        self.model = model
        self._selected = None
        self._widths = (0, 0, 0)
        self._size_width = 0
        self._shown = None
        self.centre()

    def refresh(self) -> None:
        """Paint all anew, as the model has it now."""
        assert self._surface is not None
        self._shown = self.model.picture()
        self._surface.update()

    def refresh_changes(self) -> None:
        """Paint the rows that are not as they were; most of a book stays as it is from one moment to the next."""
        before, now = self._shown, self.model.picture()
        self._shown = now
        assert self._surface is not None
        if before is None or now is None or self._measure(now, self.fontMetrics()):
            self._surface.update()
            return
        for is_bid, old, new in ((False, before.asks, now.asks), (True, before.bids, now.bids)):
            for place, (was, row) in enumerate(zip_longest(old, new)):
                if was != row:
                    self._surface.update(self.row_rect(is_bid=is_bid, place=place))
        if _heads(before) != _heads(now):
            self._surface.update(self._spread_rect())

    def clear_selection(self) -> None:
        """Choose no price."""
        self._selected = None
        self.refresh()

    def centre(self) -> None:
        """Bring the spread back into the middle and keep it there."""
        self._centred = True
        self._arrange()

    # -- geometry -----------------------------------------------------------------------------------------------------
    @property
    def row_height(self) -> int:
        """Of one price, in pixels."""
        return self.fontMetrics().height() + space().row - FRAME

    @property
    def _spread_height(self) -> int:
        return self.fontMetrics().height() + space().list_row

    def row_rect(self, *, is_bid: bool, place: int) -> QRect:
        """Return where the row that is `place` rows from the spread is on the viewport."""
        height = self.row_height
        top = DEPTH * height + self._spread_height + place * height if is_bid else (DEPTH - 1 - place) * height
        width = min(self._width(), _WIDEST)
        return QRect((self._width() - width) // 2, top - self._scroll.value(), width, height)

    def _spread_rect(self) -> QRect:
        """Return where the line between the sides is on the viewport."""
        row = self.row_rect(is_bid=False, place=0)
        return QRect(row.left(), DEPTH * self.row_height - self._scroll.value(), row.width(), self._spread_height)

    def sizeHint(self) -> QSize:
        """Ten rows a side."""
        return QSize(_USUAL, 20 * self.row_height + self._spread_height)

    def minimumSizeHint(self) -> QSize:
        """Three rows a side."""
        return QSize(_LEAST, 6 * self.row_height + self._spread_height)

    def _width(self) -> int:
        assert self._surface is not None
        return self._surface.width()

    @property
    def viewport_height(self) -> int:
        """Of what can be seen, in pixels."""
        assert self._surface is not None
        return self._surface.height()

    def _arrange(self) -> None:
        whole = 2 * DEPTH * self.row_height + self._spread_height
        room = max(0, whole - self.viewport_height)
        self._scroll.setRange(0, room)
        self._scroll.setPageStep(self.viewport_height)
        self._scroll.setSingleStep(self.row_height)
        if self._centred:
            self._scroll.setValue(room // 2)
        self.refresh()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep the spread where it was."""
        super().resizeEvent(event)
        self._arrange()

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Paint anew; rows are cheaper painted than moved."""
        del dx, dy
        self.refresh()

    # -- painting -----------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the rows that can be seen."""
        picture = self.model.picture()
        if event is None or picture is None or self._colours is None or self._market is None or self._surface is None:
            return
        painter = QPainter(self._surface)
        painter.setFont(italic(self.font()) if self._dimmed else self.font())
        metrics, region = painter.fontMetrics(), event.region()
        self._measure(picture, metrics)
        for is_bid, rows in ((False, picture.asks), (True, picture.bids)):
            colour, base = self._market.up if is_bid else self._market.down, self._colours.base
            look = _SideLook(QColor(colour), blend(colour, base, BAR_WEIGHT), blend(colour, base, TINT_WEIGHT))
            for place, row in enumerate(rows):
                rect = self.row_rect(is_bid=is_bid, place=place)
                if region.intersects(rect):
                    self._paint_row(painter, rect, row, look)
        if region.intersects(self._spread_rect()):
            self._paint_spread(painter, picture, metrics)
        if self._note and len(picture.bids) < DEPTH:
            self._paint_note(painter, len(picture.bids))
        if self.hasFocus():
            painter.setPen(QPen(self._accent, FRAME))
            painter.drawRect(self._surface.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _measure(self, picture: BookPicture, metrics: QFontMetrics) -> bool:
        """Set the widths of mark, price, percentage and size columns; they only grow, so that nothing jitters.

        Returns whether they have.
        """
        before = (*self._widths, self._size_width)
        rows = (*picture.asks[:1], *picture.asks[-1:], *picture.bids[:1], *picture.bids[-1:])
        mark = metrics.horizontalAdvance(_MARK) + space().small
        price = max((metrics.horizontalAdvance(row.price_text) for row in rows), default=0)
        percent = max((metrics.horizontalAdvance(row.percent_text) for row in rows), default=0)
        # Digits are of equal width: one of the longest sizes is as wide as any.
        longest = max((row.size_text for row in (*picture.asks, *picture.bids)), key=len, default="")
        self._size_width = max(self._size_width, metrics.horizontalAdvance(longest))
        self._widths = (mark, max(before[1], price), max(before[2], percent))
        return (*self._widths, self._size_width) != before

    @property
    def shown_columns(self) -> tuple[bool, bool]:
        """Whether percentages and sizes are shown: where there is no room, first the one goes whole, then the other."""
        mark, price, percent = self._widths
        room = min(self._width(), _WIDEST) - mark - price - 4 * space().small - self._size_width
        return room >= percent + 2 * space().small, room >= 0

    def _paint_row(self, painter: QPainter, rect: QRect, row: BookRow, look: _SideLook) -> None:
        air = space().small
        mark, price, percent = self._widths
        with_percent, with_size = self.shown_columns
        painter.fillRect(rect, look.tint)
        left = rect.left() + mark + price + (percent + 2 * air if with_percent else 0) + 3 * air
        room = max(0, rect.right() + 1 - left)
        length = round(room * row.share)
        end = rect.right() - length + 1
        painter.fillRect(QRect(end, rect.top() + 1, length, rect.height() - 1), look.bar)
        if row.is_beyond:
            painter.fillRect(QRect(end, rect.top() + 1, space().tiny, rect.height() - 1), look.full)
        if self._dimmed and self._colours is not None:
            paint_hatching(painter, rect, self._colours.grid)
        direction = self._directions[row.direction]
        x = rect.left() + air
        if row.own_text:
            painter.setPen(self._accent)
            painter.drawText(QRect(x, rect.top(), mark, rect.height()), _CENTRE, _MARK)
        x += mark
        painter.setPen(direction)
        painter.drawText(QRect(x, rect.top(), price, rect.height()), _RIGHT, row.price_text)
        x += price + 2 * air
        if with_percent:
            painter.drawText(QRect(x, rect.top(), percent, rect.height()), _RIGHT, row.percent_text)
        painter.setPen(self._text)
        size = f"{row.own_text} / {row.size_text}" if row.own_text else row.size_text
        if row.own_text and painter.fontMetrics().horizontalAdvance(size) > room - air:
            size = row.size_text  # the mark stays, and the description says how much
        if with_size:
            painter.drawText(QRect(left, rect.top(), room - air, rect.height()), _RIGHT, size)
        if row.is_last:
            painter.setPen(QPen(direction, FRAME))
            painter.drawRect(QRect(rect.left() + mark + space().tiny, rect.top(), price + 2 * air, rect.height() - 1))
        if row.price == self._selected:
            painter.setPen(QPen(self._accent, FRAME))
            painter.drawRect(rect.adjusted(0, 0, -1, -1))

    def _paint_note(self, painter: QPainter, rows: int) -> None:
        assert self._colours is not None
        air = space().small
        area = self.row_rect(is_bid=True, place=rows)
        area.setBottom(max(area.bottom(), self.viewport_height - 1))
        painter.setPen(QColor(self._colours.warn))
        flags = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap
        painter.drawText(area.adjusted(air, air, -air, 0), int(flags), self._note)

    def _paint_spread(self, painter: QPainter, picture: BookPicture, metrics: QFontMetrics) -> None:
        assert self._colours is not None
        air = space().small
        rect = self._spread_rect()
        painter.fillRect(rect, QColor(self._colours.window))
        painter.setPen(QColor(self._colours.muted))
        inside = rect.adjusted(air, 0, -air, 0)
        words = tr("Spread {spread} ({percent})", spread=picture.spread_text, percent=picture.spread_percent)
        if metrics.horizontalAdvance(words) > inside.width():
            words = picture.spread_text
        sums = tr("Asks {asks} · bids {bids}", asks=picture.total_ask_text, bids=picture.total_bid_text)
        both = metrics.horizontalAdvance(words) + metrics.horizontalAdvance(sums) + 4 * air
        painter.drawText(inside, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)
        if both <= inside.width():
            painter.drawText(inside, _RIGHT, sums)

    # -- hands --------------------------------------------------------------------------------------------------------
    def _rows(self) -> list[tuple[bool, int, BookRow]]:
        """Return all rows from top to bottom as (is a bid, place from the spread, row)."""
        picture = self.model.picture()
        if picture is None:
            return []
        asks = [(False, place, row) for place, row in enumerate(picture.asks[:DEPTH])]
        return [*reversed(asks), *((True, place, row) for place, row in enumerate(picture.bids[:DEPTH]))]

    def row_at(self, y: int) -> BookRow | None:
        """Return the row at a height of the viewport."""
        for is_bid, place, row in self._rows():
            rect = self.row_rect(is_bid=is_bid, place=place)
            if rect.top() <= y <= rect.bottom():
                return row
        return None

    def copy_text(self) -> str:
        """Return the chosen price's row, or else all rows from top to bottom: price, percentage, size, own size."""
        return "\n".join("\t".join(each).rstrip("\t") for each in self._cells())

    def copy_as_text(self) -> str:
        """Return the same with headings, lined up, to be read by people."""
        return lined_up([self._headings(), *self._cells()], (True,) * 4)

    def _cells(self) -> list[tuple[str, str, str, str]]:
        rows = [row for _, _, row in self._rows()]
        chosen = [row for row in rows if row.price == self._selected] or rows
        return [(row.price_text, row.percent_text, row.size_text, row.own_text) for row in chosen]

    @staticmethod
    def _headings() -> tuple[str, str, str, str]:
        return tr("Price"), tr("Change"), tr("Size"), tr("Own")

    def save_csv(self, path: Path) -> None:
        """Write all rows with all their digits, and of which side they are; OSError where that fails."""
        rows = [
            (tr("bid") if is_bid else tr("ask"), exact_number(row.price), exact_number(row.size))
            for is_bid, _, row in self._rows()
        ]
        text = csv_text([(tr("Side"), tr("Price"), tr("Size")), *rows])
        path.write_text(text, encoding="utf-8-sig", newline="")

    def ask_for_csv(self) -> None:
        """Ask where that is to be."""
        name = f"order-book-{kst_file_stamp()}.csv"
        ask_where_to_save(self, tr("Save as a table"), name, tr("Tables (*.csv)"), self.save_csv)

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:
        """Offer what mouse and keys do, and to copy and save."""
        if event is not None:
            self._open_menu(event.globalPos())

    def _open_menu(self, place: QPoint) -> None:
        self.menu().popup(place)

    def menu(self) -> QMenu:
        """Return the menu of what is chosen; it deletes itself when it closes."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        price = self._selected
        if price is not None:
            menu.addAction(tr("Take this price") + "\tEnter", lambda: self.priceActivated.emit(price))
            menu.addAction(tr("Choose none") + "\tEsc", self.clear_selection)
        menu.addAction(tr("Back to the middle") + "\tHome", self.centre)
        menu.addSeparator()
        keys = QKeySequence(QKeySequence.StandardKey.Copy).toString(QKeySequence.SequenceFormat.NativeText)
        words = tr("Copy") if price is not None else tr("Copy the order book")
        menu.addAction(f"{words}\t{keys}", lambda: put_on_clipboard(self.copy_text()))
        as_text = AS_TEXT.toString(QKeySequence.SequenceFormat.NativeText)
        menu.addAction(f"{tr('Copy as text')}\t{as_text}", lambda: put_on_clipboard(self.copy_as_text()))
        menu.addSeparator()
        menu.addAction(tr("Save as CSV…"), self.ask_for_csv)
        return menu

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Choose a price."""
        left = event is not None and event.button() is Qt.MouseButton.LeftButton
        row = self.row_at(round(event.position().y())) if event is not None and left else None
        if row is not None:
            self._select(row)

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Take a price; between the sides: back to the middle."""
        if event is None:
            return
        row = self.row_at(round(event.position().y()))
        if row is None:
            self.centre()
        else:
            self._select(row)
            self.priceActivated.emit(row.price)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Scroll away from the spread."""
        self._centred = False
        super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Walk along the prices, take one, come back to the middle."""
        if event is None:
            return
        key = event.key()
        if event.matches(QKeySequence.StandardKey.Copy):
            put_on_clipboard(self.copy_text())
        elif QKeySequence(event.keyCombination()) == AS_TEXT:
            put_on_clipboard(self.copy_as_text())
        elif key == Qt.Key.Key_F10 and event.modifiers() == Qt.KeyboardModifier.ShiftModifier:
            self._open_menu(self.mapToGlobal(self.rect().center()))
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._step(-1 if key == Qt.Key.Key_Up else 1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._selected is not None:
            self.priceActivated.emit(self._selected)
        elif key == Qt.Key.Key_Home:
            self.centre()
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self._centred = False
            super().keyPressEvent(event)
        elif key == Qt.Key.Key_Escape and self._selected is not None:
            self.clear_selection()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """Show by a frame where the keyboard is."""
        super().focusInEvent(event)
        self.refresh()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """Take the frame away."""
        super().focusOutEvent(event)
        self.refresh()

    def _step(self, step: int) -> None:
        rows = self._rows()
        if not rows:
            return
        places = [place for place, (_, _, row) in enumerate(rows) if row.price == self._selected]
        if places:
            chosen = min(max(places[0] + step, 0), len(rows) - 1)
        else:
            first_bid = next((place for place, (is_bid, _, _) in enumerate(rows) if is_bid), len(rows))
            chosen = min(max(first_bid - 1 if step < 0 else first_bid, 0), len(rows) - 1)
        is_bid, place, row = rows[chosen]
        self._select(row)
        rect = self.row_rect(is_bid=is_bid, place=place)
        if rect.top() < 0 or rect.bottom() > self.viewport_height:
            self._centred = False
            self._scroll.setValue(
                self._scroll.value() + (rect.top() if rect.top() < 0 else rect.bottom() - self.viewport_height)
            )

    def _select(self, row: BookRow) -> None:
        self._selected = row.price
        words = tr(
            "{price}, {percent}, size {size}", price=row.price_text, percent=row.percent_text, size=row.size_text
        )
        if row.own_text:
            words += ", " + tr("own {size}", size=row.own_text)
        self.setAccessibleDescription(words)
        self.setToolTip(words)
        self.priceSelected.emit(row.price)
        self.refresh()


def _heads(picture: BookPicture) -> tuple[str, ...]:
    return picture.spread_text, picture.spread_percent, picture.total_ask_text, picture.total_bid_text
