"""The last raw frames of all lines, kept only while somebody looks; what is private is masked where it is noted."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from upbit_ws_qt.text import safe_text
from upbit_ws_qt.types import WebSocketType
from upbit_ws_qt.wire import peek, spell_out

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from upbit_ws_qt.connection import Line
    from upbit_ws_qt.connection.line import Tap
    from upbit_ws_qt.manager.endpoint import Endpoint

__all__ = ["FrameRecord", "FrameTrace", "TraceRegistry"]

FRAMES_KEPT = 500
CHARACTERS_KEPT = 2000


class FrameRecord(NamedTuple):
    """One raw frame.

    Attributes:
        number: from 1 on, rising.
        at: seconds since 1970.
        ws_type: of which line.
        sent: True for what we sent, False for what we received.
        kind: type and code, as far as the first bytes tell; "" where they do not.
        size: bytes, inflated.
        text: the first 2,000 characters, safe to show; "" on the private line, which is masked.
    """

    number: int
    at: float
    ws_type: WebSocketType
    sent: bool
    kind: str
    size: int
    text: str

    @property
    def spelt_out(self) -> str:
        """The text with the exchange's long names, whichever format it came in; a text that was cut stays as it is."""
        return spell_out(self.text)


class FrameTrace:
    """The last 500 frames since it was begun; close it when nobody looks any more, it costs time for every frame."""

    def __init__(self, on_close: Callable[[FrameTrace], None], wall_clock: Callable[[], float]) -> None:
        self._wall_clock = wall_clock
        self._on_close = on_close
        self._raw: deque[tuple[int, float, WebSocketType, bool, bytes, int]] = deque(maxlen=FRAMES_KEPT)
        self.count = 0
        self.closed = False

    def note(self, ws_type: WebSocketType, data: bytes, *, sent: bool) -> None:
        """Keep one frame; of a private one only what it is and its size."""
        self.count += 1
        kept = data[:64] if ws_type is WebSocketType.PRIVATE else data[: 4 * CHARACTERS_KEPT]
        self._raw.append((self.count, self._wall_clock(), ws_type, sent, kept, len(data)))

    def frames(self) -> tuple[FrameRecord, ...]:
        """Return what is kept, oldest first."""
        return tuple(_record(*raw) for raw in self._raw)

    def close(self) -> None:
        """Look no more; what was kept stays. Idempotent."""
        if not self.closed:
            self.closed = True
            self._on_close(self)


class TraceRegistry:
    """Taps the lines while somebody looks: traces, and whoever wants each frame in full."""

    def __init__(self, endpoints: Mapping[WebSocketType, Endpoint], wall_clock: Callable[[], float]) -> None:
        self._wall_clock = wall_clock
        self._endpoints = endpoints
        self._taps: tuple[Tap, ...] = ()

    def open(self) -> FrameTrace:
        """Begin a trace."""

        def tap(line: Line, data: bytes, _: float, sent: bool) -> None:
            trace.note(line.ws_type, data, sent=sent)

        trace = FrameTrace(lambda _: self.remove_tap(tap), self._wall_clock)
        self.add_tap(tap)
        return trace

    def add_tap(self, tap: Tap) -> None:
        """Have all that comes and goes on any line seen by `tap`, private data too; it must not block or raise."""
        self._set((*self._taps, tap))

    def remove_tap(self, tap: Tap) -> None:
        """Show it nothing more; one that is not known is ignored."""
        self._set(tuple(other for other in self._taps if other != tap))

    def _set(self, taps: tuple[Tap, ...]) -> None:
        self._taps = taps
        tap = None if not taps else taps[0] if len(taps) == 1 else self._show
        for endpoint in self._endpoints.values():
            endpoint.connection.set_tap(tap)

    def _show(self, line: Line, data: bytes, at: float, sent: bool) -> None:
        for tap in self._taps:
            tap(line, data, at, sent)


def _record(number: int, at: float, ws_type: WebSocketType, sent: bool, data: bytes, size: int) -> FrameRecord:
    head = None if sent else peek(data)
    kind = "" if head is None else " ".join(part for part in head if part)
    text = "" if ws_type is WebSocketType.PRIVATE else safe_text(data, CHARACTERS_KEPT)
    return FrameRecord(number, at, ws_type, sent, kind, size, text)
