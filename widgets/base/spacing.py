"""Layouts that follow the density: what is between their parts and around them, live."""

from __future__ import annotations

from enum import StrEnum

from PyQt6.QtCore import QObject, pyqtSlot
from PyQt6.QtWidgets import QFormLayout, QGridLayout, QLayout

from .look import look
from .tokens import space

__all__ = ["Step", "spaced"]


class Step(StrEnum):
    """The names of the lengths of `Space`."""

    NONE = "none"
    TINY = "tiny"
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"
    HUGE = "huge"


def spaced(
    layout: QLayout,
    gap: Step | None = Step.SMALL,
    sides: Step | None = Step.NONE,
    ends: Step | None = None,
    *,
    across: Step | None = None,
) -> None:
    """Give a layout its spaces, now and whenever another density is chosen.

    Args:
        layout: which; it may belong to no widget yet.
        gap: between its parts; None leaves it to the style.
        sides: left and right of them; None leaves all four margins to the style.
        ends: above and below; by default as `sides`.
        across: between the columns of a grid or a form; by default as `gap`.
    """
    _Spaced(layout, gap, sides, sides if ends is None else ends, gap if across is None else across)


class _Spaced(QObject):
    """Goes with its layout."""

    def __init__(
        self, layout: QLayout, gap: Step | None, sides: Step | None, ends: Step | None, across: Step | None
    ) -> None:
        super().__init__(layout)
        self._layout, self._gap, self._sides, self._ends, self._across = layout, gap, sides, ends, across
        look().changed.connect(self._apply)
        self._apply()

    @pyqtSlot()
    def _apply(self) -> None:
        layout, now = self._layout, space()
        if self._gap is not None:
            gap = getattr(now, self._gap)
            if isinstance(layout, (QGridLayout, QFormLayout)):
                layout.setHorizontalSpacing(getattr(now, self._across or self._gap))
                layout.setVerticalSpacing(gap)
            else:
                layout.setSpacing(gap)
        if self._sides is not None and self._ends is not None:
            sides, ends = getattr(now, self._sides), getattr(now, self._ends)
            layout.setContentsMargins(sides, ends, sides, ends)
