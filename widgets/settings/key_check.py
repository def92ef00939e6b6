"""Whether an exchange takes a key pair: asked on a service of its own, before the keys are kept."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from upbit_ws_qt import (
    AuthenticationError,
    ConnectionState,
    Credentials,
    Phrase,
    WebSocketClientProxy,
    WebSocketError,
    WebSocketService,
    WebSocketType,
)

from ..base.text import mark

if TYPE_CHECKING:
    from upbit_ws_qt import ServiceConfig

__all__ = ["check_keys"]


async def check_keys(config: ServiceConfig, credentials: Credentials, seconds: float = 10.0) -> str | None:
    """Return None where the exchange takes the keys, or in one line why not; within `seconds`."""
    service = WebSocketService(config.replace(credentials=credentials))
    refused: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def on_error(error: WebSocketError) -> None:
        if isinstance(error, AuthenticationError) and not refused.done():
            refused.set_result(str(error))

    def on_state(line: WebSocketType, state: ConnectionState) -> None:
        if line is WebSocketType.PRIVATE and state is ConnectionState.FAILED and not refused.done():
            refused.set_result(Phrase(mark("the exchange refuses the key")))

    service.errorOccurred.connect(on_error)
    service.connectionStateChanged.connect(on_state)
    try:
        await service.start()
        served = asyncio.ensure_future(_served(service))
        both: tuple[asyncio.Future[Any], ...] = (served, refused)
        done, _ = await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if refused in done:
            served.cancel()
            await asyncio.wait([served])
            return refused.result()
        if served in done:
            return served.result()
        served.cancel()
        await asyncio.wait([served])
        return Phrase(mark("no answer within {seconds:g} s"), seconds=seconds)
    finally:
        refused.cancel()
        await service.stop()
        service.deleteLater()


async def _served(service: WebSocketService) -> str | None:
    async with WebSocketClientProxy("key check", service=service) as proxy:
        try:
            await proxy.subscribe_my_order(lambda _event: None)
        except WebSocketError as error:
            return str(error)
    return None
