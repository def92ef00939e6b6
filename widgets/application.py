"""Runs the program: exchange, service, window, and the end of all three."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication

from upbit_ws_qt import ConfigurationError, Credentials, ServiceConfig, WebSocketService, run
from widgets.exchange_process import ExchangeProcess, ExchangeProcessError
from widgets.main_window import MainWindow, with_data
from widgets.market_catalog import MarketCatalog
from widgets.panels import Needs
from widgets.rest import RestClient
from widgets.text import Language, mark, set_language
from widgets.theme import ThemeMode, apply_theme

if TYPE_CHECKING:
    from pathlib import Path

    from widgets.options import Options

__all__ = ["run_program"]

_DEFAULT_SYMBOL = "KRW-BTC"


def run_program(options: Options, exchange: ExchangeProcess | None) -> int:
    """Open the window and run until it is closed; returns the exit code."""
    app = QApplication(sys.argv[:1])
    app.setApplicationName("upbit_ws_qt")
    apply_theme(app, ThemeMode(options.theme or ThemeMode.SYSTEM))
    set_language(Language(options.language or Language.SYSTEM))
    try:
        config = _config(options, exchange)
    except (ConfigurationError, ExchangeProcessError) as error:
        sys.stderr.write(f"upbit-ws-desktop: {error}\n")
        return 2
    program = _Program(options, config)
    return run(program.open)


def _config(options: Options, exchange: ExchangeProcess | None) -> ServiceConfig:
    if exchange is not None:
        told = exchange.address()
        return ServiceConfig(
            public_url=told.public_url,
            private_url=told.private_url,
            info_url=told.info_url,
            rest_url=told.rest_url,
            credentials=Credentials(told.access_key, told.secret_key),
        )
    if options.config is not None:
        return ServiceConfig.load(options.config)
    return ServiceConfig.for_region(options.region)


class _Program:
    """What runs between start and end."""

    def __init__(self, options: Options, config: ServiceConfig) -> None:
        self._options = options
        self._config = config
        self._window: MainWindow | None = None

    def open(self) -> MainWindow:
        """Open the window."""
        options = self._options
        service = WebSocketService.instance(self._config)
        rest = RestClient(self._config.rest_url, service)
        catalog = MarketCatalog(rest, None, service)
        symbol = options.symbols[0] if options.symbols else _DEFAULT_SYMBOL
        badge = mark("Embedded exchange") if options.embedded else mark("Live exchange")
        window = self._window = MainWindow(Needs(service, catalog, rest, symbol, options.symbols), badge)
        window.resize(*(options.size or (1440, 900)))
        window.arrange_built_in(options.perspective or "trading")
        catalog.load()
        window.show()
        if options.screenshot is not None:
            path = options.screenshot
            QTimer.singleShot(int(options.after * 1000), lambda: QApplication.exit(self._save(path)))
        elif options.smoke is not None:
            QTimer.singleShot(int(options.smoke * 1000), lambda: QApplication.exit(self._judge()))
        return window

    def _save(self, path: Path) -> int:
        if self._window is not None and self._window.grab().save(str(path), "PNG"):
            return 0
        sys.stderr.write(f"The picture could not be saved to {path}\n")
        return 1

    def _judge(self) -> int:
        assert self._window is not None
        without = [name for name, panel in self._window.panels.items() if not with_data(panel)]
        if without:
            sys.stderr.write(f"without data: {', '.join(without)}\n")
            return 1
        sys.stdout.write(f"all {len(self._window.panels)} panels got data\n")
        return 0
