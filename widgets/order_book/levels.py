"""Which groupings of prices a market's book can be asked for: as the exchange says, else by the rule of ticks."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
from PyQt6.QtCore import QObject, pyqtSignal, pyqtSlot

from ..base.price_format import group_levels

if TYPE_CHECKING:
    from ..base.rest import RestClient

__all__ = ["GroupingLevels"]

_MOST_MARKETS = 500
_MOST_LEVELS = 20
_ZERO = Decimal(0)


class _Instrument(msgspec.Struct):
    """One market of /v1/orderbook/instruments."""

    market: str
    supported_levels: list[Decimal]


class GroupingLevels(QObject):
    """Asks once a market, and again when its price has gone where other ticks hold.

    Args:
        rest: where to ask.
        parent: of the QObject.

    Signals:
        changed(str): the exchange has told the levels of this market; they may be others than those of the rule.
    """

    changed = pyqtSignal(str)

    def __init__(self, rest: RestClient, parent: QObject | None = None) -> None:
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
        answer = self._rest.get("/v1/orderbook/instruments", {"markets": market}, self)
        answer.done.connect(self._on_done)

    @pyqtSlot(bytes)
    def _on_done(self, body: bytes) -> None:
        try:
            found = msgspec.json.decode(body, type=list[_Instrument], strict=False)
        except (msgspec.DecodeError, RecursionError):
            return  # the rule goes on
        for each in found:
            levels = sorted({level for level in each.supported_levels if level.is_finite() and level >= 0} | {_ZERO})
            if each.market in self._asked and len(levels) <= _MOST_LEVELS:
                self._told[each.market] = tuple(levels)
                self.changed.emit(each.market)
