"""Where the keyboard is: in reading order through a panel, at once to where something can be done, and to be seen."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, Qt
from PyQt6.QtGui import QKeySequence, QPainter, QPalette, QPen
from PyQt6.QtWidgets import QAbstractScrollArea, QScrollArea, QSplitter, QStackedWidget, QTableView, QTabWidget, QWidget

from .copying import copy_rows
from .theme import shade_alternate_rows
from .tokens import FRAME, space

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PyQt6.QtGui import QFocusEvent, QKeyEvent, QPaintEvent
    from PyQt6.QtWidgets import QLayout, QStyleOptionViewItem

__all__ = ["FocusEntry", "FramedTable", "focus_into", "in_reading_order", "paint_focus_frame", "set_tab_order"]


class FocusEntry(QWidget):
    """A widget that hands the keyboard on to a part of it.

    Qt's focus proxy would have Tab begin there too, and pass over all that stands before it.
    """

    _entry: QWidget | None = None
    header: QWidget | None = None
    """A row of tools that may be taken out and stand in the header of a dock; it is before all that is inside."""

    def begin_at(self, part: QWidget) -> None:
        """Have `setFocus` give the keyboard to `part`, where that can be seen."""
        self._entry = part

    @property
    def focus_entry(self) -> QWidget | None:
        """Where the keyboard begins; None for the first part that takes it."""
        return self._entry

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """Hand it on."""
        super().focusInEvent(event)
        focus_into(self)


class FramedTable(QTableView):
    """A table that shows by a frame that it has the keyboard, and copies the rows that are marked in it.

    Its rows are as high as the density in force has them.
    """

    def fit_rows(self) -> None:
        """Make the rows as high as type and density want them; happens by itself when either changes."""
        rows = self.verticalHeader()
        if rows is not None:
            rows.setDefaultSectionSize(self.fontMetrics().height() + self.row_air())

    def row_air(self) -> int:
        """Return the height of a row beyond that of its text; a hook."""
        return space().row

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the size of the type."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.FontChange:
            self.fit_rows()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Copy whole rows; Qt copies one cell, of whatever row the keyboard is in."""
        if event is not None and event.matches(QKeySequence.StandardKey.Copy):
            copy_rows(self)
            event.accept()
            return
        super().keyPressEvent(event)

    def initViewItemOption(self, option: QStyleOptionViewItem | None) -> None:
        """Shade every second row."""
        super().initViewItemOption(option)
        if option is not None:
            shade_alternate_rows(option, self.palette())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the frame over what is there."""
        super().paintEvent(event)
        paint_focus_frame(self)

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """Show it."""
        super().focusInEvent(event)
        self._repaint()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """Take it away."""
        super().focusOutEvent(event)
        self._repaint()

    def _repaint(self) -> None:
        viewport = self.viewport()
        if viewport is not None:
            viewport.update()


def in_reading_order(root: QWidget) -> list[QWidget]:
    """Return the widgets below `root` that Tab stops at, hidden ones too, as the layouts have them."""
    return [widget for widget in _walk(root) if widget is not root and _takes_tab(widget)]


def set_tab_order(root: QWidget) -> None:
    """Have Tab go through a widget from top to bottom, whatever order its parts were made in."""
    stops = in_reading_order(root)
    for before, after in pairwise(stops):
        QWidget.setTabOrder(before, after)


def focus_into(root: QWidget) -> None:
    """Give the keyboard to what `root` would have it, or else to the first part that can be seen and takes it."""
    wanted = root.focus_entry if isinstance(root, FocusEntry) else None
    stops = [wanted] if wanted is not None else []
    stops += in_reading_order(root)
    for stop in stops:
        if stop.isVisibleTo(root.window()) and stop.isEnabled():
            stop.setFocus(Qt.FocusReason.ShortcutFocusReason)
            return


def paint_focus_frame(view: QWidget) -> None:
    """Frame a view that has the keyboard; called at the end of its paintEvent."""
    if not view.hasFocus():
        return
    surface = view.viewport() if isinstance(view, QAbstractScrollArea) else view
    if surface is not None:
        painter = QPainter(surface)
        painter.setPen(QPen(view.palette().color(QPalette.ColorRole.Link), FRAME))
        painter.drawRect(surface.rect().adjusted(0, 0, -1, -1))
        painter.end()


def _takes_tab(widget: QWidget) -> bool:
    return bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus) and widget.focusProxy() is None


def _walk(widget: QWidget) -> Iterator[QWidget]:
    yield widget
    if isinstance(widget, FocusEntry) and widget.header is not None and not widget.isAncestorOf(widget.header):
        yield from _walk(widget.header)
    if isinstance(widget, QTabWidget):
        bar = widget.tabBar()
        yield from _walk(bar) if bar is not None else ()
    if isinstance(widget, QScrollArea):
        inside = widget.widget()
        yield from _walk(inside) if inside is not None else ()
        return
    if isinstance(widget, (QTabWidget, QStackedWidget, QSplitter)):
        for place in range(widget.count()):
            part = widget.widget(place)
            yield from _walk(part) if part is not None else ()
        return
    layout = widget.layout()
    if layout is not None:
        yield from _walk_layout(layout)


def _walk_layout(layout: QLayout) -> Iterator[QWidget]:
    for place in range(layout.count()):
        item = layout.itemAt(place)
        widget, inner = (item.widget(), item.layout()) if item is not None else (None, None)
        if widget is not None:
            yield from _walk(widget)
        elif inner is not None:
            yield from _walk_layout(inner)
