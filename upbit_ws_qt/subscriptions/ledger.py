"""The requests of one line that were neither taken nor refused yet, and the repairs that were tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.wish import Wish

__all__ = ["AskAgain", "RepairBook", "RequestLedger", "SentRequest"]

_MOST_REPAIRS = 2
_MOST_IN_A_ROW = 5


@dataclass(frozen=True, slots=True)
class SentRequest:
    """A request without an answer.

    Attributes:
        number: counts the requests of a line.
        at: when it left.
        suspects: wishes that made it other than the one before and were never taken.
        fresh: streams whose data would show that it was taken.
        has_control: whether the line had answered something before.
        is_split_trial: whether it asked for one type in two ways before that was known to work.
    """

    number: int
    at: float
    suspects: frozenset[Wish]
    fresh: frozenset[StreamKey]
    has_control: bool
    is_split_trial: bool


class RequestLedger:
    """The exchange answers requests in order: what shows that one was taken shows it of all before."""

    def __init__(self) -> None:
        self._open: list[SentRequest] = []

    def __bool__(self) -> bool:
        return bool(self._open)

    @property
    def oldest_at(self) -> float | None:
        """When the oldest of them left."""
        return self._open[0].at if self._open else None

    def note(self, request: SentRequest) -> None:
        """Add a request that leaves now."""
        self._open.append(request)

    def taken_by_data(self, stream: StreamKey) -> frozenset[Wish] | None:
        """Take out what data of a stream shows to be taken; return the cleared suspects, None for nothing."""
        index = next((i for i, request in enumerate(self._open) if stream in request.fresh), None)
        return None if index is None else self._take(index + 1)

    def taken_until(self, number: int) -> frozenset[Wish] | None:
        """Take out the requests up to a number."""
        return self._take(self._count(lambda request: request.number <= number))

    def taken_in_time(self, now: float, patience: float) -> frozenset[Wish] | None:
        """Take out the requests that have met no error for `patience` seconds."""
        return self._take(self._count(lambda request: request.at + patience <= now))

    def refused(self) -> tuple[SentRequest, ...]:
        """Take out all: an error does not say which one it refuses."""
        requests, self._open = tuple(self._open), []
        return requests

    def _count(self, holds: Callable[[SentRequest], bool]) -> int:
        return sum(1 for request in self._open if holds(request))

    def _take(self, count: int) -> frozenset[Wish] | None:
        if not count:
            return None
        taken, self._open = self._open[:count], self._open[count:]
        return frozenset().union(*(request.suspects for request in taken))


class RepairBook:
    """How often what was missing has been asked for again; there is an end to it."""

    def __init__(self) -> None:
        self._tried: dict[StreamKey, int] = {}
        self._in_a_row = 0

    @property
    def is_exhausted(self) -> bool:
        """Whether repairs have not helped for so long that they are given up until a list is as it should be."""
        return self._in_a_row >= _MOST_IN_A_ROW

    def may_try(self, stream: StreamKey) -> bool:
        """Count a try for a stream; False where there were enough."""
        tried = self._tried.get(stream, 0)
        if tried >= _MOST_REPAIRS or self.is_exhausted:
            return False
        self._tried[stream] = tried + 1
        return True

    def started(self) -> None:
        """Count a repair."""
        self._in_a_row += 1

    def clean(self) -> None:
        """Note a list that was as it should be."""
        self._in_a_row = 0

    def forget(self, stream: StreamKey) -> None:
        """Note that a stream came, or is not wanted any more."""
        self._tried.pop(stream, None)


class AskAgain:
    """When streams that came on an earlier line, and not on this one, are asked for again.

    The exchange may list a stream and send nothing of it. A code that never came is not asked for in vain here: it is
    unknown to the exchange, or delisted.
    """

    def __init__(self, pauses: tuple[float, ...]) -> None:
        self._pauses = pauses
        self._due: dict[StreamKey, float] = {}
        self._tries: dict[StreamKey, int] = {}

    @property
    def next_due(self) -> float | None:
        """When the next of them is due, None where none is."""
        return min(self._due.values(), default=None)

    def gave_up(self, stream: StreamKey, now: float) -> None:
        """Note that a stream counts as unserved; where it has been asked for again before, that goes on."""
        if stream not in self._tries:
            self._tries[stream] = 0
            self._plan(stream, now)

    def forget(self, stream: StreamKey) -> None:
        """Note that a stream came, or is not wanted any more."""
        self._due.pop(stream, None)
        self._tries.pop(stream, None)

    def is_due(self, now: float) -> bool:
        """Whether a request is due; those whose turn it is, or nearly is, go together."""
        if (first := self.next_due) is None or first > now:
            return False
        for stream in [stream for stream, due in self._due.items() if due <= now + 1.0]:
            self._tries[stream] += 1
            self._plan(stream, now)
        return True

    def _plan(self, stream: StreamKey, now: float) -> None:
        tries = self._tries[stream]
        if tries < len(self._pauses):
            self._due[stream] = now + self._pauses[tries]
        else:
            self._due.pop(stream, None)
