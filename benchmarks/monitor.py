"""What the monitor dock costs, shown at 4 Hz with full history and hidden, and what reading 1,248 streams off costs."""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).parents[1]))

import qasync
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication, QMainWindow

from tests.waiting import until
from upbit_ws_qt import (
    ConnectionState,
    Credentials,
    DataType,
    GlobalWebSocketManager,
    ServiceConfig,
    SubscriptionSpec,
    WebSocketClientProxy,
    WebSocketService,
)
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.monitoring.history import Metric
from upbit_ws_qt.types import WebSocketType
from widgets.monitor_dock import ConnectionMonitorDock

SHOWN_TARGET = 0.02
HIDDEN_TARGET = 0.002
READING_TARGETS = {"8 components": 0.003, "1,248 components": 0.006}
KINDS = (DataType.TICKER, DataType.TRADE, DataType.ORDERBOOK)


def fill_history(service: WebSocketService, seconds: int) -> None:
    """Give every plotted figure a past, as after so many seconds of running."""
    history = service.manager.monitor._history
    assert history is not None
    now, wall = service.manager.wiring.loop.time(), time.time()
    for back in range(seconds, 1, -1):
        history.begin(now - back, wall - back)
        for line in WebSocketType:
            history.put(Metric.SCORE, line, 90 + 10 * math.sin(back / 40))
            history.put(Metric.RTT, line, 0.05 + 0.04 * math.sin(back / 7))
            history.put(Metric.EPOCH, line, 1 + back // 200)
            history.put(Metric.CONNECTED, line, 0.0 if back % 200 < 3 else 1.0)


async def cpu_share(seconds: float) -> float:
    """Return the cores that this process used over the next seconds."""
    began, spent = time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    return (time.process_time() - spent) / (time.perf_counter() - began)


async def dock_costs(dock: ConnectionMonitorDock, seconds: float, rounds: int) -> dict[str, float]:
    """Return the median cost of a dock in each state over that of a hidden one just before, in cores."""
    costs: dict[str, list[float]] = {"hidden": [], "1 minute": [], "15 minutes": [], "session": []}
    spans = {"1 minute": 60.0, "15 minutes": 900.0, "session": 86_400.0}
    for _ in range(rounds):
        dock.hide()
        await asyncio.sleep(0.3)
        idle = await cpu_share(seconds)
        for name, values in costs.items():
            if name in spans:
                dock.set_window_seconds(spans[name])
                dock.show()
            else:
                dock.hide()
            await asyncio.sleep(0.3)
            values.append(await cpu_share(seconds) - idle)
    return {name: sorted(values)[len(values) // 2] for name, values in costs.items()}


async def measure(seconds: float, rounds: int) -> dict[str, float]:
    """Return the median cost of each state over that of none, in cores."""
    # A quiet market, and the same in every measurement: the difference is the dock's doing.
    async with EmbeddedExchange(ExchangeSettings(seed=3, markets=40, rate=5)) as exchange:
        config = ServiceConfig(
            public_url=exchange.public_url,
            private_url=exchange.private_url,
            info_url=exchange.info_url,
            rest_url=exchange.rest_url,
            credentials=Credentials(exchange.access_key, exchange.secret_key),
            ping_interval=1.0,
        )
        service = WebSocketService(config)
        fill_history(service, 900)
        await service.start()
        proxy = WebSocketClientProxy("panel", service=service)
        await proxy.subscribe_ticker(sorted(exchange.world.codes)[:40], lambda event: None)
        proxy.subscribe_my_asset(lambda event: None)
        window = QMainWindow()
        dock = ConnectionMonitorDock(service)
        window.addDockWidget(Qt.DockWidgetArea.TopDockWidgetArea, dock)
        window.resize(1100, 780)
        window.show()
        await until(lambda: service.connection_state(WebSocketType.PRIVATE) is ConnectionState.CONNECTED)
        costs = await dock_costs(dock, seconds, rounds)
        window.close()
        window.deleteLater()
        await proxy.cleanup()
        await service.stop()
        return costs


async def reading_cost(seconds: float, *, channels: bool) -> float:
    """Return the CPU seconds a second that the monitor takes for reading 1,248 streams off and judging them.

    The streams belong to eight components, or, with `channels`, each to a component of its own.
    """
    settings = ExchangeSettings(seed=3, markets=416, rate=300)
    async with EmbeddedExchange(settings) as exchange:
        manager = GlobalWebSocketManager(
            ServiceConfig(public_url=exchange.public_url, private_url=None, info_url=None, rest_url=exchange.rest_url)
        )
        await manager.start()
        codes = sorted(exchange.world.codes)
        parts = [[code] for code in codes] if channels else [codes[place::8] for place in range(8)]
        groups = [(kind,) for kind in KINDS] if channels else [KINDS]
        handles = [
            manager.register_component(
                f"{group[0]} {place}", [SubscriptionSpec(kind, part) for kind in group], lambda event: None
            )
            for group in groups
            for place, part in enumerate(parts)
        ]
        for handle in handles:
            await handle.wait_served(60)
        spent = 0.0
        action = manager.wiring.observer._observe_on_time

        def timed() -> None:
            nonlocal spent
            began = time.process_time()
            action()
            spent += time.process_time() - began

        await asyncio.sleep(8)  # what is looked at for the first time, the size of each kept event too
        manager.wiring.observer.tasks[0]._action = timed
        began = time.perf_counter()
        await asyncio.sleep(seconds)
        elapsed = time.perf_counter() - began
        assert manager.monitor.performance_metrics().total_subscriptions == 1248
        await manager.stop()
        return spent / elapsed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--reading-seconds", type=float, default=20.0, help="of each measurement of the readings")
    options = parser.parse_args()
    app = QApplication([])
    app.setQuitOnLastWindowClosed(False)
    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner:
        costs = runner.run(measure(options.seconds, options.rounds))
        readings = {
            name: runner.run(reading_cost(options.reading_seconds, channels=channels))
            for name, channels in (("8 components", False), ("1,248 components", True))
        }
    print("cost of the monitor dock, % of a core above a program without it")
    good = True
    for name, cost in costs.items():
        target = HIDDEN_TARGET if name == "hidden" else SHOWN_TARGET
        good = good and cost <= target
        print(f"  {name:12} {100 * cost:6.2f}   {'ok' if cost <= target else f'over the target of {100 * target:g}'}")
    print("reading everything, 1,248 streams, ms of CPU a second")
    for name, cost in readings.items():
        target = READING_TARGETS[name]
        good = good and cost <= target
        verdict = "ok" if cost <= target else f"over the target of {1000 * target:g}"
        print(f"  {name:16} {1000 * cost:6.2f}   {verdict}")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
