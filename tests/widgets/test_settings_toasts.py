"""Each kind of toast is shown where it is wanted; the log has all of them."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6.QtCore import QPoint, Qt, QTime

from tests.waiting import until
from tests.widgets.desk import desk, window_of
from tests.widgets.settings_desk import (
    buy,
    confirm,
    is_logged,
    open_settings,
    renewed,
    serving,
    switch,
)
from tests.widgets.showing import click, press
from upbit_ws_qt import Alert, AlertKind, AlertLimits, AlertSeverity, IndicatorSpec, WebSocketType
from upbit_ws_qt.exchange import FaultName
from widgets.base.text import Language
from widgets.program.notifier import Notifier
from widgets.program.store import Store
from widgets.settings.alert_rules import RULES
from widgets.settings.preferences import Preferences, preferences_from, preferences_to_plain
from widgets.settings.quiet_hours import is_quiet

if TYPE_CHECKING:
    from pathlib import Path

    from widgets.window.main_window import MainWindow


pytestmark = [pytest.mark.usefixtures("let_go")]


@pytest.mark.qasync_loop
async def test_toasts_that_are_not_wanted_are_in_the_log_only() -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        await serving(exchange)
        await until(partial(is_logged, window, "info: syncing to connected"))
        dialog = open_settings(window)
        for name in ("toast_fills", "toast_recovered", "toast_alerts"):
            switch(dialog, name)
        confirm(dialog)
        toasted: list[str] = []  # they go after some seconds
        window.toasts.noteShown.connect(toasted.append)
        buy(exchange)
        exchange.publish_announcement("the night", category="maintenance")
        exchange.faults.inject(FaultName.DROP, "info")
        for text in ("Bought: 0.01 KRW-BTC", "Maintenance announced: the night", "info: epoch 1 to 2"):
            await until(partial(is_logged, window, text))
        assert [text for text in toasted if "Bought" in text or "recovered" in text or "night" in text] == []
        await until(lambda: any("Connection lost: info" in text for text in toasted))
        dialog = open_settings(window)
        switch(dialog, "toast_fills")
        switch(dialog, "toast_lost")
        confirm(dialog)
        toasted.clear()
        buy(exchange)
        await until(lambda: any("Bought" in text for text in toasted))
        before = sum("is lost" in line.message for line in window.needs.log.lines)
        exchange.faults.inject(FaultName.DROP, "private")
        await until(lambda: sum("is lost" in line.message for line in window.needs.log.lines) > before)
        assert not any("lost" in text for text in toasted)


@pytest.mark.qasync_loop
async def test_signals_are_toasted_where_that_is_wanted(tmp_path: Path) -> None:
    average = IndicatorSpec.of("moving_average", {"type": "EMA", "period": 5}, trigger="price_cross_above")
    store = Store(tmp_path)
    store.save_preferences(Preferences(language=Language.ENGLISH, watches=((average, "5m"),)))
    async with desk(store) as (program, exchange):
        window = window_of(program)
        await until(lambda: len(exchange.subscribed("info")) == 1)
        toasted: list[str] = []
        window.toasts.noteShown.connect(toasted.append)
        fire(exchange, 0)
        await until(lambda: any("Moving average" in text for text in toasted))
        dialog = open_settings(window)
        switch(dialog, "toast_signals")
        confirm(dialog)
        toasted.clear()
        count = signals(window)
        fire(exchange, 5)
        await until(lambda: signals(window) > count)
        assert not any("Moving average" in text for text in toasted)


def fire(exchange: Any, minute: int) -> None:
    """Send the signal that the candle of a minute fires: no market is waited for until it crosses its average."""
    message = {
        "type": "indicator_signal", "code": "KRW-BTC", "timeframe": "5m", "indicator": "moving_average",
        "params": {"type": "EMA", "period": 5}, "trigger": "price_cross_above", "event_params": {},
        "value": {"ma": 150000000.0, "price": 150001000.0}, "candle_date_time_utc": f"2096-10-02T07:{minute:02}:00",
        "timestamp": 4_000_000_000_000 + minute * 60_000, "stream_type": "REALTIME",
    }  # fmt: skip
    exchange.send_raw("info", json.dumps(message))


def signals(window: MainWindow) -> int:
    return sum("Moving average" in line.message for line in window.needs.log.lines)


def an_alert(kind: AlertKind, line: WebSocketType | None = WebSocketType.PUBLIC) -> Alert:
    return Alert(
        alert_id=1, kind=kind, severity=AlertSeverity.WARNING, ws_type=line, subject="",
        message=f"something about {kind}", value=1.0, threshold=1.0, clear_at=0.0, raised_at=0.0,
    )  # fmt: skip


@pytest.mark.qasync_loop
async def test_only_the_alerts_that_are_wanted_make_a_note_and_a_sound() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        sounds: list[str] = []
        now = ["12:00"]
        wanted = Preferences(alerts_muted=("slow",), alert_sound=True, quiet_hours=True)
        notifier = Notifier(
            window.needs.service,
            window.toasts,
            wanted,
            beep=lambda: sounds.append(now[0]),
            clock=lambda: now[0],
        )
        toasted: list[str] = []
        window.toasts.noteShown.connect(toasted.append)
        notifier._on_alert(an_alert(AlertKind.SLOW))
        assert (toasted, sounds) == ([], [])
        now[0] = "23:00"
        notifier._on_alert(an_alert(AlertKind.LATE))
        assert (toasted, sounds) == ([], []), "these are the quiet hours"
        now[0] = "07:00"
        notifier._on_alert(an_alert(AlertKind.LATE))
        notifier._on_alert(an_alert(AlertKind.ERRORS))
        assert len([text for text in toasted if "something about" in text]) == 2
        assert sounds == ["07:00"], "what comes together is one sound"


@pytest.mark.qasync_loop
async def test_the_rules_of_the_alerts_are_edited_in_the_dialog(tmp_path: Path) -> None:
    store = Store(tmp_path)
    async with desk(store) as (program, _):
        window = window_of(program)
        dialog = open_settings(window)
        page = dialog.alerts
        assert {kind for kind, _, _ in RULES} == set(AlertKind), "each rule that there is"
        dialog.tabs.setCurrentWidget(page)
        assert page.figures[AlertKind.SLOW].value() == 400
        page.figures[AlertKind.SLOW].setValue(150)
        page.figures[AlertKind.RECONNECTING_OFTEN].setValue(7)
        click(page.told[AlertKind.LATE], QPoint(8, page.told[AlertKind.LATE].height() // 2))
        page.quiet.setChecked(True)
        page.quiet_from.setTime(QTime(21, 30))
        confirm(dialog)
        window = await renewed(program, window)
        limits = window.needs.service.config.alert_limits
        assert (limits.slow, limits.reconnecting_often) == (0.15, 7)
        kept = store.preferences()
        assert kept.alert_limits == limits
        assert "late" in kept.alerts_muted
        assert (kept.quiet_hours, kept.quiet_from, kept.quiet_until) == (True, "21:30", "07:00")
        dialog = open_settings(window)
        click(dialog.alerts.usual)
        assert dialog.preferences.alert_limits == AlertLimits()
        press(dialog, Qt.Key.Key_Escape)


def test_figures_and_times_of_a_file_are_clamped() -> None:
    read = preferences_from(
        {"alert_limits": {"slow": 0.2, "late": -5, "errors": "x", "memory": True}, "quiet_from": "25:00"}
    )
    assert read.alert_limits == AlertLimits(slow=0.2)
    assert read.quiet_from == "22:00"
    assert preferences_from({"alerts_muted": ["slow", "nonsense", 5]}).alerts_muted == ("slow",)
    assert preferences_from(preferences_to_plain(Preferences(alert_limits=AlertLimits(late=9.0)))) == Preferences(
        alert_limits=AlertLimits(late=9.0)
    )


@pytest.mark.parametrize(
    ("begin", "end", "now", "quiet"),
    [
        ("22:00", "07:00", "22:00", True),
        ("22:00", "07:00", "06:59", True),
        ("22:00", "07:00", "07:00", False),
        ("12:00", "13:00", "12:30", True),
        ("12:00", "13:00", "13:00", False),
        ("12:00", "12:00", "12:00", False),
    ],
)
def test_quiet_hours_may_go_over_midnight(begin: str, end: str, now: str, quiet: bool) -> None:
    assert is_quiet(begin, end, now) is quiet
