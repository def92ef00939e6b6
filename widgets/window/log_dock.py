"""The log: what the program and its lines did, by level, with a search; bounded."""

from __future__ import annotations

import logging
from collections import deque
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor, QGuiApplication, QKeySequence, QShortcut
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from upbit_ws_qt import Phrase

from ..base.focus import FocusEntry, set_tab_order
from ..base.kst import KST
from ..base.labels import tip_text
from ..base.spacing import Step, spaced
from ..base.tables import fit_columns, plain_table
from ..base.text import mark, said, tr
from ..base.theme import colours_of

if TYPE_CHECKING:
    from PyQt6.QtCore import QEvent
    from PyQt6.QtGui import QHideEvent, QShowEvent

__all__ = ["LogBook", "LogLine", "LogWidget"]

MOST_LINES = 5000
LONGEST = 500
FLUSH_MS = 200
_LEVELS = (
    (logging.DEBUG, mark("Everything")),
    (logging.INFO, mark("Information")),
    (logging.WARNING, mark("Warnings")),
    (logging.ERROR, mark("Errors")),
)
_SHAPES = {logging.WARNING: "▲", logging.ERROR: "✖", logging.CRITICAL: "✖"}
_COLUMNS = (mark("Time"), mark("Level"), mark("Source"), mark("Message"))

# What records of the service are about: states, and why they changed. They are looked up when a record comes.
_WORDS = (
    mark("initializing"),
    mark("idle"),
    mark("active"),
    mark("degraded"),
    mark("recovering"),
    mark("stopping"),
    mark("stopped"),
    mark("error"),
    mark("disconnected"),
    mark("connecting"),
    mark("syncing"),
    mark("connected"),
    mark("reconnecting"),
    mark("failed"),
    mark("opened"),
    mark("proved"),
    mark("asked"),
    mark("wanted"),
    mark("wanted again"),
    mark("nothing wants it"),
    mark("a thread of its own"),
)


_LEVEL_NAMES = (mark("DEBUG"), mark("INFO"), mark("WARNING"), mark("ERROR"), mark("CRITICAL"))
_SOURCES = frozenset(
    {
        mark("manager"),
        mark("monitoring"),
        mark("monitoring.adaptive"),
        mark("desktop"),
        mark("subscriptions"),
        mark("exchange"),
        mark("websockets"),
    }
)
"""The parts of this program that log; anybody else's is called as it is."""


def _level_text(level: int) -> str:
    name = logging.getLevelName(level)
    return tr(name) if name in _LEVEL_NAMES else name


def _source_text(source: str) -> str:
    return tr(source) if source in _SOURCES else source


class LogLine(NamedTuple):
    """One entry; `message` is safe to show."""

    number: int
    at: float
    level: int
    source: str
    message: str

    @property
    def time(self) -> str:
        """Time in Korea, as everywhere in the program."""
        return datetime.fromtimestamp(self.at, KST).strftime("%H:%M:%S.%f")[:-3]

    def __str__(self) -> str:
        return f"{self.time} {logging.getLevelName(self.level)} {self.source}: {self.message}"


class LogBook(QObject):
    """Collects the log of the program: the last 5,000 lines.

    Signals:
        added: there is more than before.
    """

    added = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.lines: deque[LogLine] = deque(maxlen=MOST_LINES)
        self.count = 0
        self.errors = 0
        self._handler = _Handler(self)

    def install(self, level: int = logging.INFO) -> None:
        """Listen to all loggers of the program."""
        root = logging.getLogger()
        root.addHandler(self._handler)
        root.setLevel(min(level, root.level or level))

    def uninstall(self) -> None:
        """Listen no more; may be called more than once."""
        logging.getLogger().removeHandler(self._handler)

    def add(self, at: float, level: int, source: str, message: str) -> None:
        """Note a line; in the book's thread."""
        self.count += 1
        if level >= logging.ERROR:
            self.errors += 1
        self.lines.append(LogLine(self.count, at, level, source, _safe(message)))
        self.added.emit()


class _Handler(logging.Handler):
    """Hands records over to the book's thread, so that any thread may log."""

    class _Bridge(QObject):
        record = pyqtSignal(float, int, str, str)

    def __init__(self, book: LogBook) -> None:
        super().__init__()
        self._bridge = self._Bridge(book)
        self._bridge.record.connect(book.add)  # queued by Qt where another thread logs

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record."""
        message = _message_of(record)
        source = record.name.removeprefix("upbit_ws_qt.")
        try:
            self._bridge.record.emit(record.created, record.levelno, source, message[: 4 * LONGEST])
        except RuntimeError:
            return  # the program is ending: the book is gone


class _Model(QAbstractTableModel):
    """The lines that pass the filter, oldest first."""

    def __init__(self, book: LogBook, parent: QObject) -> None:
        super().__init__(parent)
        self._book = book
        self._level, self._query = logging.INFO, ""
        self._seen = 0
        self.shown: list[LogLine] = []
        self.colours: dict[int, QColor] = {}

    def filter(self, level: int, query: str) -> None:
        """Show other lines."""
        self._level, self._query = level, query.casefold()
        self.beginResetModel()
        self.shown = [line for line in self._book.lines if self._fits(line)]
        self._seen = self._book.count
        self.endResetModel()

    def update(self) -> bool:
        """Show what is new; returns whether there is anything."""
        fresh = []
        for line in reversed(self._book.lines):
            if line.number <= self._seen:
                break
            if self._fits(line):
                fresh.append(line)
        self._seen = self._book.count
        if not fresh:
            return False
        fresh.reverse()
        extra = len(self.shown) + len(fresh) - MOST_LINES
        if extra > 0:
            self.beginRemoveRows(QModelIndex(), 0, min(extra, len(self.shown)) - 1)
            del self.shown[:extra]
            self.endRemoveRows()
        self.beginInsertRows(QModelIndex(), len(self.shown), len(self.shown) + len(fresh) - 1)
        self.shown += fresh
        self.endInsertRows()
        return True

    def _fits(self, line: LogLine) -> bool:
        return line.level >= self._level and (
            not self._query
            or self._query in line.message.casefold()
            or self._query in line.source
            or self._query in _source_text(line.source)
        )

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Return the number of lines."""
        return 0 if parent.isValid() else len(self.shown)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Return the number of columns."""
        return 0 if parent.isValid() else len(_COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | None:
        """Return a column's title."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return tr(_COLUMNS[section])
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell."""
        line = self.shown[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            level = f"{_SHAPES.get(line.level, '')} {_level_text(line.level)}".strip()
            text = (line.time, level, _source_text(line.source), line.message)[index.column()]
            return tip_text(text) if role == Qt.ItemDataRole.ToolTipRole else text
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == 1:
            return self.colours.get(line.level)
        return None


class LogWidget(FocusEntry):
    """Shows a LogBook.

    Example:
        >>> book = LogBook()
        >>> book.install()
        >>> LogWidget(book).show()
    """

    def __init__(self, book: LogBook, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._book = book
        self.model = _Model(book, self)
        self.levels = QComboBox(self)
        self.search = QLineEdit(self)
        self.search.setClearButtonEnabled(True)
        self.copy = QPushButton(self)
        self.save = QPushButton(self)
        self.table = plain_table(self.model, self)
        self.begin_at(self.table)
        self._set_up_table()
        self.header = QWidget(self)
        tools = QHBoxLayout(self.header)
        spaced(tools)
        for widget, stretch in ((self.levels, 0), (self.search, 1), (self.copy, 0), (self.save, 0)):
            tools.addWidget(widget, stretch)
        layout = QVBoxLayout(self)
        spaced(layout, Step.SMALL, Step.SMALL)
        layout.addWidget(self.header)
        layout.addWidget(self.table)
        self._follows = True  # while the newest line is in sight, whatever the height
        bar = self.table.verticalScrollBar()
        assert bar is not None
        bar.valueChanged.connect(self._on_scrolled)
        bar.rangeChanged.connect(self._on_range)
        self._flush = QTimer(self)
        self._flush.setSingleShot(True)
        self._flush.setInterval(FLUSH_MS)
        self._flush.timeout.connect(self._on_flush)
        book.added.connect(self._on_added)
        set_tab_order(self)
        self.retranslate()
        self._restyle()
        self.levels.currentIndexChanged.connect(self._on_filter)
        self.search.textChanged.connect(self._on_filter)
        self.copy.clicked.connect(self._on_copy)
        self.save.clicked.connect(self._on_save)

    @property
    def text(self) -> str:
        """The selected lines, or all that are shown where none is selected."""
        selection = self.table.selectionModel()
        rows = sorted(index.row() for index in selection.selectedRows()) if selection is not None else []
        lines = [self.model.shown[row] for row in rows] or self.model.shown
        return "\n".join(str(line) for line in lines)

    def retranslate(self) -> None:
        """Say everything anew."""
        index = max(self.levels.currentIndex(), 1) if self.levels.count() else 1
        self.levels.blockSignals(True)
        self.levels.clear()
        for level, title in _LEVELS:
            self.levels.addItem(tr(title), level)
        self.levels.setCurrentIndex(index)
        self.levels.blockSignals(False)
        self.setAccessibleName(tr("Log"))
        self.levels.setAccessibleName(tr("Least level"))
        self.search.setPlaceholderText(tr("Search the log"))
        self.search.setAccessibleName(tr("Search the log"))
        self.table.setAccessibleName(tr("Log"))
        self.copy.setText(tr("Copy"))
        self.save.setText(tr("Save…"))
        self.model.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(_COLUMNS) - 1)
        fit_columns(self.table, ("00:00:00.000", "✖ WARNING", "subscriptions.session"))

    def _set_up_table(self) -> None:
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setAlternatingRowColors(True)
        shortcut = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self.table)
        shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        shortcut.activated.connect(self._on_copy)

    def _restyle(self) -> None:
        colours = colours_of(self.palette())
        self.model.colours = {
            logging.WARNING: QColor(colours.warn),
            logging.ERROR: QColor(colours.bad),
            logging.CRITICAL: QColor(colours.bad),
        }

    @pyqtSlot()
    def _on_added(self) -> None:
        if self.isVisible() and not self._flush.isActive():
            self._flush.start()

    @pyqtSlot()
    def _on_flush(self) -> None:
        self.model.update()

    @pyqtSlot(int)
    def _on_scrolled(self, value: int) -> None:
        bar = self.table.verticalScrollBar()
        self._follows = bar is None or value >= bar.maximum() - 2

    @pyqtSlot(int, int)
    def _on_range(self, _least: int, most: int) -> None:
        bar = self.table.verticalScrollBar()
        if self._follows and bar is not None:
            bar.setValue(most)

    @pyqtSlot()
    @pyqtSlot(int)
    @pyqtSlot(str)
    def _on_filter(self, _what: object = None) -> None:
        self._follows = True
        self.model.filter(int(self.levels.currentData()), self.search.text().strip())
        self.table.scrollToBottom()

    @pyqtSlot()
    def _on_copy(self) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.text)

    @pyqtSlot()
    def _on_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, tr("Save the log"), "upbit_ws_qt.log")
        if not name:
            return
        try:
            Path(name).write_text(self.text + "\n", encoding="utf-8")
        except OSError as error:
            QMessageBox.warning(self, tr("Save the log"), tr("It could not be saved: {cause}", cause=error.strerror))

    def showEvent(self, event: QShowEvent | None) -> None:
        """Catch up."""
        super().showEvent(event)
        self._on_filter()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Rest."""
        super().hideEvent(event)
        self._flush.stop()

    def changeEvent(self, event: QEvent | None) -> None:
        """Take another language or theme over."""
        super().changeEvent(event)
        if event is None or not hasattr(self, "_flush"):
            return
        if event.type() == event.Type.LanguageChange:
            self.retranslate()
        elif event.type() == event.Type.PaletteChange:
            self._restyle()


def _message_of(record: logging.LogRecord) -> str:
    """Return what a record says, in the language in force as far as this program's own words go."""
    try:
        if isinstance(record.args, tuple) and any(isinstance(arg, Phrase) for arg in record.args):
            return str(record.msg) % tuple(said(arg) if isinstance(arg, Phrase) else arg for arg in record.args)
        return record.getMessage()
    except (TypeError, ValueError):
        return str(record.msg)


def _safe(text: str) -> str:
    """Return one line of at most 500 characters; what could move a cursor or turn text round is escaped."""
    cut = text if len(text) <= LONGEST else text[:LONGEST] + "…"
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in cut
    )
