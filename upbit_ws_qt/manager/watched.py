"""What the watch needs of the manager: what it reads off, and what it may do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio

    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.connection import Drain
    from upbit_ws_qt.manager.endpoint import Endpoint
    from upbit_ws_qt.manager.notify import News
    from upbit_ws_qt.monitoring.adaptive import AdaptationPlan
    from upbit_ws_qt.routing import DataRoutingEngine
    from upbit_ws_qt.types import IndependenceLevel, WebSocketType

__all__ = ["Watched"]


class Watched(Protocol):
    """A manager, as far as its watch knows it."""

    config: ServiceConfig

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that everything runs on."""
        ...

    @property
    def routing(self) -> DataRoutingEngine:
        """Who is handed what."""
        ...

    @property
    def drain(self) -> Drain:
        """What hands the frames out."""
        ...

    @property
    def endpoints(self) -> dict[WebSocketType, Endpoint]:
        """The lines that there are."""
        ...

    @property
    def news(self) -> News:
        """What tells the listeners."""
        ...

    def adapt(self, plan: AdaptationPlan) -> None:
        """Give something up under load, or take it back."""

    def raise_independence(self, level: IndependenceLevel) -> None:
        """Separate the lines better."""

    def find_stalled(self) -> None:
        """Report components that have stopped consuming; nothing is removed."""

    def sweep(self) -> int:
        """Remove components whose owner is gone, or that stopped consuming for too long."""
        ...
