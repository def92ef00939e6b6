"""When the drain is behind, superseded tickers and books are not decoded, all else is, and the newest is shown."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.routing.rig import Listener, Rig, engine_rig, in_loop, raw
from tests.waiting import until
from upbit_ws_qt.connection import Inbox
from upbit_ws_qt.routing.display import OVERLOAD_BEGINS, OVERLOAD_ENDS
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import BackpressureConfig, BackpressureStrategy, Delivery, WebSocketType

BTC = SubscriptionSpec("ticker", "KRW-BTC")


async def test_superseded_frames_are_not_decoded_and_the_newest_comes_through() -> None:
    async with engine_rig() as rig:
        tickers, trades = Listener(), Listener()
        rig.engine.register_route("tickers", SubscriptionSpec("ticker", ["KRW-BTC", "KRW-ETH"]), tickers)
        rig.engine.register_route("trades", SubscriptionSpec("trade", "KRW-BTC"), trades)

        def flood() -> None:
            rig.feed_now((raw(timestamp=0),))
            rig.engine.note_backlog(OVERLOAD_BEGINS)
            for at in range(1, 101):
                rig.feed_now((raw(timestamp=at), raw("trade", timestamp=at, sequential_id=at)))
            rig.feed_now((raw(code="KRW-ETH", timestamp=7),))
            rig.engine.note_backlog(OVERLOAD_ENDS)

        await in_loop(flood)
        await rig.settle()
        assert trades.timestamps == list(range(1, 101))
        assert [(event.code, event.timestamp) for event in tickers.events] == [
            ("KRW-BTC", 0),
            ("KRW-BTC", 100),
            ("KRW-ETH", 7),
        ]
        figures = rig.engine.get_routing_statistics()
        assert (figures.superseded, figures.held, figures.overloads, figures.overloaded) == (99, 0, 1, False)
        assert figures.frames == 202 == figures.events + figures.superseded


async def test_what_is_held_is_shown_at_the_display_rate_while_the_flood_lasts() -> None:
    async with engine_rig(frame_rate=200.0) as rig:
        listener = Listener()
        rig.engine.register_route("c", BTC, listener)
        at = 0

        def more() -> None:
            nonlocal at
            rig.engine.note_backlog(10_000)
            for _ in range(50):
                at += 1
                rig.feed_now((raw(timestamp=at),))
            if len(listener.events) < 4:
                rig.loop.call_soon(more)

        rig.loop.call_soon(more)
        await until(lambda: len(listener.events) >= 4)
        assert listener.timestamps == sorted(listener.timestamps)
        assert rig.engine.get_routing_statistics().superseded > 50
        await in_loop(rig.engine.note_backlog, 0)
        await rig.settle()
        assert listener.timestamps[-1] == at


async def test_a_frame_that_comes_after_the_flood_does_not_overtake_nor_is_it_overtaken() -> None:
    async with engine_rig() as rig:
        listener = Listener()
        rig.engine.register_route("c", BTC, listener)

        def flood() -> None:
            rig.engine.note_backlog(OVERLOAD_BEGINS)
            rig.feed_now((raw(timestamp=1),))
            rig.engine.note_backlog(0)
            rig.feed_now((raw(timestamp=2),))  # before what is held had its turn

        await in_loop(flood)
        await rig.settle()
        assert listener.timestamps == [2]
        figures = rig.engine.get_routing_statistics()
        assert (figures.superseded, figures.stale, figures.held) == (1, 0, 0)


async def test_books_of_two_levels_do_not_supersede_each_other() -> None:
    async with engine_rig() as rig:
        plain, grouped = Listener(), Listener()
        rig.engine.register_route("plain", SubscriptionSpec("orderbook", "KRW-BTC"), plain)
        rig.engine.register_route("grouped", SubscriptionSpec("orderbook", "KRW-BTC", level=Decimal(10000)), grouped)

        def flood() -> None:
            rig.engine.note_backlog(OVERLOAD_BEGINS)
            for at in (1, 2):
                rig.feed_now((raw("orderbook", timestamp=at, level=0), raw("orderbook", timestamp=at, level=10000)))

        await in_loop(flood)
        assert plain.timestamps == grouped.timestamps == [1, 2]
        frame = raw("orderbook", level=0)
        assert rig.engine.conflation_key(frame) is None
        rig.engine.unregister_routes("grouped")
        assert rig.engine.conflation_key(frame) == ("orderbook", "KRW-BTC")


def balance(rig: Rig) -> dict[str, tuple[int, int, int, int]]:
    """Return (received, delivered, conflated, dropped) of each component; what waits is nowhere but there."""
    figures = rig.engine.get_routing_statistics()
    for route in figures.routes:
        assert route.received == route.delivered + route.conflated + route.dropped + route.waiting
    return {r.component_id: (r.received, r.delivered, r.conflated, r.dropped) for r in figures.routes}


async def test_what_overload_skips_stands_in_the_books_of_everybody_who_wanted_it() -> None:
    async with engine_rig() as rig:
        every, shown, other, fresh = Listener(), Listener(), Listener(), Listener()
        rig.engine.register_route("every", BTC, every)
        rig.engine.register_route("shown", SubscriptionSpec("ticker", "KRW-BTC", delivery=Delivery.FRAME), shown)
        rig.engine.register_route("other", SubscriptionSpec("ticker", "KRW-ETH"), other)
        rig.engine.register_route("fresh", SubscriptionSpec("ticker", "KRW-BTC", only_realtime=True), fresh)

        def flood() -> None:
            rig.engine.note_backlog(OVERLOAD_BEGINS)
            rig.feed_now((raw(timestamp=0, stream_type="SNAPSHOT"),))
            rig.feed_now(tuple(raw(timestamp=at) for at in range(1, 1000)))
            rig.engine.note_backlog(0)

        await in_loop(flood)
        await rig.settle()
        await in_loop(rig.engine.flush_frames)
        assert balance(rig) == {
            "every": (1000, 1, 999, 0),
            "shown": (1000, 1, 999, 0),
            "other": (0, 0, 0, 0),
            "fresh": (999, 1, 998, 0),  # a snapshot is not for it, read or not
        }
        assert every.timestamps == shown.timestamps == fresh.timestamps == [999]
        figures = rig.engine.get_routing_statistics()
        skipped = {route.component_id: route.skipped for route in figures.routes}
        assert skipped == {"every": 999, "shown": 0, "other": 0, "fresh": 998}  # the display frame asked for no more
        assert figures.skipped == 999 + 998
        rig.engine.unregister_routes("every")
        assert rig.engine.get_routing_statistics().skipped == 999 + 998
        assert rig.engine.get_routing_statistics().conflated == 999 + 999 + 998


async def test_a_consumer_that_takes_the_newest_or_is_put_aside_misses_nothing_it_wanted() -> None:
    async with engine_rig() as rig:
        for name, strategy in (("newest", "coalesce_by_symbol"), ("paced", "throttle"), ("aside", "drop_oldest")):
            rules = BackpressureConfig(BackpressureStrategy(strategy))
            rig.engine.register_route(name, SubscriptionSpec("ticker", "KRW-BTC", backpressure=rules), Listener())
        rig.engine._dispatcher.begin_quarantine("aside", "failing")

        def flood() -> None:
            rig.engine.note_backlog(OVERLOAD_BEGINS)
            rig.feed_now(tuple(raw(timestamp=at) for at in range(50)))

        await in_loop(flood)
        assert {book[0] for book in balance(rig).values()} == {49}
        assert rig.engine.get_routing_statistics().skipped == 0


async def test_overload_does_not_take_its_snapshot_from_who_wants_nothing_else() -> None:
    async with engine_rig() as rig:
        once = Listener()
        route = rig.engine.register_route("once", SubscriptionSpec("ticker", "KRW-BTC", only_snapshot=True), once)
        rig.engine.register_route("other", BTC, Listener())

        def flood() -> None:
            rig.engine.note_backlog(OVERLOAD_BEGINS)
            rig.feed_now((raw(timestamp=0, stream_type="SNAPSHOT"), raw(timestamp=1), raw(timestamp=2)))

        await in_loop(flood)
        assert once.timestamps == [0]
        route.close()
        assert rig.engine.conflation_key(raw()) == ("ticker", "KRW-BTC")


def wide(data_type: str = "ticker", **changes: Any) -> bytes:
    """Return a frame with white space between its tokens, as JSON allows it."""
    return json.dumps(json.loads(raw(data_type, **changes))).encode()


@pytest.mark.parametrize("data_type", ["ticker", "orderbook"])
async def test_white_space_in_frames_takes_no_guard_away(data_type: str) -> None:
    async with engine_rig() as rig:
        listener, other = Listener(), Listener()
        rig.engine.register_route("c", SubscriptionSpec(data_type, "KRW-BTC"), listener)
        rig.engine.register_route("d", SubscriptionSpec(data_type, "KRW-ETH"), other)
        await rig.feed(*(wide(data_type, timestamp=at) for at in range(32)))
        figures = rig.engine.get_routing_statistics()
        assert figures.total_latency.count >= 2
        sizes = {stream.key.symbol: stream.frame_size for stream in rig.engine.stream_stats()}
        assert sizes["KRW-BTC"] == pytest.approx(len(wide(data_type)), rel=0.01)
        assert rig.engine.conflation_key(wide(data_type)) == (data_type, "KRW-BTC")

        def flood() -> None:
            rig.engine.note_backlog(OVERLOAD_BEGINS)
            for at in range(100, 200):
                rig.feed_now((wide(data_type, timestamp=at), wide(data_type, timestamp=at, code="KRW-ETH")))
            rig.engine.note_backlog(0)

        await in_loop(flood)
        await rig.settle()
        assert listener.timestamps == [*range(32), 199]
        assert other.timestamps == [199]
        assert rig.engine.get_routing_statistics().superseded == 198
        await rig.feed(wide(data_type, code="KRW-XRP"))
        assert rig.engine.get_routing_statistics().unwanted == 1


async def test_frames_whose_keys_stand_in_another_order_are_measured_too() -> None:
    async with engine_rig() as rig:
        listener = Listener()
        rig.engine.register_route("c", BTC, listener)
        fields = json.loads(raw())
        for at in range(32):
            turned = {"timestamp": at, **{name: value for name, value in fields.items() if name != "timestamp"}}
            await rig.feed(json.dumps(turned).encode())
        assert listener.timestamps == list(range(32))
        assert rig.engine.get_routing_statistics().total_latency.count >= 2
        assert next(iter(rig.engine.stream_stats())).frame_size > 500


async def test_what_an_inbox_gives_up_stands_in_the_books_of_everybody_who_wanted_it() -> None:
    async with engine_rig() as rig:
        plain, grouped = SubscriptionSpec("orderbook", "KRW-BTC"), SubscriptionSpec("orderbook", "KRW-BTC", level=10000)
        for name, spec in (("ticker", BTC), ("trade", SubscriptionSpec("trade", "KRW-BTC"))):
            rig.engine.register_route(name, spec, Listener())
        for name, spec in (("plain", plain), ("grouped", grouped)):
            rig.engine.register_route(name, spec, Listener())
        inbox = Inbox(WebSocketType.PUBLIC, 100, rig.engine.conflation_key, rig.engine.note_lost)
        inbox.epoch = 1
        put = 0
        for at in range(200):
            book = [raw("orderbook", timestamp=at, level=level) for level in (0, 10000)]
            frames = [raw(timestamp=at), raw("trade", timestamp=at, sequential_id=at), *book, raw(code="KRW-ETH")]
            put += len(frames)
            inbox.put([rig.frame(data) for data in frames])

        def drain() -> None:
            while (frame := inbox.pop()) is not None:
                rig.engine.route_frame(frame)

        await in_loop(drain)
        books = balance(rig)
        assert {name: book[0] for name, book in books.items()} == dict.fromkeys(books, 200)
        conflated = {name for name, book in books.items() if book[2]}
        assert conflated == {"ticker"}  # of a book in two levels no newer one is known to take the place
        assert all(book[3] for name, book in books.items() if name != "ticker")


async def test_who_asked_for_everything_gets_everything_even_under_overload() -> None:
    async with engine_rig() as rig:
        listener = Listener()
        strict = BackpressureConfig(BackpressureStrategy.BLOCK)
        route = rig.engine.register_route("c", SubscriptionSpec("ticker", "KRW-BTC", backpressure=strict), listener)
        rig.engine.register_route("other", BTC, Listener())
        assert rig.engine.conflation_key(raw()) is None

        def flood() -> None:
            rig.engine.note_backlog(OVERLOAD_BEGINS)
            rig.feed_now(tuple(raw(timestamp=at) for at in range(5)))

        await in_loop(flood)
        assert listener.timestamps == list(range(5))
        route.close()
        assert rig.engine.conflation_key(raw()) == ("ticker", "KRW-BTC")
        assert rig.engine.conflation_key(raw("trade")) is None
        assert rig.engine.conflation_key(raw(code="KRW-XRP")) == ("ticker", "KRW-XRP")  # nobody wants it
        assert rig.engine.conflation_key("nonsense") is None


async def test_the_engine_looks_at_the_backlog_by_itself() -> None:
    backlog = 0
    async with engine_rig(backlog=lambda: backlog) as rig:
        rig.engine.register_route("c", BTC, Listener())
        await rig.feed(*(raw(timestamp=at) for at in range(64)))
        assert not rig.engine.get_routing_statistics().overloaded
        backlog = OVERLOAD_BEGINS
        await rig.feed(*(raw(timestamp=at) for at in range(64, 128)))
        assert rig.engine.get_routing_statistics().overloaded
        backlog = 0
        await rig.feed(*(raw(timestamp=at) for at in range(128, 192)))
        assert not rig.engine.get_routing_statistics().overloaded


async def test_held_frames_of_a_line_that_is_gone_or_of_a_wish_that_ended_are_not_routed() -> None:
    async with engine_rig() as rig:
        listener = Listener()
        rig.engine.register_route("c", BTC, listener)
        leaver = rig.engine.register_route("d", SubscriptionSpec("ticker", "KRW-ETH"), listener)

        def flood() -> None:
            rig.engine.note_backlog(OVERLOAD_BEGINS)
            rig.feed_now((raw(timestamp=1), raw(code="KRW-ETH", timestamp=1)))
            leaver.close()
            rig.feed_now((raw(timestamp=2),))
            rig.epoch = 2
            rig.engine.note_backlog(0)

        await in_loop(flood)
        await rig.settle()
        assert not listener.events
        figures = rig.engine.get_routing_statistics()
        assert figures.old_epoch + figures.unwanted + figures.superseded == 3
