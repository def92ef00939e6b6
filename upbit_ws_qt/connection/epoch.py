"""Which line an event came on: epochs that count the lines of an endpoint, and the gaps between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from upbit_ws_qt.streams import DISORDER_MS, StreamGap
from upbit_ws_qt.types import WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.streams import StreamKey

__all__ = ["EpochManager", "GapEvent", "GapLog", "HandedOn"]


@dataclass(frozen=True, slots=True)
class GapEvent:
    """The line of an endpoint was replaced by another one, or this program itself lost something that it brought.

    Attributes:
        ws_type: which endpoint.
        old: epoch of the line before.
        new: epoch of the line from now on; the same as `old` where the line stands, and what was lost had come.
        down_seconds: between the loss of the old line and the opening of the new one; 0 for a planned change.
        cause: why the old line went, in a few words.
        streams: those that may have missed something for good (trades, orders, assets); none after a planned change,
            because both lines carried them at the same time. What the exchange has never served is not among them.
        since: milliseconds of the *exchange's* clock, never later than the first thing that was missed: the earliest
            `since` of `ranges`. Where nothing had been handed on of any of those streams it is reckoned from whatever
            the line brought last, and 0 where it brought nothing at all.
        ranges: where the gap begins for each stream that may have missed something, and for candles.
    """

    ws_type: WebSocketType
    old: int
    new: int
    down_seconds: float
    cause: str
    streams: tuple[StreamKey, ...]
    since: int
    ranges: tuple[StreamGap, ...] = ()


class HandedOn(Protocol):
    """What knows what has been handed on; the routing."""

    def stream_gap(self, stream: StreamKey) -> StreamGap:
        """Return where a gap of a stream would begin now."""

    def newest_timestamp(self, ws_type: WebSocketType) -> int:
        """Return the newest exchange timestamp of an endpoint that was handed on, 0 where there was none."""


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

    def begin_at(self, ws_type: WebSocketType, epoch: int) -> None:
        """Make `epoch` the present one, in whatever order: in a replay the epochs are those of then."""
        if epoch != self._epochs[ws_type]:
            self._epochs[ws_type] = epoch
            for listener in tuple(self._listeners):
                listener(ws_type, epoch)

    def add_listener(self, listener: Callable[[WebSocketType, int], None]) -> None:
        """Call `listener(ws_type, epoch)` at each change, at once and in the caller's context: it must not block."""
        self._listeners.append(listener)

    def remove_listener(self, listener: Callable[[WebSocketType, int], None]) -> None:
        """Stop calling a listener; one that is not known is ignored."""
        if listener in self._listeners:
            self._listeners.remove(listener)


class _Loss(NamedTuple):
    at: float
    cause: str


def may_miss(stream: StreamKey) -> bool:
    """Whether a stream may have missed something that the next message does not make good; of candles, closed ones."""
    return stream.data_type.every_message_counts or stream.data_type.is_candle


class GapLog:
    """Keeps the loss of the last proved line until another one is proved.

    A line that was never proved leaves the loss before it in force: the gap began there, and every gap event until
    the end of it says so.

    Args:
        ws_type: endpoint.
        streams: those that are carried now.
        handed_on: what the ends of gaps are read off, in the exchange's terms.
        on_gap: told each change of epoch but the first, at once.
    """

    def __init__(
        self,
        ws_type: WebSocketType,
        streams: Callable[[], tuple[StreamKey, ...]],
        handed_on: HandedOn,
        on_gap: Callable[[GapEvent], None],
    ) -> None:
        self._ws_type = ws_type
        self._streams = streams
        self._handed_on = handed_on
        self._on_gap = on_gap
        self._loss: _Loss | None = None
        self._ranges: tuple[StreamGap, ...] | None = None  # of the loss, from the first epoch after it on

    def lost(self, cause: str, at: float) -> None:
        """Note that a line is gone, and when that was found (loop clock, seconds)."""
        # The first loss counts: of what flowed before it, lines that were never proved make nothing good.
        if self._loss is None:
            self._loss = _Loss(at, cause)

    def epoch_begun(self, new: int, opened_at: float, cause: str) -> None:
        """Tell the gap before an epoch whose line was opened at `opened_at`; `cause` where nothing was lost."""
        old, loss = new - 1, self._loss
        if old == 0:
            return  # nothing came before it that could have been missed
        newest = max(0, self._handed_on.newest_timestamp(self._ws_type) - DISORDER_MS)
        if loss is None:
            self._on_gap(GapEvent(self._ws_type, old, new, 0.0, cause, (), newest))
            return
        # Read now and not when the line was lost: what it had brought by then may have been handed on meanwhile, and
        # what was not is dropped from here on, so that it is missing too.
        # Where a line that was never proved has brought the first of a stream, its gap begins there.
        begun = {each.stream: each for each in self._ranges or () if each.last_timestamp is not None}
        carried = [stream for stream in self._streams() if may_miss(stream) and stream not in begun]
        self._ranges = (*begun.values(), *map(self._handed_on.stream_gap, carried))
        streams = tuple(each.stream for each in self._ranges if each.stream.data_type.every_message_counts)
        known = [each.since for each in self._ranges if each.since is not None]
        down = max(0.0, opened_at - loss.at)
        self._on_gap(
            GapEvent(self._ws_type, old, new, down, loss.cause, streams, min(known, default=newest), self._ranges)
        )

    def mended(self) -> None:
        """Forget the loss: a line is proved, or nothing is wanted any more."""
        self._loss = self._ranges = None
