"""The trades of a world as REST hands them out later: kept compactly, the oldest given up for want of room."""

from __future__ import annotations

from array import array
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# sequential id, trade ms, price, volume, whether the taker bought
Trade = tuple[int, int, int, int, bool]

_CHUNK = 256  # trades
_FIELDS = 5
_LOW = 60  # bits of a volume in its first word: cheap assets outgrow one
_MASK = (1 << _LOW) - 1
MOST_CHUNKS = 2000  # of all markets: half a million trades in 20 MB, an hour of a whole market at its usual pace


class TapeRoom:
    """The room that the tapes of all markets share.

    Attributes:
        forgotten: How many trades were given up.
    """

    __slots__ = ("_chunks", "_most", "forgotten")

    def __init__(self, most_chunks: int = MOST_CHUNKS) -> None:
        self._most = most_chunks
        self._chunks: deque[Tape] = deque()  # whose chunk, oldest first
        self.forgotten = 0

    def claim(self, tape: Tape) -> None:
        """Make room for one more chunk of `tape`."""
        if len(self._chunks) >= self._most:
            self.forgotten += self._chunks.popleft().forget()
        self._chunks.append(tape)


class Tape:
    """The trades of one market since the world began, or since what had to be given up.

    Attributes:
        forgotten_ms: Time of the last trade that was given up, -1 where none was.
    """

    __slots__ = ("_chunks", "_room", "forgotten_ms")

    def __init__(self, room: TapeRoom) -> None:
        self._room = room
        self._chunks: deque[array[int]] = deque()
        self.forgotten_ms = -1

    def add(self, number: int, ms: int, price: int, volume: int, buying: bool) -> None:
        """Keep a trade; times never run backwards."""
        if not self._chunks or len(self._chunks[-1]) == _CHUNK * _FIELDS:
            self._room.claim(self)
            self._chunks.append(array("q"))
        self._chunks[-1].extend((number, ms, price, volume & _MASK, volume >> _LOW << 1 | buying))

    def forget(self) -> int:
        """Give the oldest chunk up and return how many trades that were."""
        chunk = self._chunks.popleft()
        self.forgotten_ms = chunk[1 - _FIELDS]
        return len(chunk) // _FIELDS

    def newest_first(self, before_ms: int) -> Iterator[Trade]:
        """Yield the trades before `before_ms`."""
        for chunk in reversed(self._chunks):
            if chunk[1] >= before_ms:
                continue
            for place in range(len(chunk) - _FIELDS, -1, -_FIELDS):
                number, ms, price, low, high = chunk[place : place + _FIELDS]
                if ms < before_ms:
                    yield number, ms, price, high >> 1 << _LOW | low, bool(high & 1)
