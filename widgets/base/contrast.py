"""Whether a text can be read on its ground, and the nearest colour with which it can."""

from __future__ import annotations

from PyQt6.QtGui import QColor

__all__ = ["LEAST_CONTRAST", "blend", "contrast", "legible"]

LEAST_CONTRAST = 4.5
"""Of a text with what is behind it."""
_STEPS = 40


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


def blend(over: str, under: str, share: float) -> QColor:
    """Return the opaque colour of `over` laid upon `under` with `share` (0 to 1) of its strength."""
    top, bottom = QColor(over), QColor(under)
    red, green, blue = (
        int(share * a + (1 - share) * b) for a, b in zip(top.getRgb()[:3], bottom.getRgb()[:3], strict=True)
    )
    return QColor(red, green, blue)


def _luminance(colour: QColor) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in (colour.redF(), colour.greenF(), colour.blueF())
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
