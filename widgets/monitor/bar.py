"""The bar above the table of connections: spans of time, what can be done, and which lines the plots show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QRect, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QAction, QActionGroup, QColor, QIcon, QPainter, QPalette, QPixmap
from PyQt6.QtWidgets import QButtonGroup, QCheckBox, QHBoxLayout, QMenu, QToolButton, QWidget

from upbit_ws_qt import WebSocketType

from ..base.icons import icon
from ..base.labels import plain_label
from ..base.spacing import spaced
from ..base.text import mark, tr
from ..base.theme import colours_of
from ..base.tokens import BOLD_STROKE, FRAME, space
from .extra import EXTRAS
from .words import line_name

if TYPE_CHECKING:
    from PyQt6.QtGui import QPaintEvent
    from PyQt6.QtWidgets import QAbstractButton

__all__ = ["WINDOWS", "MonitorBar"]

_Style = Qt.ToolButtonStyle
SESSION = 24 * 3600.0
ROOMY = 1080
"""Pixels of width from which on signs have their words beside them."""
WINDOWS = (
    (60.0, mark("1m"), mark("The last minute")),
    (300.0, mark("5m"), mark("The last five minutes")),
    (900.0, mark("15m"), mark("The last quarter of an hour")),
    (SESSION, mark("all"), mark("This session, at most a day")),
)
_ACTIONS = (
    ("pause", "pause", mark("Pause"), mark("Freeze the view; recording goes on")),
    ("reset", "reset", mark("Reset"), mark("Count reconnects, bytes, gaps and drops from now on")),
    ("csv", "table", mark("CSV"), mark("Save the figures of this window as a table")),
    ("png", "picture", mark("PNG"), mark("Save a picture of the monitor")),
    (
        "copy",
        "copy",
        mark("Copy diagnostics"),
        mark("Copy versions, figures and the last events as text, without keys"),
    ),
    (
        "report",
        "report",
        mark("Report"),
        mark("All that somebody who helps needs in one file, without keys"),
    ),
)


class MonitorBar(QWidget):
    """Buttons and check boxes; what they do is the dock's and the plots' business.

    Attributes:
        windows: the spans of time, numbered as in WINDOWS.
        buttons: "pause", "reset", "csv", "png", "copy" and "report".
        news: what was recorded while the view is frozen.
        legend: which connections the plots show.
        more: the choice of one more plot.

    Signals:
        extraChosen: one more figure is to be shown, by its metric; "" for none.
    """

    extraChosen = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.windows = QButtonGroup(self)
        self.buttons = {name: _Choice(self) for name, *_ in _ACTIONS}
        self.legend = {ws_type: QCheckBox(self) for ws_type in WebSocketType}
        self.news = plain_label("", self)
        self.more = QToolButton(self)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self.more)
        self._choices = QActionGroup(self)
        for metric in ("", *EXTRAS):
            action = QAction(self._menu)
            action.setData(metric)
            action.setCheckable(True)
            action.setChecked(not metric)
            self._choices.addAction(action)
            self._menu.addAction(action)
        self.more.setMenu(self._menu)
        self._choices.triggered.connect(lambda action: self.extraChosen.emit(action.data()))
        bar = QHBoxLayout(self)
        spaced(bar)
        for number, _ in enumerate(WINDOWS):
            button = _Choice(self)
            button.setCheckable(True)
            self.windows.addButton(button, number)
            bar.addWidget(button)
        self._window(0).setChecked(True)
        bar.addSpacing(space().medium)
        for name, *_ in _ACTIONS:
            bar.addWidget(self.buttons[name])
        self.buttons["pause"].setCheckable(True)
        bar.addWidget(self.news)
        bar.addStretch()
        bar.addWidget(self.more)
        for box in self.legend.values():
            box.setChecked(True)
            bar.addWidget(box)
        for checkable in (*self.windows.buttons(), self.buttons["pause"]):
            checkable.toggled.connect(self.apply_palette)
        self.fit(ROOMY)
        self.apply_palette()

    def fit(self, width: int) -> None:
        """Do without words where there is little width (pixels): the tool tips have them."""
        self._roomy = roomy = width >= ROOMY
        self.more.setText(tr("One more plot") if roomy else "+")
        for button in self.buttons.values():
            button.setToolButtonStyle(_Style.ToolButtonTextBesideIcon if roomy else _Style.ToolButtonIconOnly)

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the palette."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange and hasattr(self, "news"):
            self.apply_palette()

    def retranslate(self) -> None:
        """Say everything in the language in force."""
        for number, (_, text, hint) in enumerate(WINDOWS):
            button = self._window(number)
            button.setText(tr(text))
            button.setToolTip(tr(hint))
            button.setAccessibleName(tr(hint))
        for name, _, text, hint in _ACTIONS:
            self.buttons[name].setText(tr(text))
            self.buttons[name].setToolTip(f"{tr(text)}: {tr(hint)}")
            self.buttons[name].setAccessibleName(tr(text))
            self.buttons[name].setAccessibleDescription(tr(hint))
        for action in self._choices.actions():
            action.setText(tr(EXTRAS[action.data()].title) if action.data() else tr("No more"))
        self.more.setText(tr("One more plot") if self._roomy else "+")
        self.more.setAccessibleName(tr("One more plot"))
        self.more.setToolTip(tr("One more figure on the same axis of time"))
        for ws_type, box in self.legend.items():
            box.setText(line_name(ws_type))
            box.setAccessibleName(tr("Show {name} in the plots", name=line_name(ws_type)))
        self.news.setAccessibleName(tr("Recorded while paused"))

    def apply_palette(self) -> None:
        """Draw in the colours of the palette in force; what is chosen can be seen on dark, too."""
        colours = colours_of(self.palette())
        for button in (*self.windows.buttons(), self.buttons["pause"]):
            palette = QPalette()
            if button.isChecked():
                palette.setColor(QPalette.ColorRole.Button, QColor(colours.accent))
                palette.setColor(QPalette.ColorRole.ButtonText, QColor(colours.base))
            if palette != button.palette():
                button.setPalette(palette)
        ratio = self.devicePixelRatioF()
        for ws_type, box in self.legend.items():
            box.setIcon(_line_icon(QColor(colours.lines[ws_type]), ratio))
        pause = self.buttons["pause"]
        # A style sheet has a ground of its own for what is checked.
        on_accent = pause.isChecked() and not pause.testAttribute(Qt.WidgetAttribute.WA_StyleSheetTarget)
        for name, sign, _, _ in _ACTIONS:
            colour = colours.base if name == "pause" and on_accent else colours.text
            self.buttons[name].setIcon(icon(sign, self.palette(), colour))

    def _window(self, number: int) -> QAbstractButton:
        button = self.windows.button(number)
        assert button is not None
        return button


class _Choice(QToolButton):
    """A button that is underlined while it is checked: a style sheet takes the colour away by which that is seen."""

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the line over it."""
        super().paintEvent(event)
        if self.isChecked():
            painter = QPainter(self)
            air, thick = space().small, int(BOLD_STROKE)
            line = QRect(air, self.height() - thick - FRAME, self.width() - 2 * air, thick)
            painter.fillRect(line, QColor(colours_of(self._ground()).accent))
            painter.end()

    def _ground(self) -> QPalette:
        """Return the palette of what it lies on; its own has the colours of the button."""
        parent = self.parentWidget()
        return self.palette() if parent is None else parent.palette()


def _line_icon(colour: QColor, ratio: float) -> QIcon:
    """Return the stroke of a curve, as a legend has it."""
    picture = _empty_picture(ratio)
    painter = QPainter(picture)
    side, thick = space().icon, int(BOLD_STROKE)
    painter.fillRect(QRectF(0, (side - thick) / 2, side, thick), colour)
    painter.end()
    return QIcon(picture)


def _empty_picture(ratio: float) -> QPixmap:
    side = round(space().icon * ratio)
    picture = QPixmap(side, side)
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    return picture
