"""CPU time of one message from the socket to a typed slot, beside a bare loop and other libraries, in one run.

    python -m benchmarks.throughput --short             a minute: tickers and the mix, three contenders
    python -m benchmarks.throughput                     all kinds of data, both regimes: ten minutes
    python -m benchmarks.throughput --full              all contenders, caches warm and cold, deflate: an hour
    python -m benchmarks.throughput --kinds ticker --regimes single --contenders "bare loop" ccxt.pro

Every contender gets the same frames from a process of its own (benchmarks/_flood.py), no two of them alike, in a fresh
process, in turn with the others, and its slot reads three fields of each event. Printed is the median of the rounds and
in brackets the least and the most; the ratio is the median of the rounds' ratios to the bare loop: websockets, msgspec
into the same exact struct, a callback; 2.00 means half the CPU time. The clock on the wall is not asked, for on a busy
machine it measures the others.

`burst` is 8,000 messages a second, 200 at once; `single` is 900 a second, each read for itself, as from a market in
life: what a turn of the event loop costs is in there. `cold` is the same while other processes thrash memory and the
cores, as a browser does. Where the machine is too busy for it, our channels skip tickers and books that newer ones
have replaced: that costs something too, and what is skipped is not counted as a message. Display frames spare work only
where a market sends more often than the display shows.

What was tried on the way from socket to slot, and what it gave (CPU time, of a ticker unless said otherwise):

- calls that are due in one event of Qt's, sockets read at once (qt/quick_turns.py): a read and its turn of the loop
  18 µs -> 9.5 µs, with asyncio's own loop 6.5; kept.
- no turn of the drain that finds nothing: one of three of Qt's timers for each read; kept.
- several consumers of a stream called from one place (routing/lane.py), channels with a small object for what comes
  (qt/channel.py): five owners of one stream from 2.0 to 1.45 times of one shared channel; kept.
- what is called bound to a local name first, since Python 3.11 looks for a method before it finds an attribute: part of
  the same; kept where it is called for each event.
- numbers made when they are read (wire/unread.py): a ticker decoded 6.9 -> 2.8 µs, a book of 30 37 -> 12; reading three
  costs 1.9 again. Who reads all of a book pays: 43 -> 64 by `asks` and `bids`, 40 -> 86 row by row; kept.
- what reading arranges is done right behind it: a read and its turn of Qt's loop 9.6 -> 7.3 µs; kept.
- what is read is handed out right behind the reading, without a handle, a context and a timer of Qt's for it
  (`call_behind_reading` in qt/quick_turns.py), and by fewer calls before and after: Python functions called for a
  ticker that is read for itself 59 -> 40, its CPU time 110 -> 97 µs (load 6, each round beside the other); kept.
- a number made by one call into C, by msgspec and not by `str` and `Decimal`: 0.82 -> 0.60 µs each; kept.
- the look at all channels, once a second, by one call for each: with 600 channels it was a twentieth of all that 900
  messages a second cost; kept.
- no timer of Qt's for any call that is arranged while a socket is read: 2 %, and what opens a dialog there would have
  those calls wait; dropped.
- outlines of frames kept for a type and not for each market: 1 % of messages are the first of their outline, and that
  only in the first seconds; not built.
- picows in the place of websockets and our framing: not built. From the bytes to the inbox is 1.2 µs of 11 in a burst,
  all that it could save, and a second way in should win a third; it knows no compression, which is the default.
- timing one frame in 64 instead of in sixteen: nothing that could be measured; dropped.
- one signal of Qt's passed on to those of five owners: cheaper than five emissions, but nobody knows then whose slot
  blocks, and a dialog in one holds up the others; dropped.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import multiprocessing
import os
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

from benchmarks._flood import KINDS, codes, flood_server, types_of
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.events import OrderbookEvent, TickerEvent, TradeEvent
from upbit_ws_qt.qt import WebSocketClientProxy, WebSocketService
from upbit_ws_qt.types import DataFormat, Delivery, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

RATE = 900.0  # messages a second where each is read for itself: order books of all markets send 785 to 995
BURST_RATE, BURST = 8000.0, 200  # messages a second in bursts, and of how many: less than anybody here can take
BARE = "bare loop"
OWN_SLOTS, OWN_METHOD, OWN_FRAMES = "channels to typed slots", "proxy to a bound method", "conflated (frame)"
_WARM_UP = 0.5
_EVENTS = {b"tic": TickerEvent, b"tra": TradeEvent, b"ord": OrderbookEvent}
_THRASHED = 64 * 1024 * 1024  # bytes, more than any cache


class Case(msgspec.Struct, frozen=True):
    """What is measured."""

    kind: str
    single: bool = False
    deflate: bool = False
    cold: bool = False

    def __str__(self) -> str:
        regime = f"single, {RATE:,.0f}/s" if self.single else f"burst, {BURST_RATE:,.0f}/s"
        return f"{self.kind}, {regime}, {'deflate' if self.deflate else 'plain'}, {'cold' if self.cold else 'warm'}"


def _cpu_seconds() -> float:
    total = time.process_time()
    for child in psutil.Process().children(recursive=True):
        times = child.cpu_times()
        total += times.user + times.system
    return total


class Reader:
    """What a widget does with each kind of event: it reads three fields."""

    def __init__(self) -> None:
        self.count = 0

    def ticker(self, event: Any) -> None:
        """Take a ticker."""
        self.count += 1
        _ = event.trade_price, event.signed_change_rate, event.acc_trade_price_24h

    def trade(self, event: Any) -> None:
        """Take a trade."""
        self.count += 1
        _ = event.trade_price, event.trade_volume, event.ask_bid

    def orderbook(self, event: Any) -> None:
        """Take an order book."""
        self.count += 1
        best = event.orderbook_units[0]
        _ = best.ask_price, best.bid_price, event.total_ask_size


class Panel(QObject):
    """A widget's worth of slots."""

    def __init__(self) -> None:
        super().__init__()
        self.reader = Reader()

    @pyqtSlot(TickerEvent)
    def on_ticker(self, event: TickerEvent) -> None:
        """Take a ticker."""
        self.reader.ticker(event)

    @pyqtSlot(TradeEvent)
    def on_trade(self, event: TradeEvent) -> None:
        """Take a trade."""
        self.reader.trade(event)

    @pyqtSlot(OrderbookEvent)
    def on_orderbook(self, event: OrderbookEvent) -> None:
        """Take an order book."""
        self.reader.orderbook(event)


async def _measured(count: Callable[[], int], seconds: float) -> float:
    """Return µs of this process's CPU time (and of its children's) for each message."""
    while not count():  # noqa: ASYNC110 - the contenders have no event in common
        await asyncio.sleep(0.01)
    await asyncio.sleep(_WARM_UP)
    gc.collect()
    before, cpu = count(), _cpu_seconds()
    await asyncio.sleep(seconds)
    return (_cpu_seconds() - cpu) / max(1, count() - before) * 1e6


def _request(kind: str) -> bytes:
    return msgspec.json.encode([{"ticket": "b"}, *({"type": name, "codes": codes()} for name in types_of(kind))])


def _readers(reader: Reader) -> dict[bytes, tuple[Callable[[bytes], Any], Callable[[Any], None]]]:
    """Return, by the letters at which types differ, what decodes a frame and what takes the event."""
    takes = {b"tic": reader.ticker, b"tra": reader.trade, b"ord": reader.orderbook}
    return {name: (msgspec.json.Decoder(event).decode, takes[name]) for name, event in _EVENTS.items()}


async def bare_loop(url: str, case: Case, seconds: float) -> float:
    """Receive, decode into the same struct, call back; nothing else."""
    reader, seen = Reader(), 0
    readers = _readers(reader)

    async def pump() -> None:
        nonlocal seen
        compression = "deflate" if case.deflate else None
        async with connect(url, compression=compression, close_timeout=0.1) as line:
            await line.send(_request(case.kind))
            async for frame in line:
                assert isinstance(frame, bytes)
                decode, take = readers[frame[9:12]]
                take(decode(frame))
                seen += 1
                if not seen % 500:
                    await asyncio.sleep(0)  # recv() of a full buffer never yields

    with _running(pump()):
        return await _measured(lambda: seen, seconds)


async def picows_loop(url: str, case: Case, seconds: float) -> float:
    """Do the same with picows, which is written in Cython and knows no compression."""
    import picows

    if case.deflate:
        raise ImportError("it knows no compression", name="deflate for picows")
    reader = Reader()
    readers = _readers(reader)

    class Listener(picows.WSListener):  # type: ignore[misc]  # it ships no types
        def on_ws_connected(self, transport: Any) -> None:
            transport.send(picows.WSMsgType.TEXT, _request(case.kind))

        def on_ws_frame(self, transport: Any, frame: Any) -> None:
            data = frame.get_payload_as_bytes()
            decode, take = readers[data[9:12]]
            take(decode(data))

    transport, _ = await picows.ws_connect(Listener, url)
    try:
        return await _measured(lambda: reader.count, seconds)
    finally:
        transport.disconnect()


@contextlib.contextmanager
def _running(work: Coroutine[Any, Any, None]) -> Iterator[None]:
    task = asyncio.get_running_loop().create_task(work)
    try:
        yield
    finally:
        task.cancel()


def _service(url: str, case: Case) -> WebSocketService:
    config = ServiceConfig(
        public_url=url,
        private_url=None,
        info_url=None,
        data_format=DataFormat.DEFAULT,
        compression=case.deflate,
        max_bytes_per_second=1024**3,
        max_frames_per_second=10**6,
    )
    return WebSocketService(config)


async def by_channels(url: str, case: Case, seconds: float) -> float:
    """One channel per stream, each connected to a typed slot."""
    service, panel = _service(url, case), Panel()
    await service.start()
    channels: list[Any] = []
    for name in types_of(case.kind):
        for code in codes():
            channel = getattr(service, name)(code)
            channel.received.connect(getattr(panel, f"on_{name}"))
            channels.append(channel)
    try:
        return await _measured(lambda: panel.reader.count, seconds)
    finally:
        await service.stop()


async def _by_proxy(url: str, case: Case, seconds: float, delivery: Delivery) -> float:
    service, panel = _service(url, case), Panel()
    await service.start()
    proxy = WebSocketClientProxy("bench", panel, service=service)
    for name in types_of(case.kind):
        getattr(proxy, f"subscribe_{name}")(codes(), getattr(panel, f"on_{name}"), delivery=delivery)

    def received() -> int:
        return service.manager.wiring.endpoints[WebSocketType.PUBLIC].connection.figures().inbox.received

    try:
        return await _measured(received if delivery is Delivery.FRAME else lambda: panel.reader.count, seconds)
    finally:
        await service.stop()


async def by_proxy(url: str, case: Case, seconds: float) -> float:
    """One subscription with a widget's bound method."""
    return await _by_proxy(url, case, seconds, Delivery.EVERY)


async def by_frames(url: str, case: Case, seconds: float) -> float:
    """The newest per market and display frame; counted is what came off the socket."""
    return await _by_proxy(url, case, seconds, Delivery.FRAME)


def _only_tickers(case: Case, name: str) -> None:
    if types_of(case.kind) != ["ticker"]:
        raise ImportError("measured with tickers only", name=f"{case.kind} for {name}")


async def ccxt_pro(url: str, case: Case, seconds: float) -> float:
    """Watch the same tickers with ccxt.pro."""
    _only_tickers(case, "ccxt.pro")
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

    with _running(pump()):
        try:
            return await _measured(lambda: seen, seconds)
        finally:
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


async def upbit_sdk(url: str, case: Case, seconds: float) -> float:
    """Stream the same tickers with the exchange's own kit."""
    _only_tickers(case, "upbit-sdk")
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

    with _running(pump()):
        return await _measured(lambda: seen, seconds)


def pyupbit_manager(url: str, case: Case, seconds: float) -> float:
    """Take the same tickers from pyupbit's manager, which has a process of its own (its CPU time counts too)."""
    _only_tickers(case, "pyupbit")
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
        cpu = _cpu_seconds()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            manager.get()
            seen += 1
        return (_cpu_seconds() - cpu) / seen * 1e6
    finally:
        library.connect = original
        if manager is not None:
            manager.terminate()


def _on_asyncio(work: Callable[[str, Case, float], Coroutine[Any, Any, float]]) -> Callable[[str, Case, float], float]:
    return lambda url, case, seconds: asyncio.run(work(url, case, seconds))


def _on_qasync(work: Callable[[str, Case, float], Coroutine[Any, Any, float]]) -> Callable[[str, Case, float], float]:
    def run(url: str, case: Case, seconds: float) -> float:
        app = QCoreApplication.instance() or QCoreApplication([])
        with asyncio.Runner(loop_factory=lambda: qasync.QEventLoop(app)) as runner:
            return runner.run(work(url, case, seconds))

    return run


CONTENDERS: dict[str, Callable[[str, Case, float], float]] = {
    BARE: _on_asyncio(bare_loop),
    "bare loop (qasync)": _on_qasync(bare_loop),
    "picows + msgspec": _on_asyncio(picows_loop),
    OWN_SLOTS: _on_qasync(by_channels),
    OWN_METHOD: _on_qasync(by_proxy),
    OWN_FRAMES: _on_qasync(by_frames),
    "ccxt.pro": _on_asyncio(ccxt_pro),
    "pyupbit": pyupbit_manager,
    "upbit-sdk": _on_asyncio(upbit_sdk),
}
OURS = (OWN_SLOTS, OWN_METHOD, OWN_FRAMES)


def _run_one(name: str, url: str, case: Case, seconds: float, answer: Any) -> None:
    try:
        answer.put(CONTENDERS[name](url, case, seconds))
    except ImportError as error:
        answer.put(f"left out: {error.name}")


def measure(name: str, url: str, case: Case, seconds: float) -> float | str:
    """Return a contender's µs for each message, measured in a fresh process; a text where it cannot run."""
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=_run_one, args=(name, url, case, seconds, answer))
    process.start()
    try:
        found: float | str = answer.get(timeout=30 + seconds)
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


def _thrash() -> None:
    memory = bytearray(_THRASHED)
    while True:
        bytes(memory)


@contextlib.contextmanager
def thrashing() -> Iterator[None]:
    """Keep both cores and all caches busy with something else."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_thrash, daemon=True) for _ in range(2)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()


def contest(case: Case, names: list[str], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Return what each contender took in each round, and print the table of it."""
    took: dict[str, list[float]] = {name: [] for name in names}
    said: dict[str, str] = {}
    with (
        thrashing() if case.cold else contextlib.nullcontext(),
        flood_server(
            case.kind, RATE if case.single else BURST_RATE, 1 if case.single else BURST, deflate=case.deflate
        ) as url,
    ):
        for number in range(rounds):
            for name in names[:: -1 if number % 2 else 1]:
                if name in said:
                    continue
                found = measure(name, url, case, seconds)
                if isinstance(found, float):
                    took[name].append(found)
                else:
                    said[name] = found
    print(f"{case}   (load {os.getloadavg()[0]:.1f})")
    for name in names:
        if name in said or not took[name]:
            print(f"  {name:26}{said.get(name, '')}")
            continue
        ratio = statistics.median(bare / own for bare, own in zip(took[BARE], took[name], strict=False))
        least, most = min(took[name]), max(took[name])
        print(f"  {name:26}{statistics.median(took[name]):8.2f} µs a message ({least:.2f}-{most:.2f}){ratio:8.2f}")
    sys.stdout.flush()
    return took


def cases(arguments: argparse.Namespace) -> list[Case]:
    """Return what is to be measured."""
    if arguments.short:
        return [Case(kind, single) for kind in ("ticker", "mix") for single in (False, True)]
    found = [
        Case(kind, regime == "single", arguments.deflate, arguments.cold)
        for kind in arguments.kinds
        for regime in arguments.regimes
    ]
    # What costs most time to measure: for tickers and the mix, of which a desktop lives.
    most = [case for case in found if case.kind in ("ticker", "mix")]
    if arguments.full:
        found += [msgspec.structs.replace(case, cold=True) for case in most]
        found += [msgspec.structs.replace(case, deflate=True) for case in most]
    return found


def against_old(seconds: float, rounds: int) -> None:
    """Print what benchmarks/compare.py reads: our own contenders, with the frames that older commits get."""
    with flood_server() as url:
        for name in OURS:
            found = [measure(name, url, Case("alike"), seconds) for _ in range(rounds)]
            rate = 1e6 / statistics.median(each for each in found if isinstance(each, float))
            print(f"{name:26s}{rate:10,.0f} messages per CPU second")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", nargs="*", type=float, metavar="SECONDS ROUNDS", help="only what compare.py reads")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=[kind for kind in KINDS if kind != "alike"])
    parser.add_argument("--regimes", nargs="+", choices=("burst", "single"), default=["burst", "single"])
    parser.add_argument("--contenders", nargs="+", choices=tuple(CONTENDERS), default=None)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--cold", action="store_true", help="all cases with cold caches")
    parser.add_argument("--deflate", action="store_true", help="all cases with permessage-deflate")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each measurement")
    arguments = parser.parse_args()
    if arguments.old:
        against_old(arguments.old[0], int(arguments.old[1]) if len(arguments.old) > 1 else 3)
        return
    names = arguments.contenders or (list(CONTENDERS) if arguments.full else [BARE, OWN_SLOTS, OWN_FRAMES])
    rounds, seconds = arguments.rounds, arguments.seconds
    if arguments.short:
        rounds, seconds = 2, 0.6
    if BARE not in names:
        names = [BARE, *names]
    for case in cases(arguments):
        contest(case, names, rounds, seconds)


if __name__ == "__main__":
    main()
