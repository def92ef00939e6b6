"""A window that is used and used does not grow: objects are counted after perspectives and markets were changed."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import QObject
from PyQt6.QtWidgets import QAbstractButton

from tests.waiting import until
from tests.widgets.desk import desk, window_of
from widgets.base.panel import Panel, PanelState
from widgets.window.perspectives import BUILT_IN

if TYPE_CHECKING:
    from widgets.window.main_window import MainWindow

pytestmark = [pytest.mark.qasync_loop, pytest.mark.usefixtures("let_go")]

_MARKETS = ("KRW-BTC", "KRW-ETH", "KRW-XRP")
_ROUNDS = 5
# Those with further panels make and end them each time, which takes a while; they have a test of their own.
_ONCE = [name for name, each in BUILT_IN.items() if not any("#" in panel for panel in each.panels)]
# Whoever wants or shows something; what was received and judged is in rings, each with a bound and a test of its own.
_ROOMS = ("PyQt6.", "pyqtgraph.", "upbit_ws_qt.qt.", "upbit_ws_qt.manager.components", "widgets.")
_RINGS = {"Bar", "KnownOrder", "LogLine", "Point", "TapeRow"}
# Under way at any moment.
_TRANSIENT = {"QPropertyAnimation", "Question"}


async def settled(window: MainWindow) -> None:
    await until(lambda: all(
        panel.state is not PanelState.LOADING for panel in window.panels.values()
        if isinstance(panel, Panel) and panel.isVisible()
    ))  # fmt: skip


async def use(window: MainWindow, rounds: int) -> None:
    """Go through all perspectives and several markets, and come back to where it began."""
    for _ in range(rounds):
        for name in _ONCE:
            window.arrange_built_in(name)
            for market in _MARKETS:
                window.select_symbol(market)
                await asyncio.sleep(0.02)
    window.arrange_built_in("trading")
    window.select_symbol(_MARKETS[0])
    await settled(window)
    await asyncio.sleep(0.2)


def widgets_and_wishes(window: MainWindow) -> Counter[str]:
    """Count the QObjects of the window and of the service by class."""
    owners = (window, window.needs.service)
    return Counter(type(each).__name__ for owner in owners for each in owner.findChildren(QObject))


def python_objects() -> Counter[str]:
    gc.collect()
    # As text: a class may have anything for a module.
    return Counter(type(each).__name__ for each in gc.get_objects() if str(type(each).__module__).startswith(_ROOMS))


def growing(before: Counter[str], between: Counter[str], after: Counter[str]) -> dict[str, tuple[int, int]]:
    """Return what has become one more with each round, the second time as the first."""
    more = {name: (between[name] - before[name], after[name] - between[name]) for name in after}
    return {name: twice for name, twice in more.items() if min(twice) >= _ROUNDS and name not in _RINGS | _TRANSIENT}


async def come_and_go(window: MainWindow, rounds: int) -> None:
    """Make further panels, and end them again."""
    for _ in range(rounds):
        window.arrange_built_in("charts_4")
        await asyncio.sleep(0.02)
        window.add_panel("tape")
        window.arrange_built_in("trading")
        await asyncio.sleep(0.02)
    await settled(window)
    await asyncio.sleep(0.2)


async def test_further_panels_leave_no_objects_behind() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await settled(window)
        await come_and_go(window, 2)
        widgets, objects = [widgets_and_wishes(window)], [python_objects()]
        for _ in range(2):
            await come_and_go(window, _ROUNDS)
            widgets.append(widgets_and_wishes(window))
            objects.append(python_objects())
        assert not growing(*widgets)
        assert not growing(*objects)


async def test_perspectives_and_markets_leave_no_objects_behind() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await settled(window)
        await use(window, 2)  # everything was made once
        widgets, objects = [widgets_and_wishes(window)], [python_objects()]
        for _ in range(2):
            await use(window, _ROUNDS)
            widgets.append(widgets_and_wishes(window))
            objects.append(python_objects())
        assert not growing(*widgets)
        assert not growing(*objects)


async def test_the_signs_of_the_title_bars_are_drawn_once() -> None:
    """Qt keeps the pixels of every icon that is new to it, in a cache of 10 MiB."""
    async with desk() as (program, _):
        window = window_of(program)
        await settled(window)
        found = (each for dock in window.docks.values() for each in dock.findChildren(QAbstractButton))
        buttons = [each for each in found if each.objectName() in ("float", "close")]

        def signs() -> set[int]:
            return {button.icon().cacheKey() for button in buttons}

        await use(window, 1)
        before = signs()
        assert len(before) == 2
        await use(window, 1)
        assert signs() == before
