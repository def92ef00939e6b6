"""When a change of the union leaves: the first at once, later ones gathered as the budget of the line asks for."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from upbit_ws_qt.subscriptions.demand import same_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.demand import Demand
    from upbit_ws_qt.subscriptions.line import LimiterLike

__all__ = ["RateLimitAwareSubscriptionBatcher"]

# Of the gathering time; the rest is left for the timer and the sending, so that a change has left when it is over.
_GATHER_SHARE = 0.6
# Seconds between two requests when the minute's budget has to last: never more than a second behind.
_PACE = 0.9
_WINDOW = 60.6
# Of the limiter's minute; the rest is for LIST_SUBSCRIPTIONS and repairs.
_SHARE = 0.94


class RateLimitAwareSubscriptionBatcher:
    """Decides when the newest state of the union is sent on one line; keeps no clock and does no I/O.

    A change that comes after a quiet time waits for `gather` seconds at most. While changes keep coming, requests
    are one spacing apart (`1 / per_second`) as long as enough of the minute is left to send one every 0.9 s until the
    oldest ones no longer count; then they are 0.9 s apart. So a stream of changes is never more than a second behind
    and uses nearly all of the minute's budget. Only where a refusal has shrunk the budget the limiter's own delay
    is longer than that.

    Attributes:
        queued: changes handed in.
        cancelled: times that nothing was left to send because later changes undid earlier ones.
    """

    def __init__(self, limiter: LimiterLike, *, gather: float, per_second: int) -> None:
        self._limiter = limiter
        self._gather = gather * _GATHER_SHARE
        self._spacing = 1.0 / per_second
        self._sent: deque[float] = deque()
        self._wanted: Mapping[StreamKey, Demand] | None = None
        self._since = 0.0
        self.queued = 0
        self.cancelled = 0

    @property
    def is_waiting(self) -> bool:
        """Whether a change has been handed in and not been taken out."""
        return self._wanted is not None

    def queue_subscription_change(self, wanted: Mapping[StreamKey, Demand], now: float) -> None:
        """Hand in the newest state of the union; it replaces an earlier one that has not left yet."""
        self.queued += 1
        if self._wanted is None:
            self._since = now
        self._wanted = wanted

    def delay(self, now: float) -> float | None:
        """Return the seconds until the change may leave, 0 if it may now, None if there is none."""
        if self._wanted is None:
            return None
        due = self._since + self._gather
        if self._sent:
            due = max(due, self._sent[-1] + (self._spacing if self._may_hurry(now) else _PACE))
        return max(0.0, due - now, self._limiter.delay(now))

    def process_batched_changes(
        self, asked: Mapping[StreamKey, Demand], now: float, *, insist: bool = False
    ) -> Mapping[StreamKey, Demand] | None:
        """Take out the newest state if it may leave now, None if it may not yet.

        None too where it asks for nothing else than what was `asked`, unless the caller has another reason to `insist`.
        """
        wait = self.delay(now)
        if wait is None or wait > 0.0:
            return None
        wanted, self._wanted = self._wanted, None
        if not insist and wanted is not None and same_request(asked, wanted):
            self.cancelled += 1
            return None
        return wanted

    def clear(self) -> None:
        """Forget a change that left on another way."""
        self._wanted = None

    def note_sent(self, now: float) -> None:
        """Count a message of any kind that has left on this line."""
        self._sent.append(now)
        while self._sent[0] <= now - _WINDOW:
            self._sent.popleft()

    def _may_hurry(self, now: float) -> bool:
        """Whether a request now leaves enough for one every 0.9 s until the minute's window has moved on."""
        budget = int(self._limiter.usage(now).minute_limit * _SHARE)
        times, expired = self._sent, 0
        for step in range(int(_WINDOW / _PACE) + 1):
            at = now + step * _PACE
            while expired < len(times) and times[expired] <= at - _WINDOW:
                expired += 1
            if len(times) - expired + 1 + step > budget:
                return False
        return True
