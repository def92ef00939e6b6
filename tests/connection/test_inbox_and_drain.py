"""Inboxes are bounded and exact in their counting; the drain is fair, ordered and survives nesting and failures."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import QEventLoop, QTimer

from tests.waiting import until
from upbit_ws_qt.connection.drain import Drain
from upbit_ws_qt.connection.inbox import Inbox, RawFrame, superseding_key
from upbit_ws_qt.types import IndependenceLevel, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable

PUBLIC, PRIVATE, INFO = WebSocketType.PUBLIC, WebSocketType.PRIVATE, WebSocketType.INFO


def frame(data: bytes | str, at: float = 0.0, epoch: int = 0, ws_type: WebSocketType = PUBLIC) -> RawFrame:
    return RawFrame(data, at, epoch, ws_type)


def ticker(code: str, serial: int = 0) -> bytes:
    return b'{"type":"ticker","code":"%s","serial":%d}' % (code.encode(), serial)


def trade(serial: int) -> bytes:
    return b'{"type":"trade","code":"KRW-BTC","sequential_id":%d}' % serial


def drain_of(inbox: Inbox) -> list[RawFrame]:
    taken = []
    while (item := inbox.pop()) is not None:
        taken.append(item)
    return taken


def test_frames_come_out_in_order() -> None:
    inbox = Inbox(PUBLIC, 100)
    for serial in range(10):
        inbox.put([frame(trade(serial))])
    assert [item.data for item in drain_of(inbox)] == [trade(serial) for serial in range(10)]
    figures = inbox.figures()
    assert (figures.received, figures.waiting, figures.high_water) == (10, 0, 10)
    assert figures.bytes == sum(len(trade(serial)) for serial in range(10))


def test_a_full_inbox_gives_up_superseded_tickers_first_and_keeps_every_trade() -> None:
    inbox = Inbox(PUBLIC, 1000)
    for serial in range(3000):
        inbox.put([frame(trade(serial) if serial % 10 == 0 else ticker(f"KRW-C{serial % 7}", serial))])
    left = [item.data for item in drain_of(inbox)]
    assert [data for data in left if '"trade"' in str(data)] == [trade(s) for s in range(0, 3000, 10)]
    newest = {code: max(s for s in range(3000) if s % 10 and s % 7 == code) for code in range(7)}
    for code, serial in newest.items():
        assert ticker(f"KRW-C{code}", serial) in left
    figures = inbox.figures()
    assert figures.dropped == 0
    assert figures.superseded + len(left) == figures.received == 3000
    assert figures.high_water <= 1000


def test_an_inbox_full_of_trades_drops_the_oldest_and_says_how_many() -> None:
    inbox = Inbox(PRIVATE, 100)
    for serial in range(1000):
        inbox.put([frame(trade(serial))])
    left = [item.data for item in drain_of(inbox)]
    assert left == [trade(serial) for serial in range(1000 - len(left), 1000)]
    figures = inbox.figures()
    assert figures.dropped + len(left) == 1000
    assert figures.high_water == 100


def test_counting_is_exact_whatever_comes() -> None:
    rng = random.Random(7)
    inbox = Inbox(PUBLIC, 300)
    taken = 0
    put = 0
    while put < 50_000:
        arrived = [
            frame(
                rng.choice((ticker(f"KRW-C{rng.randrange(400)}"), trade(put), b"rubbish")),
                epoch=rng.choice((0, 0, 0, 1)),
            )
            for _ in range(rng.choice((1, 1, 5, 50, 400)))
        ]
        inbox.put(arrived)
        put += len(arrived)
        assert len(inbox) <= 300
        for _ in range(len(arrived) // 3 + 1):
            taken += inbox.pop() is not None
    figures = inbox.figures()
    assert taken + figures.superseded + figures.dropped + figures.stale + figures.waiting == figures.received == put
    assert figures.high_water == 300
    assert min(figures.superseded, figures.dropped, figures.stale, taken) > 0


def test_books_of_different_levels_do_not_supersede_each_other() -> None:
    def book(level: str) -> bytes:
        return b'{"type":"orderbook","code":"KRW-BTC","orderbook_units":[],"stream_type":"REALTIME","level":%s}' % (
            level.encode()
        )

    assert superseding_key(book("0")) != superseding_key(book("10000"))
    assert superseding_key(book("0")) == superseding_key(book("0").decode())
    assert superseding_key(b'{"ty":"orderbook","cd":"KRW-BTC","obu":[],"st":"REALTIME","lv":10000}') is not None
    assert superseding_key(trade(1)) is None
    assert superseding_key(b"\xff\x00") is None
    assert superseding_key(ticker("KRW-BTC")) == ("ticker", "KRW-BTC", b"0")


def test_frames_of_an_older_line_are_dropped_and_counted() -> None:
    inbox = Inbox(PUBLIC, 100)
    inbox.put([frame(trade(1), epoch=1)])
    inbox.put([frame(trade(2), epoch=2)])
    inbox.epoch = 2
    assert [item.data for item in drain_of(inbox)] == [trade(2)]
    inbox.count_stale([frame(trade(1))])
    assert inbox.figures().stale == 2


def test_a_marker_is_reached_after_what_was_before_it_and_changes_what_is_let_through() -> None:
    inbox = Inbox(PUBLIC, 100)
    inbox.epoch = 1
    inbox.put([frame(trade(1), epoch=1)])
    inbox.put_marker(lambda: setattr(inbox, "epoch", 2))
    inbox.put([frame(trade(2), epoch=2)])
    inbox.put([frame(trade(3), epoch=1)])
    assert [item.data for item in drain_of(inbox)] == [trade(1), trade(2)]


@pytest.mark.parametrize(
    "act", [lambda inbox: inbox.clear(), lambda inbox: [inbox.put([frame(b"x")]) for _ in "x" * 20]]
)
def test_a_marker_is_called_even_when_frames_around_it_are_dropped(act: Callable[[Inbox], object]) -> None:
    inbox = Inbox(PUBLIC, 10)
    called = []
    inbox.put_marker(lambda: called.append(1))
    act(inbox)
    assert called == [1]


async def test_the_drain_hands_everything_out_in_order_and_never_in_a_task() -> None:
    got: list[bytes | str] = []

    def handler(item: RawFrame) -> None:
        assert asyncio.current_task() is None
        got.append(item.data)

    drain = Drain(handler)
    inbox = Inbox(PUBLIC, 10_000)
    inbox.put([frame(trade(0))])  # before the drain knows of it
    drain.add(inbox)
    for serial in range(1, 1000):
        inbox.put([frame(trade(serial))])
    await until(lambda: len(got) == 1000)
    assert got == [trade(serial) for serial in range(1000)]
    assert drain.figures().frames == 1000
    drain.stop()


async def test_a_turn_ends_with_its_budget_so_that_the_loop_breathes() -> None:
    now = asyncio.get_running_loop().time  # of the budget too

    def slow(_: RawFrame) -> None:
        end = now() + 0.001
        while now() < end:
            pass

    drain = Drain(slow, 0.004)
    inbox = Inbox(PUBLIC, 1000)
    drain.add(inbox)
    for serial in range(60):
        inbox.put([frame(trade(serial))])
    await until(lambda: drain.figures().frames == 60)
    figures = drain.figures()
    assert figures.turns >= 12
    assert figures.exhausted >= 11
    drain.stop()


async def test_private_frames_overtake_a_public_flood() -> None:
    order: list[WebSocketType] = []
    drain = Drain(lambda item: order.append(item.ws_type), 0.002)
    inboxes = {ws_type: Inbox(ws_type, 100_000) for ws_type in (PUBLIC, INFO, PRIVATE)}
    for inbox in inboxes.values():
        drain.add(inbox)
    for serial in range(20_000):
        inboxes[PUBLIC].put([frame(trade(serial))])
    inboxes[INFO].put([frame(b"i", ws_type=INFO)])
    inboxes[PRIVATE].put([frame(b"p", ws_type=PRIVATE)])
    await until(lambda: len(order) == 20_002)
    assert order[:2] == [PRIVATE, INFO]
    drain.stop()


async def test_a_private_flood_leaves_the_public_line_its_share() -> None:
    order: list[WebSocketType] = []
    drain = Drain(lambda item: order.append(item.ws_type), 0.002)
    private, public = Inbox(PRIVATE, 200_000), Inbox(PUBLIC, 200_000)
    drain.add(private)
    drain.add(public)
    for serial in range(50_000):
        private.put([frame(b"x", ws_type=PRIVATE)])
        if serial < 10:
            public.put([frame(b"y")])
    await until(lambda: len(order) == 50_010)
    assert order.index(PUBLIC) < 50_000
    assert order[-1] is PRIVATE  # the public ones were not left to the end
    drain.stop()


async def test_basic_independence_serves_the_oldest_first() -> None:
    order: list[float] = []
    drain = Drain(lambda item: order.append(item.received_at), level=IndependenceLevel.BASIC)
    private, public = Inbox(PRIVATE, 1000), Inbox(PUBLIC, 1000)
    drain.add(private)
    drain.add(public)
    for at in range(100):
        (private if at % 3 else public).put([frame(b"x", float(at))])
    await until(lambda: len(order) == 100)
    assert order == [float(at) for at in range(100)]
    drain.stop()


async def test_a_handler_that_raises_is_counted_and_the_stream_lives() -> None:
    got: list[bytes | str] = []
    failures: list[tuple[bytes | str, str]] = []

    def handler(item: RawFrame) -> None:
        if item.data == b"bad":
            raise RecursionError("too deep")
        got.append(item.data)

    drain = Drain(handler, on_failure=lambda item, error: failures.append((item.data, str(error))))
    inbox = Inbox(PUBLIC, 100)
    drain.add(inbox)
    for data in (b"1", b"bad", b"2"):
        inbox.put([frame(data)])
    await until(lambda: got == [b"1", b"2"])
    assert failures == [(b"bad", "too deep")]
    assert drain.figures().failures == 1
    drain.stop()


async def test_a_stopped_drain_hands_out_nothing() -> None:
    got: list[RawFrame] = []
    drain = Drain(got.append)
    inbox = Inbox(PUBLIC, 100)
    drain.add(inbox)
    inbox.put([frame(b"1")])
    drain.stop()
    drain.stop()
    inbox.put([frame(b"2")])
    await asyncio.sleep(0.01)
    assert got == []


async def test_an_inbox_that_is_taken_away_is_left_alone() -> None:
    got: list[RawFrame] = []
    drain = Drain(got.append)
    inbox = Inbox(PUBLIC, 100)
    drain.add(inbox)
    drain.remove(inbox)
    drain.remove(inbox)
    inbox.put([frame(b"1")])
    await asyncio.sleep(0.01)
    assert got == []
    drain.stop()


@pytest.mark.qasync_loop
async def test_a_dialog_opened_by_a_callback_neither_stops_nor_disorders_the_stream() -> None:
    got: list[bytes | str] = []
    nested_saw: list[int] = []

    def handler(item: RawFrame) -> None:
        got.append(item.data)
        if item.data == b"5":
            dialog = QEventLoop()
            look = QTimer()
            look.timeout.connect(lambda: dialog.quit() if len(got) == 100 else None)
            look.start(1)
            dialog.exec()
            nested_saw.append(len(got))

    drain = Drain(handler)
    inbox = Inbox(PUBLIC, 1000)
    drain.add(inbox)
    for serial in range(100):
        inbox.put([frame(str(serial).encode())])
    await until(lambda: len(nested_saw) == 1)
    assert nested_saw == [100]  # everything behind the fifth was handed out while the dialog was open
    assert got == [str(serial).encode() for serial in range(100)]
    assert drain.figures().nested >= 1
    drain.stop()
