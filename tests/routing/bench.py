"""What one consumer needs around it, with a stopwatch that goes when it is told to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.routing.rig import Listener, StoppedWatch, event_of, in_loop
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.errors import BackpressureError
from upbit_ws_qt.routing.components import Dispatcher
from upbit_ws_qt.routing.filters import filter_of
from upbit_ws_qt.routing.route import Route
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.streams import streams_of
from upbit_ws_qt.types import BackpressureConfig, BackpressureStrategy

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.events import BaseWebSocketEvent

SLOW = 0.125  # seconds after which a callback blocks, and other figures that a float holds exactly
BUDGET = 0.0625
PAIR = ("KRW-BTC", "KRW-ETH")


class Bench:
    """What a consumer needs around it, and notes of what it said."""

    def __init__(self, **settings: Any) -> None:
        self.watch = StoppedWatch()
        self.asked = 0  # how often somebody asked for the loop's time
        self.failed: list[tuple[str, Exception]] = []
        self.closed: list[Route] = []
        self.loop = asyncio.get_running_loop()
        self.dispatcher = Dispatcher(
            ServiceConfig.testing(**{"slow_callback": SLOW, "drain_budget": BUDGET, **settings}),
            self.loop,
            self._clock,
            lambda component_id, error: self.failed.append((component_id, error)),
            self.watch,
        )

    def route(
        self,
        callback: Callable[[Any], Any],
        codes: str | tuple[str, ...] = "KRW-BTC",
        data_type: str = "ticker",
        queue: BackpressureConfig | None = None,
        alive: Callable[[], bool] | None = None,
        **settings: Any,
    ) -> Route:
        spec = SubscriptionSpec(data_type, codes, backpressure=queue, **settings)
        route = Route(
            self.dispatcher,
            "c",
            spec,
            tuple(streams_of(spec)),
            callback,
            alive=alive,
            view=filter_of(spec, {}),
            on_close=self.closed.append,
        )
        self.dispatcher.component("c").routes[route] = None
        return route

    def _clock(self) -> float:
        self.asked += 1
        return self.loop.time()

    @property
    def reasons(self) -> list[str]:
        """Why components were reported."""
        return [error.reason for _, error in self.failed if isinstance(error, BackpressureError)]


class Reentered(Listener):
    """A callback during whose first call further events come, as they do behind a dialog."""

    def __init__(self, *meanwhile: BaseWebSocketEvent, then: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.route: Route | None = None
        self._meanwhile = meanwhile
        self._then = then

    def __call__(self, event: BaseWebSocketEvent) -> None:
        super().__call__(event)
        if len(self.events) == 1:
            assert self.route is not None
            for each in self._meanwhile:
                self.route.offer(each)
            self._then()


def ticker(at: int, code: str = "KRW-BTC") -> BaseWebSocketEvent:
    event: BaseWebSocketEvent = event_of("ticker", code, at)
    return event


def tickers(*times: int) -> list[BaseWebSocketEvent]:
    return [ticker(at) for at in times]


def books(route: Route) -> tuple[int, ...]:
    assert route.received == route.delivered + route.conflated + route.dropped + route.waiting
    return route.received, route.delivered, route.conflated, route.dropped, route.waiting


def rules(strategy: BackpressureStrategy = BackpressureStrategy.DROP_OLDEST, **settings: Any) -> BackpressureConfig:
    return BackpressureConfig(strategy, **settings)


async def offer(route: Route, *events: BaseWebSocketEvent) -> None:
    """Offer events in one turn of the loop, as the drain does."""

    def each() -> None:
        for event in events:
            route.offer(event)

    await in_loop(each)
