"""Frames on their way in: a bounded inbox for each line."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from upbit_ws_qt.types import DataType, WebSocketType
from upbit_ws_qt.wire import peek

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

__all__ = ["Inbox", "InboxFigures", "LostStream", "RawFrame", "superseding_key"]

# When an inbox is full, this share of it is made free at once, so that the work is not done again for every frame.
FREED_AT_ONCE = 0.1
MARKER = -1
_LEVEL = re.compile(rb'"(?:level|lv)"\s*:\s*(\d[\d.eE+-]*)')
_TAIL = 160  # bytes at a book's end in which its level usually stands


class RawFrame(Struct, frozen=True, gc=False):
    """A data frame as it came.

    Attributes:
        data: UTF-8 JSON.
        received_at: loop clock, seconds.
        epoch: of the line that it came on.
        ws_type: endpoint.
    """

    data: bytes | str
    received_at: float
    epoch: int
    ws_type: WebSocketType


class LostStream(NamedTuple):
    """What a frame says of itself without being decoded.

    Attributes:
        data_type: the name on the wire.
        code: the market, "" where there is none.
        level: a book's level as it is spelt; b"0" where it says nothing, and for other types.
    """

    data_type: str
    code: str
    level: bytes = b"0"


@dataclass(frozen=True, slots=True)
class InboxFigures:
    """What went through an inbox; frames, unless said otherwise.

    Attributes:
        received: put in.
        bytes: put in, bytes.
        waiting: there now.
        high_water: most that ever waited.
        superseded: dropped when full, because a newer ticker or book of the same code was waiting.
        dropped: dropped when full although nothing newer replaced them.
        stale: dropped because their line was no longer the present one.
    """

    received: int = 0
    bytes: int = 0
    waiting: int = 0
    high_water: int = 0
    superseded: int = 0
    dropped: int = 0
    stale: int = 0


def stream_of(data: bytes | str) -> LostStream | None:
    """Return what a frame says of itself; None where only decoding could tell."""
    head = peek(data)
    if head is None:
        return None
    if head[0] != DataType.ORDERBOOK:
        return LostStream(*head)
    # Books of several levels share a code. The level stands behind the units, as one of the last fields.
    raw = data.encode() if isinstance(data, str) else data
    levels = _LEVEL.findall(raw, max(0, len(raw) - _TAIL)) or _LEVEL.findall(raw)
    return LostStream(*head, levels[-1]) if levels else LostStream(*head)


def superseding_key(data: bytes | str) -> Hashable | None:
    """Return what a newer frame must have in common to make this ticker or book worthless; None for all others."""
    stream = stream_of(data)
    return stream if stream is not None and stream.data_type in (DataType.TICKER, DataType.ORDERBOOK) else None


class Inbox:
    """Frames of one endpoint that wait to be handed out, at most `limit` of them.

    When it is full, tickers and order books that a newer frame of the same key supersedes (`key_of` gives the key,
    None for what nothing supersedes) are dropped first, then the oldest of all. Everything dropped is counted. Frames
    of another epoch than the present one are dropped when they are taken out.

    Args:
        ws_type: endpoint.
        limit: frames that may wait.
        key_of: see above.
        on_lost: told of what is dropped, unless its line is not the present one: the stream, how many frames, and
            whether newer ones superseded them.

    Attributes:
        epoch: of the line whose frames are handed out.
        waiting: the frames, oldest first, and markers among them; to be looked at only.
    """

    def __init__(
        self,
        ws_type: WebSocketType,
        limit: int,
        key_of: Callable[[bytes | str], Hashable | None] = superseding_key,
        on_lost: Callable[[LostStream, int, bool], None] | None = None,
    ) -> None:
        self.ws_type = ws_type
        self.epoch = 0
        self._limit = limit
        self._key_of = key_of
        self._on_lost = on_lost
        self.waiting: deque[RawFrame] = deque()
        self._markers: deque[Callable[[], None]] = deque()
        self._arm: Callable[[], None] | None = None
        self._received = 0
        self._bytes = 0
        self._high_water = 0
        self._superseded = 0
        self._dropped = 0
        self._stale = 0

    def __len__(self) -> int:
        return len(self.waiting)

    def begin_epoch(self, epoch: int) -> None:
        """Hand out the frames of this epoch from now on."""
        self.epoch = epoch

    def put(self, arrived: Sequence[RawFrame]) -> None:
        """Append frames and have the drain woken."""
        frames = self.waiting
        frames.extend(arrived)
        self._received += len(arrived)
        for frame in arrived:
            self._bytes += len(frame.data)
        if len(frames) > self._high_water:  # which is never more than the limit
            self._high_water = min(len(frames), self._limit)
            if len(frames) > self._limit:
                self._make_room()
        if self._arm is not None:
            self._arm()

    def put_marker(self, callback: Callable[[], None]) -> None:
        """Have `callback` called when everything put in before it has been handed out."""
        self._markers.append(callback)
        self.waiting.append(RawFrame(b"", 0.0, MARKER, self.ws_type))
        if self._arm is not None:
            self._arm()

    def pop(self) -> RawFrame | None:
        """Return the next frame of the present epoch, None when there is none; markers on the way are called."""
        frames = self.waiting
        while frames:
            frame = frames.popleft()
            if frame.epoch == self.epoch:
                return frame
            if frame.epoch == MARKER:
                self._markers.popleft()()
            else:
                self._stale += 1
        return None

    def take(self, most: int) -> list[RawFrame]:
        """Return up to so many frames of whatever epoch; for an inbox that holds no markers."""
        frames = self.waiting
        return [frames.popleft() for _ in range(min(most, len(frames)))]

    def oldest(self) -> float:
        """Return when the next frame was received; infinity when there is none."""
        return self.waiting[0].received_at if self.waiting else float("inf")

    def count_stale(self, arrived: Sequence[RawFrame]) -> None:
        """Count frames of a line that is not the present one any more and that are not put in at all."""
        self._stale += len(arrived)

    def clear(self) -> None:
        """Forget all frames, counted as stale; markers are called so that nobody waits for ever."""
        self._stale += sum(1 for frame in self.waiting if frame.epoch != MARKER)
        self.waiting.clear()
        while self._markers:
            self._markers.popleft()()

    def on_arrival(self, arm: Callable[[], None] | None) -> None:
        """Say whom to wake when something is put in."""
        self._arm = arm
        if arm is not None and self.waiting:
            arm()

    def figures(self, *, superseded: int = 0, dropped: int = 0) -> InboxFigures:
        """Return the figures of this moment, with what was dropped before it got here added."""
        return InboxFigures(
            received=self._received + superseded + dropped,
            bytes=self._bytes,
            waiting=len(self.waiting),
            high_water=self._high_water,
            superseded=self._superseded + superseded,
            dropped=self._dropped + dropped,
            stale=self._stale,
        )

    def _make_room(self) -> None:
        before = len(self.waiting)
        self._supersede()
        goal = self._limit - max(1, int(self._limit * FREED_AT_ONCE))
        surplus = len(self.waiting) - goal
        # What newer ones replace was enough: nobody has to lose what nothing replaces.
        if before > len(self.waiting) and surplus < self._limit - goal:
            return
        while surplus > 0:
            surplus -= 1
            frame = self.waiting.popleft()
            if frame.epoch == MARKER:
                # What it separates is still in order: everything before it is gone.
                self._markers.popleft()()
            else:
                self._dropped += 1
                self._tell_lost(frame, superseded=False)

    def _tell_lost(self, frame: RawFrame, *, superseded: bool) -> None:
        if self._on_lost is None or frame.epoch != self.epoch:
            return
        stream = stream_of(frame.data)
        if stream is not None:
            self._on_lost(stream, 1, superseded)

    def _supersede(self) -> None:
        """Keep, of the frames that have a key, the newest of each key and epoch."""
        seen: set[Hashable] = set()
        kept: list[RawFrame] = []
        # From the newest back, so that the first that is met of each key is the one to keep. By epoch too: while lines
        # change one of the two that are alike will turn out to be stale.
        for frame in reversed(self.waiting):
            key = None if frame.epoch == MARKER else self._key_of(frame.data)
            if key is not None:
                if (key, frame.epoch) in seen:
                    self._tell_lost(frame, superseded=True)
                    continue
                seen.add((key, frame.epoch))
            kept.append(frame)
        self._superseded += len(self.waiting) - len(kept)
        self.waiting.clear()
        self.waiting.extend(reversed(kept))
