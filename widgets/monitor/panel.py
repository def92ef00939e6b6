"""What is inside the dock: the bar, the table of connections, the plots, the tabs, the line of the last event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QSize, Qt, pyqtSignal
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSplitter, QTabWidget, QVBoxLayout, QWidget

from ..base.labels import plain_label, tip_text
from ..base.spacing import Step, spaced
from ..base.text import mark, tr
from ..base.tokens import MONITOR_ROOMY, MONITOR_SIZE, TABS_LEAST
from .bar import MonitorBar
from .drill import DrillTab, FaultControl
from .frames import FramesTab
from .heat import HeatTab
from .incidents import IncidentsTab
from .plots import MonitorPlots
from .rows import LinesModel, LineTable
from .tabs import AdviceTab, AlertsTab, ComponentsTab, EventsTab, RestTab
from .timeline import TimelineTab

if TYPE_CHECKING:
    from PyQt6.QtGui import QHideEvent, QResizeEvent, QShowEvent

    from upbit_ws_qt import WebSocketService

    from .chronicle import Entry

__all__ = ["MonitorPanel", "PanelScroll"]

WIDE, HIGH = MONITOR_ROOMY
"""Pixels of height from which on plots and tabs lie one above the other."""
USUAL = QSize(*MONITOR_SIZE)
"""Enough for the table and readable plots, tabs beside them, and the window keeps room for what it is for."""


class MonitorPanel(QWidget):
    """Lays everything out; shows what it is given.

    Signals:
        seenChanged: somebody can see it now, or nobody can any more.
    """

    seenChanged = pyqtSignal(bool)

    def __init__(self, service: WebSocketService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bar = MonitorBar(self)
        self.windows, self.buttons, self.legend, self.news = (
            self.bar.windows,
            self.bar.buttons,
            self.bar.legend,
            self.bar.news,
        )
        self.lines = LinesModel(self)
        self.table = LineTable(self.lines, self)
        self.plots = MonitorPlots(self, limits=service.config.alert_limits)
        self.components = ComponentsTab(service, self)
        self.alerts = AlertsTab(service, self)
        self.advice = AdviceTab(service, self)
        self.incidents = IncidentsTab(self)
        self.timeline = TimelineTab(self)
        self.heat = HeatTab(service, self)
        self.events = EventsTab(self)
        self.rest = RestTab(self)
        self.frames = FramesTab(service, self)
        self.tabs = QTabWidget(self)
        self._titles: dict[QWidget, str] = {
            self.components: mark("Components"),
            self.alerts: mark("Alerts"),
            self.incidents: mark("Incidents"),
            self.timeline: mark("Timeline"),
            self.heat: mark("Heat maps"),
            self.advice: mark("Advice"),
            self.events: mark("Events"),
            self.rest: mark("REST"),
            self.frames: mark("Frames"),
        }
        for tab in self._titles:
            self.tabs.addTab(tab, "")
        self.drill: DrillTab | None = None
        self._service = service
        self.timeline.opened.connect(self._on_opened)
        self.hint = plain_label("", self)
        self.hint.setWordWrap(True)
        self.last_event = plain_label("", self)
        self.program = plain_label("", self)
        self._alert_count = 0
        for ws_type, box in self.legend.items():
            box.toggled.connect(lambda shown, line=ws_type: self.plots.set_line_visible(line, shown))
        self._arrange()
        self.retranslate()
        self.apply_palette()

    def _arrange(self) -> None:
        self.split = QSplitter(Qt.Orientation.Vertical, self)
        self.split.addWidget(self.plots)
        self.split.addWidget(self.tabs)
        self.split.setStretchFactor(0, 3)
        self.split.setStretchFactor(1, 2)
        self.split.setSizes([360, 220])
        self.split.setChildrenCollapsible(False)
        self.tabs.setMinimumHeight(TABS_LEAST)
        layout = QVBoxLayout(self)
        spaced(layout, Step.SMALL, Step.SMALL)
        layout.addWidget(self.bar)
        layout.addWidget(self.table)
        layout.addWidget(self.hint)
        layout.addWidget(self.split, 1)
        foot = QHBoxLayout()
        foot.addWidget(self.last_event, 1)
        foot.addWidget(self.program)
        layout.addLayout(foot)

    def sizeHint(self) -> QSize:
        """Return the room for everything, no more: whatever it is docked to was there first."""
        others = self.minimumSizeHint().height() - self.split.minimumSizeHint().height()
        least = max(self.plots.minimumHeight(), self.tabs.minimumSizeHint().height())
        return QSize(USUAL.width(), max(USUAL.height(), others + least))

    def retranslate(self) -> None:
        """Say everything in the language in force."""
        parts = (self.bar, self.plots, self.lines, self.table, self.components, self.alerts, self.advice, self.frames)
        for part in (*parts, self.timeline, self.heat):
            part.retranslate()
        if self.drill is not None:
            self.drill.retranslate()
        for tab, title in self._titles.items():
            self.tabs.setTabText(self.tabs.indexOf(tab), tr(title))
        self.show_alert_count(self._alert_count)
        self.tabs.setAccessibleName(tr("Details"))
        self.last_event.setAccessibleName(tr("Last event"))
        self.program.setAccessibleName(tr("This program"))

    def arrange_for(self, size: QSize) -> None:
        """Put plots and tabs side by side where there is little height and much width, else one above the other.

        Args:
            size: that there is for the panel; where it is too little for either, the panel is larger than it.
        """
        self.bar.fit(size.width())
        low = size.height() < HIGH
        orientation = Qt.Orientation.Horizontal if low and size.width() >= WIDE else Qt.Orientation.Vertical
        if orientation is not self.split.orientation():
            self.split.setOrientation(orientation)
            self.split.setSizes([3000, 2000])

    def apply_palette(self) -> None:
        """Draw in the colours of the palette in force."""
        self.lines.apply_palette(self.palette())

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the palette."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange and hasattr(self, "program"):
            self.apply_palette()

    def show_program(self, text: str, reasons: str) -> None:
        """Tell how the program itself does."""
        self.program.setText(text)
        self.program.setToolTip(tip_text(reasons or text))

    def show_last(self, text: str) -> None:
        """Tell what happened last."""
        self.last_event.setText(text)
        self.last_event.setToolTip(tip_text(text))

    def offer_drill(self, control: str) -> None:
        """Have a tab in which outages are tried on the exchange of this control path; once."""
        if self.drill is None:
            self.drill = DrillTab(self._service, FaultControl(control), self)
            self._titles[self.drill] = mark("Fault drill")
            self.tabs.addTab(self.drill, tr(self._titles[self.drill]))

    def show_alert_count(self, count: int) -> None:
        """Tell how many alerts wait for somebody."""
        self._alert_count = count
        text = f"{tr('Alerts')} ({count})" if count else tr("Alerts")
        self.tabs.setTabText(self.tabs.indexOf(self.alerts), text)

    def _on_opened(self, entry: Entry) -> None:
        self.tabs.setCurrentWidget(self.incidents)
        self.incidents.choose(entry)

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
