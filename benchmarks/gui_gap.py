"""How long Qt's event loop is away while every message of a busy market reaches a slot: the gaps a user would feel.

The gap is what the clock on the wall says; `own` is the CPU time that this program spent in it. What the one has more
than the other, somebody else on the machine took.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import qasync
from PyQt6.QtCore import QCoreApplication, QObject, Qt, QTimer

from benchmarks._child_exchange import child_exchange, config_for, http
from upbit_ws_qt.qt import WebSocketClientProxy, WebSocketService
from upbit_ws_qt.quantiles import QuantileSketch

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
RATES = (1_000, 20_000)
_TICK_MS = 2


class Heart(QObject):
    """Beats every 2 ms and notes how late it was served."""

    def __init__(self) -> None:
        super().__init__()
        self.gaps = QuantileSketch()
        self.own = QuantileSketch()
        self.worst = 0.0
        self._last, self._last_own = time.perf_counter(), time.thread_time()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(_TICK_MS)

    def reset(self) -> None:
        """Forget the warm-up."""
        self.gaps.reset()
        self.own.reset()
        self.worst = 0.0

    def _beat(self) -> None:
        now, own = time.perf_counter(), time.thread_time()
        gap = now - self._last
        self.gaps.add(gap)
        self.own.add(own - self._last_own)
        self._last, self._last_own = now, own
        self.worst = max(self.worst, gap)


class Panel(QObject):
    """Takes everything."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def on_event(self, event: Any) -> None:
        """Take one event."""
        self.count += 1


async def measure(told: dict[str, str], rate: int) -> None:
    service, panel, heart = WebSocketService(config_for(told, compression=False)), Panel(), Heart()
    await asyncio.sleep(SECONDS / 4)
    idle = heart.gaps.quantile(0.999)  # what the machine itself does to a program
    await service.start()
    markets = [entry["market"] for entry in await asyncio.to_thread(http, told, "/v1/market/all")]
    proxy = WebSocketClientProxy("panel", panel, service=service)
    wishes = [
        proxy.subscribe_ticker(markets, panel.on_event),
        proxy.subscribe_trade(markets, panel.on_event),
        proxy.subscribe_orderbook(markets, panel.on_event),
    ]
    for wish in wishes:
        await wish
    await asyncio.sleep(1.0)
    heart.reset()
    count, cpu, began = panel.count, time.process_time(), time.monotonic()
    await asyncio.sleep(SECONDS)
    took = time.monotonic() - began
    share = 100 * (time.process_time() - cpu) / took
    gaps = heart.gaps
    print(
        f"market at {rate:6d} messages/s, {(panel.count - count) / took:6.0f} slots/s, CPU {share:3.0f} %: "
        f"gap p50 {gaps.quantile(0.5) * 1e3:5.2f} ms, p99.9 {gaps.quantile(0.999) * 1e3:5.2f} ms (target <= 20 ms), "
        f"worst {heart.worst * 1e3:5.1f} ms; own: p99.9 {heart.own.quantile(0.999) * 1e3:5.2f} ms; "
        f"idle before: p99.9 {idle * 1e3:5.2f} ms"
    )
    await service.stop()


def main() -> None:
    app = QCoreApplication([])
    for rate in RATES:
        with (
            child_exchange("--rate", str(rate)) as told,
            asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner,
        ):
            runner.run(measure(told, rate))


if __name__ == "__main__":
    main()
