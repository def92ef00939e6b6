"""The tape of one market: its trades as they happen, the large ones alone where wished, and the trade strength."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from PyQt6.QtCore import QTimer, pyqtSlot
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QComboBox, QPushButton, QVBoxLayout

from upbit_ws_qt import (
    DataType,
    Delivery,
    GapEvent,
    GapReport,
    TickerEvent,
    TradeEvent,
    WebSocketService,
    WebSocketType,
)

from ..base.asking import Question
from ..base.kst import kst_clock
from ..base.look import legible
from ..base.market_panel import MarketPanel
from ..base.panel import plain_label
from ..base.past_trades import trade_of
from ..base.price_format import DASH, full_text, quote_of, short_money_text
from ..base.replay_watch import wall_clock
from ..base.spacing import Step, spaced
from ..base.tables import dim_colour, fit_columns, plain_table
from ..base.text import Language, current_language, tr
from .delegate import TapeDelegate
from .model import Column, TapeModel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import Channel, RestTrade, Subscription

__all__ = ["TapeWidget", "trade_strength"]

_FLUSH_MS = 100
_FEW = 100  # rows: with more of them there is no room below
_SAMPLES = ("00:00:00", "0,000", "▲ 0.00", "00,000", "Sell")  # what is longer makes its column wider
_GIVE_UP = (Column.SIDE, Column.FUNDS, Column.TIME, Column.VOLUME)  # where one would be cut off it is not shown at all
_HUNDRED = Decimal(100)
_FILTERS: dict[str, tuple[Decimal, ...]] = {
    "KRW": tuple(Decimal(10) ** power for power in range(5, 10)),
    "USDT": tuple(Decimal(10) ** power for power in range(2, 7)),
    "BTC": tuple(Decimal(10) ** power for power in range(-3, 2)),
}


def trade_strength(bid_volume: Decimal, ask_volume: Decimal) -> Decimal | None:
    """Return what was bought by takers for each 100 that was sold by them; None where nothing was sold."""
    return bid_volume / ask_volume * _HUNDRED if ask_volume else None


class TapeWidget(MarketPanel):
    """The last 500 trades, newest first; it holds still while it is scrolled down.

    Example:
        >>> tape = TapeWidget(service, "KRW-BTC")
        >>> tape.show()

    Args:
        service: where the data come from.
        symbol: market code; None waits for `set_symbol`.
        parent: of the widget.
    """

    def __init__(self, service: WebSocketService, symbol: str | None = None, parent: QWidget | None = None) -> None:
        super().__init__(service, symbol, "tape", parent)
        self.model = TapeModel(self)
        self.table = plain_table(self.model, self.body)
        self.table.setObjectName("tape")
        self.table.usually_without([Column.SIDE])
        self._delegate = TapeDelegate(self.model, self.table)
        self.table.setItemDelegate(self._delegate)
        self.strength = plain_label("", self)
        self.least = QComboBox(self)
        self.least.activated.connect(self._on_least)
        self.newer = QPushButton(self.body)
        self.newer.clicked.connect(self._on_newer)
        self.newer.hide()
        self.tools.addStretch()
        self.tools.addWidget(self.strength)
        self.tools.addWidget(self.least)
        layout = QVBoxLayout(self.body)
        spaced(layout, Step.NONE)
        layout.addWidget(self.newer)
        layout.addWidget(self.table)
        self.begin_at(self.table)
        self._strength: Decimal | None = None
        self._before: Question | None = None
        self._since = ""  # the first of the trades that are listed came after this
        self._flush = QTimer(self)
        self._flush.setInterval(_FLUSH_MS)
        self._flush.timeout.connect(self._on_flush)
        service.gapDetected.connect(self._on_gap)
        service.gapHealed.connect(self._on_gap_healed)
        self._offer_filters()
        self.retranslate()
        self.restyle()

    # -- wishes -------------------------------------------------------------------------------------------------------
    def subscribe(self) -> Iterable[Subscription]:
        """Want each trade, and the ticker for the day's strength."""
        self._since = self._since or kst_clock(int(wall_clock(self.service) * 1000))
        self.healing.be_about(DataType.TRADE, self.symbol)
        self._show_note()
        self._ask_before()
        yield self.proxy.subscribe_trade(self.symbol, self._on_trade)
        yield self.proxy.subscribe_ticker(self.symbol, self._on_ticker, delivery=Delivery.FRAME)

    def main_channel(self) -> Channel:
        """Be about the trades."""
        return self.service.trade(self.symbol)

    def forget(self) -> None:
        """Begin with an empty tape."""
        self.model.clear()
        self._strength = None
        self._since = ""
        self._offer_filters()
        self.retranslate()

    def begin_anew(self) -> None:
        """Show the trades before another moment of a recording."""
        super().begin_anew()
        self._ask_before()

    def _ask_before(self) -> None:
        """Ask a recording for the trades up to now."""
        if self._before is not None:
            self._before.cancel()
            self._before = None
        if self.service.clock is not None and self.symbol:
            self._before = Question(self.service.rest.trade_page(self.symbol), self)
            self._before.done.connect(self._on_before)

    @pyqtSlot(object)
    def _on_before(self, trades: tuple[RestTrade, ...]) -> None:
        self._before = None
        self.model.put_before(trade_of(each, recorded=True) for each in reversed(trades) if each.market == self.symbol)
        self._on_flush()

    def deactivate(self) -> None:
        """Want nothing while hidden; what is missed is marked."""
        super().deactivate()
        self._flush.stop()
        self.model.break_off()

    # -- data ---------------------------------------------------------------------------------------------------------
    def _on_trade(self, event: TradeEvent) -> None:
        if event.code != self.symbol:
            return
        self.arrived(event)  # also by the last trade again: it proves that there was no other
        if self.model.take(event) and not self._flush.isActive():
            self._flush.start()

    def _on_ticker(self, event: TickerEvent) -> None:
        self.marks.note(event)
        strength = trade_strength(event.acc_bid_volume, event.acc_ask_volume)
        if event.code == self.symbol and strength != self._strength:
            self._strength = strength
            self._show_strength()

    @pyqtSlot(GapEvent)
    def _on_gap(self, gap: GapEvent) -> None:
        if gap.ws_type is WebSocketType.PUBLIC and gap.streams:
            self.model.break_off(heals=True)

    @pyqtSlot(GapReport)
    def _on_gap_healed(self, report: GapReport) -> None:
        mine = (each for each in report.streams if each.stream.data_type is DataType.TRADE)
        if any(each.is_whole for each in mine if each.stream.symbol == self.symbol):
            self.model.mend()

    @pyqtSlot()
    def _on_flush(self) -> None:
        scroll = self.table.verticalScrollBar()
        if scroll is not None and scroll.value() > 0 and self.model.fresh:
            self.newer.setText("▲ " + tr("%n new trades", self.model.fresh))
            self.newer.show()
        elif self.model.flush():
            self.newer.hide()
            if self.model.rowCount() <= _FEW:
                self._show_note()
        else:
            self._flush.stop()  # the next trade starts it again

    @pyqtSlot()
    def _on_newer(self) -> None:
        self.table.scrollToTop()
        self._on_flush()

    # -- filter -------------------------------------------------------------------------------------------------------
    def _offer_filters(self) -> None:
        self.least.clear()
        self.least.addItem("", Decimal(0))
        for amount in _FILTERS.get(quote_of(self.symbol), ()):
            self.least.addItem("", amount)
        self._name_filters()
        if self.model.least:
            self.model.set_least(Decimal(0))

    def _name_filters(self) -> None:
        korean = current_language() is Language.KOREAN
        for place in range(self.least.count()):
            amount: Decimal = self.least.itemData(place)
            shown = short_money_text(amount, korean=korean) if amount >= 1000 else full_text(amount)
            self.least.setItemText(place, "≥ " + shown if amount else tr("All sizes"))

    @pyqtSlot(int)
    def _on_least(self, place: int) -> None:
        self.model.set_least(self.least.itemData(place))
        self._show_note()
        self.newer.hide()

    def _show_note(self) -> None:
        """Say below the rows which trades they are: the last one of before comes first, and all that came since."""
        oldest = self.model.oldest_ms
        since = self._since if oldest is None else kst_clock(oldest)
        if not self._since:
            self.table.set_note("")
        elif self.model.least:
            words = tr("Trades of {amount} and more since {time}; others are not listed.",
                       amount=self.least.currentText().removeprefix("≥ "), time=since)  # fmt: skip
            self.table.set_note(words)
        else:
            self.table.set_note(tr("Trades since {time}; earlier ones are not listed.", time=since))

    # -- looks --------------------------------------------------------------------------------------------------------
    def _show_strength(self) -> None:
        shown = DASH if self._strength is None else f"{self._strength:.2f}%"
        self.strength.setText(tr("Strength {percent}", percent=shown))

    def retranslate(self) -> None:
        """Name everything."""
        self.model.retranslate()
        fit_columns(self.table, _SAMPLES, _GIVE_UP)
        self._name_filters()
        self._show_note()
        self._show_strength()
        self.strength.setToolTip(tr("Bought by takers ÷ sold by takers × 100, since 09:00 KST"))
        self.least.setAccessibleName(tr("Smallest amount that is shown"))
        self.table.setAccessibleName(tr("Trades of {symbol}", symbol=self.symbol))

    def restyle(self) -> None:
        """Take colours and dimming over."""
        if not hasattr(self, "table"):
            return
        market, colours = self.market_colours, self.colours
        self._delegate.take_colours(self.table.palette())
        up, down = (legible(each, colours.text, colours.base) for each in (market.up, market.down))
        self.model.set_colours(up, down, QColor(colours.muted))
        self.model.set_dim(dim_colour(self.colours, dimmed=self.dimmed))
