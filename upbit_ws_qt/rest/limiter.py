"""Who may ask next: one budget for each group of the whole program, the most urgent question first."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count
from typing import TYPE_CHECKING

from upbit_ws_qt.rest.budget import Budget, block_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.rest.budget import BudgetUsage, Remaining
    from upbit_ws_qt.types import Priority

__all__ = ["ACCOUNT_GROUP", "Group", "Limiter"]

# Protocol sheet, "Rate limits": the groups as the documents name them. The exchange's answers may name them otherwise.
PER_SECOND = {"market": 10, "candle": 10, "trade": 10, "ticker": 10, "orderbook": 10, "default": 30}
ACCOUNT_GROUP = "default"
"""The one that is counted by key and not by address."""
MOST_GROUPS = 30
"""Names that are learnt from answers, which are text from outside."""


class Limiter:
    """Lets questions out in time.

    Args:
        clock: seconds, monotonic; by default the running loop's.
        call_later: has a function called after some seconds; by default the running loop's.
    """

    def __init__(
        self,
        clock: Callable[[], float] | None = None,
        call_later: Callable[[float, Callable[[], None]], asyncio.TimerHandle] | None = None,
    ) -> None:
        # Not the loop of now: a client may be made before one runs.
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._call_later = call_later or (lambda wait, do: asyncio.get_running_loop().call_later(wait, do))
        self._order = count()
        self._groups = {group: Group(Budget(group, limit)) for group, limit in PER_SECOND.items()}
        self._of_call: dict[str, Group] = {}  # where an answer said so

    async def turn(self, call: str, group: str, priority: Priority) -> Group:
        """Wait until a question may leave; `done` must follow with what is returned, however it ends.

        Args:
            call: which of the exchange's calls it is.
            group: to which group the documents count it.
            priority: the more urgent goes first, then who came first.
        """
        asked = self._of_call.get(call) or self._groups[group]
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(asked.waiting, (int(priority), next(self._order), turn))
        self._let_out(asked)
        try:
            await turn
        except BaseException:
            # Cancelled, or at its end. Whoever had its turn already gives it back.
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                asked.budget.finished(self._clock())
            self._let_out(asked)
            raise
        return asked

    def done(self, asked: Group, *, given_up: bool = False) -> None:
        """Note that a question has ended, well or not, or that nobody waits for its answer any more."""
        asked.budget.finished(self._clock(), given_up=given_up)
        self._let_out(asked)

    def answered(self, call: str, asked: Group, remaining: Remaining) -> None:
        """Take in what an answer that was no refusal says of its group; to be called after `done`."""
        group = self._learn(call, asked, remaining.group)
        group.budget.told(self._clock(), remaining.left)
        self._let_out(group)

    def refused(self, asked: Group, status: int, header: str | None, text: str) -> float:
        """Take in a 429 or 418; return for how many seconds nobody asks. To be called after `done`.

        Args:
            asked: what `turn` returned.
            status: 429 or 418.
            header: `Retry-After`.
            text: the body, which may name a time.
        """
        now = self._clock()
        if status == 429:
            wait = asked.budget.too_many(now, block_seconds(header, ""))
        else:
            wait = asked.budget.blocked(now, block_seconds(header, text))
            if asked is not self._groups[ACCOUNT_GROUP]:
                # It is the address that is blocked: whoever goes on asking for something else lengthens it.
                for group in self._groups.values():
                    if group is not self._groups[ACCOUNT_GROUP]:
                        group.budget.hold(now + wait)
        self._let_out(asked)
        return wait

    def fail_all(self, make_error: Callable[[], Exception]) -> None:
        """Let nobody wait any longer."""
        for group in self._groups.values():
            waiting, group.waiting = group.waiting, []
            for _, _, turn in waiting:
                if not turn.done():
                    turn.set_exception(make_error())
            group.disarm()

    def usage(self) -> tuple[BudgetUsage, ...]:
        """Return the figures of each group that was asked, or that something waits for."""
        if not any(group.budget.asked or group.waiting for group in self._groups.values()):
            return ()
        now = self._clock()
        figures = [group.budget.usage(now, group.waits()) for group in self._groups.values()]
        return tuple(each for each in figures if each.asked or each.waiting or each.blocked_for)

    def _learn(self, call: str, asked: Group, told: str | None) -> Group:
        """Count a call to the group that its answer names, whatever the documents say; return that group."""
        if told is None or told == asked.told:
            return asked
        known = next((each for each in self._groups.values() if each.told == told), None)
        if known is not None:
            known.budget.take_over(asked.budget)
        elif asked.told is None:
            known, asked.told, asked.budget.group = asked, told, told
        elif len(self._groups) < MOST_GROUPS:
            known = Group(Budget(told, asked.budget.per_second))
            known.told = told
            known.budget.take_over(asked.budget)
            # The keys of the documents' own groups have no brackets.
            self._groups[f"({told})"] = known
        else:
            return asked
        self._of_call[call] = known
        return known

    def _let_out(self, group: Group) -> None:
        group.disarm()
        while group.waits():
            wait = group.budget.delay(self._clock())
            if wait > 0:
                group.timer = self._call_later(wait, lambda: self._let_out(group))
                return
            heapq.heappop(group.waiting)[2].set_result(None)
            group.budget.begin()


class Group:
    """The questions that count together.

    Attributes:
        budget: how many may leave.
        told: the name that answers gave the group, None before.
        waiting: (priority, order, turn), a heap.
        timer: for when the next may leave.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.told: str | None = None
        self.waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self.timer: asyncio.TimerHandle | None = None

    @property
    def name(self) -> str:
        """As the exchange names it, or as the documents do while nothing was answered."""
        return self.budget.group

    def waits(self) -> int:
        """Return how many wait, those that were given up left out."""
        if any(turn.done() for _, _, turn in self.waiting):
            self.waiting = [entry for entry in self.waiting if not entry[2].done()]
            heapq.heapify(self.waiting)
        return len(self.waiting)

    def disarm(self) -> None:
        """Forget the timer."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
