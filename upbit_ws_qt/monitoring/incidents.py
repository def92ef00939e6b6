"""Incidents: what happened together, over all lines, told as one thing, with what was before and what came after."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, structs

from upbit_ws_qt.monitoring.alerts import AlertKind
from upbit_ws_qt.monitoring.phrases import duration
from upbit_ws_qt.text import Phrase, safe_text
from upbit_ws_qt.types import ConnectionState, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from upbit_ws_qt.monitoring.alerts import Alert

__all__ = ["Healing", "Incident", "IncidentAlert", "IncidentBook", "IncidentLine", "LineReading", "LineStep"]

TOGETHER = 30.0
"""Seconds after an incident within which another loss, or alert, is taken for more of the same."""
SETTLED = 10.0
"""Seconds after its return from which on a line's figures tell what it is like now."""
INCIDENTS_KEPT = 200
SAID_KEPT = 5
STALE_KEPT = 20
ALERTS_KEPT = 20
EARLY_KEPT = 16
EARLY_FOR = 60.0
"""Seconds for which a report that came before its loss was read off is kept."""
TEXT_CHARACTERS = 300
OFTEN = 2
"""Losses of one line in one incident above which something other than chance is at work."""

_DOWN = frozenset({ConnectionState.RECONNECTING, ConnectionState.FAILED})
_ENDED = frozenset({ConnectionState.DISCONNECTED, ConnectionState.STOPPED})
_OF_LINES = frozenset({AlertKind.CONNECTION_LOST, AlertKind.RECONNECTING_OFTEN})
"""Alerts that a loss tells already; they make no incident of their own."""


class LineReading(Struct, frozen=True, kw_only=True):
    """How a line did at one moment.

    Attributes:
        score: 0 to 100.
        rtt: seconds of the last round trip, None where none was measured.
        messages_per_second: that came.
    """

    score: float
    rtt: float | None
    messages_per_second: float


class IncidentLine(Struct, frozen=True, kw_only=True):
    """What became of one line.

    Attributes:
        ws_type: which.
        lost_at: when it went first, in seconds since 1970.
        cause: of the first loss, in a few words.
        close_code: of the first loss, None where there was no close frame.
        losses: how often it went.
        down_seconds: without a proved line, all losses together; of a loss that lasts, up to the last reading.
        is_down: whether it is still away.
        is_given_up: whether it is not dialled any more.
        reached: whether there was a line before; False where the exchange was never reached.
        old_epoch: before, and `new_epoch` after; 0 where it is not known.
        new_epoch: see there.
        restored: streams that were proved on the new line, and `restorable` how many there were to prove.
        restorable: see there.
        may_miss: streams that may have missed something for good (trades, orders, assets).
        missed: what the exchange says was missed (trades, candles, orders, assets).
        recovered: how much of it was handed out.
        not_whole: streams of which something is lost for good, and `reason` why, of the first.
        reason: see there.
        is_healed: whether what was missed was looked for.
        before: the last reading before the loss, and `after` one of some seconds after the return.
        after: see there.
        said: errors that the exchange told meanwhile, at most five different ones.
        stale: components that had streams on this line, and so stale data; at most twenty.
    """

    ws_type: WebSocketType
    lost_at: float
    cause: str = ""
    close_code: int | None = None
    losses: int = 1
    down_seconds: float = 0.0
    is_down: bool = True
    is_given_up: bool = False
    reached: bool = True
    old_epoch: int = 0
    new_epoch: int = 0
    restored: int = 0
    restorable: int = 0
    may_miss: int = 0
    missed: int = 0
    recovered: int = 0
    not_whole: int = 0
    reason: str = ""
    is_healed: bool = False
    before: LineReading | None = None
    after: LineReading | None = None
    said: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()


class IncidentAlert(Struct, frozen=True, kw_only=True):
    """An alert of an incident.

    Attributes:
        kind: of the alert.
        message: in words, as of when it was raised, or over.
        is_over: whether it was cleared.
    """

    kind: AlertKind
    message: str
    is_over: bool = False


class Incident(Struct, frozen=True, kw_only=True):
    """What happened together.

    Attributes:
        incident_id: rises from the start of the program.
        began_at: seconds since 1970.
        ended_at: when the last line was back and the last alert over; None while it lasts.
        lines: that were lost, in the order in which they went.
        alerts: that were raised meanwhile; of one without lines they are all there is.
    """

    incident_id: int
    began_at: float
    ended_at: float | None = None
    lines: tuple[IncidentLine, ...] = ()
    alerts: tuple[IncidentAlert, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether all lines are back and all alerts over."""
        return self.ended_at is not None

    @property
    def down_seconds(self) -> float:
        """The longest time that one of the lines was without."""
        return max((line.down_seconds for line in self.lines), default=0.0)

    @property
    def missed(self) -> int:
        """What was missed on all lines."""
        return sum(line.missed for line in self.lines)

    @property
    def recovered(self) -> int:
        """How much of it was handed out."""
        return sum(line.recovered for line in self.lines)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is lost for good, as far as it is known."""
        return not any(line.not_whole for line in self.lines)

    @property
    def headline(self) -> str:
        """What it was, in one sentence; a `Phrase`."""
        if not self.lines:
            return self.alerts[0].message if self.alerts else Phrase("nothing is known")
        first = self.lines[0]
        names = tuple(Phrase(line.ws_type.value) for line in self.lines)
        values = {"lines": names, "time": duration(self.down_seconds), "cause": first.cause or Phrase("no cause known")}
        if not first.reached:
            return Phrase("{lines} not reached for {time}: {cause}", **values)
        return Phrase("{lines} dark for {time}: {cause}", **values)

    @property
    def advice(self) -> str:
        """What a person should do, in a sentence or two; a `Phrase`."""
        return _advice(self)


def _advice(incident: Incident) -> str:
    lines = incident.lines
    if any(line.is_given_up for line in lines):
        return Phrase("This line is not dialled any more: mend what the cause says, then press Reconnect.")
    if any(line.is_down for line in lines):
        if len(lines) > 1:
            return Phrase("Several lines went together: look at this computer's network. They are dialled again.")
        return Phrase("Nothing yet: it is dialled by itself. If it lasts, look at network and notices of the exchange.")
    if any(line.not_whole for line in lines):
        return Phrase("Something is lost for good: reload what you computed from trades, candles or orders since then.")
    if any(line.losses > OFTEN for line in lines):
        return Phrase("It was lost again and again: look for a weak network, a proxy, or another program's limits.")
    if any(line.may_miss and not line.is_healed for line in lines):
        return Phrase("What was missed is fetched; where back-fill is off, reload trades and orders since then.")
    if lines:
        return Phrase("Nothing: all is back.")
    return Phrase("Nothing: it is over.") if incident.is_over else Phrase("The tab Advice names what costs most.")


class LineStep(NamedTuple):
    """One change of a line's state; `at` is of the loop's clock, `wall` in seconds since 1970."""

    ws_type: WebSocketType
    old: ConnectionState
    new: ConnectionState
    at: float
    wall: float
    cause: str = ""
    close_code: int | None = None


class Healing(NamedTuple):
    """What became of a gap, in figures: from epoch `old` to `new`; `not_whole` are streams."""

    ws_type: WebSocketType
    old: int
    new: int
    missed: int
    recovered: int
    not_whole: int
    reason: str


class _Open:
    """A line of an incident that is being written."""

    def __init__(self, told: IncidentLine, at: float) -> None:
        self.told = told
        self.down_since: float | None = at
        self.down_before = 0.0  # of losses that are over
        self.settles_at: float | None = None

    def change(self, **changes: object) -> None:
        self.told = structs.replace(self.told, **changes)


class _Writing:
    """An incident that may still change."""

    def __init__(self, incident: Incident) -> None:
        self.told = incident
        self.lines: dict[WebSocketType, _Open] = {}
        self.alerts: dict[int, IncidentAlert] = {}
        self.ended: float | None = None  # loop clock
        self.touched = 0.0  # loop clock: when something of it last began or ended

    def picture(self) -> Incident:
        """Return it as it stands."""
        lines = tuple(each.told for each in self.lines.values())
        self.told = structs.replace(self.told, lines=lines, alerts=tuple(self.alerts.values()))
        return self.told

    @property
    def is_dark(self) -> bool:
        return any(line.told.is_down for line in self.lines.values())

    @property
    def goes_on(self) -> bool:
        return self.is_dark or not all(alert.is_over for alert in self.alerts.values())


class IncidentBook:
    """Puts what is told of lines, gaps, alerts and errors together. No clock of its own: `look` is told the time.

    Whatever comes is kept until the next `look`, which says what is new: a line that flutters is told once a second.
    The last 200 incidents are kept.

    Args:
        stale_on: names the components that have streams on a line.
    """

    def __init__(self, stale_on: Callable[[WebSocketType], Iterable[str]] = lambda _: ()) -> None:
        self._stale_on = stale_on
        self._kept: deque[_Writing] = deque(maxlen=INCIDENTS_KEPT)
        self._changed: dict[int, _Writing] = {}
        self._readings: dict[WebSocketType, LineReading] = {}
        self._early: deque[tuple[float, Healing]] = deque(maxlen=EARLY_KEPT)
        self._early_said: deque[tuple[float, WebSocketType, str]] = deque(maxlen=EARLY_KEPT)
        self._up_once: set[WebSocketType] = set()
        self._now = 0.0
        self._next_id = 1

    # -- told -----------------------------------------------------------------------------------------------------
    def step(self, step: LineStep) -> None:
        """Take in a change of a line's state."""
        if step.new in _DOWN:
            self._down(step)
        elif step.new is ConnectionState.CONNECTED:
            self._up_once.add(step.ws_type)
            self._back(step, ended=False)
        elif step.new in _ENDED:
            self._up_once.discard(step.ws_type)
            self._back(step, ended=True)

    def gap(self, ws_type: WebSocketType, old: int, new: int, may_miss: int = 0) -> None:
        """Take in a change of epoch after which so many streams may have missed something.

        One that belongs to no loss is a renewal and no incident.
        """
        writing = self._latest_of(ws_type)
        if writing is None or old == new:  # there was no room for something: the line is the same
            return
        line = writing.lines[ws_type]
        if line.told.is_down or line.settles_at is not None:
            line.change(old_epoch=line.told.old_epoch or old, new_epoch=new, may_miss=may_miss)
            self._note(writing)

    def healed(self, healing: Healing) -> None:
        """Take in what became of a gap; it may be told before the loss is."""
        if not self._take_healing(healing):
            self._early.append((self._now, healing))

    def said(self, ws_type: WebSocketType, text: str) -> None:
        """Take in what the exchange told about a line; it may be told just before the line goes."""
        writing = self._latest_of(ws_type)
        if writing is not None and (writing.lines[ws_type].told.is_down or not writing.told.is_over):
            self._add_said(writing.lines[ws_type], text)
            self._note(writing)
        else:
            self._early_said.append((self._now, ws_type, text))

    def alert(self, alert: Alert, *, raised: bool) -> None:
        """Take in an alert that was raised or cleared; maintenance that was announced is none."""
        if alert.kind is AlertKind.MAINTENANCE:
            return
        told = IncidentAlert(kind=alert.kind, message=alert.message, is_over=not raised)
        if not raised:
            for writing in self._kept:
                if alert.alert_id in writing.alerts:
                    writing.alerts[alert.alert_id] = told
                    self._note(writing)
            return
        latest, ws_type = self._going_on(self._now), alert.ws_type
        if alert.kind in _OF_LINES:
            if latest is None or ws_type not in latest.lines:
                return
        elif latest is not None and ws_type is not None and latest.lines and ws_type not in latest.lines:
            latest = None
        writing = latest or self._begin(alert.raised_at)
        if len(writing.alerts) < ALERTS_KEPT:
            writing.alerts[alert.alert_id] = told
            self._reopen(writing, self._now)

    # -- once a second --------------------------------------------------------------------------------------------
    def look(
        self,
        now: float,
        wall_clock: float,
        readings: dict[WebSocketType, LineReading],
        proved: dict[WebSocketType, tuple[int, int]],
    ) -> list[Incident]:
        """Bring all to `now` and return what changed since the last look, the oldest first.

        Args:
            now: loop clock.
            wall_clock: seconds since 1970.
            readings: of the lines that are up.
            proved: of each line, the streams restored on its present line, and how many there were to restore.
        """
        self._now = now
        while self._early and now - self._early[0][0] > EARLY_FOR:
            self._early.popleft()
        while self._early_said and now - self._early_said[0][0] > EARLY_FOR / 12:
            self._early_said.popleft()
        for writing in self._kept:
            if not writing.told.is_over or any(line.settles_at is not None for line in writing.lines.values()):
                self._bring(writing, now, wall_clock, readings, proved)
        self._readings = readings
        changed = [writing.picture() for _, writing in sorted(self._changed.items())]
        self._changed.clear()
        return changed

    def incidents(self, seconds: float | None = None, wall_clock: float = 0.0) -> tuple[Incident, ...]:
        """Return what lasts or ended in the last `seconds` before `wall_clock`, None for all; the newest first."""
        found = [writing.picture() for writing in reversed(self._kept)]
        if seconds is None:
            return tuple(found)
        since = wall_clock - seconds
        return tuple(each for each in found if each.ended_at is None or each.ended_at >= since)

    # -- inside ---------------------------------------------------------------------------------------------------
    def _down(self, step: LineStep) -> None:
        ws_type = step.ws_type
        given_up = step.new is ConnectionState.FAILED
        writing = self._going_on(step.at)
        if writing is None:
            writing = self._begin(step.wall)
        line = writing.lines.get(ws_type)
        if line is None:
            told = IncidentLine(
                ws_type=ws_type,
                lost_at=step.wall,
                cause=safe_text(step.cause, TEXT_CHARACTERS),
                close_code=step.close_code,
                is_given_up=given_up,
                reached=ws_type in self._up_once,
                before=self._readings.get(ws_type),
                stale=tuple(sorted(set(self._stale_on(ws_type)))[:STALE_KEPT]),
            )
            line = writing.lines[ws_type] = _Open(told, step.at)
            for entry in tuple(self._early_said):
                if entry[1] is ws_type:
                    self._add_said(line, entry[2])
                    self._early_said.remove(entry)
        elif line.down_since is None:
            line.down_since, line.settles_at = step.at, None
            line.change(losses=line.told.losses + 1, is_down=True, is_given_up=given_up)
        else:
            line.change(is_given_up=given_up)
        self._reopen(writing, step.at)

    def _back(self, step: LineStep, *, ended: bool) -> None:
        writing = self._latest_of(step.ws_type)
        line = None if writing is None else writing.lines[step.ws_type]
        if writing is None or line is None or line.down_since is None:
            return
        line.down_before += max(0.0, step.at - line.down_since)
        line.down_since = None
        line.settles_at = None if ended else step.at + SETTLED
        line.change(is_down=False, is_given_up=False, down_seconds=line.down_before)
        self._end_if_over(writing, step.at, step.wall)
        self._note(writing)

    def _bring(
        self,
        writing: _Writing,
        now: float,
        wall_clock: float,
        readings: dict[WebSocketType, LineReading],
        proved: dict[WebSocketType, tuple[int, int]],
    ) -> None:
        for ws_type, line in writing.lines.items():
            if line.down_since is not None:
                line.change(down_seconds=line.down_before + max(0.0, now - line.down_since))
                self._note(writing)
            elif line.settles_at is not None:
                restored, restorable = proved.get(ws_type, (0, 0))
                if (restored, restorable) != (line.told.restored, line.told.restorable):
                    line.change(restored=restored, restorable=restorable)
                    self._note(writing)
                if now >= line.settles_at:
                    line.settles_at = None
                    line.change(after=readings.get(ws_type))
                    self._note(writing)
        for entry in tuple(self._early):
            if self._take_healing(entry[1]):
                self._early.remove(entry)
        self._end_if_over(writing, now, wall_clock)

    def _take_healing(self, healing: Healing) -> bool:
        for writing in reversed(self._kept):
            line = writing.lines.get(healing.ws_type)
            # A report is of the epochs around a loss; it may span several losses of the same incident.
            if (
                line is None
                or line.told.is_down
                or not line.told.old_epoch <= healing.old < healing.new <= line.told.new_epoch
            ):
                continue
            line.change(
                missed=line.told.missed + healing.missed,
                recovered=line.told.recovered + healing.recovered,
                not_whole=line.told.not_whole + healing.not_whole,
                reason=line.told.reason or safe_text(healing.reason, TEXT_CHARACTERS),
                is_healed=True,
            )
            self._note(writing)
            return True
        return False

    def _add_said(self, line: _Open, text: str) -> None:
        told = safe_text(text, TEXT_CHARACTERS)
        if told not in line.told.said and len(line.told.said) < SAID_KEPT:
            line.change(said=(*line.told.said, told))

    def _begin(self, wall: float) -> _Writing:
        writing = _Writing(Incident(incident_id=self._next_id, began_at=wall))
        self._next_id += 1
        self._kept.append(writing)
        return writing

    def _going_on(self, at: float) -> _Writing | None:
        """Return the incident that something new belongs to: the latest, where a line is away or just came back."""
        latest = self._kept[-1] if self._kept else None
        if latest is None or (at - latest.touched > TOGETHER and not latest.is_dark):
            return None
        return latest

    def _latest_of(self, ws_type: WebSocketType) -> _Writing | None:
        return next((writing for writing in reversed(self._kept) if ws_type in writing.lines), None)

    def _reopen(self, writing: _Writing, at: float) -> None:
        writing.ended, writing.touched = None, at
        writing.told = structs.replace(writing.told, ended_at=None)
        self._note(writing)

    def _end_if_over(self, writing: _Writing, at: float, wall: float) -> None:
        if writing.ended is None and not writing.goes_on:
            writing.ended = writing.touched = at
            writing.told = structs.replace(writing.told, ended_at=wall)
            self._note(writing)

    def _note(self, writing: _Writing) -> None:
        self._changed[writing.told.incident_id] = writing
