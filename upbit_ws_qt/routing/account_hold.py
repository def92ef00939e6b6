"""Has live events of the account wait until what was missed before them is handed out."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.routing.ordering import AccountOrder

__all__ = ["AccountHold"]

MOST_HELD = 1000
"""Live events of the account that may wait; its line carries some a second at most."""


class AccountHold:
    """Keeps live orders, or balances, before their guard: of all markets and for all consumers at once.

    That is the difference to a RouteHold, where events wait behind the guard for those who want the past. What REST
    says of an order may be newer than a live event that waits; only a guard that has heard of it first can refuse that
    event, and only then does no consumer see an order go backwards.

    Args:
        order: the guard.
        loop: everything runs on it.
        budget: seconds that one turn of the loop may take when they are let go.
        stopwatch: seconds, for the budget.
        route: hands an event out.
        on_held: called when an event begins to wait.
        on_full: called from the loop when no more should wait.

    Attributes:
        is_holding: whether live events wait, or still leave.
    """

    def __init__(
        self,
        order: AccountOrder,
        loop: asyncio.AbstractEventLoop,
        budget: float,
        stopwatch: Callable[[], float],
        route: Callable[[BaseWebSocketEvent], object],
        *,
        on_held: Callable[[], None],
        on_full: Callable[[], None],
    ) -> None:
        self.is_holding = False
        self._order = order
        self._loop = loop
        self._budget = budget
        self._stopwatch = stopwatch
        self._route = route
        self._on_held = on_held
        self._on_full = on_full
        self._held: deque[BaseWebSocketEvent] = deque()
        self._passing: BaseWebSocketEvent | None = None  # on its way through the guard by our own hand
        self._step_soon: asyncio.Handle | None = None

    @property
    def held(self) -> tuple[BaseWebSocketEvent, ...]:
        """What waits, in order."""
        return tuple(self._held)

    def begin(self) -> None:
        """Have live events wait from now on; what is about to leave waits again."""
        if self._step_soon is not None:
            self._step_soon.cancel()
            self._step_soon = None
        self.is_holding = True
        self._order.hold(self._take)

    def let_go(self) -> None:
        """Hand out what waits, in order, from the next turn of the loop on; what comes meanwhile waits behind it."""
        if self.is_holding and self._step_soon is None:
            self._step_soon = self._loop.call_soon(self._step)

    def close(self) -> None:
        """Give up what waits, because the program ends."""
        self._held.clear()
        self._end()

    def _take(self, event: BaseWebSocketEvent) -> bool:
        if event is self._passing:
            return False
        self._held.append(event)
        self._on_held()
        if len(self._held) == MOST_HELD:
            self._loop.call_soon(self._on_full)
        return True

    def _step(self) -> None:
        self._step_soon = None
        ends = self._stopwatch() + self._budget
        while self._held:
            event = self._held.popleft()
            if self._held:
                if self._step_soon is None:
                    # Before the call: a consumer may open a dialog, and its loop goes on with this.
                    self._step_soon = self._loop.call_soon(self._step)
                self._passing = event
            else:
                self._end()
            self._route(event)
            if self._step_soon is None or self._stopwatch() > ends:
                return
        self._end()

    def _end(self) -> None:
        self.is_holding = False
        self._passing = None
        self._order.hold(None)
        if self._step_soon is not None:
            self._step_soon.cancel()
            self._step_soon = None
