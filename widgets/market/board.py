"""What is known of all markets that somebody looks at, asked for once however many panels show it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PyQt6 import sip
from PyQt6.QtCore import QObject, QTimer, pyqtSignal, pyqtSlot

from upbit_ws_qt import (
    Delivery,
    GlobalManagerState,
    OrderbookEvent,
    Priority,
    Subscription,
    SubscriptionState,
    TickerEvent,
    WebSocketClientProxy,
    WebSocketService,
)

from ..base.asking import Question
from ..base.market_marks import market_marks
from ..formulas.candles import Columns
from .figures import KEPT_MINUTES, UNIT_SECONDS, MarketFigures

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upbit_ws_qt import RestCandle, WebSocketError

    from .expression import Figure

__all__ = ["MarketBoard", "Wish", "market_board"]

RATE = 4.0
"""Calls a second that bring tickers, all that changed in one."""
TOLD_MS = 500
DAY_UNIT, _DAY_CANDLES = "30m", 48
_PAGE = 200
_HISTORY_LIVES_S = 900.0
"""How long asked candles are good for: the ticker continues their last one."""
_AFTER_FAILURE_MS = 10_000
_MOST_CANDLES = 1200
"""Series of candles that are kept, of all markets and units together."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a panel has to know.

    Attributes:
        codes: of which markets.
        day: their closes of the last 24 hours.
        hour: their prices of the last hour.
        units: their candles, of these units.
        books: of which markets the best bid and ask, too.
    """

    codes: frozenset[str] = frozenset()
    day: bool = False
    hour: bool = False
    units: frozenset[str] = frozenset()
    books: frozenset[str] = frozenset()

    @classmethod
    def of(cls, codes: Iterable[str], figures: Iterable[Figure] = (), *, day: bool = False, hour: bool = False) -> Wish:
        """Return the wish for some figures of some markets."""
        known = frozenset(codes)
        wanted = list(figures)
        return cls(
            known,
            day,
            hour or any(each.name == "change" and each.values for each in wanted),
            frozenset(each.unit for each in wanted if each.unit),
            known if any(each.name == "spread" for each in wanted) else frozenset(),
        )


class MarketBoard(QObject):
    """The figures of markets, for as long as somebody looks at them; it goes with its service.

    Signals:
        changed: there is news, twice a second at most.
    """

    changed = pyqtSignal()

    def __init__(self, service: WebSocketService) -> None:
        super().__init__(service)
        self._service = service
        self._proxy = WebSocketClientProxy("whole market", self, service=service)
        self._marks = market_marks(service)
        self._wishes: dict[QObject, Wish] = {}
        self._whole = Wish()
        self._known: dict[str, MarketFigures] = {}
        self._tickers: Subscription | None = None
        self._books: Subscription | None = None
        self._newest: TickerEvent | None = None
        self._asked: dict[tuple[str, str], float] = {}
        self._question: Question | None = None
        self._asking: tuple[str, str] = ("", "")
        self.failures = 0
        """Questions for candles that the exchange did not answer; each is asked again."""
        self._told = QTimer(self)
        self._told.setSingleShot(True)
        self._told.setInterval(TOLD_MS)
        self._told.timeout.connect(self.changed)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(_AFTER_FAILURE_MS)
        self._again.timeout.connect(self._ask_next)
        self._due = QTimer(self)
        self._due.setSingleShot(True)
        self._due.setInterval(0)
        self._due.timeout.connect(self._on_due)

    # -- wishes -------------------------------------------------------------------------------------------------------
    def want(self, who: QObject, wish: Wish) -> None:
        """Have this known for somebody from now on, instead of what they wanted before; an empty wish ends it."""
        if wish == self._wishes.get(who, Wish()):
            return
        if who not in self._wishes:
            who.destroyed.connect(self._on_gone)
        self._wishes[who] = wish
        self._due.start()

    @pyqtSlot()
    def _on_gone(self) -> None:
        self._due.start()

    @pyqtSlot()
    def _on_due(self) -> None:
        """Work out what all want together, once for all that changed in a turn of the loop."""
        self._wishes = {who: wish for who, wish in self._wishes.items() if not sip.isdeleted(who) and wish != Wish()}
        before, wishes = self._whole, self._wishes.values()
        self._whole = Wish(
            frozenset().union(*(each.codes for each in wishes)),
            any(each.day for each in wishes),
            any(each.hour for each in wishes),
            frozenset().union(*(each.units for each in wishes)),
            frozenset().union(*(each.books for each in wishes)),
        )
        if before.codes and not self._whole.codes:
            for figures in self._known.values():
                figures.has_hour = False  # from now on minutes go by unseen
        self._tickers = self._subscribed(self._tickers, self._whole.codes, books=False)
        self._books = self._subscribed(self._books, self._whole.books, books=True)
        self._ask_next()

    def _subscribed(self, now: Subscription | None, codes: frozenset[str], *, books: bool) -> Subscription | None:
        if now is not None and now.state is SubscriptionState.CLOSED:
            now = None  # the service was stopped
        if self._service.state in (GlobalManagerState.STOPPING, GlobalManagerState.STOPPED):
            return now
        if not codes:
            if now is not None:
                now.close()
            return None
        if now is not None:
            if set(now.symbols) != codes:
                now.set_symbols(sorted(codes))
            return now
        if books:
            return self._proxy.subscribe_orderbook(
                sorted(codes), self._on_books, depth=1, delivery=Delivery.BATCH, rate=RATE
            )
        return self._proxy.subscribe_ticker(sorted(codes), self._on_tickers, delivery=Delivery.BATCH, rate=RATE)

    # -- what is known ------------------------------------------------------------------------------------------------
    def of(self, code: str) -> MarketFigures:
        """Return what is known of a market."""
        found = self._known.get(code)
        if found is None:
            found = self._known[code] = MarketFigures(code)
        return found

    @property
    def newest(self) -> TickerEvent | None:
        """The ticker that came last, of whichever market."""
        return self._newest

    @property
    def now(self) -> float:
        """Seconds since 1970 by the exchange's clock, as its newest ticker had it."""
        return time.time() if self._newest is None else self._newest.timestamp / 1000

    def missing(self, who: QObject) -> int:
        """Return how many questions for candles are still to be answered for somebody."""
        wish = self._wishes.get(who)
        return 0 if wish is None else sum(1 for _ in self._questions(wish))

    def _on_tickers(self, events: tuple[TickerEvent, ...]) -> None:
        for event in events:
            self.of(event.code).take(event)
            self._marks.note(event)
        if events:
            self._newest = max(events, key=lambda event: event.timestamp)
            self._tell()

    def _on_books(self, events: tuple[OrderbookEvent, ...]) -> None:
        for event in events:
            if event.orderbook_units:
                best = event.orderbook_units[0]
                self.of(event.code).best = best.bid_price, best.ask_price
        self._tell()

    def _tell(self) -> None:
        if not self._told.isActive():
            self._told.start()

    # -- candles ------------------------------------------------------------------------------------------------------
    def _questions(self, wish: Wish) -> Iterable[tuple[str, str]]:
        """Yield (market, what) that a wish lacks, the largest markets first."""
        if not (wish.day or wish.hour or wish.units):
            return
        now = time.monotonic()
        for figures in sorted(map(self.of, wish.codes), key=_by_value):
            code = figures.code
            if wish.hour and not figures.has_hour:
                yield code, "hour"
            for what in (*(["day"] if wish.day else []), *sorted(wish.units)):
                asked = self._asked.get((code, what))
                if asked is None or now - asked > _HISTORY_LIVES_S:
                    yield code, what

    @pyqtSlot()
    def _ask_next(self) -> None:
        if self._question is not None or self._again.isActive():
            return
        asking = next(iter(self._questions(self._whole)), None)
        if asking is None:
            return
        self._asking = code, what = asking
        unit, count = {"hour": ("1m", KEPT_MINUTES), "day": (DAY_UNIT, _DAY_CANDLES)}.get(what, (what, _PAGE))
        rest = self._service.rest.at(Priority.LOW)
        self._question = Question(rest.candles(code, unit, None, count), self)
        self._question.done.connect(self._on_candles)
        self._question.failed.connect(self._on_failed)

    @pyqtSlot(object)
    def _on_candles(self, candles: tuple[RestCandle, ...]) -> None:
        self._question = None
        code, what = self._asking
        figures = self.of(code)
        if what == "hour":
            figures.trail.merge((int(each.start.timestamp()) // 60, each.trade_price) for each in reversed(candles))
            figures.has_hour = True
        elif what == "day":
            figures.day = tuple(float(each.trade_price) for each in reversed(candles))
        elif what in UNIT_SECONDS:
            figures.take_candles(what, _columns(candles))
        self._asked[self._asking] = time.monotonic()
        while len(self._asked) > _MOST_CANDLES:
            old_code, old_what = next(iter(self._asked))
            del self._asked[old_code, old_what]
            self.of(old_code).drop_candles(old_what)
        self._tell()
        self._ask_next()

    @pyqtSlot(object)
    def _on_failed(self, error: WebSocketError) -> None:
        """Ask again in a while; a market that the exchange knows nothing of is not asked for again soon."""
        del error
        self._question = None
        self.failures += 1
        self._asked[self._asking] = time.monotonic()
        self.of(self._asking[0]).has_hour |= self._asking[1] == "hour"
        self._again.start()


def market_board(service: WebSocketService) -> MarketBoard:
    """Return the one board of a service."""
    return next(iter(service.findChildren(MarketBoard)), None) or MarketBoard(service)


def _by_value(figures: MarketFigures) -> tuple[bool, float, str]:
    event = figures.event
    return event is None, 0.0 if event is None else -float(event.acc_trade_price_24h), figures.code


def _columns(candles: tuple[RestCandle, ...]) -> Columns:
    """Return candles as columns, oldest first."""
    rows = [
        (each.opening_price, each.high_price, each.low_price, each.trade_price, each.candle_acc_trade_volume)
        for each in reversed(candles)
    ]
    start = np.array([int(each.start.timestamp()) for each in reversed(candles)], dtype=np.int64)
    values = np.array(rows, dtype=np.float64).reshape(len(rows), 5).T
    return Columns.of(start, values)
