from __future__ import annotations

import gc
import inspect
import weakref
from functools import partial
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal

from upbit_ws_qt.manager.components import hold_callback
from upbit_ws_qt.qt.ownership import receiver_of, signal_of


class Owner(QObject):
    fired = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def on_event(self, event: Any) -> str:
        self.seen.append(event)
        return "done"

    def on_tagged(self, tag: str, event: Any, *, times: int = 1) -> None:
        self.seen.append((tag, event, times))

    async def on_async(self, event: Any) -> None:
        self.seen.append(event)


def test_the_owners_method_is_called_while_it_lives_and_does_not_keep_it_alive() -> None:
    owner = Owner()
    held = hold_callback(owner.on_event, owner)
    assert held(1) == "done"
    assert owner.seen == [1]
    gone = weakref.ref(owner)
    del owner
    assert gone() is None  # by reference count alone
    assert held(2) is None


def test_a_partial_of_the_owners_method_is_held_weakly_and_keeps_its_arguments() -> None:
    owner = Owner()
    held = hold_callback(partial(owner.on_tagged, "btc", times=3), owner)
    held(1)
    assert owner.seen == [("btc", 1, 3)]
    gone = weakref.ref(owner)
    del owner
    assert gone() is None
    assert held(2) is None


async def test_a_coroutine_method_of_the_owner_stays_a_coroutine_function() -> None:
    owner = Owner()
    held = hold_callback(owner.on_async, owner)
    assert inspect.iscoroutinefunction(held)
    await held(1)
    assert owner.seen == [1]
    gone = weakref.ref(owner)
    del owner
    gc.collect()
    assert gone() is None
    await held(2)


def test_everything_else_is_held_as_it_is() -> None:
    owner, other = Owner(), Owner()
    method = other.on_event
    assert hold_callback(method, owner) is method
    assert hold_callback(print, owner) is print
    assert hold_callback(method, None) is method


def test_the_receiver_is_found_in_methods_and_partials() -> None:
    owner = Owner()
    assert receiver_of(owner.on_event) is owner
    assert receiver_of(partial(partial(owner.on_tagged, "a"), 1)) is owner
    assert receiver_of(print) is None
    assert receiver_of([].append) is None


def test_a_signal_and_its_emit_are_recognised() -> None:
    owner = Owner()
    assert signal_of(owner.fired) is not None
    assert signal_of(owner.fired.emit) is not None
    assert signal_of(owner.on_event) is None
    assert signal_of(print) is None
