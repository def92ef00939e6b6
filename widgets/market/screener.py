"""Markets that fit an expression of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout

from upbit_ws_qt import Phrase

from ..base.copying import exact_number
from ..base.labels import contained
from ..base.market_marks import market_marks
from ..base.panel import plain_label
from ..base.price_format import DASH, brief_text
from ..base.spacing import spaced
from ..base.tables import fit_columns
from ..base.text import mark, said, tr
from ..formulas.catalog import FORMULAS
from .board import Wish
from .board_panel import QuoteBox
from .expression import LONGEST_EXPRESSION, Figure, ScreenError, figures_of, parse_condition, truth_of
from .rows import MarketRow, MarketRowsModel, MarketTablePanel

if TYPE_CHECKING:
    from decimal import Decimal

    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import WebSocketService

    from ..base.market_catalog import MarketCatalog
    from .expression import Expression

__all__ = ["ScreenerWidget", "figure_text"]

USUAL_EXPRESSION = "change > 3 and value > 10억"
_MOST_FIGURES = 6
_SAMPLES = ("▸ KRW-WWWWW", "이더리움클래식", "123,456,000", "▲ +12.34%", "123.4B")
_BLOCKS = {
    "price": mark("Price"),
    "change": mark("Change today, %"),
    "change(1h)": mark("Change in 1 hour, %"),
    "change(5m)": mark("Change in 5 minutes, %"),
    "change(1m)": mark("Change in 1 minute, %"),
    "value": mark("Value of 24 h"),
    "volume": mark("Volume of 24 h"),
    "spread": mark("Spread, %"),
    "RSI(14, 1h)": mark("RSI of 1 h"),
    "MA(20, 1d)": mark("Average of 20 days"),
    "CCI(20, 1h)": mark("CCI of 1 h"),
    "ATR(14, 1h)": mark("ATR of 1 h"),
}
"""What the form offers; whoever types may have any formula of the chart."""
_SIGNS = ("<", "<=", ">", ">=")
_IN_TABLE = frozenset({"price", "value"})
"""Figures that the usual columns have."""


def figure_text(figure: Figure) -> str:
    """Return how a figure is written: "RSI(14, 60m)"."""
    formula = FORMULAS.get(figure.name)
    if formula is None:
        return figure.name if not figure.values else f"{figure.name}({figure.values[0]:g}m)"
    line = f".{formula.lines[figure.line].name}" if figure.line else ""
    parts = [*(f"{value:g}" for value in figure.values), figure.unit]
    return f"{formula.brief}{line}({', '.join(parts)})"


class _Model(MarketRowsModel[MarketRow]):
    figures: tuple[Figure, ...] = ()

    def show_figures(self, figures: tuple[Figure, ...]) -> None:
        """Have a column for each of these."""
        if figures == self.figures:
            return
        self.beginResetModel()
        self.figures = figures
        self.rows, self.usual = [], []
        self.headings = (*MarketRowsModel.headings, *map(figure_text, figures))
        self.numbers = frozenset(range(2, len(self.headings)))
        self.endResetModel()

    def heading(self, column: int) -> str:
        """Return what a column is called; a figure is called as it is written."""
        usual = len(MarketRowsModel.headings)
        return super().heading(column) if column < usual else self.headings[column]

    def text(self, row: MarketRow, column: int) -> str:
        """Return what a cell shows."""
        usual = len(MarketRowsModel.headings)
        if column < usual:
            return super().text(row, column)
        figure = self._figure(row, column)
        return DASH if figure is None else brief_text(figure)

    def _figure(self, row: MarketRow, column: int) -> Decimal | None:
        place = column - len(MarketRowsModel.headings)
        return row.figures[place] if place < len(row.figures) else None

    def sort_key(self, row: MarketRow, column: int) -> Any:
        """Return what rows are sorted by."""
        return super().sort_key(row, column) if column < len(MarketRowsModel.headings) else self._figure(row, column)

    def exact(self, row: MarketRow, column: int) -> str | None:
        """Return figures with all their digits."""
        if column < len(MarketRowsModel.headings):
            return super().exact(row, column)
        figure = self._figure(row, column)
        return "" if figure is None else exact_number(figure)


class ScreenerWidget(MarketTablePanel):
    """The markets that fit an expression, which is typed, or put together by a form.

    Example:
        >>> screener = ScreenerWidget(service, MarketCatalog(service.rest))
        >>> screener.set_expression("RSI(14, 1h) < 30 and value > 10억")
        True
        >>> screener.symbolSelected.connect(print)

    Args:
        service: where the data come from.
        catalog: which markets there are.
        parent: of the widget.

    Signals:
        symbolSelected(str): a row was double-clicked, or Enter pressed on it.
        expressionChanged(str): another expression is in force.
    """

    expressionChanged = pyqtSignal(str)

    def __init__(self, service: WebSocketService, catalog: MarketCatalog, parent: QWidget | None = None) -> None:
        self._own = _Model()
        super().__init__(service, catalog, self._own, parent)
        self.table.setObjectName("screener")
        self._marks = market_marks(service)
        self._expression = USUAL_EXPRESSION
        self._condition: Expression = parse_condition(USUAL_EXPRESSION)
        self.line = QLineEdit(USUAL_EXPRESSION, self)
        self.line.setMaxLength(LONGEST_EXPRESSION)
        self.line.setClearButtonEnabled(True)
        self.line.returnPressed.connect(self._on_entered)
        self.line.textEdited.connect(self._on_typed)
        self.quotes = QuoteBox(service.config.region, self)
        self.quotes.currentIndexChanged.connect(self.rewish)
        self.trouble = plain_label("", self)
        self.trouble.setWordWrap(True)
        self.trouble.hide()
        self.found = plain_label("", self)
        self._add_form()
        self.tools.addWidget(self.line, 1)
        self.tools.addWidget(self.quotes)
        self._show_condition()
        self.retranslate()
        self.restyle()

    def _add_form(self) -> None:
        self.blocks, self.signs = contained(QComboBox(self)), contained(QComboBox(self))
        for each in _BLOCKS:
            self.blocks.addItem("", each)
        self.signs.addItems(_SIGNS)
        self.number = QLineEdit(self)
        self.number.setMaxLength(20)
        self.number.returnPressed.connect(self.add_condition)
        self.add_button = QPushButton(self)
        self.add_button.clicked.connect(self.add_condition)
        form = QHBoxLayout()
        spaced(form)
        form.addWidget(self.blocks, 2)
        form.addWidget(self.signs)
        form.addWidget(self.number, 1)
        form.addWidget(self.add_button)
        outer = self.layout()
        assert isinstance(outer, QVBoxLayout)
        outer.insertLayout(1, form)
        outer.insertWidget(2, self.trouble)
        outer.addWidget(self.found)

    @property
    def expression(self) -> str:
        """The expression in force."""
        return self._expression

    def set_expression(self, text: str) -> bool:
        """Look for something else; False, and the panel says why, where the text cannot be understood."""
        text = text.strip()
        self.line.setText(text)
        try:
            condition = parse_condition(text)
        except ScreenError as error:
            self._tell(tr("{reason} (at character {place})", reason=said(error.reason), place=error.place + 1))
            self.line.setCursorPosition(error.place)
            return False
        self._tell("")
        if text != self._expression:
            self._expression, self._condition = text, condition
            self._show_condition()
            self.rewish()
            self.expressionChanged.emit(text)
        return True

    @pyqtSlot()
    def add_condition(self) -> bool:
        """Add what the form says to the expression; False, and the panel says why, where that makes no expression."""
        number = self.number.text().strip()
        if not number:
            self._tell(tr("A number is missing: 30, 1.5, 10억."))
            self.number.setFocus()
            return False
        added = f"{self.blocks.currentData()} {self.signs.currentText()} {number}"
        before = self.line.text().strip()
        if self.set_expression(f"{before} and {added}" if before else added):
            self.number.clear()
            return True
        self.line.setText(before)
        return False

    def _tell(self, text: str) -> None:
        self.trouble.setText(text)
        self.trouble.setVisible(bool(text))

    @pyqtSlot()
    def _on_entered(self) -> None:
        self.set_expression(self.line.text())

    @pyqtSlot()
    def _on_typed(self) -> None:
        """Say nothing of an expression that is being typed."""
        self._tell("")

    def _show_condition(self) -> None:
        figures = [
            each for each in figures_of(self._condition) if each.name not in _IN_TABLE and each != Figure("change")
        ]
        self._own.show_figures(tuple(sorted(figures, key=figure_text)[:_MOST_FIGURES]))
        fit_columns(self.table, (*_SAMPLES, *("000,000.0" for _ in self._own.figures)), (1, 4))

    # -- hooks --------------------------------------------------------------------------------------------------------
    def wish(self) -> Wish:
        """Want what the expression is about."""
        codes = [market.code for market in self.markets_of(self.quotes.currentText())]
        return Wish.of(codes, figures_of(self._condition))

    def refresh(self) -> None:
        """Look through all markets."""
        now, rows, unknown, listed = self.board.now, [], 0, 0
        for market in self.markets_of(self.quotes.currentText()):
            figures = self.board.of(market.code)
            listed += 1
            truth = truth_of(self._condition, lambda figure, each=figures: each.value(figure, now))  # type: ignore[misc]
            unknown += truth is None
            event = figures.event
            if truth and event is not None:
                values = tuple(figures.value(each, now) for each in self._own.figures)
                marks = self._marks.of(market.code)
                rows.append(MarketRow(market, event, event.signed_change_rate, marks, values))
        rows.sort(key=lambda row: row.event.acc_trade_price_24h, reverse=True)
        self._own.replace(rows)
        words = tr("{count} of {all} markets fit", count=len(rows), all=listed)
        if unknown:
            words += " · " + tr("{count} are not known yet", count=unknown)
        self.found.setText(words if self.had_data else "")
        self.table.set_note("" if rows or not self.had_data else tr("No market fits."))

    def retranslate(self) -> None:
        """Say everything anew."""
        self.setAccessibleName(tr("Screener"))
        self.table.setAccessibleName(tr("Screener"))
        self.line.setAccessibleName(tr("Expression"))
        self.line.setPlaceholderText(tr("RSI(14, 1h) < 30 and value > 10억"))
        self.line.setToolTip(
            tr("Figures: {figures}. Formulas of the chart with their parameters and a unit: {formulas}. Joined by and, "
               "or, not; 천 만 억 조, K M B T.",
               figures=tr("price, change, change(1h), value, volume, high, low, spread"),
               formulas="RSI(14, 1h), MA(20, 1d), MACD.signal(12, 26, 9, 4h)")
        )  # fmt: skip
        for place, title in enumerate(_BLOCKS.values()):
            self.blocks.setItemText(place, tr(title))
        self.blocks.setAccessibleName(tr("Figure"))
        self.signs.setAccessibleName(tr("Comparison"))
        self.number.setAccessibleName(tr("Number"))
        self.number.setPlaceholderText(tr("Number"))
        self.add_button.setText(tr("Add"))
        self.quotes.say()
        self._own.retranslate()
        self._show_condition()
        if not self.had_data:
            self.show_loading(Phrase(mark("Waiting for the connection…")))
        self.refresh()
