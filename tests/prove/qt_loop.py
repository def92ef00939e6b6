"""The loop that Qt drives, in simulated time: Qt's own event loop turns, and an hour passes when it has nothing to do.

It is the product's own loop (qasync with what `upbit_ws_qt.qt` puts before it) on Qt's real event dispatcher: each call
comes by one of Qt's timer events, deferred deletes and posted events come in between. Only waiting is not real: what is
due later stands in a list here, and when Qt is about to block the clock jumps to the first of it. Qt's timers that a
program starts by itself (`QTimer`) go by real time; `upbit_ws_qt.qt` has none.
"""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QAbstractEventDispatcher

from tests.prove.loop import TURN, DeadlockError, SimulatedSockets
from tests.prove.network import Network
from upbit_ws_qt.qt.loop import QtLoop

if TYPE_CHECKING:
    import asyncio
    from random import Random

    from PyQt6.QtCore import QCoreApplication

__all__ = ["SimulatedQtLoop"]

CALM_LOOKS = 2
"""Times that Qt has to be about to block with nothing in between: some of its dispatchers say so too early."""


class SimulatedQtLoop(SimulatedSockets, QtLoop):
    """Qt's loop with a clock and a network of its own.

    Args:
        app: the program's.
        random: of the network.
        start: its first time, seconds.
    """

    def __init__(self, app: QCoreApplication, random: Random, start: float = 1000.0) -> None:
        self._now = start
        self._later: list[tuple[float, int, asyncio.Handle]] = []
        self._count = itertools.count()
        self._calm = 0
        self.jumps = 0
        self.deadlock: DeadlockError | None = None
        self._app = app
        super().__init__()
        self.network = Network(self, random)
        dispatcher = QAbstractEventDispatcher.instance()
        assert dispatcher is not None
        self._dispatcher = dispatcher
        dispatcher.aboutToBlock.connect(self._on_about_to_block)

    def time(self) -> float:
        """Return the simulated seconds."""
        return self._now

    def pass_time(self, seconds: float) -> None:
        """Let some seconds pass at once."""
        self._now += seconds

    def timers(self) -> list[asyncio.Handle]:
        """Return what is to be called later."""
        return [handle for _, _, handle in self._later if not handle.cancelled()]

    def close(self) -> None:
        """Let go of Qt."""
        if not self.is_closed():
            self._dispatcher.aboutToBlock.disconnect(self._on_about_to_block)
            self._later.clear()
        super().close()

    def _add_callback(self, handle: asyncio.Handle, delay: float = 0) -> asyncio.Handle:
        """Have Qt call what is due now; keep what is due later. Qt's timers count in whole milliseconds."""
        delay = int(max(0.0, delay) * 1000) / 1000
        if not delay:
            return super()._add_callback(handle, 0)  # type: ignore[no-any-return]
        heapq.heappush(self._later, (self._now + delay, next(self._count), handle))
        return handle

    def _is_idle(self) -> bool:
        turns: Any = getattr(self.call_soon, "__self__", None)
        return not (self._timer._SimpleTimer__callbacks or getattr(turns, "_due", None))

    def _on_about_to_block(self) -> None:
        if not self.is_running():
            return
        self._now += TURN
        self._calm = self._calm + 1 if self._is_idle() else 0
        if self._calm and self._calm < CALM_LOOKS:
            self._dispatcher.wakeUp()
        elif self._calm:
            self._calm = 0
            self._jump()

    def _jump(self) -> None:
        """Let the time pass until the first call that is due later."""
        while self._later and self._later[0][2].cancelled():
            heapq.heappop(self._later)
        if not self._later:
            self.deadlock = DeadlockError("everything waits, and nothing is going to happen")
            self.stop()
            return
        self.jumps += 1
        self._now = max(self._now, self._later[0][0])
        while self._later and self._later[0][0] <= self._now:
            _, _, handle = heapq.heappop(self._later)
            if not handle.cancelled():
                super()._add_callback(handle, 0)
