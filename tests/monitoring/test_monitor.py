"""The facade: exact counts, accurate percentiles, one change per change, parts that are switched off."""

from __future__ import annotations

import gc
import logging
import math
import random
import sys
from typing import Any

import pytest

from tests.monitoring.world import WALL, Line, World, line_stats
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.connection import ConnectBudget
from upbit_ws_qt.monitoring.health import HealthTuning, ReasonKind
from upbit_ws_qt.monitoring.history import Metric
from upbit_ws_qt.monitoring.monitor import AlertCleared, AlertRaised, HealthChanged, IsolationAdvised, Monitor
from upbit_ws_qt.monitoring.stats import LineStats, ProgramStats
from upbit_ws_qt.quantiles import SketchSummary
from upbit_ws_qt.routing import ComponentStats, ConsumerStats, StreamStats
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.types import DataType, IndependenceLevel, WebSocketType

PUBLIC = WebSocketType.PUBLIC


def connection(**told: Any) -> LineStats:
    return line_stats(**{"connected_since": 0.0, **told})


def test_counts_are_what_was_read() -> None:
    monitor = Monitor(ServiceConfig())
    for now in range(1, 31):
        monitor.observe(
            now,
            ProgramStats(
                lines=(
                    connection(
                        frames=now * 700, bytes_wire=now * 90_000, bytes_inflated=now * 400_000, errors=3,
                        decode_errors=2, reconnects=1, gaps=1, dropped=5, duplicates=6, conflated=7, stale=8, epoch=4,
                        current_subscriptions=212, last_message_at=now - 0.25, last_pong_at=now - 6, pending=9,
                    ),
                ),
                wall_clock=WALL + now,
                messages_processed=now * 650,
                memory_bytes=123_456_789,
                cpu_share=0.4,
                gc_pause=0.012,
            ),
        )  # fmt: skip
    metrics = monitor.connection_metrics(PUBLIC)
    assert (metrics.message_count, metrics.bytes_received, metrics.bytes_inflated) == (21_000, 2_700_000, 12_000_000)
    assert (metrics.error_count, metrics.reconnect_count, metrics.gap_count, metrics.epoch) == (3, 1, 1, 4)
    assert (metrics.dropped, metrics.duplicates, metrics.conflated, metrics.stale) == (5, 6, 7, 8)
    assert metrics.messages_per_second == pytest.approx(700, rel=0.01)
    assert metrics.messages_per_second_lifetime == pytest.approx(724, rel=0.01)  # 21,000 in 29 s between the readings
    assert metrics.bytes_per_second == pytest.approx(90_000, rel=0.01)
    assert (metrics.connect_time, metrics.last_message_time) == (WALL, WALL + 29.75)
    assert (metrics.last_message_age, metrics.last_pong_age) == (0.25, 6)
    assert metrics.uptime_seconds == 30
    assert metrics.error_rate == pytest.approx(3 / 21_000)
    performance = monitor.performance_metrics()
    assert performance.connections[PUBLIC] == metrics
    assert (performance.total_subscriptions, performance.messages_processed) == (212, 19_500)
    assert (performance.memory_usage, performance.gc_pause, performance.drain_backlog) == (123_456_789, 0.012, 9)
    assert performance.cpu_share == pytest.approx(0.4)
    assert performance.uptime_seconds == 29


def test_p95_of_round_trips_is_within_two_percent() -> None:
    rng = random.Random(6)
    monitor = Monitor(ServiceConfig())
    truth: list[float] = []
    for step in range(4800):
        truth.append(rng.lognormvariate(-3, 0.5))
        monitor.observe(step / 20, ProgramStats(lines=(connection(rtt=truth[-1]),)))
    truth.sort()
    metrics = monitor.connection_metrics(PUBLIC)
    assert metrics.rtt_p95 == pytest.approx(truth[int(0.95 * (len(truth) - 1))], rel=0.02)
    assert metrics.rtt_p99 == pytest.approx(truth[int(0.99 * (len(truth) - 1))], rel=0.02)
    assert metrics.rtt_average == pytest.approx(sum(truth) / len(truth))


def test_event_age_does_not_depend_on_where_our_clock_stands() -> None:
    ages = {}
    for wrong in (-30.0, 0.0, 90.0):
        rng = random.Random(1)
        monitor = Monitor(ServiceConfig())
        for now in range(100):
            raw = tuple(wrong + 0.02 + rng.expovariate(20) for _ in range(20))
            monitor.observe(now, ProgramStats(lines=(connection(event_ages=raw, rtt=0.04),)))
        metrics = monitor.connection_metrics(PUBLIC)
        assert metrics.clock_offset == pytest.approx(wrong, abs=0.005)
        ages[wrong] = metrics.event_age.mean
    assert ages[-30.0] == pytest.approx(ages[0.0], rel=0.01) == pytest.approx(ages[90.0], rel=0.01)
    assert ages[0.0] == pytest.approx(0.07, rel=0.1)


def test_average_latency_is_of_the_last_minute() -> None:
    monitor = Monitor(ServiceConfig())
    count, seconds = 0, 0.0
    for now in range(200):
        count += 100
        seconds += 100 * (0.5 if now < 100 else 0.002)
        monitor.observe(now, ProgramStats(stages={"total": SketchSummary(count=count, mean=seconds / count)}))
    assert monitor.performance_metrics().average_latency == pytest.approx(0.002, rel=0.01)


def test_a_latency_that_nobody_measured_is_unknown_and_not_zero() -> None:
    monitor = Monitor(ServiceConfig())
    assert monitor.performance_metrics().average_latency is None
    monitor.observe(1.0, ProgramStats(lines=(connection(frames=8565),), stages={"total": SketchSummary()}))
    assert monitor.performance_metrics().average_latency is None
    monitor.observe(2.0, ProgramStats(stages={"total": SketchSummary(count=2, mean=0.5)}))
    assert monitor.performance_metrics().average_latency == pytest.approx(0.5)
    monitor.observe(100.0, ProgramStats(stages={"total": SketchSummary(count=2, mean=0.5)}))
    assert monitor.performance_metrics().average_latency is None  # nothing came for a minute


def test_what_overload_kept_from_somebody_is_told_the_first_time_and_over_a_minute_after_the_last(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "upbit_ws_qt.monitoring")
    monitor = Monitor(ServiceConfig())
    told: list[tuple[int, str, str]] = []
    for now in range(120):
        skipped = {"chart": 40, "book": 2} if now in (10, 20) else {}
        changes = monitor.observe(now, ProgramStats(skipped=skipped, wall_clock=WALL + now))
        told += [
            (now, type(c).__name__, c.alert.message) for c in changes if isinstance(c, (AlertRaised, AlertCleared))
        ]
    assert [(at, kind) for at, kind, _ in told] == [(10, "AlertRaised"), (80, "AlertCleared")]
    assert told[0][2] == "42 events were skipped under load in 60 s: chart, book"
    assert [message.partition(": ")[0] for message in caplog.messages] == ["alert", "the alert is over"]
    assert told[0][2] in caplog.messages[0]


def test_components_have_rates_and_a_share_of_the_core() -> None:
    monitor = Monitor(ServiceConfig())
    key = StreamKey(DataType.TICKER, "KRW-BTC")
    for now in range(60):
        consumer = ConsumerStats("chart", now * 20, now * 0.02, 0.001)
        monitor.streams.look(now, [StreamStats(key, now * 21, 200.0, None, 0, (consumer,))])
        component = ComponentStats("chart", delivered=now * 20, received=now * 21, busy_time=now * 0.02)
        monitor.observe(now, ProgramStats(components=(component,)))
    (metrics,) = monitor.performance_metrics().components
    assert metrics.messages_per_second == pytest.approx(20)
    assert metrics.bytes_per_second == pytest.approx(4_200)
    assert metrics.slot_share == pytest.approx(0.02)
    assert (metrics.received, metrics.delivered) == (21 * 59, 20 * 59)


def test_on_a_machine_that_is_shared_the_stages_take_the_cpu_time_and_not_the_time_of_others() -> None:
    monitor = Monitor(ServiceConfig())
    for now in range(1, 61):
        readings = ProgramStats(
            components=(ComponentStats(component_id="chart", delivered=now * 20, busy_time=now * 0.2),),
            measured_cpu=now * 0.1,
            measured_time=now * 0.4,
        )
        monitor.note_work("paint", 0.04)
        monitor.observe(now, readings)
    metrics = monitor.performance_metrics()
    assert metrics.stage_shares["slot"] == pytest.approx(0.05, rel=0.05)
    assert metrics.stage_shares["paint"] == pytest.approx(0.01, rel=0.2)
    assert metrics.components[0].slot_share == pytest.approx(0.2, rel=0.01)  # so long it keeps the loop


def test_a_line_is_named_by_its_type() -> None:
    assert Monitor(ServiceConfig()).connection_metrics(PUBLIC).connection_type is PUBLIC


def test_components_that_are_read_seldom_keep_their_rates() -> None:
    monitor = Monitor(ServiceConfig())
    for now in range(61):
        component = ComponentStats(component_id="chart", delivered=now * 20, busy_time=now * 0.02)
        readings = ProgramStats(
            components=None if now % 10 else (component,), quarantined=("chart",) if now > 55 else ()
        )
        monitor.observe(now, readings)
        if now > 20:
            (metrics,) = monitor.performance_metrics().components
            assert metrics.messages_per_second == pytest.approx(20)
            assert metrics.slot_share == pytest.approx(0.02)
            assert monitor.performance_metrics().stage_shares["slot"] == pytest.approx(0.02)
        if now == 59:
            assert monitor.performance_metrics().quarantined == ("chart",)
            assert [alert.kind.value for alert in monitor.alerts(cleared=False)] == ["quarantined"]


def test_a_gap_that_is_not_healed_is_named_and_costs_health_until_it_is() -> None:
    monitor = Monitor(ServiceConfig())
    stream = StreamKey(DataType.TRADE, "KRW-BTC")
    lines = (connection(current_subscriptions=10),)
    monitor.observe(0, ProgramStats(lines=lines, unhealed={stream: "refused: 404"}))
    assert monitor.performance_metrics().unhealed == {stream: "refused: 404"}
    (reason,) = monitor.health_status().reasons
    assert (reason.kind, str(reason)) == (ReasonKind.UNHEALED, "public: 1 stream has a gap that is not healed")
    assert reason.penalty == pytest.approx(3.6)
    monitor.observe(1, ProgramStats(lines=lines))
    assert monitor.health_status().reasons == ()


def test_unserved_and_quarantined_are_named_and_told() -> None:
    monitor = Monitor(ServiceConfig())
    changes = []
    for now in range(20):
        changes += monitor.observe(
            now,
            ProgramStats(
                lines=(connection(current_subscriptions=10),),
                components=(ComponentStats(component_id="chart", quarantine="failing"),),
                unserved=(StreamKey(DataType.TICKER, "KRW-NOPE"),),
            ),
        )
    raised = {change.alert.kind.value: change.alert for change in changes if isinstance(change, AlertRaised)}
    assert set(raised) == {"quarantined", "unserved"}
    assert "KRW-NOPE" in raised["unserved"].message
    assert raised["quarantined"].subject == "chart"
    assert monitor.connection_metrics(PUBLIC).unserved == 1
    assert monitor.performance_metrics().quarantined == ("chart",)
    texts = {str(reason) for reason in monitor.health_status().reasons}
    assert texts == {"put aside: chart", "public: 1 stream is not served"}


def test_memory_and_rate_budget_raise_alerts() -> None:
    monitor = Monitor(ServiceConfig())
    changes = []
    for now in range(30):
        changes += monitor.observe(
            now, ProgramStats(lines=(connection(rate_budget_used=0.95),), memory_bytes=2 * 1024**3)
        )
    kinds = [change.alert.kind.value for change in changes if isinstance(change, AlertRaised)]
    assert sorted(kinds) == ["memory", "rate_limit"]


def test_a_change_is_told_once_and_a_steady_state_is_silent() -> None:
    world = World(Monitor(ServiceConfig()), [Line()])
    world.run(60)
    world.changes.clear()
    world.run(600)
    assert world.changes == []
    world.lines[0].lose("reset")
    world.run(1)
    (change,) = world.changes
    assert isinstance(change, HealthChanged)
    world.run(2)
    world.lines[0].restore(world.now)
    world.run(100)
    assert sum(isinstance(change, AlertRaised) for change in world.changes) == 1
    assert sum(isinstance(change, AlertCleared) for change in world.changes) == 1


def test_tuning_makes_recovery_quick_for_short_tests() -> None:
    quick = HealthTuning(recovery_hold=2, rise_seconds=0.5)
    world = World(Monitor(ServiceConfig(), tuning=quick), [Line()])
    world.run(10)
    world.lines[0].lose("reset")
    world.run(3)
    world.lines[0].restore(world.now)
    world.run(6)
    assert world.monitor.health_status().is_healthy


def test_history_keeps_what_is_plotted_and_breaks_while_disconnected() -> None:
    world = World(Monitor(ServiceConfig()), [Line()])
    world.run(60)
    world.lines[0].lose("reset")
    world.run(5)
    world.lines[0].restore(world.now)
    world.run(15)
    monitor = world.monitor
    for metric in (Metric.RTT, Metric.EPOCH, Metric.MESSAGES_PER_SECOND):
        series = monitor.history(metric, PUBLIC, 20)
        assert sum(value != value for value in series.values) == 5, metric  # NaN is not itself
    assert list(monitor.history("connected", PUBLIC, 20).values) == [0.0] * 5 + [1.0] * 15
    assert list(monitor.history("epoch", PUBLIC, 5).values) == [2.0] * 5
    assert min(monitor.history("score", PUBLIC, 20).values) < 50
    assert monitor.history("memory", None, 5).values[-1] == 200 * 1024**2
    assert [event.kind.value for event in monitor.events(60)] == ["lost", "restored"]
    with pytest.raises(ValueError, match="nonsense"):
        monitor.history("nonsense", PUBLIC, 5)


def test_parts_that_are_switched_off_are_not_there() -> None:
    off = ServiceConfig(metrics_history=False, independence_monitor=False, adaptive=False, alerts=False)
    world = World(Monitor(off), [Line()])
    world.loop_lag = 0.4
    world.run(10)
    world.lines[0].lose("reset")
    world.run(30)
    monitor = world.monitor
    assert {type(change) for change in world.changes} == {HealthChanged}
    assert monitor.adaptive is None
    assert monitor.independence is None
    assert monitor._history is None
    assert monitor._alerts is None
    assert monitor.alerts() == ()
    assert monitor.events(100) == ()
    assert not monitor.acknowledge(1)
    assert len(monitor.history(Metric.RTT, PUBLIC, 60).values) == 0
    assert not monitor.health_status().is_healthy


def test_isolation_is_advised_through_the_monitor() -> None:
    monitor = Monitor(ServiceConfig(independence_level=IndependenceLevel.ENHANCED))
    changes = []
    lost = 0
    for now in range(60):
        lost += now == 31
        lines = tuple(connection(ws_type=ws_type, reconnects=lost) for ws_type in (PUBLIC, WebSocketType.PRIVATE))
        changes += monitor.observe(now, ProgramStats(lines=lines, loop_lag=40.0 if now == 30 else 0.0))
    (advice,) = [change for change in changes if isinstance(change, IsolationAdvised)]
    assert advice.decision.level is IndependenceLevel.ISOLATED


def test_before_the_first_reading_everything_is_there_and_empty() -> None:
    monitor = Monitor(ServiceConfig())
    assert monitor.health_status().is_healthy
    assert monitor.connection_metrics(PUBLIC).message_count == 0
    assert monitor.performance_metrics().connections == {}
    assert monitor.issues() == ()
    assert monitor.alerts() == ()
    assert monitor.stream_metrics() == ()


def test_hours_of_faults_do_not_grow(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "upbit_ws_qt")  # what pytest keeps of the log is not ours
    world = World(Monitor(ServiceConfig()), [Line(rate=20), Line(WebSocketType.PRIVATE, rate=0.1)], step=5.0)

    def hours(count: int) -> None:
        for _ in range(count * 60):
            world.lines[0].lose("reset")
            world.run(10)
            world.lines[0].restore(world.now)
            world.run(50)
            world.changes.clear()

    def grown() -> int:
        """Return how many pieces of memory more there are after an hour than before it; what a leak adds, each adds."""
        before = sys.getallocatedblocks()
        hours(1)
        gc.collect()
        return sys.getallocatedblocks() - before

    hours(8)  # until every bounded list is full, and each length of a round trip has its place
    gc.collect()
    assert min(grown(), grown(), grown()) < 60  # one for each fault


def test_ten_thousand_components_that_come_and_go_leave_nothing_in_the_monitor() -> None:
    monitor = Monitor(ServiceConfig())
    for now in range(100):
        present = tuple(
            ComponentStats(component_id=f"c{now} {n}", received=9, dropped=9, waiting=5, busy_time=0.5)
            for n in range(100)
        )
        monitor.observe(now, ProgramStats(components=present, wall_clock=WALL + now))
    assert len(monitor.performance_metrics().components) == 100
    monitor.observe(100, ProgramStats(components=(), wall_clock=WALL + 100))
    assert monitor.performance_metrics().components == ()
    assert not monitor._program.components
    kept = (monitor.performance._queues, monitor.performance._losses, monitor.performance._since)
    assert not any(kept)


def test_before_anything_was_read_and_within_one_moment_nothing_is_divided_by_zero() -> None:
    monitor = Monitor(ServiceConfig())
    assert monitor.performance_metrics().uptime_seconds == 0
    up = connection(frames=10, connected_since=5.0)
    busy = ComponentStats(component_id="c", delivered=10, busy_time=1.0)
    for _ in range(2):  # the same moment twice
        monitor.observe(5.0, ProgramStats(lines=(up,), components=(busy,), wall_clock=WALL))
    metrics = monitor.performance_metrics()
    figures = [metrics.messages_per_second, metrics.error_rate, metrics.cpu_share]
    figures += [metrics.connections[PUBLIC].messages_per_second_lifetime, metrics.components[0].slot_share]
    assert all(math.isfinite(figure) for figure in figures)
    assert (metrics.uptime_seconds, metrics.components[0].messages_per_second) == (0, 0)


def test_where_a_line_goes_and_what_the_exchange_left_of_the_dials_is_told() -> None:
    monitor = Monitor(ServiceConfig())
    assert (monitor.connection_metrics(PUBLIC).peer, monitor.connection_metrics(PUBLIC).connects_left) == ("", None)
    told = connection(peer="192.0.2.7", addresses_avoided=2, connect_budget=ConnectBudget(0, "origin"))
    monitor.observe(1, ProgramStats(lines=(told,)))
    metrics = monitor.connection_metrics(PUBLIC)
    assert (metrics.peer, metrics.addresses_avoided) == ("192.0.2.7", 2)
    assert (metrics.connects_left, metrics.connect_group) == (0, "origin")
    monitor.observe(2, ProgramStats(lines=(connection(peer="192.0.2.8"),)))
    assert monitor.connection_metrics(PUBLIC).connects_left is None
