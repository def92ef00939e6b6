"""When a change of the union leaves: the first at once, later ones gathered as the budget of the line asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from upbit_ws_qt.subscriptions.wishes import same_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.wishes import Demand
    from upbit_ws_qt.types import DataType

__all__ = ["LimiterLike", "Lister", "Listing", "RateLimitAwareSubscriptionBatcher", "SubscriptionChange", "UsageLike"]

# Of the gathering time; the rest is left for the timer and the sending, so that a change has left when it is over.
_GATHER_SHARE = 0.6


class UsageLike(Protocol):
    """How much of a message budget is in use."""

    @property
    def minute_limit(self) -> int:
        """Messages that may be sent in a minute now."""

    @property
    def last_minute(self) -> int:
        """Messages of the last minute."""


class LimiterLike(Protocol):
    """The message budget of one line; the line itself tells it of TOO_MANY_REQUEST."""

    def delay(self, now: float, *, recovery: bool = False) -> float:
        """Return the seconds to wait before the next message."""

    def change_delay(self, now: float) -> float:
        """Return the seconds to wait before the next change of what is subscribed, so that the budget lasts."""

    def record(self, now: float) -> None:
        """Count a message that has been sent."""

    def usage(self, now: float) -> UsageLike:
        """Return the figures of this moment."""


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
        # The newest union takes the older one's place whole, as its request would; and its place in the queue too.
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
        # Asked anew and not taken from the caller: between its look and this one a "too many" may have come.
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


_TRIES = 2


@dataclass(frozen=True, slots=True)
class Listing:
    """A LIST_SUBSCRIPTIONS on its way.

    Attributes:
        ticket: its label.
        at: when it left.
        number: of the latest request before it.
        union: what that request asked for.
        mixed_types: the types that stood in that request in two ways.
    """

    ticket: str
    at: float
    number: int
    union: Mapping[StreamKey, Demand]
    mixed_types: frozenset[DataType]


class Lister:
    """Each list costs a message of the budget: it is asked for where nothing else proves something.

    Attributes:
        due: when the next one should leave, None for no need.
        on_its_way: the one that was sent and not answered.
        failures: lists in a row that were not answered.
        listed: number of the latest request that a list has covered.
        listed_at: when the latest answer came; 0 before the first.
        must: number of the request that a list has to cover before the line counts as proved.
    """

    def __init__(self, answer_timeout: float) -> None:
        self._timeout = answer_timeout
        self.due: float | None = None
        self.on_its_way: Listing | None = None
        self.failures = 0
        self.listed = 0
        self.listed_at = 0.0
        self.must = 0

    @property
    def is_busy(self) -> bool:
        """Whether one is due or on its way."""
        return self.due is not None or self.on_its_way is not None

    @property
    def may_answer(self) -> bool:
        """Whether an answer can be hoped for: one is asked for, and not two in a row were in vain."""
        return self.is_busy and not self.has_failed

    @property
    def is_done(self) -> bool:
        """Whether what has to be covered is."""
        return self.listed >= self.must and not self.is_busy

    @property
    def has_failed(self) -> bool:
        """Whether the exchange does not answer."""
        return self.failures >= _TRIES

    def want(self, at: float) -> None:
        """Have one leave at a time, or earlier where one was wanted earlier."""
        self.due = at if self.due is None else min(self.due, at)

    def want_no_more(self) -> None:
        """Note that one is of no use any more."""
        self.due = None

    def must_cover(self, number: int) -> None:
        """Say which request a list has to cover before the line counts as proved."""
        self.must = number

    def starves(self, now: float) -> bool:
        """Whether one has been due for so long that it goes before a request."""
        # Requests go first, since people wait for them; by half a second, or a stream of changes would put off every
        # proof.
        return self.due is not None and now >= self.due + 0.5

    def sent(self, listing: Listing) -> None:
        """Note that one has left."""
        self.on_its_way, self.due = listing, None

    def answered(self, ticket: str, now: float) -> Listing | None:
        """Take an answer; None where it was not asked for."""
        listing = self.on_its_way
        if listing is None or ticket not in ("", listing.ticket):
            return None
        self.on_its_way = None
        self.failures = 0
        # It speaks of the time when it left: requests after that are not covered by it.
        self.listed, self.listed_at = listing.number, now
        return listing

    def stood_still(self, seconds: float) -> None:
        """Give the answer more time, in which it could not be read."""
        if self.on_its_way is not None:
            self.on_its_way = replace(self.on_its_way, at=self.on_its_way.at + seconds)

    def drop(self) -> bool:
        """Forget the one on its way; return whether there was one."""
        was_on_its_way, self.on_its_way = self.on_its_way is not None, None
        return was_on_its_way

    def check(self, now: float) -> bool:
        """Whether the answer has just become overdue; it is asked for again once."""
        deadline = self.deadline()
        if deadline is None or now < deadline:
            return False
        self.on_its_way = None
        self.failures += 1
        # Once more, since a single answer may be lost; twice in a row the exchange does not answer.
        self.due = None if self.has_failed else now
        return True

    def deadline(self) -> float | None:
        """Return when the answer has to be there."""
        return None if self.on_its_way is None else self.on_its_way.at + self._timeout
