"""Frames that differ from a fully checked one in their digits only, and so need no second check.

Numbers as text, NaN, exponents, signs, keys that are unknown or stand twice: all of it changes a frame's *outline*,
which is the frame without digits and points. Tickers and trades come in a dozen outlines per market, books in two;
comparing with those costs a third of reading the numbers a second time.

Why an equal outline is enough: only outlines are kept whose keys are all known and differ in more than digits, and
whose numbers are there and have no exponent. What is left to vary are the digits themselves. Moved into a key they make
it unknown, which is harmless; moved into one number they make it long, which is looked for. That each number is one by
the rules of JSON msgspec sees to, whatever it makes of it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.wire.simple_keys import SIMPLE_KEYS
from upbit_ws_qt.wire.unread import UNREAD_KINDS, unread_reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from upbit_ws_qt.wire.shapes import Shape

__all__ = ["CODE_BEGINS", "DIGITS", "Outlines", "has_long_number", "learn"]

DIGITS = b"0123456789."
CODE_BEGINS = 21
"""Bytes: the first comma from here on ends the code in `{"ty":"trade","cd":"KRW-BTC",` and, where tokens stand apart,
in `{"type": "orderbook", "code": "KRW-BTC",` too. Frames are looked up by what stands before it, their head."""

_ROWS = "orderbook_units"
_MOST_MARKETS = 4096
_MOST_PER_MARKET = 24
_LONGEST_HEAD = 96
_MOST_DIGITS = 300  # of one number
# Of 286 digits in a row, wherever they begin, 22 are seen by whoever looks at each 13th byte only, a fifth of the cost
# of looking at all. Digits of several numbers that are seen in a row as often make a frame slow to read, not wrong.
_STEP = 13
_SHOWN = bytes(ord("0") if byte in DIGITS else ord(" ") for byte in range(256))
_LONG_NUMBER = b"0" * 22

_KEYS: Mapping[tuple[str, bool], frozenset[str]] = {
    (kind, simple): frozenset(SIMPLE_KEYS[kind].values() if simple else SIMPLE_KEYS[kind])
    for kind in (*UNREAD_KINDS, _ROWS)
    for simple in (False, True)
}


class Outlines:
    """The outlines of one market's tickers, trades or books.

    Attributes:
        read, build: of the shape of these frames.
        read_late: makes an event whose numbers are made when they are read.
        kept: outlines that need no further check.
        longest: bytes of a frame up to which that holds; beyond it is to be seen whether one of its numbers is long.
    """

    __slots__ = ("_tried", "build", "kept", "longest", "read", "read_late")

    def __init__(self, shape: Shape) -> None:
        self.read: Callable[[bytes], Any] = shape.read
        self.build = shape.build
        self.read_late = unread_reader(shape.kind, simple=shape.simple)
        self.kept: tuple[bytes, ...] = ()
        self.longest = 0
        self._tried: set[bytes] = set()

    def add(self, frame: bytes, shape: Shape) -> None:
        """Keep the outline of a fully checked frame, if it is one that may be kept; each is tried once."""
        outline = frame.translate(None, DIGITS)
        if outline in self._tried or len(self._tried) >= _MOST_PER_MARKET:
            return
        self._tried.add(outline)
        room = _room(frame, shape)
        if room is not None:
            longest = len(outline) + room
            self.longest = min(self.longest, longest) if self.kept else longest
            self.kept = (*self.kept, outline)


def learn(known: dict[bytes, Outlines], shape: Shape, head: bytes, frame: bytes) -> None:
    """Keep the outline of a fully checked frame for the next ones of its market.

    Args:
        known: head -> its market's outlines; bounded.
        shape: of the frame.
        head: the first bytes up to and with the closing quote of the code.
        frame: the frame.
    """
    if shape.kind not in UNREAD_KINDS or len(head) > _LONGEST_HEAD:
        return
    outlines = known.get(head)
    if outlines is None:
        if len(known) >= _MOST_MARKETS:
            return
        outlines = known[head] = Outlines(shape)
    outlines.add(frame, shape)


def has_long_number(frame: bytes) -> bool:
    """Whether digits or points follow one another in a frame so often that it may be a number of 286 of them."""
    return _LONG_NUMBER in frame[::_STEP].translate(_SHOWN)


def _room(frame: bytes, shape: Shape) -> int | None:
    """Return how many digits and points a frame of this outline may have, None where its outline may not be kept."""
    if b"\\" in frame:  # a digit in an escape is no digit
        return None
    numbers: list[str] = []
    # What numbers become does not matter, only their texts do.
    pairs = json.loads(frame, object_pairs_hook=_Pairs, parse_int=numbers.append, parse_float=numbers.append)
    names = _known_names(pairs, shape.kind, simple=shape.simple)
    if names is None or any("e" in number.lower() for number in numbers):
        return None
    # Each other number takes one digit at least, and the digits of the keys are where they belong.
    return _MOST_DIGITS + len(numbers) - 1 + sum(character.isdigit() for name in names for character in name)


class _Pairs(list[tuple[str, Any]]):
    """Keys and values of one JSON object."""


def _known_names(pairs: _Pairs, kind: str, *, simple: bool) -> list[str] | None:
    """Return the keys of an object and of those in it, None where any of them is unknown or stands twice."""
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names) or not _KEYS[kind, simple].issuperset(names):
        return None
    for value in pairs:
        for row in value[1] if isinstance(value[1], list) else ():
            within = _known_names(row, _ROWS, simple=simple) if isinstance(row, _Pairs) else None
            if within is None:
                return None
            names += within
    return names
