"""`python -m upbit_ws_qt.doctor`."""

from __future__ import annotations

from upbit_ws_qt.doctor.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
