"""The whole program on a recording, without any exchange."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from PyQt6 import sip
from PyQt6.QtWidgets import QApplication

from tests.qt.serving import config_for
from tests.waiting import until
from tests.widgets.desk import turn, window_of
from upbit_ws_qt import ConnectionState, DataType, GlobalWebSocketManager, Recorder, SubscriptionSpec, WebSocketType
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from widgets.base.exchange_choice import ExchangeChoice
from widgets.base.look import look
from widgets.base.panel import Panel
from widgets.base.text import Language, set_language
from widgets.base.theme import MarketScheme, ThemeMode, apply_theme
from widgets.base.tokens import Density
from widgets.program.options import Options
from widgets.program.program import Program
from widgets.program.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from widgets.replay.bar import ReplayBar

__all__ = ["CODES", "bar_of", "record", "replay_desk", "settled"]

LIMIT = 100.0
"""Seconds that a test of it may take, on a machine that is ten times slower than usual."""
CODES = ("KRW-BTC", "KRW-ETH", "KRW-XRP")
_TYPES = (DataType.TICKER, DataType.TRADE, DataType.ORDERBOOK, DataType.candle("1m"))


async def record(folder: Path, *, frames: int = 900, private: bool = False) -> Path:
    """Record an exchange whose minutes are seconds, until so many frames have come; return the folder."""
    settings = ExchangeSettings(
        seed=11, prepare=False, markets=5, rate=15, time_scale=30.0,
        connects_per_second=None, messages_per_second=None, messages_per_minute=None,
    )  # fmt: skip
    async with EmbeddedExchange(settings) as exchange:
        manager = GlobalWebSocketManager(config_for(exchange, adaptive=False))
        for each in _TYPES:
            manager.register_component(f"record {each}", SubscriptionSpec(each, CODES), _ignore)
        if private:
            for own in (DataType.MY_ORDER, DataType.MY_ASSET):
                manager.register_component(f"record {own}", SubscriptionSpec(own, ()), _ignore)
        async with Recorder(manager, folder, private=private) as recorder:
            await manager.start()
            if private:
                await until(lambda: manager.connection_state(WebSocketType.PRIVATE) is ConnectionState.CONNECTED)
                exchange.order("KRW-BTC", "BID", price="1000", volume="10")
                exchange.order("KRW-BTC", "ASK", "market", volume="0.01")
            await until(lambda: recorder.figures().frames > frames // 2)
            recorder.mark("half of it")
            await until(lambda: recorder.figures().frames > frames)
        await manager.stop()
    return folder


def _ignore(_: object) -> None:
    """It is recorded before anybody sees it."""


@asynccontextmanager
async def replay_desk(path: Path, store: Store | None = None, **options: object) -> AsyncIterator[Program]:
    """Run a program on a recording; the clock stands at its end."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    font = app.font()
    keeper = store or Store(None)
    chosen = Options(replay=path, size=(1300, 800), **options)  # type: ignore[arg-type]
    async with asyncio.timeout(LIMIT):
        program = Program(chosen, None, keeper, keeper.preferences(), choice=ExchangeChoice.EMBEDDED)
        program.open()
        service = window_of(program).needs.service
        await service.start()
        try:
            yield program
        finally:
            window = program.window
            service = service if window is None else window.needs.service
            await service.stop()
            program.close()
            for each in (window, program, service):
                if each is not None and not sip.isdeleted(each):
                    sip.delete(each)
            for _ in range(3):
                await turn()
            set_language(Language.ENGLISH)
            look().choose(scheme=MarketScheme.KOREAN, reduce_motion=False, density=Density.NORMAL)
            app.setFont(font)
            apply_theme(app, ThemeMode.LIGHT)


def bar_of(program: Program) -> ReplayBar:
    """Return the bar below the window."""
    bar = window_of(program).replay
    assert bar is not None
    return bar


async def settled(program: Program, *names: str) -> None:
    """Wait until these panels are live."""
    panels = {name: window_of(program).panels[name] for name in names or ("watch_list", "chart", "order_book", "tape")}

    def others() -> dict[str, str]:
        return {name: each.state for name, each in panels.items() if isinstance(each, Panel) and each.state != "live"}

    try:
        await until(lambda: not others(), LIMIT / 2)
    except TimeoutError:
        pytest.fail(f"not live: {others()}, {program.window and program.window.needs.service.clock!r}")
