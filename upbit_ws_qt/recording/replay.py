"""A replay: a recording in place of the lines, with a clock that can be stopped, sped up and set to any moment.

Everything above the line is what it is in a live program: inbox, drain, order guards, channels, subscriptions that are
sent and proved. Only the socket under each line is played: it answers what it is asked from the recording. What is
handed out, and in which order, depends on the recording and on what is wanted, not on the speed: the player goes no
faster than its consumers take the events.
"""

from __future__ import annotations

import math
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from upbit_ws_qt.computer import Computer
from upbit_ws_qt.events import TradeEvent
from upbit_ws_qt.recording.played_line import PlayedConnection
from upbit_ws_qt.recording.played_rest import PlayedTransport
from upbit_ws_qt.recording.reader import Moment, Recording, Spot
from upbit_ws_qt.recording.replay_clock import ReplayClock
from upbit_ws_qt.recording.segments import Entry, Kind, RecordingError
from upbit_ws_qt.types import WebSocketType
from upbit_ws_qt.wire import decode

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.connection import Supervisor
    from upbit_ws_qt.manager.wiring import Wiring
    from upbit_ws_qt.recording.writer import LineStanding

__all__ = ["Replay"]

AT_ONCE = 128
"""Frames that are handed in before all of them must be handed out: fewer than the routing takes for overload."""
LATE = 0.25
"""Seconds by which the clock may run ahead of what was played before it waits."""
BREATH = 0.001
"""Seconds between two looks while something is waited for, and by which what is due soon is put together."""
TURN = 0.008
"""Seconds that one turn may take."""
MOST_OWN = 5000
"""Messages about own orders and assets that are handed out after the clock was set."""
_OWN = "my"  # the beginning of the names of streams about the account


def quiet(config: ServiceConfig) -> ServiceConfig:
    """Return settings with which nothing leaves the computer and nobody is alarmed by what is long over."""
    nowhere = "127.0.0.1:9"  # the port that discards
    return config.replace(
        public_url=f"ws://{nowhere}/websocket/v1",
        private_url=f"ws://{nowhere}/websocket/v1/private",
        info_url=f"ws://{nowhere}/websocket/v1/info",
        rest_url=f"http://{nowhere}",
        credentials=None,
        desk_url=None,
        backfill=frozenset(),
        busy_silence_timeout=3600.0,  # a clock that stands, or is slow, is no silence
        adaptive=False,
        alerts=False,
        independence_monitor=False,
        raise_independence=False,
    )


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
        transport: what answers questions to REST, from the recording.

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
        self.transport = PlayedTransport(self.recording, self.now)
        self._connections: dict[str, PlayedConnection] = {}
        self._wiring: Wiring | None = None
        self._spots: deque[Spot] = deque(maxlen=2)  # what comes next, read ahead
        self._moment: Moment | None = None
        self._priming: deque[tuple[PlayedConnection, Entry]] = deque()
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
        connection = self._connections[ws_type.value] = PlayedConnection(self, ws_type, config, **parts)
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
        self._steps = 0  # of the moment before
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
            standing, held = moment.standing.lines.get(name), moment.standing.held.get(name, [])
            connection.stand(standing, held and self._not_brought(wall, name, standing, held), fresh=began)
        newest = [entry for entry in moment.standing.newest.values() if not entry.stream.startswith(_OWN)]
        newest = sorted([*newest, *self._own_until(wall, began=began)], key=lambda entry: entry.at)
        self._priming.extend(
            (self._connections[entry.line], entry) for entry in newest if entry.line in self._connections
        )
        self._arm(0.0)

    def _own_until(self, wall: float, *, began: bool) -> list[Entry]:
        """Return what was told of own orders and assets up to a moment: the newest of it is not how they stand."""
        if not self.clock.has_account or (began and wall <= self.clock.begins):
            return []
        found: dict[tuple[float, bytes], Entry] = {}  # how a chapter began repeats what was before
        for chapter in self.recording.back(wall, lambda name: name.startswith(_OWN) and self._is_wanted(name)):
            for entries in chapter:
                found.update({(entry.at, entry.data): entry for entry in entries})
            if len(found) >= MOST_OWN:
                break
        return list(found.values())

    def _not_brought(self, wall: float, line: str, standing: LineStanding | None, held: list[Entry]) -> list[Entry]:
        """Return what a line that is about to take over will bring as news, without what the serving one has brought.

        The guards of the streams told the two apart when this was played up to here; set to a moment, they know the
        newest of each stream only.
        """
        epoch = 0 if standing is None else standing.epoch
        streams = {entry.stream for entry in held}
        brought = {
            _as_seen(entry)
            for entry in self.recording.lately(wall, streams.__contains__)
            if entry.line == line and entry.epoch <= epoch
        }
        return [entry for entry in held if _as_seen(entry) not in brought]

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
    def _is_waiting(self) -> bool:  # what was played meanwhile may have changed it, which a type checker overlooks
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

    def _wait_for(self, connection: PlayedConnection) -> None:
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


def _as_seen(entry: Entry) -> object:
    """Return what is equal for one message on two lines, the first of which may be the snapshot of its line."""
    if entry.stream.startswith("trade "):
        return (entry.stream, *(event.sequential_id for event in decode(entry.data) if isinstance(event, TradeEvent)))
    return (entry.stream, entry.data.replace(b'"REALTIME"', b'"SNAPSHOT"'))
