"""Collector pauses are measured while watched, and events never are the collector's business."""

from __future__ import annotations

import gc
import sys
import time

import pytest

from tests.frames import DEFAULT_FRAMES
from upbit_ws_qt.routing import CollectorMonitor
from upbit_ws_qt.routing.gc_pauses import OVERDUE_AFTER
from upbit_ws_qt.wire import decode


def test_pauses_are_counted_between_start_and_stop_only() -> None:
    watch = CollectorMonitor(time.perf_counter)
    gc.collect()
    assert watch.pauses().count == 0
    watch.start()
    watch.start()
    gc.collect(0)
    gc.collect()
    watch.stop()
    watch.stop()
    gc.collect()
    found = watch.pauses()
    assert (found.count, found.full) == (2, 1)
    assert 0 < found.p50 <= found.longest * 1.02 <= found.total * 1.02
    assert not watch.running
    assert not any(getattr(callback, "__self__", None) is watch for callback in gc.callbacks)
    assert watch.take_longest() == found.longest
    assert watch.take_longest() == 0.0
    assert watch.pauses() == found


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="Python collects the oldest generation bit by bit")
def test_full_collections_wait_until_nothing_flows() -> None:
    usual = gc.get_threshold()
    one, other = (CollectorMonitor(time.perf_counter, in_quiet=True) for _ in range(2))
    one.start()
    other.start()
    try:
        made = gc.get_stats()[2]["collections"]
        kept: list[object] = []
        for second in range(20):
            gc.collect(1)  # what is kept grows old
            kept += [[] for _ in range(100_000)]
            one.look(float(second), events=second)
        assert gc.get_stats()[2]["collections"] == made
        for second in range(20, 32):
            one.look(float(second), events=19)
        assert gc.get_stats()[2]["collections"] == made + 1
        gc.collect(1)
        one.look(32.0, events=20)
        one.look(32.0 + OVERDUE_AFTER, events=21)
        assert gc.get_stats()[2]["collections"] == made + 2
        figures = one.pauses()
        assert (figures.full, figures.quiet, figures.overdue) == (2, 1, 1)
        one.stop()
        assert gc.get_threshold() != usual  # there is another that wants it
    finally:
        one.stop()
        other.stop()
        other.stop()
    assert gc.get_threshold() == usual


def test_the_collector_is_left_alone_where_nobody_asks() -> None:
    usual = gc.get_threshold()
    watch = CollectorMonitor(time.perf_counter)
    watch.start()
    try:
        assert gc.get_threshold() == usual
        gc.collect(1)
        made = gc.get_stats()[2]["collections"]
        for second in range(5):
            watch.look(float(second), events=0)
        assert gc.get_stats()[2]["collections"] == made
    finally:
        watch.stop()


@pytest.mark.parametrize("frame", DEFAULT_FRAMES, ids=lambda frame: frame[:30].decode())
def test_the_collector_does_not_track_events(frame: bytes) -> None:
    for message in decode(frame):
        assert not gc.is_tracked(message)
