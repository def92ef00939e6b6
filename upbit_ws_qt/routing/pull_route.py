"""A consumer that takes its events itself, when it likes: what stands behind `async for`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from upbit_ws_qt.routing.filters import key_function
from upbit_ws_qt.routing.queues import LatestQueue, ThrottledQueue
from upbit_ws_qt.routing.route import Route
from upbit_ws_qt.streams import key_of_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.routing.filters import EventFilter
    from upbit_ws_qt.specs import SubscriptionSpec

__all__ = ["PullRoute", "pulled"]


def pulled(event: BaseWebSocketEvent) -> None:
    """Stand for a callback where a consumer takes its events itself; it is never called."""


class PullRoute(Route):
    """A consumer whose events wait in its queue until it takes them; what does not fit is dropped, counted and told.

    Attributes:
        on_ready: called when something can be taken, and when nothing will come any more.
    """

    __slots__ = ("on_ready",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(self._queue, ThrottledQueue):  # who takes his events has a pace of his own
            self._queue = LatestQueue(self._rules.max_queue_size, key_function(self.spec.data_type))
        self.on_ready: Callable[[], None] | None = None

    def take(self) -> BaseWebSocketEvent | None:
        """Return the oldest event that waits, None where none does."""
        if not self._queue:
            return None
        event = self._queue.pop()
        self._delivered += 1
        self._waited_out += 1
        if self._by_stream is not None:
            self._by_stream[event.code if self._by_code else key_of_event(event)].delivered += 1
        self._taken()
        return event

    def close(self) -> None:
        """End the wish; what still waits is dropped and counted."""
        super().close()
        self._tell()

    def serve_as(self, spec: SubscriptionSpec, view: EventFilter | None) -> None:
        """Serve another book depth from now on."""
        self.spec = spec
        self.view = view

    def flush_frame(self) -> None:
        """Hand nothing out: it is taken."""

    def _intake(self) -> Callable[[BaseWebSocketEvent], None]:
        return self._keep

    def _keep(self, event: BaseWebSocketEvent) -> None:
        seen = event if self.view is None else self.view(event)
        if seen is not None:
            self._enqueue(seen)
            self._tell()

    def _tell(self) -> None:
        if self.on_ready is not None:
            self.on_ready()
