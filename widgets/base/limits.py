"""What load, or the exchange, took from a panel: said in the panel itself, in a word, with the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtGui import QColor, QPalette
from PyQt6.QtWidgets import QMenu, QToolButton

from .text import said, tr
from .theme import colours_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import WebSocketService

__all__ = ["Limit", "LimitsButton", "given_up", "undo_until_back"]


@dataclass(frozen=True, slots=True)
class Limit:
    """One thing that a panel shows less of than was asked for.

    Attributes:
        word: what, in a word or two, in the language in force.
        why: the whole of it, in a sentence.
        way_back: what the way back is called.
        undo: goes it.
    """

    word: str
    why: str
    way_back: str
    undo: Callable[[], object]


class LimitsButton(QToolButton):
    """Stands beside a panel's tools while the panel is limited; its menu says why, and has the way back.

    Signals:
        monitorRequested: its user wants to see in the monitor what it is about.
    """

    monitorRequested = pyqtSignal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.limits: tuple[Limit, ...] = ()
        self.setAutoRaise(True)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._menu = QMenu(self)
        self.setMenu(self._menu)
        self.restyle()
        self.hide()

    def show_limits(self, limits: Iterable[Limit]) -> None:
        """Say these; nothing for none."""
        self.limits = tuple(limits)
        self._menu.clear()
        for limit in self.limits:
            reason = self._menu.addAction(limit.why)
            if reason is not None:
                reason.setEnabled(False)
            self._menu.addAction(limit.way_back, limit.undo)
        self._menu.addSeparator()
        self._menu.addAction(tr("See it in the connection monitor"), self.monitorRequested)
        words = " · ".join(limit.word for limit in self.limits)
        self.setText(f"⚠ {words}  ")  # the style draws the sign of the menu over the end
        self.setToolTip("\n".join(limit.why for limit in self.limits))
        self.setAccessibleName(words)
        self.setVisible(bool(self.limits))

    def restyle(self) -> None:
        """Take the colour of a warning; the panel's palette is the newer one while a theme changes."""
        panel, palette = self.parentWidget(), self.palette()
        colours = colours_of(palette if panel is None else panel.palette())
        palette.setColor(QPalette.ColorRole.ButtonText, QColor(colours.warn))
        self.setPalette(palette)


def given_up(service: WebSocketService) -> dict[str, str]:
    """Return what is given up under load at the moment, by kind, and why, in the language in force."""
    latest = {step.kind: step for step in service.adaptations()}
    return {str(kind): said(step.because) for kind, step in latest.items() if step.applied}


def undo_until_back(service: WebSocketService, kinds: Iterable[str]) -> None:
    """Take back what was given up, the latest first, until none of `kinds` is given up any more."""
    wanted = frozenset(kinds)
    while wanted & given_up(service).keys() and service.undo_adaptation():
        pass
