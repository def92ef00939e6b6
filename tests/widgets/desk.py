"""The whole program on an exchange of its own, inside the loop of a test."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from PyQt6 import sip
from PyQt6.QtWidgets import QApplication

from tests.qt.serving import SETTINGS, config_for
from upbit_ws_qt import WebSocketService
from upbit_ws_qt.exchange import EmbeddedExchange
from widgets.base.exchange_choice import ExchangeChoice
from widgets.base.look import look
from widgets.base.text import Language, set_language
from widgets.base.theme import MarketScheme, ThemeMode, apply_theme
from widgets.base.tokens import Density
from widgets.program.options import Options
from widgets.program.program import Program
from widgets.program.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from upbit_ws_qt.exchange import ExchangeSettings
    from widgets.window.main_window import MainWindow

__all__ = ["close", "desk", "turn", "window_of"]


@asynccontextmanager
async def desk(
    store: Store | None = None,
    options: Options | None = None,
    settings: ExchangeSettings = SETTINGS,
    **changes: Any,
) -> AsyncIterator[tuple[Program, Any]]:
    """Run a program; `changes` are of its service's configuration. Gives (program, exchange)."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    font = app.font()
    async with asyncio.timeout(110), EmbeddedExchange(settings) as exchange:
        keeper = store or Store(None)
        preferences = keeper.preferences()
        config = config_for(exchange, **changes)
        chosen = options or Options(size=(1300, 800))
        choice = ExchangeChoice.LIVE_WITH_KEY if chosen.live else ExchangeChoice.EMBEDDED
        program = Program(chosen, config, keeper, preferences, choice=choice)
        program.open()
        await WebSocketService.instance().start()
        try:
            yield program, exchange
        finally:
            await close(program)
            set_language(Language.ENGLISH)
            look().choose(scheme=MarketScheme.KOREAN, reduce_motion=False, density=Density.NORMAL)
            app.setFont(font)
            apply_theme(app, ThemeMode.LIGHT)


async def close(program: Program) -> None:
    """End a program, and delete its window at once: a test has no time to wait for Qt to do so."""
    service, window = WebSocketService.instance(), program.window
    await service.stop()
    program.close()
    if window is not None and not sip.isdeleted(window):
        sip.delete(window)
    sip.delete(program)
    sip.delete(service)
    for _ in range(3):  # what has ended is let go of in the next turns
        await turn()


async def turn() -> None:
    """Let Qt have a turn; processEvents would run other tasks inside this one."""
    await asyncio.sleep(0.02)


def window_of(program: Program) -> MainWindow:
    """Return the window on the screen."""
    window = program.window
    assert window is not None
    return window
