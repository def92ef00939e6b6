"""Streams that were live, and come back from a drop listed but silent, are asked for again until they are live."""

from __future__ import annotations

from tests.promises.stage import market, play
from tests.waiting import until
from upbit_ws_qt import StreamStatus, WebSocketClientProxy, WebSocketType


async def main() -> None:
    """Let the exchange take a restored subscription without serving three codes of it."""
    async with market(proof_timeout=1.0) as (exchange, service):
        codes = [market.market for market in exchange.world.markets]
        await WebSocketClientProxy("prices").subscribe_ticker(codes, lambda event: None)
        fault = exchange.faults.inject("missing_codes", endpoint="public", count=3, listed=True)
        exchange.faults.inject("drop", endpoint="public")
        await until(lambda: fault.hits)
        await until(lambda: service.epoch(WebSocketType.PUBLIC) == 2)
        streams = list(service.subscription_statistics()[WebSocketType.PUBLIC].unserved)
        await until(lambda: service.subscription_statistics()[WebSocketType.PUBLIC].live == len(codes), 110)
        assert all(service.manager.wiring.stream_status(stream) is StreamStatus.LIVE for stream in streams)


if __name__ == "__main__":
    play(main)
