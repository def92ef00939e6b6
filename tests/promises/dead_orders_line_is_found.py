"""With the settings as they come, a private line that has died without a word is given up within ten seconds."""

from __future__ import annotations

from tests.promises.stage import market, play
from tests.waiting import until
from upbit_ws_qt import ConnectionState, ServiceConfig, WebSocketClientProxy, WebSocketType


async def main() -> None:
    """Let the line with the orders die as lines do behind a router that forgot them."""
    config = ServiceConfig()
    assert config.ping_interval + config.pong_timeout <= 10, "seconds until it is noticed, at worst"
    async with market() as (exchange, service):
        orders = WebSocketClientProxy("orders").subscribe_my_order(print)
        await orders
        states: list[ConnectionState] = []
        service.connectionStateChanged.connect(lambda line, state: states.append(state))
        exchange.faults.inject("half_open", endpoint="private")
        await until(lambda: ConnectionState.RECONNECTING in states)
        await until(lambda: service.connection_state(WebSocketType.PRIVATE) is ConnectionState.CONNECTED)


if __name__ == "__main__":
    play(main)
