"""Which pages of the past have to be asked for, and when there are enough: no input and no output."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from upbit_ws_qt.streams import DISORDER_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upbit_ws_qt.rest import RestCandle, RestTrade

__all__ = ["CandleFloor", "CandleWalk", "TradeFloor", "TradeQuestion", "TradeWalk", "merge_candles", "merge_in_order"]

# Protocol sheet, "GET /v1/trades/ticks": at most 500 a page, and 7 UTC days besides today.
TRADES_PER_PAGE = 500
MOST_DAYS_AGO = 7
BEYOND = "beyond 7 days"
LIMIT = "limit"
MOST_TRADES = 100_000
"""So many trades of one stream are recovered at most, the newest."""
# Protocol sheet, "GET /v1/candles": at most 200 a page.
CANDLES_PER_PAGE = 200
MOST_CANDLES = 10_000
IDS_PER_MS = 10_000
"""A trade's id is its time in ms times this, and a rest: derived from all examples, and only used where no time is
known."""
_DAY_MS = 86_400_000

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class TradeFloor:
    """Where the past begins that is wanted of a market's trades.

    Attributes:
        since: exchange's ms; nothing older is wanted.
        after_id: begin behind this trade; None to begin with the time alone.
    """

    since: int
    after_id: int | None = None

    @classmethod
    def after(cls, sequential_id: int) -> TradeFloor:
        """Begin behind a trade of which nothing but the id is known."""
        return cls(max(0, sequential_id // IDS_PER_MS - DISORDER_MS), sequential_id)


class TradeQuestion(NamedTuple):
    """A page to ask for: the trades before one, or the newest, of a UTC day that is so many days ago."""

    before: int | None
    days_ago: int


class TradeWalk:
    """Goes back through a market's trades, page by page, newest first, until where the past that is wanted begins.

    A second gap before the first is filled begins again at the top (`begin_again`), and ends where it meets what it has
    already: nothing is asked for twice but the page in which the two meet.

    Attributes:
        trades: what was found, newest first, each once.
        reason: why it ended early; "" while it goes on, and where it reached the beginning.
        done: whether there is nothing more to ask.
        pages: how many were taken.
    """

    def __init__(self, floor: TradeFloor) -> None:
        self._floor = floor
        self.trades: list[RestTrade] = []
        self.reason = ""
        self.done = False
        self.pages = 0
        self._ids: set[int] = set()
        self._question = TradeQuestion(None, 0)
        self._today = 0  # UTC day of the exchange, counted from 1970; 0 until a trade was seen
        self._below: list[RestTrade] = []  # of an earlier walk
        self._below_ids: set[int] = set()
        self._resume: tuple[TradeQuestion, bool, str] = (self._question, False, "")

    @property
    def floor(self) -> TradeFloor:
        """Where the past that is wanted begins."""
        return self._floor

    def has(self, sequential_id: int) -> bool:
        """Whether a trade was found."""
        return sequential_id in self._ids

    @property
    def question(self) -> TradeQuestion:
        """The page to ask for next."""
        return self._question

    def begin_again(self) -> None:
        """Begin at the top once more, because of another gap; what was found is kept."""
        if self._below:  # the walk that met nothing yet keeps what was below it, with a hole that is walked again
            self.trades = []
            self._ids = set()
        elif self.trades:
            self._resume = (self._question, self.done, self.reason)
            self._below, self._below_ids = self.trades, self._ids
            self.trades, self._ids = [], set()
        self._question, self.done, self.reason = TradeQuestion(None, 0), False, ""

    def take(self, page: Sequence[RestTrade]) -> None:
        """Take the answer to the question."""
        self.pages += 1
        for trade in page:
            if trade.sequential_id in self._below_ids:
                self._join()
                return
            if trade.sequential_id in self._ids:
                continue
            self._today = self._today or trade.timestamp // _DAY_MS + self._question.days_ago
            if trade.timestamp < self._floor.since or trade.sequential_id == self._floor.after_id:
                self.done = True
                return
            self._ids.add(trade.sequential_id)
            self.trades.append(trade)
        if len(self.trades) + len(self._below) >= MOST_TRADES:
            self._end(LIMIT)
        elif len(page) >= TRADES_PER_PAGE:
            self._question = self._question._replace(before=page[-1].sequential_id)
        else:
            self._next_day()

    def _join(self) -> None:
        self.trades += self._below
        self._ids |= self._below_ids
        self._question, self.done, self.reason = self._resume
        self._below, self._below_ids = [], set()

    def _next_day(self) -> None:
        """The day is at its end: go to the one before, unless the beginning lies in this one."""
        days_ago = self._question.days_ago
        if self._today and days_ago >= self._today - self._floor.since // _DAY_MS:
            self.done = True
        elif days_ago >= MOST_DAYS_AGO:
            self._end(BEYOND if self._today else "")  # a market without a trade in a week has missed none
        else:
            self._question = TradeQuestion(None, days_ago + 1)

    def _end(self, reason: str) -> None:
        self.done = True
        self.reason = reason


@dataclass(frozen=True, slots=True)
class CandleFloor:
    """Where the past begins that is wanted of a market's candles.

    Attributes:
        start: of the first candle that is wanted, aware.
        seconds: of one interval.
    """

    start: datetime
    seconds: int


class CandleWalk:
    """Goes back through a market's closed candles from the running one on; intervals without trades have none.

    Attributes:
        candles: what was found, newest first, each once.
        reason: why it ended early; "" where it reached the beginning.
        done: whether there is nothing more to ask.
        pages: how many were taken.
    """

    def __init__(self, floor: CandleFloor, running: datetime) -> None:
        self._floor = floor
        self._to = running
        self.candles: list[RestCandle] = []
        self.reason = ""
        self.done = running <= floor.start
        self.pages = 0

    @property
    def question(self) -> tuple[datetime, int]:
        """The page to ask for next: before when, and how many."""
        intervals = int((self._to - self._floor.start) / timedelta(seconds=self._floor.seconds))
        return self._to, max(1, min(CANDLES_PER_PAGE, intervals))

    def take(self, page: Sequence[RestCandle]) -> None:
        """Take the answer to the question."""
        self.pages += 1
        count = self.question[1]
        for candle in page:
            start = candle.start
            if start < self._floor.start:
                self.done = True
                return
            if start < self._to:
                self._to = start
                self.candles.append(candle)
        if len(page) < count or self._to <= self._floor.start:
            self.done = True
        elif len(self.candles) >= MOST_CANDLES:
            self.done, self.reason = True, LIMIT


def merge_candles(closed: Sequence[tuple[int, _T]], live: Sequence[tuple[int, _T]]) -> list[_T]:
    """Put closed candles and what came live of others into the order of their beginnings.

    A line that was lost again may have brought something of a candle that has closed since. The closed one tells all of
    it, and comes behind that.

    Args:
        closed: (beginning, event) oldest first.
        live: (beginning, event) in the order in which they came.
    """
    both = [*((start, False, event) for start, event in live), *((start, True, event) for start, event in closed)]
    return [event for _, _, event in sorted(both, key=lambda each: each[:2])]


def merge_in_order(past: Sequence[tuple[int, _T | None]], live: Sequence[tuple[int, _T]]) -> list[_T]:
    """Put what was missed and what came live into the order of the past.

    Args:
        past: (id, event) oldest first; None for what is no news, or comes live.
        live: (id, event) in the order in which they came.

    Returns:
        The events of the past, with each live one at its place in it; the live ones that it does not know come last.
    """
    waiting = dict(live)
    merged: list[_T] = []
    for key, event in past:
        found = waiting.pop(key, event)
        if found is not None:
            merged.append(found)
    merged.extend(waiting.values())
    return merged
