"""The recorder: a tap on the lines of a manager, and a thread that writes what came."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from upbit_ws_qt.errors import ConfigurationError, RecoveryStrategy, WebSocketError
from upbit_ws_qt.manager import GlobalWebSocketManager, ManagerListener
from upbit_ws_qt.recording.segments import Entry, Kind, stream_name
from upbit_ws_qt.recording.writer import Limits, RecordingWriter, note_entry
from upbit_ws_qt.text import Phrase, safe_text
from upbit_ws_qt.types import GlobalManagerState, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from upbit_ws_qt.connection import GapEvent, Line, StateChange
    from upbit_ws_qt.monitoring.alerts import Alert

__all__ = ["Recorder", "RecorderFigures", "Service"]

FLUSH_EVERY = 0.5
"""Seconds of frames that one chunk holds; what a program that is killed loses at most is twice this."""
SLICE = 64
"""Frames that the writing thread looks at before it lets others have the interpreter."""
BREATH = 0.0005
"""Seconds for which it does."""
TRY_AGAIN_AFTER = 5.0
"""Seconds after a write that failed."""
_FRAME_COSTS = 200  # bytes of memory that a waiting frame takes besides its own


class Service(Protocol):
    """What has a manager: a WebSocketService."""

    @property
    def manager(self) -> GlobalWebSocketManager:
        """The manager behind it."""
        ...


@dataclass(frozen=True, slots=True)
class RecorderFigures:
    """How a recording goes.

    Attributes:
        frames: that came and were written, or wait to be.
        requests: that were sent, likewise.
        dropped: frames and requests that were not recorded, because the disk was too slow or refused to take them.
        waiting_bytes: of memory that what is not written yet takes.
        raw_bytes: written, before they were packed.
        bytes: written, packed.
        segments: files begun.
        trouble: why the disk refused the last write, "" where it did not.
    """

    frames: int = 0
    requests: int = 0
    dropped: int = 0
    waiting_bytes: int = 0
    raw_bytes: int = 0
    bytes: int = 0
    segments: int = 0
    trouble: str = ""


class Recorder:
    """Writes every frame of the lines to a folder, with receive times, epochs, gaps and the requests that caused them.

    Frames are noted where they come in; a thread of its own packs and writes them, a chunk every half a second. The
    folder can be read at any time, also after the program was killed: at most the last second is missing. What cannot
    be written in time is dropped, counted, told by `errorOccurred` (`on_error`), and said in the recording itself.

    The recording ends with `stop()`, or when the service does.

    From a coroutine `async with Recorder(service, "today"):` does; elsewhere it is `recorder.start()`, and
    `recorder.end()` or `await recorder.stop()`.

    Args:
        service: a WebSocketService or a GlobalWebSocketManager, whose loop runs.
        path: the folder; made where it is not there. A recording that is in it is gone on with.
        private: whether own orders and assets are recorded too. They are in files of their own ("account-…"), which
            can be left out when a recording is handed on. Keys and tokens are never in it.
        keep_bytes: of the whole folder: beyond it the oldest segments are deleted. None keeps all.
        keep_seconds: segments older than this are deleted. None keeps all.
        segment_bytes: size from which on a new segment is begun.
        segment_seconds: age from which on one is.
        queue_bytes: memory that what waits for the disk may take.

    Raises:
        ConfigurationError: a limit that cannot work, or the service was stopped.
        OSError: by `start()`, where the folder cannot be written to.
    """

    def __init__(
        self,
        service: Service | GlobalWebSocketManager,
        path: str | Path,
        *,
        private: bool = False,
        keep_bytes: int | None = None,
        keep_seconds: float | None = None,
        segment_bytes: int = Limits().segment_bytes,
        segment_seconds: float = Limits().segment_seconds,
        queue_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        limits = {
            "keep_bytes": keep_bytes,
            "keep_seconds": keep_seconds,
            "segment_bytes": segment_bytes,
            "segment_seconds": segment_seconds,
            "queue_bytes": queue_bytes,
        }
        for name, value in limits.items():
            if value is not None and not value > 0:
                raise ConfigurationError(name, value, "a number above 0")
        self.path = Path(path)
        self._manager = service if isinstance(service, GlobalWebSocketManager) else service.manager
        self._lines = frozenset(WebSocketType) - (frozenset() if private else {WebSocketType.PRIVATE})
        self._limits = Limits(segment_bytes, segment_seconds, keep_bytes, keep_seconds)
        self._queue_bytes = queue_bytes
        self._listener = _Listener(self)
        self._waiting: deque[Entry] = deque()
        # Each is counted up by one thread and read by the other.
        self._put_bytes = 0
        self._taken_bytes = 0
        self._frames = 0
        self._requests = 0
        self._dropped = 0
        self._dropped_since: float | None = None  # loop clock; None while nothing is dropped
        self._writer: RecordingWriter | None = None
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()
        self._orders: deque[Callable[[RecordingWriter], None]] = deque()
        self._ended: asyncio.Future[None] | None = None
        self._trouble = ""
        self._lost_on_disk = 0

    def __repr__(self) -> str:
        return f"<Recorder {str(self.path)!r} {'recording' if self.is_recording else 'not recording'}>"

    # -- for everybody ------------------------------------------------------------------------------------------------
    @property
    def is_recording(self) -> bool:
        """Whether frames are being noted."""
        return self._thread is not None and not self._ending.is_set()

    def start(self) -> Self:
        """Begin to record; a second call changes nothing. A recorder that was stopped is not started again."""
        if self._thread is not None:
            return self
        wiring = self._manager.wiring
        wiring.require_usable()
        session = wiring.computer.new_id()
        about = {"session": session, "region": wiring.config.region}
        self._writer = RecordingWriter(self.path, about, self._limits)
        self._loop = wiring.loop
        self._offset = wiring.computer.wall_clock() - self._loop.time()
        self._wall_clock = wiring.computer.wall_clock
        self._note(WebSocketType.PUBLIC, note="session", session=session)
        for ws_type, endpoint in wiring.endpoints.items():
            if ws_type in self._lines:
                self._note(ws_type, note="epoch", epoch=wiring.epochs.get_current_epoch(ws_type))
                self._note(ws_type, note="state", state=endpoint.connection.state.value, cause="")
        self._ended = self._loop.create_future()
        self._thread = threading.Thread(target=self._write_all, name="upbit-recorder", daemon=True)
        self._thread.start()
        wiring.traces.add_tap(self._tap)
        wiring.epochs.add_listener(self._on_epoch)
        self._manager.add_listener(self._listener)
        return self

    async def stop(self) -> None:
        """End the recording, and return when all of it is on disk; idempotent."""
        self.end()
        if self._ended is not None:
            await asyncio.shield(self._ended)

    def end(self) -> None:
        """Note nothing more; what is noted is still written, in the background. For where nothing can be awaited."""
        if not self.is_recording:
            return
        wiring = self._manager.wiring
        wiring.traces.remove_tap(self._tap)
        wiring.epochs.remove_listener(self._on_epoch)
        self._manager.remove_listener(self._listener)
        self._tell_drops()
        self._note(WebSocketType.PUBLIC, note="end")
        self._ending.set()

    def wait(self, seconds: float) -> bool:
        """Wait, after `end()`, until all is on disk, at most so long; return whether it is.

        For the end of a program that no longer runs its loop: everything stands still meanwhile.
        """
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def figures(self) -> RecorderFigures:
        """Return how it goes."""
        writer = self._writer
        return RecorderFigures(
            frames=self._frames,
            requests=self._requests,
            dropped=self._dropped + self._lost_on_disk,
            waiting_bytes=self._put_bytes - self._taken_bytes,
            raw_bytes=0 if writer is None else writer.raw_bytes,
            bytes=0 if writer is None else writer.bytes,
            segments=0 if writer is None else writer.segments,
            trouble=self._trouble,
        )

    def mark(self, text: str, **more: Any) -> None:
        """Put a mark into the recording, which `info` lists and a replay tells: an order that was sent, say."""
        if self.is_recording:
            self._note(WebSocketType.PUBLIC, note="mark", text=text, **more)

    def rotate(self, then: Callable[[], object] | None = None) -> asyncio.Future[None]:
        """Begin new segments behind all that is noted by now; await the result to know when that is done.

        Args:
            then: called in the thread that writes, before anything else is written; an OSError of it is raised by the
                future.
        """
        done: asyncio.Future[None] = self._loop.create_future()

        def act(writer: RecordingWriter) -> None:
            try:
                writer.rotate()
                if then is not None:
                    then()
            except OSError as error:
                self._post(_settle, done, error)
            else:
                self._post(_settle, done, None)

        self._orders.append(act)
        return done

    # -- what is noted, on the loop -----------------------------------------------------------------------------------
    def _tap(self, line: Line, data: bytes, at: float, sent: bool) -> None:
        if line.ws_type not in self._lines:
            return
        if self._put_bytes - self._taken_bytes > self._queue_bytes:
            self._drop(at or self._loop.time())
            return
        if self._dropped_since is not None:
            self._tell_drops()
        size = len(data) + _FRAME_COSTS
        name = line.ws_type.value
        if sent:
            self._requests += 1
            self._waiting.append(Entry(Kind.SENT, name, line.epoch, self._loop.time(), data))
        else:
            self._frames += 1
            serving = self._manager.wiring.endpoints[line.ws_type].connection.line
            stale = serving is not None and serving is not line and line.epoch < serving.epoch
            self._waiting.append(Entry(Kind.RECEIVED, name, line.epoch, at, data, stale))
        self._put_bytes += size

    def _drop(self, at: float) -> None:
        self._dropped += 1
        if self._dropped_since is None:
            self._dropped_since = at
            self._first_dropped = self._dropped
            self._tell(Phrase("the recording loses frames: the disk is too slow"))

    def _tell_drops(self) -> None:
        """Say in the recording what is missing in it."""
        since, self._dropped_since = self._dropped_since, None
        if since is not None:
            self._note(WebSocketType.PUBLIC, note="lost", count=self._dropped - self._first_dropped + 1, since=since)

    def _on_epoch(self, ws_type: WebSocketType, epoch: int) -> None:
        if ws_type in self._lines:
            self._note(ws_type, note="epoch", epoch=epoch)

    def on_told(self, ws_type: WebSocketType, **what: Any) -> None:
        """Note what the manager told of a line."""
        if ws_type in self._lines:
            self._note(ws_type, **what)

    def _note(self, ws_type: WebSocketType, /, **what: Any) -> None:
        entry = note_entry(ws_type.value, 0, self._loop.time(), **what)
        self._waiting.append(entry)
        self._put_bytes += len(entry.data) + _FRAME_COSTS

    def _tell(self, what: Phrase) -> None:
        error = WebSocketError(what, recovery=RecoveryStrategy.NONE)
        self._manager.wiring.on_connection_error(error)

    # -- what is written, in the thread -------------------------------------------------------------------------------
    def _post(self, call: Callable[..., object], *values: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed: there is nobody left to tell
            self._loop.call_soon_threadsafe(call, *values)

    def _write_all(self) -> None:
        writer = self._writer
        assert writer is not None
        over = False
        try:
            while not over:
                over = self._ending.wait(FLUSH_EVERY)
                orders = len(self._orders)
                self._write_what_waits(writer)
                for _ in range(orders):
                    self._orders.popleft()(writer)
        finally:
            writer.close()
            self._post(_settle, self._ended, None)

    def _write_what_waits(self, writer: RecordingWriter) -> None:
        count = len(self._waiting)
        entries: list[Entry] = []
        size = 0
        for number in range(count):
            entry = self._waiting.popleft()
            size += len(entry.data) + _FRAME_COSTS
            entries.append(entry._replace(stream=stream_name(entry.data)) if entry.kind is Kind.RECEIVED else entry)
            if number % SLICE == SLICE - 1:
                self._ending.wait(BREATH)  # others want the interpreter, too
        try:
            if entries:
                writer.write(entries, self._wall_clock() - self._loop.time())
        except OSError as error:
            self._lost_on_disk += sum(entry.kind is not Kind.NOTE for entry in entries)
            reason = safe_text(error.strerror or type(error).__name__, 100)
            if not self._trouble:
                self._post(self._tell, Phrase("the recording cannot be written: {reason}", reason=reason))
            self._trouble = reason
            self._ending.wait(TRY_AGAIN_AFTER)
        else:
            self._trouble = "" if entries else self._trouble
        finally:
            self._taken_bytes += size


class _Listener(ManagerListener):
    """Notes what the manager tells."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def on_state(self, state: GlobalManagerState) -> None:
        if state is GlobalManagerState.STOPPED:
            self._recorder.end()

    def on_connection_state(self, ws_type: WebSocketType, change: StateChange) -> None:
        self._recorder.on_told(
            ws_type, note="state", state=change.new.value, cause=str(change.cause), code=change.close_code
        )

    def on_gap(self, gap: GapEvent) -> None:
        self._recorder.on_told(
            gap.ws_type,
            note="gap",
            old=gap.old,
            new=gap.new,
            down=gap.down_seconds,
            cause=str(gap.cause),
            streams=[list(stream) for stream in gap.streams],
            since=gap.since,
            ranges=[
                [list(each.stream), each.last_timestamp, each.last_id, each.first_timestamp, each.first_id]
                for each in gap.ranges
            ],
        )

    def on_resumed(self, ws_type: WebSocketType, epoch: int) -> None:
        self._recorder.on_told(ws_type, note="resumed", epoch=epoch)

    def on_alert(self, alert: Alert, *, raised: bool) -> None:
        if raised:
            self._recorder.on_told(WebSocketType.PUBLIC, note="alert", text=str(alert.message))


def _settle(future: asyncio.Future[None] | None, error: BaseException | None) -> None:
    if future is not None and not future.done():
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
