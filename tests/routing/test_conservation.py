"""delivered + conflated + dropped == received, exactly, for every consumer, over hundreds of thousands of messages."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from tests.routing.rig import Rig, engine_rig, event_of
from tests.waiting import until
from upbit_ws_qt.events import stamp
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import BackpressureConfig, BackpressureStrategy, Delivery

CODES = tuple(f"KRW-C{number}" for number in range(10))
EVENTS = 60_000  # to eleven consumers: over half a million
CHUNK = 600
A_LONG_TIME = 3600.0  # seconds: what a slow machine takes is not judged here


class Counting:
    """A callback that counts, sums up, and checks the order."""

    def __init__(self, *, fails: bool = False) -> None:
        self.calls = 0
        self.last: dict[str, int] = {}
        self.in_order = True
        self._fails = fails

    def __call__(self, event: Any) -> None:
        self.calls += 1
        if event.timestamp <= self.last.get(event.code, -1):
            self.in_order = False
        self.last[event.code] = event.timestamp
        if self._fails and not self.calls % 1000:
            raise ValueError


def consumers(rig: Rig) -> dict[str, Counting]:
    """Register one consumer of every kind."""
    made: dict[str, Counting] = {}

    def awaited(counting: Counting, rest: int) -> Any:
        async def callback(event: Any) -> None:
            counting(event)
            if not counting.calls % rest:
                await asyncio.sleep(0.002)

        return callback

    for strategy in BackpressureStrategy:
        rules = BackpressureConfig(strategy, max_queue_size=500, max_rate=500.0, deadline=A_LONG_TIME)
        for kind in ("direct", "awaited"):
            name = f"{strategy} {kind}"
            made[name] = Counting()
            callback = made[name] if kind == "direct" else awaited(made[name], 400)
            rig.engine.register_route(name, SubscriptionSpec("ticker", CODES, backpressure=rules), callback)
    made["frame"] = Counting()
    rig.engine.register_route("frame", SubscriptionSpec("ticker", CODES, delivery=Delivery.FRAME), made["frame"])
    made["failing"] = Counting(fails=True)
    rig.engine.register_route("failing", SubscriptionSpec("ticker", CODES), made["failing"])
    made["leaver"] = Counting()
    return made


async def test_nothing_is_lost_unseen() -> None:
    loop = asyncio.get_running_loop()
    loop.set_debug(False)  # debug mode times every callback of the loop, which would take most of the time here
    random_source = random.Random(7)
    async with engine_rig(quarantine_after=1000, slow_callback=60.0) as rig:
        made = consumers(rig)
        fed = 0
        done = loop.create_future()
        sample = event_of()
        fields = {name: getattr(sample, name) for name in sample.__struct_fields__}
        make = type(sample)
        leaver: Any = None

        def step() -> None:
            nonlocal fed, leaver
            if leaver is not None:
                leaver.close()
            leaver = rig.engine.register_route("leaver", SubscriptionSpec("ticker", CODES), made["leaver"])
            for _ in range(CHUNK):
                fed += 1
                fields["code"], fields["timestamp"] = CODES[random_source.randrange(10)], fed
                event = make(**fields)
                stamp(event, 1, 0.0)
                rig.engine.route_event(event)
            if random_source.random() < 0.5:
                rig.engine.flush_frames()
            loop.call_soon(step) if fed < EVENTS else done.set_result(None)

        loop.call_soon(step)
        await done
        figures = rig.engine.get_routing_statistics()
        for route in figures.routes:
            assert route.received == route.delivered + route.conflated + route.dropped + route.waiting
        await asyncio.sleep(0)
        rig.loop.call_soon(rig.engine.flush_frames)
        await until(lambda: rig.engine.get_routing_statistics().waiting == 0, seconds=500)
        figures = rig.engine.get_routing_statistics()
        assert figures.received > 10 * EVENTS
        assert figures.received == figures.delivered + figures.conflated + figures.dropped
        for route in figures.routes:
            assert route.received == route.delivered + route.conflated + route.dropped
            if route.component_id != "leaver":
                assert route.received == fed
                assert route.delivered == made[route.component_id].calls
        assert made["leaver"].calls == fed  # over a hundred routes, one after the other
        assert all(counting.in_order for counting in made.values())
        lossless = {name: counting.calls for name, counting in made.items() if "block" in name or "direct" in name}
        assert {calls for name, calls in lossless.items() if "throttle" not in name} == {fed}
        assert made["throttle awaited"].calls < fed
        assert made["frame"].calls < fed
        assert {name for name, _ in rig.failed} <= {"failing", "drop_oldest awaited"}
        assert next(r for r in figures.routes if r.component_id == "failing").failures == fed // 1000


async def test_the_books_balance_when_everybody_is_stopped_in_the_middle() -> None:
    async with engine_rig() as rig:
        made = consumers(rig)
        loop = asyncio.get_running_loop()
        done = loop.create_future()

        def feed() -> None:
            for at in range(2000):
                rig.engine.route_event(event_of(code=CODES[at % 10], timestamp=at))
            done.set_result(None)

        loop.call_soon(feed)
        await done
        await rig.engine.stop()
        figures = rig.engine.get_routing_statistics()
        assert figures.routes == ()
        assert figures.received == 2000 * (len(made) - 1)
        assert figures.received == figures.delivered + figures.conflated + figures.dropped
        assert figures.delivered == sum(counting.calls for counting in made.values())
