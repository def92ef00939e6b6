"""What the monitor is told of a real line equals what the exchange counted itself."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace

from tests.frames import DEFAULT_FRAMES
from tests.routing.rig import engine_rig, raw
from tests.waiting import until
from upbit_ws_qt.events import StreamType, TradeEvent
from upbit_ws_qt.manager.survey import PAIRS_PER_TURN, StreamSurvey
from upbit_ws_qt.monitoring.alerts import AlertKind
from upbit_ws_qt.monitoring.stream_metrics import EventAges, StreamMonitors, spared_names
from upbit_ws_qt.routing import ConsumerStats, StreamStats
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.types import ConnectionState, DataType, WebSocketType
from upbit_ws_qt.wire import decode
from upbit_ws_qt.wire.simple_format import SimpleFormatConverter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.manager.conftest import Desk
    from upbit_ws_qt.exchange import EmbeddedExchange
    from upbit_ws_qt.monitoring.alerts import Alert

PUBLIC, PRIVATE = WebSocketType.PUBLIC, WebSocketType.PRIVATE


def ignore(event: object) -> None:
    """A consumer."""


def everything(exchange: EmbeddedExchange) -> list[SubscriptionSpec]:
    markets = sorted(exchange.world.codes)[:20]
    return [SubscriptionSpec(kind, markets) for kind in (DataType.TICKER, DataType.TRADE, DataType.ORDERBOOK)]


@dataclass
class Road:
    """How long a way is, there and back."""

    seconds: float


@asynccontextmanager
async def far_away(url: str, seconds: float) -> AsyncIterator[tuple[str, Road]]:
    """Stand between us and an address: everything takes half of `road.seconds` in each direction."""
    road = Road(seconds)
    target = urlsplit(url)
    loop = asyncio.get_running_loop()
    writers: list[asyncio.StreamWriter] = []
    pipes: set[asyncio.Task[None]] = set()

    def write(writer: asyncio.StreamWriter, data: bytes) -> None:
        if not writer.is_closing():
            (writer.write(data) if data else writer.close())

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = b"begin"
        while data:
            try:
                data = await reader.read(65536)
            except ConnectionError:
                data = b""
            loop.call_later(road.seconds / 2, write, writer, data)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(target.hostname, target.port)
        writers.extend((writer, far_writer))
        for pair in ((reader, far_writer), (far_reader, writer)):
            pipe = asyncio.ensure_future(carry(*pair))
            pipes.add(pipe)
            pipe.add_done_callback(pipes.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}{target.path}", road
    finally:
        server.close()
        for writer in writers:
            writer.close()
        for pipe in tuple(pipes):
            pipe.cancel()
        await asyncio.gather(*pipes, return_exceptions=True)
        await asyncio.sleep(seconds)


async def test_frames_bytes_and_events_equal_the_exchanges_own_count(exchange: EmbeddedExchange, desk: Desk) -> None:
    handle = desk.manager.register_component("all", everything(exchange), ignore)
    await handle.wait_served(10)
    (line,) = exchange.connections
    await until(lambda: desk.manager.monitor.connection_metrics(PUBLIC).message_count > 200)
    exchange.stop_time()
    view = exchange.connections[0]

    def answers() -> int:
        """Lists of subscriptions that were asked for and came: frames, but no data."""
        return desk.manager.wiring.subscription_statistics()[PUBLIC].lists

    await until(
        lambda: (
            exchange.connections[0].frames_sent
            == desk.manager.monitor.connection_metrics(PUBLIC).message_count + answers()
        )
    )
    assert answers() > 0
    await until(lambda: not len(desk.manager.wiring.endpoints[PUBLIC].inbox))
    await desk.manager.get_performance_metrics()  # what the last reading saw in the inbox is handed out by now
    view, metrics = exchange.connections[0], desk.manager.monitor.connection_metrics(PUBLIC)
    assert view.id == line.id
    # The wire also carries the handshake's answer and pongs, which are no data frames.
    assert 0 < metrics.bytes_received - view.bytes_sent < 1000
    assert metrics.bytes_inflated > metrics.bytes_received  # compressed
    assert metrics.current_subscriptions == len(exchange.subscribed("public")) == 60
    (component,) = desk.manager.monitor.performance_metrics().components
    statistics = desk.manager.wiring.routing.get_routing_statistics()
    assert component.delivered == statistics.events + statistics.replayed
    assert component.received == component.delivered + component.conflated
    assert statistics.duplicates + statistics.stale + statistics.events + statistics.control <= metrics.message_count


async def test_reconnects_and_epochs_equal_the_number_of_cuts(exchange: EmbeddedExchange, desk: Desk) -> None:
    handle = desk.manager.register_component("all", everything(exchange), ignore)
    await handle.wait_served(10)
    for cuts in range(1, 4):
        exchange.faults.inject("drop", endpoint="public", times=1)
        await until(lambda cuts=cuts: desk.manager.get_current_epoch(PUBLIC) == cuts + 1)  # type: ignore[misc]
        await until(lambda: desk.manager.connection_state(PUBLIC) is ConnectionState.CONNECTED)
    await desk.manager.get_performance_metrics()
    metrics = desk.manager.monitor.connection_metrics(PUBLIC)
    assert exchange.counters.fault_hits["drop"] == metrics.reconnect_count == metrics.gap_count == 3
    assert metrics.epoch == 4


@pytest.mark.parametrize("delay", [0.2, 0.4])  # long enough for a busy machine's own delays to be small beside it
async def test_the_round_trip_is_the_injected_delay(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any], delay: float
) -> None:
    async with far_away(exchange.public_url, delay) as (url, _):
        desk = await make_desk(public_url=url, ping_interval=0.3, pong_timeout=3.0, proof_timeout=5.0)
        handle = desk.manager.register_component("one", SubscriptionSpec(DataType.TICKER, "KRW-BTC"), ignore)
        await handle.wait_served(10)
        await until(lambda: desk.manager.wiring.endpoints[PUBLIC].connection.figures().rtt.count >= 4)
        await desk.manager.get_performance_metrics()
        metrics = desk.manager.monitor.connection_metrics(PUBLIC)
        assert metrics.rtt_average == pytest.approx(delay, rel=0.1)
        assert metrics.rtt_p95 == pytest.approx(delay, rel=0.15)
        await desk.manager.stop()


async def test_data_that_comes_late_is_seen_by_its_age(exchange: EmbeddedExchange, desk: Desk) -> None:
    handle = desk.manager.register_component("all", everything(exchange), ignore)
    await handle.wait_served(10)
    await until(lambda: desk.manager.monitor.connection_metrics(PUBLIC).event_age.count > 50)
    assert desk.manager.monitor.connection_metrics(PUBLIC).event_age.p95 < 0.3
    exchange.faults.inject("delay", endpoint="public", seconds=0.8)
    await until(lambda: desk.manager.monitor.connection_metrics(PUBLIC).event_age.maximum > 0.7)
    assert desk.manager.monitor.connection_metrics(PUBLIC).event_age.maximum < 1.5


async def test_a_ping_without_an_answer_is_seen(exchange: EmbeddedExchange, make_desk: Callable[..., Any]) -> None:
    desk = await make_desk(ping_interval=0.2, pong_timeout=20.0)
    handle = desk.manager.register_component("mine", SubscriptionSpec(DataType.MY_ASSET), ignore)
    connection = desk.manager.wiring.endpoints[PRIVATE].connection
    await until(lambda: connection.state is ConnectionState.CONNECTED)
    await until(lambda: connection.figures().rtt.count > 0)
    exchange.faults.inject("half_open", endpoint="private")
    await until(lambda: connection.figures().ping_sent_at is not None and "no_pong" in _reasons(desk))
    assert handle.closed is False


async def test_duplicate_trades_are_counted_on_their_line(exchange: EmbeddedExchange, desk: Desk) -> None:
    handle = desk.manager.register_component("all", everything(exchange), ignore)
    await handle.wait_served(10)
    exchange.faults.inject("duplicate_trades", endpoint="public", times=5)
    await until(lambda: desk.manager.monitor.connection_metrics(PUBLIC).duplicates >= 5)
    assert desk.manager.monitor.connection_metrics(PRIVATE).duplicates == 0


async def test_work_is_measured_for_every_stage(exchange: EmbeddedExchange, desk: Desk) -> None:
    handle = desk.manager.register_component("all", everything(exchange), ignore)
    await handle.wait_served(10)
    exchange.set_rate(3000)
    await until(lambda: desk.manager.monitor.performance_metrics().stage_shares.get("dispatch", 0.0) > 0)
    shares = desk.manager.monitor.performance_metrics().stage_shares
    assert shares["decode"] > 0
    assert sum(shares.values()) < 1.0
    await until(lambda: desk.manager.monitor.performance_metrics().components[0].bytes_per_second > 0)


async def test_frames_lost_to_a_failure_of_this_library_are_seen(exchange: EmbeddedExchange, desk: Desk) -> None:
    handle = desk.manager.register_component("all", everything(exchange), ignore)
    await handle.wait_served(10)
    raised: list[object] = []
    desk.manager.wiring.loop.set_exception_handler(lambda loop, context: raised.append(context["exception"]))
    assert (await desk.manager.get_performance_metrics()).drain_failures == 0

    def broken(*frame: object) -> None:
        raise RuntimeError("a bug")

    drain = desk.manager.wiring.drain
    healthy, drain._handler = drain._handler, broken
    await until(lambda: desk.manager.monitor.performance_metrics().drain_failures > 0)
    drain._handler = healthy
    (line,) = desk.manager.wiring.endpoints[PUBLIC].connection._lines.open
    line.deliver_to(broken)
    await until(lambda: desk.manager.monitor.connection_metrics(PUBLIC).sink_failures > 0)
    kinds = {(issue.kind.value, issue.subject) for issue in desk.manager.monitor.issues()}
    assert {("failure", "drain"), ("failure", "public")} <= kinds


async def test_maintenance_is_an_alert_when_it_is_announced(exchange: EmbeddedExchange, desk: Desk) -> None:
    alerts: list[Alert] = []
    desk.diary.on_alert = lambda alert, *, raised: alerts.append(alert)  # type: ignore[method-assign]
    seen: list[str] = []
    handle = desk.manager.register_component(
        "news", SubscriptionSpec(DataType.ANNOUNCEMENT), lambda event: seen.append(event.title)
    )
    await until(lambda: handle.status(next(iter(handle.streams))).is_served)
    exchange.publish_announcement("A new market", "trade")
    exchange.publish_announcement("Servers rest on Sunday", "maintenance")
    await until(lambda: len(seen) == 2 and alerts)
    assert [(alert.kind, alert.subject) for alert in alerts] == [(AlertKind.MAINTENANCE, "Servers rest on Sunday")]
    assert [alert.kind for alert in desk.manager.monitor.alerts(cleared=False)] == [AlertKind.MAINTENANCE]


async def test_a_thousand_components_are_read_now_and_then_and_their_quarantine_at_once(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any]
) -> None:
    desk = await make_desk(metrics_interval=3600.0)
    exchange.set_rate(2_000)
    markets = sorted(exchange.world.codes)[:20]
    names = [f"{market} {number}" for market in markets for number in range(6)]
    for name in names:
        desk.manager.register_component(name, SubscriptionSpec(DataType.TICKER, name.split()[0]), ignore)
    await until(lambda: len(desk.manager.monitor.performance_metrics().components) == len(names))
    counts = {c.component_id: c.received for c in desk.manager.monitor.performance_metrics().components}
    events = desk.manager.wiring.routing.get_routing_statistics().events
    await until(lambda: desk.manager.monitor.performance_metrics().messages_processed > events + 100)
    assert {c.component_id: c.received for c in desk.manager.monitor.performance_metrics().components} == counts
    desk.manager.register_component(
        "broken", [SubscriptionSpec(kind, markets) for kind in (DataType.TICKER, DataType.TRADE)], lambda event: 1 / 0
    )
    await until(lambda: desk.manager.monitor.performance_metrics().quarantined == ("broken",))
    metrics = await desk.manager.get_performance_metrics()
    assert sum(component.received for component in metrics.components) > sum(counts.values())


async def test_subscriptions_are_counted_anew_when_something_changed(exchange: EmbeddedExchange, desk: Desk) -> None:
    desk.manager.register_component("one", SubscriptionSpec(DataType.TICKER, "KRW-BTC"), ignore)
    await until(lambda: desk.manager.monitor.connection_metrics(PUBLIC).live_subscriptions == 1)
    more = desk.manager.register_component("more", SubscriptionSpec(DataType.TICKER, ["KRW-ETH", "KRW-NOPE"]), ignore)
    await until(lambda: desk.manager.monitor.connection_metrics(PUBLIC).live_subscriptions == 2)
    await until(lambda: desk.manager.monitor.connection_metrics(PUBLIC).unserved == 1)
    more.close()
    await until(lambda: desk.manager.monitor.connection_metrics(PUBLIC).current_subscriptions == 1)
    await until(lambda: desk.manager.monitor.connection_metrics(PUBLIC).unserved == 0)


def consumers(*component_ids: str) -> tuple[ConsumerStats, ...]:
    return tuple(ConsumerStats(component_id, 1, 0.0, 0.0) for component_id in component_ids)


def test_the_bytes_of_streams_and_the_size_of_a_components_messages_are_those_of_what_is_new() -> None:
    key = StreamKey(DataType.TRADE, "KRW-BTC")
    monitors = StreamMonitors()
    monitors.look(0.0, [StreamStats(key, 10, 200.0, None, 0, consumers("a", "b"))])
    assert (monitors.streams[key].bytes, monitors.frame_size("a"), monitors.frame_size("new")) == (2000, 200.0, None)
    monitors.look(10.0, [StreamStats(key, 15, 300.0, None, 0, consumers("a"))])
    assert monitors.streams[key].bytes == 10 * 200 + 5 * 300
    assert (monitors.frame_size("a"), monitors.frame_size("b")) == (300.0, None)
    monitors.look(20.0, [StreamStats(key, 3, 100.0, None, 0, consumers("a", "new"))])  # wanted anew meanwhile
    assert monitors.streams[key].bytes == 3500 + 300
    assert (monitors.frame_size("a"), monitors.frame_size("new")) == (100.0, 100.0)
    monitors.look(30.0, [StreamStats(key, 3, 100.0, None, 0, consumers("a"))])  # nothing new: what was known holds
    assert (monitors.frame_size("a"), monitors.frame_size("new")) == (100.0, None)


def test_it_is_known_how_old_new_events_were_on_receipt() -> None:
    ages_of = EventAges()
    (trade,) = [e for f in DEFAULT_FRAMES for e in decode(f) if isinstance(e, TradeEvent)][:1]

    def event(age: float, at: float, kind: str = StreamType.REALTIME) -> TradeEvent:
        return replace(trade, received_at=at, timestamp=round((900.0 + at - age) * 1000), stream_type=kind)

    first = ages_of.take(100.0, 1000.0, [event(0.25, 99.0), event(9.0, 99.5, StreamType.SNAPSHOT)])
    assert first == {PUBLIC: [pytest.approx(0.25)]}
    assert ages_of.take(101.0, 1001.0, [event(0.25, 99.0), event(0.5, 100.5)]) == {PUBLIC: [pytest.approx(0.5)]}
    assert len(ages_of.take(102.0, 1002.0, [event(0.1, 101.5)] * 5000)[PUBLIC]) == 200


def test_a_time_that_is_none_makes_no_line_late_and_no_clock_wrong() -> None:
    ages_of = EventAges()
    (trade,) = [e for f in DEFAULT_FRAMES for e in decode(f) if isinstance(e, TradeEvent)][:1]
    wall = 1_795_000_000.0

    def event(timestamp: float) -> TradeEvent:
        return replace(trade, received_at=99.0, timestamp=round(timestamp), stream_type=StreamType.REALTIME)

    odd = [event(0), event(1000 * (wall + 50_000 * 365 * 86_400)), event(1000 * (wall - 3 * 86_400))]
    ages = ages_of.take(100.0, wall, [*odd, event(1000 * (wall - 1.25))])
    assert ages == {PUBLIC: [pytest.approx(0.25, abs=0.01)]}


def _reasons(desk: Desk) -> set[str]:
    return {reason.kind.value for reason in desk.manager.monitor.health_status().reasons}


@pytest.mark.parametrize("message", [json.loads(frame) for frame in DEFAULT_FRAMES if b'"type"' in frame[:10]])
def test_what_simple_names_spare_is_about_what_they_do_spare(message: dict[str, Any]) -> None:
    plain = json.dumps(message, separators=(",", ":"))
    simple = json.dumps(SimpleFormatConverter.convert_to_simple_format(message), separators=(",", ":"))
    estimated = spared_names(DataType(message["type"]), len(message.get("orderbook_units", ())))
    assert 0 < estimated < len(plain)
    if DataType(message["type"]).websocket_type is PUBLIC:
        assert estimated == pytest.approx(len(plain) - len(simple), rel=0.15)


async def test_a_crowd_is_gone_through_in_turns_none_of_which_is_long() -> None:
    async with engine_rig() as rig:
        codes = [f"KRW-C{number}" for number in range(520)]
        specs = [SubscriptionSpec("trade", [codes[(at * 13 + n) % 520] for n in range(50)]) for at in range(120)]
        for number, spec in enumerate(specs):
            rig.engine.register_route(f"panel {number}", spec, ignore)
        await rig.feed(*(raw("trade", code, sequential_id=at, timestamp=1) for at, code in enumerate(codes)))
        monitors = StreamMonitors()
        survey = StreamSurvey(rig.loop, rig.engine.stream_stats, monitors)
        turns: list[int] = []
        survey.begin(100.0)
        while not survey.take_fresh():
            before = survey.gone_through
            await asyncio.sleep(0)
            turns.append(survey.gone_through - before)
        assert survey.gone_through == 120 * 50
        most_of_one_stream = max(len(stream.consumers) for stream in rig.engine.stream_stats())
        assert max(turns) <= PAIRS_PER_TURN + most_of_one_stream
        assert len(turns) >= 120 * 50 // PAIRS_PER_TURN - 2
        assert sum(stream.events for stream in monitors.streams.values()) == 520
        assert len(monitors.subscription_metrics()) == 120 * 50
        assert sum(metrics.delivered for metrics in monitors.subscription_metrics()) == 120 * 50

        survey.begin(110.0)  # who asks for figures now gets all of them now
        survey.finish()
        assert survey.take_fresh()
        assert survey.gone_through == 2 * 120 * 50


async def test_streams_may_come_and_go_while_a_crowd_is_gone_through() -> None:
    async with engine_rig() as rig:
        routes = [
            rig.engine.register_route(f"panel {n}", SubscriptionSpec("trade", f"KRW-C{n % 400}"), ignore)
            for n in range(1200)
        ]
        monitors = StreamMonitors()
        survey = StreamSurvey(rig.loop, rig.engine.stream_stats, monitors)
        survey.begin(100.0)
        await asyncio.sleep(0)  # the first of them are gone through
        assert 0 < survey.gone_through < 1200
        for route in routes[::3] + routes[1::3]:
            route.close()
        rig.engine.register_route("new", SubscriptionSpec("trade", "KRW-NEW"), ignore)
        await until(survey.take_fresh)
        survey.begin(110.0)
        survey.stop()
        await rig.settle()
        assert not survey.take_fresh()
        survey.begin(120.0)
        survey.finish()
        assert {key.symbol for key in monitors.streams} == {route.keys[0].symbol for route in routes[2::3]} | {
            "KRW-NEW"
        }
