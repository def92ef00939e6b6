"""What all of these programs begin and end with: a QApplication with a loop, an exchange, a service on it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import qasync
from PyQt6.QtWidgets import QApplication

from upbit_ws_qt import ServiceConfig, WebSocketService
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@asynccontextmanager
async def market(
    *, settings: dict[str, Any] | None = None, **config: Any
) -> AsyncIterator[tuple[EmbeddedExchange, WebSocketService]]:
    """Run an exchange and the program's service on it."""
    async with EmbeddedExchange(
        ExchangeSettings(**{"markets": 20, "rate": 200.0, "prepare": False, **(settings or {})})
    ) as exchange:
        service = WebSocketService.instance(ServiceConfig.for_exchange(exchange, **config))
        await service.start()
        try:
            yield exchange, service
        finally:
            await service.stop()


def play(main: Callable[[], Awaitable[None]]) -> None:
    """Run a program whose loop is its own; no hook catches what its slots raise, so PyQt ends it with an abort."""
    app = QApplication([])
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    with loop:
        loop.run_until_complete(main())
    print("kept")
