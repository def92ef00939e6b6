"""The command upbit-ws-relay: one line to the exchange for all programs of a desk, over a NATS server."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.credentials import Credentials
from upbit_ws_qt.desk.metrics import MetricsServer
from upbit_ws_qt.desk.nats_link import DeskAddress
from upbit_ws_qt.desk.server import BundledServer
from upbit_ws_qt.desk.station import Relay, RelaySettings
from upbit_ws_qt.errors import WebSocketError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["build_parser", "main"]


def build_parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    defaults = RelaySettings()
    parser = argparse.ArgumentParser(
        prog="upbit-ws-relay",
        description="Holds one line to each of Upbit's WebSocket endpoints and gives what comes on them to a NATS "
        "server, from which any number of programs take it. Needs the extra desk.",
    )
    parser.add_argument(
        "--nats",
        metavar="URL",
        default=os.environ.get("UPBIT_RELAY_NATS"),
        help="a server that runs, nats:// or tls://, with user:password@ before the host; "
        "default: UPBIT_RELAY_NATS, else one of its own on this computer",
    )
    parser.add_argument("--ca", metavar="FILE", help="certificates that are trusted instead of the computer's own")
    parser.add_argument("--plain", action="store_true", help="allow a server on another computer without TLS")
    parser.add_argument(
        "--folder", type=Path, default=_folder(), help="where its own server keeps things (default: %(default)s)"
    )
    parser.add_argument("--port", type=int, default=0, help="of its own server; default: any, then always the same")
    parser.add_argument("--config", type=Path, help="TOML file with settings, such as region and public_url")
    parser.add_argument(
        "--key", choices=("env", "keyring"), help="where the key is that indicators need; it never leaves the relay"
    )
    parser.add_argument("--past-hours", type=float, default=defaults.past_seconds / 3600, help="(default: %(default)g)")
    parser.add_argument(
        "--past-megabytes",
        type=float,
        default=defaults.past_bytes / 1024**2,
        help="how much of what was the server keeps at most (default: %(default)g)",
    )
    parser.add_argument("--memory", action="store_true", help="keep it in memory; a restart of the server loses it")
    parser.add_argument(
        "--lease", type=float, default=defaults.lease, help="seconds that wishes of a killed program hold (%(default)g)"
    )
    parser.add_argument("--metrics", type=int, metavar="PORT", help="serve figures for Prometheus there, on loopback")
    parser.add_argument(
        "--end-with-input", action="store_true", help="end when the standard input ends, as it does with its parent"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the relay until a signal ends it; return the exit code: 0, or 1 with one line that says why."""
    options = build_parser().parse_args(arguments)
    try:
        return asyncio.run(_run(options))
    except (WebSocketError, OSError) as error:
        print(f"upbit-ws-relay: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


async def _run(options: argparse.Namespace) -> int:
    config = ServiceConfig() if options.config is None else ServiceConfig.load(options.config)
    if options.key is not None:
        config = config.replace(
            credentials=Credentials.from_env() if options.key == "env" else Credentials.from_keyring()
        )
    server = None if options.nats is not None else BundledServer(options.folder, port=options.port)
    if server is not None:
        await server.start()
    try:
        url = options.nats if server is None else server.relay_url
        address = DeskAddress(url, ca=options.ca, plain=options.plain)
        settings = RelaySettings(
            past_bytes=int(options.past_megabytes * 1024**2),
            past_seconds=options.past_hours * 3600,
            memory=options.memory,
            lease=options.lease,
        )
        relay = Relay(address, config, settings, on_news=_tell)
        _end_by(relay, with_input=options.end_with_input)
        print(
            json.dumps({"nats": address.shown, "desk_url": None if server is None else server.client_url}), flush=True
        )
        metrics = None if options.metrics is None else MetricsServer(options.metrics, relay.figures)
        try:
            await relay.run()
        finally:
            if metrics is not None:
                metrics.close()
    finally:
        if server is not None:
            await server.stop()
    return 0


def _end_by(relay: Relay, *, with_input: bool) -> None:
    """Have the relay end by a signal, or with the standard input."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: KeyboardInterrupt it is
            loop.add_signal_handler(number, relay.stop)

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        with contextlib.suppress(RuntimeError):  # the loop has ended on its own
            loop.call_soon_threadsafe(relay.stop)

    if with_input:
        threading.Thread(target=wait, daemon=True).start()


def _tell(news: str) -> None:
    print(f"upbit-ws-relay: {news}", file=sys.stderr, flush=True)


def _folder() -> Path:
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "upbit-ws-relay"


if __name__ == "__main__":
    raise SystemExit(main())
