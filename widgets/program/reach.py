"""Whether a host can be reached again: asked now and then, until it can."""

from __future__ import annotations

import asyncio
import contextlib
from urllib.parse import urlsplit

from PyQt6.QtCore import QObject, QTimer, pyqtSignal, pyqtSlot

from upbit_ws_qt import ConfigurationError, require_reachable

__all__ = ["Reach"]

PAUSE_MS = 10_000
_PATIENCE = 5.0  # seconds for one try


class Reach(QObject):
    """Opens a plain connection every ten seconds, and closes it at once; nothing is sent on it.

    Args:
        url: of the host.
        parent: of the QObject.

    Signals:
        reached: it could be opened; there is no other try then.
    """

    reached = pyqtSignal()

    def __init__(self, url: str, parent: QObject) -> None:
        super().__init__(parent)
        self._url = url
        self._trying: asyncio.Task[bool] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self._on_due)
        self._timer.start()

    def stop(self) -> None:
        """Try no more."""
        self._timer.stop()
        if self._trying is not None:
            self._trying.cancel()

    @pyqtSlot()
    def _on_due(self) -> None:
        if self._trying is None or self._trying.done():
            self._trying = asyncio.get_running_loop().create_task(self._answers(), name="upbit_ws_qt reach")
            self._trying.add_done_callback(self._on_tried)  # signals go out of no Task

    def _on_tried(self, trying: asyncio.Task[bool]) -> None:
        if not trying.cancelled() and self._timer.isActive() and trying.result():
            self._timer.stop()
            self.reached.emit()

    async def _answers(self) -> bool:
        place = urlsplit(self._url)
        port = place.port or (443 if place.scheme in ("wss", "https") else 80)
        try:
            require_reachable("rest_url", self._url)
            async with asyncio.timeout(_PATIENCE):
                _, writer = await asyncio.open_connection(place.hostname, port)
        except (OSError, ConfigurationError):  # a timeout is an OSError too
            return False
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return True
