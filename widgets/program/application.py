"""Runs the program: an application, the configuration of its service, and the loop."""

from __future__ import annotations

import dataclasses
import gc
import logging
import sys
import time
from typing import TYPE_CHECKING

from PyQt6.QtCore import QCoreApplication, QEvent, QTimer, QtMsgType, qInstallMessageHandler
from PyQt6.QtWidgets import QApplication

from upbit_ws_qt import ConfigurationError, Credentials, ServiceConfig, run

from ..base.text import Language
from ..base.theme import ThemeMode
from ..settings.preferences import line_settings
from .exchange_process import ExchangeProcess, ExchangeProcessError
from .program import Program
from .start_marks import StartMarks
from .store import Store

if TYPE_CHECKING:
    from PyQt6.QtCore import QMessageLogContext

    from ..settings.preferences import Preferences
    from .options import Options

__all__ = ["keep_collections_short", "run_program"]

_log = logging.getLogger("upbit_ws_qt.desktop")

_SETTLED_MS = 3000  # by then everything has been made that lives as long as the window


def run_program(options: Options, exchange: ExchangeProcess | None, began: float) -> int:
    """Open the window and run until it is closed; returns the exit code.

    Args:
        options: what the user asked for.
        exchange: the embedded one, where it is used.
        began: `time.monotonic()` of the program's beginning.
    """
    previous = qInstallMessageHandler(_on_qt_message)
    try:
        app = QApplication(sys.argv[:1])
        app.setApplicationName("upbit_ws_qt")
        store = Store(None) if options.by_itself else Store.of_user()
        preferences = _with_options(store.preferences(), options)
        try:
            config = _config(options, exchange, preferences)
        except (ConfigurationError, ExchangeProcessError) as error:
            sys.stderr.write(f"upbit-ws-desktop: {error}\n")
            return 2
        program = Program(options, config, store, preferences)
        if exchange is not None:
            program.look_after(exchange)
        keep_collections_short(program)
        StartMarks(program, began)
        ended: list[float] = []
        app.aboutToQuit.connect(lambda: ended.append(time.monotonic()))
        try:
            return run(program.open)
        finally:
            program.close()
            program.deleteLater()
            # The loop is over: nobody else would delete program and window, and the interpreter's exit may crash on
            # them (see upbit_ws_qt/qt/ending.py).
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
            if exchange is not None:
                exchange.stop()
            if ended:
                _log.info("stopped within %.2f s", time.monotonic() - ended[0])
    finally:
        qInstallMessageHandler(previous)


def keep_collections_short(program: Program) -> None:
    """Keep what lives as long as the program out of Python's collections of garbage.

    A full one visits some 90,000 objects, most of them modules and classes, and stops the window for about 50 ms.
    """
    gc.freeze()
    settled = QTimer(program)
    settled.setSingleShot(True)
    settled.setInterval(_SETTLED_MS)
    settled.timeout.connect(_on_settled)
    program.opened.connect(settled.start)
    program.replaced.connect(gc.unfreeze)


def _on_settled() -> None:
    if not gc.get_freeze_count():
        gc.collect()  # unfrozen when another window took its place: what is left of the window before must go first
    gc.freeze()


def _with_options(preferences: Preferences, options: Options) -> Preferences:
    changes: dict[str, object] = {}
    if options.language is not None:
        changes["language"] = Language(options.language)
    if options.theme is not None:
        changes["theme"] = ThemeMode(options.theme)
    if options.symbols:
        changes["symbol"] = options.symbols[0]
    return dataclasses.replace(preferences, **changes)  # type: ignore[arg-type]  # names and values are made above


def _config(options: Options, exchange: ExchangeProcess | None, preferences: Preferences) -> ServiceConfig:
    chosen = {
        **line_settings(preferences),
        "metrics_interval": 5.0,  # soon enough for the bytes of each panel; reading all streams takes milliseconds
        "health_interval": 2.0,
        "collect_in_quiet": True,
        "backfill": frozenset({"trade", "candle", "order", "asset"}),
    }
    if exchange is not None:
        told = exchange.address()
        return ServiceConfig(
            public_url=told.public_url,
            private_url=told.private_url,
            info_url=told.info_url,
            rest_url=told.rest_url,
            credentials=Credentials(told.access_key, told.secret_key),
            **chosen,
        )
    credentials = _own_credentials()
    if options.config is not None:
        return ServiceConfig.load(options.config, credentials=credentials)
    return ServiceConfig.for_region(options.region, credentials=credentials, **chosen)


def _own_credentials() -> Credentials | None:
    """Return the keys of the keyring, or of the environment, or none: public data only."""
    for source in (Credentials.from_keyring, Credentials.from_env):
        try:
            return source()
        except ConfigurationError:
            continue
    return None


def _on_qt_message(kind: QtMsgType, _context: QMessageLogContext, message: str | None) -> None:
    """Print what is serious to the standard error; Qt's warnings would tell a user nothing."""
    if kind in (QtMsgType.QtCriticalMsg, QtMsgType.QtFatalMsg):
        sys.stderr.write(f"Qt: {message}\n")
