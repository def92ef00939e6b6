"""How it stands with each stream: told once per change, outside all tasks; and the figures of one endpoint."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.subscriptions.wishes import Standing

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Collection, Iterable, Sequence

    from upbit_ws_qt.errors import WebSocketError
    from upbit_ws_qt.specs import SubscriptionSpec
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.conflicts import ConflictInfo
    from upbit_ws_qt.subscriptions.endpoint_memory import EndpointMemory, SplitTrust
    from upbit_ws_qt.types import DataFormat, WebSocketType
    from upbit_ws_qt.wire import FormatChoice, FormatSavings

__all__ = ["Quarantined", "StatusTracker", "StreamStatus", "SubscriptionStatistics", "endpoint_statistics", "names_of"]


class StreamStatus(StrEnum):
    """The life of one stream."""

    WANTED = "wanted"
    """Not asked for yet: no line, no budget, or held while a refused request is looked into."""
    REQUESTED = "requested"
    """Asked for, not proved yet."""
    LIVE = "live"
    """Proved: its data came, or, where silence is normal, the exchange lists it."""
    WARMING_UP = "warming_up"
    """Listed; an account's first myAsset may be silent for minutes."""
    UNSERVED = "unserved"
    """Asked for, and nothing came: delisted or misspelt. Becomes LIVE when data comes after all."""
    REJECTED = "rejected"
    """The exchange refuses the wish."""

    @property
    def is_served(self) -> bool:
        """Whether a consumer can rely on it."""
        return self in (StreamStatus.LIVE, StreamStatus.WARMING_UP)

    @property
    def is_failed(self) -> bool:
        """Whether a consumer waits in vain for now."""
        return self in (StreamStatus.UNSERVED, StreamStatus.REJECTED)


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A wish that the exchange refuses.

    Attributes:
        spec: the wish.
        components: who holds it.
        reason: what the exchange said.
    """

    spec: SubscriptionSpec
    components: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class SubscriptionStatistics:
    """The subscriptions of one endpoint, and what keeping them took since the start.

    Attributes:
        ws_type: the endpoint.
        wishes: distinct specs.
        streams: streams of the union.
        live: streams that are proved (warming up included).
        unserved: streams that stay silent.
        quarantined: wishes that the exchange refuses.
        conflicts: wishes that differ and what was made of it, in words.
        requests: requests sent, without lists.
        lists: LIST_SUBSCRIPTIONS sent.
        bytes_sent: of both.
        snapshots: snapshots asked for.
        changes: changes of the wishes handed in.
        cancelled: times that changes undid each other before anything was sent.
        repairs: requests sent again because the exchange's list lacked something or had too much.
        rejections: requests that the exchange refused.
        refusals: times that the exchange said "too many".
        lists_unanswered: lists that got no answer.
        stray_errors: errors of the exchange that no request of ours explains.
        efficiency_score: 0 to 100, see IntelligentSubscriptionOptimizer.calculate_efficiency_score.
        budget_used: share of the minute's messages that is used now, 0 without a line.
        split: whether the exchange takes one type in both ways in one request.
        restores: lines after the first that were proved; the latest 1,000 count.
        last_restore: seconds from the open line to the proof, None before the first of them.
        restored: streams proved on the latest line, and `restorable` how many there were to prove.
        restorable: see there.
        data_format: that the next request names; never AUTO.
        format_reason: why, in words.
        format_savings: what AUTO has measured for it, None where it has not.
    """

    ws_type: WebSocketType
    wishes: int
    streams: int
    live: int
    unserved: tuple[StreamKey, ...]
    quarantined: tuple[Quarantined, ...]
    conflicts: tuple[ConflictInfo, ...]
    requests: int
    lists: int
    bytes_sent: int
    snapshots: int
    changes: int
    cancelled: int
    repairs: int
    rejections: int
    refusals: int
    lists_unanswered: int
    stray_errors: int
    efficiency_score: float
    budget_used: float
    split: SplitTrust
    restores: int
    last_restore: float | None
    restored: int
    restorable: int
    data_format: DataFormat
    format_reason: str
    format_savings: FormatSavings | None


class _Waiter:
    """Somebody who waits until some streams are served: those not decided yet, and those decided against."""

    def __init__(self, streams: Iterable[StreamKey], answer: asyncio.Future[None]) -> None:
        self.streams = frozenset(streams)
        self.open = set(self.streams)
        self.failed: dict[StreamKey, SubscriptionError | None] = {}
        self.answer = answer

    def note(self, stream: StreamKey, status: StreamStatus | None, error: SubscriptionError | None) -> None:
        """Take in how it stands with a stream and why; None where nobody wants it any more."""
        self.failed.pop(stream, None)
        self.open.discard(stream)
        if status is None or status.is_failed:
            self.failed[stream] = error
        elif not status.is_served:
            self.open.add(stream)

    def decide(self) -> None:
        """Answer once it is known of every stream whether it is served."""
        if self.open or self.answer.done():
            return
        if self.failed:
            self.answer.set_exception(self._error())
        else:
            self.answer.set_result(None)

    def _error(self) -> SubscriptionError:
        """Return what they are all failed for, in the words in which everybody else is told."""
        errors = {id(error): error for error in self.failed.values()}
        only = next(iter(errors.values()))
        # One reason for all of it: say that, and not a list of names.
        if len(errors) == 1 and only is not None:
            # A copy: an exception that is raised twice collects the tracebacks of both.
            return only.copy(only.component_id)
        codes = tuple(stream.symbol for stream in sorted(self.failed))
        return SubscriptionError(f"the exchange does not serve {names_of(self.failed)}", codes=codes)


class StatusTracker:
    """Remembers what was told and tells what differs.

    Args:
        loop: whose callbacks carry the news, so that none is told from inside a Task.
        streams: returns all streams that anybody wants.
        wants: returns whether anybody wants a stream.
        status: returns how it stands with a stream now.
        why: returns what is wrong with a stream of that status, None for nothing.
        tell: is told each change, with what is wrong.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        streams: Callable[[], Collection[StreamKey]],
        wants: Callable[[StreamKey], bool],
        status: Callable[[StreamKey], StreamStatus],
        why: Callable[[StreamKey, StreamStatus], SubscriptionError | None],
        tell: Callable[[StreamKey, StreamStatus, SubscriptionError | None], None],
    ) -> None:
        self._loop = loop
        self._streams = streams
        self._wants = wants
        self._status = status
        self._why = why
        self._tell = tell
        self._told: dict[StreamKey, StreamStatus] = {}
        self._news: deque[tuple[StreamKey, StreamStatus, SubscriptionError | None]] = deque()
        self._is_telling = False
        self._due: dict[StreamKey, None] = {}  # to be looked at in the loop's next turn, in order
        self._all_due = False
        self._look_armed = False
        self._waiters: dict[_Waiter, None] = {}
        self._waiting_for: dict[StreamKey, dict[_Waiter, None]] = {}
        self._closed: Exception | None = None

    def served(self) -> list[StreamKey]:
        """Return the streams that were last told to be served."""
        return [stream for stream, status in self._told.items() if status.is_served]

    def changed(self, streams: Iterable[StreamKey]) -> None:
        """Look at some streams now."""
        for stream in streams:
            if stream in self._told:
                self._note(stream)
            waiters = tuple(self._waiting_for.get(stream, ()))
            self._inform(waiters, stream)
            for waiter in waiters:
                waiter.decide()

    def look_soon(self, streams: Collection[StreamKey]) -> None:
        """Look at some streams in the loop's next turn."""
        if streams:
            self._due.update(dict.fromkeys(streams))
            self._arm()

    def refresh_soon(self) -> None:
        """Look at all streams in the loop's next turn."""
        self._all_due = True
        self._arm()

    def _arm(self) -> None:
        # Once for any number of changes in one turn.
        if not self._look_armed and self._closed is None:
            self._look_armed = True
            self._loop.call_soon(self._look)

    async def wait_served(self, streams: Iterable[StreamKey]) -> None:
        """Return when all are served; SubscriptionError names those that are failed or wanted by nobody."""
        if self._closed is not None:
            raise self._closed
        waiter = _Waiter(streams, self._loop.create_future())
        self._waiters[waiter] = None
        # Noted before it is asked how it stands: what changes from here on is not missed.
        for stream in waiter.streams:
            self._waiting_for.setdefault(stream, {})[waiter] = None
            self._inform((waiter,), stream)
        waiter.decide()
        try:
            await waiter.answer
        finally:
            del self._waiters[waiter]
            for stream in waiter.streams:
                others = self._waiting_for[stream]
                del others[waiter]
                if not others:
                    del self._waiting_for[stream]

    def fail_waiters(self, error: WebSocketError) -> None:
        """Tell those who wait that they do so in vain."""
        for waiter in self._waiters:
            if not waiter.answer.done():
                waiter.answer.set_exception(error.again())

    def close(self, error: Exception) -> None:
        """Tell nothing more; those who wait get `error`."""
        self._closed = error
        for waiter in self._waiters:
            if not waiter.answer.done():
                waiter.answer.set_exception(error)

    def _look(self) -> None:
        due, self._due = self._due, {}
        all_due, self._all_due, self._look_armed = self._all_due, False, False
        if self._closed is not None:
            return
        if all_due:
            due = dict.fromkeys((*self._streams(), *self._told, *self._waiting_for))
        for stream in due:
            if self._wants(stream):
                self._note(stream)
            else:
                self._told.pop(stream, None)
            self._inform(self._waiting_for.get(stream, ()), stream)
        for waiter in self._waiters:
            waiter.decide()

    def _inform(self, waiters: Iterable[_Waiter], stream: StreamKey) -> None:
        if waiters:
            status = self._status(stream) if self._wants(stream) else None
            error = None if status is None else self._why(stream, status)
            for waiter in waiters:
                waiter.note(stream, status, error)

    def _note(self, stream: StreamKey) -> None:
        status, before = self._status(stream), self._told.get(stream)
        if status is before:
            return
        self._told[stream] = status
        # That a stream is not served yet is no news to whoever has only just begun to want it. Of a thousand streams at
        # once it would be a thousand calls of each listener.
        if before is not None or status is not StreamStatus.WANTED:
            # Told from the loop and in order, never from here: the caller may be a Task, and whoever is told may open a
            # dialog.
            self._news.append((stream, status, self._why(stream, status)))
            if not self._is_telling:
                self._is_telling = True
                self._loop.call_soon(self._tell_all)

    def _tell_all(self) -> None:
        self._is_telling = False
        while self._news and self._closed is None:
            self._tell(*self._news.popleft())


def names_of(streams: Collection[StreamKey]) -> str:
    """Return the names of streams for people, ten at most."""
    names = [str(stream) for stream in sorted(streams)]
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def endpoint_statistics(
    memory: EndpointMemory,
    *,
    served: int,
    unserved: tuple[StreamKey, ...],
    budget_used: float,
    restores: Sequence[float],
    restored: tuple[int, int],
    choice: FormatChoice,
) -> SubscriptionStatistics:
    """Return the figures.

    Args:
        memory: what the endpoint remembers from line to line.
        served: how many streams of the union are proved.
        unserved: those that stay silent.
        budget_used: share of the line's messages of a minute that were used, 0 to 1.
        restores: the latest seconds from an open line to its proof.
        restored: streams that the latest line brought again, and those that it should have.
        choice: of the format.
    """
    effort, planner = memory.effort, memory.planner
    quarantined = memory.state.wishes(memory.ws_type, Standing.QUARANTINED)
    return SubscriptionStatistics(
        ws_type=memory.ws_type,
        wishes=len({wish.whole for wish in memory.state.wishes(memory.ws_type)}),
        streams=len(memory.state.demand(memory.ws_type)),
        live=served,
        unserved=unserved,
        quarantined=tuple(
            Quarantined(w.spec, tuple(sorted(w.owners)), w.refusal.reason if w.refusal else "") for w in quarantined
        ),
        conflicts=tuple(c for c in memory.state.conflicts() if c.streams[0].websocket_type is memory.ws_type),
        requests=effort.requests,
        lists=effort.lists,
        bytes_sent=effort.bytes_sent,
        snapshots=effort.snapshots,
        changes=effort.changes,
        cancelled=effort.cancelled,
        repairs=effort.repairs,
        rejections=memory.search.rejections,
        refusals=effort.refusals,
        lists_unanswered=effort.lists_unanswered,
        stray_errors=effort.stray_errors,
        efficiency_score=planner.calculate_efficiency_score(effort),
        budget_used=budget_used,
        split=planner.split,
        restores=len(restores),
        last_restore=restores[-1] if restores else None,
        restored=restored[0],
        restorable=restored[1],
        data_format=choice.format,
        format_reason=choice.reason,
        format_savings=choice.savings,
    )
