"""Panels in a program with a theme of its own: what a style sheet does not say is made up so that it can be read."""

from __future__ import annotations

import itertools
import runpy
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PyQt6 import sip
from PyQt6.QtCore import QRect
from PyQt6.QtGui import QColor, QPalette
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.showing import shown
from tests.widgets.test_contrast import large, painted_contrast
from upbit_ws_qt import WebSocketType
from widgets import MarketColours, MarketScheme, PanelState, set_price_colours
from widgets.base.contrast import LEAST_CONTRAST, contrast
from widgets.base.look import look
from widgets.base.panel import Panel
from widgets.base.theme import DARK, LIGHT, ThemeMode, apply_theme, colours_of
from widgets.monitor.bar import MonitorBar
from widgets.monitor.table import Column, RecordTable
from widgets.monitor_dock import ConnectionMonitorDock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PyQt6.QtGui import QImage
    from PyQt6.QtWidgets import QApplication

    from upbit_ws_qt import WebSocketService

EXAMPLE = Path(__file__).parents[2] / "examples" / "dashboard.py"
DARK_SHEET = "QWidget { background: #1d2433; color: #dfe6f3; } QToolButton { background: #33405c; }"
LIGHT_SHEET = "QWidget { background: #fdf6e3; color: #073642; } QToolButton { background: #eee8d5; }"
OWN = MarketColours(up="#ff8f66", down="#5cc8ff", flat="#9fb0cf")


@pytest.fixture(params=[(DARK_SHEET, ThemeMode.LIGHT), (LIGHT_SHEET, ThemeMode.DARK)], ids=["dark", "light"])
def styled(qapp: QApplication, request: pytest.FixtureRequest) -> Iterator[QWidget]:
    """A window with a style sheet, in a program that is otherwise the opposite of it."""
    sheet, theme = request.param
    apply_theme(qapp, theme)
    window = QWidget()
    window.setStyleSheet(sheet)
    window.resize(900, 200)
    QVBoxLayout(window)
    yield window
    sip.delete(window)
    apply_theme(qapp, ThemeMode.LIGHT)


@pytest.fixture
def own_prices(qapp: QApplication) -> Iterator[None]:
    """The scheme is put back."""
    yield
    set_price_colours(MarketScheme.KOREAN)


def picture_of(window: QWidget, part: QWidget) -> QImage:
    layout = window.layout()
    assert layout is not None
    layout.addWidget(part)
    window.show()
    return part.grab().toImage()


def test_each_row_of_a_table_can_be_read(styled: QWidget) -> None:
    column: Column[str] = Column("a", lambda record: record)
    table = RecordTable((column,), hash, "Rows", "None", styled)
    large(table)
    table.show_records(["one", "two", "three"])
    for row in range(3):
        table.setRowHeight(row, 50)
    picture = picture_of(styled, table)
    viewport = table.viewport()
    assert viewport is not None
    for row in range(3):
        cell = table.visualRect(table.records.index(row, 0)).intersected(viewport.rect())
        area = QRect(viewport.mapTo(table, cell.topLeft()), cell.size()).adjusted(2, 2, -2, -2)
        assert painted_contrast(picture, area) >= LEAST_CONTRAST, row


def test_what_is_chosen_and_whose_curve_it_is_can_be_seen(styled: QWidget) -> None:
    bar = MonitorBar(styled)
    bar.retranslate()
    picture_of(styled, bar)
    chosen, other = (bar.windows.button(number) for number in (0, 3))
    assert chosen is not None
    assert other is not None
    accent = colours_of(bar.palette()).accent

    def underline(button: QWidget) -> str:
        return button.grab().toImage().pixelColor(button.width() // 2, button.height() - 3).name()

    assert underline(chosen) == accent != underline(other)
    strokes = {box.icon().pixmap(16, 16).toImage().pixelColor(8, 8).name() for box in bar.legend.values()}
    assert strokes == set(colours_of(bar.palette()).lines.values())
    assert len(strokes) == len(WebSocketType)


@pytest.mark.parametrize("grounds", list(itertools.product(("#1d2433", "#fdf6e3", "#808080"), ("#ffffff", "#073642"))))
def test_every_colour_can_be_read_where_the_ink_can(grounds: tuple[str, str]) -> None:
    base, text = grounds
    palette = QPalette()
    for role in (QPalette.ColorRole.Window, QPalette.ColorRole.Base):
        palette.setColor(role, QColor(base))
    palette.setColor(QPalette.ColorRole.Text, QColor(text))
    palette.setColor(QPalette.ColorRole.AlternateBase, QColor("#ffffff" if text == "#ffffff" else "#000000"))
    colours = colours_of(palette)
    assert (colours.window, colours.base, colours.text) == (base, base, text)
    told = {name: value for name, value in asdict(colours).items() if name in ("muted", "good", "warn", "bad", "idle")}
    for ground in (colours.base, colours.alternate, colours.chosen):
        best = contrast(QColor(text), QColor(ground))
        for name, colour in (*told.items(), *colours.lines.items()):
            assert contrast(QColor(colour), QColor(ground)) >= min(LEAST_CONTRAST, best) - 0.01, (name, ground)


def test_our_own_palettes_have_our_own_colours(qapp: QApplication) -> None:
    try:
        assert (apply_theme(qapp, ThemeMode.DARK), colours_of(qapp.palette())) == (DARK, DARK)
    finally:
        apply_theme(qapp, ThemeMode.LIGHT)
    assert colours_of(qapp.palette()) is LIGHT


@pytest.mark.usefixtures("own_prices")
def test_price_colours_are_chosen_from_code(qapp: QApplication) -> None:
    changes: list[None] = []
    look().changed.connect(lambda: changes.append(None))
    set_price_colours(OWN)
    set_price_colours(OWN)
    assert look().market_colours(qapp.palette()) == OWN
    set_price_colours(MarketScheme.WESTERN)
    assert look().market_colours(qapp.palette()) != OWN
    assert len(changes) == 2
    with pytest.raises(ValueError, match="'reddish' is no colour"):
        set_price_colours(MarketColours("reddish", "#0000ff", "#888888"))


@pytest.mark.usefixtures("own_prices")
@served()
async def test_the_dashboard_of_the_examples_is_one_picture(service: WebSocketService) -> None:
    example = runpy.run_path(str(EXAMPLE))
    window = example["dashboard"](service, "KRW-BTC")
    window.setStyleSheet(example["THEME"])
    set_price_colours(OWN)
    async with shown(window, 1280, 860):
        panels = window.findChildren(Panel)
        assert len(panels) == 3
        await until(lambda: all(panel.state is PanelState.LIVE for panel in panels))
        [dock] = window.findChildren(ConnectionMonitorDock)
        assert all(panel.market_colours == OWN for panel in panels)
        assert dock.panel.plots.grab().toImage().pixelColor(80, 60).name() == "#1d2433"
