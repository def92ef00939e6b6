"""Orders while the public line is flooded: from the arrival of a private frame to its callback."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from benchmarks._child_exchange import child_exchange, config_for, http
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.quantiles import QuantileSketch
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import DataType

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 15.0
RATES = (1_000, 20_000)
ORDER = {"code": "KRW-BTC", "side": "BID", "order_type": "limit", "price": "1000000", "volume": "0.01"}


class Stopwatch:
    """Collects the time from the arrival of a frame to its callback."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.sketch = QuantileSketch()
        self._time = loop.time

    def __call__(self, event: Any) -> None:
        """Take one event."""
        self.sketch.add(self._time() - event.received_at)


async def place_orders(told: dict[str, str], seconds: float) -> None:
    """Place and cancel an order every 50 ms."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        made = await asyncio.to_thread(http, told, "/control/orders", ORDER)
        await asyncio.to_thread(http, told, f"/control/orders/{made[0]['uuid']}/cancel", {})
        await asyncio.sleep(0.05)


async def measure(told: dict[str, str], rate: int) -> None:
    manager = GlobalWebSocketManager(config_for(told, compression=False))
    await manager.start()
    loop = asyncio.get_running_loop()
    private, public = Stopwatch(loop), Stopwatch(loop)
    markets = [entry["market"] for entry in await asyncio.to_thread(http, told, "/v1/market/all")]
    types = (DataType.TICKER, DataType.TRADE, DataType.ORDERBOOK)
    orders = manager.register_component("orders", SubscriptionSpec(DataType.MY_ORDER), private)
    flood = manager.register_component("flood", [SubscriptionSpec(t, markets) for t in types], public)
    await asyncio.gather(orders.wait_served(20), flood.wait_served(20))
    public.sketch.reset()
    before, cpu, began = manager.wiring.routing.get_routing_statistics().frames, time.process_time(), loop.time()
    await place_orders(told, SECONDS)
    took = loop.time() - began
    share = 100 * (time.process_time() - cpu) / took
    frames = manager.wiring.routing.get_routing_statistics().frames - before
    await manager.stop()
    print(f"asked for {rate} messages/s, got {frames / took:.0f} frames/s, CPU {share:.0f} % of a core")
    for name, watch in (("private", private), ("public", public)):
        summary = watch.sketch.summary()
        target = "  (target p99 <= 10 ms)" if watch is private else ""
        times = f"p50 {summary.p50 * 1e3:6.2f} ms, p99 {summary.p99 * 1e3:6.2f} ms"
        print(f"  {name:8s}{summary.count:8d} events, frame to callback {times}{target}")


def main() -> None:
    for rate in RATES:
        with child_exchange("--rate", str(rate), "--control", "--quiet-account") as told:
            asyncio.run(measure(told, rate))


if __name__ == "__main__":
    main()
