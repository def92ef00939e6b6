"""The embedded exchange that dies is named and started again where it was, not for ever; an outage has a cause."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import QObject

from tests.qt.serving import SETTINGS, config_for
from tests.waiting import until
from tests.widgets.desk import close, desk, turn, window_of
from upbit_ws_qt import ConnectionState, Phrase, WebSocketService, WebSocketType
from upbit_ws_qt.exchange import EmbeddedExchange, FaultName
from widgets.base.line_state import line_board
from widgets.base.text import Language, said, set_language
from widgets.base.trouble import trouble_of
from widgets.program.exchange_keeper import ExchangeKeeper
from widgets.program.exchange_process import ExchangeProcess
from widgets.program.options import Options
from widgets.program.program import Program
from widgets.program.store import Store
from widgets.settings.preferences import Preferences

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.qasync_loop


@pytest.fixture
def exchange() -> Iterator[ExchangeProcess]:
    with ExchangeProcess(["--markets", "3", "--rate", "5"]) as process:
        yield process


async def test_an_exchange_that_was_killed_serves_again_at_the_same_address(exchange: ExchangeProcess) -> None:
    first = exchange.address(60.0)
    owner = QObject()
    told: list[str] = []
    keeper = ExchangeKeeper(exchange, owner, pauses=(0.0,))
    keeper.troubleChanged.connect(told.append)
    before = exchange.pid
    os.kill(before, signal.SIGKILL)
    await until(lambda: exchange.pid != before and exchange.serves)
    assert exchange.address(60.0) == first
    await until(lambda: told[-1:] == [""])
    assert isinstance(told[0], Phrase)
    assert str(-signal.SIGKILL) in told[0]
    keeper.stop()


async def test_an_exchange_that_keeps_ending_is_given_up_until_somebody_asks(exchange: ExchangeProcess) -> None:
    exchange.address(60.0)
    owner, now = QObject(), [0.0]
    told: list[str] = []
    keeper = ExchangeKeeper(exchange, owner, pauses=(1.0, 2.0), clock=lambda: now[0])
    keeper.stop()  # it looks when it is told to
    keeper.troubleChanged.connect(told.append)
    pids = []
    for pause in (1.0, 2.0):
        pids.append(exchange.pid)
        os.kill(exchange.pid, signal.SIGKILL)
        await until(lambda: not exchange.running)
        keeper.look()
        now[0] += pause / 2
        keeper.look()
        assert exchange.pid == pids[-1], "the pause is not over"
        now[0] += pause
        keeper.look()
        assert exchange.pid != pids[-1]
    os.kill(exchange.pid, signal.SIGKILL)
    await until(lambda: not exchange.running)
    keeper.look()
    assert keeper.given_up
    assert len(told) == 3
    last = exchange.pid
    now[0] += 1000.0
    keeper.look()
    assert exchange.pid == last
    keeper.retry()
    keeper.look()
    assert exchange.pid != last
    set_language(Language.KOREAN)
    try:
        assert "내장 거래소" in said(told[-1])
    finally:
        set_language(Language.ENGLISH)


@pytest.mark.usefixtures("let_go")
async def test_why_the_lines_are_down_is_told_in_the_one_note_of_the_outage() -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        service = window.needs.service
        await until(lambda: service.connection_state(WebSocketType.PUBLIC) is ConnectionState.CONNECTED)
        exchange.faults.inject(FaultName.REFUSE)
        exchange.faults.inject(FaultName.DROP)
        await until(lambda: len([text for text in window.toasts.texts if "lost" in text]) == 1)
        trouble_of(service).tell(Phrase("The embedded exchange is away"))
        await until(lambda: any("The embedded exchange is away" in text for text in window.toasts.texts))
        await until(lambda: "public" in _outage(window.toasts.texts) and "private" in _outage(window.toasts.texts))
        await turn()
        assert len([text for text in window.toasts.texts if "public" in text]) == 1, "one matter, one note"
        trouble_of(service).tell("")
        exchange.faults.clear()
        await until(lambda: any("recovered" in text for text in window.toasts.texts))
        assert not any("lost" in text for text in window.toasts.texts)


def _outage(texts: list[str]) -> str:
    return next((text for text in texts if "lost" in text), "")


@pytest.mark.usefixtures("let_go")
async def test_a_line_that_was_never_up_is_not_called_lost() -> None:
    async with asyncio.timeout(110), EmbeddedExchange(SETTINGS) as exchange:
        nobody = config_for(exchange).replace(public_url="ws://127.0.0.1:9/websocket/v1")
        program = Program(Options(size=(1300, 800)), nobody, Store(None), Preferences())
        program.open()
        await WebSocketService.instance().start()
        try:
            window = window_of(program)
            await until(lambda: "nothing listens there" in _first(window.toasts.texts))
            board = line_board(window.needs.service)
            await until(lambda: "nothing listens there" in board.states[WebSocketType.PUBLIC].cause)
            assert not any("lost" in text for text in window.toasts.texts)
            logged = [line.message for line in window.needs.log.lines if "Not connected yet" in line.message]
            assert logged == [], "the service itself has logged it"
        finally:
            await close(program)


def _first(texts: list[str]) -> str:
    return next((text for text in texts if "Not connected" in text), "")
