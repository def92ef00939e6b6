"""What the manager tells reaches everybody, in order, whatever one of those who are told does."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6.QtCore import QEventLoop, QTimer

from tests.waiting import until
from upbit_ws_qt.manager import ManagerListener
from upbit_ws_qt.manager.notify import CallQueue, Notifier
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import DataType, GlobalManagerState

if TYPE_CHECKING:
    from tests.manager.conftest import Desk
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import StreamStatus

STATES = (GlobalManagerState.IDLE, GlobalManagerState.ACTIVE, GlobalManagerState.DEGRADED)


def expect(errors: list[str]) -> None:
    """Note what callbacks of the loop raise, in place of its log."""
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: errors.append(repr(context["exception"])))


class Notes(ManagerListener):
    def __init__(self) -> None:
        self.states: list[GlobalManagerState] = []

    def on_state(self, state: GlobalManagerState) -> None:
        self.states.append(state)


class Raises(Notes):
    def on_state(self, state: GlobalManagerState) -> None:
        super().on_state(state)
        raise LookupError


class OpensDialog(Notes):
    """Has a dialog open until the one behind it has been told everything."""

    def __init__(self, other: Notes) -> None:
        super().__init__()
        self._other = other

    def on_state(self, state: GlobalManagerState) -> None:
        super().on_state(state)
        if state is STATES[0]:
            dialog, watch = QEventLoop(), QTimer()
            watch.timeout.connect(lambda: dialog.quit() if len(self._other.states) == len(STATES) else None)
            watch.start(1)
            dialog.exec()


def tell_all(notifier: Notifier) -> None:
    for state in STATES:
        notifier.notify(lambda listener, state=state: listener.on_state(state))  # type: ignore[misc]


async def test_a_listener_that_raises_keeps_nothing_from_the_next() -> None:
    errors: list[str] = []
    expect(errors)
    notifier, bad, good = Notifier(asyncio.get_running_loop()), Raises(), Notes()
    notifier.add(bad)
    notifier.add(good)
    tell_all(notifier)
    await until(lambda: len(good.states) == len(STATES))
    assert tuple(good.states) == tuple(bad.states) == STATES
    assert errors == ["LookupError()"] * 3


@pytest.mark.qasync_loop
async def test_behind_a_listeners_dialog_the_next_is_told_all_in_order() -> None:
    notifier, good = Notifier(asyncio.get_running_loop()), Notes()
    modal = OpensDialog(good)
    notifier.add(modal)
    notifier.add(good)
    tell_all(notifier)
    await until(lambda: len(good.states) == len(STATES) and len(modal.states) == len(STATES))
    assert tuple(good.states) == tuple(modal.states) == STATES


async def test_one_that_was_removed_by_the_one_before_it_is_told_nothing() -> None:
    notifier, good = Notifier(asyncio.get_running_loop()), Notes()

    class Removes(ManagerListener):
        def on_state(self, state: GlobalManagerState) -> None:
            notifier.remove(good)

    notifier.add(Removes())
    notifier.add(good)
    tell_all(notifier)
    for _ in range(5):
        await asyncio.sleep(0)
    assert good.states == []


async def test_what_is_sent_meanwhile_comes_behind_what_waits() -> None:
    loop = asyncio.get_running_loop()
    outbox = CallQueue(loop)
    made: list[int] = []

    def first() -> None:
        made.append(1)
        outbox.send([partial(made.append, 3)])
        made.append(4)

    loop.call_soon(lambda: outbox.send([first, partial(made.append, 2)]))
    await until(lambda: len(made) == 4)
    assert made == [1, 2, 3, 4]


async def test_a_registration_that_raises_when_it_is_told_keeps_nothing_from_the_others(desk: Desk) -> None:
    errors: list[str] = []
    expect(errors)
    told: dict[int, list[tuple[StreamKey, StreamStatus]]] = {number: [] for number in range(3)}

    def note(number: int, stream: StreamKey, status: StreamStatus, error: Any) -> None:
        told[number].append((stream, status))
        raise LookupError(number)

    spec = SubscriptionSpec(DataType.TICKER, "KRW-BTC")
    for number in told:
        desk.manager.register_component("c", spec, lambda event: None, on_status=partial(note, number))
    await until(lambda: all(entries and entries[-1][1].is_served for entries in told.values()))
    assert sorted(set(errors)) == ["LookupError(0)", "LookupError(1)", "LookupError(2)"]
