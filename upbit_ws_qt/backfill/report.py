"""What became of a gap: what was missed of each stream, what of it was recovered, and what is lost for good."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from upbit_ws_qt.text import Phrase
from upbit_ws_qt.types import DataType, WebSocketType

if TYPE_CHECKING:
    from upbit_ws_qt.errors import RestError
    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.streams import StreamKey

__all__ = ["Filling", "GapReport", "StreamRecovery", "refusal_of"]


@dataclass(frozen=True, slots=True)
class Filling:
    """What was found of the past of one stream.

    Attributes:
        stream: which one.
        events: that were missed, oldest first, marked as recovered.
        reason: why it ends before the beginning of the gap; "" where it is all of it.
    """

    stream: StreamKey
    events: tuple[BaseWebSocketEvent, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StreamRecovery:
    """What became of the gap of one stream.

    Attributes:
        stream: which one.
        expected: what the exchange says was missed; where it does not reach back to the beginning, as far as it does.
        recovered: handed out as recovered, to each component that wanted it.
        reason: why something is lost for good ("beyond 7 days", "limit", "refused: …"); "" where nothing is.
        in_order: whether it was handed out before the live events that came after the gap.
        duration: seconds from the stream's first sign of life on the new line until all was handed out.
    """

    stream: StreamKey
    expected: int
    recovered: int
    reason: str = ""
    in_order: bool = True
    duration: float = 0.0

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it is lost."""
        return not self.reason and self.recovered == self.expected


@dataclass(frozen=True, slots=True)
class GapReport:
    """What became of a gap: its sum over all streams that were to be made whole. As text it is one line.

    Attributes:
        ws_type: which endpoint.
        old: epoch of the last line before it.
        new: epoch of the line after it; there may have been others in between that were cut before all was recovered.
            The same as `old` where the line stood, and this program itself lost what came.
        dark: seconds without a proved line.
        streams: each that was to be made whole, also where it had missed nothing.
        duration: seconds from the proved line until all was handed out.
    """

    ws_type: WebSocketType
    old: int
    new: int
    dark: float
    streams: tuple[StreamRecovery, ...]
    duration: float

    @property
    def expected(self) -> int:
        """How much was missed."""
        return sum(each.expected for each in self.streams)

    @property
    def recovered(self) -> int:
        """How much of it was handed out."""
        return sum(each.recovered for each in self.streams)

    @property
    def unrecoverable(self) -> tuple[StreamRecovery, ...]:
        """The streams of which something is lost for good."""
        return tuple(each for each in self.streams if not each.is_whole)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is lost."""
        return not self.unrecoverable

    @property
    def phrase(self) -> Phrase:
        """The report in one line, for whoever wants to say it in another language."""
        kinds = {each.stream.data_type for each in self.streams if each.expected}
        values = {"dark": self.dark, "recovered": self.recovered, "expected": self.expected}
        if self.old == self.new:
            told = Phrase("{expected:,} events lost within this program, {recovered:,} of them recovered", **values)
        elif kinds <= {DataType.TRADE} and self.ws_type is WebSocketType.PUBLIC:
            told = Phrase("{dark:.0f} s dark, {recovered:,} trades recovered of {expected:,}", **values)
        else:
            told = Phrase("{dark:.0f} s dark, {recovered:,} events recovered of {expected:,}", **values)
        if lost := self.unrecoverable:
            told = Phrase(
                "{what}; {count} streams not whole ({reason})", what=told, count=len(lost), reason=lost[0].reason
            )
        return told

    def __str__(self) -> str:
        return str(self.phrase)


def refusal_of(error: RestError) -> str:
    """Return the reason why something is lost that REST refuses to tell."""
    return f"refused: {error.detail or error.name or error.status}"
