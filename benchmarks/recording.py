"""What recording costs and saves, beside plain JSON lines in gzip: processor time, latency, bytes on disk, seeks.

`python -m benchmarks.recording [--seconds 30] [--rate 1000]`: the whole market as the embedded exchange makes it, in a
process of its own, once without a recorder, once with it, once with gzip written on the loop.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks._child_exchange import child_exchange, config_for
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.recording.reader import Recording
from upbit_ws_qt.recording.recorder import Recorder
from upbit_ws_qt.recording.replay import Replay
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import ConnectionState, DataType, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.connection import Line

TYPES = (DataType.TICKER, DataType.TRADE, DataType.ORDERBOOK, DataType.CANDLE_1M)


class Gzip:
    """What people write first: a JSON line for each frame, packed as it comes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = gzip.open(path, "wt", encoding="utf-8", compresslevel=6)  # noqa: SIM115 - closed below
        self.raw = 0

    def tap(self, _line: Line, data: bytes, at: float, _sent: bool) -> None:
        """Take one frame."""
        self.raw += len(data)
        self._file.write(json.dumps({"at": at, "frame": data.decode()}) + "\n")

    def close(self) -> None:
        """Write the rest."""
        self._file.close()


async def run(told: dict[str, str], how: str, seconds: float, folder: Path) -> dict[str, Any]:
    manager = GlobalWebSocketManager(config_for(told))
    loop = asyncio.get_running_loop()
    waits: list[float] = []
    codes = tuple(market.market for market in await manager.rest.markets())
    for data_type in TYPES:
        manager.register_component(
            "bench", SubscriptionSpec(data_type, codes), lambda event: waits.append(loop.time() - event.received_at)
        )
    recorder = Recorder(manager, folder / "recording") if how == "recorder" else None
    plain = Gzip(folder / "frames.jsonl.gz") if how == "gzip" else None
    if recorder is not None:
        recorder.start()
    if plain is not None:
        manager.wiring.traces.add_tap(plain.tap)
    await manager.start()
    while manager.connection_state(WebSocketType.PUBLIC) is not ConnectionState.CONNECTED:  # noqa: ASYNC110 - a script
        await asyncio.sleep(0.1)
    await asyncio.sleep(3)  # the snapshots of all streams are no everyday load
    waits.clear()
    cpu, began = time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    cpu, took = time.process_time() - cpu, time.monotonic() - began
    count, quantiles = len(waits), statistics.quantiles(waits, n=100)
    result = {"cpu": cpu / took, "rate": count / took, "p50": quantiles[49] * 1e6, "p99": quantiles[98] * 1e6}
    await manager.stop()
    if recorder is not None:
        await recorder.stop()
        figures = recorder.figures()
        result |= {
            "raw": figures.raw_bytes,
            "bytes": figures.bytes,
            "dropped": figures.dropped,
            "frames": figures.frames,
        }
    if plain is not None:
        plain.close()
        result |= {"raw": plain.raw, "bytes": plain.path.stat().st_size}
    return result


async def seek(path: Path, share: float) -> tuple[float, int]:
    """Return the seconds from a seek until everything has been handed out, and how many events that was."""
    replay = Replay(path, ServiceConfig(), paused=True)
    manager = GlobalWebSocketManager(replay.config, source=replay)
    events: list[object] = []
    codes = tuple({name.split(" ")[1] for name in names_in(path)})
    for data_type in TYPES:
        manager.register_component("bench", SubscriptionSpec(data_type, codes), events.append)
    await manager.start()
    await asyncio.sleep(3)  # so that what is wanted has been asked for
    began = time.perf_counter()
    replay.clock.seek(replay.clock.begins + (replay.clock.ends - replay.clock.begins) * share)
    await asyncio.sleep(0)
    while not (replay.is_primed and manager.wiring.is_drained):  # noqa: ASYNC110 - it is looked at as often as can be
        await asyncio.sleep(0)
    took = time.perf_counter() - began
    await manager.stop()
    return took, len(events)


def names_in(path: Path) -> set[str]:
    """Return the streams of public data that there are at the end of a recording."""
    recording = Recording(path)
    newest = recording.moment(recording.ends).standing.newest
    return {stream for _, stream in newest if " " in stream}


def say(title: str, result: dict[str, Any]) -> None:
    text = f"{title:<10} {result['rate']:7,.0f} events/s  {result['cpu']:6.1%} of a core"
    text += f"  from receipt to callback p50 {result['p50']:6.0f} us, p99 {result['p99']:7.0f} us"
    if "bytes" in result:
        raw, packed = result["raw"], result["bytes"]
        text += f"  {raw / 1e6:6.1f} MB as {packed / 1e6:5.2f} MB ({raw / packed:.1f}:1)"
    print(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rate", type=int, default=1000)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="upbit-recording-"))
    measure: Callable[[str], dict[str, Any]]
    try:
        with child_exchange("--full-market", "--rate", str(options.rate), "--seed", "7") as told:

            def measure(how: str) -> dict[str, Any]:
                return asyncio.run(run(told, how, options.seconds, folder))

            bare, recorded, plain = measure("bare"), measure("recorder"), measure("gzip")
        for title, result in (("bare", bare), ("recorder", recorded), ("gzip", plain)):
            say(title, result)
        path = folder / "recording"
        whole = Recording(path)
        ours, theirs = recorded["cpu"] - bare["cpu"], plain["cpu"] - bare["cpu"]
        print(f"the recorder takes {ours:.1%} of a core, gzip {theirs:.1%}")
        day = whole.size / (whole.ends - whole.begins) * 86_400 / 1e9
        print(f"24 h of this: {day:.1f} GB; dropped {recorded['dropped']}")
        for share in (0.1, 0.5, 0.95):
            took, count = asyncio.run(seek(path, share))
            print(f"seek to {share:.0%}: {took * 1000:.0f} ms until {count:,} events were handed out")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
