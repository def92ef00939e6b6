"""The flight recorder: the last minutes are always on disk, and are kept when something happens."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from upbit_ws_qt.manager import GlobalWebSocketManager, ManagerListener
from upbit_ws_qt.recording.recorder import Recorder
from upbit_ws_qt.recording.segments import MARKET, SUFFIX

if TYPE_CHECKING:
    import asyncio

    from upbit_ws_qt.monitoring.alerts import Alert
    from upbit_ws_qt.recording.recorder import RecorderFigures, Service

__all__ = ["FlightRecorder"]

_SEGMENTS = 8  # of the minutes that are kept: what is deleted at once is so small a part of them
END_WITHIN = 1.0
_LIVE, _KEPT = "live", "kept"
_NOT_IN_NAMES = re.compile(r"[^\w.-]+")


class FlightRecorder:
    """Records always, forgets what is older than some minutes, and keeps it when an alert is raised or you say so.

    What a program that crashed had recorded is kept by the next start: it is on disk whatever becomes of the program.
    Each thing kept is a recording of its own, a folder `kept/<time> <why>` to look into, replay or send.

    Args:
        service: a WebSocketService or a GlobalWebSocketManager.
        path: folder for the last minutes and for what is kept.
        minutes: that are there at any time; a little more is.
        most_bytes: that they may take; beyond it they are fewer.
        most_kept: recordings that are kept; the oldest goes for a new one.
        private: whether own orders and assets are in it, see Recorder.
        on_alerts: whether each alert that is raised keeps the last minutes.

    Raises:
        ConfigurationError: a limit that cannot work.
        OSError: by `start()`, where the folder cannot be written to.
    """

    def __init__(
        self,
        service: Service | GlobalWebSocketManager,
        path: str | Path,
        *,
        minutes: float = 10.0,
        most_bytes: int = 256 * 1024 * 1024,
        most_kept: int = 20,
        private: bool = False,
        on_alerts: bool = True,
    ) -> None:
        self.path = Path(path)
        self.minutes = minutes
        self._most_kept = max(1, most_kept)
        self._manager = service if isinstance(service, GlobalWebSocketManager) else service.manager
        self._recorder = Recorder(
            self._manager,
            self.path / _LIVE,
            private=private,
            keep_seconds=minutes * 60.0,
            keep_bytes=most_bytes,
            segment_seconds=minutes * 60.0 / _SEGMENTS,
            segment_bytes=max(1, most_bytes // _SEGMENTS),
        )
        self._listener = _OnAlerts(self) if on_alerts else None
        self._keeping: set[asyncio.Future[None]] = set()

    def __repr__(self) -> str:
        return f"<FlightRecorder {str(self.path)!r} {self.minutes:g} minutes>"

    def start(self) -> Self:
        """Begin; what a crash has left is kept first. A second call changes nothing."""
        if self._recorder.is_recording:
            return self
        if self._files():
            self._put_aside("crash")
        self._recorder.start()
        if self._listener is not None:
            self._manager.add_listener(self._listener)
        return self

    async def stop(self) -> None:
        """End; the last minutes are not needed any more, what was kept stays. Idempotent."""
        if self._listener is not None:
            self._manager.remove_listener(self._listener)
        for keeping in tuple(self._keeping):
            with contextlib.suppress(OSError):
                await keeping
        await self._recorder.stop()
        for file in self._files():
            file.unlink(missing_ok=True)

    def end(self) -> None:
        """The same for where nothing can be awaited; waits for the disk, a second at most. Idempotent."""
        if self._listener is not None:
            self._manager.remove_listener(self._listener)
        self._recorder.end()
        if self._recorder.wait(END_WITHIN):
            for file in self._files():
                file.unlink(missing_ok=True)

    @property
    def is_recording(self) -> bool:
        """Whether it is on; it ends with the service."""
        return self._recorder.is_recording

    def latest(self, most_bytes: int) -> tuple[tuple[str, bytes], ...]:
        """Return names and contents of the newest files of the market, so many bytes at most; the account is left out.

        They are a recording that ends in the middle of what is being written.
        """
        found: list[tuple[str, bytes]] = []
        left = most_bytes
        for file in reversed(self._files()):
            if file.name.startswith(MARKET):
                data = file.read_bytes()
                left -= len(data)
                if left < 0:
                    break
                found.append((file.name, data))
        return tuple(reversed(found))

    async def keep(self, why: str) -> Path:
        """Keep the last minutes up to now, and return the folder.

        Raises:
            OSError: the disk refuses.
        """
        kept: list[Path] = []
        await self._recorder.rotate(lambda: kept.append(self._put_aside(why)))
        return kept[0]

    def keep_soon(self, why: str) -> None:
        """The same without waiting for it; where the disk refuses, `figures().trouble` of the next write says why."""
        if self._recorder.is_recording:
            keeping = self._recorder.rotate(lambda: self._put_aside(why))
            self._keeping.add(keeping)
            keeping.add_done_callback(self._kept)

    def kept(self) -> tuple[Path, ...]:
        """Return what is kept, oldest first."""
        folder = self.path / _KEPT
        return tuple(sorted(folder.iterdir())) if folder.is_dir() else ()

    def mark(self, text: str) -> None:
        """Put a mark into the recording."""
        self._recorder.mark(text)

    def figures(self) -> RecorderFigures:
        """Return how it goes."""
        return self._recorder.figures()

    def _kept(self, keeping: asyncio.Future[None]) -> None:
        self._keeping.discard(keeping)
        if not keeping.cancelled():
            keeping.exception()  # looked at: nobody waits for it

    def _files(self) -> list[Path]:
        return sorted((self.path / _LIVE).glob(f"*{SUFFIX}"))

    def _put_aside(self, why: str) -> Path:
        """Link the segments into a folder of their own; in the recording's thread, or before there is one."""
        now = datetime.fromtimestamp(self._manager.wiring.computer.wall_clock(), UTC)
        name = f"{now:%Y%m%d-%H%M%S-%f} {_NOT_IN_NAMES.sub(' ', why).strip()[:60]}".strip()
        target = self.path / _KEPT / name
        target.mkdir(parents=True)
        for file in self._files():
            try:
                os.link(file, target / file.name)
            except OSError:  # a file system without links
                shutil.copy2(file, target / file.name)
        if why == "crash":
            for file in self._files():
                file.unlink()
        for old in self.kept()[: -self._most_kept]:
            shutil.rmtree(old, ignore_errors=True)
        return target


class _OnAlerts(ManagerListener):
    """Keeps the last minutes when an alert is raised."""

    def __init__(self, flight: FlightRecorder) -> None:
        self._flight = flight

    def on_alert(self, alert: Alert, *, raised: bool) -> None:
        if raised:
            self._flight.keep_soon(str(alert.kind.value))
