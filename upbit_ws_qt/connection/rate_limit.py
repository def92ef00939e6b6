"""How often we may dial and speak: sliding windows that stay inside the exchange's limits; no clock of their own."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from upbit_ws_qt.connection.transport import ConnectBudget

__all__ = ["WITH_ORIGIN", "ConnectLimiter", "LimiterUsage", "MessageLimiter"]

# The exchange measures arrivals, we measure departures. A window that is this much longer here keeps a message that
# was delayed on its way from meeting the next ones inside one second of the exchange. It costs 5 % of the budget.
SECOND = 1.05
MINUTE = 60.6

# Protocol sheet, "Rate limits": who sends an Origin header is let in once in ten seconds, and told so by this group.
WITH_ORIGIN = "origin"
ORIGIN_SECONDS = 10.5

# The exchange's block is over by its clock; knocking a moment too early would make it longer.
BLOCK_MARGIN = 0.05

# Kept back per minute for proving and repairing a line whose budget ordinary changes have used up.
RECOVERY_RESERVE = 5

# Seconds between two changes where the minute's budget has to last: a stream of changes is never a second behind.
STEADY = 0.9
# Of the minute's budget that changes may use up; the rest is for lists and repairs.
SHARE_OF_CHANGES = 0.94

FIRST_BLOCK = 1.0
LONGEST_BLOCK = 60.0
LONGEST_BAN = 600.0
RECOVERY_STEP = 0.125
RECOVERY_INTERVAL = 10.0
SMALLEST_FACTOR = 0.2
"""One message a second is left of five."""


@dataclass(frozen=True, slots=True)
class LimiterUsage:
    """How much of a message budget is in use.

    Attributes:
        last_second: messages within the last second.
        second_limit: how many may be sent in a second now.
        last_minute: messages within the last minute.
        minute_limit: how many may be sent in a minute now.
        factor: share of the exchange's limits that is in use; below 1 after a refusal.
        blocked_for: seconds that the exchange's block still lasts.
        refusals: refusals so far.
        sent: messages so far.
    """

    last_second: int
    second_limit: int
    last_minute: int
    minute_limit: int
    factor: float
    blocked_for: float
    refusals: int
    sent: int


class MessageLimiter:
    """The budget of one line: so many messages a second and a minute (protocol sheet, "Rate limits").

    Ask `delay()`, send, then call `record()`: recorded after sending, a message is never counted earlier than it
    left. All times are seconds of one monotonic clock that the caller reads.
    """

    def __init__(self, per_second: int = 5, per_minute: int = 100, *, reserve: int = RECOVERY_RESERVE) -> None:
        self._per_second = per_second
        self._per_minute = per_minute
        self._reserve = min(reserve, per_minute // 10)
        self._sent_at: deque[float] = deque(maxlen=per_minute)
        self._factor = 1.0
        self._factor_at = 0.0
        self._blocked_until = float("-inf")
        self._block = FIRST_BLOCK
        self._refusals = 0
        self._sent = 0

    def delay(self, now: float, *, recovery: bool = False) -> float:
        """Return the seconds to wait before the next message, 0 if it may leave now; `recovery` may use the reserve."""
        self._recover(now)
        per_second, per_minute = self._limits()
        return self._delay(now, per_second, per_minute if recovery else max(1, per_minute - self._reserve))

    def _delay(self, now: float, per_second: int, per_minute: int) -> float:
        until, sent_at = self._blocked_until, self._sent_at
        for limit, window in ((per_second, SECOND), (per_minute, MINUTE)):
            if len(sent_at) >= limit:  # the window is full: there is room again when its oldest message leaves it
                until = max(until, sent_at[-limit] + window)
        return max(0.0, until - now)

    def change_delay(self, now: float) -> float:
        """Return the seconds to wait before the next change of what is subscribed.

        Changes may go on for ever. While enough of the minute is left they are as close together as a second allows,
        then so far apart that the budget lasts: never a second behind, and nearly all of it used. Only where a refusal
        has shrunk the budget `delay` is longer than that.
        """
        if not self._sent_at:
            return self.delay(now)
        self._recover(now)
        per_second, per_minute = self._limits()
        spacing = 1.0 / self._per_second if self._may_hurry(now, per_minute) else STEADY
        delay = self._delay(now, per_second, max(1, per_minute - self._reserve))
        return max(0.0, self._sent_at[-1] + spacing - now, delay)

    def record(self, now: float) -> None:
        """Count a message that has just been sent."""
        self._sent_at.append(now)
        self._sent += 1

    def refused(self, now: float, retry_after: float | None = None) -> None:
        """Note that the exchange said "too many": half the budget, and silence for `retry_after` seconds.

        Without `retry_after` the silence is 1 s and doubles with each refusal that follows another. A refusal that
        comes while the block lasts belongs to the same burst and halves nothing again.
        """
        self._recover(now)
        self._refusals += 1
        if now >= self._blocked_until:
            self._factor = max(SMALLEST_FACTOR, self._factor / 2)
            block = self._block if retry_after is None else retry_after + BLOCK_MARGIN
            self._block = min(self._block * 2, LONGEST_BLOCK)
            self._blocked_until = now + block
        elif retry_after is not None:
            self._blocked_until = max(self._blocked_until, now + retry_after + BLOCK_MARGIN)
        self._factor_at = self._blocked_until

    def usage(self, now: float) -> LimiterUsage:
        """Return the figures of this moment."""
        self._recover(now)
        per_second, per_minute = self._limits()
        return LimiterUsage(
            last_second=sum(1 for at in self._sent_at if now - at < 1.0),
            second_limit=per_second,
            last_minute=sum(1 for at in self._sent_at if now - at < 60.0),
            minute_limit=per_minute,
            factor=self._factor,
            blocked_for=max(0.0, self._blocked_until - now),
            refusals=self._refusals,
            sent=self._sent,
        )

    def successor(self) -> MessageLimiter:
        """Return the limiter of a fresh line: empty windows, but what refusals have taught is kept."""
        fresh = MessageLimiter(self._per_second, self._per_minute, reserve=self._reserve)
        fresh._learn_from(self)
        return fresh

    def _learn_from(self, older: MessageLimiter) -> None:
        self._factor, self._factor_at = older._factor, older._factor_at
        self._blocked_until, self._block = older._blocked_until, older._block
        self._refusals = older._refusals

    def _limits(self) -> tuple[int, int]:
        return max(1, int(self._per_second * self._factor)), max(1, int(self._per_minute * self._factor))

    def _may_hurry(self, now: float, per_minute: int) -> bool:
        """Whether a message now leaves enough for one every 0.9 s until the oldest ones no longer count."""
        budget = int(per_minute * SHARE_OF_CHANGES)
        times = [at for at in self._sent_at if at > now - MINUTE]
        expired = 0
        # Walk a minute ahead at the steady pace: at no step may there be more in the window than the budget has.
        for step in range(int(MINUTE / STEADY) + 1):
            at = now + step * STEADY
            while expired < len(times) and times[expired] <= at - MINUTE:
                expired += 1
            if len(times) - expired + 1 + step > budget:
                return False
        return True

    def _recover(self, now: float) -> None:
        """Give a step of the budget back for each clean interval."""
        while self._factor < 1.0 and now - self._factor_at >= RECOVERY_INTERVAL:
            self._factor = min(1.0, self._factor + RECOVERY_STEP)
            self._factor_at += RECOVERY_INTERVAL
            if self._factor == 1.0:
                self._block = FIRST_BLOCK


class ConnectLimiter:
    """The budget for dialling, shared by all endpoints of a program: so many a second, and the exchange's blocks.

    What the exchange itself says is left of it counts too: other programs at this address may have used some.

    A dial counts from `begin()` until one second after `finished()`: nobody knows when in between the handshake
    reached the exchange.
    """

    def __init__(self, per_second: int = 5) -> None:
        self._per_second = per_second
        self._under_way = 0
        self._finished_at: deque[float] = deque(maxlen=per_second)
        self._blocked_until = float("-inf")
        self._blocks_in_a_row = 0
        self._told_left = 0
        self._told_until = float("-inf")
        self.refusals = 0

    def delay(self, now: float) -> float:
        """Return the seconds to wait before the next dial, 0 if it may start now."""
        until = self._blocked_until
        if self._told_left <= 0:
            until = max(until, self._told_until)
        room = self._per_second - self._under_way
        if room <= 0:
            # Each dial ends by its time-out; look again soon rather than keep a list of waiters.
            return max(0.05, until - now)
        if len(self._finished_at) >= room:
            until = max(until, self._finished_at[-room] + SECOND)
        return max(0.0, until - now)

    def begin(self) -> None:
        """Count a dial that starts now; `finished()` must follow, however it ends."""
        self._under_way += 1
        self._told_left -= 1

    def finished(self, now: float) -> None:
        """Note that a dial has ended, well or not."""
        self._under_way -= 1
        self._finished_at.append(now)

    def refused(self, now: float, status: int, retry_after: float | None = None) -> float:
        """Note a 429 or 418 and return the seconds that nobody may dial.

        Without `retry_after` a 429 costs 1 s and a 418 5 s, doubled with each refusal that follows another.
        """
        self.refusals += 1
        first, longest = (5.0, LONGEST_BAN) if status == 418 else (FIRST_BLOCK, LONGEST_BLOCK)
        block = min(first * 2**self._blocks_in_a_row, longest) if retry_after is None else retry_after + BLOCK_MARGIN
        self._blocks_in_a_row = min(self._blocks_in_a_row + 1, 10)
        self._blocked_until = max(self._blocked_until, now + block)
        return self._blocked_until - now

    def accepted(self, now: float, budget: ConnectBudget | None = None) -> None:
        """Note that a dial, which is still under way, was let in: the next block starts short again.

        `budget` is what the exchange said is left in this second. It may know of dials that we do not: of other
        programs at this address.
        """
        self._blocks_in_a_row = 0
        if budget is not None:
            # Whether the exchange had counted those that are under way beside this one nobody knows.
            self._told_left = budget.left - (self._under_way - 1)
            self._told_until = now + (ORIGIN_SECONDS if budget.group == WITH_ORIGIN else SECOND)

    def blocked_for(self, now: float) -> float:
        """Return the seconds that the exchange's block still lasts."""
        return max(0.0, self._blocked_until - now)
