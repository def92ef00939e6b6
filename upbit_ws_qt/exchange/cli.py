"""The command line of the embedded exchange."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from . import likeness
from .recording import ReplayError
from .server import EmbeddedExchange
from .settings import ExchangeSettings, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .world import World

_log = logging.getLogger("upbit_ws_qt.exchange")
WRONG_USE = 2


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage above it."""

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG_USE, f"{self.prog}: {message}\n")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all options."""
    parser = _Parser(
        prog="python -m upbit_ws_qt.exchange",
        description="An Upbit of our own on loopback. The first line of the output is a JSON object with its addresses "
        "and dummy keys; logs go to the standard error; SIGINT or SIGTERM ends it.",
    )
    defaults = ExchangeSettings()
    parser.add_argument("--host", default=defaults.host, help="loopback address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=0, help="TCP port; 0 takes any free one (%(default)s)")
    parser.add_argument("--region", default=defaults.region, help="country: kr, sg, id or th (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the market (%(default)s)")
    parser.add_argument("--markets", type=int, default=None, help="number of markets (all)")
    parser.add_argument(
        "--full-market", action="store_true", help="all 855 pairs of Korea at the pace that was measured"
    )
    parser.add_argument(
        "--likeness", action="store_true", help="print the full market's figures beside the measured ones, and end"
    )
    parser.add_argument("--rate", type=float, help="messages a second in all (800; of the full market 1000)")
    parser.add_argument("--time-scale", type=float, default=1.0, help="exchange seconds per second (%(default)g)")
    parser.add_argument(
        "--idle-timeout", type=float, default=defaults.idle_timeout, help="seconds, e.g. 60 or 120 (%(default)g)"
    )
    parser.add_argument("--control", action="store_true", help="serve the HTTP control path /control")
    record_help = "record all outgoing frames in a folder, or in a file where the name has a suffix"
    parser.add_argument("--record", type=Path, metavar="PATH", help=record_help)
    parser.add_argument("--replay", type=Path, metavar="PATH", help="serve a recording instead of a market")
    parser.add_argument("--quiet-account", action="store_true", help="no scripted trader, no announcements")
    parser.add_argument(
        "--end-with-input", action="store_true", help="end when the standard input ends, as it does with its parent"
    )
    return parser


def settings_of(options: argparse.Namespace) -> ExchangeSettings:
    """Return the settings that the options stand for; SettingsError where they cannot be."""
    return ExchangeSettings(
        host=options.host,
        port=options.port,
        region=options.region,
        seed=options.seed,
        markets=options.markets,
        full_market=options.full_market,
        rate=_rate_of(options),
        time_scale=options.time_scale,
        idle_timeout=options.idle_timeout,
        control=options.control,
        record=options.record,
        replay=options.replay,
        demo=not options.quiet_account,
    )


def _rate_of(options: argparse.Namespace) -> float:
    if options.rate is not None:
        return float(options.rate)
    return likeness.RATE if options.full_market else ExchangeSettings().rate


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the exchange until a signal ends it; return the exit code."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.likeness:
        print(likeness.report(likeness.figures(options.seed)))
        return 0
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(_serve(settings_of(options), end_with_input=options.end_with_input))
    except (SettingsError, ReplayError) as error:
        parser.error(str(error))
    except OSError as error:
        what = error.filename or f"{options.host} port {options.port}"
        parser.error(f"cannot use {what}: {error.strerror or error}")
    except KeyboardInterrupt:  # where the loop takes no signal handlers
        return 0
    return 0


async def _serve(settings: ExchangeSettings, *, end_with_input: bool) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: KeyboardInterrupt it is
            loop.add_signal_handler(number, ended.set)
    if end_with_input:
        threading.Thread(target=_wait_for_end_of_input, args=(loop, ended), daemon=True).start()
    async with EmbeddedExchange(settings) as exchange:
        names = ("public_url", "private_url", "info_url", "rest_url", "access_key", "secret_key")
        print(json.dumps({name: getattr(exchange, name) for name in names}), flush=True)
        _log.info("serving %d markets on port %d", len(exchange.world.codes), exchange.port)
        preparing = asyncio.create_task(_prepare(exchange.world))  # while the first client is still being started
        await ended.wait()
        preparing.cancel()
    _log.info("ended")


async def _prepare(world: World) -> None:
    for _ in world.prepare():
        await asyncio.sleep(0)


def _wait_for_end_of_input(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    # A thread, because Windows cannot watch a pipe; os.read, because a buffered reader holds a lock that an
    # interpreter which is about to end waits for in vain.
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    with contextlib.suppress(RuntimeError):  # the loop has ended on its own
        loop.call_soon_threadsafe(ended.set)
