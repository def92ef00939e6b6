"""What one endpoint's subscriptions remember from line to line: streams, snapshots on request, figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Collection, Iterable, Mapping, Set

    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.planner import IntelligentSubscriptionOptimizer
    from upbit_ws_qt.subscriptions.refused_wish_search import RejectionSearch
    from upbit_ws_qt.subscriptions.state import SubscriptionStateManager
    from upbit_ws_qt.subscriptions.wishes import Demand
    from upbit_ws_qt.types import WebSocketType

__all__ = ["Effort", "EndpointMemory", "OneShotSnapshots", "Patience", "SplitTrust"]

# Errors that only a LIST_SUBSCRIPTIONS explains, after which the exchange seems not to know it.
_LIST_REFUSALS = 2


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what, in seconds.

    Attributes:
        gather: how long the first change may wait for others.
        first_data: until the first data of a stream.
        list_answer: until the answer to LIST_SUBSCRIPTIONS.
        straggle: after something came of a request, until what is overdue of the same request counts as silent.
        settle: without any new stream showing, after which the rest no longer holds a new line up.
        unlisted: until streams that only the list proves are looked up in it; longer than the 150–180 ms after which
            the exchange has closed a line whose request it refused.
        mute: after an error until the line, if the exchange left it open, is used again.
        audit: after the latest request until, if no list has covered it, one is asked for: a change that only drops
            streams, say, proves itself by nothing.
        accepted: after which a request that met no error counts as taken.
        ask_again: after which a stream that earlier lines brought is asked for again, although it was silent on this
            one: the first time since it was given up, then since the try before. It ends with the last of them.
    """

    gather: float = 0.02
    first_data: float = 3.0
    list_answer: float = 2.0
    straggle: float = 1.0
    settle: float = 0.3
    unlisted: float = 0.25
    mute: float = 1.0
    audit: float = 5.0
    accepted: float = 1.5
    ask_again: tuple[float, ...] = (5.0, 15.0, 45.0, 120.0, 300.0)


class SplitTrust(StrEnum):
    """Whether the exchange takes one type both with snapshot and realtime-only in one request."""

    UNKNOWN = "unknown"
    PROVED = "proved"
    BROKEN = "broken"
    """It does not: for the rest of the session a type with anything new in it is asked for plainly."""


@dataclass(slots=True)
class Effort:
    """What keeping one endpoint subscribed took since the start, and the least that would have done.

    Attributes:
        requests: requests sent, without lists; `least_requests` of these and of the lists were needed.
        bytes_sent: size of the requests; `least_bytes` without repetitions.
        snapshots: snapshots asked for; `least_snapshots` were of streams that did not flow yet.
        lists: LIST_SUBSCRIPTIONS sent.
        changes: changes of the wishes handed in.
        cancelled: times that changes undid each other before anything was sent.
        repairs: requests sent again because the exchange's list lacked something or had too much.
        refusals: times that the exchange said "too many".
        lists_unanswered: lists that got no answer.
        stray_errors: errors of the exchange that no request of ours explains.
    """

    requests: int = 0
    least_requests: int = 0
    bytes_sent: int = 0
    least_bytes: int = 0
    snapshots: int = 0
    least_snapshots: int = 0
    lists: int = 0
    changes: int = 0
    cancelled: int = 0
    repairs: int = 0
    refusals: int = 0
    lists_unanswered: int = 0
    stray_errors: int = 0

    def request_sent(self, size: int, snapshots: Set[StreamKey], new: Set[StreamKey], *, is_needed: bool) -> None:
        """Count a request of `size` bytes; `is_needed` where it is not a repetition or an extra one."""
        self.requests += 1
        self.bytes_sent += size
        self.snapshots += len(snapshots)
        if is_needed:
            self.least_requests += 1
            self.least_bytes += size
        self.least_snapshots += len(snapshots & new)

    def list_sent(self, *, is_needed: bool) -> None:
        """Count a LIST_SUBSCRIPTIONS; a new line needs one."""
        self.lists += 1
        self.least_requests += is_needed

    def wishes_changed(self) -> None:
        """Count a change of the wishes."""
        self.changes += 1

    def change_cancelled(self) -> None:
        """Count changes that undid each other."""
        self.cancelled += 1

    def repaired(self) -> None:
        """Count a repair."""
        self.repairs += 1

    def limit_met(self) -> None:
        """Count a "too many"."""
        self.refusals += 1

    def list_unanswered(self) -> None:
        """Count a list without an answer."""
        self.lists_unanswered += 1

    def stray_error(self) -> None:
        """Count an error that nothing explains."""
        self.stray_errors += 1


@dataclass(slots=True)
class _StreamPast:
    """What earlier lines showed of a stream that is still wanted.

    Attributes:
        was_served: some line brought it in this session.
        was_unserved: the last line that asked for it did so in vain; a new line does not wait for it.
        was_unlisted: the list lacked it however often it was asked for.
    """

    was_served: bool = False
    was_unserved: bool = False
    was_unlisted: bool = False

    def serve(self) -> None:
        """Note that a line brings it."""
        self.was_served, self.was_unserved, self.was_unlisted = True, False, False

    def miss(self) -> None:
        """Note that a line asked for it in vain."""
        self.was_unserved = True

    def leave_out(self) -> None:
        """Note that the list goes on lacking it."""
        self.was_unlisted = True


_UNKNOWN = _StreamPast()


@dataclass(slots=True)
class EndpointMemory:
    """Shared by the lines of one endpoint, one after the other or an old and a new one side by side.

    Attributes:
        snapshots: snapshots on request.
        effort: what was spent.
        blank_lines: lines in a row on which nothing came of all that came before.
        doubts_key: whether a line began with INVALID_AUTH: then the next one has to answer a list before anything else,
            which tells a bad token from a scope that one of the wishes lacks.
    """

    ws_type: WebSocketType
    state: SubscriptionStateManager
    search: RejectionSearch
    snapshots: OneShotSnapshots
    patience: Patience
    effort: Effort = field(default_factory=Effort)
    blank_lines: int = 0
    doubts_key: bool = False
    _streams: dict[StreamKey, _StreamPast] = field(default_factory=dict)
    _list_refusals: int = 0
    # Convictions when a refused request that asked for one type in two ways was put down to that; None while that is
    # not suspected.
    _split_accused_at: int | None = None

    @property
    def planner(self) -> IntelligentSubscriptionOptimizer:
        """What plans this endpoint's requests."""
        return self.state.optimizer(self.ws_type)

    # -- streams --------------------------------------------------------------------------------------------------

    def was_served(self, stream: StreamKey) -> bool:
        """Whether some line brought a stream in this session."""
        return self._streams.get(stream, _UNKNOWN).was_served

    def was_unserved(self, stream: StreamKey) -> bool:
        """Whether the last line that asked for a stream did so in vain."""
        return self._streams.get(stream, _UNKNOWN).was_unserved

    def was_unlisted(self, stream: StreamKey) -> bool:
        """Whether the list lacked a stream however often it was asked for."""
        return self._streams.get(stream, _UNKNOWN).was_unlisted

    def note_served(self, stream: StreamKey) -> None:
        """Note that a line brings a stream."""
        self._streams.setdefault(stream, _StreamPast()).serve()

    def note_unserved(self, stream: StreamKey) -> None:
        """Note that a line asked for a stream in vain."""
        self._streams.setdefault(stream, _StreamPast()).miss()

    def note_unlisted(self, stream: StreamKey) -> None:
        """Note that the list goes on lacking a stream."""
        self._streams.setdefault(stream, _StreamPast()).leave_out()

    def forget(self, stream: StreamKey) -> None:
        """Note that a stream is not wanted any more."""
        self._streams.pop(stream, None)

    # -- lines ----------------------------------------------------------------------------------------------------

    def line_is_blank(self) -> None:
        """Note a line on which nothing came of all that came before."""
        self.blank_lines += 1

    def line_is_proved(self, wanted: Collection[StreamKey]) -> None:
        """Note that a line serves from now on; of what is not wanted any more nothing is kept."""
        self.blank_lines = 0
        self.doubts_key = False
        self._streams = {stream: past for stream, past in self._streams.items() if stream in wanted}

    def doubt_key(self) -> None:
        """Note that a line began with INVALID_AUTH."""
        self.doubts_key = True

    def list_refused(self) -> None:
        """Note an error that only a LIST_SUBSCRIPTIONS explains."""
        self._list_refusals += 1

    @property
    def lists_work(self) -> bool:
        """Whether the exchange seems to know LIST_SUBSCRIPTIONS."""
        return self._list_refusals < _LIST_REFUSALS

    # -- one type asked for in two ways ---------------------------------------------------------------------------

    def accuse_split(self, *, is_trial: bool) -> bool:
        """Whether a refusal may be due to asking for one type in two ways, which is not done then until that is known.

        The wishes that were new in the request are suspected beside it. They are asked for plainly from now on: if none
        of them turns out to be guilty, the asking in two ways was.
        """
        if self._split_accused_at is not None and not self.search.is_open:
            self._acquit_split()  # what was refused now asked plainly, and for nothing new
        # Where it is known to be taken, or not done, it explains nothing.
        if not is_trial or self.planner.split is not SplitTrust.UNKNOWN:
            return False
        self._split_accused_at = self.search.convictions
        self.planner.learn(SplitTrust.BROKEN)
        return True

    def judge_split(self) -> None:
        """Come to a conclusion if asking in two ways is accused and no wish is suspected any more."""
        if self._split_accused_at is None or self.search.is_open:
            return
        # A wish was guilty, so the way of asking is not proved to be, and may be tried again.
        if self.search.convictions > self._split_accused_at:
            self._acquit_split()
        self._split_accused_at = None

    def _acquit_split(self) -> None:
        self._split_accused_at = None
        self.planner.learn(SplitTrust.UNKNOWN)


class OneShotSnapshots:
    """The snapshots that are owed on one endpoint, over all its lines.

    Wishes for the snapshot alone and explicit requests end here; each rides along with one request of the union.

    Attributes:
        owed: streams whose present state has not come yet, with how it is wanted.
    """

    def __init__(self, ws_type: WebSocketType, state: SubscriptionStateManager) -> None:
        self._ws_type = ws_type
        self._state = state
        self._served: dict[StreamKey, int] = {}
        self._waiting: dict[StreamKey, list[asyncio.Future[bool]]] = {}
        self.owed: dict[StreamKey, Demand] = {}

    def collect(self) -> Mapping[StreamKey, Demand]:
        """Take in the components' wishes for the snapshot alone that came since; return all that is owed."""
        wanted = self._state.demand(self._ws_type)
        alone = [stream for stream, demand in wanted.items() if not demand.realtime]
        for stream in alone:
            if self._state.snapshot_serial(stream) > self._served.get(stream, 0):
                self.owed.setdefault(stream, wanted[stream])
        # Who wanted it has gone: nobody is to be sent anything for it.
        for stream in [s for s in self.owed if s not in self._waiting and s not in wanted]:
            del self.owed[stream]
        # Numbers of streams that nobody wants alone any more would pile up.
        if len(self._served) > len(alone):
            self._served = {stream: self._served[stream] for stream in alone if stream in self._served}
        return self.owed

    def ask(self, demands: Mapping[StreamKey, Demand], futures: Mapping[StreamKey, asyncio.Future[bool]]) -> None:
        """Owe these once; each future is told whether its snapshot came."""
        for stream, demand in demands.items():
            self.owed[stream] = demand
            self._waiting.setdefault(stream, []).append(futures[stream])

    def settle(self, stream: StreamKey, *, served: bool) -> None:
        """Note that a snapshot came, or will not come."""
        if self.owed.pop(stream, None) is None:
            return
        # A wish for the snapshot alone that came after this one left has a higher number, and is owed another one.
        self._served[stream] = self._state.snapshot_serial(stream)
        for future in self._waiting.pop(stream, ()):
            if not future.done():
                future.set_result(served)

    def withdraw(self, futures: Mapping[StreamKey, asyncio.Future[bool]]) -> None:
        """Forget who waits; what nobody waits for any more is not owed."""
        wanted = self._state.demand(self._ws_type)
        for stream, future in futures.items():
            waiting = self._waiting.get(stream, [])
            if future in waiting:
                waiting.remove(future)
            if not waiting:
                self._waiting.pop(stream, None)
                if stream not in wanted:
                    self.owed.pop(stream, None)

    def fail_all(self, error: Exception) -> None:
        """End all waiting with `error`."""
        for future in self._futures():
            if not future.done():
                future.set_exception(error)
        self._waiting.clear()
        self.owed.clear()

    def _futures(self) -> Iterable[asyncio.Future[bool]]:
        return [future for futures in self._waiting.values() for future in futures]
