"""Rates by component and stream, from counters that only grow."""

from __future__ import annotations

import pytest

from upbit_ws_qt.monitoring.stream_metrics import StreamMonitors
from upbit_ws_qt.routing import ConsumerStats, StreamStats
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.types import DataType

BTC, ETH = StreamKey(DataType.TICKER, "KRW-BTC"), StreamKey(DataType.TICKER, "KRW-ETH")


def reading(key: StreamKey, delivered: int, busy_time: float, *, component_id: str = "chart") -> StreamStats:
    consumer = ConsumerStats(component_id, delivered, busy_time, 0.5)
    return StreamStats(key, delivered, 1000.0, None, 0, (consumer,))


def test_the_stream_whose_slot_is_slow_comes_first() -> None:
    monitors = StreamMonitors()
    monitors.look(100.0, [reading(BTC, 10, 0.1), reading(ETH, 10, 0.1)])
    monitors.look(110.0, [reading(BTC, 110, 0.2), reading(ETH, 30, 4.1)])
    slow, quick = monitors.subscription_metrics("chart")
    assert (slow.key, quick.key) == (ETH, BTC)
    assert (slow.messages_per_second, slow.bytes_per_second) == (2.0, 2000.0)
    assert slow.slot_share == pytest.approx(0.4)
    assert slow.slot_mean == pytest.approx(4.1 / 30)
    assert (slow.slot_longest, slow.delivered) == (0.5, 30)
    assert quick.messages_per_second == 10.0


def test_wishes_of_one_component_for_one_stream_are_taken_together_and_others_are_not() -> None:
    monitors = StreamMonitors()
    monitors.look(1.0, [reading(BTC, 1, 0.1), reading(BTC, 2, 0.2), reading(BTC, 4, 0.4, component_id="tape")])
    (chart,) = monitors.subscription_metrics("chart")
    assert chart.delivered == 3
    assert chart.slot_mean == pytest.approx(0.1)
    assert [(one.component_id, one.delivered) for one in monitors.subscription_metrics()] == [("chart", 3), ("tape", 4)]
    assert monitors.subscription_metrics("nobody") == ()


def test_there_are_no_rates_before_there_are_two_readings() -> None:
    monitors = StreamMonitors()
    assert monitors.subscription_metrics() == ()
    monitors.look(1000.0, [reading(BTC, 10, 0.1)])
    (only,) = monitors.subscription_metrics()
    assert (only.messages_per_second, only.slot_share, only.delivered) == (0.0, 0.0, 10)


def test_readings_in_quick_succession_are_compared_with_one_a_second_old_and_are_not_hoarded() -> None:
    monitors = StreamMonitors()
    for number in range(1000):
        monitors.look(number / 100, [reading(BTC, number, 0.0)])
    (only,) = monitors.subscription_metrics()
    assert only.messages_per_second == pytest.approx(100.0)
    assert len(monitors._marks) <= 6


def test_one_that_began_anew_is_counted_from_there_and_one_that_went_is_forgotten() -> None:
    monitors = StreamMonitors()
    monitors.look(0.0, [reading(BTC, 100, 5.0), reading(ETH, 1, 0.0)])
    monitors.look(10.0, [reading(BTC, 20, 1.0)])
    (only,) = monitors.subscription_metrics()
    assert only.messages_per_second == 2.0
    assert only.slot_share == pytest.approx(0.1)
