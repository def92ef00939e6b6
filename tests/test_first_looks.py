"""What one sees of it first: its version, what `python -m` says, how objects look in a debugger, what it loads."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import upbit_ws_qt
from tests.qt.serving import served
from upbit_ws_qt import Credentials, SimpleWebSocketClient, WebSocketClientProxy

if TYPE_CHECKING:
    from upbit_ws_qt import WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange


def says(*arguments: str, **environment: str) -> str:
    """Run Python; return what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_version_is_the_installed_ones() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", upbit_ws_qt.__version__)
    with pytest.raises(AttributeError):
        upbit_ws_qt.__nothing__  # noqa: B018


def test_python_m_tells_versions_and_paths_and_no_key() -> None:
    said = says("-m", "upbit_ws_qt", UPBIT_ACCESS_KEY="CANARY-KEY")
    lines = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in said.partition("\n\n")[0].splitlines())
    assert lines["upbit_ws_qt"].startswith(upbit_ws_qt.__version__)
    assert lines["Python"].startswith(".".join(map(str, sys.version_info[:2])))
    assert {"PyQt6", "PyQt6-Qt6", "qasync", "websockets", "msgspec"} <= lines.keys()
    assert "not installed" not in said
    assert (lines["UPBIT_ACCESS_KEY"], lines["UPBIT_SECRET_KEY"]) == ("set", "not set")
    assert "CANARY" not in said
    assert "python -m upbit_ws_qt.exchange" in said


def test_what_only_keys_and_figures_need_is_loaded_with_them() -> None:
    code = (
        "import sys; from upbit_ws_qt import WebSocketService, run, ServiceConfig; ServiceConfig();"
        "print([name for name in ('jwt', 'cryptography', 'keyring', 'psutil', 'aiohttp',"
        " 'upbit_ws_qt.exchange') if name in sys.modules])"
    )
    assert says("-c", code) == "[]\n"


@served()
async def test_objects_say_what_they_are(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    proxy = WebSocketClientProxy("prices", service=service)
    channel = proxy.trade("KRW-BTC")
    subscription = await proxy.subscribe_ticker(["KRW-BTC", "KRW-ETH"])
    client = SimpleWebSocketClient("strategy", service.manager)
    address = f"127.0.0.1:{exchange.port}"
    assert repr(service) == f"<WebSocketService {service.state} {address}>"
    assert repr(service.manager) == f"<GlobalWebSocketManager {service.state} 3 streams>"
    assert repr(proxy) == "<WebSocketClientProxy 'prices' 2 wishes>"
    assert repr(subscription) == "<Subscription ticker 2 symbols active of 'prices'>"
    assert re.fullmatch(r"<TradeChannel KRW-BTC (fresh|stale)>", repr(channel))
    assert repr(client) == "<SimpleWebSocketClient 'strategy' 0 interests>"
    assert repr(exchange) == f"<EmbeddedExchange {address} 20 markets, 1 connections>"
    await proxy.cleanup()
    assert repr(proxy) == "<WebSocketClientProxy 'prices' ended>"
    assert repr(channel) == "<TradeChannel KRW-BTC ended>"
    assert repr(subscription) == "<Subscription ticker 2 symbols closed of 'prices'>"
    assert repr(Credentials("a", "b")) == "Credentials(***)"
