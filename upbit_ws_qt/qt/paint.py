"""How long windows take for painting, seen from outside: by the one event in which Qt paints a whole window."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, ClassVar

from PyQt6.QtCore import QCoreApplication, QEvent, QObject

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PaintMeter"]


class PaintMeter(QObject):
    """Times the painting of windows; made by `WebSocketService.measure_painting()`, and measures until closed.

    Only top-level windows are watched: Qt sends each one UpdateRequest when something in it has to be drawn, and draws
    all of it before that call returns. A filter on every widget's Paint would cost more than it tells.

    Attributes:
        seconds: spent on painting so far.
        paints: how often a window was painted.
    """

    _painting: ClassVar[bool] = False  # two meters, or a window painted from inside another's painting, count once

    def __init__(self, on_painted: Callable[[float], None]) -> None:
        super().__init__()
        self._on_painted: Callable[[float], None] | None = on_painted
        self.seconds = 0.0
        self.paints = 0

    def watch(self, window: QObject) -> None:
        """Time a top-level window from now on; one that is watched already stays so."""
        if self._on_painted is not None:
            window.installEventFilter(self)

    def close(self) -> None:
        """Measure no more; idempotent. The windows let go of a closed meter when it is deleted."""
        self._on_painted = None

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Deliver a window's UpdateRequest and see how long it took."""
        if event is None or event.type() != QEvent.Type.UpdateRequest:
            return False
        if watched is None or self._on_painted is None or PaintMeter._painting:
            return False
        PaintMeter._painting = True
        began = perf_counter()
        try:
            QCoreApplication.sendEvent(watched, event)  # other filters see it too
        finally:
            PaintMeter._painting = False
            took = perf_counter() - began
            self.seconds += took
            self.paints += 1
            if self._on_painted is not None:
                self._on_painted(took)
        return True
