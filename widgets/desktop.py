"""The desktop program's way in: options, screen, window."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from widgets.options import parse_options
from widgets.screen import missing_screen

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code (2 for a wrong option or no screen)."""
    options = parse_options(arguments)
    if options.screenshot is not None and missing_screen():
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    reason = missing_screen()
    if reason:
        sys.stderr.write(f"No window can be opened here: {reason}. For a picture instead: --screenshot window.png\n")
        return 2
    from widgets.application import run  # Qt is loaded only now: wrong options and --version need not wait for it

    return run(options)
