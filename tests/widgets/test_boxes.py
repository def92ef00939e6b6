"""An empty box looks empty, in the dark too."""

from __future__ import annotations

import pytest
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QApplication, QCheckBox, QMenu

from tests.widgets.showing import shown
from widgets.base.theme import DARK, LIGHT, ThemeMode, apply_theme


def _light(colour: QColor) -> float:
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour.getRgbF()[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: QColor, other: QColor) -> float:
    high, low = sorted((_light(one), _light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.qasync_loop
@pytest.mark.parametrize("mode", [ThemeMode.LIGHT, ThemeMode.DARK])
async def test_an_empty_box_is_a_frame_around_the_ground_of_its_window(mode: ThemeMode) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    apply_theme(app, mode)
    colours = DARK if mode is ThemeMode.DARK else LIGHT
    try:
        async with shown(QCheckBox("x"), 60, 24) as box:
            style = box.style()
            assert style is not None
            empty = box.grab().toImage()
            row = [empty.pixelColor(x, 12) for x in range(24)]
            ground = QColor(colours.window)
            inside = row[8]
            assert contrast(inside, ground) < 1.35, "it is not filled"
            assert max(contrast(colour, ground) for colour in row) >= 3, "its frame can be seen"
            box.setChecked(True)
            full = box.grab().toImage()
            marked = [full.pixelColor(x, y) for x in range(2, 14) for y in range(6, 18)]
            assert max(contrast(colour, inside) for colour in marked) >= 4.5, "the mark can be seen"
    finally:
        apply_theme(app, ThemeMode.LIGHT)


@pytest.mark.qasync_loop
@pytest.mark.qt_log_ignore("does not support grabbing the keyboard", extend=True)  # offscreen
@pytest.mark.parametrize("mode", [ThemeMode.LIGHT, ThemeMode.DARK])
async def test_a_menu_and_an_empty_box_in_it_have_an_edge(mode: ThemeMode) -> None:
    """On a dark panel a menu could not be told from what it lies on."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    apply_theme(app, mode)
    colours = DARK if mode is ThemeMode.DARK else LIGHT
    menu = QMenu()
    action = menu.addAction("x")
    assert action is not None
    action.setCheckable(True)
    try:
        async with shown(menu, 80, 30):
            menu.resize(menu.sizeHint())
            picture = menu.grab().toImage()
            middle = picture.height() // 2
            for ground in (colours.base, colours.window):
                assert contrast(picture.pixelColor(0, middle), QColor(ground)) >= 3, "its edge can be seen"
            inside = [picture.pixelColor(x, middle) for x in range(3, 20)]
            back = picture.pixelColor(picture.width() - 4, middle)
            assert max(contrast(colour, back) for colour in inside) >= 3, "the frame of the box can be seen"
    finally:
        apply_theme(app, ThemeMode.LIGHT)
