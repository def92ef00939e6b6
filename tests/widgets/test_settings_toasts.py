"""Each kind of toast is shown where it is wanted; the log has all of them."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import until
from tests.widgets.desk import desk, window_of
from tests.widgets.settings_desk import (
    buy,
    confirm,
    is_logged,
    open_settings,
    serving,
    switch,
)
from upbit_ws_qt import IndicatorSpec
from upbit_ws_qt.exchange import FaultName
from widgets.base.text import Language
from widgets.program.store import Store
from widgets.settings.preferences import Preferences

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
