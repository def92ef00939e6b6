"""One subscription of a widget: it is a child of the service, and ends with its owner."""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

from PyQt6 import sip
from PyQt6.QtCore import QMetaMethod, QMetaObject, QObject, Qt, pyqtSignal, pyqtSlot

from upbit_ws_qt.errors import SubscriptionError, WebSocketError
from upbit_ws_qt.qt.ending import loop_lives
from upbit_ws_qt.qt.ownership import Lifetime, receiver_of, signal_of
from upbit_ws_qt.qt.stale_rows import StaleRow
from upbit_ws_qt.specs import normalize_symbols

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from upbit_ws_qt.qt.service import WebSocketService
    from upbit_ws_qt.qt.signals import SignalOf, SignalOfTwo
    from upbit_ws_qt.specs import SubscriptionSpec
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import StreamStatus

__all__ = ["Subscription", "SubscriptionState"]


class SubscriptionState(StrEnum):
    """How far a subscription has come."""

    PENDING = "pending"
    """Not yet: the exchange has neither served nor refused all of it."""
    ACTIVE = "active"
    """The exchange serves all of it."""
    FAILED = "failed"
    """The exchange refuses or does not serve some of it; the rest is served."""
    QUARANTINED = "quarantined"
    """Its component is quarantined for failing or blocking; `service.resume(component_id)` has it served again."""
    CLOSED = "closed"


class Subscription(QObject):
    """What a widget wants to receive, and the callback it is handed to; made by WebSocketClientProxy.

    `await subscription` waits until the exchange serves all of it and returns the subscription; SubscriptionError names
    what it does not serve. Nothing needs to keep a reference to it: it lasts until it is closed, until its owner or the
    object whose method or signal it calls is destroyed, or until the service is.

    Signals:
        activated(): the exchange serves all of it; again after each recovery.
        failed(error): the exchange refuses or does not serve a part of it.
        received(event): each event, for a subscription without a callback; with Delivery.BATCH each tuple of events.
        staleChanged(code, stale): what was last received of a market is no longer, or is again, the present state, as
            `staleChanged` of a channel says it of one. After a silence that it is again is noticed within a second.
    """

    activated = pyqtSignal()
    failed = cast("SignalOf[WebSocketError]", pyqtSignal(WebSocketError))
    received = cast("SignalOf[Any]", pyqtSignal(object))
    staleChanged = cast("SignalOfTwo[str, bool]", pyqtSignal(str, bool))

    def __init__(
        self,
        service: WebSocketService,
        component_id: str,
        spec: SubscriptionSpec,
        callback: Any,  # checked where the proxy takes it
        *,
        lifetime: Lifetime,
    ) -> None:
        from upbit_ws_qt.manager.components import hold_callback  # loaded with the manager, which this needs anyway

        super().__init__()
        signal = signal_of(callback)
        self._service = service
        self._specs: tuple[SubscriptionSpec, ...] = (spec,)
        self._lifetime = lifetime
        self._closed = False
        self._was_active = False
        self._told_error: WebSocketError | None = None
        self._pending: set[StreamKey] = set()
        self._refused: set[StreamKey] = set()
        self._rows: dict[StreamKey, StaleRow] = {}  # watched once somebody wants to know
        self._watches = False
        # A signal as callback is connected to `received`: then Qt ends the connection when the signal's object dies.
        self._relays = signal is not None
        self._callback = None if callback is None or self._relays else hold_callback(callback, lifetime.owner)
        self._loop = service.manager.wiring.loop
        self._registration = service.manager.register_component(
            component_id,
            self._specs,
            self.received.emit if self._callback is None else self._callback,
            alive=lifetime.is_alive,
            on_status=self._on_status,
            on_restore=self._on_restore,
        )
        # What is wanted already may be served already; of that nobody is told again.
        self._take_stock()
        if signal is not None:
            self.received.connect(signal)
        receiver = receiver_of(callback)
        if receiver is not None and receiver is not lifetime.owner:
            receiver.destroyed.connect(self.close)
        self.setParent(service)  # last: a subscription that was refused above leaves no child behind
        lifetime.add(self)

    def __repr__(self) -> str:
        (spec,) = self._specs
        return (
            f"<Subscription {spec.data_type.value} {len(spec.symbols)} symbols {self.state} of {self.component_id!r}>"
        )

    @property
    def component_id(self) -> str:
        """Name of the component that it belongs to."""
        return self._registration.component_id

    @property
    def specs(self) -> tuple[SubscriptionSpec, ...]:
        """What is subscribed: always one spec."""
        return self._specs

    @property
    def symbols(self) -> tuple[str, ...]:
        """The market codes that are subscribed."""
        return self._specs[0].symbols

    @property
    def state(self) -> SubscriptionState:
        """How far it has come."""
        if self._closed or self._registration.closed:
            return SubscriptionState.CLOSED
        if self._registration.quarantined:
            return SubscriptionState.QUARANTINED
        if self._refused:
            return SubscriptionState.FAILED
        return SubscriptionState.PENDING if self._pending else SubscriptionState.ACTIVE

    @property
    def unserved(self) -> tuple[StreamKey, ...]:
        """The streams that the exchange refuses or does not serve, sorted."""
        return tuple(sorted(self._refused))

    def set_symbols(self, symbols: str | Iterable[str]) -> None:
        """Subscribe other symbols instead, all at once; those that stay are served on without a break.

        Raises:
            SubscriptionError: a malformed code, or the subscription is closed; nothing has changed then.
        """
        self._service.require_thread("set_symbols")
        if self.state is SubscriptionState.CLOSED:
            raise SubscriptionError("the subscription is closed; subscribe again", component_id=self.component_id)
        (spec,) = self._specs
        self._subscribe((dataclasses.replace(spec, symbols=normalize_symbols(symbols)),))

    def _subscribe(self, specs: tuple[SubscriptionSpec, ...]) -> None:
        self._registration.set_specs(specs)
        self._specs = specs
        self._take_stock()
        self._watch()

    def _on_restore(self, specs: tuple[SubscriptionSpec, ...]) -> None:
        """Want what was wanted when a picture was taken; a closed subscription is made again, for the same owner."""
        if not self._closed:
            self._subscribe(specs)
            return
        if self._callback is None:
            raise SubscriptionError(
                "it handed its events on by a signal, which ended with it; subscribe again",
                component_id=self.component_id,
            )
        (spec,) = specs
        Subscription(self._service, self.component_id, spec, self._callback, lifetime=self._lifetime)

    @pyqtSlot()
    def close(self) -> None:
        """End the subscription; at any time, also inside the callback, and more than once."""
        if self._closed:
            return
        self._service.require_thread("close")
        self._closed = True
        if loop_lives(self._loop):  # else the program is ending, and the exchange cannot be told any more
            self._registration.close()
            for row in self._rows.values():
                row.stop()
        self._lifetime.discard(self)
        # Later, because this may be a slot of its own signal.
        if not sip.isdeleted(self):
            self.deleteLater()

    def __await__(self) -> Generator[Any, None, Subscription]:
        return self.served().__await__()

    async def served(self, timeout: float | None = None) -> Subscription:
        """Wait until the exchange serves all of it, which `await subscription` does without a limit.

        Args:
            timeout: seconds; None waits for as long as the line may take to come up.

        Raises:
            SubscriptionError: names what the exchange refuses or does not serve; also in `unserved`.
            ConnectionLostError: the line is not up within `timeout`.
            TimeoutError: it is, and the exchange has not shown by then that it serves all of it.
            WebSocketError: what the line was given up for (AuthenticationError, say); nobody dials then, unless asked.
        """
        if self.state is SubscriptionState.CLOSED:
            raise SubscriptionError("the subscription is closed", component_id=self.component_id)
        await self._service.start()  # nothing would be served without it
        try:
            await self._registration.wait_served(timeout)
        finally:
            if not self._closed:
                self._take_stock()  # the notifications of this may come later; whoever awaited asks `state` now
        return self

    def _take_stock(self) -> None:
        """Read the status of each stream anew."""
        statuses = {stream: self._registration.status(stream) for stream in self._registration.streams}
        self._pending = {stream for stream, status in statuses.items() if not (status.is_served or status.is_failed)}
        self._refused = {stream for stream, status in statuses.items() if status.is_failed}

    def _on_status(self, stream: StreamKey, status: StreamStatus, error: WebSocketError | None) -> None:
        if self._closed or sip.isdeleted(self):
            return
        self._pending.discard(stream)
        self._refused.discard(stream)
        if status.is_failed:
            self._refused.add(stream)
        elif not status.is_served:
            self._pending.add(stream)
        was_active, self._was_active = self._was_active, self.state is SubscriptionState.ACTIVE
        if error is not None:
            # One refusal is about all codes of a wish: it is told once, not for each of them.
            if error is not self._told_error:
                self._told_error = error
                self.failed.emit(error)
        elif self._was_active and not was_active:
            self._told_error = None
            self.activated.emit()

    @property
    def stale_symbols(self) -> frozenset[str]:
        """The markets of which the last event may not be the present state; known from the first question on."""
        if not self._watches and not self._closed:
            self._service.require_thread("stale_symbols")
            self._begin_to_watch()
        return frozenset(stream.symbol for stream, row in self._rows.items() if row.is_stale)

    def connectNotify(self, signal: QMetaMethod) -> None:
        """Begin to look whether markets are out of date with the first who wants to know."""
        if signal.name().data() == b"staleChanged" and not self._watches:
            # Queued, as in disconnectNotify: Qt may hold locks here, and this may be any thread.
            QMetaObject.invokeMethod(self, "_begin_to_watch", Qt.ConnectionType.QueuedConnection)

    @pyqtSlot()
    def _begin_to_watch(self) -> None:
        self._watches = True
        self._watch()

    def _watch(self) -> None:
        """Watch the streams that are wanted now, and no others."""
        if self._closed or not self._watches:
            return
        hub, streams = self._service.hub, self._registration.streams
        for stream in self._rows.keys() - streams:
            self._rows.pop(stream).stop()
        newest = self._service.manager.wiring.routing.latest_event
        for stream in streams - self._rows.keys():
            row = self._rows[stream] = StaleRow(stream, newest, self._tell_stale, hub.unwatch)
            hub.watch(row)

    def _tell_stale(self, code: str, stale: bool) -> None:
        if not self._closed and not sip.isdeleted(self):
            self.staleChanged.emit(code, stale)

    def disconnectNotify(self, signal: QMetaMethod) -> None:
        """End the subscription when the signal that it hands its events to has died with its object."""
        if not self._relays or self._closed or sip.isdeleted(self) or signal.name().data() != b"received":
            return
        # Queued, because Qt may hold locks here. And queued by Qt, because this may be any thread, and the loop may be
        # gone: a queued call of Qt is dropped together with the object that it is for.
        QMetaObject.invokeMethod(self, "_on_relay_gone", Qt.ConnectionType.QueuedConnection)

    @pyqtSlot()
    def _on_relay_gone(self) -> None:
        # The connection may have been cut by hand, and another one made since.
        if not self.receivers(self.received):
            self.close()
