"""Makes gaps of what this program itself loses on the way in, while its line stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.connection import GapEvent
from upbit_ws_qt.connection.epoch import may_miss
from upbit_ws_qt.text import Phrase

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from upbit_ws_qt.backfill.wholeness import Wholeness
    from upbit_ws_qt.connection import LostStream
    from upbit_ws_qt.routing import DataRoutingEngine
    from upbit_ws_qt.streams import StreamGap, StreamKey
    from upbit_ws_qt.types import WebSocketType

__all__ = ["LossLog"]

LOST_HERE = Phrase("lost within this program")


class LossLog:
    """Is told each frame that a full inbox gave up, that could not be read, or whose handling failed.

    Frames of states, of which the next one tells all, are no loss. Those of one turn of the loop are told as one gap.

    Args:
        routing: knows what was handed on last.
        wholeness: knows what is missing already, which is not told again.
        epoch: returns the number of an endpoint's line.
        on_found: called at once with the gap of one stream, before anything more of it is handed on.
        on_gap: called from the loop with the gap of all.
        loop: everything runs on it.
    """

    def __init__(
        self,
        routing: DataRoutingEngine,
        wholeness: Wholeness,
        epoch: Callable[[WebSocketType], int],
        on_found: Callable[[GapEvent], None],
        on_gap: Callable[[GapEvent], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._routing = routing
        self._wholeness = wholeness
        self._epoch = epoch
        self._on_found = on_found
        self._on_gap = on_gap
        self._loop = loop
        self._lost: dict[StreamKey, StreamGap] = {}  # in this turn of the loop
        self._news: set[StreamKey] = set()  # of those

    def note(self, lost: LostStream) -> None:
        """Note that a frame is lost."""
        stream = self._routing.stream_of(lost)
        if stream is None or stream in self._lost or not may_miss(stream):
            return
        if not self._lost:
            self._loop.call_soon(self._tell)
        if self._wholeness.is_whole(stream):
            self._news.add(stream)
        gap = self._lost[stream] = self._routing.stream_gap(stream)
        self._on_found(self._gap(stream.websocket_type, (gap,)))

    def _tell(self) -> None:
        lost = [gap for stream, gap in self._lost.items() if stream in self._news]
        self._lost.clear()
        self._news.clear()
        for ws_type in {gap.stream.websocket_type for gap in lost}:
            self._on_gap(self._gap(ws_type, tuple(gap for gap in lost if gap.stream.websocket_type is ws_type)))

    def _gap(self, ws_type: WebSocketType, ranges: tuple[StreamGap, ...]) -> GapEvent:
        epoch = self._epoch(ws_type)
        streams = tuple(each.stream for each in ranges if each.stream.data_type.every_message_counts)
        known = [each.since for each in ranges if each.since is not None]
        since = min(known, default=self._routing.newest_timestamp(ws_type))
        return GapEvent(ws_type, epoch, epoch, 0.0, LOST_HERE, streams, since, ranges)
