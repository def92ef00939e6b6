"""Icons of our own drawing, in the colours of the theme, and sharp on every screen.

Each is a file of resources/icons in black strokes on a ground of 16 by 16; what is drawn from it is kept, since Qt
remembers the pixels of every new icon.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from PyQt6.QtCore import QByteArray, QRectF, Qt
from PyQt6.QtGui import QColor, QIcon, QPainter, QPixmap
from PyQt6.QtSvg import QSvgRenderer

from .text import resources
from .theme import colours_of
from .tokens import space

if TYPE_CHECKING:
    from PyQt6.QtGui import QPalette

__all__ = ["icon", "icon_names"]

_INK = "#000"
"""What the files are drawn in."""
_RATIOS = (1.0, 1.25, 1.5, 2.0, 3.0)
"""Pixels for a point, of the screens there are; Qt takes the next larger one elsewhere."""


def icon(name: str, palette: QPalette, colour: str = "") -> QIcon:
    """Return an icon for a widget, in the size of the density in force.

    Args:
        name: of the file, without its ending.
        palette: of the widget.
        colour: "#rrggbb"; by default that of the palette's text.

    Raises:
        FileNotFoundError: there is no such icon.
    """
    colours = colours_of(palette)
    return _drawn(name, colour or colours.text, colours.idle, space().icon)


def icon_names() -> list[str]:
    """Return the names of all icons."""
    return sorted(path.stem for path in (resources() / "icons").glob("*.svg"))


@lru_cache(maxsize=256)
def _drawn(name: str, colour: str, disabled: str, side: int) -> QIcon:
    found = QIcon()
    for mode, ink in ((QIcon.Mode.Normal, colour), (QIcon.Mode.Disabled, disabled)):
        for ratio in _RATIOS:
            found.addPixmap(_pixels(name, ink, round(side * ratio)), mode)
    return found


def _pixels(name: str, colour: str, side: int) -> QPixmap:
    text = (resources() / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    drawing = QSvgRenderer(QByteArray(text.replace(f'"{_INK}"', f'"{QColor(colour).name()}"').encode()))
    picture = QPixmap(side, side)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    drawing.render(painter, QRectF(picture.rect()))
    painter.end()
    return picture
