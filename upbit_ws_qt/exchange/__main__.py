"""`python -m upbit_ws_qt.exchange`."""

from __future__ import annotations

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
