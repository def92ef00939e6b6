"""A subscription says which of its markets are out of date, and hands its events out in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.frames import all_frames
from tests.qt.serving import served
from tests.waiting import until
from upbit_ws_qt.events import TickerEvent, stamp
from upbit_ws_qt.qt import TickerChannel, WebSocketClientProxy
from upbit_ws_qt.qt.stale_rows import StaleRow
from upbit_ws_qt.silence import SilenceDetector
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.types import DataType, Delivery
from upbit_ws_qt.wire import decode

if TYPE_CHECKING:
    from upbit_ws_qt.exchange import EmbeddedExchange
    from upbit_ws_qt.qt import WebSocketService

CODES = ["KRW-BTC", "KRW-ETH"]


@served()
async def test_a_cut_line_makes_all_markets_stale_and_the_next_one_makes_them_fresh(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    told: list[tuple[str, bool]] = []
    async with WebSocketClientProxy("table", service=service) as proxy:
        rows = await proxy.subscribe_ticker(CODES, lambda _: None)
        assert rows.stale_symbols == frozenset()
        rows.staleChanged.connect(lambda code, stale: told.append((code, stale)))
        await until(lambda: service.hub.watched == 2)
        exchange.faults.inject("drop", endpoint="public", times=1)
        await until(lambda: len(told) >= 4)
        assert sorted(told[:2]) == [("KRW-BTC", True), ("KRW-ETH", True)]
        assert sorted(told[2:4]) == [("KRW-BTC", False), ("KRW-ETH", False)]
        assert rows.stale_symbols == frozenset()
        rows.set_symbols("KRW-XRP")
        assert service.hub.watched == 1
    assert service.hub.watched == 0


def ticker(epoch: int) -> TickerEvent:
    event = next(event for frame in all_frames() for event in decode(frame) if isinstance(event, TickerEvent))
    stamp(event, epoch, 0.0)
    return event


def test_what_a_lost_line_has_still_brought_does_not_make_a_channel_fresh(qapp: object) -> None:
    del qapp
    told: list[bool] = []
    spec = SubscriptionSpec(DataType.TICKER, "KRW-BTC")
    channel = TickerChannel(spec, "mine", lambda _: None)
    channel.staleChanged.connect(told.append)
    channel.note_stale(True, fresh_from=2)
    channel.tell_stale()
    channel.feed.deliver_received(ticker(1))
    channel.feed.deliver_frame(ticker(1))
    assert channel.is_stale
    channel.note_stale(True)  # it is silent, too
    channel.feed.deliver_received(ticker(1))
    assert channel.is_stale
    channel.feed.deliver_received(ticker(2))
    assert (channel.is_stale, told) == (False, [True, False])


def test_a_busy_market_that_falls_silent_is_stale_until_it_speaks_again() -> None:
    newest: list[TickerEvent | None] = [None]
    told: list[tuple[str, bool]] = []
    stopped: list[StaleRow] = []
    row = StaleRow(
        StreamKey(DataType.TICKER, "KRW-BTC"),
        lambda _: newest[-1],
        lambda code, stale: told.append((code, stale)),
        stopped.append,
    )
    for _ in range(SilenceDetector.BUSY_LOOKS):
        newest.append(ticker(1))
        assert not row.has_fallen_silent()
    assert [row.has_fallen_silent() for _ in range(SilenceDetector.QUIET_LOOKS)][-2:] == [False, True]
    for stale in (True, True):
        row.note_stale(stale)
        row.tell_stale()
    assert (row.is_stale, row.has_news(), told) == (True, False, [("KRW-BTC", True)])
    newest.append(ticker(1))
    assert row.has_news()
    row.note_stale(False)
    row.tell_stale()
    assert (row.has_news(), told[1:]) == (False, [("KRW-BTC", False)])
    row.note_stale(True, fresh_from=2)
    newest.append(ticker(1))
    assert not row.has_news(), "a lost line has still brought it"
    newest.append(ticker(2))
    assert row.has_news()
    row.stop()
    assert stopped == [row]


@served()
async def test_a_signal_or_a_slot_is_handed_batches(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    slots: list[tuple[Any, ...]] = []
    emitted: list[tuple[Any, ...]] = []
    async with WebSocketClientProxy("table", service=service) as proxy:
        await proxy.subscribe_ticker(CODES, slots.append, delivery=Delivery.BATCH, rate=20)
        by_signal = await proxy.subscribe_trade(CODES, delivery=Delivery.BATCH)
        by_signal.received.connect(emitted.append)
        await until(lambda: slots and emitted)
        assert {event.type for batch in slots for event in batch} == {"ticker"}
        assert {event.type for batch in emitted for event in batch} == {"trade"}
