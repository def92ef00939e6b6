"""Incidents in the monitor: a card for what belongs together, a strip for each day, by mouse and by keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.monitor_window import PRIVATE, PUBLIC, connected, shown, wanting
from tests.widgets.showing import click, press
from upbit_ws_qt import DayUptime, WebSocketService, WebSocketType
from widgets.base.text import Language, set_language
from widgets.monitor.timeline import TimelineTab

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QApplication

    from upbit_ws_qt.exchange import EmbeddedExchange

DAY = 86_400


@served(backfill=frozenset({"trade"}))
async def test_an_outage_is_a_card_and_a_bar_that_opens_it(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    with shown(service) as dock, wanting(service, exchange):
        panel = dock.panel
        panel.tabs.setCurrentWidget(panel.incidents)
        dock.refresh()
        assert panel.incidents.table.accessibleDescription().startswith("Nothing happened")
        assert panel.incidents.card.text == ""
        await connected(service, PUBLIC, PRIVATE)
        await until(lambda: service.connection_metrics(PUBLIC).is_connected)
        refusal = exchange.faults.inject("refuse", endpoint="public")
        exchange.faults.inject("drop", endpoint="public", times=1)
        await until(lambda: service.incidents() and service.incidents()[0].lines[0].down_seconds > 0)
        dock.refresh()
        assert "Reconnecting" in panel.incidents.card.text  # chosen by itself
        assert panel.incidents.card.headline.text().startswith("✖ public dark for")
        refusal.clear()
        await connected(service, PUBLIC)
        await until(lambda: service.incidents()[0].is_over and service.incidents()[0].lines[0].is_healed)
        await until(lambda: service.incidents()[0].lines[0].restorable > 0)
        dock.refresh()
        (incident,) = service.incidents()
        (line,) = incident.lines
        assert line.before is not None
        for part in (
            "dropped without a close frame, close 1006",
            f"{line.restored} of {line.restorable} streams back",
            f"{line.missed:,} missed, {line.recovered:,} recovered",
            "Stale meanwhile: panel",
            "What to do: ",
            "round trip",
        ):
            assert part in panel.incidents.card.text
        assert line.restored == line.restorable > 0
        panel.incidents.card.copy.click()
        clipboard = QGuiApplication.clipboard()
        assert clipboard is not None
        assert clipboard.text() == panel.incidents.card.text

        panel.tabs.setCurrentWidget(panel.timeline)
        dock.refresh()
        days = panel.timeline.days
        text, level = days.share_text(days.days[0], PUBLIC)
        assert text.startswith("✖")  # of a run of some seconds it is much
        assert level == "bad"
        assert days.share_text(days.days[0], PRIVATE)[0] == "● 100 %"
        assert days.share_text(days.days[0], WebSocketType.INFO) == ("—", "idle")
        click(days, days.place_of(incident.began_at).toPoint())
        assert panel.tabs.currentWidget() is panel.incidents
        panel.tabs.setCurrentWidget(panel.timeline)
        days.visit(None)
        press(days, Qt.Key.Key_Left)
        assert "dropped without a close frame" in days.accessibleDescription()
        press(days, Qt.Key.Key_Return)
        assert panel.tabs.currentWidget() is panel.incidents
        try:
            set_language(Language.KOREAN)
            await until(lambda: "할 일" in panel.incidents.card.text)
            await until(lambda: panel.tabs.tabText(panel.tabs.indexOf(panel.incidents)) == "장애 기록")
        finally:
            set_language(Language.ENGLISH)


def test_what_is_less_than_promised_is_never_rounded_up(qapp: QApplication) -> None:
    tab = TimelineTab()
    shares = {1: 0.999, 2: 0.99899, 3: 0.99999, 4: 1.0}
    uptime = [DayUptime(day=day, ws_type=PUBLIC, wanted=1e6, up=1e6 * share) for day, share in shares.items()]
    tab.days.show_days([], uptime, 4.5 * DAY)
    texts = [tab.days.share_text(day, PUBLIC)[0] for day in shares]
    assert texts == ["● 99.90 %", "✖ 99.89 %", "● 99.99 %", "● 100 %"]
    assert tab.days.days == [4, 3, 2, 1]
    tab.deleteLater()
