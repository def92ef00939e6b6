"""Tables of markets: which market a row is, its price, and figures as they are written everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from PyQt6.QtCore import QModelIndex, pyqtSlot
from PyQt6.QtWidgets import QVBoxLayout

from ..base.copying import exact_number
from ..base.look import legible
from ..base.market_marks import marks_hint, marks_text
from ..base.panel_table import menu_text
from ..base.price_format import DASH, arrow, percent_text, price_text, short_money_text
from ..base.spacing import spaced
from ..base.tables import RowsModel, dim_colour, plain_table
from ..base.text import Language, current_language, mark, tr
from .board_panel import BoardPanel

if TYPE_CHECKING:
    from PyQt6.QtGui import QColor
    from PyQt6.QtWidgets import QMenu, QWidget

    from upbit_ws_qt import TickerEvent, WebSocketService

    from ..base.market_catalog import Market, MarketCatalog
    from ..base.market_marks import MarketMark

__all__ = ["MarketRow", "MarketRowsModel", "MarketTablePanel", "change_text"]


@dataclass(frozen=True, slots=True)
class MarketRow:
    """One market as a table shows it.

    Attributes:
        market: which.
        event: its newest ticker.
        change: by how much it is up (0.01 is 1 %), over whatever time the table is about; None where unknown.
        marks: what the exchange warns of.
        figures: of the columns that follow the usual ones.
    """

    market: Market
    event: TickerEvent
    change: Decimal | None
    marks: tuple[MarketMark, ...] = ()
    figures: tuple[Decimal | None, ...] = ()


_R = TypeVar("_R", bound=MarketRow)


def change_text(change: Decimal | None) -> str:
    """Return a change with arrow and sign; a dash where it is not known."""
    return DASH if change is None else f"{arrow(change)} {percent_text(change)}".strip()


class MarketRowsModel(RowsModel[_R], Generic[_R]):
    """Market, name, price, change, value; further columns are a subclass's."""

    headings: tuple[str, ...] = (mark("Market"), mark("Name"), mark("Price"), mark("Change"), mark("24 h"))
    numbers: frozenset[int] = frozenset({2, 3, 4})
    up: QColor | None = None
    down: QColor | None = None
    warning: QColor | None = None
    linked = ""

    def key(self, row: _R) -> str:
        """Return the market's code."""
        return row.market.code

    def text(self, row: _R, column: int) -> str:
        """Return what a cell shows."""
        event = row.event
        match column:
            case 0:
                return ("▸ " if row.market.code == self.linked else "") + row.market.code
            case 1:
                warning = marks_text(row.marks)
                return f"{row.market.name}  ⚠ {warning}" if warning else row.market.name
            case 2:
                return price_text(event.code, event.trade_price)
            case 3:
                return change_text(row.change)
            case _:
                korean = current_language() is Language.KOREAN
                return short_money_text(event.acc_trade_price_24h, korean=korean)

    def sort_key(self, row: _R, column: int) -> Any:
        """Return what rows are sorted by."""
        match column:
            case 0:
                return row.market.code
            case 1:
                return row.market.name
            case 2:
                return row.event.trade_price
            case 3:
                return row.change
            case _:
                return row.event.acc_trade_price_24h

    def colour(self, row: _R, column: int) -> QColor | None:
        """Return the colour of rising or falling."""
        if column == 1 and row.marks:
            return self.warning
        if column not in (2, 3) or not row.change:
            return None
        return self.up if row.change > 0 else self.down

    def hint(self, row: _R, column: int) -> str:
        """Return names and warnings."""
        if column > 1:
            return ""
        lines = [f"{row.market.korean_name} · {row.market.english_name} · {row.market.code}"]
        if row.marks:
            lines.append(marks_hint(row.marks))
        if row.market.code == self.linked:
            lines.append(tr("The panels show this market."))
        return "\n".join(lines)

    def exact(self, row: _R, column: int) -> str | None:
        """Return figures with all their digits."""
        if column < 2:
            return None
        figure = self.sort_key(row, column)
        return exact_number(figure) if isinstance(figure, Decimal) else ""


class MarketTablePanel(BoardPanel):
    """A panel over the whole market with one table of markets.

    Args:
        service: where the data come from.
        catalog: which markets there are.
        model: what the table shows.
        parent: of the widget.
    """

    def __init__(
        self,
        service: WebSocketService,
        catalog: MarketCatalog,
        model: MarketRowsModel[Any],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(service, catalog, parent)
        model.setParent(self)
        self.model = model
        self.table = plain_table(model, self.body)
        self.table.activated.connect(self._on_activated)
        self.table.rowMenuRequested.connect(self._on_row_menu)
        self.begin_at(self.table)
        self.rows = QVBoxLayout(self.body)
        spaced(self.rows)
        self.rows.addWidget(self.table)

    def code_at(self, place: int) -> str:
        """Return the market of a row; empty where there is none."""
        return self.model.rows[place].market.code if 0 <= place < len(self.model.rows) else ""

    def set_symbol(self, code: str) -> None:
        """Mark the market that the linked panels show."""
        self.model.linked = code
        super().set_symbol(code)

    def restyle(self) -> None:
        """Take colours and dimming over."""
        if not hasattr(self, "table"):
            return
        colours, market = self.colours, self.market_colours
        grounds = colours.base, colours.alternate
        self.model.up = legible(market.up, colours.text, *grounds)
        self.model.down = legible(market.down, colours.text, *grounds)
        self.model.warning = legible(colours.warn, colours.text, *grounds)
        self.model.set_dim(dim_colour(colours, dimmed=self.dimmed))

    @pyqtSlot("QModelIndex")
    def _on_activated(self, index: QModelIndex) -> None:
        code = self.code_at(index.row())
        if code:
            self.symbolSelected.emit(code)

    @pyqtSlot("QMenu*", "QModelIndex")
    def _on_row_menu(self, menu: QMenu, index: QModelIndex) -> None:
        code = self.code_at(index.row()) if index.isValid() else ""
        if code:
            menu.addAction(tr("Show {code}", code=menu_text(code)), lambda: self.symbolSelected.emit(code))
