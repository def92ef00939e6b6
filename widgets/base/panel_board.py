"""How the panels over a service stand, by the component their data come by: the monitor says of them what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakSet

from PyQt6 import sip
from PyQt6.QtCore import QObject, pyqtSignal

if TYPE_CHECKING:
    from upbit_ws_qt import WebSocketService

    from .panel import Panel

__all__ = ["PanelBoard", "Standing", "panel_board"]

_RANKS = ("idle", "good", "warn", "bad")


class Standing(NamedTuple):
    """What a panel shows now.

    Attributes:
        level: "good" where it is the present and whole, "warn" where it is old or less than was asked for, "bad" where
            nothing can be shown, "idle" where nothing has to be.
        text: in the language in force.
    """

    level: str
    text: str


class PanelBoard(QObject):
    """Knows the panels over one service; it goes with the service.

    Signals:
        monitorRequested(str): somebody wants to see in the monitor how a component does.
    """

    monitorRequested = pyqtSignal(str)

    def __init__(self, service: WebSocketService) -> None:
        super().__init__(service)
        self._panels: WeakSet[Panel] = WeakSet()

    def add(self, panel: Panel) -> None:
        """Know a panel for as long as it lives."""
        self._panels.add(panel)

    def panels_of(self, component_id: str) -> list[Panel]:
        """Return the panels whose data come by a component; none for a component that is no panel of ours."""
        living = [panel for panel in self._panels if not sip.isdeleted(panel)]
        return [panel for panel in living if panel.proxy is not None and panel.proxy.component_id == component_id]

    def standing_of(self, component_id: str) -> Standing | None:
        """Return how the worst of those panels stands; None where there is none."""
        standings = [panel.standing() for panel in self.panels_of(component_id)]
        return max(standings, key=lambda standing: _RANKS.index(standing.level), default=None)


def panel_board(service: WebSocketService) -> PanelBoard:
    """Return the one board of a service."""
    return next(iter(service.findChildren(PanelBoard)), None) or PanelBoard(service)
