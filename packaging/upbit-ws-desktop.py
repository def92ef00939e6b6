"""The desktop program as PyInstaller starts it.

It starts its embedded exchange as a process of its own, by `python -m upbit_ws_qt.exchange`. In a program that was
put together there is no `python`: the program itself answers to these words.
"""

from __future__ import annotations

import sys

EXCHANGE = ["-m", "upbit_ws_qt.exchange"]


def main() -> int:
    """Be the exchange, or the desktop."""
    if sys.argv[1:3] == EXCHANGE:
        from upbit_ws_qt.exchange.cli import main as exchange

        return exchange(sys.argv[3:])
    from upbit_ws_qt.widgets.desktop import main as desktop

    code: int = desktop()
    return code


if __name__ == "__main__":
    raise SystemExit(main())
