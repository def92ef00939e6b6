"""From the arrival of a frame to a widget's slot: 1,000 subscriptions of 100 components at two rates, or at others.

python -m benchmarks.latency [SECONDS] [--rates 500 1000 2000]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import TYPE_CHECKING, Any

import qasync
from PyQt6.QtCore import QCoreApplication, QObject

from benchmarks._child_exchange import child_exchange, config_for, http
from upbit_ws_qt.qt import WebSocketClientProxy, WebSocketService
from upbit_ws_qt.quantiles import QuantileSketch

if TYPE_CHECKING:
    from collections.abc import Callable

TARGETS_MS = {1_000: 2.0, 10_000: 10.0}
COMPONENTS = 100
SUBSCRIPTIONS_EACH = 10


class Panel(QObject):
    """A component with ten subscriptions."""

    def __init__(self, service: WebSocketService, number: int, took: Callable[[float], None]) -> None:
        super().__init__()
        self._took = took
        self._time = asyncio.get_running_loop().time
        self.proxy = WebSocketClientProxy(f"panel {number}", self, service=service)

    def subscribe(self, markets: list[str], number: int) -> None:
        """Want ten streams: of each market in turn ticker, trades or book."""
        for place in range(SUBSCRIPTIONS_EACH):
            index = number * SUBSCRIPTIONS_EACH + place
            kinds = (self.proxy.subscribe_ticker, self.proxy.subscribe_trade, self.proxy.subscribe_orderbook)
            kinds[index % 3](markets[index // 3 % len(markets)], self.on_event)

    def on_event(self, event: Any) -> None:
        """Note how long it took from the socket to here."""
        self._took(self._time() - event.received_at)


async def measure(told: dict[str, str], rate: int, seconds: float) -> None:
    service = WebSocketService(config_for(told, compression=False))
    await service.start()
    sketch = QuantileSketch()
    markets = [entry["market"] for entry in await asyncio.to_thread(http, told, "/v1/market/all")]
    panels = [Panel(service, number, sketch.add) for number in range(COMPONENTS)]
    for number, panel in enumerate(panels):
        panel.subscribe(markets, number)
    for panel in panels:
        for subscription in panel.proxy.subscriptions:
            await subscription
    await asyncio.sleep(1.0)  # what came while a thousand subscriptions were made is not what is measured here
    sketch.reset()
    frames, cpu, began = (
        service.manager.wiring.routing.get_routing_statistics().frames,
        time.process_time(),
        time.monotonic(),
    )
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    share = 100 * (time.process_time() - cpu) / took
    rate_got = (service.manager.wiring.routing.get_routing_statistics().frames - frames) / took
    summary = sketch.summary()
    await service.stop()
    target = f" (target <= {TARGETS_MS[rate]:g} ms)" if rate in TARGETS_MS else ""
    times = f"p50 {summary.p50 * 1e3:5.2f} ms, p99 {summary.p99 * 1e3:5.2f} ms{target}"
    print(
        f"market at {rate:6d} messages/s, {rate_got:6.0f} frames/s wanted, {summary.count / took:6.0f} slots/s, "
        f"CPU {share:3.0f} %: frame to slot {times}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seconds", nargs="?", type=float, default=10.0, help="of each rate")
    parser.add_argument(
        "--rates", nargs="+", type=int, default=list(TARGETS_MS), help="messages a second of the market"
    )
    arguments = parser.parse_args()
    app = QCoreApplication([])
    for rate in arguments.rates:
        with (
            child_exchange("--rate", str(rate)) as told,
            asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner,
        ):
            runner.run(measure(told, rate, arguments.seconds))


if __name__ == "__main__":
    main()
