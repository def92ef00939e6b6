"""Faults on a live exchange: the score goes down and comes back, the cause is named, a level flips once at most."""

from __future__ import annotations

import asyncio
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.manager.conftest import Diary, config_for
from tests.manager.test_watch_figures import everything, far_away, ignore
from tests.waiting import at_leisure, until
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.monitoring import Monitor
from upbit_ws_qt.monitoring.health import HealthLevel, HealthTuning
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import ConnectionState, DataType, WebSocketType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from upbit_ws_qt.exchange import EmbeddedExchange
    from upbit_ws_qt.monitoring.health import HealthStatus

PUBLIC = WebSocketType.PUBLIC
# As documented, only quicker: a test cannot wait half a minute for a level to come back.
QUICK = HealthTuning(rise_seconds=0.5, recovery_hold=1.0)
GOOD, WARN, BAD = HealthLevel.GOOD, HealthLevel.WARN, HealthLevel.BAD


class Chart(Diary):
    """Every judgement that was told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[HealthStatus] = []

    def on_health(self, health: HealthStatus) -> None:
        self.told.append(health)

    def levels(self, line: WebSocketType = PUBLIC) -> list[HealthLevel]:
        """The levels of a line in order, each once."""
        seen = (health.connections[line].level for health in self.told if line in health.connections)
        return [level for level, _ in groupby(seen)]

    def reasons(self, line: WebSocketType | None = PUBLIC) -> set[str]:
        """All that was ever said of a line, or of the program."""
        return {str(r.kind) for health in self.told for r in health.reasons if r.ws_type is line}

    def reasons_now(self) -> set[str]:
        """What was said last of the public line."""
        return {str(r.kind) for r in self.told[-1].reasons if r.ws_type is PUBLIC}

    def trips(self, line: WebSocketType | None = PUBLIC) -> int:
        """How often the level of a line, or of the whole, got worse."""
        order = [GOOD, WARN, BAD]
        whole = [level for level, _ in groupby(health.level for health in self.told)]
        levels = [level for level in (whole if line is None else self.levels(line)) if level in order]
        worse = [order.index(b) > order.index(a) for a, b in pairwise(levels)]
        return sum(1 for value, _ in groupby(worse) if value)


class Live:
    """A manager with quick judgement, its chart, and a market that flows."""

    def __init__(self, exchange: EmbeddedExchange, **changes: Any) -> None:
        self.manager = GlobalWebSocketManager(config_for(exchange, **changes))
        self.manager.wiring.observer.monitor = Monitor(self.manager.config, tuning=QUICK)
        self.chart = Chart()
        self.manager.add_listener(self.chart)

    async def begin(self, exchange: EmbeddedExchange) -> None:
        await self.manager.start()
        await self.manager.register_component("all", everything(exchange), ignore).wait_served(10)
        # A line may be good already while it is still being proved, which is a reason too.
        await until(lambda: self.chart.levels()[-1:] == [GOOD] and not self.chart.reasons_now())
        self.chart.told.clear()

    async def recovers(self) -> None:
        """Return when the line is good again after it was not."""
        await until(lambda: self.chart.levels()[-1:] == [GOOD] and len(self.chart.levels()) > 1)


@pytest.fixture
async def make_live(exchange: EmbeddedExchange) -> AsyncIterator[Callable[..., Live]]:
    made: list[Live] = []

    def make(**changes: Any) -> Live:
        made.append(Live(exchange, **changes))
        return made[-1]

    yield make
    for live in made:
        await live.manager.stop()


async def test_a_cut_is_bad_at_once_named_and_over_once(
    exchange: EmbeddedExchange, make_live: Callable[..., Live]
) -> None:
    live = make_live()
    await live.begin(exchange)
    refusal = exchange.faults.inject("refuse", endpoint="public")
    exchange.faults.inject("drop", endpoint="public", times=1)
    await until(lambda: live.chart.levels()[-1:] == [BAD])
    refusal.clear()
    await live.recovers()
    assert live.chart.levels() in ([GOOD, BAD, GOOD], [GOOD, BAD, WARN, GOOD], [BAD, GOOD], [BAD, WARN, GOOD])
    assert {"lost", "reconnects"} <= live.chart.reasons()
    lost = [r for health in live.chart.told for r in health.reasons if r.kind == "lost"]
    assert "without a close frame" in lost[0].text


async def test_a_black_hole_is_named_within_ten_seconds(
    exchange: EmbeddedExchange, make_live: Callable[..., Live]
) -> None:
    live = make_live(busy_silence_timeout=2.0, pong_timeout=4.0)
    exchange.set_rate(2000)
    await live.begin(exchange)
    with at_leisure() as seconds:
        exchange.faults.inject("half_open", endpoint="public", times=1)
        await until(lambda: live.chart.reasons() & {"silent", "no_pong", "lost", "reconnects"})
        assert seconds() < 10
    await until(lambda: live.manager.get_current_epoch(PUBLIC) == 2)
    cause = live.manager.monitor.connection_metrics(PUBLIC).close_cause
    assert "silent" in cause or "pong" in cause
    await until(lambda: live.chart.told[-1].connections[PUBLIC].level is GOOD)
    assert live.chart.trips() <= 1


async def test_a_slow_line_is_slow_and_nothing_else(exchange: EmbeddedExchange, make_live: Callable[..., Live]) -> None:
    async with far_away(exchange.public_url, 0.9) as (url, road):
        live = make_live(public_url=url, ping_interval=0.2, pong_timeout=10.0, proof_timeout=5.0, connect_timeout=9.0)
        await live.manager.start()
        await live.manager.register_component("all", everything(exchange), ignore).wait_served(20)
        await until(lambda: "rtt" in live.chart.reasons() and live.chart.levels()[-1] is not GOOD)
        assert live.chart.reasons() <= {"connecting", "syncing", "rtt"}
        road.seconds = 0.02
        await live.manager.reconnect(PUBLIC)  # a new line is judged by its own round trips
        await live.recovers()
        assert live.chart.trips() <= 1
        assert live.manager.monitor.connection_metrics(PUBLIC).reconnect_count == 0
        await live.manager.stop()


@pytest.mark.parametrize(
    ("fault", "options", "reason"),
    [("garbage", {"kind": "not_json", "count": 40}, "unreadable"), ("truncated", {"every": 2}, "unreadable")],
)
async def test_garbage_is_named(
    exchange: EmbeddedExchange, make_live: Callable[..., Live], fault: str, options: dict[str, Any], reason: str
) -> None:
    live = make_live()
    await live.begin(exchange)
    exchange.faults.inject(fault, endpoint="public", **options)
    await until(lambda: reason in live.chart.reasons() and live.chart.levels()[-1] is not GOOD)
    assert live.chart.reasons() & {"silent", "rtt", "late"} == set()
    exchange.faults.clear()
    exchange.set_rate(3000)  # errors are weighed against the messages of a minute: many good ones make them few
    await live.recovers()
    assert live.chart.trips() <= 1


async def test_errors_of_the_exchange_are_named(exchange: EmbeddedExchange, make_live: Callable[..., Live]) -> None:
    live = make_live()
    await live.begin(exchange)
    for _ in range(3):
        exchange.faults.inject("error", endpoint="public", error="INTERNAL", times=1)
        await until(lambda: live.manager.connection_state(PUBLIC) is not ConnectionState.CONNECTED)
        await until(lambda: live.manager.connection_state(PUBLIC) is ConnectionState.CONNECTED)
    await until(lambda: {"errors", "reconnects"} <= live.chart.reasons())
    assert live.chart.trips() <= 3  # one for each error at most


# What is documented to take minutes, as the fading of reconnects, is in tests/monitoring/test_courses.py.
async def test_flapping_is_one_trip_and_named(exchange: EmbeddedExchange, make_live: Callable[..., Live]) -> None:
    live = make_live()
    await live.begin(exchange)
    for epoch in range(2, 7):
        exchange.faults.inject("drop", endpoint="public", times=1)
        await until(lambda epoch=epoch: live.manager.get_current_epoch(PUBLIC) == epoch)  # type: ignore[misc]
        await until(lambda: live.manager.connection_state(PUBLIC) is ConnectionState.CONNECTED)
    await until(lambda: "reconnects" in live.chart.reasons())
    assert live.manager.monitor.connection_metrics(PUBLIC).reconnect_count == 5
    assert live.chart.trips() <= 1
    await until(lambda: any(a.kind == "reconnecting_often" for a in live.manager.monitor.alerts(cleared=False)))


async def test_a_program_that_stands_still_blames_itself(
    exchange: EmbeddedExchange, make_live: Callable[..., Live]
) -> None:
    live = make_live(busy_silence_timeout=10.0, pong_timeout=10.0)
    await live.begin(exchange)
    loop = asyncio.get_running_loop()
    for _ in range(3):
        ends = loop.time() + 0.7
        while loop.time() < ends:
            pass  # the program computes and lets nothing else run: that is the fault
        count = len(live.chart.told)
        await until(lambda count=count: len(live.chart.told) > count)  # type: ignore[misc]
    await until(lambda: "loop_lag" in live.chart.reasons(None))
    assert live.chart.reasons(PUBLIC) & {"silent", "rtt", "late", "no_pong", "lost"} == set()
    await until(lambda: live.manager.monitor.health_status().level is GOOD)
    assert live.chart.trips(None) <= 1
    assert live.chart.trips() == 0
    assert live.manager.monitor.connection_metrics(PUBLIC).reconnect_count == 0


@pytest.mark.parametrize("rate", [1, 1000])  # a slow machine, which makes the market too, keeps up with both
async def test_a_quiet_and_a_busy_market_are_no_faults(
    exchange: EmbeddedExchange, make_live: Callable[..., Live], rate: float
) -> None:
    exchange.set_rate(rate)
    live = make_live(busy_silence_timeout=10.0)
    await live.begin(exchange)
    await until(lambda: len(live.chart.told) >= 10)
    assert live.chart.levels() == [GOOD]
    assert live.chart.reasons() == set()
    assert live.manager.monitor.alerts() == ()


async def test_maintenance_is_announced_and_the_way_back_is_found(
    exchange: EmbeddedExchange, make_live: Callable[..., Live]
) -> None:
    live = make_live()
    await live.begin(exchange)
    news = live.manager.register_component("news", SubscriptionSpec(DataType.ANNOUNCEMENT), ignore)
    await until(lambda: live.manager.connection_state(WebSocketType.PRIVATE) is ConnectionState.CONNECTED)
    await until(lambda: all(news.status(stream).is_served for stream in news.streams))
    exchange.faults.inject("maintenance", notice=0.5, seconds=1.5)
    await until(lambda: any(a.kind == "maintenance" for a in live.manager.monitor.alerts()))
    await until(lambda: BAD in live.chart.levels())
    await live.recovers()
    assert live.chart.trips() <= 1
