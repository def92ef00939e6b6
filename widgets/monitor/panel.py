"""What is inside the dock: the bar, the table of connections, the plots, the tabs, the line of the last event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QIcon, QPainter, QPalette, QPixmap
from PyQt6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSplitter,
    QStyle,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from upbit_ws_qt import WebSocketType
from widgets.base.text import mark, tr
from widgets.base.theme import colours_of
from widgets.monitor.frames import FramesTab
from widgets.monitor.plots import MonitorPlots
from widgets.monitor.rows import LinesModel, LineTable
from widgets.monitor.tabs import AdviceTab, AlertsTab, ComponentsTab, EventsTab
from widgets.monitor.words import line_name

if TYPE_CHECKING:
    from PyQt6.QtGui import QHideEvent, QResizeEvent, QShowEvent

    from upbit_ws_qt import WebSocketService

__all__ = ["WINDOWS", "MonitorPanel", "PanelScroll"]

_Pixmap = QStyle.StandardPixmap
SESSION = 24 * 3600.0
TABS_HEIGHT = 150
WIDE = 900
LOW = 0.85
"""Less than this part of the usual height is little."""
WINDOWS = (
    (60.0, mark("1m"), mark("The last minute")),
    (300.0, mark("5m"), mark("The last five minutes")),
    (900.0, mark("15m"), mark("The last quarter of an hour")),
    (SESSION, mark("all"), mark("This session, at most a day")),
)
_ACTIONS = (
    ("pause", None, mark("Pause"), mark("Freeze the view; recording goes on")),
    ("reset", _Pixmap.SP_BrowserReload, mark("Reset"), mark("Count reconnects, bytes, gaps and drops from now on")),
    ("csv", _Pixmap.SP_DialogSaveButton, mark("CSV"), mark("Save the figures of this window as a table")),
    ("png", _Pixmap.SP_DialogSaveButton, mark("PNG"), mark("Save a picture of the monitor")),
    (
        "copy",
        _Pixmap.SP_FileDialogContentsView,
        mark("Copy diagnostics"),
        mark("Copy versions, figures and the last events as text, without keys"),
    ),
)


class MonitorPanel(QWidget):
    """Lays everything out; shows what it is given.

    Signals:
        seenChanged: somebody can see it now, or nobody can any more.
    """

    seenChanged = pyqtSignal(bool)

    def __init__(self, service: WebSocketService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines = LinesModel(self)
        self.table = LineTable(self.lines, self)
        self.plots = MonitorPlots(self)
        self.components = ComponentsTab(service, self)
        self.alerts = AlertsTab(service, self)
        self.advice = AdviceTab(service, self)
        self.events = EventsTab(self)
        self.frames = FramesTab(service, self)
        self.tabs = QTabWidget(self)
        for tab in (self.components, self.alerts, self.advice, self.events, self.frames):
            self.tabs.addTab(tab, "")
        self.windows = QButtonGroup(self)
        self.buttons = {name: QToolButton(self) for name, *_ in _ACTIONS}
        self.buttons["pause"].setCheckable(True)
        self.legend = {ws_type: QCheckBox(self) for ws_type in WebSocketType}
        self.news = QLabel(self)
        self.hint = QLabel(self)
        self.last_event = QLabel(self)
        self.program = QLabel(self)
        for label in (self.news, self.hint, self.last_event, self.program):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.hint.setWordWrap(True)
        self._arrange()
        self.retranslate()
        self.apply_palette()

    def _make_bar(self) -> QHBoxLayout:
        bar = QHBoxLayout()
        for number, _ in enumerate(WINDOWS):
            button = QToolButton(self)
            button.setCheckable(True)
            self.windows.addButton(button, number)
            bar.addWidget(button)
        first = self.windows.button(0)
        assert first is not None
        first.setChecked(True)
        bar.addSpacing(8)
        style = self.style()
        assert style is not None
        for name, pixmap, _, _ in _ACTIONS:
            tool = self.buttons[name]
            if pixmap is not None:
                tool.setIcon(style.standardIcon(pixmap))
            tool.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            bar.addWidget(tool)
        bar.addWidget(self.news)
        bar.addStretch()
        for ws_type, box in self.legend.items():
            box.setChecked(True)
            box.toggled.connect(lambda shown, line=ws_type: self.plots.set_line_visible(line, shown))
            bar.addWidget(box)
        return bar

    def _arrange(self) -> None:
        self.split = QSplitter(Qt.Orientation.Vertical, self)
        self.split.addWidget(self.plots)
        self.split.addWidget(self.tabs)
        self.split.setStretchFactor(0, 3)
        self.split.setStretchFactor(1, 2)
        self.split.setSizes([360, 220])
        self.split.setChildrenCollapsible(False)
        self.tabs.setMinimumHeight(TABS_HEIGHT)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(4)
        layout.addLayout(self._make_bar())
        layout.addWidget(self.table)
        layout.addWidget(self.hint)
        layout.addWidget(self.split, 1)
        foot = QHBoxLayout()
        foot.addWidget(self.last_event, 1)
        foot.addWidget(self.program)
        layout.addLayout(foot)

    def sizeHint(self) -> QSize:
        """Room for everything."""
        return QSize(1060, 720)

    def retranslate(self) -> None:
        """Say everything in the language in force."""
        for number, (_, text, hint) in enumerate(WINDOWS):
            button = self.windows.button(number)
            assert button is not None
            button.setText(tr(text))
            button.setToolTip(tr(hint))
            button.setAccessibleName(tr(hint))
        for name, _, text, hint in _ACTIONS:
            self.buttons[name].setText(tr(text))
            self.buttons[name].setToolTip(tr(hint))
            self.buttons[name].setAccessibleName(tr(text))
            self.buttons[name].setAccessibleDescription(tr(hint))
        for ws_type, box in self.legend.items():
            box.setText(f"━ {line_name(ws_type)}")
            box.setAccessibleName(tr("Show {name} in the plots", name=line_name(ws_type)))
        for part in (self.plots, self.table, self.components, self.alerts, self.advice, self.frames):
            part.retranslate()
        self.show_alert_count(0)
        titles = (mark("Components"), mark("Alerts"), mark("Advice"), mark("Events"), mark("Frames"))
        for number, title in enumerate(titles):
            if number != 1:
                self.tabs.setTabText(number, tr(title))
        self.tabs.setAccessibleName(tr("Details"))
        self.news.setAccessibleName(tr("Recorded while paused"))
        self.last_event.setAccessibleName(tr("Last event"))
        self.program.setAccessibleName(tr("This program"))

    def arrange_for(self, size: QSize) -> None:
        """Put plots and tabs side by side where there is little height and much width, else one above the other.

        Args:
            size: that there is for the panel; where it is too little for either, the panel is larger than it.
        """
        low = size.height() < self.sizeHint().height() * LOW
        orientation = Qt.Orientation.Horizontal if low and size.width() >= WIDE else Qt.Orientation.Vertical
        if orientation is not self.split.orientation():
            self.split.setOrientation(orientation)
            self.split.setSizes([3000, 2000])

    def apply_palette(self) -> None:
        """Draw in the colours of the palette in force."""
        colours = colours_of(self.palette())
        self.lines.apply_palette(self.palette())
        for ws_type, box in self.legend.items():
            palette = box.palette()
            for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.ButtonText):
                palette.setColor(role, QColor(colours.lines[ws_type]))
            if palette != box.palette():
                box.setPalette(palette)
        self.buttons["pause"].setIcon(_pause_icon(QColor(colours.text), self.devicePixelRatioF()))

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the palette."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange and hasattr(self, "last_event"):
            self.apply_palette()

    def show_program(self, text: str, reasons: str) -> None:
        """Tell how the program itself does."""
        self.program.setText(text)
        self.program.setToolTip(reasons)

    def show_alert_count(self, count: int) -> None:
        """Tell how many alerts wait for somebody."""
        self.tabs.setTabText(1, f"{tr('Alerts')} ({count})" if count else tr("Alerts"))

    def showEvent(self, event: QShowEvent | None) -> None:
        """Say that somebody looks."""
        super().showEvent(event)
        self.seenChanged.emit(True)

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Say that nobody looks."""
        super().hideEvent(event)
        self.seenChanged.emit(False)


class PanelScroll(QScrollArea):
    """Shows a panel as large as there is room, and scrolls where there is too little for everything in it."""

    def __init__(self, panel: MonitorPanel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._panel = panel
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidgetResizable(True)
        self.setWidget(panel)

    def sizeHint(self) -> QSize:
        """As the panel's."""
        return self._panel.sizeHint()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Have the panel make the best of it."""
        self._panel.arrange_for(self.size())
        super().resizeEvent(event)


def _pause_icon(colour: QColor, ratio: float) -> QIcon:
    """Return two bars; the style's own are black in every theme."""
    picture = QPixmap(int(16 * ratio), int(16 * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    for left in (3.0, 9.0):
        painter.fillRect(QRectF(left, 2.0, 4.0, 12.0), colour)
    painter.end()
    return QIcon(picture)
