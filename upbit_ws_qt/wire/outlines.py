"""Frames that differ from a fully checked one in their digits only, and so need no second check.

Numbers as text, NaN, exponents, signs, keys that are unknown or stand twice: all of it changes a frame's *outline*,
which is the frame without digits and points. Tickers and trades come in a dozen outlines per market; comparing with
those costs a third of reading the numbers a second time.

Why an equal outline is enough: only outlines are kept whose keys are all known and differ in more than digits, and
whose numbers have no exponent. What is left to vary are the digits themselves. Moved into a key they make it unknown,
which is harmless; moved into one number they make it long, which the length limit holds below 1e300.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.wire.simple_keys import SIMPLE_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from upbit_ws_qt.wire.shapes import Shape

__all__ = ["DIGITS", "LONG_HEAD", "SHORT_HEAD", "Outlines", "learn"]

DIGITS = b"0123456789."
# A frame is looked up by its first bytes, which have to hold the whole code and should hold no digits of a number.
LONG_HEAD = slice(40)
SHORT_HEAD = slice(33)

_KINDS = ("ticker", "trade")
_MOST_MARKETS = 4096
_MOST_PER_MARKET = 24
_MOST_DIGITS = 300  # of one number

_KEYS: Mapping[tuple[str, bool], frozenset[str]] = {
    (kind, simple): frozenset(SIMPLE_KEYS[kind].values() if simple else SIMPLE_KEYS[kind])
    for kind in _KINDS
    for simple in (False, True)
}


class Outlines:
    """The outlines of one market's tickers or trades.

    Attributes:
        read, build: of the shape of these frames.
        kept: outlines that need no further check.
        longest: bytes of a frame up to which that holds.
    """

    __slots__ = ("_tried", "build", "kept", "longest", "read")

    def __init__(self, shape: Shape) -> None:
        self.read: Callable[[bytes], Any] = shape.read
        self.build = shape.build
        self.kept: tuple[bytes, ...] = ()
        self.longest = 0
        self._tried: set[bytes] = set()

    def add(self, frame: bytes, keys: frozenset[str]) -> None:
        """Keep the outline of a fully checked frame, if it is one that may be kept; each is tried once."""
        outline = frame.translate(None, DIGITS)
        if outline in self._tried or len(self._tried) >= _MOST_PER_MARKET:
            return
        self._tried.add(outline)
        room = _room(frame, keys)
        if room is not None:
            longest = len(outline) + room
            self.longest = min(self.longest, longest) if self.kept else longest
            self.kept = (*self.kept, outline)


def learn(known: dict[bytes, Outlines], shape: Shape, head_size: int, frame: bytes) -> None:
    """Keep the outline of a fully checked frame for the next ones of its market.

    Args:
        known: first bytes of a frame -> its market's outlines; bounded.
        shape: of the frame.
        head_size: bytes up to and with the closing quote of the code.
        frame: the frame.
    """
    keys = _KEYS.get((shape.kind, shape.simple))
    head = frame[SHORT_HEAD if shape.simple else LONG_HEAD]
    if keys is None or head_size > len(head):
        return
    outlines = known.get(head)
    if outlines is None:
        if len(known) >= _MOST_MARKETS:
            return
        outlines = known[head] = Outlines(shape)
    outlines.add(frame, keys)


def _room(frame: bytes, keys: frozenset[str]) -> int | None:
    """Return how many digits and points a frame of this outline may have, None where its outline may not be kept."""
    if b"\\" in frame:  # a digit in an escape is no digit
        return None
    numbers: list[str] = []
    # What numbers become does not matter, only their texts do.
    pairs: list[tuple[str, Any]] = json.loads(
        frame, object_pairs_hook=list, parse_int=numbers.append, parse_float=numbers.append
    )
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names) or not keys.issuperset(names):
        return None
    if any("e" in number.lower() for number in numbers):
        return None
    # Each other number takes one digit at least, and the digits of the keys are where they belong.
    return _MOST_DIGITS + len(numbers) - 1 + sum(character.isdigit() for name in names for character in name)
