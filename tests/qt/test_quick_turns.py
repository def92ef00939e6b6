"""The loop's turns are cheap, and behave as asyncio's do: in order, one turn after the other, also under a dialog."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6.QtCore import QEventLoop, QTimer

from tests.waiting import until
from upbit_ws_qt.qt.nested_loops import keep_tasks_going

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.qasync_loop


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def quick_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.get_running_loop()
    assert keep_tasks_going(loop) is not None
    assert type(loop.call_soon.__self__).__name__ == "QuickTurns"  # type: ignore[attr-defined]
    return loop


def run_dialog(done: Callable[[], object]) -> None:
    dialog, poll = QEventLoop(), QTimer()
    poll.timeout.connect(lambda: dialog.quit() if done() else None)
    poll.start(1)
    dialog.exec()
    poll.stop()


async def test_calls_are_made_in_order_and_what_they_arrange_comes_in_the_next_turn() -> None:
    loop = quick_loop()
    made: list[str] = []

    def first() -> None:
        made.append("first")
        loop.call_soon(made.append, "next turn")

    loop.call_soon(first)
    cancelled = loop.call_soon(made.append, "cancelled")
    loop.call_soon(made.append, "second")
    cancelled.cancel()
    await until(lambda: len(made) == 3)
    assert made == ["first", "second", "next turn"]


async def test_what_calls_itself_again_and_again_keeps_nobody_else_from_his_turn() -> None:
    loop = quick_loop()
    ticks: list[int] = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(1))
    timer.start(0)

    def again() -> None:
        if len(ticks) < 5:
            loop.call_soon(again)

    loop.call_soon(again)
    await until(lambda: len(ticks) >= 5)
    timer.stop()


async def test_one_that_raises_keeps_the_others_from_nothing() -> None:
    loop = quick_loop()
    told: list[object] = []
    made: list[int] = []
    loop.set_exception_handler(lambda loop, context: told.append(context["exception"]))

    def fail() -> None:
        raise ValueError("no good")

    loop.call_soon(fail)
    loop.call_soon(made.append, 1)
    await until(lambda: made)
    loop.set_exception_handler(None)
    assert [str(error) for error in told] == ["no good"]


async def test_behind_a_dialog_the_rest_is_made_in_order_and_once() -> None:
    loop = quick_loop()
    made: list[str] = []

    def dialog() -> None:
        made.append("opened")
        loop.call_soon(made.append, "arranged before")
        run_dialog(lambda: "arranged before" in made)
        made.append("closed")

    loop.call_soon(dialog)
    loop.call_soon(made.append, "behind")
    await until(lambda: "closed" in made)
    assert made == ["opened", "behind", "arranged before", "closed"]
    later = asyncio.get_running_loop().create_future()
    loop.call_soon(later.set_result, None)
    await later


async def test_what_can_be_read_is_read_until_the_reader_is_removed(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    loop = quick_loop()
    read: list[bytes] = []
    loop.add_reader(ours, lambda: read.append(ours.recv(100)))
    theirs.send(b"one")
    await until(lambda: read == [b"one"])
    theirs.send(b"two")
    await until(lambda: read == [b"one", b"two"])
    loop.add_reader(ours, lambda: read.append(ours.recv(100) + b"!"))
    theirs.send(b"three")
    await until(lambda: read[2:] == [b"three!"])
    assert loop.remove_reader(ours)
    assert not loop.remove_reader(ours)
    theirs.send(b"four")
    await asyncio.sleep(0)
    assert len(read) == 3


async def test_a_reader_that_opens_a_dialog_is_not_entered_again_and_goes_on_after_it(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    loop = quick_loop()
    seen: list[str] = []
    beats: list[int] = []

    def read() -> None:
        seen.append("in")
        data = ours.recv(1)
        if data == b"1":
            theirs.send(b"2")
            loop.call_later(0.01, beats.append, 1)
            run_dialog(lambda: beats)
        seen.append(f"out {data.decode()}")

    loop.add_reader(ours, read)
    theirs.send(b"1")
    await until(lambda: len(seen) == 4)
    assert seen == ["in", "out 1", "in", "out 2"]
    loop.remove_reader(ours)


async def test_what_reading_arranges_is_done_right_behind_it(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    loop = quick_loop()
    made: list[str] = []

    def read() -> None:
        ours.recv(100)
        QTimer.singleShot(0, lambda: made.append("of Qt's"))
        loop.call_soon(arranged)
        made.append("read")

    def arranged() -> None:
        loop.call_soon(made.append, "next turn")
        made.append("arranged")

    loop.add_reader(ours, read)
    theirs.send(b"one")
    await until(lambda: len(made) == 4)
    loop.remove_reader(ours)
    assert made[:2] == ["read", "arranged"]
    assert set(made[2:]) == {"of Qt's", "next turn"}


async def test_under_a_dialog_that_what_was_read_opens_reading_goes_on(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    loop = quick_loop()
    made: list[bytes] = []

    def take(data: bytes) -> None:
        made.append(data)
        if data == b"one":
            theirs.send(b"two")
            run_dialog(lambda: b"two" in made)
            made.append(b"closed")

    loop.add_reader(ours, lambda: loop.call_soon(take, ours.recv(100)))
    theirs.send(b"one")
    await until(lambda: b"closed" in made)
    theirs.send(b"three")
    await until(lambda: b"three" in made)
    loop.remove_reader(ours)
    assert made == [b"one", b"two", b"closed", b"three"]


async def test_one_call_goes_behind_what_is_being_read_and_none_before_another_that_is_due(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    loop: Any = quick_loop()
    made: list[str] = []

    def read() -> None:
        what = ours.recv(100).decode()
        if what == "two":
            loop.call_soon(made.append, "before")
        loop.call_behind_reading(lambda: made.append(f"behind {what}"))
        loop.call_behind_reading(lambda: made.append("second"))
        loop.call_soon(made.append, "last")
        made.append(f"read {what}")

    loop.add_reader(ours, read)
    theirs.send(b"one")
    await until(lambda: len(made) == 4)
    assert made == ["read one", "behind one", "second", "last"]
    made.clear()
    theirs.send(b"two")
    await until(lambda: len(made) == 5)
    assert made == ["read two", "before", "behind two", "second", "last"]
    loop.call_behind_reading(lambda: made.append("nothing is read"))
    await until(lambda: made[-1] == "nothing is read")
    loop.remove_reader(ours)


async def test_what_goes_behind_reading_does_not_wait_for_the_end_of_a_dialog(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    loop: Any = quick_loop()
    made: list[str] = []

    closed = loop.create_future()  # who looks again and again has the loop's calls made meanwhile

    def read() -> None:
        ours.recv(100)
        loop.call_later(0.001, lambda: loop.call_behind_reading(lambda: made.append("in the dialog")))
        run_dialog(lambda: made)
        made.append("closed")
        closed.set_result(None)

    loop.add_reader(ours, read)
    theirs.send(b"one")
    await closed
    loop.remove_reader(ours)
    assert made == ["in the dialog", "closed"]


async def test_a_dialog_that_what_goes_behind_reading_opens_keeps_the_next_message_from_nobody(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    loop: Any = quick_loop()
    made: list[str] = []

    def take(what: str) -> None:
        made.append(what)
        if what == "one":
            theirs.send(b"two")
            run_dialog(lambda: "two" in made)
            made.append("closed")

    def read() -> None:
        what = ours.recv(100).decode()
        loop.call_behind_reading(lambda: take(what))

    loop.add_reader(ours, read)
    theirs.send(b"one")
    await until(lambda: "closed" in made)
    loop.remove_reader(ours)
    assert made == ["one", "two", "closed"]


async def test_one_that_raises_behind_reading_is_told_as_any_other(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    loop: Any = quick_loop()
    told: list[object] = []
    made: list[str] = []
    loop.set_exception_handler(lambda loop, context: told.append(context["exception"]))

    def fail() -> None:
        raise ValueError("no good")

    def read() -> None:
        ours.recv(100)
        loop.call_behind_reading(fail)
        loop.call_soon(made.append, "made")

    loop.add_reader(ours, read)
    theirs.send(b"one")
    await until(lambda: made)
    loop.set_exception_handler(None)
    loop.remove_reader(ours)
    assert [str(error) for error in told] == ["no good"]
