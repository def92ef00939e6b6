"""Alarms on a real service and an exchange by hand: what they watch, what they survive, how they are set and told."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QSystemTrayIcon

from tests.qt.serving import SETTINGS, served, wanted
from tests.waiting import until
from tests.widgets.showing import click, double_click, press, shown
from upbit_ws_qt import WebSocketType
from upbit_ws_qt.exchange import ExchangeSettings, FaultName
from widgets.alarm_rules.rules import (
    Alarm,
    Crossing,
    DataSilent,
    IndicatorLevel,
    Keyword,
    NewListing,
    PriceChange,
    PriceLevel,
    Repeat,
    SpreadWide,
    VolumeSpike,
)
from widgets.alarm_rules.seen import Basis
from widgets.alarm_rules.watch import Firing
from widgets.alarms.bell import AlarmBell
from widgets.alarms.dialog import AlarmDialog
from widgets.alarms.keeper import AlarmKeeper, AlarmStanding
from widgets.alarms.lines import AlarmLines
from widgets.alarms.model import AlarmColumn, FiringColumn
from widgets.alarms.panel import AlarmsWidget
from widgets.alarms.words import firing_text
from widgets.base.market_catalog import MarketCatalog
from widgets.base.panel import PanelState
from widgets.chart.panel import ChartWidget

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from upbit_ws_qt import WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange

D = Decimal
QTEST: Any = QTest
BY_HAND = ExchangeSettings(
    markets=5, stopped=True, prepare=False, connects_per_second=None, messages_per_second=None, messages_per_minute=None
)


def keeping(service: WebSocketService, path: Path | None = None) -> tuple[AlarmKeeper, list[Firing]]:
    keeper, found = AlarmKeeper(service, path), list[Firing]()
    keeper.fired.connect(found.append)
    return keeper, found


def put(keeper: AlarmKeeper, condition: Any, market: str = "KRW-BTC", **choices: Any) -> Alarm:
    alarm = keeper.new_alarm(condition, market, **choices)
    keeper.put(alarm)
    return alarm


async def watching(keeper: AlarmKeeper, alarm: Alarm) -> None:
    await until(lambda: keeper.standing(alarm.id) is AlarmStanding.WATCHING)


@served(BY_HAND)
async def test_a_price_fires_without_any_panel(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    keeper, found = keeping(service)
    level = PriceLevel(D(100_000_000), Crossing.UP)
    alarm = put(keeper, level, repeat=Repeat.ALWAYS)
    once = put(keeper, level)
    assert keeper.standing(alarm.id) in (AlarmStanding.WAITING, AlarmStanding.BLIND)
    await until(lambda: wanted(exchange) == {("ticker", "KRW-BTC")})
    exchange.ticker("KRW-BTC", trade_price=D(99_000_000))
    await watching(keeper, alarm)
    await until(lambda: keeper.state_of(alarm.id).memory.price == 99_000_000)
    exchange.ticker("KRW-BTC", trade_price=D(101_000_000))
    await until(lambda: len(found) == 2)
    assert {firing.alarm for firing in found} == {alarm.id, once.id}
    assert found[0].values == {"price": "101000000", "before": "99000000", "way": "up"}
    assert found[0].basis is Basis.LIVE
    assert firing_text(found[0]) == "KRW-BTC: price 101,000,000 has reached 100,000,000 (up, before 99,000,000)"
    assert keeper.standing(once.id) is AlarmStanding.DONE
    keeper.remove(alarm.id)
    await until(lambda: not wanted(exchange))  # the other has fired, and wants nothing any more
    keeper.switch(once.id, True)
    await until(lambda: wanted(exchange) == {("ticker", "KRW-BTC")})
    keeper.close()
    await until(lambda: not wanted(exchange))


@served(BY_HAND)
async def test_what_happened_in_an_outage_is_told_as_such(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    keeper, found = keeping(service)
    alarm = put(keeper, PriceLevel(D(4000)), "KRW-XRP")
    await until(lambda: wanted(exchange) == {("ticker", "KRW-XRP")})
    exchange.ticker("KRW-XRP", trade_price=D(3500))
    await until(lambda: keeper.state_of(alarm.id).memory.price == 3500)
    refused = exchange.faults.inject(FaultName.REFUSE, "public")
    exchange.cut("public")
    await until(lambda: keeper.standing(alarm.id) is AlarmStanding.BLIND)
    exchange.ticker("KRW-XRP", trade_price=D(4500))
    refused.clear()
    await until(lambda: found)
    assert found[0].basis is Basis.GAP
    assert found[0].values["before"] == "3500"


@served(BY_HAND)
async def test_alarms_survive_a_restart_and_say_what_happened_meanwhile(
    exchange: EmbeddedExchange, service: WebSocketService, tmp_path: Path
) -> None:
    path = tmp_path / "alarms.json"
    first, _ = keeping(service, path)
    alarm = put(first, PriceLevel(D(4000)), "KRW-XRP", comment="메모")
    await until(lambda: wanted(exchange) == {("ticker", "KRW-XRP")})
    exchange.ticker("KRW-XRP", trade_price=D(3500))
    await until(lambda: first.state_of(alarm.id).memory.price == 3500)
    first.close()
    exchange.ticker("KRW-XRP", trade_price=D(4500))
    second, found = keeping(service, path)
    assert second.alarms == (alarm,)
    await until(lambda: found)
    assert (found[0].basis, found[0].comment) == (Basis.START, "메모")
    # It is killed now, before what fired is in the file of alarms: the log knows it.
    third, again = keeping(service, path)
    assert [each.on for each in third.alarms] == [False]
    assert third.firings == tuple(found)
    assert third.state_of(alarm.id).fired == 1
    third.close()
    assert not again


@served(BY_HAND)
async def test_a_damaged_file_is_said_in_the_panel(service: WebSocketService, tmp_path: Path) -> None:
    path = tmp_path / "alarms.json"
    path.write_text('{"version":1,"alarms":[{"id":"a","condition":{"kind":"listing"}},{"id":"b"}]}')
    keeper, _ = keeping(service, path)
    async with shown(AlarmsWidget(keeper)) as panel:
        assert panel.trouble.isVisible()
        assert "alarms.damaged-1.json" in panel.trouble.text()
        assert [row.alarm.id for row in panel.model.rows] == ["a"]


@served(BY_HAND)
async def test_a_file_that_cannot_be_written_is_said_until_it_can(service: WebSocketService, tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.write_text("no folder")
    keeper, _ = keeping(service)
    keeper.close()
    keeper, _ = keeping(service, tmp_path / "alarms.json")
    (tmp_path / "alarms.json").mkdir()
    put(keeper, PriceLevel(D(1)))
    assert "could not be saved" in keeper.trouble
    (tmp_path / "alarms.json").rmdir()
    keeper.save()
    assert not keeper.trouble


@served(BY_HAND)
async def test_a_change_and_a_wide_spread(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    keeper, found = keeping(service)
    change = put(keeper, PriceChange(D(5), 10, Crossing.UP))
    spread = put(keeper, SpreadWide(D(1)))
    await until(lambda: wanted(exchange) == {("ticker", "KRW-BTC"), ("orderbook", "KRW-BTC")})
    exchange.ticker("KRW-BTC", trade_price=D(100_000_000))
    await until(lambda: keeper.state_of(change.id).memory.at)
    exchange.book("KRW-BTC", [(D(100_001_000), D(1))], [(D(100_000_000), D(1))])
    await watching(keeper, spread)
    exchange.ticker("KRW-BTC", trade_price=D(106_000_000))
    await until(lambda: any(firing.alarm == change.id for firing in found))
    exchange.book("KRW-BTC", [(D(102_000_000), D(1))], [(D(100_000_000), D(1))])
    await until(lambda: any(firing.alarm == spread.id for firing in found))
    by_id = {firing.alarm: firing for firing in found}
    assert by_id[change.id].values["percent"] == "+6.00"
    assert by_id[spread.id].values["spread"] == "2.000"


@served()
async def test_candles_begin_with_a_history(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    keeper, found = keeping(service)
    volume = put(keeper, VolumeSpike(D(1000), 2, "1m"), repeat=Repeat.BAR)
    put(keeper, IndicatorLevel("rsi", (14.0,), "value", Crossing.EITHER, D(50), "1m", closed=False))
    await until(lambda: wanted(exchange) == {("candle.1m", "KRW-BTC")})
    exchange.trade("KRW-BTC", D(150_000_000), D(100_000))
    await until(lambda: any(firing.alarm == volume.id for firing in found))
    [firing] = [each for each in found if each.alarm == volume.id]
    assert float(firing.values["times"]) >= 1000
    assert float(firing.values["volume"]) >= 100_000


@served()
async def test_a_new_listing_is_told_once_the_exchange_lists_it(service: WebSocketService) -> None:
    catalog = MarketCatalog(service.rest, parent=service)
    keeper = AlarmKeeper(service, catalog=catalog)
    found: list[Firing] = []
    keeper.fired.connect(found.append)
    alarm = put(keeper, NewListing(), "")
    assert keeper.standing(alarm.id) is AlarmStanding.WAITING, "what was remembered is not what there is"
    catalog.load()
    await watching(keeper, alarm)
    known = keeper.state_of(alarm.id).memory.codes
    assert len(known) == SETTINGS.markets
    keeper.switch(alarm.id, False)
    keeper.switch(alarm.id, True)
    catalog.load()
    await until(lambda: keeper.standing(alarm.id) is AlarmStanding.WATCHING)
    assert not found


@served(BY_HAND)
async def test_words_of_announcements(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    keeper, found = keeping(service)
    alarm = put(keeper, Keyword("점검"), "")
    await until(lambda: exchange.subscribed("private") and keeper.standing(alarm.id) is AlarmStanding.WATCHING)
    exchange.publish_announcement("서버 점검 안내", "maintenance")
    await until(lambda: found)
    assert found[0].values == {"title": "서버 점검 안내", "words": "점검"}


@served(BY_HAND, credentials=None)
async def test_without_a_key_there_are_no_announcements(service: WebSocketService) -> None:
    keeper, _ = keeping(service)
    assert keeper.standing(put(keeper, Keyword("점검"), "").id) is AlarmStanding.NO_KEY


@served(BY_HAND)
async def test_a_market_that_there_is_not_is_said_so(service: WebSocketService) -> None:
    keeper, _ = keeping(service)
    alarm = put(keeper, PriceLevel(D(1)), "KRW-NOPE")
    await until(lambda: keeper.standing(alarm.id) is AlarmStanding.UNSERVED)


@served(BY_HAND)
async def test_data_that_stop_are_told_after_so_many_seconds(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    keeper, found = keeping(service)
    put(keeper, DataSilent(1))
    await until(lambda: wanted(exchange) == {("ticker", "KRW-BTC")})
    exchange.ticker("KRW-BTC", trade_price=D(100_000_000))
    await until(lambda: service.connection_metrics(WebSocketType.PUBLIC).last_message_time is not None)
    exchange.faults.inject(FaultName.REFUSE, "public")
    exchange.cut("public")
    await until(lambda: found)
    assert int(found[0].values["seconds"]) >= 1


# -- the panel ---------------------------------------------------------------------------------------------------------
def texts(panel: AlarmsWidget, column: AlarmColumn) -> list[str]:
    return [str(panel.model.index(row, column).data()) for row in range(panel.model.rowCount())]


@served(BY_HAND)
async def test_an_alarm_is_set_changed_switched_and_removed_by_keyboard(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    keeper, _ = keeping(service)
    async with shown(AlarmsWidget(keeper, "KRW-ETH"), 800, 500) as panel:
        assert panel.state is PanelState.LIVE
        assert panel.table.note
        panel.activateWindow()
        panel.table.setFocus()
        await until(panel.table.hasFocus)
        press(panel.table, Qt.Key.Key_Insert)
        [dialog] = panel.findChildren(AlarmDialog)
        assert dialog.market.text() == "KRW-ETH"
        press(dialog.page.price, "5000000")
        press(dialog.page.price, Qt.Key.Key_Return)
        [alarm] = keeper.alarms
        assert (alarm.market, alarm.condition) == ("KRW-ETH", PriceLevel(D(5_000_000)))
        assert texts(panel, AlarmColumn.CONDITION) == ["price reaches 5,000,000"]
        await until(lambda: wanted(exchange) == {("ticker", "KRW-ETH")})
        await until(lambda: not panel.findChildren(AlarmDialog))
        panel.activateWindow()
        panel.table.setFocus()
        await until(panel.table.hasFocus)
        panel.table.selectRow(0)
        press(panel.table, Qt.Key.Key_Return)
        [dialog] = panel.findChildren(AlarmDialog)
        dialog.page.price.selectAll()
        press(dialog.page.price, "5,100,000")
        dialog.repeat.setCurrentIndex(dialog.repeat.findData(Repeat.BAR))
        dialog.accept()
        [changed] = keeper.alarms
        assert (changed.id, changed.repeat) == (alarm.id, Repeat.BAR)
        assert changed.condition == PriceLevel(D(5_100_000))
        await until(lambda: not panel.findChildren(AlarmDialog))
        panel.activateWindow()
        panel.table.setFocus()
        await until(panel.table.hasFocus)
        panel.table.selectRow(0)
        press(panel.table, Qt.Key.Key_Space)
        assert not keeper.alarms[0].on
        await until(lambda: texts(panel, AlarmColumn.STANDING) == ["○ off"])
        press(panel.table, Qt.Key.Key_Delete)
        assert not keeper.alarms
        await until(lambda: panel.model.rowCount() == 0)


@served(BY_HAND)
async def test_the_form_says_what_is_wrong_and_stays(service: WebSocketService) -> None:
    keeper, _ = keeping(service)
    async with shown(AlarmsWidget(keeper)) as panel:
        click(panel.add)
        [dialog] = panel.findChildren(AlarmDialog)
        dialog.accept()
        assert dialog.isVisible()
        assert "is no number" in dialog.error.text()
        press(dialog.page.price, "-5")
        dialog.accept()
        assert "above 0" in dialog.error.text()
        dialog.page.price.setText("5")
        dialog.accept()
        assert "KRW-BTC" in dialog.error.text()
        dialog.kind.setCurrentIndex(dialog.kind.findData(Keyword))
        assert not dialog.market.isEnabled()
        dialog.accept()
        assert "word" in dialog.error.text()
        assert not dialog.command.isEnabled(), "programs are allowed in the settings, or not at all"
        dialog.reject()
        assert not keeper.alarms


@pytest.mark.parametrize(
    "condition",
    [
        PriceLevel(D("0.00001234"), Crossing.DOWN),
        PriceChange(D("2.5"), 30, Crossing.UP),
        VolumeSpike(D("7.5"), 40, "15m"),
        SpreadWide(D("0.125")),
        IndicatorLevel("macd", (12.0, 26.0, 9.0), "signal", Crossing.DOWN, D("-5"), "240m", closed=False),
        IndicatorLevel("bollinger", (20.0, 2.5), "upper", Crossing.UP, None, "5m"),
        NewListing("BTC"),
        Keyword("점검, airdrop"),
        DataSilent(77),
    ],
)
@served(BY_HAND)
async def test_each_kind_is_shown_and_taken_back_as_it_was(condition: Any, service: WebSocketService) -> None:
    del service
    market = "" if isinstance(condition, (NewListing, Keyword)) else "KRW-BTC"
    alarm = Alarm("a", condition, market, Repeat.BAR, "5m", sound=False, system=True, comment="c", command="x y")
    told: list[Alarm] = []
    async with shown(AlarmDialog(alarm, commands=True)) as dialog:
        dialog.alarmSet.connect(told.append)
        dialog.accept()
    assert told == [alarm]


@served(BY_HAND)
async def test_what_fired_is_listed_with_its_values_and_leads_to_its_market(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    keeper, found = keeping(service)
    alarm = put(keeper, PriceLevel(D(4000)), "KRW-XRP")
    asked: list[str] = []
    async with shown(AlarmsWidget(keeper), 900, 500) as panel:
        panel.symbolActivated.connect(asked.append)
        await until(lambda: wanted(exchange) == {("ticker", "KRW-XRP")})
        exchange.ticker("KRW-XRP", trade_price=D(3500))
        await until(lambda: keeper.state_of(alarm.id).memory.price == 3500)
        exchange.ticker("KRW-XRP", trade_price=D(4500))
        await until(lambda: found and panel.firings_model.rowCount() == 1)
        cells = [str(panel.firings_model.index(0, column).data()) for column in FiringColumn]
        assert cells[FiringColumn.WHAT] == "KRW-XRP: price 4,500 has reached 4,000 (up, before 3,500)"
        assert cells[FiringColumn.BASIS] == "live data"
        assert json.loads(cells[FiringColumn.VALUES]) == {"price": "4500", "before": "3500", "way": "up"}
        place = panel.fired_table.visualRect(panel.firings_model.index(0, 0)).center()
        click(panel.fired_table.viewport(), place)
        double_click(panel.fired_table.viewport(), place)
        await until(lambda: asked == ["KRW-XRP"])


# -- the bell ----------------------------------------------------------------------------------------------------------
class Rung:
    """What a bell did."""

    def __init__(self, keeper: AlarmKeeper) -> None:
        self.sounds = 0
        self.notes: list[str] = []
        self.bell = AlarmBell(keeper, tell=lambda text, _: self.notes.append(text), beep=self._beep)

    def _beep(self) -> None:
        self.sounds += 1


async def fire(exchange: EmbeddedExchange, keeper: AlarmKeeper, alarm: Alarm, found: list[Firing]) -> None:
    await until(lambda: wanted(exchange) == {("ticker", alarm.market)})
    exchange.ticker(alarm.market, trade_price=D(3500))
    await until(lambda: keeper.state_of(alarm.id).memory.price == 3500)
    exchange.ticker(alarm.market, trade_price=D(4500))
    await until(lambda: found)


@served(BY_HAND)
async def test_it_rings_as_the_alarm_wants(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    keeper, found = keeping(service)
    rung = Rung(keeper)
    put(keeper, PriceLevel(D(4000)), "KRW-XRP", sound=False, note=False)
    alarm = put(keeper, PriceLevel(D(4000)), "KRW-XRP", comment="now")
    await fire(exchange, keeper, alarm, found)
    await until(lambda: len(found) == 2)
    assert rung.sounds == 1
    assert rung.notes == ["KRW-XRP: price 4,500 has reached 4,000 (up, before 3,500)\nnow"]


@served(BY_HAND)
async def test_without_a_tray_a_message_of_the_system_becomes_a_note(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    assert not QSystemTrayIcon.isSystemTrayAvailable(), "tests run without a desktop"
    keeper, found = keeping(service)
    rung = Rung(keeper)
    await fire(exchange, keeper, put(keeper, PriceLevel(D(4000)), "KRW-XRP", note=False, system=True), found)
    assert "takes no messages" in rung.notes[0]


@served(BY_HAND)
async def test_a_program_runs_only_where_that_is_allowed(
    exchange: EmbeddedExchange, service: WebSocketService, tmp_path: Path
) -> None:
    out = tmp_path / "told.json"
    script = tmp_path / "tell me.py"
    script.write_text(
        "import json, os, pathlib, sys\n"
        "told = {k: v for k, v in os.environ.items() if k.startswith('UPBIT_ALARM_')}\n"
        f"made = pathlib.Path({str(out)!r} + '.new')\n"
        "made.write_text(json.dumps([sys.argv[1:], told]), encoding='utf-8')\n"
        f"made.replace({str(out)!r})\n",
        encoding="utf-8",
    )
    keeper, found = keeping(service)
    rung = Rung(keeper)
    command = f'"{sys.executable}" "{script}" "$(echo no shell)" ;'
    alarm = put(keeper, PriceLevel(D(4000)), "KRW-XRP", note=False, command=command, repeat=Repeat.ALWAYS)
    await fire(exchange, keeper, alarm, found)
    assert "not allowed" in rung.notes[0]
    assert not out.exists()
    keeper.commands_allowed = True
    rung.bell.ring(found[0])
    await until(out.exists)
    arguments, told = json.loads(out.read_text(encoding="utf-8"))
    assert arguments == ["$(echo no shell)", ";"]
    assert told["UPBIT_ALARM_MARKET"] == "KRW-XRP"
    assert json.loads(told["UPBIT_ALARM_VALUES"])["price"] == "4500"
    assert told["UPBIT_ALARM_BASIS"] == "live"
    keeper.put(Alarm(alarm.id, alarm.condition, "KRW-XRP", command=str(tmp_path / "nothing here")))
    rung.bell.ring(found[0])
    assert "did not run" in rung.notes[-1]
    keeper.put(Alarm(alarm.id, alarm.condition, "KRW-XRP", command='"half'))
    rung.bell.ring(found[0])
    assert "quotation marks" in rung.notes[-1]


# -- lines on the chart ------------------------------------------------------------------------------------------------
@served()
async def test_a_line_is_dragged_and_worked_by_keyboard(service: WebSocketService) -> None:
    keeper, _ = keeping(service)
    async with shown(ChartWidget(service, "KRW-BTC"), 800, 500) as chart:
        lines = AlarmLines(chart, keeper)
        await until(lambda: chart.state is PanelState.LIVE and len(chart.series) >= 200 and not chart.seam_is_open)
        frame = chart.view.frame()
        assert frame is not None
        begin = QPoint(300, round(frame.price.rect.top() + frame.price.rect.height() * 0.5))
        QTEST.mouseMove(chart.view, begin)
        await until(lambda: chart.view.pointed_price is not None)
        press(chart.view, "")
        QTEST.keyClick(chart.view, Qt.Key.Key_A, Qt.KeyboardModifier.AltModifier)
        [alarm] = lines.alarms
        assert lines.chosen == alarm
        level = alarm.condition
        assert isinstance(level, PriceLevel)
        chart.view.scale_prices(1.0)  # live prices must not move the picture below the mouse
        frame = chart.view.frame()
        assert frame is not None
        start = QPoint(300, round(frame.price.scale.y(float(level.price))))
        end = QPoint(300, start.y() - 40)
        QTEST.mousePress(chart.view, Qt.MouseButton.LeftButton, pos=start)
        QTEST.mouseMove(chart.view, (start + end) / 2)
        QTEST.mouseMove(chart.view, end)
        chart.view.grab()
        QTEST.mouseRelease(chart.view, Qt.MouseButton.LeftButton, pos=end)
        [dragged] = keeper.alarms
        assert isinstance(dragged.condition, PriceLevel)
        assert dragged.condition.price == chart.view.tradable(frame.price.scale.value(end.y()))
        assert dragged.condition.price > level.price
        QTEST.keyClick(chart.view, Qt.Key.Key_Escape)
        assert [each for each in lines.alarms if each == lines.chosen] == []
        press(chart.view, "l")
        assert [each for each in lines.alarms if each == lines.chosen] == [dragged]
        press(chart.view, Qt.Key.Key_Up)
        [moved] = keeper.alarms
        assert isinstance(moved.condition, PriceLevel)
        assert moved.condition.price == dragged.condition.price + 1000
        assert lines.text(moved) == f"{moved.condition.price:,}"
        press(chart.view, Qt.Key.Key_Delete)
        assert not lines.alarms
        menu = chart.menu()
        [action] = [each for each in menu.actions() if "Alarm" in each.text()]
        action.trigger()
        assert len(keeper.alarms) == 1
        menu.close()
