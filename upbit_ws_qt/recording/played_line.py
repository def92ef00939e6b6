"""What stands in for the supervisor of an endpoint and its socket while a recording is played."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.connection import CloseInfo, GapEvent, Line, MessageLimiter, SocketFigures
from upbit_ws_qt.connection.figures import ConnectionCounters
from upbit_ws_qt.connection.states import TRANSITIONS, StateMachine
from upbit_ws_qt.errors import ConnectionLostError, WebSocketError
from upbit_ws_qt.streams import StreamGap, StreamKey
from upbit_ws_qt.text import Phrase
from upbit_ws_qt.types import ConnectionState, DataType, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.connection import EpochManager, Inbox, StateChange
    from upbit_ws_qt.connection.line import Control, Tap
    from upbit_ws_qt.recording.replay import Replay
    from upbit_ws_qt.recording.segments import Entry
    from upbit_ws_qt.recording.writer import LineStanding

__all__ = ["PlayedConnection"]

BREATH = 0.001
"""Seconds between two looks at whether what stood at a moment has been handed out."""
PROVE_AGAIN_AFTER = 0.25
ASKED_WITHIN = 2.0
"""Seconds for which the clock waits, on a new line, for what is wanted to be asked for."""
_UNLIMITED = 1_000_000
_TO_ANOTHER_MOMENT = "the replay was set to another moment"
_ENDS = frozenset({ConnectionState.FAILED, ConnectionState.STOPPED})
_WITH_LINE = frozenset({ConnectionState.SYNCING, ConnectionState.CONNECTED})


class _PlayedSocket:
    """What is under a line that is played: it answers from the recording."""

    def __init__(self, connection: PlayedConnection) -> None:
        self._connection = connection
        self.closed: asyncio.Future[CloseInfo] = asyncio.get_running_loop().create_future()

    async def send(self, data: bytes) -> None:
        """Answer a request as the exchange did."""
        if self.closed.done():
            raise ConnectionLostError(self._connection.ws_type.value, "the line is closed")
        self._connection.asked(data)

    async def close(self) -> None:
        """Close it."""
        self.end("closed by us", asked=True)

    async def answers(self, within: float) -> bool:
        """Whether it is open."""
        return not self.closed.done()

    def abort(self, cause: str) -> None:
        """Close it."""
        self.end(cause, asked=True)

    def figures(self) -> SocketFigures:
        """Return what it has carried: that is counted where it was recorded."""
        return SocketFigures()

    def end(self, cause: str, *, asked: bool) -> None:
        """End it as it ended then; idempotent."""
        if not self.closed.done():
            self.closed.set_result(CloseInfo(1000, "", cause, asked))


class PlayedConnection:
    """Stands in for the Supervisor of an endpoint: its lines come and go as they did when they were recorded."""

    def __init__(
        self,
        replay: Replay,
        ws_type: WebSocketType,
        config: ServiceConfig,
        *,
        inbox: Inbox,
        epochs: EpochManager,
        synchronize: Callable[[Line], Coroutine[Any, Any, None]],
        on_state: Callable[[StateChange], None],
        on_gap: Callable[[GapEvent], None],
        on_gap_found: Callable[[GapEvent], None],
        on_resumed: Callable[[WebSocketType, int], None],
        wall_clock: Callable[[], float],
        **_: Any,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._replay = replay
        self.ws_type = ws_type
        self.inbox = inbox
        self._epochs = epochs
        self._synchronize = synchronize
        self._on_state = on_state
        self._on_gap, self._on_gap_found, self._on_resumed = on_gap, on_gap_found, on_resumed
        self._machine = StateMachine(ws_type, self._loop.time, wall_clock, self._moved)
        self._counters = ConnectionCounters()
        self._tap: Tap | None = None
        self._socket: _PlayedSocket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: list[Entry] = []
        self._requested: list[dict[str, Any]] = []
        self._known: set[str] = set()  # "type code" of what has been asked for
        self._newest: dict[str, bytes] = {}
        self._wanted = False
        self.line: Line | None = None
        self.failure: WebSocketError | None = None

    # -- what a manager asks of a supervisor --------------------------------------------------------------------------
    @property
    def state(self) -> ConnectionState:
        """The state in which the line was then."""
        return self._machine.state

    @property
    def history(self) -> deque[StateChange]:
        """The last changes of state."""
        return self._machine.history

    def set_wanted(self, wanted: bool) -> None:
        """Note whether anything is wanted; the line is what it was all the same."""
        self._wanted = wanted
        self._replay.wishes_changed()
        if self.state is not ConnectionState.STOPPED:
            self._loop.call_soon(self._replay.begin)

    async def reconnect(self, cause: str = "asked") -> None:
        """Do nothing: the past cannot be changed."""

    async def stop(self) -> None:
        """End it; idempotent."""
        self._replay.stop()
        if self.state is not ConnectionState.STOPPED:
            self._machine.move(ConnectionState.STOPPED, "stopped")
        self._end_line("stopped", asked=True)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def reset_figures(self) -> None:
        """Begin the round-trip figures anew; there are none."""

    def set_tap(self, tap: Tap | None) -> None:
        """Have all frames that are played seen by `tap`, or by nobody."""
        self._tap = tap
        if self.line is not None:
            self.line.show_all_to(tap)

    def figures(self) -> Any:
        """Return how it stands."""
        return self._counters.figures(
            self.line,
            self.inbox,
            self._loop.time(),
            ws_type=self.ws_type,
            state=self.state,
            epoch=self._epochs.get_current_epoch(self.ws_type),
            dials=0,
            addresses_avoided=0,
            attempts=0,
            next_attempt_at=None,
            ended=None,
        )

    # -- what is played -----------------------------------------------------------------------------------------------
    @property
    def epoch(self) -> int:
        """Which line serves."""
        return self._epochs.get_current_epoch(self.ws_type)

    @property
    def is_asked(self) -> bool:
        """Whether what is wanted of it has been asked for, or cannot be."""
        line = self.line
        if not self._wanted or line is None or self._requested:
            return True
        return self._loop.time() > line.opened_at + ASKED_WITHIN

    def forget(self) -> None:
        """Forget what was to be handed out."""
        self.inbox.clear()
        self._held.clear()
        self._newest.clear()

    def stand(self, standing: LineStanding | None, held: list[Entry], *, fresh: bool) -> None:
        """Be as the line was at a moment."""
        self._end_line(_TO_ANOTHER_MOMENT, asked=True)
        cause = "replay" if fresh else _TO_ANOTHER_MOMENT
        if not fresh and self.state in _WITH_LINE:
            self._machine.move(ConnectionState.RECONNECTING, cause)
        self._held = list(held)
        epoch = 0 if standing is None else standing.epoch
        state = ConnectionState.DISCONNECTED
        if standing is not None:
            state = ConnectionState(standing.state) if standing.state else ConnectionState.CONNECTED
        self._epochs.begin_at(self.ws_type, epoch)
        self.inbox.begin_epoch(epoch)
        if epoch and state in _WITH_LINE:
            self._open(epoch)
        self._go(state, cause, None)

    def receive(self, entry: Entry) -> bool:
        """Take a frame in; False where nobody sees it now."""
        line = self.line
        if entry.epoch > self.epoch:
            self._held.append(entry)
            return False
        if entry.epoch < self.epoch or line is None:
            return False
        if entry.stream:
            self._newest[entry.stream] = entry.data
        self._replay.note_offset(self._loop.time() - entry.at)
        before = len(self.inbox)
        line.on_frames(iter((entry.data,)), entry.at)
        return len(self.inbox) > before

    def show(self, entry: Entry) -> None:
        """Take in the newest frame of a stream, as a snapshot on the present line."""
        data = entry.data.replace(b'"REALTIME"', b'"SNAPSHOT"')
        self.receive(entry._replace(epoch=self.epoch, data=data))

    def note(self, entry: Entry) -> None:
        """Do what happened then."""
        note = entry.note
        match note.get("note"):
            case "epoch" if note["epoch"] and note["epoch"] != self.epoch:
                self._begin_epoch(note["epoch"])
            case "state":
                self._state_was(ConnectionState(note["state"]), note.get("cause", ""), note.get("code"))
            case "gap" if note["old"] != note["new"]:  # what the recording program itself lost is recorded
                gap = _gap(self.ws_type, note)
                self._on_gap_found(gap)
                self._loop.call_soon(self._on_gap, gap)
            case "lost":
                self._counters.epoch_changed(lossy=True)
                cause = Phrase("{count} frames were not recorded", count=note["count"])
                gap = GapEvent(self.ws_type, self.epoch, self.epoch, 0.0, cause, (), 0)
                self._loop.call_soon(self._on_gap, gap)
            case "resumed":
                self._loop.call_soon(self._on_resumed, self.ws_type, note["epoch"])
            case "session":
                self._replay.session_began()

    def asked(self, data: bytes) -> None:
        """Take a request: show what is there of it, or tell what is subscribed."""
        line = self.line
        parts = json.loads(data)
        if line is None or not isinstance(parts, list):
            return
        if any("method" in part for part in parts):
            ticket = next((part["ticket"] for part in parts if "ticket" in part), "")
            result = [part for part in self._requested if not part.get("is_only_snapshot")]
            answer = {"method": "LIST_SUBSCRIPTIONS", "result": result, "ticket": ticket}
            self._loop.call_soon(self._answer, line, json.dumps(answer).encode())
            return
        self._requested = [part for part in parts if "type" in part]
        names = {
            f"{part['type']} {code.partition('.')[0]}" for part in self._requested for code in part.get("codes", ())
        }
        once = {
            f"{part['type']} {code.partition('.')[0]}"
            for part in self._requested
            if part.get("is_only_snapshot")
            for code in part.get("codes", ())
        }
        new = (names - self._known) | once
        self._known |= names
        self._loop.call_soon(self._show, line, new)

    def _answer(self, line: Line, data: bytes) -> None:
        if line is self.line:
            line.on_frames(iter((data,)), 0.0)

    def _show(self, line: Line, new: set[str]) -> None:
        """Bring the newest of what is only just wanted; let what was wanted before prove that it is served."""
        if line is not self.line:
            return
        if line.observer is not None:
            for data in tuple(self._newest.values()):
                line.observer(data)
        if new and self._replay.has_begun:
            for entry in self._replay.newest(lambda name: " ".join(name.split(" ", 2)[:2]) in new):
                if entry.line == self.ws_type.value:
                    self.show(entry)

    def _begin_epoch(self, epoch: int) -> None:
        old = self.line
        self._end_line("replaced", asked=True)
        self._epochs.begin_at(self.ws_type, epoch)
        self.inbox.begin_epoch(epoch)
        self._counters.connected()
        self._open(epoch)
        if old is None and self.state is not ConnectionState.SYNCING:
            self._go(ConnectionState.SYNCING, "opened", None)
        held, self._held = self._held, []
        for entry in held:
            self.receive(entry)

    def _state_was(self, state: ConnectionState, cause: str, code: int | None) -> None:
        if state not in _WITH_LINE:
            self._end_line(cause, asked=state is not ConnectionState.RECONNECTING)
        elif self.line is None and self.epoch:
            self._open(self.epoch)
        if state is not ConnectionState.STOPPED:  # the program ended then; this one goes on
            self._go(state, cause, code)

    def _open(self, epoch: int) -> None:
        line = Line(self.ws_type, epoch, MessageLimiter(_UNLIMITED, _UNLIMITED), self.inbox.put, self._on_control)
        line.show_all_to(self._tap)
        self._socket = _PlayedSocket(self)
        line.attach(self._socket, self._loop.time())
        self.line = line
        task = self._loop.create_task(self._prove(line), name=f"replay-{self.ws_type.value}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _prove(self, line: Line) -> None:
        """Have the subscriptions sent and proved, as long as the line is there."""
        # What stood at a moment is handed out first: to prove a thousand streams takes as long as to show them.
        while line is self.line and self._replay.is_priming:  # noqa: ASYNC110 - it takes a few turns
            await asyncio.sleep(BREATH)
        while line is self.line:
            try:
                await self._synchronize(line)
            except WebSocketError:
                await asyncio.sleep(PROVE_AGAIN_AFTER)
            else:
                return

    def _end_line(self, cause: str, *, asked: bool) -> None:
        self.line = None
        self._requested = []
        if self._socket is not None:
            self._socket.end(cause, asked=asked)
            self._socket = None

    def _on_control(self, line: Line, message: Control) -> None:
        if line.control is not None:
            line.control(message)

    def _go(self, state: ConnectionState, cause: str, code: int | None) -> None:
        """Get to a state by steps that are allowed."""
        for step in _way(self._machine.state, state):
            self._machine.move(step, cause, code)

    def _moved(self, change: StateChange) -> None:
        self._loop.call_soon(self._on_state, change)


def _way(begin: ConnectionState, end: ConnectionState) -> list[ConnectionState]:
    """Return the shortest way from a state to another one, its end included; empty where there is none."""
    ways = {begin: list[ConnectionState]()}
    waiting = deque([begin])
    while waiting and end not in ways:
        state = waiting.popleft()
        for following in TRANSITIONS[state]:
            if following not in ways and (following is end or following not in _ENDS):
                ways[following] = [*ways[state], following]
                waiting.append(following)
    return ways.get(end, [])


def _gap(ws_type: WebSocketType, note: dict[str, Any]) -> GapEvent:
    return GapEvent(
        ws_type,
        note["old"],
        note["new"],
        note["down"],
        note["cause"],
        tuple(map(_key, note["streams"])),
        note["since"],
        tuple(StreamGap(_key(key), *ends) for key, *ends in note["ranges"]),
    )


def _key(parts: Iterable[str]) -> StreamKey:
    name, symbol, variant = parts
    return StreamKey(DataType(name), symbol, variant)
