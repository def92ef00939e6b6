"""The pace of the whole market as it was measured: how often each pair does something, and when its book is sent.

Protocol sheet, "Messages": order books tick on a grid of 100 ms with a phase of its own for each pair; all 855 pairs on
one line make 785 to 995 messages a second; one of five pairs sends nothing but its snapshot for half a minute.
"""

from __future__ import annotations

import math
from bisect import bisect
from heapq import heappop, heappush
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from upbit_ws_qt.exchange.messages import Change

GRID_MS = 100
SILENT_SECONDS = 30
TRADE_SHARE = 0.06  # of the events; the rest are quotes
# Events of a pair fall with this power of its rank: at 880 books a second a fifth of 855 pairs is silent for 30 s.
_POWER = 2.4
_MOST_EVENTS = 25.0  # a second and pair; more would not be seen, as a book is sent ten times a second at most
_BOOKS_PER_SECOND = 1000 / GRID_MS


class Pair(Protocol):
    """A pair as the beat needs it; `trades_per_minute` is what its past is made to look like."""

    trades_per_minute: float

    def trade(self, ms: int, out: list[Change]) -> None:
        """Let one market order come in."""

    def quote(self, ms: int, out: list[Change]) -> None:
        """Let makers move."""

    def send_book(self, ms: int, out: list[Change]) -> None:
        """Send the book as it stands."""


def event_rates(count: int, messages: float) -> list[float]:
    """Return the events a second of `count` pairs, busiest first, that make so many messages a second in all."""
    low, high = 1e-6, 1e9
    for _ in range(200):
        scale = math.sqrt(low * high)
        if sum(map(_messages, _rates(count, scale))) < messages:
            low = scale
        else:
            high = scale
    return _rates(count, high)


def _rates(count: int, scale: float) -> list[float]:
    return [min(_MOST_EVENTS, scale * (rank + 1) ** -_POWER) for rank in range(count)]


def _messages(rate: float) -> float:
    """Return the messages that a pair with so many events a second makes: books on the grid, trades and tickers."""
    return _BOOKS_PER_SECOND * -math.expm1(-rate / _BOOKS_PER_SECOND) + 2 * TRADE_SHARE * rate


class Beat:
    """Lets pairs act at their own rates, and sends each book that changed at the next moment of its pair's grid.

    Attributes:
        pairs: busiest first.

    Args:
        pairs: busiest first.
        random: of the world.
        start_ms: exchange time of the beginning.
    """

    def __init__(self, pairs: Sequence[Pair], random: Random, start_ms: int) -> None:
        self.pairs = pairs
        self._random = random
        self._phases = {pair: random.randrange(GRID_MS) for pair in pairs}
        self._due: list[tuple[int, int]] = []  # when, and the place of the pair
        self._places = {pair: place for place, pair in enumerate(pairs)}
        self._waiting: set[Pair] = set()
        self._reached: list[float] = []
        self._next_event = float(start_ms)

    def set_rates(self, rates: Sequence[float]) -> None:
        """Set the events a second of each pair."""
        self._reached = list(accumulate(rates))
        self._next_event += self._gap()

    def without(self, pair: Pair) -> None:
        """Let a pair do nothing any more."""
        self._waiting.discard(pair)
        place = self._places[pair]
        before = self._reached[place - 1] if place else 0.0
        gone = self._reached[place] - before
        self._reached[place:] = [reached - gone for reached in self._reached[place:]]

    def book_changed(self, pair: Pair, ms: int) -> None:
        """Note that a pair's book is another one since `ms`; it is sent at the next moment of the pair's grid."""
        if pair not in self._waiting:
            self._waiting.add(pair)
            phase = self._phases[pair]
            heappush(self._due, (phase + ((ms - phase) // GRID_MS + 1) * GRID_MS, self._places[pair]))

    def run(self, until: int, out: list[Change]) -> None:
        """Let everything happen that happens before `until`, in order."""
        uniform = self._random.random
        while True:
            moment = self._next_event
            if self._due and self._due[0][0] <= moment:
                if self._due[0][0] >= until:
                    return
                ms, place = heappop(self._due)
                pair = self.pairs[place]
                if pair in self._waiting:
                    self._waiting.discard(pair)
                    pair.send_book(ms, out)
                continue
            if moment >= until:
                return
            pair = self.pairs[bisect(self._reached, uniform() * self._reached[-1], hi=len(self._reached) - 1)]
            if uniform() < TRADE_SHARE:
                pair.trade(int(moment), out)
            else:
                pair.quote(int(moment), out)
            self._next_event = moment + self._gap()

    def _gap(self) -> float:
        return self._random.expovariate(self._reached[-1] / 1000)
