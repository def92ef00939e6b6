"""Callbacks, conflated callbacks and pull, side by side: the CPU and memory of one program on the same market."""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import time
from typing import TYPE_CHECKING, Any

import psutil
import qasync
from PyQt6.QtCore import QCoreApplication, QObject

from benchmarks._child_exchange import child_exchange, config_for, http
from upbit_ws_qt.client import SimpleWebSocketClient
from upbit_ws_qt.qt import WebSocketClientProxy, WebSocketService
from upbit_ws_qt.types import DataType, Delivery

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 8.0
RATE = 5_000
_POLL = 0.1


class Panel(QObject):
    """A widget that shows the newest prices."""

    def __init__(self) -> None:
        super().__init__()
        self.updates = 0
        self.prices: dict[str, Any] = {}

    def on_ticker(self, event: Any) -> None:
        """Take one ticker."""
        self.prices[event.code] = event.trade_price
        self.updates += 1


async def push(service: WebSocketService, panel: Panel, markets: list[str], delivery: Delivery) -> None:
    """Be called."""
    proxy = WebSocketClientProxy("panel", panel, service=service)
    await proxy.subscribe_ticker(markets, panel.on_ticker, delivery=delivery)


async def pull(service: WebSocketService, panel: Panel, markets: list[str]) -> None:
    """Look ten times a second."""
    client = SimpleWebSocketClient("panel", service.manager)
    await client.register_interests(markets, DataType.TICKER)
    loop = asyncio.get_running_loop()

    def look() -> None:
        loop.call_later(_POLL, look)
        for ticker in client.get_multiple_tickers(markets).values():
            panel.on_ticker(ticker)

    look()


WAYS: dict[str, Callable[[WebSocketService, Panel, list[str]], Any]] = {
    "each event": lambda service, panel, markets: push(service, panel, markets, Delivery.EVERY),
    "newest per frame": lambda service, panel, markets: push(service, panel, markets, Delivery.FRAME),
    "pull at 10 Hz": pull,
}


async def measure(name: str, told: dict[str, str]) -> None:
    service, panel = WebSocketService(config_for(told, compression=False)), Panel()
    await service.start()
    markets = [entry["market"] for entry in await asyncio.to_thread(http, told, "/v1/market/all")]
    before = psutil.Process().memory_info().rss
    await WAYS[name](service, panel, markets)
    await asyncio.sleep(1.0)
    updates, cpu, began = panel.updates, time.process_time(), time.monotonic()
    await asyncio.sleep(SECONDS)
    took = time.monotonic() - began
    share = 100 * (time.process_time() - cpu) / took
    grown = (psutil.Process().memory_info().rss - before) / 2**20
    print(
        f"{name:18s}{(panel.updates - updates) / took:8.0f} updates/s for the widget, CPU {share:5.1f} % of a core, "
        f"memory +{grown:.1f} MiB",
        flush=True,
    )
    await service.stop()


def run_one(name: str, told: dict[str, str]) -> None:
    """Measure one way in a fresh process."""
    app = QCoreApplication([])
    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner:
        runner.run(measure(name, told))


def main() -> None:
    print(f"tickers of all markets, the market at {RATE} messages/s")
    with child_exchange("--rate", str(RATE)) as told:
        for name in WAYS:
            process = multiprocessing.get_context("spawn").Process(target=run_one, args=(name, told))
            process.start()
            process.join()


if __name__ == "__main__":
    main()
