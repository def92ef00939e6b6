"""How the monitor looks: room for its host, small windows, light and dark, Korean and English, keyboard and names."""

from __future__ import annotations

import ast
import json
import string
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QPalette
from PyQt6.QtWidgets import QAbstractButton, QApplication, QMainWindow, QScrollArea, QTextEdit, QWidget

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.monitor_window import PUBLIC, SCORE, shown, text
from widgets.base.text import Language, resources, set_language
from widgets.base.theme import DARK, LIGHT, ThemeMode, apply_theme
from widgets.monitor_dock import ConnectionMonitorDock

if TYPE_CHECKING:
    from upbit_ws_qt import WebSocketService, WebSocketType

ROOT = Path(__file__).parents[2]
_SIGN = Qt.ToolButtonStyle.ToolButtonIconOnly


@served()
async def test_docked_it_leaves_its_host_the_greater_part_and_can_be_read(service: WebSocketService) -> None:
    window, central = QMainWindow(), QTextEdit()
    dock = ConnectionMonitorDock(service)
    window.setCentralWidget(central)
    window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
    window.resize(1100, 700)
    window.show()
    try:
        await until(lambda: dock.panel.height() > 200 and central.height() > 0)
        assert central.height() >= 240
        assert dock.panel.plots.height() >= dock.panel.plots.minimumHeight()
        assert not _is_scrolled(dock, Qt.Orientation.Vertical)  # nothing of it is hidden
        assert dock.minimumSizeHint().height() < 200  # a person may make it as low as they like
    finally:
        window.close()
        window.deleteLater()


@pytest.mark.parametrize("language", [Language.ENGLISH, Language.KOREAN])
@served()
async def test_nothing_is_cut_off_or_scrolls_sideways_where_it_need_not(
    service: WebSocketService, language: Language
) -> None:
    set_language(language)
    try:
        with shown(service) as dock:
            dock.panel.show_last("x" * 500)  # a long text asks for no width
            window, table = dock.window(), dock.panel.table
            assert window is not None
            for size in ((1100, 780), (1600, 420), (700, 600)):
                window.resize(*size)
                await until(partial(_is_laid_out, dock, size[0]))
                assert not _is_scrolled(dock, Qt.Orientation.Horizontal), size
                assert dock.panel.legend[PUBLIC].isVisible()
                header = table.horizontalHeader()
                assert header is not None
                bar = table.horizontalScrollBar()
                assert bar is not None
                assert (bar.maximum() > 0) is (header.length() > table.width() - 2 * table.frameWidth()), size
                assert bar.maximum() == 0 or size[0] < 1100
                worded = {name for name, each in dock.panel.buttons.items() if each.toolButtonStyle() != _SIGN}
                assert worded == (set(dock.panel.buttons) if size[0] >= 900 else set())
    finally:
        set_language(Language.ENGLISH)


@served()
async def test_language_and_theme_change_live(service: WebSocketService) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    palette = app.palette()
    try:
        with shown(service) as dock:
            for mode, colours in ((ThemeMode.LIGHT, LIGHT), (ThemeMode.DARK, DARK), (ThemeMode.LIGHT, LIGHT)):
                apply_theme(app, mode)
                await until(partial(_has_background, dock, colours.base))
                chosen, other = dock.panel.windows.button(0), dock.panel.windows.button(1)
                assert chosen is not None
                assert other is not None
                assert _colour(chosen, QPalette.ColorRole.Button) == colours.accent  # seen on dark, too
                assert _colour(other, QPalette.ColorRole.Button) != colours.accent
                await until(partial(_has_strokes, dock, colours.lines))
                assert _sign_colour(dock.panel.buttons["pause"]) == QColor(colours.text)
            set_language(Language.KOREAN)
            await until(lambda: dock.windowTitle() == "연결 모니터")
            assert dock.panel.tabs.tabText(0) == "구성 요소"
            assert text(dock, PUBLIC, 0) == "○ 공개"
            assert dock.panel.lines.headerData(SCORE, Qt.Orientation.Horizontal) == "점수"
            set_language(Language.ENGLISH)
            await until(lambda: dock.windowTitle() == "Connection monitor")
    finally:
        set_language(Language.ENGLISH)
        app.setPalette(palette)


@served()
async def test_the_count_of_alerts_outlives_a_change_of_language(service: WebSocketService) -> None:
    with shown(service) as dock:
        dock.panel.show_alert_count(3)
        try:
            set_language(Language.KOREAN)
            dock.panel.retranslate()
            assert dock.panel.tabs.tabText(1) == "경보 (3)"
        finally:
            set_language(Language.ENGLISH)


@served()
async def test_everything_is_reached_by_keyboard_and_has_a_name(service: WebSocketService) -> None:
    with shown(service) as dock:
        nameless = [
            widget
            for widget in dock.panel.findChildren(QWidget)
            if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
            and not widget.accessibleName()
            and not (isinstance(widget, QAbstractButton) and widget.text())
            and not widget.objectName().startswith("qt_")
            and widget.window() is dock.window()  # a box's list is a window of its own
        ]
        assert nameless == []
        for name in ("pause", "reset", "csv", "png", "copy"):
            assert dock.panel.buttons[name].focusPolicy() & Qt.FocusPolicy.TabFocus


def test_every_text_of_the_monitor_has_a_korean_one_with_the_same_places() -> None:
    korean: dict[str, str | list[str]] = {}
    for path in (resources() / "translations" / "ko").glob("*.json"):
        korean.update(json.loads(path.read_text(encoding="utf-8")))
    found: set[str] = set()
    for path in (ROOT / "widgets" / "monitor_dock.py", *(ROOT / "widgets" / "monitor").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("tr", "mark"):
                found |= {
                    part.value
                    for part in ast.walk(node.args[0])
                    if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value
                }
    assert len(found) > 100
    assert found <= korean.keys()
    for english in found:
        translated = korean[english]
        for each in [translated] if isinstance(translated, str) else translated:
            assert sorted(_places(english)) == sorted(_places(each)), english


def _places(template: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(template) if name] + ["%n"] * template.count("%n")


def _is_scrolled(dock: ConnectionMonitorDock, orientation: Qt.Orientation) -> bool:
    area = dock.widget()
    assert isinstance(area, QScrollArea)
    bar = area.horizontalScrollBar() if orientation is Qt.Orientation.Horizontal else area.verticalScrollBar()
    assert bar is not None
    return bar.maximum() > 0


def _is_laid_out(dock: ConnectionMonitorDock, width: int) -> bool:
    """Whether a window's new width has come to the panel; where there is little height, beside a vertical bar."""
    area = dock.widget()
    assert isinstance(area, QScrollArea)
    view = area.viewport()
    assert view is not None
    return area.width() == width and dock.panel.width() == view.width()


def _has_strokes(dock: ConnectionMonitorDock, colours: dict[WebSocketType, str]) -> bool:
    strokes = {line: box.icon().pixmap(16, 16).toImage().pixelColor(8, 8) for line, box in dock.panel.legend.items()}
    return strokes == {line: QColor(colour) for line, colour in colours.items()}


def _has_background(dock: ConnectionMonitorDock, colour: str) -> bool:
    return str(dock.panel.plots._canvas.backgroundBrush().color().name()) == colour


def _colour(widget: QWidget, role: QPalette.ColorRole) -> str:
    return widget.palette().color(role).name()


def _sign_colour(button: QAbstractButton) -> QColor:
    """Return the colour of the two bars of the sign."""
    return button.icon().pixmap(16, 16).toImage().pixelColor(5, 8)
