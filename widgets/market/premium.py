"""What each coin costs directly, beside what it costs by way of bitcoin and of USDT."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QDoubleSpinBox

from upbit_ws_qt import Phrase

from ..base.countries import quotes_in
from ..base.market_marks import market_marks
from ..base.panel import plain_label
from ..base.price_format import DASH, percent_text, price_text, prices_decimals, quote_of
from ..base.tables import fit_columns
from ..base.text import mark, tr
from .board import Wish
from .cross import CrossPremium, beyond, cross_markets, cross_premium
from .rows import MarketRow, MarketRowsModel, MarketTablePanel, change_text

if TYPE_CHECKING:
    from PyQt6.QtGui import QColor
    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import WebSocketService

    from ..base.market_catalog import MarketCatalog

__all__ = ["CrossPremiumWidget"]

_SAMPLES = ("▸ KRW-WWWWW", "이더리움클래식", "123,456,000", "123,456,000", "▲ +12.34%", "123,456,000", "▲ +12.34%")
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class _Row(MarketRow):
    premium: CrossPremium = CrossPremium("", Decimal(0))  # noqa: RUF009 - it is frozen


class _Model(MarketRowsModel[_Row]):
    headings = (
        mark("Market"), mark("Name"), mark("Price"), mark("By BTC"), mark("Premium (BTC)"), mark("By USDT"),
        mark("Premium (USDT)"),
    )  # fmt: skip
    numbers = frozenset({2, 3, 4, 5, 6})
    threshold = Decimal(0)

    def text(self, row: _Row, column: int) -> str:
        """Return what a cell shows."""
        figure = self._figure(row, column)
        if column < 3:
            return super().text(row, column)
        if column in (3, 5):
            code = row.market.code
            return DASH if figure is None else price_text(code, figure, prices_decimals(code, (row.event.trade_price,)))
        return self._loud(figure) + change_text(figure)

    def _loud(self, figure: Decimal | None) -> str:
        return "! " if figure is not None and self.threshold and abs(figure) >= self.threshold else ""

    def sort_key(self, row: _Row, column: int) -> Any:
        """Return what rows are sorted by."""
        return super().sort_key(row, column) if column < 3 else self._figure(row, column)

    def _figure(self, row: _Row, column: int) -> Decimal | None:
        found = row.premium
        return {3: found.by_btc, 4: found.btc_premium, 5: found.by_usdt, 6: found.usdt_premium}.get(column)

    def colour(self, row: _Row, column: int) -> QColor | None:
        """Return the colour of a premium or a discount; that of a warning beyond the threshold."""
        figure = self._figure(row, column)
        if column == 1:
            return super().colour(row, column)
        if column not in (4, 6) or not figure:
            return None
        if self._loud(figure):
            return self.warning
        return self.up if figure > 0 else self.down

    def hint(self, row: _Row, column: int) -> str:
        """Return how a premium is reckoned."""
        if column < 3:
            return super().hint(row, column)
        way = "BTC" if column < 5 else "USDT"
        coin = row.premium.coin
        return tr(
            "{money}-{coin} beside {way}-{coin} × {money}-{way}, of last trades",
            coin=coin,
            way=way,
            money=quote_of(row.market.code),
        )


class CrossPremiumWidget(MarketTablePanel):
    """The premium of each coin's won market over its bitcoin and USDT markets, largest first.

    Example:
        >>> premium = CrossPremiumWidget(service, MarketCatalog(service.rest))
        >>> premium.set_threshold(Decimal("0.02"))
        >>> premium.beyondChanged.connect(print)

    Args:
        service: where the data come from.
        catalog: which markets there are.
        parent: of the widget.

    Signals:
        symbolSelected(str): a row was double-clicked, or Enter pressed on it.
        beyondChanged(object): the coins at or beyond the threshold are others: a tuple of them, largest first.
        thresholdChanged(object): another threshold is in force.
    """

    beyondChanged = pyqtSignal(object)
    thresholdChanged = pyqtSignal(object)

    def __init__(self, service: WebSocketService, catalog: MarketCatalog, parent: QWidget | None = None) -> None:
        self._own = _Model()
        self._money = quotes_in(service.config.region)[0]
        super().__init__(service, catalog, self._own, parent)
        self.table.setObjectName("premiums")
        self._marks = market_marks(service)
        self._beyond: tuple[str, ...] = ()
        self.limit = QDoubleSpinBox(self)
        self.limit.setRange(0.0, 100.0)
        self.limit.setDecimals(2)
        self.limit.setSingleStep(0.1)
        self.limit.setSuffix(" %")
        self.limit.setValue(1.0)
        self.limit.valueChanged.connect(self._on_threshold)
        self._word = plain_label("", self)
        self._count = plain_label("", self)
        self.tools.addWidget(self._word)
        self.tools.addWidget(self.limit)
        self.tools.addWidget(self._count, 1)
        self._on_threshold()
        self.retranslate()
        self.restyle()

    @property
    def threshold(self) -> Decimal:
        """From which premium or discount on a coin is marked; 0.01 is 1 %, 0 marks none."""
        return self._own.threshold

    def set_threshold(self, threshold: Decimal) -> None:
        """Mark coins from another premium on; clamped to 0 … 1."""
        self.limit.setValue(float(threshold * _HUNDRED))

    @property
    def premiums(self) -> tuple[CrossPremium, ...]:
        """What is shown, of each coin."""
        return tuple(row.premium for row in self._own.usual)

    def _on_threshold(self) -> None:
        self._own.threshold = Decimal(f"{self.limit.value():.2f}") / _HUNDRED
        self.refresh()
        self.thresholdChanged.emit(self.threshold)

    # -- hooks --------------------------------------------------------------------------------------------------------
    def wish(self) -> Wish:
        """Want the tickers of all markets of the coins that have a way round."""
        found = cross_markets([market.code for market in self.catalog.markets], self._money)
        ways = {f"{self._money}-{code.partition('-')[0]}" for codes in found.values() for code in codes[1:]}
        return Wish(frozenset(ways.union(*found.values())) if found else frozenset())

    def refresh(self) -> None:
        """Reckon them."""
        rows = []
        for coin in cross_markets([market.code for market in self.catalog.markets], self._money):
            event = self.board.of(f"{self._money}-{coin}").event
            found = cross_premium(coin, self._price_of, self._money)
            if found is not None and found.largest is not None and event is not None:
                market = self.catalog.get(event.code)
                rows.append(_Row(market, event, event.signed_change_rate, self._marks.of(event.code), premium=found))
        rows.sort(key=lambda row: abs(row.premium.largest or Decimal(0)), reverse=True)
        self._own.replace(rows)
        loud = beyond(self.premiums, self.threshold) if self.threshold else []
        self._count.setText(tr("{count} at or beyond it", count=len(loud)) if rows and self.threshold else "")
        coins = tuple(each.coin for each in loud)
        if coins != self._beyond:
            self._beyond = coins
            self.beyondChanged.emit(coins)

    def _price_of(self, code: str) -> Decimal | None:
        event = self.board.of(code).event
        return None if event is None else event.trade_price

    def retranslate(self) -> None:
        """Say everything anew."""
        self.setAccessibleName(tr("Cross premium"))
        self.table.setAccessibleName(tr("Cross premium"))
        self._word.setText(tr("Mark from"))
        self.limit.setAccessibleName(tr("Mark from"))
        line = self.limit.lineEdit()
        if line is not None:
            line.setAccessibleName(tr("Mark from"))
        self.limit.setToolTip(
            tr("Premiums and discounts of at least {limit} are marked", limit=percent_text(self.threshold))
        )
        self._own.retranslate()
        fit_columns(self.table, _SAMPLES, (1, 5, 3))
        if not self.had_data:
            self.show_loading(Phrase(mark("Waiting for the connection…")))
        self.refresh()
