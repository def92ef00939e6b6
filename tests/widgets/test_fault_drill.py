"""Outages are tried on the embedded exchange from the monitor, and what happened is told as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import Qt

from tests.qt.serving import SETTINGS, served
from tests.waiting import until
from tests.widgets.monitor_window import PUBLIC, connected, shown, wanting
from tests.widgets.showing import press
from upbit_ws_qt import ConnectionMetrics, ConnectionState, WebSocketService
from widgets.base.text import Language, set_language, tr
from widgets.monitor.drill import DrillTab, FaultControl, control_of
from widgets.monitor.exercises import EXERCISES, Observation, observed_text

if TYPE_CHECKING:
    from upbit_ws_qt.exchange import EmbeddedExchange

CONTROLLED = replace(SETTINGS, control=True)
DOWN, UP = ConnectionState.RECONNECTING, ConnectionState.CONNECTED


def place_of(name: str) -> int:
    return next(place for place, exercise in enumerate(EXERCISES) if exercise.name == name)


def told(tab: DrillTab, name: str) -> str:
    return str(tab.table.records.index(place_of(name), 2).data())


def test_a_loss_is_noticed_once_and_its_return_is_that_of_the_last() -> None:
    seen = Observation()
    for at, state in ((0.3, DOWN), (0.6, ConnectionState.CONNECTING), (1.0, UP), (2.0, DOWN), (5.0, UP)):
        seen.note_state(at, state)
    assert (seen.noticed, seen.back, seen.losses) == (0.3, 5.0, 2)
    assert observed_text(seen) == "noticed after 300 ms, back after 5.0 s, lost 2 times"


def test_a_line_that_was_never_lost_stayed_up_whatever_states_are_told() -> None:
    seen = Observation()
    seen.note_state(0.5, UP)
    assert seen.back is None
    assert observed_text(seen) == "the line stayed up"


def test_it_is_whole_only_with_all_streams_back_and_what_was_missed_found() -> None:
    whole = Observation(noticed=0.1, back=1.0, restored=75, restorable=75, may_miss=True, healed=True)
    assert whole.is_whole
    assert not replace(whole, restored=74).is_whole
    assert not replace(whole, healed=False).is_whole, "what was missed is not known yet"
    assert not replace(whole, not_whole=1).is_whole
    assert replace(whole, may_miss=False, healed=False).is_whole


def test_figures_are_those_since_the_fault_began() -> None:
    seen = Observation()
    before = ConnectionMetrics(ws_type=PUBLIC, error_count=3, duplicates=7)
    seen.note_reading(before, ConnectionMetrics(ws_type=PUBLIC, error_count=8, duplicates=7))
    assert observed_text(seen) == "the line stayed up, 5 unreadable frames counted"


def test_the_control_path_is_where_the_exchange_is() -> None:
    assert control_of("http://127.0.0.1:4711/v1") == "http://127.0.0.1:4711/control"


def test_every_outage_is_said_in_korean(qapp: object) -> None:
    del qapp
    set_language(Language.KOREAN)
    try:
        for exercise in EXERCISES:
            for text in (exercise.name, exercise.does, exercise.should):
                assert tr(text) != text
    finally:
        set_language(Language.ENGLISH)


@served()
async def test_a_monitor_of_another_exchange_offers_no_outages(service: WebSocketService) -> None:
    with shown(service) as dock:
        titles = [dock.panel.tabs.tabText(place) for place in range(dock.panel.tabs.count())]
        assert "Heat maps" in titles
        assert "Fault drill" not in titles


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("The line breaks", ("noticed after", "back after", "streams back", "recovered")),
        ("The exchange closes the line", ("noticed after", "back after", "streams back")),
        ("The line goes dead", ("noticed after", "back after", "streams back")),
        ("The exchange is away for 15 seconds", ("noticed after", "back after", "streams back")),
        ("Nonsense comes", ("the line stayed up", "unreadable frames counted")),
        ("The line breaks, and REST refuses", ("noticed after", "back after", "recovered")),
        ("Trades come twice", ("the line stayed up", "repeated events recognised")),
    ],
)
@served(CONTROLLED, backfill=frozenset({"trade"}))
async def test_an_outage_goes_as_it_should_and_is_told(
    exchange: EmbeddedExchange, service: WebSocketService, name: str, parts: tuple[str, ...]
) -> None:
    with shown(service) as dock, wanting(service, exchange):
        await connected(service, PUBLIC)
        dock.offer_drill(control_of(exchange.rest_url))
        tab = dock.panel.drill
        assert tab is not None
        dock.panel.tabs.setCurrentWidget(tab)
        tab.table.selectRow(place_of(name))
        press(tab.start, Qt.Key.Key_Space)
        assert tab.running is not None
        assert not tab.start.isEnabled(), "one at a time"
        await until(lambda: tab.running is None, 120)
        assert tab.rows[place_of(name)].verdict is True, told(tab, name)
        assert all(part in told(tab, name) for part in parts), told(tab, name)
        assert told(tab, name) in tab.note.text(), "all of it is below the table, too"
        await until(lambda: not exchange.faults.active)


@served(CONTROLLED)
async def test_an_outage_that_is_ended_is_taken_back(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    with shown(service) as dock, wanting(service, exchange):
        await connected(service, PUBLIC)
        dock.offer_drill(control_of(exchange.rest_url))
        tab = dock.panel.drill
        assert tab is not None
        tab.table.selectRow(place_of("Everything comes 3 seconds late"))
        tab.try_selected()
        await until(lambda: bool(exchange.faults.active))
        tab.end()
        assert tab.running is None
        await until(lambda: not exchange.faults.active)
        assert tab.rows[place_of("Everything comes 3 seconds late")].verdict is False


@served()
async def test_an_exchange_without_a_control_path_says_so(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    with shown(service) as dock, wanting(service, exchange):
        dock.offer_drill(control_of(exchange.rest_url))
        tab = dock.panel.drill
        assert tab is not None
        assert not tab.start.isEnabled() or service.connection_state(PUBLIC) is UP
        await connected(service, PUBLIC)
        tab.table.selectRow(0)
        tab.try_selected()
        await until(lambda: tab.running is None)
        assert told(tab, "The line breaks").startswith("could not be tried: HTTP 404")


@served()
async def test_nobody_listening_is_told_as_such(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    del exchange, service
    assert await FaultControl("http://127.0.0.1:9/control").clear()
