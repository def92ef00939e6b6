"""The watchdog's rules, with clocks that a test turns by hand."""

from __future__ import annotations

import pytest

from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.connection.watchdog import PING, Watchdog

CONFIG = ServiceConfig(ping_interval=20.0, pong_timeout=15.0, busy_silence_timeout=10.0, close_timeout=1.0)


class Clocks:
    def __init__(self, *, watch_silence: bool = True, config: ServiceConfig = CONFIG) -> None:
        self.now = 1000.0
        self.wall = 1_700_000_000.0
        self.dog = Watchdog(config, self.now, self.wall, watch_silence=watch_silence)
        self.verdicts: list[str] = []

    def run(self, seconds: float, *, frames_per_second: int = 0, answer_after: float | None = 0.05) -> list[str]:
        """Let time pass tick by tick; pings are answered, unless told otherwise."""
        verdicts = []
        end = self.now + seconds
        while self.now < end - 1e-9:
            for _ in range(int(frames_per_second * self.dog.tick)):
                self.dog.frames(1, self.now)
            self.now += self.dog.tick
            self.wall += self.dog.tick
            verdict = self.dog.look(self.now, self.wall)
            if verdict == PING:
                self.dog.pinged(self.now)
                if answer_after is not None:
                    self.dog.pong(self.now + answer_after)
            if verdict is not None:
                verdicts.append(verdict)
        return verdicts

    def freeze(self, seconds: float) -> str | None:
        """Let this program's loop stand still, then look."""
        self.now += seconds + self.dog.tick
        self.wall += seconds + self.dog.tick
        return self.dog.look(self.now, self.wall)


def test_a_quiet_line_whose_pings_are_answered_is_never_accused() -> None:
    clocks = Clocks()
    assert set(clocks.run(3600.0)) == {PING}
    assert clocks.dog.rtt == pytest.approx(0.05)


def test_a_ping_leaves_every_interval() -> None:
    assert len(Clocks().run(205.0)) == 10


def test_a_missing_pong_is_found_within_its_time_and_a_tick() -> None:
    clocks = Clocks()
    began = clocks.now
    verdicts = clocks.run(40.0, answer_after=None)
    assert verdicts[0] == PING
    assert "no pong within 15 s" in verdicts[1]
    clocks = Clocks()
    while not clocks.run(0.25, answer_after=None) or clocks.now < began + 25:
        pass
    assert clocks.now - began <= 20.0 + 15.0 + 1.0


@pytest.mark.parametrize("dies_after", [0.1, 2.0, 4.9])
def test_by_default_a_line_that_is_dead_is_found_within_ten_seconds(dies_after: float) -> None:
    clocks = Clocks(watch_silence=False, config=ServiceConfig())  # a private line: its silence says nothing
    clocks.run(60.0 + dies_after)
    died = clocks.now
    while not any("no pong" in verdict for verdict in clocks.run(0.25, answer_after=None)):
        assert clocks.now - died < 10.0


@pytest.mark.parametrize("waited", [0.5, 3.0, 3.9])
def test_a_program_that_stands_still_for_longer_than_a_pong_may_take_keeps_its_lines(waited: float) -> None:
    clocks = Clocks(config=ServiceConfig())
    clocks.run(5.25, answer_after=None)  # a ping is under way
    clocks.run(waited, answer_after=None)
    assert clocks.freeze(5.0) is None  # the pong may lie in the buffer, unread
    clocks.dog.pong(clocks.now)
    assert set(clocks.run(60.0)) == {PING}


def test_a_loop_that_is_late_at_each_look_still_pings_and_still_finds_a_dead_line() -> None:
    clocks = Clocks(config=ServiceConfig())
    verdicts = []
    for _ in range(60):
        verdicts.append(clocks.freeze(0.2))
        if verdicts[-1] == PING:
            clocks.dog.pinged(clocks.now)
    assert PING in verdicts
    assert "no pong within 4 s" in verdicts


def test_a_frozen_program_does_not_accuse_the_peer() -> None:
    clocks = Clocks()
    clocks.run(20.25, answer_after=None)  # a ping is under way
    assert clocks.freeze(60.0) is None
    assert clocks.dog.lag == pytest.approx(60.0)
    clocks.dog.pong(clocks.now)  # it lay in the buffer all the time
    assert clocks.dog.rtt < 1.0
    assert set(clocks.run(60.0)) == {PING}


def test_a_frozen_program_still_finds_a_dead_peer_afterwards() -> None:
    clocks = Clocks()
    clocks.run(20.25, answer_after=None)
    clocks.freeze(60.0)
    verdicts = clocks.run(16.0, answer_after=None)
    assert any("no pong" in verdict for verdict in verdicts)


def test_many_small_lags_are_taken_off_too() -> None:
    clocks = Clocks()
    clocks.run(20.25, answer_after=None)
    for _ in range(200):
        assert clocks.freeze(0.08) is None
        if clocks.now > 1020.25 + 15 + 2:
            break
    assert clocks.dog.lag_total > 3


def test_an_answer_to_no_ping_says_nothing() -> None:
    clocks = Clocks()
    assert clocks.dog.pong(clocks.now) is None


def test_a_busy_line_that_falls_silent_is_accused() -> None:
    clocks = Clocks()
    assert set(clocks.run(60.0, frames_per_second=20)) == {PING}
    verdicts = clocks.run(11.0)
    assert next(verdict for verdict in verdicts if verdict != PING).startswith("a busy line fell silent")


@pytest.mark.parametrize("pause", [3.0, 9.0])
def test_a_line_with_pauses_of_its_own_is_not_busy(pause: float) -> None:
    clocks = Clocks()
    verdicts = []
    for _ in range(30):
        verdicts += clocks.run(5.0, frames_per_second=20)
        verdicts += clocks.run(pause)
    verdicts += clocks.run(600.0)
    assert set(verdicts) == {PING}


def test_silence_is_normal_where_nobody_watches_it() -> None:
    clocks = Clocks(watch_silence=False)
    clocks.run(60.0, frames_per_second=20)
    assert set(clocks.run(600.0)) == {PING}


def test_after_a_new_request_nobody_knows_how_busy_the_line_will_be() -> None:
    clocks = Clocks()
    clocks.run(60.0, frames_per_second=20)
    clocks.dog.wishes_changed()
    assert set(clocks.run(600.0)) == {PING}


def test_a_freeze_is_not_taken_for_silence() -> None:
    clocks = Clocks()
    clocks.run(60.0, frames_per_second=20)
    assert clocks.freeze(30.0) is None
    clocks.dog.frames(1, clocks.now)
    assert set(clocks.run(30.0, frames_per_second=20)) <= {PING}


def test_a_clock_that_jumps_means_that_the_computer_slept() -> None:
    clocks = Clocks()
    clocks.run(5.0)
    clocks.wall += 3600.0
    assert clocks.run(0.25) == ["the clock jumped by 3600 s"]
    clocks.wall -= 7200.0  # set back by hand: nobody slept
    assert clocks.run(0.25) == []


def test_a_protocol_error_is_cut_at_the_next_look() -> None:
    clocks = Clocks()
    verdict = clocks.dog.look(clocks.now + 0.25, clocks.wall + 0.25, broken="bad opcode", closing=True)
    assert verdict == "protocol error: bad opcode"
    assert clocks.dog.tick <= 0.25


def test_a_closing_handshake_that_does_not_end_is_cut() -> None:
    clocks = Clocks()
    verdicts = []
    for _ in range(8):
        clocks.now += 0.25
        clocks.wall += 0.25
        verdicts.append(clocks.dog.look(clocks.now, clocks.wall, closing=True))
    assert verdicts[:4] == [None] * 4
    assert verdicts[4] == "the closing handshake did not end"


def test_short_times_are_looked_at_often_enough() -> None:
    dog = Watchdog(ServiceConfig.testing(ping_interval=0.2, pong_timeout=0.4), 0.0, 0.0, watch_silence=True)
    assert dog.tick == pytest.approx(0.05)
