"""Theme, colours, language and motion are seen at once."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QGuiApplication
from PyQt6.QtWidgets import QLabel, QWidget

from tests.waiting import until
from tests.widgets.desk import desk, turn, window_of
from tests.widgets.settings_desk import (
    choose,
    confirm,
    open_settings,
    switch,
)
from widgets.base.focus import FramedTable
from widgets.base.look import legible
from widgets.base.text import Language
from widgets.base.theme import DARK, LIGHT, Colours, MarketColours, MarketScheme, ThemeMode, market_colours
from widgets.base.tokens import Density
from widgets.program.store import Store

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.usefixtures("let_go")]


@pytest.mark.qasync_loop
async def test_colours_are_seen_at_once() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        model = window.watch_list.model
        await until(lambda: model.rowCount() >= 5 and any(model.row(place).sign for place in range(5)))
        dialog = open_settings(window)
        for theme, dark in ((ThemeMode.LIGHT, False), (ThemeMode.DARK, True)):
            choose(dialog, "theme", theme)
            await turn()
            assert window.grab().toImage().pixelColor(window.width() - 3, 3) == QColor((DARK if dark else LIGHT).window)
            for scheme in MarketScheme:
                choose(dialog, "scheme", scheme)
                await turn()
                expected = ink_of_signs(market_colours(scheme, dark=dark), DARK if dark else LIGHT)
                shown = painted(window.watch_list.table.viewport())
                # The market decides which signs there are, and the first row, which is marked, has an ink of its own.
                assert {expected[model.row(place).sign] for place in range(1, 5)} - {""} <= shown
        dialog.reject()


@pytest.mark.qasync_loop
async def test_the_density_is_seen_at_once_and_remembered(tmp_path: Path) -> None:
    """Type, rows and spaces grow together, in every panel that is open; Cancel takes it back."""
    store = Store(tmp_path)
    async with desk(store) as (program, _):
        window = window_of(program)
        tables = window.findChildren(FramedTable)
        assert len(tables) >= 5

        def sizes() -> list[int]:
            rows = [header.defaultSectionSize() for each in tables if (header := each.verticalHeader()) is not None]
            outer = window.watch_list.layout()
            assert outer is not None
            return [*rows, window.fontMetrics().height(), outer.spacing()]

        dialog = open_settings(window)
        found = {}
        for density in (Density.COMPACT, Density.ROOMY, Density.NORMAL):
            choose(dialog, "density", density)
            await turn()
            found[density] = sizes()
        for closer, wider in pairwise([found[Density.COMPACT], found[Density.NORMAL], found[Density.ROOMY]]):
            assert all(one < other for one, other in zip(closer, wider, strict=True)), found
        choose(dialog, "density", Density.ROOMY)
        dialog.reject()
        await turn()
        assert sizes() == found[Density.NORMAL]
        dialog = open_settings(window)
        choose(dialog, "density", Density.COMPACT)
        confirm(dialog)
        assert store.preferences().density is Density.COMPACT


def ink_of_signs(market: MarketColours, theme: Colours) -> dict[int, str]:
    """Return the colours in which rising and falling prices can be read on both grounds of a table."""
    inks = {
        sign: legible(colour, theme.text, theme.base, theme.alternate)
        for sign, colour in ((1, market.up), (-1, market.down))
    }
    return {0: "", **{sign: ink.name() for sign, ink in inks.items()}}


def painted(widget: QWidget | None) -> set[str]:
    assert widget is not None
    picture = widget.grab().toImage()
    return {picture.pixelColor(x, y).name() for x in range(picture.width()) for y in range(picture.height())}


@pytest.mark.qasync_loop
async def test_the_language_changes_everywhere_and_in_the_dialog_itself() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        dialog = open_settings(window)
        choose(dialog, "language", Language.KOREAN)
        await turn()
        assert dialog.windowTitle() == "설정"
        label = next(each for each in dialog.findChildren(QLabel) if each.buddy() is dialog.fields["theme"])
        assert label.text() == "테마"
        assert dialog.fields["theme"].accessibleName() == "테마"
        assert window.docks["chart"].windowTitle() == "차트"
        assert "공개" in next(iter(window.bar.lines.values())).text()
        choose(dialog, "language", Language.ENGLISH)
        await turn()
        assert dialog.windowTitle() == "Settings"
        dialog.reject()


@pytest.mark.qasync_loop
async def test_with_reduced_motion_nothing_flashes() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        model = window.watch_list.model

        def flashing() -> bool:
            return any(model.is_flashing(model.row(place)) for place in range(model.rowCount()))

        await until(flashing)
        dialog = open_settings(window)
        switch(dialog, "reduce_motion")
        confirm(dialog)
        prices = [model.row(place).price for place in range(model.rowCount())]
        assert not flashing()
        await until(lambda: [model.row(place).price for place in range(model.rowCount())] != prices)
        assert not flashing()


@pytest.mark.qasync_loop
async def test_the_theme_follows_the_computer_only_where_that_is_wanted() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        hints = QGuiApplication.styleHints()
        assert hints is not None

        def background() -> str:
            return str(window.palette().color(window.backgroundRole()).name())

        for scheme, theme in ((Qt.ColorScheme.Dark, DARK), (Qt.ColorScheme.Light, LIGHT)):
            hints.colorSchemeChanged.emit(scheme)  # what Qt says when the computer's setting is changed
            await until(lambda wanted=theme.window: background() == wanted)  # type: ignore[misc]
        dialog = open_settings(window)
        choose(dialog, "theme", ThemeMode.LIGHT)
        confirm(dialog)
        hints.colorSchemeChanged.emit(Qt.ColorScheme.Dark)
        await turn()
        assert background() == LIGHT.window
