"""A program that runs its qasync loop in pieces, and stops nothing in between."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import qasync

from tests.qt.serving import SETTINGS, config_for
from tests.waiting import until
from upbit_ws_qt.exchange import EmbeddedExchange
from upbit_ws_qt.qt import WebSocketClientProxy, WebSocketService
from upbit_ws_qt.types import ConnectionState, WebSocketType

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QApplication

PIECES = 300  # where a piece ends, Qt runs once more what is due, and asyncio knows of no running loop then


def test_a_loop_that_is_run_in_pieces_keeps_its_line_and_complains_of_nothing(qapp: QApplication) -> None:
    loop: Any = qasync.QEventLoop(qapp)
    complaints: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _loop, context: complaints.append(context))
    exchange = EmbeddedExchange(SETTINGS)

    async def begin() -> tuple[WebSocketService, WebSocketClientProxy]:
        await exchange.start()
        service = WebSocketService(config_for(exchange))
        proxy = WebSocketClientProxy("prices", service=service)
        await proxy.subscribe_ticker("KRW-BTC", lambda event: None)
        return service, proxy

    service, proxy = loop.run_until_complete(begin())
    for piece in range(PIECES):
        changing = proxy.subscribe_ticker(f"KRW-{('ETH', 'XRP')[piece % 2]}", lambda event: None)
        loop.run_until_complete(asyncio.sleep(0.006))  # wishes that change are followed each 5 ms
        loop.call_soon(changing.close)

    async def end() -> None:
        came: list[object] = []
        proxy.subscribe_ticker("KRW-BTC", came.append)
        await until(lambda: came)
        assert service.connection_state(WebSocketType.PUBLIC) is ConnectionState.CONNECTED
        await service.stop()
        await exchange.stop()

    loop.run_until_complete(end())
    loop.close()
    service.deleteLater()
    assert complaints == []
