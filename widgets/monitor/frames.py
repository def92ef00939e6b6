"""The tab of raw frames: the last of them, filtered, the private ones masked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from upbit_ws_qt import FrameRecord, WebSocketType

from ..base.spacing import spaced
from ..base.text import mark, tr
from ..base.tokens import DETAILS_MOST
from .table import Column, RecordTable
from .words import NOTHING, clock, line_name

if TYPE_CHECKING:
    from upbit_ws_qt import FrameTrace, WebSocketService

__all__ = ["FramesTab"]


_NOTHING_KEPT = mark("No frame came or left since this tab was opened.")
_NOTHING_PASSES = mark("No frame passes the filter.")


class FramesTab(QWidget):
    """The last raw frames, kept only while this tab is looked at; private ones are masked."""

    def __init__(self, service: WebSocketService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._service = service
        self._trace: FrameTrace | None = None
        columns: list[Column[FrameRecord]] = [
            Column(mark("time"), lambda frame: clock(frame.at), "00:00:00", figure=lambda frame: frame.at),
            Column(mark("line"), lambda frame: line_name(frame.ws_type), "private"),
            Column("", lambda frame: "→" if frame.sent else "←", "→→"),
            Column(mark("kind"), _kind, "orderbook KRW-DOGE"),
            Column(
                mark("size"), lambda frame: f"{frame.size:,}", "999,999", right=True, figure=lambda frame: frame.size
            ),
            Column(mark("contents"), _contents),
        ]
        self.table = RecordTable(columns, lambda frame: frame.number, mark("Raw frames"), _NOTHING_KEPT, self)
        self.filter = QLineEdit(self)
        self.filter.setClearButtonEnabled(True)
        self.line = QComboBox(self)
        self.direction = QComboBox(self)
        self.details = QPlainTextEdit(self)
        self.details.setReadOnly(True)
        self.details.setMaximumHeight(DETAILS_MOST)
        self.details.setTabChangesFocus(True)
        row = QHBoxLayout()
        for control in (self.line, self.direction, self.filter):
            row.addWidget(control)
        layout = QVBoxLayout(self)
        spaced(layout)
        layout.addLayout(row)
        layout.addWidget(self.table)
        layout.addWidget(self.details)
        self.retranslate()
        self.filter.textChanged.connect(self.refresh)
        self.line.currentIndexChanged.connect(self.refresh)
        self.direction.currentIndexChanged.connect(self.refresh)
        selection = self.table.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(self._show_details)

    def look(self, looking: bool) -> None:
        """Begin to keep frames, or stop."""
        if looking and self._trace is None:
            self._trace = self._service.trace_frames()
        elif not looking and self._trace is not None:
            self._trace.close()
            self._trace = None

    def kept(self) -> tuple[FrameRecord, ...]:
        """Return what is kept now, the oldest first; nothing while the tab is not open."""
        return () if self._trace is None else tuple(self._trace.frames())

    def refresh(self) -> None:
        """Show what was kept and passes the filter, the newest first."""
        if self._trace is None:
            return
        line, direction, text = self.line.currentData(), self.direction.currentData(), self.filter.text().casefold()
        kept = self._trace.frames()
        self.table.set_empty(_NOTHING_PASSES if kept else _NOTHING_KEPT)
        self.table.show_records(
            [
                frame
                for frame in reversed(kept)
                if (line is None or frame.ws_type == line)
                and (direction is None or frame.sent == direction)
                and (not text or text in frame.kind.casefold() or text in frame.text.casefold())
            ]
        )

    def retranslate(self) -> None:
        """Say everything in the language in force."""
        for box, name, choices in (
            (self.line, tr("Connection"), [(tr("all lines"), None), *((line_name(w), w) for w in WebSocketType)]),
            (
                self.direction,
                tr("Direction"),
                [(tr("both ways"), None), (tr("received ←"), False), (tr("sent →"), True)],
            ),
        ):
            chosen = max(0, box.currentIndex())
            blocked = box.blockSignals(True)
            box.clear()
            for text, value in choices:
                box.addItem(text, value)
            box.setCurrentIndex(chosen)
            box.blockSignals(blocked)
            box.setAccessibleName(name)
        self.filter.setPlaceholderText(tr("Filter, for example KRW-BTC"))
        self.filter.setAccessibleName(tr("Filter"))
        self.details.setAccessibleName(tr("Contents of the selected frame"))

    def _show_details(self) -> None:
        selected = self.table.selected()
        self.details.setPlainText("" if selected is None else _contents(selected, spelt_out=True))


def _kind(frame: FrameRecord) -> str:
    return frame.kind or (tr("request") if frame.sent else NOTHING)


def _contents(frame: FrameRecord, *, spelt_out: bool = False) -> str:
    if frame.ws_type is WebSocketType.PRIVATE:
        return tr("(private, masked)")
    # One row holds what came; where there is room, the exchange's long names say what it is.
    return frame.spelt_out if spelt_out else frame.text
