"""Trouble that lines have in common: found, named, dated, and parted where a level parts it."""

from __future__ import annotations

import pytest

from tests.monitoring.world import line_stats
from upbit_ws_qt.monitoring.independence import ConnectionIndependenceMonitor, InterferenceKind
from upbit_ws_qt.monitoring.stats import ProgramStats
from upbit_ws_qt.types import ConnectionState, IndependenceLevel, WebSocketType

PUBLIC, PRIVATE = WebSocketType.PUBLIC, WebSocketType.PRIVATE


class Pair:
    """Two lines and their monitor."""

    def __init__(self, level: IndependenceLevel = IndependenceLevel.BASIC, *, may_raise: bool = True) -> None:
        self.monitor = ConnectionIndependenceMonitor(level, may_raise=may_raise)
        self.now = 0.0
        self.frames = {PUBLIC: 0, PRIVATE: 0}
        self.lost = {PUBLIC: 0, PRIVATE: 0}
        self.dropped = {PUBLIC: 0, PRIVATE: 0}
        self.slept = 0.0

    def run(
        self, seconds: int, *, rate: int = 50, wait: float = 0.002, public_wait: float = 0.002, lag: float = 0
    ) -> None:
        for _ in range(seconds):
            self.now += 1
            self.frames[PUBLIC] += rate
            self.frames[PRIVATE] += 1
            lines = [
                line_stats(
                    ws_type=ws_type,
                    state=ConnectionState.CONNECTED,
                    frames=self.frames[ws_type],
                    reconnects=self.lost[ws_type],
                    dropped=self.dropped[ws_type],
                    inbox_wait=public_wait if ws_type is PUBLIC else wait,
                )
                for ws_type in (PUBLIC, PRIVATE)
            ]
            clock = 1_795_000_000.0 + self.now + self.slept
            self.monitor.observe(self.now, ProgramStats(lines=tuple(lines), loop_lag=lag, wall_clock=clock))

    @property
    def found(self) -> list[InterferenceKind]:
        return [found.kind for found in self.monitor.detect_connection_interference()]


def test_lines_that_do_well_have_nothing_in_common() -> None:
    pair = Pair()
    pair.run(600)
    assert pair.found == []
    assert pair.monitor.ensure_connection_isolation() is None


def test_a_computer_that_slept_blames_nobody() -> None:
    pair = Pair()
    pair.run(10)
    pair.slept = 3600.0
    pair.run(1)
    pair.lost = {PUBLIC: 1, PRIVATE: 1}
    pair.run(30)
    assert pair.found == []
    pair.lost = {PUBLIC: 2, PRIVATE: 2}
    pair.run(1)
    assert pair.found == [InterferenceKind.RECONNECTS]


def test_a_flood_that_delays_the_other_line_is_measured_and_dated() -> None:
    pair = Pair()
    pair.run(100)
    pair.run(20, rate=5000, wait=0.5, public_wait=0.6)
    (found,) = pair.monitor.detect_connection_interference()
    assert found.kind is InterferenceKind.FLOOD
    assert (found.since, found.last, found.occurrences) == (101, 120, 1)
    assert found.text == "load on public delays private by 500 ms"
    impact = pair.monitor.monitor_cross_connection_impact()[0]
    assert (impact.source, impact.target, impact.loaded_seconds) == (PUBLIC, PRIVATE, 20)
    assert impact.wait_loaded == pytest.approx(0.5)
    assert impact.wait_quiet == pytest.approx(0.002)
    assert impact.added_wait == pytest.approx(0.498)


def test_a_flood_that_delays_nobody_else_is_no_interference_but_its_impact_is_measured() -> None:
    pair = Pair(IndependenceLevel.ENHANCED)
    pair.run(100)
    pair.run(20, rate=5000, wait=0.003, public_wait=0.6)
    assert pair.found == []
    impact = pair.monitor.monitor_cross_connection_impact()[0]
    assert impact.loaded_seconds == 20
    assert impact.added_wait < 0.01


def flood_three_times(pair: Pair) -> None:
    for _ in range(3):
        pair.run(60)
        pair.run(5, rate=5000, wait=0.5, public_wait=0.6)


def test_floods_that_come_back_raise_the_level_once() -> None:
    pair = Pair()
    flood_three_times(pair)
    decision = pair.monitor.ensure_connection_isolation()
    assert decision is not None
    assert decision.level is IndependenceLevel.ENHANCED
    assert pair.monitor.level is IndependenceLevel.ENHANCED
    assert pair.monitor.ensure_connection_isolation() is None


def test_a_level_is_not_raised_where_that_is_not_allowed() -> None:
    pair = Pair(may_raise=False)
    flood_three_times(pair)
    assert pair.monitor.ensure_connection_isolation() is None
    assert pair.monitor.level is IndependenceLevel.BASIC


def test_lines_lost_together_point_at_the_network_and_no_level_helps() -> None:
    pair = Pair(IndependenceLevel.ENHANCED)
    for _ in range(5):
        pair.run(60)
        pair.lost[PUBLIC] += 1
        pair.run(1)
        pair.lost[PRIVATE] += 1
        pair.run(1)
    assert pair.found == [InterferenceKind.RECONNECTS]
    assert pair.monitor.detect_connection_interference()[0].occurrences == 5
    assert pair.monitor.ensure_connection_isolation() is None


def test_lines_lost_apart_have_nothing_in_common() -> None:
    pair = Pair()
    for _ in range(5):
        pair.lost[PUBLIC] += 1
        pair.run(20)
        pair.lost[PRIVATE] += 1
        pair.run(20)
    assert pair.found == []


def test_lines_lost_after_our_own_stall_ask_for_threads() -> None:
    pair = Pair(IndependenceLevel.ENHANCED)
    pair.run(60)
    pair.run(1, lag=30.0)
    pair.lost[PUBLIC] += 1
    pair.lost[PRIVATE] += 1
    pair.run(1)
    assert pair.found == [InterferenceKind.FROZEN]
    decision = pair.monitor.ensure_connection_isolation()
    assert decision is not None
    assert decision.level is IndependenceLevel.ISOLATED


def test_lines_that_drop_or_wait_together_are_told() -> None:
    pair = Pair()
    pair.run(60)
    pair.run(3, wait=0.3, public_wait=0.3)
    assert pair.found == [InterferenceKind.LAG]
    pair.dropped[PUBLIC] += 5
    pair.dropped[PRIVATE] += 5
    pair.run(1)
    assert pair.found[0] is InterferenceKind.DROPS


def test_trouble_is_forgotten_after_ten_minutes_of_peace() -> None:
    pair = Pair()
    pair.run(60)
    pair.run(3, wait=0.3, public_wait=0.3)
    pair.run(599)
    assert pair.found == [InterferenceKind.LAG]
    pair.run(5)
    assert pair.found == []
