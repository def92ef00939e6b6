"""Brings the trades of one market to what is drawn of them: live ones, and those that REST knows of before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, pyqtSignal, pyqtSlot

from upbit_ws_qt import Priority

from ..base.asking import Question
from ..base.kst import kst_clock
from ..base.past_trades import trade_of
from ..base.text import tr
from .trades import FlowTrades

if TYPE_CHECKING:
    from upbit_ws_qt import RestTrade, TradeEvent, WebSocketError, WebSocketService

__all__ = ["TradeFeed"]

FIRST_PAGES = 2
MORE_PAGES = 5
"""Of up to 500 trades each, that are asked for at the beginning, and by a button."""


class TradeFeed(QObject):
    """Knows the trades of a market, as far as they came and were asked for.

    Signals:
        added(object): these, a list of FlowTrade, are known now.
        cleared: nothing is known any more.
        changed: something about what is known, or asked for, is otherwise than before; see `words`.
    """

    added = pyqtSignal(object)
    cleared = pyqtSignal()
    changed = pyqtSignal()

    def __init__(self, service: WebSocketService, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._service = service
        self.trades = FlowTrades()
        self._symbol = ""
        self._question: Question | None = None
        self._pages = 0
        self._began = False  # the line has brought the first one: what comes from then on is not missed
        self.is_complete = False
        self.trouble = ""

    def begin(self, symbol: str) -> None:
        """Know nothing, and wait for the trades of a market."""
        self._symbol = symbol
        self.trades = FlowTrades()
        self._began = self.is_complete = False
        self.trouble = ""
        if self._question is not None:
            self._question.cancel()
            self._question = None
        self.cleared.emit()
        self.changed.emit()

    def take(self, event: TradeEvent) -> None:
        """Take a live trade, or one that was missed and asked for."""
        if event.code != self._symbol:
            return
        made = self.trades.take(event)
        if not self._began:
            # What was traded before is asked for only now: so nothing can fall between the two.
            self._began = True
            self.ask_earlier(FIRST_PAGES)
        if made is not None:
            self.added.emit([made])

    @pyqtSlot()
    def ask_earlier(self, pages: int = MORE_PAGES) -> None:
        """Ask REST (or the recording) for so many pages of earlier trades."""
        self._pages = pages
        if self._question is None and not self.is_complete and self._symbol:
            self._ask()

    @property
    def is_asking(self) -> bool:
        """Whether earlier trades are on their way."""
        return self._question is not None

    def words(self) -> str:
        """Say since when trades are known, and which part of them is from where."""
        trades = self.trades
        if trades.since_ms is None:
            return ""
        since = kst_clock(trades.since_ms)
        past = tr("%n from REST", trades.asked)
        if self._service.clock is not None:
            past = tr("%n from the recording", trades.asked)
        text = tr("Since {time}: {past}, {live} live", time=since, past=past, live=f"{len(trades) - trades.asked:,}")
        if trades.left_out:
            text += " · " + tr("%n earlier ones had no room", trades.left_out)
        return text + (f" · {self.trouble}" if self.trouble else "")

    def _ask(self) -> None:
        rest = self._service.rest.at(Priority.LOW)
        self._question = Question(rest.trade_page(self._symbol, before=self.trades.oldest_key), self)
        self._question.done.connect(self._on_page)
        self._question.failed.connect(self._on_failed)
        self.changed.emit()

    @pyqtSlot(object)
    def _on_page(self, page: tuple[RestTrade, ...]) -> None:
        self._question = None
        self.trouble = ""
        found = self.trades.put_before(trade_of(each, recorded=False) for each in page if each.market == self._symbol)
        self._pages -= 1
        self.is_complete = not found
        if found:
            self.added.emit(found)
        if found and self._pages > 0:
            self._ask()
        self.changed.emit()

    @pyqtSlot(object)
    def _on_failed(self, error: WebSocketError) -> None:
        self._question = None
        self.trouble = tr("earlier ones could not be loaded")
        del error
        self.changed.emit()
