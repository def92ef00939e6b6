"""The command line of the doctor."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from upbit_ws_qt.config import REGIONS
from upbit_ws_qt.credentials import Credentials
from upbit_ws_qt.doctor.examination import Examination, NotExaminedError
from upbit_ws_qt.doctor.recording import Recording
from upbit_ws_qt.doctor.settings import Expected, Target, Waits
from upbit_ws_qt.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upbit_ws_qt.doctor.report import Report

__all__ = ["build_parser", "main"]

ALL_HOLD, SOME_BROKEN, NOT_EXAMINED = 0, 1, 2
_INTERRUPTED = 130

_DESCRIPTION = """\
Checks a running exchange against docs/protocol.md, statement by statement, and prints for each ✔ (it holds),
✘ (it does not) or – (not checked, with why), what was seen, and one line to share.

It only reads: it subscribes, asks, and sends requests that have to be refused, on lines of its own. It places no
orders, stays within the exchange's limits (an exchange on this machine is asked once what happens beyond each), and
takes three minutes at most. Without an option it examines the embedded exchange that comes with this program.
The report is in English.
"""
_EXIT_CODES = """\
exit codes: 0 all that was checked holds · 1 something does not hold · 2 wrong use, or it could not be examined

examples:
  upbit-ws-doctor                                        the embedded exchange
  upbit-ws-doctor --live                                 the real one, public part
  upbit-ws-doctor --live --key env --record frames.jsonl with UPBIT_ACCESS_KEY and UPBIT_SECRET_KEY, frames kept
  upbit-ws-doctor --live --region sg                     Singapore

With --key two tokens with a wrong signature are tried, and one nonce twice: that is how their refusal is checked.
A recording holds no key and no token; accounts, amounts and ids in it are masked.
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage above it."""

    def error(self, message: str) -> NoReturn:
        self.exit(NOT_EXAMINED, f"{self.prog}: {message}\n")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all options."""
    parser = _Parser(
        prog="upbit-ws-doctor",
        description=_DESCRIPTION,
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--live", action="store_true", help="examine the real exchange")
    where.add_argument("--url", metavar="URL", help="examine another one: the WebSocket address of its public endpoint")
    parser.add_argument("--rest-url", metavar="URL", help="with --url: address of its REST calls (the same host)")
    parser.add_argument("--region", choices=sorted(REGIONS), default="kr", help="which country's (%(default)s)")
    parser.add_argument(
        "--key",
        choices=("env", "keyring"),
        help="check private and info endpoints too, with the key from UPBIT_ACCESS_KEY and UPBIT_SECRET_KEY, or from "
        "the system's keyring (the embedded exchange's dummy key needs no option)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="leave out what takes a minute; the embedded exchange is told to hurry"
    )
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="keep all frames as JSON lines, private ones masked"
    )
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
    parser.add_argument("--short", action="store_true", help="print what was seen, without the statements that hold")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Examine an exchange, print the report, and return the exit code."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.rest_url and not options.url:
        parser.error("--rest-url goes with --url")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console that cannot print ✔ prints a question mark
    try:
        report = asyncio.run(_examine(options))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return _INTERRUPTED
    except (ConfigurationError, NotExaminedError) as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"{error.filename or 'the exchange'}: {error.strerror or error}")
    print(report.to_json() if options.json else report.text(with_statements=not options.short))
    return SOME_BROKEN if report.broken else NOT_EXAMINED if report.is_stopped else ALL_HOLD


async def _examine(options: argparse.Namespace) -> Report:
    async with AsyncExitStack() as stack:
        target, expected, waits = await _what_to_examine(options, stack)
        recording: Recording | None = None
        if options.record is not None:
            secrets = target.credentials.reveal() if target.credentials is not None else ()
            recording = Recording(options.record, secrets)
            stack.callback(recording.close)
        asked = f"examining {target.host} ({target.region}); this takes up to three minutes"
        print(asked, file=sys.stderr, flush=True)
        examination = Examination(target, waits=waits, expected=expected, recording=recording)
        return await examination.run()


async def _what_to_examine(options: argparse.Namespace, stack: AsyncExitStack) -> tuple[Target, Expected, Waits]:
    sources = {"env": Credentials.from_env, "keyring": Credentials.from_keyring}
    key = sources[options.key]() if options.key else None
    if options.live:
        expected = Expected()
        return Target.live(options.region, key), expected.hurried() if options.quick else expected, Waits()
    if options.url:
        target = Target.at(options.url, rest_url=options.rest_url, region=options.region, credentials=key)
        expected = Expected(exceed=target.is_loopback)
        return target, expected.hurried() if options.quick else expected, Waits()
    return await _embedded(options, stack)


async def _embedded(options: argparse.Namespace, stack: AsyncExitStack) -> tuple[Target, Expected, Waits]:
    # Here, so that whoever examines the real exchange does not load one of their own.
    from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings

    settings: dict[str, Any] = {"demo": True, "region": options.region}
    if options.quick:
        settings |= {"idle_timeout": 10.0, "status_interval": 1.0, "connects_per_second": 20, "messages_per_minute": 20}
        expected = Expected(
            exceed=True, idle=(10.0, 10.0), status_interval=1.0, connects_per_second=20, messages_per_minute=20
        )
    else:
        expected = Expected(exceed=True, idle=(60.0, 60.0))
    exchange = await stack.enter_async_context(EmbeddedExchange(ExchangeSettings(**settings)))
    target = Target.at(
        exchange.public_url,
        rest_url=exchange.rest_url,
        region=options.region,
        credentials=Credentials(exchange.access_key, exchange.secret_key),
    )
    return target, expected, Waits.quick()
