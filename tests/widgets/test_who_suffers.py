"""The monitor says of each panel what the panel says itself, and leads to it; a panel leads to the monitor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.desk import desk, turn, window_of
from tests.widgets.monitor_window import PUBLIC, connected
from tests.widgets.monitor_window import shown as monitor
from tests.widgets.showing import shown
from widgets.base.limits import Limit
from widgets.base.panel import PanelState
from widgets.base.panel_board import Standing, panel_board
from widgets.monitor_dock import ConnectionMonitorDock
from widgets.tape.panel import TapeWidget

if TYPE_CHECKING:
    from upbit_ws_qt import WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange


def said_now(dock: ConnectionMonitorDock, component_id: str) -> tuple[int, str]:
    """Return in which row of the components a panel stands now, and what is said of it; -1 before it was read off."""
    dock.refresh()
    records = dock.panel.components.table.records
    places = [place for place, row in enumerate(records.records) if row.figures.component_id == component_id]
    return (places[0], str(records.index(places[0], 1).data())) if places else (-1, "")


@served()
async def test_a_panel_says_the_present_then_how_old_then_the_present_again(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    async with shown(TapeWidget(service, "KRW-BTC")) as tape:
        await until(lambda: tape.state is PanelState.LIVE)
        board = panel_board(service)
        assert board.standing_of("tape") == Standing("good", "the present")
        assert board.standing_of("nobody") is None
        with monitor(service) as dock:
            dock.panel.tabs.setCurrentWidget(dock.panel.components)
            await until(lambda: said_now(dock, "tape")[1] == "● the present")
            refused = exchange.faults.inject("refuse", "public")
            exchange.faults.inject("drop", "public")
            await until(lambda: tape.state is PanelState.STALE)
            place, words = said_now(dock, "tape")
            assert words.startswith("▲ ")
            assert words.endswith(" old")
            assert place == 0, "who suffers stands first"
            refused.clear()
            await connected(service, PUBLIC)
            await until(lambda: tape.state is PanelState.LIVE)
            assert said_now(dock, "tape")[1] == "● the present"


@served()
async def test_a_panel_that_shows_less_than_was_asked_for_says_what(service: WebSocketService) -> None:
    async with shown(TapeWidget(service, "KRW-BTC")) as tape:
        await until(lambda: tape.state is PanelState.LIVE)
        tape.limits_button.show_limits([Limit("5 rows", "because", "back", lambda: None)])
        assert tape.standing() == Standing("warn", "less: 5 rows")


@served()
async def test_of_panels_that_share_a_component_the_worst_counts(service: WebSocketService) -> None:
    async with shown(TapeWidget(service, "KRW-BTC")) as one, shown(TapeWidget(service, "KRW-ETH")) as other:
        await until(lambda: one.state is PanelState.LIVE and other.state is PanelState.LIVE)
        other.show_error("no such market")
        assert panel_board(service).standing_of("tape") == Standing("bad", "nothing: it failed")


@pytest.mark.qasync_loop
@pytest.mark.usefixtures("let_go")
@pytest.mark.qt_log_ignore("does not support", extend=True)  # offscreen
async def test_from_the_monitor_to_the_panel_and_back() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        book = window.panels["order_book"]
        assert isinstance(window.docks["monitor"], ConnectionMonitorDock)
        tab = window.docks["monitor"].panel.components
        await until(lambda: book.state is PanelState.LIVE)  # type: ignore[attr-defined]  # it is a Panel
        window.show_component("order book")
        await turn()
        chosen = tab.table.selected()
        assert chosen is not None
        assert chosen.figures.component_id == "order book"
        assert window.panel_with_focus == "monitor"
        tab.table.activated.emit(tab.table.currentIndex())
        await turn()
        assert window.panel_with_focus == "order_book"
        book.limits_button.show_limits([Limit("5 rows", "because", "back", lambda: None)])  # type: ignore[attr-defined]
        actions = book.limits_button.menu().actions()  # type: ignore[attr-defined]
        next(each for each in actions if each.text() == "See it in the connection monitor").trigger()
        await turn()
        assert window.panel_with_focus == "monitor"
