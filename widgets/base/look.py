"""What the user chose about looks that no palette carries: the colours of prices, and whether things may move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QCoreApplication, QObject, Qt, pyqtSignal
from PyQt6.QtGui import QBrush, QColor

from .theme import MarketColours, MarketScheme, is_dark, market_colours

if TYPE_CHECKING:
    from PyQt6.QtCore import QRect
    from PyQt6.QtGui import QPainter, QPalette

__all__ = ["LEAST_CONTRAST", "Look", "blend", "contrast", "legible", "look", "market_colours_of", "paint_hatching"]

LEAST_CONTRAST = 4.5
"""Of a text with what is behind it."""
_STEPS = 40


class Look(QObject):
    """Shared by all widgets of the program; see `look()`.

    Signals:
        changed: draw everything anew.
    """

    changed = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._scheme = MarketScheme.KOREAN
        self._reduce_motion = False

    @property
    def scheme(self) -> MarketScheme:
        """Which colours prices rise and fall in."""
        return self._scheme

    @property
    def reduce_motion(self) -> bool:
        """Whether nothing may flash or slide."""
        return self._reduce_motion

    def choose(self, *, scheme: MarketScheme | None = None, reduce_motion: bool | None = None) -> None:
        """Change some of it, live."""
        wanted = (scheme or self._scheme, self._reduce_motion if reduce_motion is None else reduce_motion)
        if wanted != (self._scheme, self._reduce_motion):
            self._scheme, self._reduce_motion = wanted
            self.changed.emit()


def look() -> Look:
    """Return the one look of the program; it belongs to the QApplication."""
    app = QCoreApplication.instance()
    if app is None:
        raise RuntimeError("make the QApplication first")
    found = app.findChildren(Look)
    return found[0] if found else Look(app)


def market_colours_of(palette: QPalette) -> MarketColours:
    """Return the chosen colours of rising and falling prices that fit a widget's palette."""
    return market_colours(look().scheme, dark=is_dark(palette))


def contrast(one: QColor, other: QColor) -> float:
    """Return the ratio of contrast of two colours as WCAG has it, 1 to 21; texts need 4.5."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def legible(colour: str, ink: str, *grounds: str | QColor) -> QColor:
    """Return `colour` or, where it cannot be read on one of the grounds, the nearest one towards `ink` that can."""
    for step in range(_STEPS + 1):
        found = blend(ink, colour, step / _STEPS)
        if all(contrast(found, QColor(ground)) >= LEAST_CONTRAST for ground in grounds):
            break
    return found


def paint_hatching(painter: QPainter, area: QRect, colour: str) -> None:
    """Hatch what is out of date: its colours stay readable, and it is known at a glance."""
    painter.fillRect(area, QBrush(QColor(colour), Qt.BrushStyle.BDiagPattern))


def _luminance(colour: QColor) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in (colour.redF(), colour.greenF(), colour.blueF())
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def blend(over: str, under: str, share: float) -> QColor:
    """Return the opaque colour of `over` laid upon `under` with `share` (0 to 1) of its strength."""
    top, bottom = QColor(over), QColor(under)
    red, green, blue = (
        int(share * a + (1 - share) * b) for a, b in zip(top.getRgb()[:3], bottom.getRgb()[:3], strict=True)
    )
    return QColor(red, green, blue)
