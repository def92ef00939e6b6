"""The requests of one line between their sending and what becomes of them: taken, or refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from upbit_ws_qt.subscriptions.endpoint_memory import SplitTrust
from upbit_ws_qt.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.endpoint_memory import EndpointMemory
    from upbit_ws_qt.subscriptions.planner import OptimizationResult
    from upbit_ws_qt.subscriptions.wishes import Demand, Wish
    from upbit_ws_qt.types import DataType
    from upbit_ws_qt.wire import ServerError

__all__ = ["RequestsInFlight", "SentRequest", "SplitTrial"]


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


class RequestsInFlight:
    """What is taken clears the wishes in it; what is refused is handed to the search for the guilty one.

    The exchange answers requests in order: what shows that one was taken shows it of all before.

    Attributes:
        number: of the latest request.
        has_answered: whether the line has answered anything: a refusal before that may be the line's fault.
    """

    def __init__(self, memory: EndpointMemory) -> None:
        self._memory = memory
        self._open: list[SentRequest] = []
        self.number = 0
        self.has_answered = False

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._open)

    @property
    def next_deadline(self) -> float | None:
        """When the oldest of them counts as taken."""
        return self._open[0].at + self._memory.patience.accepted if self._open else None

    def suspects(self, plan: OptimizationResult, asked: Mapping[StreamKey, Demand]) -> frozenset[Wish]:
        """Return the wishes never taken that make a request other than the one before, which `asked` for that."""
        return frozenset(wish for wish in self._memory.search.suspects() if _adds(wish, plan, asked))

    def note(self, suspects: frozenset[Wish], fresh: frozenset[StreamKey], now: float, *, is_trial: bool) -> None:
        """Add a request that leaves now; data of the `fresh` streams would show that it was taken."""
        self.number += 1
        # What the line had answered by now, not later: only that can clear the line of a refusal of this request.
        self._open.append(SentRequest(self.number, now, suspects, fresh, self.has_answered, is_trial))

    def taken_by_data(self, stream: StreamKey) -> None:
        """Take note of new data of a stream."""
        self.has_answered = True
        # Data of a stream that was asked for before shows nothing: it would come of the older request as well.
        index = next((i for i, request in enumerate(self._open) if stream in request.fresh), None)
        if index is not None:
            self._take(index + 1)

    def taken_by_list(self, number: int) -> None:
        """Take note of a list that was asked for after a request."""
        self.has_answered = True
        self._take(self._count(lambda request: request.number <= number))

    def taken_in_time(self, now: float) -> None:
        """Count as taken what has met no error for long enough."""
        if self._open:
            self._take(self._count(lambda request: request.at + self._memory.patience.accepted <= now))

    def stood_still(self, seconds: float) -> None:
        """Leave time out in which an error could not be read: it says nothing of a request that none was."""
        self._open = [replace(request, at=request.at + seconds) for request in self._open]

    def drop(self) -> tuple[SentRequest, ...]:
        """Forget all that are open and return them: an error does not say which one it refuses."""
        # They were sent behind each other and the line is closed: none of the later ones was looked at.
        requests, self._open = tuple(self._open), []
        return requests

    def blame(self, refused: Collection[SentRequest], error: ServerError, *, is_candidate: bool) -> None:
        """Have it found out why requests were refused.

        Args:
            refused: the requests that were open, at least one.
            error: what the exchange said.
            is_candidate: whether another line serves: there, what is not new in these requests goes well.
        """
        memory, has_control = self._memory, next(iter(refused)).has_control
        if error.name == "INVALID_AUTH" and not has_control:
            # The token, as a rule. If the next line answers a list, it is the key's scope that a wish lacks.
            memory.doubt_key()
            return
        is_split = memory.accuse_split(is_trial=any(request.is_split_trial for request in refused))
        # Of several open requests any may be the refused one, so the wishes of all of them are looked into.
        suspects = frozenset().union(*(request.suspects for request in refused))
        # Nobody is suspected where nothing new was asked for. Then the way of asking explains it, or that this is a
        # second line; if neither does, what was trusted has to be doubted again.
        if suspects or not (is_split or is_candidate):
            reason = safe_text(f"{error.name}: {error.message}" if error.message else error.name, 200)
            memory.search.rejected(suspects, reason, has_control=has_control, is_doubtful=is_split)
            memory.judge_split()

    def _count(self, holds: Callable[[SentRequest], bool]) -> int:
        return sum(1 for request in self._open if holds(request))

    def _take(self, count: int) -> None:
        """Clear the suspects of the oldest requests, which were taken."""
        if not count:
            return
        taken, self._open = self._open[:count], self._open[count:]
        self._memory.search.accepted(frozenset().union(*(request.suspects for request in taken)))
        self._memory.judge_split()


def _adds(wish: Wish, plan: OptimizationResult, asked: Mapping[StreamKey, Demand]) -> bool:
    """Whether a wish makes a request other than the last one; what adds nothing cannot be what is refused."""
    for stream, demand in wish.demands.items():
        known = asked.get(stream)
        if stream in plan.union:
            # A wish that asks for nothing new cannot be what the exchange refuses now and did not before.
            if known is None or not known.covers(demand._replace(realtime=True)):
                return True
        elif stream in plan.snapshots:
            return True
    return False


class SplitTrial:
    """Nobody here has seen the real exchange do it, so the first requests of that kind are looked at closely.

    Attributes:
        fresh: streams whose snapshot was asked for beside realtime-only ones of their type, not judged yet.
        trial: streams that did not come that way and are now asked for plainly.
        mixed_types: types that stood in the latest request in two ways.
    """

    def __init__(self, memory: EndpointMemory) -> None:
        self._memory = memory
        self._planner = memory.planner
        self._is_seen = False
        self.fresh: frozenset[StreamKey] = frozenset()
        self.trial: frozenset[StreamKey] = frozenset()
        self._trial_ends: float | None = None
        self.mixed_types: frozenset[DataType] = frozenset()

    def note_request(self, plan: OptimizationResult, expected: Collection[StreamKey], now: float) -> bool:
        """Take note of a request and of what it is expected to bring; return whether it shows what is not known yet."""
        if self.trial and self._trial_ends is None:
            self._trial_ends = now + self._memory.patience.first_data
        self.mixed_types = plan.mixed_types
        # What this request asks for plainly may come because of it: then it shows nothing of the ones before.
        self.fresh -= {stream for stream in plan.snapshots if stream.data_type not in plan.split_types}
        is_trial = bool(plan.mixed_types) and self._planner.split is SplitTrust.UNKNOWN
        if is_trial:
            self.fresh |= {s for s in expected if s.data_type in plan.split_types and s in plan.snapshots}
        return is_trial

    def on_snapshot(self, stream: StreamKey) -> None:
        """Take note of a snapshot; an event that just happened to come would show nothing."""
        # Realtime data would flow either way; only the snapshot was asked for in the way that is in doubt.
        if stream in self.trial:  # it came plainly, and had not come beside realtime-only ones: broken for good
            self.trial = frozenset()
        elif stream in self.fresh:
            self._is_seen = True

    def on_list(self, missing: Collection[StreamKey], mixed_types: Collection[DataType]) -> None:
        """Conclude from what the list lacks of a request with these types in two ways, and from the data."""
        if any(stream.data_type in mixed_types for stream in missing):
            self._planner.learn(SplitTrust.BROKEN)
        elif self._is_seen:
            self._planner.learn(SplitTrust.PROVED)
        else:
            return
        self.fresh, self._is_seen = frozenset(), False

    def begin_trial(self, streams: Collection[StreamKey]) -> None:
        """Ask plainly for streams that did not come: they are unknown to the exchange, or it is the split."""
        self.fresh, self.trial, self._trial_ends = frozenset(), frozenset(streams), None
        self._planner.learn(SplitTrust.BROKEN)

    def tries(self, now: float) -> bool:
        """Whether a trial goes on: its request has not left, or has left so lately that its data may still come."""
        return bool(self.trial) and (self._trial_ends is None or now < self._trial_ends)

    def end_trial(self) -> None:
        """Asking plainly did not help: it was not the asking in two ways."""
        self.trial = frozenset()
        self._planner.learn(SplitTrust.UNKNOWN)

    def may_try(self, streams: Collection[StreamKey]) -> frozenset[StreamKey]:
        """Return those of silent streams for which asking plainly is worth a try."""
        if self._planner.split is not SplitTrust.UNKNOWN or self.trial:
            return frozenset()
        return frozenset(stream for stream in streams if stream.data_type in self.mixed_types)
