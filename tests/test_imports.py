"""What importing loads, and what works where a package is not installed.

Modules are counted, because how long it takes tells of the machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

ENGINE = ("backfill", "connection", "events", "manager", "monitoring", "rest", "routing", "subscriptions", "wire")
HEAVY = (
    "aiohttp",
    "cryptography",
    "jwt",
    "keyring",
    "msgspec",
    "nats",
    "numpy",
    "psutil",
    "pyqtgraph",
    "talib",
    "websockets",
)

# Stands for an environment in which these are not installed.
WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
"""
QT_AND_KEYS = ("PyQt6", "qasync", "pyqtgraph", "numpy", "keyring", "jwt", "cryptography")


def says(code: str, **environment: str) -> str:
    """Run a program; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded_by(code: str) -> set[str]:
    """Return the modules that are loaded once a program has run."""
    return set(json.loads(says(f"{code}\nimport json, sys; print(json.dumps(sorted(sys.modules)))")))


def test_importing_the_service_loads_qt_and_asyncio_and_next_to_nothing_else() -> None:
    bare = loaded_by("import PyQt6.QtWidgets, qasync")
    modules = loaded_by("from upbit_ws_qt import WebSocketClientProxy, WebSocketService, attach, run") - bare
    ours = {name for name in modules if name.startswith("upbit_ws_qt")}
    assert not {name.split(".")[1] for name in ours if "." in name} & set(ENGINE)
    assert not modules & set(HEAVY)
    # Each module costs some 0.4 ms; Qt and asyncio together cost what 180 of them do, and half of that is allowed.
    assert len(modules) <= 60, sorted(modules)


def test_each_name_loads_what_it_needs_and_no_qt_where_it_needs_none() -> None:
    assert not {"PyQt6", "qasync", "msgspec"} & loaded_by("from upbit_ws_qt import ServiceConfig; ServiceConfig()")
    without_qt = loaded_by("from upbit_ws_qt import GlobalWebSocketManager, SimpleWebSocketClient, TickerEvent")
    assert not {"PyQt6", "qasync", "keyring", "jwt", "aiohttp", "psutil", "pyqtgraph"} & without_qt


def test_a_strategy_without_qt_runs_where_neither_qt_nor_a_keyring_is_installed() -> None:
    code = """
import asyncio
from upbit_ws_qt import Delivery, GlobalWebSocketManager, ServiceConfig, SimpleWebSocketClient
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings

async def main():
    async with EmbeddedExchange(ExchangeSettings(markets=5, prepare=False)) as exchange:
        manager = GlobalWebSocketManager(ServiceConfig.for_exchange(exchange, credentials=None))
        async with SimpleWebSocketClient("strategy", manager) as client:
            assert await client.register_interests("KRW-BTC", "ticker", timeout=300)
            print(client.get_ticker("KRW-BTC").code)
        await manager.stop()

asyncio.run(main())
"""
    assert says(WITHOUT.format(names=QT_AND_KEYS) + code) == "KRW-BTC\n"


def test_what_is_missing_is_named_where_it_is_needed() -> None:
    code = """
import upbit_ws_qt
from upbit_ws_qt import Credentials, ConfigurationError
for ask in (lambda: upbit_ws_qt.WebSocketService, lambda: upbit_ws_qt.TickerChannel, Credentials.from_keyring):
    try:
        ask()
    except (ImportError, ConfigurationError) as error:
        print(f"{type(error).__name__}: {error}")
"""
    assert says(WITHOUT.format(names=QT_AND_KEYS) + code).splitlines() == [
        "ModuleNotFoundError: upbit_ws_qt.WebSocketService needs PyQt6, which is not installed here: pip install PyQt6",
        "ModuleNotFoundError: upbit_ws_qt.TickerChannel needs PyQt6, which is not installed here: pip install PyQt6",
        "ConfigurationError: keyring: 'not installed' is not allowed; expected the package: pip install keyring",
    ]
    panels = (
        "from upbit_ws_qt.widgets import OrderBookWidget\ntry:\n    from upbit_ws_qt.widgets import IndicatorsWidget"
    )
    panels += "\nexcept ImportError as error:\n    print(error)"
    assert says(WITHOUT.format(names=("pyqtgraph",)) + panels) == (
        "IndicatorsWidget needs pyqtgraph, which is not installed here: pip install pyqtgraph\n"
    )


def test_another_librarys_choice_of_qt_is_neither_followed_nor_changed() -> None:
    code = """
import os
from upbit_ws_qt import run
import qasync
print(qasync.QtModuleName, os.environ['QT_API'])
"""
    assert says(code, QT_API="pyside6") == "PyQt6 pyside6\n"
