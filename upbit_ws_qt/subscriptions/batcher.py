"""When a change of the union leaves: the first at once, later ones gathered as the budget of the line asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from upbit_ws_qt.subscriptions.demand import same_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.demand import Demand
    from upbit_ws_qt.subscriptions.line import LimiterLike

__all__ = ["RateLimitAwareSubscriptionBatcher", "SubscriptionChange"]

# Of the gathering time; the rest is left for the timer and the sending, so that a change has left when it is over.
_GATHER_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class SubscriptionChange:
    """A change that waits for its turn.

    Attributes:
        wanted: the newest state of the union: what the exchange is to be asked for, all of it.
        at: when the wishes changed, seconds of the clock that the caller keeps.
    """

    wanted: Mapping[StreamKey, Demand]
    at: float


class RateLimitAwareSubscriptionBatcher:
    """Holds the newest state of the union until it may leave; keeps no clock and does no I/O.

    A change that comes after a quiet time waits for `gather` seconds at most, so that what belongs to it goes with it.
    How far apart later ones are is the limiter's business.

    Attributes:
        cancelled: times that nothing was left to send because later changes undid earlier ones.
    """

    def __init__(self, limiter: LimiterLike, *, gather: float) -> None:
        self._limiter = limiter
        self._gather = gather * _GATHER_SHARE
        self._change: SubscriptionChange | None = None
        self.cancelled = 0

    @property
    def is_waiting(self) -> bool:
        """Whether a change has been handed in and not been taken out."""
        return self._change is not None

    def queue_subscription_change(self, change: SubscriptionChange) -> None:
        """Hand in the newest state of the union; it takes the place of one that has not left yet, in the queue too."""
        self._change = change if self._change is None else replace(change, at=self._change.at)

    def delay(self, now: float) -> float | None:
        """Return the seconds until the change may leave, 0 if it may now, None if there is none."""
        if self._change is None:
            return None
        return max(0.0, self._change.at + self._gather - now, self._limiter.change_delay(now))

    def process_batched_changes(
        self, asked: Mapping[StreamKey, Demand], now: float, *, insist: bool = False
    ) -> Mapping[StreamKey, Demand] | None:
        """Take out the newest state if it may leave now, None if it may not yet.

        None too where it asks for nothing else than what was `asked`, unless the caller has another reason to `insist`.
        """
        wait = self.delay(now)
        if wait is None or wait > 0.0:
            return None
        change, self._change = self._change, None
        if change is None or (not insist and same_request(asked, change.wanted)):
            self.cancelled += 1
            return None
        return change.wanted

    def clear(self) -> None:
        """Forget a change that left on another way."""
        self._change = None
