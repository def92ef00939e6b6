"""Each consumer gets exactly what it asked for, from frames of every format; what nobody wants is not decoded."""

from __future__ import annotations

import asyncio
import gc
import re
import time
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.frames import CONTROL_FRAMES, DEFAULT_FRAMES, SIMPLE_FRAMES, listed
from tests.routing.rig import Listener, engine_rig, event_of, in_loop, raw
from upbit_ws_qt.errors import ConfigurationError, DecodeError
from upbit_ws_qt.events import AnnouncementEvent, OrderbookEvent
from upbit_ws_qt.routing import DataPoolManager
from upbit_ws_qt.specs import IndicatorSpec, SubscriptionSpec
from upbit_ws_qt.types import DataType
from upbit_ws_qt.wire import ServerStatus, decode


async def test_consumers_get_exactly_their_streams() -> None:
    async with engine_rig() as rig:
        btc, eth, both, trades = Listener(), Listener(), Listener(), Listener()
        rig.engine.register_route("btc", SubscriptionSpec("ticker", "KRW-BTC"), btc)
        rig.engine.register_route("eth", SubscriptionSpec("ticker", "KRW-ETH"), eth)
        rig.engine.register_route("both", SubscriptionSpec("ticker", ["KRW-BTC", "KRW-ETH"]), both)
        rig.engine.register_route("trades", SubscriptionSpec("trade", "KRW-BTC"), trades)
        await rig.feed(raw(code="KRW-BTC", timestamp=1), raw(code="KRW-ETH", timestamp=2), raw("trade", timestamp=3))
        assert btc.codes == ["KRW-BTC"]
        assert eth.codes == ["KRW-ETH"]
        assert both.codes == ["KRW-BTC", "KRW-ETH"]
        assert trades.timestamps == [3]


EVENT_FRAMES = [frame for frame in (*DEFAULT_FRAMES, *SIMPLE_FRAMES) if hasattr(decode(frame)[0], "timestamp")]


def spec_for(event: Any) -> SubscriptionSpec:
    """Return the wish that an event answers."""
    indicators: list[IndicatorSpec] = []
    if hasattr(event, "params"):
        limits = getattr(event, "event_params", None)
        trigger = getattr(event, "trigger", None)
        indicators = [
            IndicatorSpec.of(event.indicator, present(event.params), trigger=trigger, event_params=present(limits))
        ]
    return SubscriptionSpec(
        event.type,
        [event.code] if event.code else (),
        level=getattr(event, "level", 0),
        timeframe=getattr(event, "timeframe", None),
        indicators=indicators,
        include_body=True,
    )


def present(struct: Any) -> dict[str, Any]:
    names = getattr(struct, "__struct_fields__", ())
    return {name: getattr(struct, name) for name in names if getattr(struct, name) is not None}


@pytest.mark.parametrize("wrap", [bytes, listed, bytes.decode])
async def test_every_type_arrives_in_every_format(wrap: Any) -> None:
    for frame in EVENT_FRAMES:
        (event,) = decode(frame)
        async with engine_rig() as rig:
            listener = Listener()
            rig.engine.register_route("c", spec_for(event), listener)
            await rig.feed(wrap(frame))
            (got,) = listener.events
            assert isinstance(got, type(event)), frame
            assert listener.events[0].epoch == rig.epoch
            assert listener.events[0].received_at > 0


async def test_what_nobody_wants_is_counted_and_not_decoded() -> None:
    async with engine_rig() as rig:
        rig.engine.register_route("c", SubscriptionSpec("ticker", "KRW-BTC"), Listener())
        broken = raw(code="KRW-ETH")[:-20]  # decoding it would be reported
        await rig.feed(broken, broken, raw("trade"))
        figures = rig.engine.get_routing_statistics()
        assert (figures.frames, figures.unwanted, figures.decode_errors) == (3, 3, 0)
        assert not rig.undecoded


async def test_a_frame_that_cannot_be_read_is_reported_and_the_stream_lives() -> None:
    async with engine_rig() as rig:
        listener = Listener()
        rig.engine.register_route("c", SubscriptionSpec("ticker", "KRW-BTC"), listener)
        await rig.feed(raw()[:-20], b"", b"{", "nonsense", raw(timestamp=9))
        assert listener.timestamps == [9]
        assert len(rig.undecoded) == rig.engine.get_routing_statistics().decode_errors == 4


async def test_control_messages_go_to_the_control_callback() -> None:
    async with engine_rig() as rig:
        await rig.feed(*CONTROL_FRAMES, CONTROL_FRAMES[1].decode())
        assert len(rig.control) == 4
        assert rig.control[1] == ServerStatus(status="UP")


async def test_a_list_of_several_messages_is_routed_message_by_message() -> None:
    async with engine_rig() as rig:
        listener = Listener()
        rig.engine.register_route("c", SubscriptionSpec("ticker", ["KRW-BTC", "KRW-ETH"]), listener)
        several = b"[" + b",".join([raw(timestamp=1), raw(code="KRW-ETH", timestamp=2), raw(timestamp=3)]) + b"]"
        await rig.feed(listed(raw(timestamp=0)), several)
        assert listener.timestamps == [0, 1, 2, 3]


async def test_frames_of_another_epoch_are_dropped_and_counted() -> None:
    async with engine_rig() as rig:
        listener = Listener()
        rig.engine.register_route("c", SubscriptionSpec("ticker", "KRW-BTC"), listener)
        await rig.feed(raw(timestamp=1))
        rig.epoch = 2
        await rig.feed(raw(timestamp=2), epoch=1)
        await rig.feed(raw(timestamp=3))
        assert [(event.timestamp, event.epoch) for event in listener.events] == [(1, 1), (3, 2)]
        assert rig.engine.get_routing_statistics().old_epoch == 1


@pytest.mark.real_time
async def test_what_work_costs_is_cpu_time_and_not_what_the_clock_shows() -> None:
    """A callback that sleeps stands for a machine on which somebody else has the processor meanwhile."""
    async with engine_rig() as rig:
        rig.engine.register_route("c", SubscriptionSpec("ticker", "KRW-BTC"), lambda event: time.sleep(0.002))
        await rig.feed(*(raw(timestamp=at) for at in range(64)))
        figures = rig.engine.get_routing_statistics()
        assert figures.measured_time >= 4 * 16 * 0.002
        assert 0 < figures.measured_cpu < figures.measured_time / 2
        assert 0 < figures.work["decode"] <= figures.measured_cpu


async def test_the_statistics_tell_of_the_garbage_collector_while_it_is_watched() -> None:
    async with engine_rig() as rig:
        assert rig.engine.get_routing_statistics().collector.count == 0
        rig.engine.collector.start()
        try:
            gc.collect()
        finally:
            rig.engine.collector.stop()
        assert rig.engine.get_routing_statistics().collector.full == 1


async def test_stale_and_duplicate_events_are_counted_and_reach_nobody() -> None:
    async with engine_rig() as rig:
        listener = Listener()
        rig.engine.register_route("c", SubscriptionSpec("ticker", "KRW-BTC"), listener)
        await rig.feed(*(raw(timestamp=at) for at in (5, 5, 4, 6)))
        figures = rig.engine.get_routing_statistics()
        assert listener.timestamps == [5, 6]
        assert (figures.events, figures.stale, figures.duplicates) == (2, 1, 1)


async def test_trades_reach_everybody_whatever_their_timestamps_and_each_but_once() -> None:
    async with engine_rig() as rig:
        listener = Listener()
        rig.engine.register_route("c", SubscriptionSpec("trade", "KRW-BTC"), listener)
        numbers = ((1, 5), (1, 5), (2, 4), (3, 6), (2, 4))
        await rig.feed(*(raw("trade", timestamp=at, sequential_id=number) for number, at in numbers))
        figures = rig.engine.get_routing_statistics()
        assert listener.timestamps == [5, 4, 6]
        assert (figures.events, figures.stale, figures.duplicates) == (3, 0, 2)


@pytest.mark.statement("P9.23")
async def test_a_first_frame_before_its_snapshot_and_one_book_twice_are_no_trouble() -> None:
    async with engine_rig() as rig:
        listener, once = Listener(), Listener()
        rig.engine.register_route("c", SubscriptionSpec("orderbook", "KRW-BTC"), listener)
        rig.engine.register_route("s", SubscriptionSpec("orderbook", "KRW-BTC", only_snapshot=True), once)
        await rig.feed(
            raw("orderbook", timestamp=200_000),
            raw("orderbook", timestamp=57_000, stream_type="SNAPSHOT"),  # two minutes old, and behind a newer one
            raw("orderbook", timestamp=200_100),
            raw("orderbook", timestamp=200_100),
            raw("orderbook", timestamp=200_200),
        )
        assert listener.timestamps == [200_000, 200_100, 200_200]
        assert once.timestamps == [57_000]  # who wants nothing but a snapshot gets the one that there was
        figures = rig.engine.get_routing_statistics()
        assert (figures.events, figures.stale, figures.duplicates, figures.decode_errors) == (3, 1, 1, 0)


async def test_a_book_whose_time_is_in_microseconds_takes_its_place_among_the_others() -> None:
    async with engine_rig() as rig:
        listener = Listener()
        rig.engine.register_route("c", SubscriptionSpec("orderbook", "KRW-BTC"), listener)
        await rig.feed(
            raw("orderbook", timestamp=1_691_530_805_061),
            raw("orderbook", timestamp=1_691_530_805_062_000),
            raw("orderbook", timestamp=1_691_530_805_063),
        )
        assert listener.timestamps == [1_691_530_805_061, 1_691_530_805_062, 1_691_530_805_063]
        assert not rig.undecoded


async def test_books_of_different_levels_are_different_streams() -> None:
    async with engine_rig() as rig:
        plain, grouped = Listener(), Listener()
        rig.engine.register_route("plain", SubscriptionSpec("orderbook", "KRW-BTC"), plain)
        rig.engine.register_route("grouped", SubscriptionSpec("orderbook", "KRW-BTC", level=10000), grouped)
        await rig.feed(
            raw("orderbook", timestamp=5, level=0),
            raw("orderbook", timestamp=4, level=10000.0),
            raw("orderbook", timestamp=6, level=100),
        )
        assert plain.timestamps == [5]
        assert grouped.timestamps == [4]
        assert rig.engine.get_routing_statistics().unrouted == 1


async def test_a_shallow_consumer_of_a_deep_book_gets_its_depth_and_shares_the_cut() -> None:
    async with engine_rig() as rig:
        deep, shallow, other = Listener(), Listener(), Listener()
        rig.engine.register_route("deep", SubscriptionSpec("orderbook", "KRW-BTC", depth=30), deep)
        rig.engine.register_route("shallow", SubscriptionSpec("orderbook", "KRW-BTC", depth=1), shallow)
        rig.engine.register_route("other", SubscriptionSpec("orderbook", "KRW-BTC", depth=1), other)
        await rig.feed(raw("orderbook", level=0))
        (full,), (cut,), (same,) = deep.events, shallow.events, other.events
        assert isinstance(full, OrderbookEvent)
        assert isinstance(cut, OrderbookEvent)
        assert len(full.orderbook_units) > 1
        assert cut.orderbook_units == full.orderbook_units[:1]
        assert (cut.total_ask_size, cut.received_at, cut.epoch) == (full.total_ask_size, full.received_at, full.epoch)
        assert cut is same


async def test_announcements_by_category_and_with_text_only_where_asked_for() -> None:
    async with engine_rig() as rig:
        everything, wallets, headlines = Listener(), Listener(), Listener()
        rig.engine.register_route("all", SubscriptionSpec("announcement", include_body=True), everything)
        rig.engine.register_route("wallets", SubscriptionSpec("announcement", categories="wallet"), wallets)
        rig.engine.register_route("headlines", SubscriptionSpec("announcement"), headlines)
        await rig.feed(
            raw("announcement", timestamp=1, uuid="1", category="wallet", body="text"),
            raw("announcement", timestamp=2, uuid="2", category="brand-new", body="text"),
        )
        got = [event for event in (*everything.events, *headlines.events) if isinstance(event, AnnouncementEvent)]
        assert [event.body for event in got] == ["text", "text", None, None]
        assert wallets.timestamps == [1]
        figures = {one.component_id: one for one in rig.engine.get_routing_statistics().routes}
        assert figures["wallets"].received == 1  # what was not for it does not count


async def test_orders_by_market_and_of_every_market_each_once() -> None:
    async with engine_rig() as rig:
        one, every, mixed = Listener(), Listener(), Listener()
        rig.engine.register_route("one", SubscriptionSpec("myOrder", "KRW-BTC"), one)
        rig.engine.register_route("every", SubscriptionSpec("myOrder"), every)
        for spec in (SubscriptionSpec("myOrder"), SubscriptionSpec("myOrder", "KRW-BTC")):
            rig.engine.register_route("mixed", spec, mixed)
        await rig.feed(
            raw("myOrder", "KRW-BTC", 1, uuid="a"), raw("myOrder", "KRW-ETH", 2, uuid="b"), raw("myAsset", timestamp=3)
        )
        assert one.codes == ["KRW-BTC"]
        assert every.codes == ["KRW-BTC", "KRW-ETH"]
        assert mixed.codes == ["KRW-BTC", "KRW-BTC", "KRW-ETH"]  # two wishes, two routes
        assert rig.engine.get_routing_statistics().unwanted == 1


async def test_indicators_go_by_time_frame_and_parameters() -> None:
    async with engine_rig() as rig:
        mine, other = Listener(), Listener()
        for listener, multiplier in ((mine, 2), (other, 2.5)):
            entry = IndicatorSpec.of("bollinger_bands", {"period": 20, "multiplier": multiplier})
            spec = SubscriptionSpec("indicator", "KRW-BTC", timeframe="5m", indicators=[entry])
            rig.engine.register_route(str(multiplier), spec, listener)
        bands: dict[str, Any] = {"indicator": "bollinger_bands", "value": {"bb_upper": 30.5}}
        await rig.feed(
            raw("indicator", timestamp=1, timeframe="5m", params={"period": 20, "multiplier": 2}, **bands),
            raw("indicator", timestamp=2, timeframe="5m", params={"period": 20, "multiplier": 2.0}, **bands),
            raw("indicator", timestamp=3, timeframe="15m", params={"period": 20, "multiplier": 2}, **bands),
        )
        assert mine.timestamps == [1, 2]
        assert not other.events


async def test_who_leaves_gets_nothing_more_and_the_others_stay() -> None:
    async with engine_rig() as rig:
        first, second = Listener(), Listener()
        route = rig.engine.register_route("first", SubscriptionSpec("ticker", "KRW-BTC"), first)
        rig.engine.register_route("second", SubscriptionSpec("ticker", "KRW-BTC"), second)
        await rig.feed(raw(timestamp=1))
        route.close()
        route.close()
        await rig.feed(raw(timestamp=2))
        assert rig.engine.unregister_routes("second") == 1
        assert rig.engine.unregister_routes("second") == 0
        await rig.feed(raw(timestamp=3))
        assert (first.timestamps, second.timestamps) == ([1], [1, 2])
        figures = rig.engine.get_routing_statistics()
        assert (figures.streams, figures.routes, figures.unwanted) == (0, (), 1)
        assert (figures.received, figures.delivered) == (3, 3)  # of those that are gone, too


async def test_a_consumer_of_snapshots_gets_one_even_where_the_stream_is_further() -> None:
    async with engine_rig() as rig:
        live, once, realtime = Listener(), Listener(), Listener()
        rig.engine.register_route("live", SubscriptionSpec("ticker", "KRW-BTC"), live)
        rig.engine.register_route("realtime", SubscriptionSpec("ticker", "KRW-BTC", only_realtime=True), realtime)
        await rig.feed(raw(timestamp=5), raw(timestamp=9, trade_price=2))
        rig.engine.register_route("once", SubscriptionSpec("ticker", "KRW-BTC", only_snapshot=True), once)
        snapshot = raw(timestamp=5, stream_type="SNAPSHOT")
        await rig.feed(snapshot, snapshot, raw(timestamp=10))
        await rig.feed(raw(timestamp=11, stream_type="SNAPSHOT"))
        assert live.timestamps == [5, 9, 10, 11]
        assert once.timestamps == [5]
        assert realtime.timestamps == [5, 9, 10]


async def test_a_late_joiner_gets_the_newest_known_event_marked_as_snapshot() -> None:
    async with engine_rig() as rig:
        rig.engine.register_route("early", SubscriptionSpec("ticker", ["KRW-BTC", "KRW-ETH"]), Listener())
        await rig.feed(raw(timestamp=4), raw(timestamp=5), raw(code="KRW-ETH", timestamp=6))
        late = Listener()
        route = rig.engine.register_route("late", SubscriptionSpec("ticker", ["KRW-BTC", "KRW-ETH", "KRW-XRP"]), late)
        assert rig.engine.replay_latest(route) == 2
        assert not late.events  # not inside the registration
        await rig.settle()
        assert [(event.timestamp, event.is_snapshot, event.epoch) for event in late.events] == [
            (5, True, 1),
            (6, True, 1),
        ]


async def test_no_replay_after_something_newer_nor_to_who_left_nor_of_what_has_no_snapshot() -> None:
    async with engine_rig() as rig:
        rig.engine.register_route("early", SubscriptionSpec("ticker", "KRW-BTC"), Listener())
        rig.engine.register_route("orders", SubscriptionSpec("myOrder"), Listener())
        await rig.feed(raw(timestamp=4), raw("myOrder", timestamp=4))
        late, gone, orders = Listener(), Listener(), Listener()

        def join() -> None:
            spec = SubscriptionSpec("ticker", "KRW-BTC")
            rig.engine.replay_latest(rig.engine.register_route("late", spec, late))
            leaver = rig.engine.register_route("gone", spec, gone)
            rig.engine.replay_latest(leaver)
            leaver.close()
            order_route = rig.engine.register_route("more", SubscriptionSpec("myOrder"), orders)
            assert rig.engine.replay_latest(order_route) == 0
            rig.feed_now((raw(timestamp=5),))

        await in_loop(join)
        await rig.settle()
        assert late.timestamps == [5]
        assert not gone.events
        assert not orders.events


async def test_a_stream_nobody_wanted_for_a_while_starts_anew() -> None:
    async with engine_rig() as rig:
        spec = SubscriptionSpec("trade", "KRW-BTC")
        rig.engine.register_route("a", spec, Listener()).close()
        first = rig.engine.register_route("a", spec, Listener())
        await rig.feed(raw("trade", timestamp=4, sequential_id=1))
        first.close()
        listener = Listener()
        route = rig.engine.register_route("b", spec, listener)
        assert rig.engine.replay_latest(route) == 0
        await rig.feed(raw("trade", timestamp=4, sequential_id=1, stream_type="SNAPSHOT"))
        assert listener.timestamps == [4]


async def test_an_event_from_elsewhere_is_routed_and_counted() -> None:
    async with engine_rig(pool=DataPoolManager()) as rig:
        listener = Listener()
        rig.engine.register_route("c", SubscriptionSpec("ticker", "KRW-BTC"), listener)
        assert await in_loop(rig.engine.route_event, event_of(timestamp=5)) == 1
        assert await in_loop(rig.engine.route_event, event_of(timestamp=4)) == 0
        assert await in_loop(rig.engine.route_event, event_of(code="KRW-ETH")) == 0
        assert listener.timestamps == [5]
        assert rig.pool is not None
        assert rig.pool.get_latest_data("KRW-BTC", DataType.TICKER) is listener.events[0]


async def test_the_pool_gets_orders_of_every_market_and_the_account_as_it_stands() -> None:
    async with engine_rig(pool=DataPoolManager()) as rig:
        rig.engine.register_route("c", SubscriptionSpec("myOrder"), Listener())
        rig.engine.register_route("c", SubscriptionSpec("myAsset"), Listener())
        await rig.feed(
            raw("myOrder", "KRW-ETH", 1, uuid="a", state="wait"),
            raw("myOrder", "KRW-ETH", 2, uuid="b", state="wait"),
            raw("myOrder", "KRW-ETH", 3, uuid="a", state="done"),
            raw("myAsset", timestamp=4, assets=[{"currency": "XRP", "balance": 1, "locked": 2}]),
        )
        assert rig.pool is not None
        latest = rig.pool.get_latest_data("KRW-ETH", DataType.MY_ORDER)
        assert latest is not None
        assert latest.timestamp == 3
        assert [order.uuid for order in rig.pool.account.orders(open_only=True)] == ["b"]
        assert rig.pool.account.assets()["XRP"].locked == Decimal(2)


async def test_events_must_not_be_routed_from_inside_a_task() -> None:
    async with engine_rig() as rig:
        rig.engine.register_route("c", SubscriptionSpec("ticker", "KRW-BTC"), Listener())
        with pytest.raises(AssertionError, match="never inside a Task"):
            rig.engine.route_event(event_of())


async def test_what_cannot_be_called_is_refused_at_once() -> None:
    async with engine_rig() as rig:
        with pytest.raises(ConfigurationError, match="callback"):
            rig.engine.register_route("c", SubscriptionSpec("ticker", "KRW-BTC"), None)  # type: ignore[arg-type]
        assert not rig.engine.get_routing_statistics().routes


async def test_statistics_show_rates_and_latencies() -> None:
    async with engine_rig() as rig:
        rig.engine.register_route("c", SubscriptionSpec("ticker", "KRW-BTC"), Listener())
        rig.engine.register_route("c", SubscriptionSpec("myOrder"), Listener())
        await rig.feed(*(raw(timestamp=at) for at in range(64)), raw("myOrder", timestamp=1))
        figures = rig.engine.get_routing_statistics()
        assert figures.frames == figures.events == figures.delivered == 65
        assert figures.total_latency.count == 5  # each sixteenth public frame, each private one
        assert figures.total_latency.maximum >= figures.decode_latency.minimum > 0
        assert sum(one.busy_time for one in figures.routes) > 0


async def test_stopping_twice_and_with_nothing_done_is_fine() -> None:
    async with engine_rig() as rig:
        rig.engine.register_route("c", SubscriptionSpec("ticker", "KRW-BTC"), Listener())
        await rig.engine.stop()
        await rig.engine.stop()
        await rig.feed(raw())
        assert rig.engine.get_routing_statistics().unwanted == 1
    await asyncio.sleep(0)


async def test_a_probe_may_end_its_own_component() -> None:
    async with engine_rig() as rig:

        def probe() -> bool:
            rig.engine.unregister_routes("c")
            return True

        for code in ("KRW-BTC", "KRW-ETH"):
            rig.engine.register_route("c", SubscriptionSpec("ticker", code), lambda event: None, alive=probe)
        assert rig.engine.sweep(0.0).dead == ()
        assert rig.engine.get_routing_statistics().routes == ()


async def test_a_bad_number_is_found_when_its_frame_is_read_and_not_in_a_callback() -> None:
    for kind, name in (("ticker", "trade_price"), ("trade", "trade_volume"), ("orderbook", "ask_price")):
        good = [raw(kind, timestamp=number, sequential_id=number) for number in (1, 2, 4)]
        async with engine_rig() as rig:
            listener = Listener()
            rig.engine.register_route("c", SubscriptionSpec(kind, "KRW-BTC"), listener)
            later = raw(kind, timestamp=3, sequential_id=3)
            bad = re.sub(rb'("%b":)[\d.]+' % name.encode(), rb"\g<1>1.2.3", later, count=1)
            await rig.feed(*good[:2], bad, good[2])
            assert listener.timestamps == [1, 2, 4], kind
            assert len(rig.undecoded) == rig.engine.get_routing_statistics().decode_errors == 1
            assert isinstance(rig.undecoded[0][1], DecodeError)
            events = [replace(event, epoch=0, received_at=0.0) for event in listener.events]
            assert events == [decode(frame)[0] for frame in good]
