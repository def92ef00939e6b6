"""The command line of the desktop program; no Qt, so that `--version` and a wrong option answer at once."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Options", "parse_options"]


@dataclass(frozen=True)
class Options:
    """What the user asked for.

    Attributes:
        screenshot: where to save a picture of the window instead of waiting for its user; None to run normally.
        after: seconds between opening the window and the picture.
    """

    screenshot: Path | None = None
    after: float = 2.0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see --help\n")


def parse_options(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line; a wrong option ends the program with one line and exit code 2."""
    parser = _Parser(prog="upbit-ws-desktop", description="Live Upbit markets on your desktop.")
    parser.add_argument("--version", action="version", version=f"upbit-ws-desktop {_version()}")
    parser.add_argument(
        "--screenshot", type=_picture, metavar="PATH", help="save a PNG of the window and exit; needs no screen"
    )
    parser.add_argument(
        "--after", type=_seconds, default=2.0, metavar="S", help="seconds before the screenshot (default 2)"
    )
    given = parser.parse_args(arguments)
    return Options(screenshot=given.screenshot, after=given.after)


def _version() -> str:
    try:
        return version("upbit-ws-qt")
    except PackageNotFoundError:
        return "(not installed)"


def _picture(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() != ".png" or not path.absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not a .png file in an existing folder")
    return path


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to 3600")
    return value
