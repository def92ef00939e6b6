"""A curve that is not measured in every frame: the plots scroll by themselves, and nobody asks where a curve ends."""

from __future__ import annotations

import pyqtgraph as pg
from PyQt6.QtCore import QRectF

__all__ = ["Curve"]


class Curve(pg.PlotCurveItem):  # type: ignore[misc]  # pyqtgraph ships no types
    """Takes up what its view shows, and a bit more than a line is wide.

    pyqtgraph looks for the least and the greatest value of each curve whenever its view has moved, which is a fifth of
    a frame here.
    """

    def boundingRect(self) -> QRectF:
        """Return what can be seen, in the curve's own coordinates."""
        view = self.getViewBox()
        if view is None or self.xData is None or not len(self.xData):
            return QRectF()
        seen: QRectF = view.viewRect()
        place = self.pos()
        width, height = seen.width(), seen.height()
        return seen.translated(-place.x(), -place.y()).adjusted(-width, -height, width, height)
