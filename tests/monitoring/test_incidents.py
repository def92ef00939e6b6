"""Incidents: what belongs together is one, whatever the order in which it is told; and the uptime of each day."""

from __future__ import annotations

import itertools

import pytest

from tests.monitoring.world import WALL, Line, World
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.monitoring.alerts import Alert, AlertKind, AlertSeverity
from upbit_ws_qt.monitoring.incidents import (
    INCIDENTS_KEPT,
    SETTLED,
    TOGETHER,
    Healing,
    Incident,
    IncidentBook,
    LineReading,
    LineStep,
)
from upbit_ws_qt.monitoring.monitor import IncidentChanged, Monitor
from upbit_ws_qt.monitoring.uptime import DAY, DAYS_KEPT, UptimeBook
from upbit_ws_qt.text import Phrase
from upbit_ws_qt.types import ConnectionState as State
from upbit_ws_qt.types import WebSocketType

PUBLIC, PRIVATE, INFO = WebSocketType.PUBLIC, WebSocketType.PRIVATE, WebSocketType.INFO
RESET = Phrase("the other side ended it")
GOOD = LineReading(score=98, rtt=0.04, messages_per_second=812)
SLOW = LineReading(score=71, rtt=0.3, messages_per_second=700)


def step(line: WebSocketType, old: State, new: State, at: float, cause: str = "") -> LineStep:
    return LineStep(line, old, new, at, WALL + at, cause, 1006 if cause else None)


class Told:
    """A book with three lines that are up, and what it said."""

    def __init__(self) -> None:
        self.book = IncidentBook(lambda line: {"tape", "order book"} if line is PUBLIC else {"my orders"})
        for line in WebSocketType:
            self.book.step(step(line, State.SYNCING, State.CONNECTED, 0))
        self.look(1)

    def look(self, now: float, reading: LineReading = GOOD, proved: tuple[int, int] = (275, 275)) -> list[Incident]:
        lines = dict.fromkeys(WebSocketType, reading)
        return self.book.look(now, WALL + now, lines, dict.fromkeys(WebSocketType, proved))

    def lose(self, line: WebSocketType, at: float, cause: str = RESET) -> None:
        self.book.step(step(line, State.CONNECTED, State.RECONNECTING, at, cause))

    def restore(self, line: WebSocketType, at: float, epoch: int = 2) -> None:
        self.book.gap(line, epoch - 1, epoch)
        self.book.step(step(line, State.SYNCING, State.CONNECTED, at))


def test_an_outage_is_one_card_with_all_that_is_known_of_it() -> None:
    told = Told()
    told.lose(PUBLIC, 10)
    (begun,) = told.look(11)
    assert str(begun.headline) == "public dark for 1.0 s: the other side ended it"
    assert not begun.is_over
    told.restore(PUBLIC, 22)
    told.look(22.5)
    told.book.healed(Healing(PUBLIC, 1, 2, 3120, 3120, 0, ""))
    told.look(22 + SETTLED, SLOW)
    (whole,) = told.book.incidents()
    (line,) = whole.lines
    assert (whole.began_at, whole.ended_at) == (WALL + 10, WALL + 22)
    assert (line.down_seconds, line.close_code, line.losses) == (12, 1006, 1)
    assert (line.old_epoch, line.new_epoch, line.restored, line.restorable) == (1, 2, 275, 275)
    assert (whole.missed, whole.recovered, whole.is_whole) == (3120, 3120, True)
    assert line.stale == ("order book", "tape")
    assert (line.before, line.after) == (GOOD, SLOW)
    assert whole.advice == "Nothing: all is back."
    assert told.look(60) == []


@pytest.mark.parametrize("order", list(itertools.permutations(("look", "healed", "said"))))
def test_it_does_not_matter_what_is_told_first(order: tuple[str, ...]) -> None:
    told = Told()
    told.book.said(PUBLIC, "TOO_MANY_SUBSCRIBE")
    told.lose(PUBLIC, 10)
    told.restore(PUBLIC, 10.2)  # between two readings
    for what in order:
        if what == "look":
            told.look(11)
        elif what == "healed":
            told.book.healed(Healing(PUBLIC, 1, 2, 7, 5, 1, "limit"))
        else:
            told.book.said(PUBLIC, "TOO_MANY_SUBSCRIBE")
    told.look(30)
    (line,) = told.book.incidents()[0].lines
    assert line.down_seconds == pytest.approx(0.2)
    assert (line.missed, line.recovered, line.not_whole, line.reason) == (7, 5, 1, "limit")
    assert line.said == ("TOO_MANY_SUBSCRIBE",)
    assert "lost for good" in told.book.incidents()[0].advice


def test_lines_that_go_together_are_one_and_those_that_go_later_another() -> None:
    told = Told()
    told.lose(PUBLIC, 10)
    told.lose(PRIVATE, 12)
    told.restore(PRIVATE, 15)
    told.restore(PUBLIC, 18)
    told.lose(PUBLIC, 18 + TOGETHER - 1)  # it flutters
    told.restore(PUBLIC, 18 + TOGETHER, 3)
    told.look(60)
    told.lose(INFO, 18 + 2 * TOGETHER + 1)
    told.look(80)
    latest, first = told.book.incidents()
    assert [line.ws_type for line in first.lines] == [PUBLIC, PRIVATE]
    assert [line.losses for line in first.lines] == [2, 1]
    assert first.lines[0].down_seconds == pytest.approx(9)
    assert str(first.headline).startswith("public, private dark for 9.0 s")
    assert [line.ws_type for line in latest.lines] == [INFO]
    assert "dialled by itself" in latest.advice


def test_an_exchange_that_was_never_reached_is_said_to_be_so_and_a_wish_that_ends_ends_it() -> None:
    book = IncidentBook()
    book.step(step(PUBLIC, State.CONNECTING, State.RECONNECTING, 1, "nothing listens there"))
    book.look(4, WALL + 4, {}, {})
    (incident,) = book.incidents()
    assert str(incident.headline) == "public not reached for 3.0 s: nothing listens there"
    book.step(step(PUBLIC, State.RECONNECTING, State.FAILED, 5))
    assert "press Reconnect" in book.incidents()[0].advice
    book.step(step(PUBLIC, State.FAILED, State.DISCONNECTED, 6))
    assert book.incidents()[0].ended_at == WALL + 6


def test_a_renewal_is_no_incident() -> None:
    told = Told()
    told.book.gap(PUBLIC, 1, 2)
    told.book.healed(Healing(PUBLIC, 1, 2, 0, 0, 0, ""))
    assert told.look(5) == []
    assert told.book.incidents() == ()


def alert(kind: AlertKind, number: int, line: WebSocketType | None = None) -> Alert:
    return Alert(
        alert_id=number,
        kind=kind,
        severity=AlertSeverity.WARNING,
        ws_type=line,
        subject="",
        message=kind.value,
        value=2.0,
        threshold=1.0,
        clear_at=0.5,
        raised_at=WALL + 30,
    )


def test_an_alert_belongs_to_the_loss_that_it_came_with_or_is_an_incident_of_its_own() -> None:
    told = Told()
    told.book.alert(alert(AlertKind.LATE, 1, PUBLIC), raised=True)
    told.book.alert(alert(AlertKind.MAINTENANCE, 2), raised=True)
    told.book.alert(alert(AlertKind.CONNECTION_LOST, 3, INFO), raised=True)  # without the loss itself
    (late,) = told.look(30)
    assert [each.kind for each in late.alerts] == [AlertKind.LATE]
    told.book.alert(alert(AlertKind.LATE, 1, PUBLIC), raised=False)
    told.look(31)
    assert told.book.incidents()[0].is_over
    told.lose(PRIVATE, 100)
    told.look(101)
    told.book.alert(alert(AlertKind.CONNECTION_LOST, 4, PRIVATE), raised=True)
    told.restore(PRIVATE, 105)
    told.look(106)
    assert not told.book.incidents()[0].is_over  # its alert lasts
    told.book.alert(alert(AlertKind.CONNECTION_LOST, 4, PRIVATE), raised=False)
    told.look(111)
    latest = told.book.incidents()[0]
    assert (len(told.book.incidents()), latest.is_over, len(latest.alerts)) == (2, True, 1)


def test_only_so_many_are_kept() -> None:
    told = Told()
    for number in range(INCIDENTS_KEPT + 5):
        told.lose(PUBLIC, 100 * number)
        told.restore(PUBLIC, 100 * number + 1, number + 2)
        told.look(100 * number + 2)
    assert len(told.book.incidents()) == INCIDENTS_KEPT


def test_the_monitor_tells_it_with_its_own_readings_and_alerts() -> None:
    monitor = Monitor(ServiceConfig())
    public = Line(PUBLIC)
    world = World(monitor, [public])
    monitor.note_step(step(PUBLIC, State.SYNCING, State.CONNECTED, 0))
    world.run(30)
    public.lose("reset")
    monitor.note_step(step(PUBLIC, State.CONNECTED, State.RECONNECTING, world.now, "reset"))
    world.run(12)
    public.restore(world.now)
    monitor.note_step(step(PUBLIC, State.SYNCING, State.CONNECTED, world.now))
    world.run(40)
    (incident,) = monitor.incidents()
    assert incident.is_over
    assert incident.lines[0].before is not None
    assert incident.lines[0].before.score > 90
    assert incident.lines[0].after is not None
    assert [each.kind for each in incident.alerts] == [AlertKind.CONNECTION_LOST]
    changes = [change.incident for change in world.changes if isinstance(change, IncidentChanged)]
    assert changes[-1] == incident
    assert len(changes) < 30  # it is told once a second while it lasts, and not after
    (day,) = monitor.uptime()
    assert (day.losses, day.wanted) == (1, 82)
    assert day.share == pytest.approx(70 / 82)


def test_without_history_there_are_no_incidents() -> None:
    monitor = Monitor(ServiceConfig(metrics_history=False))
    monitor.note_step(step(PUBLIC, State.CONNECTED, State.RECONNECTING, 1))
    World(monitor, [Line(PUBLIC)]).run(2)
    assert monitor.incidents() == ()


def test_uptime_is_exact_between_readings_and_counts_from_the_first_proof() -> None:
    book = UptimeBook()
    book.step(step(PUBLIC, State.DISCONNECTED, State.CONNECTING, 0))
    book.look(2, WALL + 2)
    book.step(step(PUBLIC, State.SYNCING, State.CONNECTED, 3))
    book.look(4, WALL + 4)
    book.step(step(PUBLIC, State.CONNECTED, State.RECONNECTING, 4.25))
    book.step(step(PUBLIC, State.RECONNECTING, State.CONNECTED, 4.5))
    book.look(5, WALL + 5)
    book.look(5000, WALL + 5000)  # the computer slept
    (day,) = book.days()
    assert (day.wanted, day.up, day.losses) == (2, 1.75, 1)
    book.step(step(PUBLIC, State.CONNECTED, State.DISCONNECTED, 5001))
    book.look(5005, WALL + 5005)
    assert book.days()[0].wanted == 3  # nobody wants it


def test_a_day_begins_at_midnight_in_korea_and_31_are_kept() -> None:
    book = UptimeBook()
    midnight = 20_000 * DAY - 9 * 3600
    book.step(LineStep(PUBLIC, State.SYNCING, State.CONNECTED, 0, midnight - 4.5))
    book.look(4, midnight - 0.5)
    book.look(10, midnight + 5.5)
    assert [(day.day, day.wanted) for day in book.days()] == [(19_999, 4.0), (20_000, 6.0)]
    for day in range(1, 100):
        book.look(10 + day * DAY, midnight + 6 + day * DAY)
        book.look(15 + day * DAY, midnight + 11 + day * DAY)
    assert [day.day for day in book.days()] == list(range(20_100 - DAYS_KEPT, 20_100))
