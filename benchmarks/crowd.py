"""A hundred components want more than a thousand streams at once: when everything is served, by how many requests."""

from __future__ import annotations

import asyncio
import time

from benchmarks._child_exchange import child_exchange, config_for, http
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import DataType, WebSocketType

COMPONENTS = 100
SYMBOLS_EACH = 40
TYPES = (DataType.TICKER, DataType.TRADE, DataType.ORDERBOOK)
ROUNDS = 3


async def measure(told: dict[str, str]) -> None:
    manager = GlobalWebSocketManager(config_for(told))
    await manager.start()
    markets = [entry["market"] for entry in await asyncio.to_thread(http, told, "/v1/market/all")]
    began = time.monotonic()
    handles = []
    for number in range(COMPONENTS):
        mine = [markets[(number * 7 + step) % len(markets)] for step in range(SYMBOLS_EACH)]
        specs = [SubscriptionSpec(data_type, mine) for data_type in TYPES]
        handles.append(manager.register_component(f"component {number}", specs, lambda event: None))
    registered = time.monotonic()
    await asyncio.gather(*(handle.wait_served(60) for handle in handles))
    served = time.monotonic()
    statistics = manager.wiring.subscription_statistics()[WebSocketType.PUBLIC]
    await manager.stop()
    print(
        f"{COMPONENTS} components, {statistics.streams} streams: registered in {registered - began:.2f} s, "
        f"served after {served - began:.2f} s, {statistics.requests} requests, {statistics.lists} lists"
    )


def main() -> None:
    for _ in range(ROUNDS):
        with child_exchange("--rate", "200", "--control", "--quiet-account") as told:
            asyncio.run(measure(told))
    print("targets: served within 2 s, at most 3 requests, lists included")


if __name__ == "__main__":
    main()
