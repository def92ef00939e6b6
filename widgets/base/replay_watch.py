"""Whether a service plays a recording, and when its time is set: what panels show then is of another moment."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, pyqtSignal

if TYPE_CHECKING:
    from upbit_ws_qt import ReplayClock, WebSocketService

__all__ = ["ReplayWatch", "replay_watch", "wall_clock"]


class ReplayWatch(QObject):
    """Listens to the clock of a replay; one for each service, made by `replay_watch`.

    Signals:
        timeSet: the clock was set to another moment, whose state comes next.
        changed: the clock was paused, resumed, sped up, set, or is at its end.
    """

    timeSet = pyqtSignal()
    changed = pyqtSignal()

    def __init__(self, service: WebSocketService, clock: ReplayClock) -> None:
        super().__init__(service)
        self._clock = clock
        self._times_set = clock.times_set
        clock.add_listener(self._on_clock)

    def _on_clock(self) -> None:
        if self._clock.times_set != self._times_set:
            self._times_set = self._clock.times_set
            self.timeSet.emit()
        self.changed.emit()


def replay_watch(service: WebSocketService) -> ReplayWatch | None:
    """Return the one watch of a service that plays a recording; None for a live one."""
    clock = service.clock
    if clock is None:
        return None
    return next(iter(service.findChildren(ReplayWatch)), None) or ReplayWatch(service, clock)


def wall_clock(service: WebSocketService) -> float:
    """Return the time that a service's data are of: now, or the present moment of a replay; seconds since 1970."""
    clock = service.clock
    return time.time() if clock is None else clock.now
