"""Snapshots on request: which streams owe their present state once, and who waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Mapping

    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.demand import Demand
    from upbit_ws_qt.subscriptions.state import SubscriptionStateManager
    from upbit_ws_qt.types import WebSocketType

__all__ = ["SnapshotDesk"]


class SnapshotDesk:
    """The snapshots that are owed on one endpoint, over all its lines.

    Wishes for the snapshot alone and explicit requests end here; each rides along with one request of the union.

    Attributes:
        owed: streams whose present state has not come yet, with how it is wanted.
    """

    def __init__(self, ws_type: WebSocketType, state: SubscriptionStateManager) -> None:
        self._ws_type = ws_type
        self._state = state
        self._served: dict[StreamKey, int] = {}
        self._waiting: dict[StreamKey, list[asyncio.Future[bool]]] = {}
        self.owed: dict[StreamKey, Demand] = {}

    def collect(self) -> Mapping[StreamKey, Demand]:
        """Take in the components' wishes for the snapshot alone that came since; return all that is owed."""
        wanted = self._state.demand(self._ws_type)
        alone = [stream for stream, demand in wanted.items() if not demand.realtime]
        for stream in alone:
            if self._state.snapshot_serial(stream) > self._served.get(stream, 0):
                self.owed.setdefault(stream, wanted[stream])
        for stream in [s for s in self.owed if s not in self._waiting and s not in wanted]:
            del self.owed[stream]
        if len(self._served) > len(alone):
            self._served = {stream: self._served[stream] for stream in alone if stream in self._served}
        return self.owed

    def ask(self, demands: Mapping[StreamKey, Demand], futures: Mapping[StreamKey, asyncio.Future[bool]]) -> None:
        """Owe these once; each future is told whether its snapshot came."""
        for stream, demand in demands.items():
            self.owed[stream] = demand
            self._waiting.setdefault(stream, []).append(futures[stream])

    def settle(self, stream: StreamKey, *, served: bool) -> None:
        """Note that a snapshot came, or will not come."""
        if self.owed.pop(stream, None) is None:
            return
        self._served[stream] = self._state.snapshot_serial(stream)
        for future in self._waiting.pop(stream, ()):
            if not future.done():
                future.set_result(served)

    def withdraw(self, futures: Mapping[StreamKey, asyncio.Future[bool]]) -> None:
        """Forget who waits; what nobody waits for any more is not owed."""
        wanted = self._state.demand(self._ws_type)
        for stream, future in futures.items():
            waiting = self._waiting.get(stream, [])
            if future in waiting:
                waiting.remove(future)
            if not waiting:
                self._waiting.pop(stream, None)
                if stream not in wanted:
                    self.owed.pop(stream, None)

    def fail_all(self, error: Exception) -> None:
        """End all waiting with `error`."""
        for future in self._futures():
            if not future.done():
                future.set_exception(error)
        self._waiting.clear()
        self.owed.clear()

    def _futures(self) -> Iterable[asyncio.Future[bool]]:
        return [future for futures in self._waiting.values() for future in futures]
