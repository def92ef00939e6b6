"""The lengths of the chart, from the size of its type and the density in force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.tokens import NEAR, STROKE, space

if TYPE_CHECKING:
    from PyQt6.QtGui import QFontMetrics

__all__ = ["Measures"]


@dataclass(frozen=True, slots=True)
class Measures:
    """Lengths in pixels.

    Attributes:
        line: a line of text.
        half: between things that belong together.
        air: beside a text.
        axis: height of the times below the panes.
        tag: height of a tag on an axis.
        near: so near the mouse is at a thing.
        mark: side of a small mark, such as the dot of a stop.
        apart: between round times, at least.
    """

    line: int
    half: int
    air: int
    axis: int
    tag: int
    near: int
    mark: float
    apart: int

    @classmethod
    def of(cls, metrics: QFontMetrics) -> Measures:
        """Return those for a font."""
        now, line = space(), metrics.height()
        widest = metrics.horizontalAdvance("00-00 00:00")
        return cls(
            line + now.tiny, now.tiny, now.tiny + now.small, line + now.row, line + now.tiny, NEAR, STROKE,
            widest + now.medium,
        )  # fmt: skip
