"""Runs the program: an application, the configuration of its service, and the loop."""

from __future__ import annotations

import dataclasses
import gc
import logging
import sys
import time
from typing import TYPE_CHECKING

from PyQt6 import sip
from PyQt6.QtCore import QCoreApplication, QEvent, QTimer, QtMsgType, qInstallMessageHandler
from PyQt6.QtWidgets import QApplication

from upbit_ws_qt import ConfigurationError, RecordingError, ServiceConfig, WebSocketService, run

from ..base.exchange_choice import ExchangeChoice
from ..base.text import Language
from ..base.theme import ThemeMode
from .exchange_process import ExchangeProcess, ExchangeProcessError
from .exchanges import Exchanges, kept_credentials
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
        exchange: the embedded one, where it was started already.
        began: `time.monotonic()` of the program's beginning.
    """
    previous = qInstallMessageHandler(_on_qt_message)
    rate = () if options.rate is None else ("--rate", str(options.rate))
    try:
        app = QApplication(sys.argv[:1])
        app.setApplicationName("upbit_ws_qt")
        exchanges = Exchanges(
            exchange,
            app,
            start=lambda: ExchangeProcess(rate),
            live=ServiceConfig.for_region,
        )
        store = Store(None) if options.by_itself else Store.of_user()
        preferences = _with_options(store.preferences(), options)
        try:
            choice, config = _chosen(options, exchanges, preferences)
        except (ConfigurationError, ExchangeProcessError, RecordingError) as error:
            exchanges.end()
            sys.stderr.write(f"upbit-ws-desktop: {error}\n")
            return 2
        program = Program(options, config, store, preferences, exchanges=exchanges, choice=choice)
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
            exchanges.end()
            if ended:
                _log.info("stopped within %.2f s", time.monotonic() - ended[0])
    finally:
        qInstallMessageHandler(previous)


def _chosen(
    options: Options, exchanges: Exchanges, preferences: Preferences
) -> tuple[ExchangeChoice | None, ServiceConfig | None]:
    """Return which exchange it is to be, and its configuration: by the command line, as chosen last time, or asked."""
    if options.replay is not None:
        sip.delete(WebSocketService.replay(options.replay))  # raises where it cannot be played
        # The exchange that is chosen is made ready when its user leaves the recording.
        choice = preferences.exchange
        is_live = choice in (ExchangeChoice.LIVE, ExchangeChoice.LIVE_WITH_KEY)
        return choice, exchanges.config(choice, preferences) if is_live else None
    if options.config is not None:
        exchanges.end()
        config = ServiceConfig.load(options.config)
        return None, config if config.desk_url is not None else config.replace(credentials=kept_credentials())
    choice = options.exchange or preferences.exchange
    if choice is not ExchangeChoice.EMBEDDED:
        exchanges.end()
    if choice is ExchangeChoice.ASK:
        return choice, None
    return choice, exchanges.config(choice, preferences)


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
    if options.region is not None:
        changes["region"] = options.region
    if options.symbols:
        changes["symbol"] = options.symbols[0]
    return dataclasses.replace(preferences, **changes)  # type: ignore[arg-type]  # names and values are made above


def _on_qt_message(kind: QtMsgType, _context: QMessageLogContext, message: str | None) -> None:
    """Print what is serious to the standard error; Qt's warnings would tell a user nothing."""
    if kind in (QtMsgType.QtCriticalMsg, QtMsgType.QtFatalMsg):
        sys.stderr.write(f"Qt: {message}\n")
