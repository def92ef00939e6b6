"""Which streams miss something at present, and what is the matter with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.backfill.report import StreamRecovery

__all__ = ["Wholeness"]

BEING_RECOVERED = "being recovered"


class Wholeness:
    """What all that heals gaps says of each stream, in one place.

    Args:
        is_wanted: whether anybody wants a stream; of the others nothing is remembered.
    """

    def __init__(self, is_wanted: Callable[[StreamKey], bool]) -> None:
        self._is_wanted = is_wanted
        self._gapped: set[StreamKey] = set()
        self._open: set[StreamKey] = set()
        self._lost: dict[StreamKey, str] = {}

    def missed(self, stream: StreamKey) -> None:
        """Note that something of a stream was missed, or may have been."""
        self._gapped.add(stream)

    def begins(self, stream: StreamKey) -> None:
        """Note that what was missed of a stream is to be recovered."""
        self._open.add(stream)

    def ends(self, stream: StreamKey) -> None:
        """Note that nothing of a stream is being recovered any more, because nobody wants it."""
        self._open.discard(stream)

    def healed(self, recovery: StreamRecovery) -> None:
        """Note what became of the gap of a stream."""
        stream = recovery.stream
        self._open.discard(stream)
        if recovery.is_whole:
            self._gapped.discard(stream)
            self._lost.pop(stream, None)
        else:
            self._lost[stream] = recovery.reason

    def is_whole(self, stream: StreamKey) -> bool:
        """Whether nothing of a stream is missing since it is wanted, or all that was has been recovered."""
        if stream.data_type is DataType.MY_ORDER and StreamKey(DataType.MY_ORDER) in self._gapped:
            return False  # orders of one market come by the stream of all where that is wanted too
        return stream not in self._gapped

    def unhealed(self) -> dict[StreamKey, str]:
        """Return the streams with a gap that could not be made good, or is being made good, with what is the matter."""
        for known in (self._gapped, self._open):
            known -= {stream for stream in known if not self._is_wanted(stream)}
        for stream in [stream for stream in self._lost if not self._is_wanted(stream)]:
            del self._lost[stream]
        return {**self._lost, **dict.fromkeys(self._open, BEING_RECOVERED)}
