"""The components that have routes: how they behave, what they share, and the report of their failures."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from traceback import format_exception
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.errors import BackpressureError, RecoveryStrategy
from upbit_ws_qt.routing.display import FrameClock
from upbit_ws_qt.routing.statistics import ComponentStats
from upbit_ws_qt.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.computer import Computer
    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.routing.route import Route

__all__ = ["Component", "Dispatcher", "Heartbeat", "place_of"]


class Component:
    """One owner of routes: its strikes and its quarantine.

    Attributes:
        component_id: as registered.
        routes: what it has registered, oldest first.
        quarantine: why it is put aside; None while it is served.
        stalled: whether it was reported for no longer consuming.
    """

    def __init__(self, component_id: str, threshold: int, window: float) -> None:
        self.component_id = component_id
        self.routes: dict[Route, None] = {}
        self._closed: dict[str, Any] = dict.fromkeys(_TOTALS, 0)  # what its routes that are gone have counted
        self._closed_any = False
        self.quarantine: BackpressureError | None = None
        self.stalled = False
        self._window = window
        self._strikes: deque[float] = deque(maxlen=threshold)

    def forget(self, route: Route) -> None:
        """Let go of a route that was closed; what it counted is kept."""
        if route not in self.routes:
            return
        del self.routes[route]
        self._closed_any = True
        for name in _TOTALS:
            self._closed[name] += getattr(route, name)

    def stats(self) -> ComponentStats:
        """Return what its routes have counted together."""
        routes = tuple(self.routes)
        first = routes[0]
        quarantine = "" if self.quarantine is None else self.quarantine.reason
        if len(routes) == 1 and not self._closed_any:  # most are where there are a thousand, and sums take time
            totals = {name: getattr(first, name) for name in _TOTALS}
            priority, streams, waiting, busiest = first.spec.priority, len(first.keys), first.waiting, first
        else:
            closed = self._closed
            totals = {name: closed[name] + sum([getattr(route, name) for route in routes]) for name in _TOTALS}
            priority = min([route.spec.priority for route in routes])
            streams = len(frozenset().union(*[route.keys for route in routes]))
            waiting = sum([route.waiting for route in routes])
            busiest = max(routes, key=lambda route: route.busy_time)
        return ComponentStats(
            self.component_id,
            priority,
            0 if quarantine else streams,
            waiting=waiting,
            times=busiest.times.summary(),
            quarantine=quarantine,
            **totals,
        )

    def stalled_for(self, now: float) -> float:
        """Return for how many seconds what waits longest has waited without progress."""
        return max((route.stalled_for(now) for route in self.routes), default=0.0)

    def note_stalled(self, stalled: bool) -> bool:
        """Note whether it has stopped consuming; return whether it has just done so."""
        was, self.stalled = self.stalled, stalled
        return stalled and not was

    def strike(self, now: float) -> bool:
        """Count one failure or blocking call; return whether that makes too many within the window (seconds)."""
        strikes = self._strikes
        strikes.append(now)
        return len(strikes) == strikes.maxlen and now - strikes[0] <= self._window

    def begin_quarantine(self, reason: str) -> BackpressureError:
        """Quarantine all routes; what waits for them is dropped and counted. Return the typed reason."""
        for route in self.routes:
            route.begin_quarantine()
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


_TOTALS = ("received", "delivered", "conflated", "skipped", "dropped", "failures", "busy_time")
_log = logging.getLogger(__name__)

_MOST_PLACES = 256
_MOST_CALLS = 20  # of a traceback, the innermost
_MOST_LINES = 100
_BEAT_SHARE = 3  # beats within the time after which a callback counts as blocking
_IDLE_BEATS = 60


class Heartbeat:
    """Counts turns of the event loop at a slow pace while events flow.

    A callback that took long and saw no beat blocked the loop; one that saw a beat ran a nested loop (a modal dialog),
    under which everybody else was served.

    Attributes:
        count: beats so far.
        last_at: time of the latest one, by the stopwatch.
        idle: beats since events last flowed; 0 only while the timer runs. Who hands out calls keep() when it is not.
    """

    __slots__ = ("_handle", "_interval", "_loop", "_stopwatch", "count", "idle", "last_at")

    def __init__(self, loop: asyncio.AbstractEventLoop, slow: float, stopwatch: Callable[[], float]) -> None:
        self._loop = loop
        self._interval = slow / _BEAT_SHARE
        self._stopwatch = stopwatch
        self.count = 0
        self.last_at = 0.0
        self.idle = 1
        self._handle: asyncio.TimerHandle | None = None

    def keep(self) -> None:
        """Note that events flow; begin to beat where it does not."""
        self.idle = 0
        if self._handle is None:
            self._handle = self._loop.call_later(self._interval, self._beat)

    def stop(self) -> None:
        """Beat no more until keep() is called again."""
        self.idle = 1
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _beat(self) -> None:
        self._handle = None
        self.count += 1
        self.last_at = self._stopwatch()
        self.idle += 1
        if self.idle < _IDLE_BEATS:
            self._handle = self._loop.call_later(self._interval, self._beat)


class Dispatcher:
    """The routes' common ground. Reports go out by call_soon: never from a Task, never between two consumers.

    Attributes:
        skipped: by component, events that overload kept from consumers which wanted every one, since it was last taken.
    """

    def __init__(
        self,
        config: ServiceConfig,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float],
        on_component_failed: Callable[[str, Exception], None],
        computer: Computer,
    ) -> None:
        self.config = config
        self.computer = computer
        self.stopwatch = computer.stopwatch
        self.loop = loop
        self.clock = clock
        self.debug = loop.get_debug()
        self.beat = Heartbeat(loop, config.slow_callback, self.stopwatch)
        self.frames = FrameClock(loop, config.drain_budget, self.stopwatch)
        self.components: dict[str, Component] = {}
        self.workers: set[asyncio.Task[None]] = set()
        self.closed = False
        self.failures = 0
        self.quarantines = 0
        self.warnings = 0
        self.skipped: Counter[str] = Counter()
        self._on_component_failed = on_component_failed
        self._places: set[str] = set()

    def component(self, component_id: str) -> Component:
        """Return a component, made where it is new."""
        known = self.components.get(component_id)
        if known is None:
            config = self.config
            known = Component(component_id, config.quarantine_after, config.quarantine_window)
            self.components[component_id] = known
        return known

    def callback_failed(self, route: Route, error: Exception | asyncio.CancelledError) -> None:
        """Count, log once per place and report an exception of a callback; too many put the component aside."""
        if isinstance(error, asyncio.CancelledError):  # not an Exception, which is what listeners are promised
            error = RuntimeError(f"the callback was cancelled while it ran: {error!r}")
        route.failures += 1
        self.failures += 1
        place = f"{route.component_id} {place_of(error)}"
        if place not in self._places and len(self._places) < _MOST_PLACES:
            self._places.add(place)
            lines = "".join(
                format_exception(error, limit=-_MOST_CALLS)
            ).splitlines()  # unlike str(error), it never raises
            trace = "\n".join(safe_text(line, 500) for line in lines[-_MOST_LINES:])
            _log.error("callback of %s failed\n%s", route.component_id, trace)
        self.report(route.component_id, error)
        self._strike(route, "failing")

    def callback_blocked(self, route: Route, seconds: float) -> None:
        """Count a callback that held the loop up for too long; too many put the component aside."""
        route.slow_calls += 1
        place = f"{route.component_id} slow"
        if place not in self._places and len(self._places) < _MOST_PLACES:
            self._places.add(place)
            _log.warning("callback of %s blocked the event loop for %.3f s", route.component_id, seconds)
        self._strike(route, "blocking")

    def queue_fills(self, route: Route, waiting: int) -> None:
        """Count and log that a consumer's queue passed its warning threshold."""
        self.warnings += 1
        _log.warning("%s falls behind: %d events of %s wait", route.component_id, waiting, route.spec)

    def begin_quarantine(self, component_id: str, reason: str) -> None:
        """Quarantine a component and report it, unless it is put aside already."""
        component = self.components.get(component_id)
        if component is None or component.quarantine is not None:
            return
        self.quarantines += 1
        error = component.begin_quarantine(reason)
        _log.error("%s", error)
        self.report(component_id, error)

    def report(self, component_id: str, error: Exception) -> None:
        """Tell the owner of the engine, from the next turn of the loop."""
        if not self.closed:
            self.loop.call_soon(self._on_component_failed, component_id, error)

    def queue_full(self, route: Route) -> None:
        """Report that a consumer loses events."""
        self.report(route.component_id, BackpressureError(route.component_id, "queue full", dropped=route.dropped))

    def take_skipped(self) -> Counter[str]:
        """Take out what overload kept from components since the last call."""
        skipped, self.skipped = self.skipped, Counter()
        return skipped

    async def stop(self) -> None:
        """Close every route, and wait for the workers to end."""
        self.closed = True
        for component in tuple(self.components.values()):
            for route in tuple(component.routes):
                route.close()
        self.beat.stop()
        self.frames.close()
        me = asyncio.current_task()
        workers = [task for task in self.workers if task is not me]
        for task in workers:
            task.cancel()
        if workers:
            await asyncio.wait(workers, timeout=1.0)

    def _strike(self, route: Route, reason: str) -> None:
        component = self.components.get(route.component_id)
        if component is not None and component.quarantine is None and component.strike(self.clock()):
            self.begin_quarantine(route.component_id, reason)
