"""A desk to look at: the embedded exchange, a relay with its NATS server, and two desktop windows that read from it.

    make desk [ARGS="…"]

The arguments are for the windows. All of it ends with them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
WINDOWS = 2


def say_first(*command: str) -> tuple[subprocess.Popen[str], dict[str, str]]:
    """Start a program; return it and the JSON object that it prints first."""
    process = subprocess.Popen(  # noqa: S603 - our own programs
        [sys.executable, "-m", *command], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit(process.wait())
    told: dict[str, str] = json.loads(line)
    return process, told


def main(arguments: list[str]) -> int:
    """Run a desk until its windows are closed; return 0 where both ended well."""
    started: list[subprocess.Popen[str]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            exchange, told = say_first("upbit_ws_qt.exchange", "--end-with-input")
            started.append(exchange)
            of_relay = folder / "relay.toml"
            of_relay.write_text("".join(f'{key} = "{told[key]}"\n' for key in ("public_url", "info_url", "rest_url")))
            environment = {"UPBIT_ACCESS_KEY": told["access_key"], "UPBIT_SECRET_KEY": told["secret_key"]}
            os.environ.update(environment)  # for the relay's indicators; windows of a desk take no key
            options = ("--folder", str(folder / "nats"), "--config", str(of_relay), "--key", "env", "--end-with-input")
            relay, told = say_first("upbit_ws_qt.desk.relay", *options)
            started.append(relay)
            of_window = folder / "window.toml"
            of_window.write_text(f'desk_url = "{told["desk_url"]}"\n')
            command = [sys.executable, str(ROOT / "run_desktop_ui.py"), "--config", str(of_window), *arguments]
            windows = [subprocess.Popen(command) for _ in range(WINDOWS)]  # noqa: S603 - our own program
            return max(abs(window.wait()) for window in windows)
        finally:
            for process in reversed(started):
                process.terminate()
                process.wait()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
