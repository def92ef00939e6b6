"""A line tells control messages from data; the states follow each other as the table says."""

from __future__ import annotations

import itertools
import random

import pytest

from upbit_ws_qt.connection import (
    TRANSITIONS,
    Inbox,
    Line,
    MessageLimiter,
    RawFrame,
    StateChange,
)
from upbit_ws_qt.connection.figures import ConnectionCounters
from upbit_ws_qt.connection.states import HISTORY, StateMachine
from upbit_ws_qt.errors import ConnectionLostError
from upbit_ws_qt.types import ConnectionState, WebSocketType
from upbit_ws_qt.wire import ServerError, ServerStatus, SubscriptionList

PUBLIC = WebSocketType.PUBLIC
TICKER = b'{"type":"ticker","code":"KRW-BTC","trade_price":1}'


class Watched:
    """A line without a socket, and what it made of what it was given."""

    def __init__(self) -> None:
        self.inbox = Inbox(PUBLIC, 100)
        self.inbox.epoch = 7
        self.controls: list[object] = []
        self.line = Line(PUBLIC, 7, MessageLimiter(), self.inbox.put, lambda _, message: self.controls.append(message))

    def give(self, data: bytes) -> None:
        self.line.on_frames(iter([data]), 12.5)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'{"error":{"name":"NO_CODES","message":"codes"}}', ServerError),
        (b' { "error" : {"name":"NO_CODES","message":"codes"}}', ServerError),
        (b'{"status":"UP"}', ServerStatus),
        (b'{"method":"LIST_SUBSCRIPTIONS","result":[],"ticket":"t"}', SubscriptionList),
    ],
)
def test_control_messages_go_past_the_inbox_however_they_are_spelt(data: bytes, kind: type) -> None:
    watched = Watched()
    watched.give(data)
    assert [type(message) for message in watched.controls] == [kind]
    assert len(watched.inbox) == 0


@pytest.mark.parametrize(
    "data",
    [
        TICKER,
        b"[" + TICKER + b"]",
        b'{"ty":"ticker","cd":"KRW-BTC"}',
        b'{"code":"KRW-BTC","type":"trade"}',
        b"not json",
        b"",
        b"[]",
        b"[" * 20_000,
        b"\xff\xfe",
    ],
)
def test_everything_else_is_data_stamped_with_the_line(data: bytes) -> None:
    watched = Watched()
    watched.give(data)
    assert watched.controls == []
    frame = watched.inbox.pop()
    assert frame == RawFrame(data, 12.5, 7, PUBLIC)


def test_an_observer_sees_data_and_no_control() -> None:
    watched = Watched()
    seen: list[bytes | str] = []
    watched.line.observer = seen.append
    watched.give(TICKER)
    watched.give(b'{"status":"UP"}')
    assert seen == [TICKER]


async def test_a_line_without_a_socket_is_not_open() -> None:
    line = Watched().line
    assert not line.is_open
    assert line.figures().frames == 0
    with pytest.raises(ConnectionLostError):
        await line.send(b"x")
    await line.close()
    line.abort("nothing to cut")


def machine(changes: list[StateChange]) -> StateMachine:
    ticks = itertools.count()
    return StateMachine(PUBLIC, lambda: float(next(ticks)), lambda: 1_700_000_000.5, changes.append)


def test_only_legal_steps_are_taken() -> None:
    for start, to in itertools.product(ConnectionState, ConnectionState):
        changes: list[StateChange] = []
        one = machine(changes)
        one.state = start
        if start is to:
            assert one.move(to, "same") is False
            assert changes == []
        elif to in TRANSITIONS[start]:
            assert one.move(to, "why", 1006) is True
            assert (changes[0].old, changes[0].new, changes[0].cause, changes[0].close_code) == (start, to, "why", 1006)
            assert changes[0].at_ms == 1_700_000_000_500
        else:
            with pytest.raises(RuntimeError, match=start.value):
                one.move(to, "illegal")
            assert one.state is start


def test_stopped_is_the_end_and_every_other_state_can_stop() -> None:
    assert TRANSITIONS[ConnectionState.STOPPED] == frozenset()
    assert all(ConnectionState.STOPPED in to for state, to in TRANSITIONS.items() if state.value != "stopped")
    assert set(TRANSITIONS) == set(ConnectionState)


def test_the_history_is_bounded_and_ends_with_the_present() -> None:
    rng = random.Random(3)
    one = machine([])
    for _ in range(2000):
        choices = sorted(TRANSITIONS[one.state] - {ConnectionState.STOPPED})
        one.move(rng.choice(choices), "random")
    assert len(one.history) == HISTORY
    assert one.history[-1].new is one.state
    assert all(earlier.new is later.old for earlier, later in itertools.pairwise(one.history))


def test_round_trips_can_be_counted_anew() -> None:
    counters = ConnectionCounters()
    counters.add_rtt(0.05, 1.0)
    assert counters.rtt.summary().count == 1
    counters.reset_rtt()
    assert counters.rtt.summary().count == 0
    assert counters.rtt_last is None


def test_made_up_error_names_are_counted_within_a_bound() -> None:
    counters = ConnectionCounters()
    for number in range(1000):
        counters.add_refusal(f"ERROR_{number}")
        counters.add_refusal("TOO_MANY_REQUEST")
    assert len(counters.refusals) <= 33
    assert counters.refusals["TOO_MANY_REQUEST"] == 1000
    assert counters.refusals.total() == 2000
