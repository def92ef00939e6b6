"""The desktop program's way in: options, screen, exchange, window."""

from __future__ import annotations

import gc
import os
import sys
import time
from typing import TYPE_CHECKING

from .base.exchange_choice import ExchangeChoice
from .program.options import parse_options
from .program.remembered import likely_exchange
from .program.screen import missing_screen

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code (2 for a wrong option, no screen, or an exchange that does not start)."""
    began = time.monotonic()
    options = parse_options(arguments)
    if options.by_itself and missing_screen():
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    reason = missing_screen()
    if reason:
        sys.stderr.write(f"No window can be opened here: {reason}. For a picture instead: --screenshot window.png\n")
        return 2
    from .program.exchange_process import ExchangeProcess

    rate = () if options.rate is None else ("--rate", str(options.rate))
    exchange = None
    needs_none = options.config is not None or options.replay is not None
    if not needs_none and (options.exchange or likely_exchange()) is ExchangeChoice.EMBEDDED:
        exchange = ExchangeProcess(rate)  # it starts while Qt is loaded
    try:
        gc.disable()  # nothing of what is loaded now is garbage
        # Only now: wrong options and --version need not wait for Qt.
        from .program.application import run_program

        gc.enable()
        return run_program(options, exchange, began)
    finally:
        if exchange is not None:
            exchange.stop()
