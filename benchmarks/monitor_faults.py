"""Ten minutes of faults every few seconds with the monitor dock open: is memory flat and the dock responsive?

The exchange runs in a process of its own: what is measured is the program alone.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import random
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
import qasync
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication, QMainWindow

from benchmarks._child_exchange import child_exchange
from tests.waiting import until
from upbit_ws_qt import (
    ConnectionState,
    Credentials,
    ServiceConfig,
    WebSocketClientProxy,
    WebSocketService,
    WebSocketType,
)
from upbit_ws_qt.quantiles import QuantileSketch
from widgets.monitor_dock import ConnectionMonitorDock

FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("drop", {"times": 1}),
    ("half_open", {"times": 1}),
    ("close", {"code": 1000, "times": 1}),
    ("garbage", {"kind": "not_json", "count": 5, "times": 1}),
    ("delay", {"seconds": 0.4}),
    ("stall", {}),
    ("refuse", {"status": 503, "times": 2}),
    ("duplicate_trades", {"copies": 2, "times": 20}),
    ("wrong_order", {"times": 20}),
    ("protocol_violation", {"times": 1}),
)
TICK = 0.02
GROWTH_LIMIT = 8 * 1024**2
GAP_LIMIT = 0.25


class Pulse:
    """How late a 20 ms beat of the window's own loop comes."""

    def __init__(self) -> None:
        self.gaps = QuantileSketch()

    async def beat(self) -> None:
        """Beat until cancelled."""
        while True:
            due = time.perf_counter() + TICK
            await asyncio.sleep(TICK)
            self.gaps.add(max(0.0, time.perf_counter() - due))


class Faults:
    """The exchange's faults, by its control path; asked from a thread, so that the window's loop goes on."""

    def __init__(self, told: dict[str, str]) -> None:
        self._url = told["rest_url"] + "/control/faults"

    async def inject(self, name: str, endpoint: str, options: dict[str, Any]) -> None:
        """Begin one."""
        await asyncio.to_thread(self._ask, "POST", {"name": name, "endpoint": endpoint, "options": options})

    async def clear(self) -> None:
        """End them all."""
        await asyncio.to_thread(self._ask, "DELETE", None)

    def _ask(self, method: str, given: dict[str, Any] | None) -> None:
        data = None if given is None else json.dumps(given).encode()
        request = urllib.request.Request(self._url, data, {"Content-Type": "application/json"}, method=method)  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
            answer.read()


async def run(minutes: float, seed: int) -> bool:
    """Run it; return whether memory was flat and the dock responsive."""
    rng = random.Random(seed)
    arguments = ("--control", "--seed", str(seed), "--markets", "60", "--rate", "600")
    with child_exchange(*arguments) as told:
        config = ServiceConfig.testing(
            public_url=told["public_url"],
            private_url=told["private_url"],
            info_url=told["info_url"],
            rest_url=told["rest_url"],
            credentials=Credentials(told["access_key"], told["secret_key"]),
        )
        service = WebSocketService(config)
        await service.start()
        window = QMainWindow()
        dock = ConnectionMonitorDock(service)
        window.addDockWidget(Qt.DockWidgetArea.TopDockWidgetArea, dock)
        window.resize(1100, 780)
        window.show()
        proxy = WebSocketClientProxy("panels", service=service)
        markets = sorted(await asyncio.to_thread(_codes, told))[:30]
        proxy.subscribe_ticker(markets, lambda event: None)
        proxy.subscribe_trade(markets, lambda event: None)
        proxy.subscribe_orderbook(markets[:10], lambda event: None)
        proxy.subscribe_my_order(lambda event: None)
        pulse = Pulse()
        beating = asyncio.ensure_future(pulse.beat())
        faults = Faults(told)
        good = await _faults(faults, service, dock, pulse, rng, minutes)
        beating.cancel()
        await faults.clear()
        await until(lambda: service.connection_state(WebSocketType.PUBLIC) is ConnectionState.CONNECTED, 30)
        window.close()
        window.deleteLater()
        await proxy.cleanup()
        await service.stop()
        return good


def _codes(told: dict[str, str]) -> list[str]:
    with urllib.request.urlopen(told["rest_url"] + "/v1/market/all", timeout=10) as answer:  # noqa: S310 - loopback
        return [market["market"] for market in json.load(answer)]


async def _faults(
    faults: Faults,
    service: WebSocketService,
    dock: ConnectionMonitorDock,
    pulse: Pulse,
    rng: random.Random,
    minutes: float,
) -> bool:
    process, began, injected = psutil.Process(), time.monotonic(), 0
    # Rings of the history fill for a day; what they will hold is allocated at once, so a fifth of the run settles it.
    settled, looks = None, max(5, round(minutes))
    print(f"{'minute':>7}{'faults':>8}{'reconnects':>12}{'RSS MiB':>10}{'late p99':>10}{'worst':>8}  score")
    for look in range(looks):
        ends = began + (look + 1) * minutes * 60 / looks
        while time.monotonic() < ends:
            name, options = rng.choice(FAULTS)
            await faults.inject(name, rng.choice(["public", "private"]), options)
            injected += 1
            dock.panel.tabs.setCurrentIndex(injected % 5)
            await asyncio.sleep(rng.uniform(1.0, 4.0))
            await faults.clear()
        gc.collect()
        memory, gaps = process.memory_info().rss, pulse.gaps.summary()
        if look == looks // 5:
            settled = memory
        lines = (service.connection_metrics(line) for line in WebSocketType)
        print(
            f"{(time.monotonic() - began) / 60:7.1f}{injected:8}{sum(line.reconnect_count for line in lines):12}"
            f"{memory / 1024**2:10.1f}{1000 * gaps.p99:7.0f} ms{1000 * gaps.maximum:5.0f} ms"
            f"  {service.health_status().score:.0f}",
            flush=True,
        )
    grown = memory - (settled or memory)
    flat, quick = grown <= GROWTH_LIMIT, gaps.p99 <= GAP_LIMIT
    print(f"memory grew by {grown / 1024**2:.1f} MiB after it had settled: {'ok' if flat else 'too much'}")
    print(f"the window's loop was late by {1000 * gaps.p99:.0f} ms (p99): {'ok' if quick else 'too late'}")
    return flat and quick


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.getLogger("upbit_ws_qt").setLevel(logging.CRITICAL)  # hundreds of losses are the point here
    app = QApplication([])
    app.setQuitOnLastWindowClosed(False)
    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner:
        return 0 if runner.run(run(options.minutes, options.seed)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
