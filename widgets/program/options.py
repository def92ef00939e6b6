"""The command line of the desktop program; no Qt, so that `--version` and a wrong option answer at once."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import upbit_ws_qt
from upbit_ws_qt import is_market_code

from ..base.exchange_choice import ExchangeChoice

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Options", "parse_options", "program_version"]

_REGIONS = ("kr", "sg", "id", "th")
_MOST_SYMBOLS = 500


@dataclass(frozen=True)
class Options:
    """What the user asked for.

    Attributes:
        screenshot: where to save a picture of the window instead of waiting for its user; None to run normally.
        after: seconds between opening the window and the picture.
        smoke: seconds to run once every panel has data, or none came within a minute, with exit code 0 only if every
            panel got data and no error was logged; None for ever.
        live: use the real exchange, whatever was chosen on the first page.
        embedded: use the embedded one, likewise.
        region: country of the real exchange; None for the chosen one.
        replay: recording to show instead of an exchange.
        config: TOML file of settings for the service; it names its exchange, so nothing is embedded then.
        symbols: markets of the first tab; empty for all.
        perspective: its name; None for the one of last time.
        language: "ko", "en", or None for the chosen one.
        theme: "system", "light", "dark", or None for the chosen one.
        size: width and height of the window; None for that of last time.
        rate: messages a second of the embedded exchange.
    """

    screenshot: Path | None = None
    after: float = 2.0
    smoke: float | None = None
    live: bool = False
    embedded: bool = False
    region: str | None = None
    replay: Path | None = None
    config: Path | None = None
    symbols: tuple[str, ...] = ()
    perspective: str | None = None
    language: str | None = None
    theme: str | None = None
    size: tuple[int, int] | None = None
    rate: float | None = None

    @property
    def exchange(self) -> ExchangeChoice | None:
        """Which exchange it is to be, where that is said here; None: the one that was chosen last, or is to be."""
        if self.live:
            return ExchangeChoice.LIVE_WITH_KEY
        if self.embedded or self.rate is not None or (self.by_itself and self.config is None):
            return ExchangeChoice.EMBEDDED
        return None

    @property
    def by_itself(self) -> bool:
        """Whether it runs without its user, so that neither layout nor settings are read or saved."""
        return self.screenshot is not None or self.smoke is not None


class _Version(argparse.Action):
    """Looks the version up only when it is asked for: that takes longer than all other options together."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        sys.stdout.write(f"upbit-ws-desktop {program_version()}\n")
        parser.exit()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see --help\n")


def parse_options(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line; a wrong option ends the program with one line and exit code 2."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.live + given.embedded + (given.config is not None) > 1:
        parser.error("--live, --embedded and --config each name an exchange; give one of them")
    if given.region is not None and not given.live:
        parser.error("--region is for --live")
    if given.rate is not None and (given.live or given.config is not None):
        parser.error("--rate is for the embedded exchange")
    if given.replay is not None and (given.live or given.embedded or given.config is not None):
        parser.error("--replay shows a recording; it goes without --live, --embedded and --config")
    return Options(
        replay=given.replay,
        screenshot=given.screenshot,
        after=given.after,
        smoke=given.smoke,
        live=given.live,
        embedded=given.embedded,
        region=given.region,
        config=given.config,
        symbols=given.symbols,
        perspective=given.perspective,
        language=given.lang,
        theme=given.theme,
        size=given.size,
        rate=given.rate,
    )


def program_version() -> str:
    """Return the version that is installed."""
    return upbit_ws_qt.__version__


def _parser() -> _Parser:
    parser = _Parser(
        prog="upbit-ws-desktop",
        description="Live Upbit markets on your desktop. The first time it asks which exchange to show: the embedded "
        "one (no network, no key, no money), or the real one without or with your key.",
    )
    add = parser.add_argument
    add("--version", action=_Version, nargs=0, help="show the version and exit")
    add("--live", action="store_true", help="use the real exchange; a key from the keyring or environment, or none")
    add("--embedded", action="store_true", help="use the embedded exchange: no network, no key, no money")
    add("--region", choices=_REGIONS, help="country of the real exchange (default: the chosen one)")
    add("--config", type=_file, metavar="FILE", help="TOML file of settings; see docs for their names")
    add("--replay", type=_recording, metavar="FOLDER", help="show a recording, with a timeline below the window")
    add("--symbols", type=_symbols, default=(), metavar="CODES", help="markets to list, e.g. KRW-BTC,KRW-ETH")
    add("--perspective", metavar="NAME", help="arrangement to open, e.g. trading, market, account, monitor")
    add("--lang", choices=("ko", "en"), help="language (default: that of the system)")
    add("--theme", choices=("system", "light", "dark"), help="colours of the window")
    add("--size", type=_size, metavar="WxH", help="size of the window, e.g. 1280x720")
    add("--rate", type=_rate, metavar="N", help="messages a second of the embedded exchange (800)")
    add("--screenshot", type=_picture, metavar="PATH", help="save a PNG of the window and exit; needs no screen")
    add("--after", type=_seconds, default=2.0, metavar="S", help="seconds before the screenshot (default 2)")
    add(
        "--smoke",
        type=_smoke,
        metavar="S",
        help="wait until all panels have data, a minute at most, then run so many seconds; exit 0 if nothing failed",
    )
    return parser


def _picture(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() != ".png" or not path.absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not a .png file in an existing folder")
    return path


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{text!r} is not a file")
    return path


def _recording(text: str) -> Path:
    path = Path(text)
    if not path.exists():
        raise argparse.ArgumentTypeError(f"{text!r} is not a recording")
    return path


def _symbols(text: str) -> tuple[str, ...]:
    codes = tuple(dict.fromkeys(part.strip().upper() for part in text.split(",")))
    if len(codes) > _MOST_SYMBOLS or not all(map(is_market_code, codes)):
        raise argparse.ArgumentTypeError(f"{text[:60]!r} is not a list of market codes like KRW-BTC,KRW-ETH")
    return codes


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and len(text) <= 11):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size like 1280x720")
    if not (320 <= int(width) <= 8192 and 240 <= int(height) <= 8192):
        raise argparse.ArgumentTypeError(f"{text!r} is not between 320x240 and 8192x8192")
    return int(width), int(height)


def _number(text: str, low: float, high: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what} from {low:g} to {high:g}")
    return value


def _seconds(text: str) -> float:
    return _number(text, 0, 3600, "a number of seconds")


def _smoke(text: str) -> float:
    return _number(text, 1, 86_400, "a number of seconds")


def _rate(text: str) -> float:
    return _number(text, 1, 50_000, "a number of messages a second")
