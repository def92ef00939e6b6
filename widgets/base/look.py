"""What the user chose about looks that no palette carries: colours of prices, density, whether things may move."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from PyQt6.QtCore import QCoreApplication, QObject, QPointF, Qt, pyqtSignal
from PyQt6.QtGui import QBrush, QColor, QImage, QPainter, QPen

from .contrast import LEAST_CONTRAST, blend, contrast, legible
from .theme import MarketColours, MarketScheme, is_dark, market_colours
from .tokens import HAIRLINE, HATCH, Density, density, set_density

if TYPE_CHECKING:
    from PyQt6.QtCore import QRect
    from PyQt6.QtGui import QPalette

__all__ = [
    "LEAST_CONTRAST",
    "Look",
    "blend",
    "contrast",
    "legible",
    "look",
    "market_colours_of",
    "paint_hatching",
    "set_price_colours",
]


class Look(QObject):
    """Shared by all widgets of the program; see `look()`.

    Signals:
        changed: draw everything anew.
    """

    changed = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._scheme = MarketScheme.KOREAN
        self._own: MarketColours | None = None
        self._reduce_motion = False

    @property
    def scheme(self) -> MarketScheme:
        """Which colours prices rise and fall in."""
        return self._scheme

    @property
    def reduce_motion(self) -> bool:
        """Whether nothing may flash or slide."""
        return self._reduce_motion

    @property
    def density(self) -> Density:
        """How much there is on a screen."""
        return density()

    def choose(
        self,
        *,
        scheme: MarketScheme | None = None,
        reduce_motion: bool | None = None,
        density: Density | None = None,
    ) -> None:
        """Change some of it, live; for another size of type, too, `use_typeface` has to follow."""
        own = self._own if scheme is None else None
        reduced = self._reduce_motion if reduce_motion is None else reduce_motion
        self._change(scheme or self._scheme, own, reduced, density or self.density)

    def choose_own(self, colours: MarketColours) -> None:
        """Show rising and falling prices in a program's own colours, until a scheme is chosen again."""
        self._change(self._scheme, colours, self._reduce_motion, self.density)

    def market_colours(self, palette: QPalette) -> MarketColours:
        """Return the chosen colours of rising and falling prices that fit a widget's palette."""
        return self._own or market_colours(self._scheme, dark=is_dark(palette))

    def _change(
        self, scheme: MarketScheme, own: MarketColours | None, reduce_motion: bool, wanted_density: Density
    ) -> None:
        wanted = (scheme, own, reduce_motion, wanted_density)
        if wanted != (self._scheme, self._own, self._reduce_motion, self.density):
            self._scheme, self._own, self._reduce_motion = scheme, own, reduce_motion
            set_density(wanted_density)
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
    return look().market_colours(palette)


def set_price_colours(colours: MarketScheme | MarketColours) -> None:
    """Choose the colours of rising and falling prices in all panels of the program, live.

    Where a colour cannot be read on a panel's ground, the nearest one that can is painted.

    Example:
        >>> set_price_colours(MarketColours(up="#ff8f66", down="#5cc8ff", flat="#9fb0cf"))
        >>> set_price_colours(MarketScheme.KOREAN)

    Args:
        colours: one of three schemes, each of which has colours for light and for dark themes, or colours of your own
            that fit your theme.

    Raises:
        ValueError: a colour that Qt does not know.
        RuntimeError: there is no QApplication yet.
    """
    if isinstance(colours, MarketColours):
        for name in (colours.up, colours.down, colours.flat):
            if not QColor.isValidColorName(name):
                raise ValueError(f"{name!r} is no colour; expected one such as '#ff8f66'")
        look().choose_own(colours)
    else:
        look().choose(scheme=MarketScheme(colours))


def paint_hatching(painter: QPainter, area: QRect, colour: str) -> None:
    """Hatch what is out of date: its colours stay readable, and it is known at a glance."""
    device = painter.device()
    ratio = 1.0 if device is None else device.devicePixelRatio()
    painter.fillRect(area, QBrush(_hatching(colour, ratio)))


@lru_cache(maxsize=32)
def _hatching(colour: str, ratio: float) -> QImage:
    """Return a tile of slanted strokes; Qt's own pattern is laid out in pixels, however fine these are."""
    side = round(HATCH * ratio)
    tile = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    tile.fill(Qt.GlobalColor.transparent)
    painter = QPainter(tile)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, ratio != 1)
    painter.setPen(QPen(QColor(colour), HAIRLINE * ratio))
    for start in (-side, 0, side):  # what leaves the tile on one side comes in on the other
        painter.drawLine(QPointF(start, side), QPointF(start + side, 0))
    painter.end()
    tile.setDevicePixelRatio(side / HATCH)
    return tile
