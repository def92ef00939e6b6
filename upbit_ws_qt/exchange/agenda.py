"""Things to do later, kept in one heap that the exchange's pump empties: one timer on the loop instead of thousands."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Agenda:
    """Callbacks by due time (seconds of the loop's clock), run in order of time, then of entry."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def __len__(self) -> int:
        return len(self._heap)

    def at(self, due: float, callback: Callable[[], None]) -> None:
        """Run `callback` at the first turn at or after `due`; it has to check itself whether it is still wanted."""
        heapq.heappush(self._heap, (due, next(self._numbers), callback))

    def run(self, now: float) -> None:
        """Run what is due at `now`."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            heapq.heappop(heap)[2]()

    def clear(self) -> None:
        """Forget everything."""
        self._heap.clear()
