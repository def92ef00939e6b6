"""Opens the desktop program; see `python run_desktop_ui.py --help`."""

from __future__ import annotations

from widgets.desktop import main

if __name__ == "__main__":
    raise SystemExit(main())
