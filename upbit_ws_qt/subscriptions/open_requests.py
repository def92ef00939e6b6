"""The requests of one line between their sending and what becomes of them: taken, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.subscriptions.ledger import RequestLedger, SentRequest
from upbit_ws_qt.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.demand import Demand
    from upbit_ws_qt.subscriptions.memory import EndpointMemory
    from upbit_ws_qt.subscriptions.planner import OptimizationResult
    from upbit_ws_qt.subscriptions.splitting import SplitWatch
    from upbit_ws_qt.subscriptions.wish import Wish
    from upbit_ws_qt.wire import ServerError

__all__ = ["OpenRequests"]


class OpenRequests:
    """What is taken clears the wishes in it; what is refused is handed to the search for the guilty one.

    Attributes:
        number: of the latest request.
        has_answered: whether the line has answered anything: a refusal before that may be the line's fault.
    """

    def __init__(self, memory: EndpointMemory, split: SplitWatch) -> None:
        self._memory = memory
        self._split = split
        self._ledger = RequestLedger()
        self.number = 0
        self.has_answered = False

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._ledger)

    @property
    def next_deadline(self) -> float | None:
        """When the oldest of them counts as taken."""
        oldest = self._ledger.oldest_at
        return None if oldest is None else oldest + self._memory.patience.accepted

    def suspects(self, plan: OptimizationResult, asked: Mapping[StreamKey, Demand]) -> frozenset[Wish]:
        """Return the wishes never taken that make a request other than the one before, which `asked` for that."""
        return frozenset(wish for wish in self._memory.search.suspects() if _adds(wish, plan, asked))

    def note(self, suspects: frozenset[Wish], fresh: frozenset[StreamKey], now: float, *, is_trial: bool) -> None:
        """Add a request that leaves now; data of the `fresh` streams would show that it was taken."""
        self.number += 1
        self._ledger.note(SentRequest(self.number, now, suspects, fresh, self.has_answered, is_trial))

    def taken_by_data(self, stream: StreamKey) -> None:
        """Take note of new data of a stream."""
        self.has_answered = True
        self._accept(self._ledger.taken_by_data(stream))

    def taken_by_list(self, number: int) -> None:
        """Take note of a list that was asked for after a request."""
        self.has_answered = True
        self._accept(self._ledger.taken_until(number))

    def taken_in_time(self, now: float) -> None:
        """Count as taken what has met no error for long enough."""
        self._accept(self._ledger.taken_in_time(now, self._memory.patience.accepted))

    def drop(self) -> tuple[SentRequest, ...]:
        """Forget all that are open and return them: an error does not say which one it refuses."""
        return self._ledger.refused()

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
            memory.doubts_key = True
            return
        is_split = self._split.takes_blame(is_trial=any(request.is_split_trial for request in refused))
        suspects = frozenset().union(*(request.suspects for request in refused))
        if suspects or not (is_split or is_candidate):
            reason = safe_text(f"{error.name}: {error.message}" if error.message else error.name, 200)
            memory.search.rejected(suspects, reason, has_control=has_control, is_doubtful=is_split)
            self._split.judge()

    def _accept(self, suspects: Collection[Wish] | None) -> None:
        """Clear the suspects of requests that were taken; None where none was."""
        if suspects is not None:
            self._memory.search.accepted(suspects)
            self._split.judge()


def _adds(wish: Wish, plan: OptimizationResult, asked: Mapping[StreamKey, Demand]) -> bool:
    """Whether a wish makes a request other than the last one; what adds nothing cannot be what is refused."""
    for stream, demand in wish.demands.items():
        known = asked.get(stream)
        if stream in plan.union:
            if known is None or not known.covers(demand._replace(realtime=True)):
                return True
        elif stream in plan.snapshots:
            return True
    return False
