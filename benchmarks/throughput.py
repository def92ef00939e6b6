"""Messages a second from the socket to a typed slot, beside a bare loop and other libraries, in one run.

Every contender gets the same flood of 1 KB tickers of 200 markets from a process of its own. What counts is messages
per second of the contender's CPU time: on a busy machine the clock on the wall measures the others.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import queue
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import msgspec
import psutil
import qasync
from PyQt6.QtCore import QCoreApplication, QObject, pyqtSlot
from websockets.asyncio.client import connect

from benchmarks._flood import codes, flood_server
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.events import TickerEvent
from upbit_ws_qt.qt import WebSocketClientProxy, WebSocketService
from upbit_ws_qt.types import DataFormat, Delivery, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3
_WARM_UP = 0.5


class Meter:
    """Counts, and divides by the CPU time of this process (and of its children)."""

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count
        self._before = 0
        self._cpu = 0.0

    def begin(self) -> None:
        """Start after the warm-up."""
        gc.collect()
        self._before, self._cpu = self._count(), _cpu_seconds()

    def rate(self) -> float:
        """Return messages per second of CPU time since then."""
        return (self._count() - self._before) / (_cpu_seconds() - self._cpu)


def _cpu_seconds() -> float:
    total = time.process_time()
    for child in psutil.Process().children(recursive=True):
        times = child.cpu_times()
        total += times.user + times.system
    return total


class Panel(QObject):
    """A widget's worth of slots."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    @pyqtSlot(TickerEvent)
    def on_ticker(self, event: TickerEvent) -> None:
        """Take a ticker."""
        self.count += 1


async def _measured(count: Callable[[], int]) -> float:
    while not count():  # noqa: ASYNC110 - the contenders have no event in common
        await asyncio.sleep(0.01)
    await asyncio.sleep(_WARM_UP)
    meter = Meter(count)
    meter.begin()
    await asyncio.sleep(SECONDS)
    return meter.rate()


async def bare_loop(url: str) -> float:
    """Receive, decode into the same struct, call back; nothing else."""
    seen = 0

    def callback(event: TickerEvent) -> None:
        nonlocal seen
        seen += 1

    async def pump() -> None:
        decode = msgspec.json.Decoder(TickerEvent).decode
        async with connect(url, compression=None, close_timeout=0.1) as line:
            await line.send(msgspec.json.encode([{"ticket": "b"}, {"type": "ticker", "codes": codes()}]))
            async for frame in line:
                callback(decode(frame))
                if not seen % 500:
                    await asyncio.sleep(0)  # recv() of a full buffer never yields

    task = asyncio.get_running_loop().create_task(pump())
    try:
        return await _measured(lambda: seen)
    finally:
        task.cancel()
        await asyncio.wait([task])


def _service(url: str) -> WebSocketService:
    config = ServiceConfig(
        public_url=url,
        private_url=None,
        info_url=None,
        data_format=DataFormat.DEFAULT,
        compression=False,
        max_bytes_per_second=1024**3,
        max_frames_per_second=10**6,
    )
    return WebSocketService(config)


async def by_channels(url: str) -> float:
    """One channel per market, each connected to a typed slot."""
    service, panel = _service(url), Panel()
    await service.start()
    channels = [service.ticker(code) for code in codes()]
    for channel in channels:
        channel.received.connect(panel.on_ticker)
    try:
        return await _measured(lambda: panel.count)
    finally:
        await service.stop()


async def by_proxy(url: str) -> float:
    """One subscription with a widget's bound method."""
    service, panel = _service(url), Panel()
    await service.start()
    WebSocketClientProxy("bench", panel, service=service).subscribe_ticker(codes(), panel.on_ticker)
    try:
        return await _measured(lambda: panel.count)
    finally:
        await service.stop()


async def by_frames(url: str) -> float:
    """The newest per market and display frame; counted is what came off the socket."""
    service, panel = _service(url), Panel()
    await service.start()
    proxy = WebSocketClientProxy("bench", panel, service=service)
    proxy.subscribe_ticker(codes(), panel.on_ticker, delivery=Delivery.FRAME)

    def frames() -> int:
        return service.manager.wiring.endpoints[WebSocketType.PUBLIC].connection.figures().inbox.received

    try:
        return await _measured(frames)
    finally:
        await service.stop()


async def ccxt_pro(url: str) -> float:
    """Watch the same tickers with ccxt.pro."""
    import ccxt.pro

    exchange: Any = ccxt.pro.upbit({"newUpdates": True})
    exchange.urls["api"]["ws"] = url
    exchange.set_markets([_ccxt_market(exchange, code) for code in codes()])
    seen = 0
    handle = exchange.handle_ticker

    def counted(client: Any, message: Any) -> Any:
        nonlocal seen
        seen += 1
        return handle(client, message)

    exchange.handle_ticker = counted

    async def pump() -> None:
        symbols = [f"{code.partition('-')[2]}/KRW" for code in codes()]
        while True:
            await exchange.watch_tickers(symbols)

    task = asyncio.get_running_loop().create_task(pump())
    try:
        return await _measured(lambda: seen)
    finally:
        task.cancel()
        await asyncio.wait([task])
        await exchange.close()


def _ccxt_market(exchange: Any, code: str) -> Any:
    quote, _, base = code.partition("-")
    return exchange.safe_market_structure(
        {
            "id": code,
            "symbol": f"{base}/{quote}",
            "base": base,
            "quote": quote,
            "baseId": base,
            "quoteId": quote,
            "type": "spot",
            "spot": True,
            "active": True,
        }
    )


async def upbit_sdk(url: str) -> float:
    """Stream the same tickers with the exchange's own kit."""
    from upbit import AsyncUpbit

    client = AsyncUpbit(access_key="dummy", secret_key="dummy", websocket_base_url=url.removesuffix("/websocket/v1"))  # noqa: S106 - the flood asks for none
    seen = 0

    async def pump() -> None:
        nonlocal seen
        async with client.ws_stream.ticker(codes()) as stream:
            async for _ in stream:
                seen += 1
                if not seen % 500:
                    await asyncio.sleep(0)

    task = asyncio.get_running_loop().create_task(pump())
    try:
        return await _measured(lambda: seen)
    finally:
        task.cancel()
        await asyncio.wait([task])


def pyupbit_manager(url: str) -> float:
    """Take the same tickers from pyupbit's manager, which has a process of its own (its CPU time counts too)."""
    import pyupbit
    import websockets

    original: Any = websockets.connect
    library: Any = websockets  # its address is not a parameter
    library.connect = lambda _url, **options: original(url, **{**options, "compression": None})
    multiprocessing.set_start_method("fork", force=True)  # or its process would not have the patched address
    manager = None
    try:
        manager = pyupbit.WebSocketManager("ticker", codes())
        seen = 0
        deadline = time.monotonic() + _WARM_UP
        while time.monotonic() < deadline:
            manager.get()
        meter = Meter(lambda: seen)
        meter.begin()
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            manager.get()
            seen += 1
        return meter.rate()
    finally:
        library.connect = original
        if manager is not None:
            manager.terminate()


def _on_qasync(contender: Callable[[str], Coroutine[Any, Any, float]], url: str) -> float:
    app = QCoreApplication.instance() or QCoreApplication([])
    with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner:
        return runner.run(contender(url))


CONTENDERS: dict[str, Callable[[str], float]] = {
    "bare loop (asyncio)": lambda url: asyncio.run(bare_loop(url)),
    "bare loop (qasync)": lambda url: _on_qasync(bare_loop, url),
    "channels to typed slots": lambda url: _on_qasync(by_channels, url),
    "proxy to a bound method": lambda url: _on_qasync(by_proxy, url),
    "conflated (frame)": lambda url: _on_qasync(by_frames, url),
    "ccxt.pro": lambda url: asyncio.run(ccxt_pro(url)),
    "pyupbit": pyupbit_manager,
    "upbit-sdk": lambda url: asyncio.run(upbit_sdk(url)),
}


def _run_one(name: str, url: str, answer: Any) -> None:
    try:
        answer.put(CONTENDERS[name](url))
    except ImportError as error:
        answer.put(f"not installed: {error.name}")


def measure(name: str, url: str) -> float | str:
    """Return a contender's rate, measured in a fresh process; a text where it cannot run."""
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=_run_one, args=(name, url, answer))
    process.start()
    try:
        found: float | str = answer.get(timeout=20 + SECONDS)
    except queue.Empty:
        found = "did not get going"
    finally:
        process.join(1)
        if process.is_alive():  # pyupbit's own process would outlive it
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.join(5)
    return found


def main() -> None:
    rates: dict[str, float] = {}
    runs: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    with flood_server() as url:
        for number in range(ROUNDS):
            for name in CONTENDERS:
                found = measure(name, url)
                if isinstance(found, float):
                    runs[name].append(found)
                elif not number:
                    print(f"{name:26s}{found}")
    for name, values in runs.items():
        if values:
            rates[name] = statistics.median(values)
            print(f"{name:26s}{rates[name]:10,.0f} messages per CPU second  ({min(values):,.0f} to {max(values):,.0f})")
    bare, ours = rates["bare loop (asyncio)"], rates["channels to typed slots"]
    print(
        f"channels / bare loop    {ours / bare:5.2f}   (target >= 0.75; on the same qasync loop "
        f"{ours / rates['bare loop (qasync)']:.2f})"
    )
    print(f"conflated / bare loop   {rates['conflated (frame)'] / bare:5.2f}   (target >= 1.5)")
    for other in ("ccxt.pro", "pyupbit", "upbit-sdk"):
        if other in rates:
            print(
                f"channels / {other:13s}{ours / rates[other]:5.2f}   {'(target >= 3)' if other == 'ccxt.pro' else ''}"
            )


if __name__ == "__main__":
    main()
