"""Icons are sharp on every screen, and in the colours of the theme."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from PyQt6.QtCore import QSize
from PyQt6.QtGui import QColor, QIcon, QPalette

from widgets.base.icons import icon, icon_names
from widgets.base.text import resources
from widgets.base.theme import DARK, LIGHT, ThemeMode, apply_theme

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PyQt6.QtGui import QImage
    from PyQt6.QtWidgets import QApplication


@pytest.fixture
def themes(qapp: QApplication) -> Iterator[QApplication]:
    yield qapp
    apply_theme(qapp, ThemeMode.LIGHT)


def inks(picture: QImage) -> set[str]:
    """Return the colours of what is wholly covered."""
    pixels = (picture.pixelColor(x, y) for x in range(picture.width()) for y in range(picture.height()))
    return {pixel.name() for pixel in pixels if pixel.alpha() == 255}


@pytest.mark.parametrize("name", icon_names())
@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_each_has_a_pixel_for_each_pixel_of_the_screen(themes: QApplication, name: str, ratio: float) -> None:
    """One that is enlarged is blurred."""
    drawn = icon(name, themes.palette()).pixmap(QSize(16, 16), ratio)
    assert drawn.size() == QSize(round(16 * ratio), round(16 * ratio))
    assert any(drawn.toImage().pixelColor(x, y).alpha() for x in range(drawn.width()) for y in range(drawn.height()))


@pytest.mark.parametrize(("theme", "colours"), [(ThemeMode.LIGHT, LIGHT), (ThemeMode.DARK, DARK)])
def test_they_follow_the_theme(themes: QApplication, theme: ThemeMode, colours: object) -> None:
    apply_theme(themes, theme)
    ours = DARK if theme is ThemeMode.DARK else LIGHT
    made = icon("play", themes.palette())
    assert inks(made.pixmap(QSize(16, 16), 3.0).toImage()) == {ours.text}
    assert inks(made.pixmap(QSize(16, 16), 3.0, QIcon.Mode.Disabled).toImage()) == {ours.idle}
    assert inks(icon("play", themes.palette(), ours.bad).pixmap(QSize(16, 16), 3.0).toImage()) == {ours.bad}


def test_one_is_drawn_once(qapp: QApplication) -> None:
    """Qt keeps the pixels of every icon that is new to it."""
    palette = QPalette(qapp.palette())
    assert icon("close", palette).cacheKey() == icon("close", QPalette(palette)).cacheKey()
    palette.setColor(QPalette.ColorRole.Text, QColor("#123456"))
    assert icon("close", palette).cacheKey() != icon("close", qapp.palette()).cacheKey()


def test_one_that_is_not_there_is_said_at_once(qapp: QApplication) -> None:
    with pytest.raises(FileNotFoundError):
        icon("no such thing", qapp.palette())


@pytest.mark.parametrize("name", icon_names())
def test_the_files_are_drawn_on_one_ground_in_one_ink(name: str) -> None:
    root = ElementTree.parse(resources() / "icons" / f"{name}.svg").getroot()  # noqa: S314 - our own file
    assert root.get("viewBox") == "0 0 16 16"
    for part in root.iter():
        for key in ("fill", "stroke"):
            assert part.get(key, "none") in ("none", "#000"), (name, part.tag)
