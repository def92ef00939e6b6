"""The bundled typeface: Hangul, Latin and figures of one kind, each digit as wide as the others.

It is Pretendard (SIL Open Font License 1.1, resources/fonts/LICENSE.txt), cut down by tools/typeface.py. Without it Qt
takes Latin from one font of the computer and Hangul from another, and with them two kinds of digits in one line.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING

from PyQt6.QtGui import QFont, QFontDatabase

from upbit_ws_qt import Phrase

from .text import mark, resources
from .tokens import space

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QApplication

__all__ = ["FAMILY", "load_typeface", "use_typeface"]

FAMILY = "Hoga Sans"
_log = logging.getLogger("upbit_ws_qt.desktop")


@cache
def load_typeface() -> bool:
    """Have Qt know the typeface; False where it cannot be had, and the computer's own is used."""
    files = sorted((resources() / "fonts").glob("*.ttf"))
    loaded = [QFontDatabase.addApplicationFont(str(path)) >= 0 for path in files]
    if not loaded or not all(loaded):
        _log.warning("%s", Phrase(mark("the program's typeface could not be loaded; the computer's own is used")))
        return False
    return True


def use_typeface(app: QApplication) -> QFont:
    """Write everything in the bundled typeface, in the size of the density in force; returns the font.

    What it has no sign for (rare syllables, other scripts) comes from the computer's own fonts.
    """
    own = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    font = QFont(own)
    if load_typeface():
        font.setFamilies([FAMILY, *own.families()])
    if own.pointSizeF() > 0:
        font.setPointSizeF(own.pointSizeF() * space().type_share)
    else:
        font.setPixelSize(max(1, round(own.pixelSize() * space().type_share)))
    if font != app.font():
        app.setFont(font)
    return font
