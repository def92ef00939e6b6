"""Slow consumers, dead streams, hot symbols, growing queues; the bottleneck by name."""

from __future__ import annotations

import pytest

from tests.monitoring.world import line_stats, observe_streams, stream_stats
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.monitoring.monitor import Monitor
from upbit_ws_qt.monitoring.performance import Bottleneck, IssueKind, PerformanceIssue
from upbit_ws_qt.monitoring.stats import LineStats, ProgramStats
from upbit_ws_qt.routing import ComponentStats, StreamStats
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.types import DataType

BTC = StreamKey(DataType.TRADE, "KRW-BTC")
ETH = StreamKey(DataType.TRADE, "KRW-ETH")
ORDERS = StreamKey(DataType.MY_ORDER)


def line(now: float, *, rtt: float = 0.04) -> LineStats:
    return line_stats(
        connected_since=0,
        frames=int(now * 100),
        last_message_at=now,
        rtt=rtt,
    )


def component(now: float, *, rate: float, each: float, pending: int = 0, dropped: int = 0) -> ComponentStats:
    return ComponentStats(
        component_id="chart",
        delivered=int(now * rate),
        received=int(now * rate),
        busy_time=now * rate * each,
        waiting=pending,
        dropped=dropped,
    )


def kinds(issues: tuple[PerformanceIssue, ...]) -> set[IssueKind]:
    return {issue.kind for issue in issues}


def test_a_consumer_that_takes_a_third_of_a_core_is_slow() -> None:
    monitor = Monitor(ServiceConfig())
    for now in range(60):
        monitor.observe(now, ProgramStats(lines=(line(now),), components=(component(now, rate=10, each=0.033),)))
    (issue,) = monitor.issues()
    assert issue.kind is IssueKind.SLOW_CONSUMER
    assert issue.subject == "chart"
    assert "33 ms" in issue.text
    assert issue.advice


def test_a_quick_consumer_is_no_issue_and_a_slow_one_that_mends_is_none_any_more() -> None:
    monitor = Monitor(ServiceConfig())
    spent = 0.0
    for now in range(200):
        spent += 0.4 if now < 60 else 0.0001
        reading = ComponentStats(component_id="chart", delivered=now * 10, busy_time=spent)
        monitor.observe(now, ProgramStats(lines=(line(now),), components=(reading,)))
        if now == 59:
            assert kinds(monitor.issues()) == {IssueKind.SLOW_CONSUMER}
    assert monitor.issues() == ()


def test_a_queue_that_only_grows_is_told_and_a_sawtooth_is_not() -> None:
    grows, saws = Monitor(ServiceConfig()), Monitor(ServiceConfig())
    for now in range(90):
        queue = component(now, rate=10, each=0.001, pending=now * 20)
        grows.observe(now, ProgramStats(components=(queue,)))
        queue = component(now, rate=10, each=0.001, pending=(now * 20) % 400)
        saws.observe(now, ProgramStats(components=(queue,)))
        assert IssueKind.GROWING_QUEUE not in kinds(saws.issues())
    assert IssueKind.GROWING_QUEUE in kinds(grows.issues())


def test_events_lost_to_a_queue_are_told_for_a_minute() -> None:
    monitor = Monitor(ServiceConfig())
    for now in range(120):
        dropped = min(now, 10) * 5
        monitor.observe(now, ProgramStats(components=(component(now, rate=10, each=0.001, dropped=dropped),)))
        if now == 30:
            assert kinds(monitor.issues()) == {IssueKind.LOSSY_CONSUMER}
            assert "50 events" in monitor.issues()[0].text
    assert monitor.issues() == ()


def streams(now: float, **rates: float) -> tuple[StreamStats, ...]:
    keys = {"btc": BTC, "eth": ETH, "orders": ORDERS}
    return tuple(stream_stats(keys[name], int(now * rate), 400, last_event_at=now) for name, rate in rates.items())


def test_a_busy_stream_that_stops_is_dead_and_an_event_only_one_is_not() -> None:
    monitor = Monitor(ServiceConfig())
    for now in range(0, 130, 10):
        observe_streams(monitor, now, *streams(now, btc=5, eth=5, orders=5), lines=(line(now),))
    stopped = streams(120, btc=5, eth=5, orders=5)
    for now in range(130, 250, 10):
        still = (streams(now, btc=5)[0], *stopped[1:])
        observe_streams(monitor, now, *still, lines=(line(now),))
    (issue,) = monitor.issues()
    assert (issue.kind, issue.subject) == (IssueKind.DEAD_STREAM, str(ETH))
    assert 170 <= issue.since <= 190


def test_a_rare_stream_is_not_dead() -> None:
    monitor = Monitor(ServiceConfig())
    for now in range(0, 3600, 10):
        rare = stream_stats(ETH, now // 120, last_event_at=now // 120 * 120)
        observe_streams(monitor, now, *streams(now, btc=5), rare, lines=(line(now),))
        assert monitor.issues() == ()


@pytest.mark.parametrize(
    ("data_type", "advice"),
    [(DataType.ORDERBOOK, "smaller book depth"), (DataType.TRADE, "do less"), (DataType.TICKER, "do less")],
)
def test_a_smaller_book_is_advised_where_there_is_a_book(data_type: DataType, advice: str) -> None:
    monitor = Monitor(ServiceConfig())
    key = StreamKey(data_type, "KRW-BTC")
    for now in range(0, 100, 10):
        hot = stream_stats(key, 900 * now, last_event_at=now)
        observe_streams(monitor, now, hot, *streams(now, eth=5), lines=(line(now),))
    (issue,) = [issue for issue in monitor.issues() if issue.kind is IssueKind.HOT_SYMBOL]
    assert advice in issue.advice


def test_a_symbol_that_brings_nearly_everything_is_hot() -> None:
    monitor = Monitor(ServiceConfig())
    for now in range(0, 100, 10):
        observe_streams(monitor, now, *streams(now, btc=900, eth=5), lines=(line(now),))
    (issue,) = monitor.issues()
    assert (issue.kind, issue.subject) == (IssueKind.HOT_SYMBOL, str(BTC))


def busy(lag: float, **shares: float) -> Monitor:
    monitor = Monitor(ServiceConfig())
    for now in range(1, 60):
        work = {name: now * share for name, share in shares.items()}
        monitor.observe(now, ProgramStats(lines=(line(now),), loop_lag=lag, work=work))
    return monitor


def test_the_heaviest_stage_is_the_bottleneck_while_the_loop_is_late() -> None:
    assert busy(0.2, decode=0.2, dispatch=0.1, slot=0.5, paint=0.1).performance.bottleneck is Bottleneck.SLOT
    assert busy(0.2, decode=0.6, dispatch=0.1, slot=0.2).performance.bottleneck is Bottleneck.DECODE
    assert busy(0.2, decode=0.1, dispatch=0.1, slot=0.2, paint=0.4).performance.bottleneck is Bottleneck.PAINT


def test_the_work_of_callbacks_is_known_from_the_components() -> None:
    monitor = Monitor(ServiceConfig())
    for now in range(1, 60):
        # The second component is new each second: what it did is not lost, and nothing goes negative.
        parts = (
            ComponentStats(component_id="chart", delivered=now * 10, busy_time=now * 0.3),
            ComponentStats(component_id=f"c{now}", delivered=1, busy_time=0.1),
        )
        monitor.observe(
            now, ProgramStats(lines=(line(now),), components=parts, loop_lag=0.2, work={"decode": now * 0.1})
        )
    assert monitor.performance.bottleneck is Bottleneck.SLOT
    assert monitor.performance_metrics().stage_shares == pytest.approx({"slot": 0.4, "decode": 0.1})


def test_work_without_lag_is_no_bottleneck() -> None:
    monitor = busy(0.001, decode=0.3, slot=0.3)
    assert monitor.performance.bottleneck is Bottleneck.NONE
    assert monitor.issues() == ()


def test_a_slow_network_is_the_bottleneck_of_an_idle_program() -> None:
    monitor = Monitor(ServiceConfig())
    for now in range(30):
        monitor.observe(now, ProgramStats(lines=(line(now, rtt=0.8),)))
    (issue,) = monitor.issues()
    assert (issue.kind, issue.bottleneck) == (IssueKind.BOTTLENECK, Bottleneck.NETWORK)


def test_components_that_are_gone_leave_nothing_behind() -> None:
    monitor = Monitor(ServiceConfig())
    for now in range(2000):
        gone = ComponentStats(component_id=f"c{now}", delivered=5, dropped=1)
        monitor.observe(now, ProgramStats(components=(gone,)))
    assert len(monitor._program.components) == 1
    assert len(monitor.performance._queues) == len(monitor.performance._losses) == 1
    assert len(monitor.performance._since) == 1
