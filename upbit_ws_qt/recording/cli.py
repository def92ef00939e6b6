"""The command upbit-ws-record: record without a program, look into a recording, export, import and serve one."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import runpy
import signal
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.errors import WebSocketError
from upbit_ws_qt.manager import GlobalWebSocketManager, ManagerListener
from upbit_ws_qt.recording.captures import import_lines, rows_of, write_csv
from upbit_ws_qt.recording.reader import Recording
from upbit_ws_qt.recording.recorder import Recorder
from upbit_ws_qt.recording.segments import Kind, RecordingError
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import DataType, Delivery

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["build_parser", "main"]

_REPORT_EVERY = 10.0
_TYPES = "ticker,trade,orderbook,candle.1m"


def build_parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    parser = argparse.ArgumentParser(
        prog="upbit-ws-record",
        description="Records what comes on Upbit's WebSocket lines, to the byte, and makes use of recordings.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    record = commands.add_parser(
        "record", help="record until it is interrupted; readable at any time, also after a crash"
    )
    record.add_argument("path", type=Path, help="folder of the recording; one that is there is gone on with")
    record.add_argument("--codes", default="", help="markets, such as KRW-BTC,KRW-ETH; default: every KRW market")
    record.add_argument("--types", default=_TYPES, help=f"kinds of data (default: {_TYPES})")
    own = "own orders and assets too, in files of their own; the key is that of UPBIT_ACCESS_KEY and UPBIT_SECRET_KEY"
    record.add_argument("--private", action="store_true", help=own)
    record.add_argument("--seconds", type=float, help="end by itself after so long")
    record.add_argument("--keep-hours", type=float, help="delete what is older")
    record.add_argument("--keep-gigabytes", type=float, help="delete the oldest where it takes more")
    record.add_argument("--config", type=Path, help="TOML file with settings, such as public_url and rest_url")
    info = commands.add_parser("info", help="say what a recording holds")
    info.add_argument("path", type=Path)
    export = commands.add_parser("export", help="write events as CSV, exact to the last digit")
    export.add_argument("path", type=Path)
    export.add_argument("--type", required=True, help="kind of data: trade, ticker, orderbook, candle.1m …")
    export.add_argument("--codes", default="", help="markets; default: all")
    export.add_argument("--since", type=_moment, help="ISO 8601, such as 2026-11-30T09:00+09:00")
    export.add_argument("--until", type=_moment, help="likewise")
    export.add_argument("--out", type=Path, help="file; default: standard output")
    capture = commands.add_parser("import", help="make a recording of JSON lines that hold raw frames with times")
    capture.add_argument("source", type=Path, help="file, also .gz")
    capture.add_argument("path", type=Path, help="folder of the new recording")
    play = commands.add_parser("play", help="serve a recording to any client, by the embedded exchange")
    play.add_argument("path", type=Path)
    play.add_argument("--port", type=int, default=0, help="where to listen; default: any that is free")
    play.add_argument("--speed", type=float, default=1.0, help="recorded seconds per second")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code: 0, or 1 with one line on standard error that says why."""
    options = build_parser().parse_args(arguments)
    try:
        match options.command:
            case "record":
                return asyncio.run(_record(options))
            case "info":
                print("\n".join(_info(Recording(options.path))))
            case "export":
                _export(options)
            case "import":
                print(f"{import_lines(options.source, options.path)} frames")
            case "play":
                Recording(options.path)
                sys.argv[1:] = ["--replay", str(options.path), "--port", str(options.port)]
                sys.argv += ["--time-scale", str(options.speed)]
                # By its name: the client knows nothing of the exchange.
                runpy.run_module("upbit_ws_qt.exchange", run_name="__main__", alter_sys=True)
    except (RecordingError, WebSocketError, OSError) as error:
        print(f"upbit-ws-record: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


async def _record(options: argparse.Namespace) -> int:
    config = ServiceConfig() if options.config is None else ServiceConfig.load(options.config)
    if options.private:
        from upbit_ws_qt.credentials import Credentials

        config = config.replace(credentials=Credentials.from_env())
    manager = GlobalWebSocketManager(config)
    recorder = Recorder(
        manager,
        options.path,
        private=options.private,
        keep_seconds=None if options.keep_hours is None else options.keep_hours * 3600,
        keep_bytes=None if options.keep_gigabytes is None else int(options.keep_gigabytes * 1e9),
    )
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: KeyboardInterrupt it is
            loop.add_signal_handler(number, ended.set)
    try:
        codes = tuple(filter(None, options.codes.split(",")))
        if not codes:
            codes = tuple(market.market for market in await manager.rest.markets() if market.market.startswith("KRW-"))
        manager.add_listener(_Teller())
        for name in options.types.split(","):
            _want(manager, DataType(name.strip()), codes)
        if options.private:
            _want(manager, DataType.MY_ORDER, ())
            _want(manager, DataType.MY_ASSET, ())
        async with recorder:
            await manager.start()
            await _until(ended, options.seconds, recorder)
            print(_progress(recorder), file=sys.stderr)
    finally:
        await manager.stop()
    return 0


def _want(manager: GlobalWebSocketManager, data_type: DataType, codes: tuple[str, ...]) -> None:
    # By the display frame and looked at by nobody: so most frames are not even decoded.
    spec = SubscriptionSpec(data_type, codes, delivery=Delivery.FRAME)
    manager.register_component("upbit-ws-record", spec, _ignore)


def _ignore(_: object) -> None:
    """Nothing: what matters was written before it was decoded."""


async def _until(ended: asyncio.Event, seconds: float | None, recorder: Recorder) -> None:
    loop = asyncio.get_running_loop()
    ends = None if seconds is None else loop.time() + seconds
    while True:
        left = _REPORT_EVERY if ends is None else min(_REPORT_EVERY, ends - loop.time())
        if left <= 0:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left):
                await ended.wait()
                return
        print(_progress(recorder), file=sys.stderr)


def _progress(recorder: Recorder) -> str:
    figures = recorder.figures()
    ratio = figures.raw_bytes / figures.bytes if figures.bytes else 0.0
    return (
        f"{figures.frames:,} frames, {figures.raw_bytes / 1e6:,.1f} MB as {figures.bytes / 1e6:,.1f} MB "
        f"({ratio:.1f}:1), {figures.dropped:,} dropped"
    )


class _Teller(ManagerListener):
    """Says on standard error what goes wrong."""

    def on_error(self, error: WebSocketError) -> None:
        print(f"upbit-ws-record: {error}", file=sys.stderr)


def _info(recording: Recording) -> list[str]:
    kinds: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    streams: set[str] = set()
    requests = lost = 0
    told: list[str] = []
    for entry in recording.entries():
        if entry.kind is Kind.RECEIVED:
            name = entry.stream.split(" ")[0] or "other"
            kinds[name] += 1
            sizes[name] += len(entry.data)
            streams.add(entry.stream)
        elif entry.kind is Kind.SENT:
            requests += 1
        else:
            note = entry.note
            when = _iso(entry.wall)
            match note.get("note"):
                case "gap" if note["old"] != note["new"]:
                    told.append(f"  {when}  {entry.line}: epoch {note['old']} to {note['new']}, {note['cause']}")
                case "lost":
                    lost += note["count"]
                    told.append(f"  {when}  {note['count']} frames not recorded")
                case "mark":
                    told.append(f"  {when}  mark: {note['text']}")
                case "session":
                    told.append(f"  {when}  recording begins")
    raw = sum(sizes.values())
    seconds = recording.ends - recording.begins
    lines = [
        f"{_iso(recording.begins)} to {_iso(recording.ends)} ({seconds:,.1f} s)",
        f"{sum(kinds.values()):,} frames of {len(streams):,} streams, {requests:,} requests, {lost:,} frames lost",
        f"{recording.size / 1e6:,.1f} MB in {len(recording.segments)} segments, of {raw / 1e6:,.1f} MB "
        f"({raw / recording.size if recording.size else 0:.1f}:1)",
    ]
    if seconds > 1:
        lines.append(f"24 hours of this would take {recording.size / seconds * 86_400 / 1e9:,.2f} GB")
    if recording.torn:
        lines.append(
            f"{recording.torn:,} bytes cannot be read: a program was killed while it wrote, or the file was damaged"
        )
    lines += [f"  {name:<12} {count:>10,} frames {sizes[name] / 1e6:>10,.1f} MB" for name, count in kinds.most_common()]
    return [*lines, *told[:200]]


def _export(options: argparse.Namespace) -> None:
    codes = tuple(filter(None, options.codes.split(",")))
    rows = rows_of(Recording(options.path), types=[options.type], codes=codes, since=options.since, until=options.until)
    if options.out is None:
        write_csv(rows, sys.stdout)
        return
    with options.out.open("w", encoding="utf-8", newline="") as file:
        print(f"{write_csv(rows, file)} events", file=sys.stderr)


def _moment(text: str) -> float:
    value = datetime.fromisoformat(text)
    return (value if value.tzinfo is not None else value.astimezone()).timestamp()


def _iso(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).isoformat(sep=" ", timespec="milliseconds")


if __name__ == "__main__":
    raise SystemExit(main())
