"""An embedded exchange in a process of its own, so that it does not share the core of what is measured."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def child_exchange(*arguments: str) -> Iterator[dict[str, str]]:
    """Run `python -m upbit_ws_qt.exchange` and yield what it says of itself: addresses and dummy keys."""
    process = subprocess.Popen(
        [sys.executable, "-m", "upbit_ws_qt.exchange", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        told: dict[str, str] = json.loads(process.stdout.readline())
        yield told
    finally:
        process.terminate()
        process.wait(5)
        process.stdout.close() if process.stdout is not None else None


def http(told: dict[str, str], path: str, given: dict[str, Any] | None = None) -> Any:
    """Ask the child's REST or control path; with `given`, POST it as JSON."""
    data = None if given is None else json.dumps(given).encode()
    request = urllib.request.Request(told["rest_url"] + path, data, {"Content-Type": "application/json"})  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - loopback
        return json.load(answer)


def config_for(told: dict[str, str], **changes: Any) -> ServiceConfig:
    """Return the settings for a child exchange."""
    return ServiceConfig(
        **{
            "public_url": told["public_url"],
            "private_url": told["private_url"],
            "info_url": told["info_url"],
            "rest_url": told["rest_url"],
            "credentials": Credentials(told["access_key"], told["secret_key"]),
            **changes,
        }
    )
