"""What the user chose about looks that no palette carries: the colours of prices, and whether things may move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QCoreApplication, QObject, pyqtSignal
from PyQt6.QtGui import QColor

from widgets.base.theme import MarketColours, MarketScheme, is_dark, market_colours

if TYPE_CHECKING:
    from PyQt6.QtGui import QPalette

__all__ = ["Look", "blend", "look", "market_colours_of"]


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


def blend(over: str, under: str, share: float) -> QColor:
    """Return the opaque colour of `over` laid upon `under` with `share` (0 to 1) of its strength."""
    top, bottom = QColor(over), QColor(under)
    red, green, blue = (
        int(share * a + (1 - share) * b) for a, b in zip(top.getRgb()[:3], bottom.getRgb()[:3], strict=True)
    )
    return QColor(red, green, blue)
