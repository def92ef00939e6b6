"""A replay: a recording in place of the lines, with a clock that can be stopped, sped up and set to any moment.

Everything above the line is what it is in a live program: inbox, drain, order guards, channels, subscriptions that are
sent and proved. Only the socket under each line is played: it answers what it is asked from the recording. What is
handed out, and in which order, depends on the recording and on what is wanted, not on the speed: the player goes no
faster than its consumers take the events.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections import deque
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from upbit_ws_qt.computer import Computer
from upbit_ws_qt.connection import CloseInfo, GapEvent, Line, MessageLimiter, SocketFigures
from upbit_ws_qt.connection.figures import ConnectionCounters
from upbit_ws_qt.connection.states import TRANSITIONS, StateMachine
from upbit_ws_qt.errors import ConnectionLostError, WebSocketError
from upbit_ws_qt.events import TradeEvent
from upbit_ws_qt.recording.reader import Moment, Recording, Spot
from upbit_ws_qt.recording.segments import Entry, Kind, RecordingError
from upbit_ws_qt.streams import StreamGap, StreamKey
from upbit_ws_qt.text import Phrase
from upbit_ws_qt.types import ConnectionState, DataType, WebSocketType
from upbit_ws_qt.wire import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.connection import EpochManager, Inbox, StateChange, Supervisor
    from upbit_ws_qt.connection.line import Control, Tap
    from upbit_ws_qt.manager.wiring import Wiring
    from upbit_ws_qt.recording.writer import LineStanding

__all__ = ["Replay", "ReplayClock"]

AT_ONCE = 128
"""Frames that are handed in before all of them must be handed out: fewer than the routing takes for overload."""
SLOWEST, FASTEST = 0.01, 1000.0
LATE = 0.25
"""Seconds by which the clock may run ahead of what was played before it waits."""
BREATH = 0.001
"""Seconds between two looks while something is waited for, and by which what is due soon is put together."""
TURN = 0.008
"""Seconds that one turn may take."""
PROVE_AGAIN_AFTER = 0.25
ASKED_WITHIN = 2.0
"""Seconds for which the clock waits, on a new line, for what is wanted to be asked for."""
_UNLIMITED = 1_000_000
_TO_ANOTHER_MOMENT = "the replay was set to another moment"
_ENDS = frozenset({ConnectionState.FAILED, ConnectionState.STOPPED})
_WITH_LINE = frozenset({ConnectionState.SYNCING, ConnectionState.CONNECTED})


def quiet(config: ServiceConfig) -> ServiceConfig:
    """Return settings with which nothing leaves the computer and nobody is alarmed by what is long over."""
    nowhere = "127.0.0.1:9"  # the port that discards
    return config.replace(
        public_url=f"ws://{nowhere}/websocket/v1",
        private_url=f"ws://{nowhere}/websocket/v1/private",
        info_url=f"ws://{nowhere}/websocket/v1/info",
        rest_url=f"http://{nowhere}",
        credentials=None,
        backfill=frozenset(),
        adaptive=False,
        alerts=False,
        independence_monitor=False,
        raise_independence=False,
    )


class ReplayClock:
    """The time of a replay: it runs at a pace, stands, goes step by step, and can be set.

    Moments are seconds since 1970 (or a datetime with its zone), as the recording computer's clock said. It belongs to
    the thread of the replay's loop. While the replay is not started, and where the recording ends, it stands.

    A minute after the beginning, ten times as fast: `clock.seek(clock.begins + 60)`, `clock.set_speed(10)`.

    Attributes:
        begins: of the recording.
        ends: of the recording.
    """

    def __init__(self, replay: Replay, speed: float, *, paused: bool) -> None:
        self._replay = replay
        self.begins = replay.recording.begins
        self.ends = replay.recording.ends
        self._speed = _checked(speed)
        self._paused = paused
        self._listeners: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"<ReplayClock {self.now:.3f} {'paused' if self._paused else f'{self._speed:g}x'}>"

    @property
    def now(self) -> float:
        """The present moment."""
        return self._replay.now()

    @property
    def speed(self) -> float:
        """Recorded seconds per second, while it runs."""
        return self._speed

    @property
    def is_paused(self) -> bool:
        """Whether it stands because that was asked for."""
        return self._paused

    @property
    def is_at_end(self) -> bool:
        """Whether all that was recorded has been played."""
        return self._replay.is_at_end

    def pause(self) -> None:
        """Let time stand still; what was handed in is still handed out."""
        self._change(paused=True)

    def resume(self) -> None:
        """Let time pass again."""
        self._change(paused=False)

    def set_speed(self, speed: float) -> None:
        """Let time pass faster or slower from now on; nothing is left out, so that a program that is slow slows it.

        Raises:
            ValueError: if it is not between 0.01 and 1000, or infinite: as fast as the events are taken.
        """
        _checked(speed)
        self._change(speed=speed)

    def seek(self, moment: float | datetime) -> None:
        """Set the time: the newest of each stream that is wanted is handed out, then it goes on from there.

        The lines are marked as lost and there again, so that what was shown is known to be out of date until it comes
        anew. Moments before the beginning or after the end are these.
        """
        wall = moment.timestamp() if isinstance(moment, datetime) else float(moment)
        self._replay.jump(min(max(wall, self.begins), self.ends))
        self._tell()

    def step(self) -> bool:
        """Pause, and play the next event that somebody wants; False where there is none."""
        self._change(paused=True)
        played = self._replay.step()
        self._tell()
        return played

    def add_listener(self, listener: Callable[[], None]) -> None:
        """Call `listener()` when it was paused, resumed, set or sped up, and when the end is reached."""
        self._listeners.append(listener)

    def remove_listener(self, listener: Callable[[], None]) -> None:
        """Call it no more; one that is not known is ignored."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def reached_end(self) -> None:
        """Note that the recording is at its end; for the replay."""
        self._tell()

    def _change(self, *, paused: bool | None = None, speed: float | None = None) -> None:
        now = self._replay.now()
        self._paused = self._paused if paused is None else paused
        self._speed = self._speed if speed is None else speed
        self._replay.pace_changed(now)
        self._tell()

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()


class _Computer(Computer):
    """This computer, but for the time, which is the replay's."""

    def __init__(self, replay: Replay) -> None:
        super().__init__()
        self.wall_clock = replay.now


class Replay:
    """Plays a recording to one manager: `GlobalWebSocketManager(replay.config, source=replay)`.

    Args:
        path: the recording.
        config: the program's settings; those that reach out of it are put aside.
        speed: see ReplayClock.
        paused: whether the clock stands at the beginning, so that a program can get ready, or set it first.

    Attributes:
        recording: what is played.
        config: the settings to make the manager with.
        clock: what drives it.
        computer: whose time is the recording's.
        lines: those that there are in it.

    Raises:
        RecordingError: nothing to be played is there.
        ValueError: the speed cannot be.
    """

    def __init__(self, path: str | Path, config: ServiceConfig, speed: float = 1.0, *, paused: bool = False) -> None:
        self.recording = Recording(Path(path))
        if not self.recording.ends:
            raise RecordingError(f"{path} is empty")
        self.config = quiet(config)
        self._position = self.recording.begins
        self._anchor: float | None = None  # loop clock at which it was `_position`; None while it stands
        self.clock = ReplayClock(self, speed, paused=paused)
        self.computer: Computer = _Computer(self)
        self.lines = frozenset(WebSocketType)
        self._connections: dict[str, _PlayedConnection] = {}
        self._wiring: Wiring | None = None
        self._spots: deque[Spot] = deque(maxlen=2)  # what comes next, read ahead
        self._moment: Moment | None = None
        self._priming: deque[tuple[_PlayedConnection, Entry]] = deque()
        self._timer: asyncio.Handle | None = None
        self._waits = False  # for what was handed in to be handed out
        self._steps = 0
        self._wants: dict[str, bool] = {}
        self.is_at_end = False

    # -- for the manager ----------------------------------------------------------------------------------------------
    def attach(self, wiring: Wiring) -> None:
        """Play to what a manager is made of."""
        self._wiring = wiring

    def connection(self, ws_type: WebSocketType, config: ServiceConfig, **parts: Any) -> Supervisor:
        """Make what stands in for the supervisor of an endpoint; it does all that a manager asks of one."""
        connection = self._connections[ws_type.value] = _PlayedConnection(self, ws_type, config, **parts)
        return cast("Supervisor", connection)

    def begin(self) -> None:
        """Begin, once; told by the connections when the manager has started."""
        if self._moment is None:
            self.jump(self._position, began=True)

    def stop(self) -> None:
        """Play no more; idempotent."""
        self._disarm()
        self._moment = None
        self._anchor = None
        self._wiring = None

    @property
    def has_begun(self) -> bool:
        """Whether anything is being played."""
        return self._moment is not None

    @property
    def is_priming(self) -> bool:
        """Whether, after the clock was set, what stood then is being handed out."""
        return bool(self._priming)

    @property
    def is_primed(self) -> bool:
        """Whether, after the clock was set, all that stood then has been handed out."""
        return self._moment is not None and not self._priming and not self._waits

    def session_began(self) -> None:
        """Note that another run of the recording program begins: its epochs count anew."""
        if self._wiring is not None:
            self._wiring.routing.forget()

    def note_offset(self, offset: float) -> None:
        """Note by how much the loop's clock is ahead of the recorded receive times."""
        if self._wiring is not None:
            self._wiring.routing.received_offset = offset

    def wishes_changed(self) -> None:
        """Note that other streams are wanted."""
        self._wants.clear()

    # -- for the clock ------------------------------------------------------------------------------------------------
    def now(self) -> float:
        """Return the present moment of the recording, seconds since 1970."""
        if self._anchor is None or self._wiring is None:
            return self._position
        speed = self.clock.speed
        if math.isinf(speed):
            return self._position
        ahead = (self._wiring.loop.time() - self._anchor) * speed
        return min(self._position + ahead, self.clock.ends)

    def pace_changed(self, now: float) -> None:
        """Go on at another pace from a moment on."""
        self._position = now
        self._anchor = None
        if not self.clock.is_paused:
            self._arm(0.0)

    def jump(self, wall: float, *, began: bool = False) -> None:
        """Set everything to a moment."""
        wiring = self._wiring
        if wiring is None:
            self._position = wall
            return
        if self._moment is None and not began:  # not started yet: begin there
            self._position = wall
            return
        self._disarm()
        self._priming.clear()
        self._waits = False
        self._wants.clear()
        # At the very beginning nothing has come yet.
        self._moment = moment = self.recording.moment(
            wall if not began or wall > self.clock.begins else -math.inf, self._is_wanted
        )
        self._spots.clear()
        self.is_at_end = False
        self._position, self._anchor = wall, None
        for connection in self._connections.values():
            connection.forget()
        if not began:
            wiring.routing.forget()
        for name, connection in self._connections.items():
            connection.stand(moment.standing.lines.get(name), moment.standing.held.get(name, []), fresh=began)
        for name, held in moment.standing.held.items():
            self._remember_trades(wall, name, held)
        newest = sorted(moment.standing.newest.values(), key=lambda entry: entry.at)
        self._priming.extend(
            (self._connections[entry.line], entry) for entry in newest if entry.line in self._connections
        )
        self._arm(0.0)

    def _remember_trades(self, wall: float, line: str, held: list[Entry]) -> None:
        """Have those trades known that came before a moment: a line that is about to take over brings them again."""
        wiring = self._wiring
        names = {entry.stream for entry in held if entry.stream.startswith("trade ")}
        if wiring is None or not names:
            return
        for entry in self.recording.lately(wall, names.__contains__):
            if entry.line == line and entry.epoch <= self._connections[line].epoch:
                ids = [event.sequential_id for event in decode(entry.data) if isinstance(event, TradeEvent)]
                newest = self._moment is not None and self._moment.standing.newest.get((line, entry.stream))
                if not newest or newest.data != entry.data:  # that one is handed out, which a known one would not be
                    wiring.routing.note_ids(StreamKey(DataType.TRADE, entry.stream.split(" ")[1]), ids)

    def step(self) -> bool:
        """Have the next event played though the clock stands."""
        self._steps += 1
        if self._moment is not None and self._next() is None:
            self._steps = 0
            return False
        self._arm(0.0)
        return self._moment is not None

    def newest(self, wanted: Callable[[str], bool]) -> list[Entry]:
        """Return the newest frames of some streams at the present moment, oldest first."""
        if self._position <= self.clock.begins:
            return []
        found = self.recording.moment(self._position, wanted).standing.newest.values()
        return sorted(found, key=lambda entry: entry.at)

    # -- playing ------------------------------------------------------------------------------------------------------
    def _arm(self, delay: float) -> None:
        if self._wiring is None or self._moment is None or self._waits or self._wiring.loop.is_closed():
            return
        self._disarm()
        loop = self._wiring.loop
        self._timer = loop.call_later(delay, self._turn) if delay > 0 else loop.call_soon(self._turn)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def _is_waiting(self) -> bool:
        return self._waits

    def _next(self) -> Spot | None:
        if not self._spots:
            assert self._moment is not None
            spot = next(self._moment.following, None)
            if spot is None:
                return None
            self._spots.append(spot)
        return self._spots[0]

    def _turn(self) -> None:
        self._timer = None
        wiring = self._wiring
        if wiring is None or self._waits:
            return
        if self._priming:
            self._prime()
            return
        if (self.clock.is_paused and not self._steps) or self.is_at_end:
            return
        if wiring.routing.is_crowded or not self._is_ready():
            self._arm(BREATH)
            return
        loop = wiring.loop
        if self._anchor is None and not self.clock.is_paused:
            self._anchor = loop.time()
        ends = loop.time() + TURN
        while loop.time() < ends:
            spot = self._next()
            if spot is None:
                self._end()
                return
            if not self._is_due(spot, loop.time()):
                return
            if self._play(spot) and self._steps:
                self._steps -= 1
                if self.clock.is_paused and not self._steps:
                    return
            if self._is_waiting:
                return
        self._arm(0.0)

    def _is_due(self, spot: Spot, now: float) -> bool:
        """Whether it is time for what comes next; where it is not, come back when it is."""
        if self._steps or math.isinf(self.clock.speed):
            return True
        assert self._anchor is not None
        speed = self.clock.speed
        left = (spot.wall - self._position) / speed - (now - self._anchor)
        if left > 0:
            self._arm(max(BREATH, left))
            return False
        if left < -LATE:  # the program is slower than that: the clock waits for it
            self._position, self._anchor = max(self._position, spot.wall), now
        return True

    def _play(self, spot: Spot) -> bool:
        """Play one entry, or wait until it may be; return whether there was a frame that somebody wants in it."""
        chunk, place = spot.chunk, spot.place
        connection = self._connections.get(chunk.line(place))
        if connection is None or chunk.is_stale(place) or chunk.kind(place) is Kind.SENT:
            self._passed()
            return False
        is_note = chunk.kind(place) is Kind.NOTE
        # All is handed out in the order in which it came, whichever line it came on.
        busy = [each for each in self._connections.values() if each.inbox and (is_note or each is not connection)]
        if busy:
            self._wait_for(busy[0])
            return False
        entry = chunk.entry(place)
        self._passed()
        if is_note:
            connection.note(entry)
            return False
        taken = connection.receive(entry)
        if self._steps or len(connection.inbox) >= AT_ONCE:
            self._wait_for(connection)
        return taken

    def _passed(self) -> None:
        spot = self._spots.popleft()
        if self._anchor is None or math.isinf(self.clock.speed):
            self._position = max(self._position, spot.wall)

    def _prime(self) -> None:
        """Hand out the newest of each stream after the clock was set."""
        connection = self._priming[0][0]
        for _ in range(AT_ONCE):
            if not self._priming or self._priming[0][0] is not connection:
                break
            _, entry = self._priming.popleft()
            connection.show(entry)
        self._wait_for(connection)

    def _wait_for(self, connection: _PlayedConnection) -> None:
        """Go on when what an inbox holds has been handed out."""
        if not len(connection.inbox):
            self._arm(0.0)
            return
        self._waits = True
        moment = self._moment

        def handed_out() -> None:
            if self._moment is moment:
                self._waits = False
                self._arm(0.0)

        connection.inbox.put_marker(handed_out)

    def _is_ready(self) -> bool:
        """Whether what is wanted has been asked for: what comes before that would be lost to who wants it."""
        return all(connection.is_asked for connection in self._connections.values())

    def _is_wanted(self, name: str) -> bool:
        wanted = self._wants.get(name)
        if wanted is None:
            parts = name.split(" ")
            code = parts[1] if len(parts) > 1 else ""
            wiring = self._wiring
            wanted = not parts[0] or (wiring is not None and wiring.routing.wants_frame(parts[0], code))
            self._wants[name] = wanted
        return wanted

    def _end(self) -> None:
        self.is_at_end = True
        self._position, self._anchor = self.clock.ends, None
        self._steps = 0
        self.clock.reached_end()


class _PlayedSocket:
    """What is under a line that is played: it answers from the recording."""

    def __init__(self, connection: _PlayedConnection) -> None:
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


class _PlayedConnection:
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
            self._go(ConnectionState.SYNCING, "open", None)
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


def _checked(speed: float) -> float:
    if not (SLOWEST <= speed <= FASTEST or speed == math.inf):
        raise ValueError(f"speed must be between {SLOWEST:g} and {FASTEST:g}, or infinite, not {speed!r}")
    return speed
