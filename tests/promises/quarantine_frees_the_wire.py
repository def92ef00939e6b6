"""What only a component that was put aside had asked for is not asked of the exchange any more, until it is resumed."""

from __future__ import annotations

from tests.promises.stage import market, play
from tests.waiting import until
from upbit_ws_qt import WebSocketClientProxy


async def main() -> None:
    """Let a callback raise until it is put aside."""
    async with market(dead_component_timeout=60.0) as (exchange, service):
        is_broken, calls = [True], []

        def callback(event: object) -> None:
            if is_broken:
                raise ValueError("a bug")
            calls.append(event)

        good, bad = WebSocketClientProxy("good"), WebSocketClientProxy("bad")
        good.subscribe_ticker("KRW-BTC", print)
        bad.subscribe_ticker(["KRW-BTC", "KRW-ETH"], callback)
        await until(lambda: ("ticker", "KRW-ETH") in exchange.subscribed("public"))
        await until(lambda: exchange.subscribed("public") == {("ticker", "KRW-BTC")})
        is_broken.clear()
        assert service.resume("bad")
        await until(lambda: ("ticker", "KRW-ETH") in exchange.subscribed("public"))
        await until(lambda: calls)


if __name__ == "__main__":
    play(main)
