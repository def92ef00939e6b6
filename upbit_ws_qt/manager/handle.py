"""What a component holds: its registration, the state of its streams, and the way to change or end it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

from upbit_ws_qt.streams import streams_of
from upbit_ws_qt.subscriptions import SnapshotData

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from upbit_ws_qt.errors import WebSocketError
    from upbit_ws_qt.routing import Route
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import StreamStatus
    from upbit_ws_qt.types import SubscriptionSpec

__all__ = ["ComponentSubscription", "ComponentsSnapshot", "HandleOwner"]


class HandleOwner(Protocol):
    """Who keeps a registration; the manager's desk."""

    def change(
        self, handle: ComponentSubscription, subscriptions: SubscriptionSpec | Iterable[SubscriptionSpec]
    ) -> None:
        """Make `subscriptions` all that it wants."""

    def close(self, handle: ComponentSubscription) -> None:
        """End it."""

    def status(self, stream: StreamKey) -> StreamStatus:
        """Return how far the exchange serves a stream."""
        ...

    async def wait_served(self, handle: ComponentSubscription, timeout: float | None) -> None:
        """Return when all its streams are served."""


@dataclass(frozen=True, slots=True)
class ComponentsSnapshot(SnapshotData):
    """Who wanted what at one time, with the registrations, and so the callbacks, that it takes to put it back.

    It keeps no owner alive whose own methods are the callbacks; a lambda, and what it mentions, is kept with it.

    Attributes:
        registrations: each with what it wanted.
    """

    registrations: tuple[tuple[ComponentSubscription, tuple[SubscriptionSpec, ...]], ...] = ()


class ComponentSubscription:
    """One registration of a component; made by `GlobalWebSocketManager.register_component`.

    Attributes:
        component_id: whose it is.
        closed: whether it has ended; a closed one stays closed.
        quarantined: whether its component is quarantined: what it wants is not asked of the exchange for its sake, and
            it is handed nothing, until `resume(component_id)`.
    """

    def __init__(
        self,
        owner: HandleOwner,
        component_id: str,
        callback: Callable[[Any], Any],
        *,
        alive: Callable[[], bool] | None,
        on_status: Callable[[StreamKey, StreamStatus, WebSocketError | None], None] | None,
        restorable: bool = True,
        on_restore: Callable[[tuple[SubscriptionSpec, ...]], object] | None = None,
    ) -> None:
        self.component_id = component_id
        self.callback = callback
        self.alive = alive
        self.on_status = on_status
        self.restorable = restorable
        self.on_restore = on_restore
        self.closed = False
        self.quarantined = False
        self.routes: dict[SubscriptionSpec, Route] = {}
        self.asked: tuple[SubscriptionSpec, ...] = ()  # its wishes as they are counted: under load not as they came
        self._owner = owner
        self._specs: tuple[SubscriptionSpec, ...] = ()
        self._streams: frozenset[StreamKey] = frozenset()

    def __await__(self) -> Generator[Any, None, Self]:
        """Return the registration, which is made already; `wait_served` waits for the exchange."""
        yield from ()
        return self

    @property
    def specs(self) -> tuple[SubscriptionSpec, ...]:
        """Its wishes."""
        return self._specs

    @property
    def streams(self) -> frozenset[StreamKey]:
        """The streams its wishes are about."""
        return self._streams

    def status(self, stream: StreamKey) -> StreamStatus:
        """Return how far the exchange serves one of its streams."""
        return self._owner.status(stream)

    def set_specs(self, specs: SubscriptionSpec | Iterable[SubscriptionSpec]) -> None:
        """Want something else from now on, all at once; what stays wanted flows on undisturbed.

        A wish that cannot be served raises SubscriptionError and nothing changes.
        """
        self._owner.change(self, specs)

    async def wait_served(self, timeout: float | None = None) -> None:
        """Return when the exchange serves all its streams.

        Args:
            timeout: seconds; None waits for as long as the line may take to come up.

        Raises:
            SubscriptionError: naming the streams that the exchange refuses or does not serve.
            TimeoutError: after `timeout`.
        """
        await self._owner.wait_served(self, timeout)

    def close(self) -> None:
        """End the wishes; may be called at any time, also inside the callback, and more than once."""
        self._owner.close(self)

    def adopt(self, specs: tuple[SubscriptionSpec, ...]) -> None:
        """Take over the wishes that the manager has accepted; for ComponentDesk only."""
        self._specs = specs
        self._streams = frozenset(stream for spec in specs for stream in streams_of(spec))
