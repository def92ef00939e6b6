"""Tells others what happened: from plain callbacks of the loop, in order, never from inside a Task."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

    from upbit_ws_qt.backfill import GapReport, StreamRecovery
    from upbit_ws_qt.connection import GapEvent, StateChange
    from upbit_ws_qt.errors import WebSocketError
    from upbit_ws_qt.monitoring.adaptive import AdaptationStep
    from upbit_ws_qt.monitoring.alerts import Alert
    from upbit_ws_qt.monitoring.health import HealthStatus
    from upbit_ws_qt.monitoring.incidents import Incident
    from upbit_ws_qt.monitoring.metrics import PerformanceMetrics
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import StreamStatus
    from upbit_ws_qt.types import GlobalManagerState, WebSocketType

__all__ = ["CallQueue", "ManagerListener", "Notifier", "Quota"]


class ManagerListener:
    """Is told what happens in a manager; override the methods that are of interest, the others do nothing.

    All methods are called on the manager's loop, from a plain callback, never from inside a Task, so a nested Qt
    event loop may be opened in them. They must not raise: an exception goes to the loop's exception handler.
    """

    def on_state(self, state: GlobalManagerState) -> None:
        """The whole manager's state changed."""

    def on_connection_state(self, ws_type: WebSocketType, change: StateChange) -> None:
        """One line's state changed."""

    def on_epoch(self, ws_type: WebSocketType, epoch: int) -> None:
        """A new line replaced the old one."""

    def on_gap(self, gap: GapEvent) -> None:
        """Something may have been missed: between two lines, one call for each epoch change, or within this program."""

    def on_resumed(self, ws_type: WebSocketType, epoch: int) -> None:
        """A line is proved and its first data were handed out; once for each epoch that gets so far, the first too."""

    def on_stream_healed(self, recovery: StreamRecovery) -> None:
        """All that could be recovered of a stream after a gap was handed out."""

    def on_gap_healed(self, report: GapReport) -> None:
        """A gap is done with: of each stream that was to be made whole all that could be recovered was handed out."""

    def on_error(self, error: WebSocketError) -> None:
        """Something went wrong that a person should be able to see; frames that cannot be read 20 a second at most."""

    def on_component_failed(self, component_id: str, error: Exception) -> None:
        """A component's callback raised, or the component was quarantined."""

    def on_stream_status(self, stream: StreamKey, status: StreamStatus) -> None:
        """A stream became served, unserved or rejected."""

    def on_subscriptions_changed(self) -> None:
        """Some component's wishes changed."""

    def on_metrics(self, metrics: PerformanceMetrics) -> None:
        """Fresh figures, every `metrics_interval` seconds."""

    def on_health(self, health: HealthStatus) -> None:
        """The health was judged anew, every `health_interval` seconds, and at once where it changed."""

    def on_adapted(self, step: AdaptationStep) -> None:
        """Something was given up under load, or taken back."""

    def on_alert(self, alert: Alert, *, raised: bool) -> None:
        """An alert was raised or cleared."""

    def on_incident(self, incident: Incident) -> None:
        """Something that happened to the lines began, went on or is over; told once a second at most."""


class CallQueue:
    """Makes calls in the order in which they came.

    One that runs a nested event loop (a dialog) keeps none behind it waiting, and one that raises keeps none from
    being made: the rest is armed before each. The exception goes to the loop's handler.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._calls: deque[Callable[[], object]] = deque()
        self._armed: asyncio.Handle | None = None

    def send(self, calls: Iterable[Callable[[], object]]) -> None:
        """Make some calls behind those that wait; at once where none does. Never from inside a Task."""
        self._calls.extend(calls)
        self._make_calls()

    def _make_calls(self) -> None:
        calls = self._calls
        while calls:
            call = calls.popleft()
            if calls and self._armed is None:
                self._armed = self._loop.call_soon(self._go_on)
            call()
        # Nobody held it up: the rest was made in this very turn.
        if self._armed is not None:
            self._armed.cancel()
            self._armed = None

    def _go_on(self) -> None:
        self._armed = None
        self._make_calls()


class Notifier:
    """Tells listeners: `notify` arranges the calls for the next turn of the loop, and they keep their order."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._listeners: list[ManagerListener] = []
        self._calls = CallQueue(loop)

    def add(self, listener: ManagerListener) -> None:
        """Tell a listener from now on; adding it twice changes nothing."""
        if listener not in self._listeners:
            self._listeners.append(listener)

    def remove(self, listener: ManagerListener) -> None:
        """Stop telling a listener; one that is not known is ignored."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def notify(self, call: Callable[[ManagerListener], None]) -> None:
        """Have `call(listener)` made for each listener there is when its turn comes."""
        if not self._loop.is_closed():
            self._loop.call_soon(self._deliver, call)

    def _deliver(self, call: Callable[[ManagerListener], None]) -> None:
        self._calls.send([partial(self._tell_one, listener, call) for listener in self._listeners])

    def _tell_one(self, listener: ManagerListener, call: Callable[[ManagerListener], None]) -> None:
        if listener in self._listeners:  # an earlier one may have removed it
            call(listener)


class Quota:
    """Lets the first few of a second through, so that what a peer can make any number of stays bounded."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._second_began = float("-inf")
        self._passed = 0

    def allows(self, now: float) -> bool:
        """Whether one more may pass at `now`, in seconds."""
        if now - self._second_began >= 1.0:
            self._second_began, self._passed = now, 0
        if self._passed >= self._per_second:
            return False
        self._passed += 1
        return True
