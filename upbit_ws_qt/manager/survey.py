"""Going through all streams and their consumers without keeping anybody waiting: some in each turn of the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Iterator

    from upbit_ws_qt.monitoring.stream_metrics import StreamMonitors
    from upbit_ws_qt.routing import StreamStats

__all__ = ["PAIRS_PER_TURN", "StreamSurvey"]

PAIRS_PER_TURN = 300
"""Consumers of streams that are gone through in one turn of the loop: each takes a few microseconds."""


class StreamSurvey:
    """Has all streams taken in by the monitor.

    Args:
        loop: whose turns are used.
        figures: yields the figures of each stream.
        streams: takes them in.

    Attributes:
        gone_through: consumers of streams gone through so far.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        figures: Callable[[], Iterable[StreamStats]],
        streams: StreamMonitors,
    ) -> None:
        self._loop = loop
        self._figures = figures
        self._streams = streams
        self._steps: Iterator[None] | None = None
        self._next: asyncio.Handle | None = None
        self._is_fresh = False
        self.gone_through = 0

    def begin(self, now: float) -> None:
        """Begin in the next turn, unless it is under way: in this one everything else is read off."""
        if self._steps is None:
            self._steps = self._walk(now)
            self._next = self._loop.call_soon(self._step)

    def finish(self) -> None:
        """Do the rest now."""
        while self._steps is not None:
            self._step()

    def take_fresh(self) -> bool:
        """Return whether all was gone through since the last call."""
        fresh, self._is_fresh = self._is_fresh, False
        return fresh

    def stop(self) -> None:
        """Leave the rest."""
        self._steps = None
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _step(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
        steps = self._steps
        if steps is None:
            return
        if next(steps, True) is None:
            self._next = self._loop.call_soon(self._step)
        else:
            self._steps = None
            self._is_fresh = True

    def _walk(self, now: float) -> Iterator[None]:
        """Yield where the turn of the loop should end."""
        streams = self._streams
        streams.begin(now)
        left = PAIRS_PER_TURN
        for figures in self._figures():
            streams.add(figures)
            count = max(1, len(figures.consumers))
            self.gone_through += count
            left -= count
            if left <= 0:
                left = PAIRS_PER_TURN
                yield
        streams.finish()
