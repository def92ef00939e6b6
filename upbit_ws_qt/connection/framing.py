"""Where WebSocket frames begin and end: plain messages are taken out here, all else is left to websockets."""

from __future__ import annotations

__all__ = ["LARGEST_PLAIN", "Framer"]

LARGEST_PLAIN = 0xFFFF
"""Bytes; the longest message whose length stands in two bytes."""

# Final, neither compressed nor a fragment: text and binary (RFC 6455, 5.2).
_PLAIN = (0x81, 0x82)
_FINAL = 0x80
_OPCODE = 0x0F
_CONTROL = 0x08
_MASKED = 0x80
_TWO_BYTES, _EIGHT_BYTES = 126, 127


class Framer:
    """Cuts the bytes of a server into messages and what is not a plain message, in the order in which they came.

    Nearly everything that an exchange sends is a short, whole, uncompressed message, for which two header fields are
    all there is to know. Whatever else there may be, errors included, `others` returns unchanged and piece by piece, so
    that a complete implementation can deal with it: that one always stands at the beginning of a frame when a plain
    message is taken out before its eyes.

    Args:
        largest: bytes; a longer message is not plain, so that the complete implementation refuses it.
        piece: bytes; the most that `others` and `rest` return at once.

    Attributes:
        is_empty: whether `messages` has taken out all that there was: nothing is left for `others`.
    """

    __slots__ = ("_at", "_data", "_in_fragments", "_largest", "_owed", "_piece", "is_empty")

    def __init__(self, largest: int, piece: int) -> None:
        self._largest = min(largest, LARGEST_PLAIN)
        self._piece = piece
        self._data = b""
        self._at = 0
        self._owed = 0  # bytes of a frame that is not plain, still to come
        self._in_fragments = False
        self.is_empty = False

    def feed(self, data: bytes) -> None:
        """Take what was read."""
        self._data = self._data[self._at :] + data if self._at < len(self._data) else data
        self._at = 0

    def messages(self) -> list[bytes]:
        """Take out the plain messages that stand in front; none while something else does."""
        found: list[bytes] = []
        if self._owed or self._in_fragments:
            self.is_empty = False
            return found
        data, at, end, largest = self._data, self._at, len(self._data), self._largest
        while end - at >= 2 and data[at] in _PLAIN:
            size, begin = data[at + 1], at + 2
            if size == _TWO_BYTES:
                if end - at < 4:
                    break
                size, begin = data[at + 2] << 8 | data[at + 3], at + 4
            elif size > _TWO_BYTES:
                break
            if size > largest or begin + size > end:
                break
            at = begin + size
            found.append(data[begin:at])
        self._at = at
        self.is_empty = at == end
        return found

    def others(self) -> bytes:
        """Take out what stands in front of the next plain message; empty where nothing does, or too little has come."""
        data, begin = self._data, self._at
        at, end = begin, min(len(data), begin + self._piece)
        while at < end:
            if not self._owed and not self._begin_frame(at):
                break
            step = min(self._owed, end - at)
            self._owed -= step
            at += step
        self._at = at
        return data[begin:at]

    def rest(self) -> bytes:
        """Take out whatever there is, a piece at a time; empty where nothing is left."""
        begin, self._at = self._at, min(len(self._data), self._at + self._piece)
        return self._data[begin : self._at]

    def _begin_frame(self, at: int) -> bool:
        """Look at the header of a frame; return False where it is not whole or a plain message's."""
        data, left = self._data, len(self._data) - at
        if left < 2:
            return False
        first, size, length = data[at], data[at + 1] & ~_MASKED, 2
        if size >= _TWO_BYTES:
            length = 4 if size == _TWO_BYTES else 10
            if left < length:
                return False
            size = int.from_bytes(data[at + 2 : at + length], "big")
        masked = data[at + 1] & _MASKED
        if first in _PLAIN and not masked and size <= self._largest and length < 10 and not self._in_fragments:
            return False
        if first & _OPCODE < _CONTROL:
            self._in_fragments = not first & _FINAL
        self._owed = length + (4 if masked else 0) + size
        return True
