"""Takes the pictures of the README: every perspective, light and dark, Korean and English, at 1x and 2x; no screen."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
# name: perspective, theme, language, size, scale
PICTURES = {
    "trading-dark-en": ("trading", "dark", "en", "1600x900", 1),
    "trading-light-ko": ("trading", "light", "ko", "1600x900", 1),
    "market-light-en": ("market", "light", "en", "1600x900", 1),
    "market-dark-ko": ("market", "dark", "ko", "1600x900", 1),
    "account-dark-ko": ("account", "dark", "ko", "1600x900", 1),
    "account-light-en": ("account", "light", "en", "1600x900", 1),
    "monitor-light-ko": ("monitor", "light", "ko", "1600x900", 1),
    "monitor-dark-en": ("monitor", "dark", "en", "1600x900", 1),
    "trading-small": ("trading", "light", "en", "1280x720", 1),
    "trading-2x": ("trading", "dark", "ko", "1280x720", 2),
}


def main() -> int:
    """Take them all, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which of {', '.join(PICTURES)}; all by default")
    parser.add_argument("--after", type=float, default=9.0, help="seconds until a picture is taken")
    given = parser.parse_args()
    unknown = sorted(set(given.names) - set(PICTURES))
    if unknown:
        parser.error(f"there is no picture {unknown[0]!r}")
    IMAGES.mkdir(parents=True, exist_ok=True)
    return max(take(name, given.after) for name in given.names or PICTURES)


def take(name: str, after: float) -> int:
    """Take one; returns the program's exit code."""
    perspective, theme, language, size, scale = PICTURES[name]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": str(scale)}
    path = IMAGES / f"{name}.png"
    options = ["--perspective", perspective, "--theme", theme, "--lang", language, "--size", size]
    command = [
        sys.executable,
        str(ROOT / "run_desktop_ui.py"),
        "--screenshot",
        str(path),
        "--after",
        str(after),
        *options,
    ]
    done = subprocess.run(command, env=environment, check=False)  # noqa: S603 - our own program
    print(f"{name}: {path if done.returncode == 0 else 'failed'}", flush=True)
    return done.returncode


if __name__ == "__main__":
    raise SystemExit(main())
