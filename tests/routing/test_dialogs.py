"""Callbacks that open a modal dialog, which is a nested event loop: everybody else is served behind it, in order."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6.QtCore import QEventLoop, QTimer

from tests.routing.rig import Listener, engine_rig, raw
from tests.waiting import until
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import Delivery

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.routing.rig import Rig
    from upbit_ws_qt.routing import Route

BTC = SubscriptionSpec("ticker", "KRW-BTC")


def run_dialog(rig: Rig, feed: list[bytes], *, done: Callable[[], object] | None = None) -> None:
    """Do what a modal dialog does: run a nested event loop in which further frames come in, until all is `done`."""
    dialog, poll, patience = QEventLoop(), QTimer(), QTimer()
    if feed:
        QTimer.singleShot(0, lambda: rig.feed_now(tuple(feed)))
    if done is None:
        QTimer.singleShot(5, dialog.quit)
    else:
        poll.timeout.connect(lambda: dialog.quit() if done() else None)
        poll.start(1)
        patience.timeout.connect(dialog.quit)
        patience.start(20_000)  # only what is broken takes so long
    dialog.exec()
    poll.stop()
    patience.stop()


@pytest.mark.qasync_loop
async def test_behind_a_modal_dialog_everybody_is_served_in_order() -> None:
    async with engine_rig() as rig:
        first, last = Listener(), Listener()
        mine: list[tuple[str, int]] = []
        behind: list[int] = []

        def opens_a_dialog(event: Any) -> None:
            mine.append(("in", event.timestamp))
            if event.timestamp == 1:
                run_dialog(rig, [raw(timestamp=2), raw(timestamp=3)], done=lambda: last.timestamps[-1:] == [3])
                behind.extend(last.timestamps)
            mine.append(("out", event.timestamp))

        rig.engine.register_route("first", BTC, first)
        rig.engine.register_route("dialog", BTC, opens_a_dialog)
        rig.engine.register_route("last", BTC, last)
        await rig.feed(raw(timestamp=1))
        assert behind == [1, 2, 3]  # while the dialog was open
        assert first.timestamps == last.timestamps == [1, 2, 3]
        # The one with the dialog is not entered a second time, and misses nothing.
        assert mine == [(what, at) for at in (1, 2, 3) for what in ("in", "out")]
        for route in rig.engine.get_routing_statistics().routes:
            assert (route.received, route.delivered, route.waiting) == (3, 3, 0)


@pytest.mark.qasync_loop
async def test_dialogs_on_dialogs_keep_the_order_for_everybody() -> None:
    async with engine_rig() as rig:
        listeners = [Listener() for _ in range(4)]

        def dialog_at(moment: int, following: int, event: Any) -> None:
            if event.timestamp == moment:
                run_dialog(rig, [raw(timestamp=following)])

        rig.engine.register_route("0", BTC, listeners[0])
        rig.engine.register_route("d1", BTC, partial(dialog_at, 1, 2))
        rig.engine.register_route("1", BTC, listeners[1])
        rig.engine.register_route("d2", BTC, partial(dialog_at, 1, 3))
        rig.engine.register_route("2", BTC, listeners[2])
        rig.engine.register_route("d3", BTC, partial(dialog_at, 2, 4))
        rig.engine.register_route("3", BTC, listeners[3])
        await rig.feed(raw(timestamp=1))
        for listener in listeners:
            assert listener.timestamps == sorted(listener.timestamps)
            assert set(listener.timestamps) >= {1, 2}
            assert listener.timestamps == listeners[0].timestamps
        assert not rig.engine._path._unfinished


@pytest.mark.qasync_loop
async def test_a_dialog_opened_by_a_display_frame_stops_no_display() -> None:
    async with engine_rig() as rig:
        spec = SubscriptionSpec("ticker", "KRW-BTC", delivery=Delivery.FRAME)
        mine, others = Listener(), Listener()
        behind: list[int] = []
        timer = QTimer()
        timer.setSingleShot(True)
        timer.timeout.connect(rig.engine.flush_frames)
        rig.engine.on_frame_pending = lambda: timer.start(2)

        def opens_a_dialog(event: Any) -> None:
            mine(event)
            if event.timestamp == 1:
                run_dialog(rig, [], done=lambda: others.timestamps[-1:] == [4])
                behind.extend(others.timestamps)

        def shows(event: Any) -> None:
            others(event)
            if event.timestamp < 4:
                QTimer.singleShot(0, partial(rig.feed_now, (raw(timestamp=event.timestamp + 1),)))

        rig.engine.register_route("dialog", spec, opens_a_dialog)
        rig.engine.register_route("other", spec, shows)
        await rig.feed(raw(timestamp=1))
        await until(lambda: mine.timestamps[-1:] == [4])
        assert behind == [1, 2, 3, 4]
        assert mine.timestamps == [1, 4]
        await until(lambda: rig.engine.frames_pending == 0)
        timer.stop()


@pytest.mark.qasync_loop
async def test_a_dialog_that_stays_open_is_not_blocking() -> None:
    async with engine_rig(slow_callback=0.03, quarantine_after=1) as rig:
        beat = rig.engine._dispatcher.beat

        def opens_a_dialog(event: Any) -> None:
            began, beats = time.perf_counter(), beat.count  # however the machine stutters: both have to come
            run_dialog(rig, [], done=lambda: time.perf_counter() - began > 0.05 and beat.count > beats)

        rig.engine.register_route("dialog", BTC, opens_a_dialog)
        await rig.feed(raw())
        await rig.settle()
        assert rig.engine.quarantine_of("dialog") is None
        (figures,) = rig.engine.get_routing_statistics().routes
        assert (figures.slow_calls, figures.delivered) == (0, 1)
        assert not rig.failed


@pytest.mark.qasync_loop
async def test_a_route_closed_while_its_own_dialog_is_open_gets_nothing_more() -> None:
    async with engine_rig() as rig:
        calls: list[int] = []
        routes: list[Route] = []

        def opens_a_dialog(event: Any) -> None:
            calls.append(event.timestamp)
            QTimer.singleShot(0, routes[0].close)
            run_dialog(rig, [raw(timestamp=2)])

        routes.append(rig.engine.register_route("dialog", BTC, opens_a_dialog))
        rig.engine.register_route("other", BTC, Listener())
        await rig.feed(raw(timestamp=1))
        await rig.feed(raw(timestamp=3))
        assert calls == [1]
        figures = rig.engine.get_routing_statistics()
        assert figures.received == figures.delivered + figures.dropped
