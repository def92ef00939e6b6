"""The colours of curves and shares: as many hues as one can tell apart, none of them a rising or falling price's."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from PyQt6.QtGui import QColor

from .look import legible

if TYPE_CHECKING:
    from .theme import Colours

__all__ = ["CURVE_COLOURS", "curve_colour"]

CURVE_COLOURS = 8
"""So many colours there are to choose from; files know them by number, since each theme has its own."""

_HUES = (38, 285, 150, 190, 320, 22, 255)  # degrees: red and blue are those of prices
_SATURATION = 0.75
_LIGHTNESS = {False: 0.42, True: 0.62}


def curve_colour(number: int, colours: Colours) -> QColor:
    """Return a colour by number, legible on the ground of a theme's plots; the last one is grey."""
    return QColor(_curve_colour(number % CURVE_COLOURS, colours.dark, colours.muted, colours.text, colours.base))


@lru_cache(maxsize=256)
def _curve_colour(number: int, dark: bool, muted: str, text: str, base: str) -> str:
    if number >= len(_HUES):
        return muted
    hue = QColor.fromHslF(_HUES[number] / 360, _SATURATION, _LIGHTNESS[dark])
    return legible(hue.name(), text, base).name()
