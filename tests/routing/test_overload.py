"""When the drain is behind, superseded tickers and books are not decoded, all else is, and the newest is shown."""

from __future__ import annotations

from decimal import Decimal

from tests.routing.rig import Listener, engine_rig, in_loop, raw
from tests.waiting import until
from upbit_ws_qt.routing.overload import OVERLOAD_BEGINS, OVERLOAD_ENDS
from upbit_ws_qt.types import BackpressureConfig, BackpressureStrategy, SubscriptionSpec

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
