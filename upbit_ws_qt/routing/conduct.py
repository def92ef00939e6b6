"""How a component behaves: its failures within a window, and whether it is put aside for them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from upbit_ws_qt.errors import BackpressureError, RecoveryStrategy
from upbit_ws_qt.routing.statistics import PastFigures

if TYPE_CHECKING:
    from upbit_ws_qt.routing.route import Route

__all__ = ["Component", "place_of"]


class Component:
    """One owner of routes: its strikes and its quarantine.

    Attributes:
        component_id: as registered.
        routes: what it has registered, oldest first.
        past: what its routes that are closed have counted, while it has others.
        quarantine: why it is put aside; None while it is served.
        stalled: whether it was reported for no longer consuming.
    """

    def __init__(self, component_id: str, threshold: int, window: float) -> None:
        self.component_id = component_id
        self.routes: dict[Route, None] = {}
        self.past = PastFigures()
        self.quarantine: BackpressureError | None = None
        self.stalled = False
        self._window = window
        self._strikes: deque[float] = deque(maxlen=threshold)

    def forget(self, route: Route) -> None:
        """Let go of a route that was closed; what it counted is kept."""
        if self.routes.pop(route, self) is None:
            self.past = self.past.plus(route)

    def stalled_for(self, now: float) -> float:
        """Return for how many seconds what waits longest has waited without progress."""
        return max((route.stalled_for(now) for route in self.routes), default=0.0)

    def strike(self, now: float) -> bool:
        """Count one failure or blocking call; return whether that makes too many within the window (seconds)."""
        strikes = self._strikes
        strikes.append(now)
        return len(strikes) == strikes.maxlen and now - strikes[0] <= self._window

    def put_aside(self, reason: str) -> BackpressureError:
        """Quarantine all routes; what waits for them is dropped and counted. Return the typed reason."""
        for route in self.routes:
            route.put_aside()
        dropped = sum(route.dropped for route in self.routes)
        self.quarantine = BackpressureError(
            self.component_id, reason, dropped=dropped, recovery=RecoveryStrategy.QUARANTINE
        )
        return self.quarantine

    def resume(self) -> bool:
        """Serve it again with a clean record; return False where it was not put aside."""
        if self.quarantine is None:
            return False
        self.quarantine = None
        self.stalled = False
        self._strikes.clear()
        for route in self.routes:
            route.resume()
        return True


def place_of(error: BaseException) -> str:
    """Return where an exception came from, "file:line ExceptionType", by its innermost traceback entry."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"
    return f"{where} {type(error).__name__}"
