"""Collector pauses are measured while watched, and events never are the collector's business."""

from __future__ import annotations

import gc
import time

import pytest

from tests.frames import DEFAULT_FRAMES
from upbit_ws_qt.routing import CollectorMonitor
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


@pytest.mark.parametrize("frame", DEFAULT_FRAMES, ids=lambda frame: frame[:30].decode())
def test_the_collector_does_not_track_events(frame: bytes) -> None:
    for message in decode(frame):
        assert not gc.is_tracked(message)
