"""Canary keys go through everything that a running program does, its faults included, and are looked for afterwards."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.qt.serving import served
from tests.waiting import until
from upbit_ws_qt import ConnectionState, Credentials, ServiceConfig, WebSocketType, install_excepthook
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from widgets.monitor_dock import ConnectionMonitorDock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upbit_ws_qt import WebSocketService

ROOT = Path(__file__).parent.parent
# They begin as an embedded exchange's keys do: others would not be sent over plain ws://.
ACCESS, SECRET = "EmbeddedExchange-canary-access-5f1c", "EmbeddedExchange-canary-secret-9b7e"
SETTINGS = ExchangeSettings(markets=12, rate=100, access_key=ACCESS, secret_key=SECRET, connects_per_second=None)
# The keys, and how every token begins: '{"access_key":' in base64.
TRACES = ("canary", "eyJhY2Nlc3Nfa2V5", "Bearer ey")
PRIVATE = WebSocketType.PRIVATE
PATIENT: dict[str, Any] = dict.fromkeys(("connect_timeout", "list_timeout", "pong_timeout", "proof_timeout"), 60.0)


def traces_in(texts: Iterable[str]) -> list[str]:
    return [text[:2000] for text in texts if any(trace in text for trace in TRACES)]


def all_about(error: BaseException) -> list[str]:
    """Return everything that a report of an error could hold, with the variables of every frame."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    return [str(error), repr(error), repr(vars(error)), repr(error.args), "".join(shown.format(chain=True))]


class Ears:
    """Hears every log record at DEBUG and every signal of a service that carries anything."""

    def __init__(self, service: WebSocketService) -> None:
        self.log = io.StringIO()
        self.errors: list[BaseException] = []
        self.told: list[str] = []
        self.handler = logging.StreamHandler(self.log)
        self.handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
        self.levels = {name: logging.getLogger(name).level for name in ("", "upbit_ws_qt", "asyncio", "qasync")}
        for name in self.levels:
            logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger().addHandler(self.handler)
        service.errorOccurred.connect(self.errors.append)
        for signal_ in (service.alertRaised, service.gapDetected, service.healthChanged, service.metricsUpdated):
            signal_.connect(lambda found: self.told.append(f"{found} {found!r}"))

    def close(self) -> None:
        logging.getLogger().removeHandler(self.handler)
        for name, level in self.levels.items():
            logging.getLogger(name).setLevel(level)


async def go_through_faults(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    """Lose the private line in every way that has to do with its keys, and have it refused in the end."""

    async def lost_and_back(name: str, **options: Any) -> None:
        epoch = service.epoch(PRIVATE)
        fault = exchange.faults.inject(name, endpoint="private", **options)
        if name in ("refuse", "too_many", "invalid_auth"):  # of the handshake: somebody has to dial
            exchange.faults.inject("drop", endpoint="private")
        await until(lambda: fault.hits)
        fault.clear()
        await until(
            lambda: service.epoch(PRIVATE) > epoch and service.connection_state(PRIVATE) is ConnectionState.CONNECTED
        )

    await until(lambda: service.connection_state(PRIVATE) is ConnectionState.CONNECTED)
    await lost_and_back("drop")
    await lost_and_back("error", error="INVALID_AUTH")
    await lost_and_back("masked_frame")
    await lost_and_back("refuse", times=1)
    await lost_and_back("invalid_auth", times=1)
    await service.reconnect(PRIVATE)
    exchange.faults.inject("invalid_auth", endpoint="private", http=True)
    exchange.faults.inject("drop", endpoint="private")
    await until(lambda: service.connection_state(PRIVATE) is ConnectionState.FAILED)


@served(SETTINGS, **PATIENT)
async def test_no_log_error_signal_or_export_holds_a_key_or_a_token(
    exchange: EmbeddedExchange, service: WebSocketService, tmp_path: Path
) -> None:
    ears = Ears(service)
    dock = ConnectionMonitorDock(service)
    try:
        dock.show()
        trace = service.trace_frames()
        assert trace is not None
        for channel in (service.my_order(), service.my_asset()):
            channel.received.connect(lambda event: ears.told.append(repr(event)))
        await go_through_faults(exchange, service)
        await until(lambda: any("refuses the key" in str(error) for error in ears.errors))
        dock.refresh()
        dock.export_csv(tmp_path / "export.csv")
        exported = [dock.diagnostics(), (tmp_path / "export.csv").read_text(encoding="utf-8")]
        asked = [
            service.config, service.health_status(), service.performance_metrics(), service.connection_metrics(PRIVATE),
            service.subscription_statistics(), service.alerts(), service.line_events(900), service.issues(),
            trace.frames(), service.manager.monitor,
        ]  # fmt: skip
    finally:
        dock.close()
        dock.deleteLater()
        ears.close()
    texts = [*ears.log.getvalue().splitlines(), *ears.told, *exported, *map(repr, asked), *map(str, asked)]
    texts += [text for error in ears.errors for text in all_about(error)]
    assert len(ears.errors) >= 3
    assert exchange.counters.fault_hits["invalid_auth"] >= 2
    assert "private" in ears.log.getvalue()
    assert traces_in(texts) == []


def test_the_report_of_a_crash_in_a_slot_holds_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    config = ServiceConfig(credentials=Credentials(ACCESS, SECRET))
    reports: list[str] = []

    def slot(keys: Credentials | None) -> None:
        access_key, secret_key = config.credentials.reveal() if config.credentials else ("", "")
        raise RuntimeError(f"cannot sign {len(access_key + secret_key)} characters with {keys} of {config}")

    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)  # pytest-qt's would be called too
    hook = install_excepthook(lambda error: reports.extend([str(error), error.text, repr(error)]))
    try:
        try:
            slot(config.credentials)
        except RuntimeError as error:
            sys.excepthook(type(error), error, error.__traceback__)
    finally:
        hook.uninstall()
    assert any("Credentials(***)" in report for report in reports)
    assert traces_in(reports) == []


def environment(home: Path) -> dict[str, str]:
    """Return that of a person who has real keys in it, and whose settings are all kept under `home`."""
    keys = {"UPBIT_ACCESS_KEY": ACCESS, "UPBIT_SECRET_KEY": SECRET}
    places = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"), str(home))
    return {**os.environ, **keys, **places, "QT_QPA_PLATFORM": "offscreen"}


def start_program(folder: Path, *arguments: str | Path) -> subprocess.Popen[bytes]:
    (folder / "home").mkdir()
    return subprocess.Popen(
        [sys.executable, ROOT / "run_desktop_ui.py", *arguments],
        env=environment(folder / "home"),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


async def end_program(program: subprocess.Popen[bytes]) -> str:
    """End it as a session does, and return what it has said."""
    try:
        program.send_signal(signal.SIGTERM)
        said, _ = await asyncio.to_thread(program.communicate, timeout=500)
    finally:
        program.kill()
        program.wait()
    return said.decode(errors="replace")


on_unix = pytest.mark.skipif(sys.platform == "win32", reason="settings lie elsewhere; SIGTERM ends without a goodbye")


@on_unix
async def test_what_the_program_leaves_behind_holds_no_key(tmp_path: Path) -> None:
    async with EmbeddedExchange(SETTINGS) as exchange:
        config = tmp_path / "upbit.toml"
        names = ("public_url", "private_url", "info_url", "rest_url")
        config.write_text("".join(f"{name} = {json.dumps(getattr(exchange, name))}\n" for name in names))
        program = start_program(tmp_path, "--config", config)
        try:
            await until(lambda: exchange.subscribed("private") or program.poll() is not None, 100)
            shown = psutil.Process(program.pid).cmdline() if program.poll() is None else []
        finally:
            said = await end_program(program)
        assert shown, said
        assert exchange.counters.auth_failures == 0
    left = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert left, "the program keeps its settings somewhere else"
    assert traces_in([*shown, said, *(path.read_bytes().decode(errors="replace") for path in left)]) == []


@on_unix
async def test_the_embedded_exchange_is_not_given_the_keys_of_the_real_one(tmp_path: Path) -> None:
    program = start_program(tmp_path)
    try:
        me = psutil.Process(program.pid)

        def exchanges() -> list[psutil.Process]:
            return [child for child in me.children() if "--end-with-input" in child.cmdline()]

        await until(lambda: program.poll() is not None or exchanges(), 100)
        (child,) = exchanges()
        given = [f"{name}={value}" for name, value in child.environ().items()]
    finally:
        said = await end_program(program)
    assert any(pair.startswith("PATH=") for pair in given), said
    assert traces_in(given) == []
