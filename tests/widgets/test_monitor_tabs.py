"""The monitor's tabs: who was put aside and comes back, alerts that are marked as seen, and tables that are empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtGui import QColor

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.monitor_window import shown, wanting
from upbit_ws_qt import WebSocketClientProxy, WebSocketService
from widgets.base.text import Language, set_language
from widgets.base.theme import colours_of

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt.exchange import EmbeddedExchange


@served()
async def test_a_component_that_was_put_aside_is_served_again(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    with shown(service) as dock, wanting(service, exchange) as proxy:
        broken = WebSocketClientProxy("broken", service=service)
        broken.subscribe_trade(sorted(exchange.world.codes), lambda event: 1 / 0)
        tab = dock.panel.components
        await until(lambda: service.performance_metrics().quarantined == ("broken",))
        dock.refresh()
        assert tab.table.records.records[0].figures.component_id == "broken"
        assert not tab.resume.isEnabled()
        tab.table.selectRow(0)
        assert tab.resume.isEnabled()
        await until(lambda: any(alert.kind == "quarantined" for alert in service.alerts(cleared=False)))
        dock.panel.tabs.setCurrentWidget(dock.panel.alerts)
        dock.refresh()
        waiting = [alert for alert in service.alerts(cleared=False) if not alert.acknowledged]
        assert dock.panel.tabs.tabText(1) == f"Alerts ({len(waiting)})"
        table = dock.panel.alerts.table
        row = next(n for n, alert in enumerate(table.records.records) if alert.kind == "quarantined")
        table.selectRow(row)
        dock.panel.alerts.acknowledge.click()
        (seen,) = [alert for alert in service.alerts() if alert.kind == "quarantined"]
        assert seen.acknowledged
        assert dock.panel.alerts.refresh() == len(waiting) - 1
        tab.resume.click()
        assert "broken" not in service.manager.wiring.routing.get_routing_statistics().quarantined
        await broken.cleanup()
        assert proxy.is_public_available


@served()
async def test_what_was_asked_of_rest_is_shown_with_its_budget(service: WebSocketService) -> None:
    with shown(service) as dock:
        panel = dock.panel
        panel.tabs.setCurrentWidget(panel.rest)
        await service.rest.markets()
        await until(lambda: service.performance_metrics().rest)
        dock.refresh()
        (row,) = panel.rest.table.records.records
        assert (row.group, row.per_second, row.asked, row.refused) == ("market", 10, 1, 0)
        assert "REST: market 1 asked, 0 refused, 0 waiting" in dock.diagnostics()
        model = panel.rest.table.records
        shown_texts = [model.data(model.index(0, column)) for column in range(model.columnCount())]
        assert shown_texts[0] == "markets"
        assert shown_texts[-1] == "● free"


@served()
async def test_a_table_that_is_empty_says_why(service: WebSocketService, exchange: EmbeddedExchange) -> None:
    with shown(service) as dock:
        panel = dock.panel
        for tab, why in (
            (panel.components, "Nobody wants data."),
            (panel.advice, "Nothing costs speed"),
            (panel.events, "No line was lost"),
            (panel.rest, "Nothing was asked"),
            (panel.frames, "No frame came or left"),
        ):
            panel.tabs.setCurrentWidget(tab)
            dock.refresh()
            assert tab.table.accessibleDescription().startswith(why)
            assert _is_written_on(tab.table.viewport())
        panel.tabs.setCurrentWidget(panel.components)
        with wanting(service, exchange):
            await until(lambda: service.performance_metrics().components)
            dock.refresh()
            assert panel.components.table.accessibleDescription() == ""
        await until(lambda: not service.performance_metrics().components)
        dock.refresh()
        try:
            set_language(Language.KOREAN)
            await until(
                lambda: panel.components.table.accessibleDescription() == "데이터를 원하는 구성 요소가 없습니다."
            )
        finally:
            set_language(Language.ENGLISH)


def _is_written_on(viewport: QWidget | None) -> bool:
    assert viewport is not None
    picture = viewport.grab().toImage()
    muted = QColor(colours_of(viewport.palette()).muted).rgb()
    return any(picture.pixel(x, y) == muted for x in range(0, picture.width()) for y in range(0, picture.height()))
