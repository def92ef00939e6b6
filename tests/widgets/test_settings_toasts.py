"""Each kind of toast is shown where it is wanted; the log has all of them."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.qt.serving import SETTINGS
from tests.waiting import until
from tests.widgets.desk import desk, turn, window_of
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
        dialog = open_settings(window)
        for name in ("toast_fills", "toast_recovered", "toast_alerts"):
            switch(dialog, name)
        confirm(dialog)
        toasted: list[str] = []  # they go after some seconds
        window.toasts.noteShown.connect(toasted.append)
        buy(exchange)
        exchange.publish_announcement("the night", category="maintenance")
        exchange.faults.inject(FaultName.DROP, "info")
        for text in ("Bought: 0.01 KRW-BTC", "Maintenance announced: the night", "Connection recovered: info"):
            await until(partial(is_logged, window, text))
        assert [text for text in toasted if "Bought" in text or "recovered" in text or "night" in text] == []
        assert any("Connection lost: info" in text for text in toasted)
        dialog = open_settings(window)
        switch(dialog, "toast_fills")
        switch(dialog, "toast_lost")
        confirm(dialog)
        toasted.clear()
        buy(exchange)
        await until(lambda: any("Bought" in text for text in toasted))
        before = sum("Connection lost" in line.message for line in window.needs.log.lines)
        exchange.faults.inject(FaultName.DROP, "private")
        await until(lambda: sum("Connection lost" in line.message for line in window.needs.log.lines) > before)
        assert not any("lost" in text for text in toasted)


@pytest.mark.qasync_loop
async def test_signals_are_toasted_where_that_is_wanted(tmp_path: Path) -> None:
    average = {"type": "EMA", "period": 5}
    watches = tuple(
        (IndicatorSpec.of("moving_average", average, trigger=trigger), "5m")
        for trigger in ("price_cross_above", "price_cross_below")
    )
    store = Store(tmp_path)
    store.save_preferences(Preferences(language=Language.ENGLISH, watches=watches))
    quiet = dataclasses.replace(SETTINGS, markets=1, rate=2.0)  # hours are played: few messages in each
    async with desk(store, settings=quiet) as (program, exchange):
        window = window_of(program)
        await until(lambda: len(exchange.subscribed("info")) == 2)
        toasted: list[str] = []
        window.toasts.noteShown.connect(toasted.append)
        exchange.stop_time()  # the same hours each time
        await played(exchange, lambda: any("Moving average" in text for text in toasted))
        dialog = open_settings(window)
        switch(dialog, "toast_signals")
        confirm(dialog)
        toasted.clear()
        count = signals(window)
        await played(exchange, lambda: signals(window) > count)
        assert not any("Moving average" in text for text in toasted)


async def played(exchange: Any, condition: Any) -> None:
    """Let exchange time pass until something has come true."""
    for _ in range(60):
        await exchange.advance(300)
        await turn()
        if condition():
            return
    await until(condition)


def signals(window: MainWindow) -> int:
    return sum("Moving average" in line.message for line in window.needs.log.lines)
