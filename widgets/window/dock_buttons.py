"""The small buttons in the title bars of docks, in the theme's colours: Fusion's own can hardly be seen on dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap, QPolygonF
from PyQt6.QtWidgets import QAbstractButton

from ..base.theme import colours_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from PyQt6.QtWidgets import QDockWidget

__all__ = ["draw_buttons"]

_SIDE = 16
_DENSITY = 3  # pixels for a point: enough for any screen


def draw_buttons(dock: QDockWidget, signs: dict[tuple[str, str], QIcon]) -> None:
    """Give the buttons of a dock their signs; again when the theme changes, and when Qt has put its own there.

    What is drawn is kept in `signs` and used again: Qt remembers the pixels of every new icon, up to 10 MiB of them.
    """
    colour = colours_of(dock.palette()).muted
    for name, draw in (("float", _draw_windows), ("close", _draw_cross)):
        button = dock.findChild(QAbstractButton, f"qt_dockwidget_{name}button")
        if button is not None:
            sign = signs.get((name, colour))
            if sign is None:
                sign = signs[name, colour] = _icon(QColor(colour), draw)
            button.setIcon(sign)


def _icon(colour: QColor, draw: Callable[[QPainter], None]) -> QIcon:
    picture = QPixmap(_SIDE * _DENSITY, _SIDE * _DENSITY)
    picture.setDevicePixelRatio(_DENSITY)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour, 1.7))
    draw(painter)
    painter.end()
    return QIcon(picture)


def _draw_cross(painter: QPainter) -> None:
    painter.drawLine(QPointF(3, 3), QPointF(13, 13))
    painter.drawLine(QPointF(13, 3), QPointF(3, 13))


def _draw_windows(painter: QPainter) -> None:
    """Draw one window before another."""
    painter.drawRect(QRectF(2, 6, 8, 8))
    painter.drawPolyline(QPolygonF([QPointF(6, 5.5), QPointF(6, 2), QPointF(14, 2), QPointF(14, 10),
                                    QPointF(10.5, 10)]))  # fmt: skip
