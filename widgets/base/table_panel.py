"""The base of panels that are a table of what the account did: drawn a few times a second, and only while seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QVBoxLayout

from upbit_ws_qt import WebSocketType

from .event_panel import EventPanel
from .panel_table import menu_text
from .spacing import spaced
from .tables import dim_colour, plain_table
from .text import tr

if TYPE_CHECKING:
    from PyQt6.QtCore import QModelIndex
    from PyQt6.QtWidgets import QMenu, QWidget

    from upbit_ws_qt import WebSocketService

    from .tables import RowsModel

__all__ = ["TablePanel"]

_FLUSH_MS = 250  # figures that change faster cannot be read


class TablePanel(EventPanel):
    """A panel over the private line with one table.

    Subclasses fill the model in `refresh`, call `refresh_soon` when something has changed, and say in `market_at` what
    a row is about.

    Args:
        service: where the data come from.
        component_id: the name in statistics.
        model: what the table shows; its `muted` colour follows the theme.
        parent: of the widget.

    Signals:
        symbolActivated(str): the market of a row was chosen by double-click or Enter.
    """

    symbolActivated = pyqtSignal(str)

    def __init__(
        self, service: WebSocketService, component_id: str, model: RowsModel[Any], parent: QWidget | None = None
    ) -> None:
        super().__init__(service, WebSocketType.PRIVATE, component_id, parent)
        model.setParent(self)
        self._rows_model = model
        self.table = plain_table(model, self.body)
        self.table.activated.connect(self._on_activated)
        self.table.rowMenuRequested.connect(self._on_row_menu)
        self.begin_at(self.table)
        self.rows = QVBoxLayout(self.body)
        spaced(self.rows)
        self.rows.addWidget(self.table)
        self._flush = QTimer(self)
        self._flush.setSingleShot(True)
        self._flush.setInterval(_FLUSH_MS)
        self._flush.timeout.connect(self.refresh)

    # -- hooks --------------------------------------------------------------------------------------------------------
    def refresh(self) -> None:
        """Show what is known now."""
        raise NotImplementedError

    def market_at(self, place: int) -> str:
        """Return the market of a row; empty where it has none."""
        raise NotImplementedError

    # -- for subclasses -----------------------------------------------------------------------------------------------
    def refresh_soon(self) -> None:
        """Show it in a moment, with what comes meanwhile."""
        if self.isVisible() and not self._flush.isActive():
            self._flush.start()

    # -- inside -------------------------------------------------------------------------------------------------------
    def activate(self) -> None:
        """Show what has come while hidden."""
        self.refresh()

    def deactivate(self) -> None:
        """Draw nothing any more."""
        self._flush.stop()

    @pyqtSlot("QModelIndex")
    def _on_activated(self, index: QModelIndex) -> None:
        market = self.market_at(index.row())
        if market:
            self.symbolActivated.emit(market)

    @pyqtSlot("QMenu*", "QModelIndex")
    def _on_row_menu(self, menu: QMenu, index: QModelIndex) -> None:
        market = self.market_at(index.row()) if index.isValid() else ""
        if market:
            menu.addAction(tr("Show {code}", code=menu_text(market)), lambda: self.symbolActivated.emit(market))

    def restyle(self) -> None:
        """Take colours and dimming over."""
        if hasattr(self, "table"):
            model: Any = self._rows_model
            model.muted = QColor(self.colours.muted)
            model.set_dim(dim_colour(self.colours, dimmed=self.dimmed))
