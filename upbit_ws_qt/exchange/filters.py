"""Faults that change what a client gets: each turns one outgoing message into none, one or several."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .faultlist import FaultName
from .respelling import as_seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from .faultlist import Fault

_TIMES = re.compile(
    rb'"(timestamp|trade_timestamp|order_timestamp|asset_timestamp|tms|ttms|otms|asttms)":(\d{10,16})(?=[,}])'
)
_CODE = re.compile(rb'"(code|cd)":"[^"]*"')
_SNAPSHOT = re.compile(rb'"(stream_type|st)":"SNAPSHOT"')


class Filter:
    """One fault's work on one session."""

    def __init__(self, fault: Fault, count_hit: Callable[[], bool]) -> None:
        """Keep the fault; `count_hit` counts a hit and tells whether there may be one."""
        self.fault = fault
        self._count_hit = count_hit

    def __call__(self, kind: str, code: str, stream_type: str, message: bytes) -> list[bytes]:
        """Return what is sent instead of `message`, a SNAPSHOT or REALTIME of wire type `kind`."""
        raise NotImplementedError

    def drain(self) -> list[bytes]:
        """Return what is still held back when the fault ends."""
        return []


class Truncated(Filter):
    """Cuts every n-th message in half, inside a proper frame."""

    _seen = 0

    def __call__(self, kind: str, code: str, stream_type: str, message: bytes) -> list[bytes]:
        """Cut it or not."""
        self._seen += 1
        if self._seen % max(1, self.fault.options["every"]) == 0 and self._count_hit():
            return [message[: len(message) // 2]]
        return [message]


class WrongOrder(Filter):
    """Swaps each two messages of one stream."""

    def __init__(self, fault: Fault, count_hit: Callable[[], bool]) -> None:
        super().__init__(fault, count_hit)
        self._held: dict[tuple[str, str], bytes] = {}

    def __call__(self, kind: str, code: str, stream_type: str, message: bytes) -> list[bytes]:
        """Hold the first back and send it behind the second."""
        held = self._held.pop((kind, code), None)
        if held is not None:
            return [message, held]
        if stream_type == "REALTIME" and self._count_hit():
            self._held[kind, code] = message
            return []
        return [message]

    def drain(self) -> list[bytes]:
        """Return the first halves of unfinished pairs."""
        held = list(self._held.values())
        self._held.clear()
        return held


class DuplicateTrades(Filter):
    """Sends trades more than once."""

    def __call__(self, kind: str, code: str, stream_type: str, message: bytes) -> list[bytes]:
        """Repeat a trade."""
        if kind == "trade" and self._count_hit():
            return [message] * (1 + self.fault.options["copies"])
        return [message]


class DuplicateBooks(Filter):
    """Sends order books more than once, each the same."""

    def __call__(self, kind: str, code: str, stream_type: str, message: bytes) -> list[bytes]:
        """Repeat a book."""
        if kind == "orderbook" and stream_type == "REALTIME" and self._count_hit():
            return [message] * (1 + self.fault.options["copies"])
        return [message]


class WrongSnapshot(Filter):
    """Spoils snapshots in one of several ways."""

    def __init__(self, fault: Fault, count_hit: Callable[[], bool]) -> None:
        super().__init__(fault, count_hit)
        self._behind: dict[tuple[str, str], bytes] = {}

    def __call__(self, kind: str, code: str, stream_type: str, message: bytes) -> list[bytes]:
        """Spoil a snapshot."""
        if stream_type != "SNAPSHOT":
            held = self._behind.pop((kind, code), None)
            return [message] if held is None else [message, held]
        if not self._count_hit():
            return [message]
        options = self.fault.options
        if options["mode"] == "behind":
            self._behind[kind, code] = message
            return []
        if options["mode"] == "missing":
            return []
        if options["mode"] == "twice":
            return [message, message]
        if options["mode"] == "stale":
            return [_moved(message, -round(options["age"] * 1000))]
        if options["mode"] == "realtime":
            return [_SNAPSHOT.sub(rb'"\1":"REALTIME"', message)]
        return [_CODE.sub(rb'"\1":"' + options["code"].encode() + b'"', message, count=1)]

    def drain(self) -> list[bytes]:
        """Return the snapshots whose streams have sent nothing since."""
        held = list(self._behind.values())
        self._behind.clear()
        return held


class ClockSkew(Filter):
    """Moves all timestamps."""

    def __call__(self, kind: str, code: str, stream_type: str, message: bytes) -> list[bytes]:
        """Move them by the fault's seconds."""
        self._count_hit()
        return [_moved(message, round(self.fault.options["seconds"] * 1000))]


class Microseconds(Filter):
    """Writes timestamps in millionths of a second, as a book of 2023 had them."""

    def __call__(self, kind: str, code: str, stream_type: str, message: bytes) -> list[bytes]:
        """Write them so where the type is one of the fault's."""
        if kind not in self.fault.options["types"] or not self._count_hit():
            return [message]
        return [_TIMES.sub(lambda found: b'"%s":%d' % (found[1], int(found[2]) * 1000), message)]


class OtherSpellings(Filter):
    """Spells numbers as they were seen in September 2026."""

    def __call__(self, kind: str, code: str, stream_type: str, message: bytes) -> list[bytes]:
        """Spell them so."""
        self._count_hit()
        return [as_seen(kind, message)]


class Withheld(Filter):
    """Drops everything: a stall that keeps nothing."""

    def __call__(self, kind: str, code: str, stream_type: str, message: bytes) -> list[bytes]:
        """Drop it."""
        self._count_hit()
        return []


class Mute(Filter):
    """Drops what some codes send, or all of them where none is named; the others go on."""

    def __call__(self, kind: str, code: str, stream_type: str, message: bytes) -> list[bytes]:
        """Drop it or not."""
        codes = self.fault.options["codes"]
        if (codes and code not in codes) or not self._count_hit():
            return [message]
        return []


FILTERS: dict[FaultName, type[Filter]] = {
    FaultName.TRUNCATED: Truncated,
    FaultName.WRONG_ORDER: WrongOrder,
    FaultName.DUPLICATE_TRADES: DuplicateTrades,
    FaultName.WRONG_SNAPSHOT: WrongSnapshot,
    FaultName.CLOCK_SKEW: ClockSkew,
    FaultName.DUPLICATE_BOOKS: DuplicateBooks,
    FaultName.MICROSECONDS: Microseconds,
    FaultName.OTHER_SPELLINGS: OtherSpellings,
    FaultName.STALL: Withheld,
    FaultName.MUTE: Mute,
}


def _moved(message: bytes, milliseconds: int) -> bytes:
    return _TIMES.sub(lambda found: b'"%s":%d' % (found[1], int(found[2]) + milliseconds), message)
