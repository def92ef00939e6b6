"""Runs the program: an application, the configuration of its service, and the loop."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING

from PyQt6.QtCore import QtMsgType, qInstallMessageHandler
from PyQt6.QtWidgets import QApplication

from upbit_ws_qt import ConfigurationError, Credentials, ServiceConfig, run
from widgets.exchange_process import ExchangeProcess, ExchangeProcessError
from widgets.program import Program
from widgets.store import Store
from widgets.text import Language
from widgets.theme import ThemeMode

if TYPE_CHECKING:
    from PyQt6.QtCore import QMessageLogContext

    from widgets.options import Options
    from widgets.preferences import Preferences

__all__ = ["run_program"]


def run_program(options: Options, exchange: ExchangeProcess | None) -> int:
    """Open the window and run until it is closed; returns the exit code."""
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
        try:
            return run(program.open)
        finally:
            program.close()
    finally:
        qInstallMessageHandler(previous)


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
        "data_format": preferences.data_format,
        "compression": preferences.compression,
        "independence_level": preferences.independence,
        "metrics_interval": 1.0,  # the monitor writes figures once a second
        "health_interval": 2.0,
    }
    if exchange is not None:
        told = exchange.address()
        return ServiceConfig(
            public_url=told.public_url,
            private_url=told.private_url,
            info_url=told.info_url,
            rest_url=told.rest_url,
            credentials=Credentials(told.access_key, told.secret_key),
            **chosen,  # type: ignore[arg-type]  # checked by ServiceConfig itself
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
    """Qt's own chatter is no news to a user; what is serious goes to the standard error."""
    if kind in (QtMsgType.QtCriticalMsg, QtMsgType.QtFatalMsg):
        sys.stderr.write(f"Qt: {message}\n")
