"""Which groupings of prices a market's book can be asked for: as the exchange says, else by the rule of ticks."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, pyqtSignal, pyqtSlot

from ..base.asking import Question
from ..base.price_format import group_levels

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt import RestClient, RestInstrument

__all__ = ["GroupingLevels"]

_MOST_MARKETS = 500
_MOST_LEVELS = 20
_ZERO = Decimal(0)


class GroupingLevels(QObject):
    """Asks once a market, and again when its price has gone where other ticks hold.

    Args:
        rest: returns where to ask.
        parent: of the QObject.

    Signals:
        changed(str): the exchange has told the levels of this market; they may be others than those of the rule.
    """

    changed = pyqtSignal(str)

    def __init__(self, rest: Callable[[], RestClient], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rest = rest
        self._asked: dict[str, tuple[Decimal, ...]] = {}  # what the rule gave when the exchange was asked
        self._told: dict[str, tuple[Decimal, ...]] = {}

    def levels(self, market: str, price: Decimal) -> tuple[Decimal, ...]:
        """Return the levels at a price, 0 (none) first; those of the rule while, or where, the exchange is silent."""
        rule = group_levels(market, price)
        if len(rule) == 1:
            return rule  # only KRW markets have any
        if self._asked.get(market) != rule:
            self._ask(market, rule)
        return self._told.get(market, rule)

    def _ask(self, market: str, rule: tuple[Decimal, ...]) -> None:
        if len(self._asked) >= _MOST_MARKETS:
            self._asked.clear()
            self._told.clear()
        self._asked[market] = rule
        self._told.pop(market, None)
        # Where there is no answer the rule goes on.
        Question(self._rest().instruments(market), self).done.connect(self._on_done)

    @pyqtSlot(object)
    def _on_done(self, found: tuple[RestInstrument, ...]) -> None:
        for each in found:
            levels = sorted({level for level in each.supported_levels if level >= 0} | {_ZERO})
            if each.market in self._asked and len(levels) <= _MOST_LEVELS:
                self._told[each.market] = tuple(levels)
                self.changed.emit(each.market)
