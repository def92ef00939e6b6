"""Instructions of one message from the bytes that were read to a typed slot, counted by valgrind.

    python -m benchmarks.instructions                       tickers, trades, books of 30 and the mix, both regimes
    python -m benchmarks.instructions --against COMMIT      the same of an older commit beside it
    python -m benchmarks.instructions --kinds ticker --contenders slots

Seconds of CPU time differ by a fifth from run to run on a machine that has something else to do; how many instructions
a message takes does not. What is left out is what nobody here can change: the kernel, the selector and Qt's own loop.
Both contenders get the same bytes from a transport without a network, on asyncio's own loop; the bare loop is that of
benchmarks/throughput.py: websockets, msgspec into the same exact struct, a callback that reads three fields.

`burst` hands over 200 messages at once, `single` one and a turn of the loop. Of two runs that differ in nothing but the
number of messages the difference is taken, so that what happens once does not count. An instruction is no time: work
that walks through cold memory costs more of that (benchmarks/throughput.py, `--cold`).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks._flood import KINDS, _frame, _Stock, codes, types_of
from benchmarks.compare import ROOT, tree_of
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.types import WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MARKETS = 20
AT_ONCE = {"burst": 200, "single": 1}
# So many messages that each market's frames have come in all their outlines before the counting begins.
FEW, MANY = {"burst": 2000, "single": 1000}, {"burst": 4000, "single": 2000}
CONTENDERS = ("bare", "slots", "frames")
_COUNT = re.compile(r"I\s+refs:\s+([\d,]+)")


class _Transport(asyncio.Transport):
    """A socket that nothing is written to and that lives."""

    max_size = 0

    def write(self, data: Any) -> None:
        """Drop it."""

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Have no buffer."""

    def pause_reading(self) -> None:
        """Have no say: the messages come when they come."""

    def resume_reading(self) -> None:
        """See pause_reading."""

    def abort(self) -> None:
        """Nothing is there to be cut."""


def _protocol() -> Any:
    from websockets.client import ClientProtocol
    from websockets.protocol import State
    from websockets.uri import parse_uri

    return ClientProtocol(parse_uri("ws://localhost/"), state=State.OPEN, max_size=None)


def _shaken(connection: Any) -> Any:
    """Return a connection as it is behind its handshake."""
    connection.connection_made(_Transport())
    connection.response = connection.response or object()
    if not connection.response_rcvd.done():
        connection.response_rcvd.set_result(None)
    return connection


async def _bare(kind: str) -> tuple[Any, Callable[[], int]]:
    from websockets.asyncio.client import ClientConnection

    from benchmarks.throughput import Reader, _readers

    reader = Reader()
    readers = _readers(reader)
    connection = _shaken(ClientConnection(_protocol(), ping_interval=None, max_queue=None))

    async def pump() -> None:
        async for frame in connection:
            decode, take = readers[frame[9:12]]
            take(decode(frame))

    connection.pumping = asyncio.get_running_loop().create_task(pump())
    return connection, lambda: reader.count


async def _own(kind: str, *, frames: bool) -> tuple[Any, Callable[[], int]]:
    from benchmarks.throughput import Panel
    from upbit_ws_qt.connection.drain import Drain
    from upbit_ws_qt.connection.inbox import Inbox
    from upbit_ws_qt.connection.line import Line
    from upbit_ws_qt.connection.socket import Socket
    from upbit_ws_qt.connection.transport import DialRequest
    from upbit_ws_qt.qt.channel import channel_class
    from upbit_ws_qt.routing import DataPoolManager, DataRoutingEngine
    from upbit_ws_qt.specs import SubscriptionSpec
    from upbit_ws_qt.types import Delivery

    # Everything takes fifty times as long here: no budget and no stopwatch is to notice that.
    most = 10**8
    config = ServiceConfig(drain_budget=0.1, slow_callback=10.0, max_bytes_per_second=most, max_frames_per_second=most)
    inbox: Any = Inbox(WebSocketType.PUBLIC, 10**6)
    epochs = {WebSocketType.PUBLIC: 1}
    engine = DataRoutingEngine(
        config,
        is_current_epoch=lambda ws_type, epoch: epochs.get(ws_type) == epoch,
        on_component_failed=lambda component_id, error: print(component_id, repr(error)),
        on_decode_error=lambda ws_type, error: print(error),
        on_control=lambda ws_type, message: None,
        pool=DataPoolManager(),
        backlog=inbox.__len__,
    )
    inbox.begin_epoch(1)
    Drain(engine.route_frame, 1.0).add(inbox)
    panel, kept = Panel(), []
    for name in types_of(kind):
        for code in codes(MARKETS):
            spec = SubscriptionSpec(name, code, delivery=Delivery.FRAME if frames else Delivery.EVERY)
            channel: Any = channel_class(spec.data_type)(spec, f"channel {name} {code}", lambda _: None)
            slot = getattr(panel, f"on_{name}")
            (channel.frame if frames else channel.received).connect(slot)
            deliver = channel.feed.deliver_frame if frames else channel.feed.deliver_received
            engine.register_route(channel.component_id, spec, deliver)
            kept.append(channel)
    missing: Any = None
    line = Line(WebSocketType.PUBLIC, 1, missing, inbox.put, lambda *_: None)
    request = DialRequest(
        ws_type=WebSocketType.PUBLIC,
        url="ws://localhost/",
        config=config,
        make_token=None,
        on_frames=line.on_frames,
        on_pong=lambda *_: None,
        watch_silence=False,
        tls=None,
        wall_clock=asyncio.get_running_loop().time,
    )
    stream = Socket(request).make_stream(_protocol(), ping_interval=None, max_queue=None)
    stream.kept = (kept, engine, panel)  # type: ignore[attr-defined]
    loop = asyncio.get_running_loop()

    def show() -> None:
        engine.flush_frames()
        loop.call_later(1.0, show)

    if frames:
        show()
        return _shaken(stream), lambda: most
    return _shaken(stream), lambda: panel.reader.count


def _work(contender: str, kind: str, regime: str, count: int, stock: str) -> None:
    """Take so many messages in; for a process that is counted."""
    from PyQt6.QtCore import QCoreApplication

    app = QCoreApplication.instance() or QCoreApplication([])
    at_once = AT_ONCE[regime]
    frames = Path(stock).read_bytes().splitlines()[:count]
    waiting = iter([b"".join(map(_frame, frames[at : at + at_once])) for at in range(0, count, at_once)])

    async def run() -> int:
        connection, seen = await (_bare(kind) if contender == "bare" else _own(kind, frames=contender == "frames"))
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        done = loop.create_future()

        def read() -> None:
            data = next(waiting, None)
            if data is None:
                done.set_result(None)
                return
            loop.call_soon(read)
            connection.data_received(data)

        loop.call_soon(read)
        await done
        while seen() < count:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
        return seen()

    asyncio.run(run())
    del app


def counted(tree: Path, contender: str, kind: str, regime: str, count: int, stock: str) -> int:
    """Return the instructions of a process that takes in so many messages by the code of a tree."""
    work = f"from benchmarks.instructions import _work; _work({contender!r}, {kind!r}, {regime!r}, {count}, {stock!r})"
    counting = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    done = subprocess.run(
        [*counting, sys.executable, "-c", work],
        cwd=tree,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(tree), str(ROOT))),
            "PYTHONHASHSEED": "0",
            "QT_QPA_PLATFORM": "offscreen",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    found = _COUNT.search(done.stderr)
    if done.returncode or found is None:
        raise RuntimeError(f"{contender}, {kind}, {regime}: {(done.stdout + done.stderr)[-2000:]}")
    return int(found[1].replace(",", ""))


def per_message(tree: Path, contender: str, kind: str, regime: str) -> float:
    """Return the instructions that one message more takes."""
    few, many = FEW[regime], MANY[regime]
    stock = _Stock(kind, codes(MARKETS))
    with tempfile.NamedTemporaryFile(suffix=".frames") as file:
        file.write(b"\n".join([stock.next() for _ in range(many)]))
        file.flush()
        counts = [counted(tree, contender, kind, regime, count, file.name) for count in (few, many)]
    return (counts[1] - counts[0]) / (many - few)


def table(kinds: Sequence[str], regimes: Sequence[str], contenders: Sequence[str], old: Path | None) -> None:
    """Print the instructions of each contender, and how often they go into the bare loop's."""
    for kind in kinds:
        for regime in regimes:
            bare = per_message(ROOT, "bare", kind, regime)
            print(f"{kind}, {regime:8}{'bare loop':12}{bare:10,.0f}", flush=True)
            for contender in contenders:
                now = per_message(ROOT, contender, kind, regime)
                print(f"{'':{len(kind) + 10}}{contender:12}{now:10,.0f}{bare / now:8.2f}", end="", flush=True)
                if old is not None:
                    before = per_message(old, contender, kind, regime)
                    print(f"   before {before:10,.0f}{bare / before:8.2f}   here/before {now / before:.3f}", end="")
                print(flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", metavar="COMMIT", help="an older commit to compare with")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=["ticker", "trade", "book30", "mix"])
    parser.add_argument("--regimes", nargs="+", choices=tuple(AT_ONCE), default=list(AT_ONCE))
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS[1:], default=list(CONTENDERS[1:]))
    arguments = parser.parse_args()
    if shutil.which("valgrind") is None:
        raise SystemExit("valgrind is not installed")
    if arguments.against is None:
        table(arguments.kinds, arguments.regimes, arguments.contenders, None)
        return
    with tree_of(arguments.against) as old:
        table(arguments.kinds, arguments.regimes, arguments.contenders, old)


if __name__ == "__main__":
    main()
