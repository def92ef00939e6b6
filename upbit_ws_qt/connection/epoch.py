"""Which line an event came on: epochs that count the lines of an endpoint, and the gaps between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from upbit_ws_qt.types import WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from upbit_ws_qt.streams import StreamKey

__all__ = ["EpochManager", "GapEvent", "GapLog"]


@dataclass(frozen=True, slots=True)
class GapEvent:
    """The line of an endpoint was replaced by another one.

    Attributes:
        ws_type: which endpoint.
        old: epoch of the line before.
        new: epoch of the line from now on.
        down_seconds: between the loss of the old line and the opening of the new one; 0 for a planned change.
        cause: why the old line went, in a few words.
        streams: those that may have missed something for good (trades, orders, assets); none after a planned change,
            because both lines carried them at the same time.
        since: wall-clock milliseconds of the last sign of life on the old line: reload from here.
    """

    ws_type: WebSocketType
    old: int
    new: int
    down_seconds: float
    cause: str
    streams: tuple[StreamKey, ...]
    since: int


class EpochManager:
    """The present epoch of each endpoint: 0 before its first line, then one more with every line.

    There is exactly one GapEvent for each change but the first, before which there was nothing to miss.
    """

    def __init__(self) -> None:
        self._epochs: dict[WebSocketType, int] = dict.fromkeys(WebSocketType, 0)
        self._listeners: list[Callable[[WebSocketType, int], None]] = []

    def get_current_epoch(self, ws_type: WebSocketType) -> int:
        """Return the epoch of an endpoint's present line, 0 where there was none yet."""
        return self._epochs[ws_type]

    def is_current_epoch(self, ws_type: WebSocketType, epoch: int) -> bool:
        """Whether something stamped with `epoch` came on the present line."""
        return self._epochs[ws_type] == epoch

    async def increment_epoch(self, ws_type: WebSocketType) -> int:
        """Begin the next epoch of an endpoint and return it; the supervisor does, for each line that it opens."""
        return self.advance(ws_type)

    def advance(self, ws_type: WebSocketType) -> int:
        """Do what `increment_epoch` does where nothing can be awaited: in between two frames of the inbox."""
        self._epochs[ws_type] += 1
        epoch = self._epochs[ws_type]
        # A copy: whoever is told may stop listening.
        for listener in tuple(self._listeners):
            listener(ws_type, epoch)
        return epoch

    def add_listener(self, listener: Callable[[WebSocketType, int], None]) -> None:
        """Call `listener(ws_type, epoch)` at each change, at once and in the caller's context: it must not block."""
        self._listeners.append(listener)

    def remove_listener(self, listener: Callable[[WebSocketType, int], None]) -> None:
        """Stop calling a listener; one that is not known is ignored."""
        if listener in self._listeners:
            self._listeners.remove(listener)


def unrepeatable(streams: Iterable[StreamKey]) -> tuple[StreamKey, ...]:
    """Return the streams of which a missed message is lost for good."""
    return tuple(stream for stream in streams if stream.data_type.every_message_counts)


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
        # The first loss counts: lines that were never proved in between brought nothing.
        if self._loss is None:
            # The two clocks are read at one moment; only the loop's one knows when the line was last alive.
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
