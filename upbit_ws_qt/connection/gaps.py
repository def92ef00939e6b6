"""The gaps between lines: what was lost, since when, and telling it once for each change of epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from upbit_ws_qt.connection.epoch import GapEvent, unrepeatable

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.types import WebSocketType

__all__ = ["GapLog"]


class _Loss(NamedTuple):
    at: float
    since_ms: int
    cause: str
    streams: tuple[StreamKey, ...]


class GapLog:
    """Keeps the loss of the last proved line until another one is proved.

    A line that was never proved leaves the loss before it in force: the gap began there, and every gap event until
    the end of it says so.
    """

    def __init__(
        self,
        ws_type: WebSocketType,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        streams: Callable[[], tuple[StreamKey, ...]],
        on_gap: Callable[[GapEvent], None],
    ) -> None:
        self._ws_type = ws_type
        self._clock = clock
        self._wall_clock = wall_clock
        self._streams = streams
        self._on_gap = on_gap
        self._loss: _Loss | None = None

    def lost(self, cause: str, alive_at: float) -> None:
        """Note that a line is gone; `alive_at` is when it last showed a sign of life."""
        if self._loss is None:
            now = self._clock()
            since_ms = int((self._wall_clock() - (now - alive_at)) * 1000)
            self._loss = _Loss(now, since_ms, cause, unrepeatable(self._streams()))

    def epoch_begun(self, new: int, opened_at: float, cause: str) -> None:
        """Tell the gap before an epoch whose line was opened at `opened_at`; `cause` where nothing was lost."""
        old, loss = new - 1, self._loss
        if old == 0:
            return  # nothing came before it that could have been missed
        if loss is None:
            gap = GapEvent(self._ws_type, old, new, 0.0, cause, (), int(self._wall_clock() * 1000))
        else:
            down = max(0.0, opened_at - loss.at)
            gap = GapEvent(self._ws_type, old, new, down, loss.cause, loss.streams, loss.since_ms)
        self._on_gap(gap)

    def mended(self) -> None:
        """Forget the loss: a line is proved, or nothing is wanted any more."""
        self._loss = None
