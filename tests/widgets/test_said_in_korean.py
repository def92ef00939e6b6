"""Where Korean is chosen the log, the notes, the names and the units of this program are Korean."""

from __future__ import annotations

import logging
import re

import pytest
from PyQt6.QtCore import QObject

from tests.waiting import until
from tests.widgets.desk import desk, window_of
from upbit_ws_qt import ConnectionLostError, ConnectionState, Phrase, WebSocketType
from upbit_ws_qt.exchange import FaultName
from widgets.base.text import Language, said, set_language
from widgets.base.units import unit_text
from widgets.monitor.words import component_name
from widgets.program.store import Store
from widgets.settings.preferences import Preferences
from widgets.window.log_dock import LogBook

_OURS = ("manager", "monitoring", "desktop")
_NAMES = re.compile(
    r"pong|HTTP|KRW|BTC|USDT|JSON|SIMPLE|KeyError|CPU|MiB|F5|ms\b|ticker|orderbook|candle|trade|[a-z]\d"
)


def english_in(text: str) -> list[str]:
    return re.findall(r"[A-Za-z]{3,}", _NAMES.sub("", text))


class KoreanStore(Store):
    """The files of somebody who has chosen Korean."""

    def preferences(self) -> Preferences:
        return Preferences(language=Language.KOREAN)


@pytest.mark.qasync_loop
@pytest.mark.usefixtures("let_go")
async def test_what_this_program_logs_and_notes_is_korean_through_an_outage() -> None:
    async with desk(KoreanStore(None)) as (program, exchange):
        window = window_of(program)
        service = window.needs.service
        await until(lambda: service.connection_state(WebSocketType.PUBLIC) is ConnectionState.CONNECTED)
        noted: list[str] = []
        window.toasts.noteShown.connect(noted.append)
        exchange.faults.inject(FaultName.REFUSE, "public", status=503)
        exchange.faults.inject(FaultName.DROP, "public")
        await until(lambda: any("경보" in line.message for line in window.needs.log.lines))
        exchange.faults.clear()
        await until(lambda: any("복구" in text for text in noted))
        lines = [line for line in window.needs.log.lines if line.source in _OURS]
        assert len(lines) > 5
        assert [line.message for line in lines if english_in(line.message)] == []
        assert [text for text in noted if english_in(text)] == []


def test_a_phrase_in_the_log_is_said_in_the_language_in_force_and_anything_else_as_it_is(qapp: object) -> None:
    del qapp
    owner = QObject()
    book = LogBook(owner)
    book.install()
    log = logging.getLogger("upbit_ws_qt.test")
    set_language(Language.KOREAN)
    try:
        log.info("%s", Phrase("service: {state}", state=Phrase("active")))
        log.info("somebody's %s of %d", "own words", 3)
        log.info("100 % of it")
    finally:
        set_language(Language.ENGLISH)
        book.uninstall()
    told = [line.message for line in book.lines if line.source == "test"]
    assert told == ["서비스: 동작 중", "somebody's own words of 3", "100 % of it"]


def test_an_error_with_its_attempts_is_said_in_korean(qapp: object) -> None:
    del qapp
    error = ConnectionLostError("public", Phrase("nothing listens there"), attempts=6)
    assert str(error) == "the public connection is lost: nothing listens there, after 6 attempts"
    set_language(Language.KOREAN)
    try:
        assert english_in(said(str(error))) == []
        assert "6번" in said(str(error))
    finally:
        set_language(Language.ENGLISH)


def test_units_and_names_of_panels_are_said_in_korean(qapp: object) -> None:
    del qapp
    assert (unit_text("1m"), unit_text("240m"), unit_text("1s"), unit_text("odd")) == ("1m", "4h", "1s", "odd")
    assert component_name("my assets") == "my assets"
    set_language(Language.KOREAN)
    try:
        assert (unit_text("1m"), unit_text("240m"), unit_text("60m"), unit_text("1s")) == (
            "1분",
            "4시간",
            "1시간",
            "1초",
        )
        assert component_name("my assets") == "내 자산"
        assert component_name("channel orderbook KRW-BTC") == "채널 호가 KRW-BTC"
        assert component_name("somebody's") == "somebody's"
    finally:
        set_language(Language.ENGLISH)
