"""What came since the last call in one call: at a rate, or once a display frame; and the books of it."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from tests.routing.rig import engine_rig, in_loop, no_time_passes, raw
from tests.waiting import until
from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.monitoring.adaptive import AdaptationKind, AdaptationPlan
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.types import BackpressureConfig, BackpressureStrategy, DataType, Delivery, Priority

CODES = ("KRW-BTC", "KRW-ETH", "KRW-XRP")


def batched(data_type: str = "ticker", symbols: Any = CODES, **how: Any) -> SubscriptionSpec:
    return SubscriptionSpec(data_type, symbols, delivery=Delivery.BATCH, **how)


class Table:
    """Takes batches, as a table would."""

    def __init__(self) -> None:
        self.calls: list[list[tuple[str, int]]] = []
        self.began: list[float] = []

    def __call__(self, events: tuple[Any, ...]) -> None:
        assert type(events) is tuple
        self.began.append(asyncio.get_running_loop().time())
        self.calls.append([(event.code, event.timestamp) for event in events])


def _reached(calls: list[int], count: int) -> bool:
    return len(calls) >= count


def as_async(table: Table) -> Any:
    async def update(events: tuple[Any, ...]) -> None:
        await asyncio.sleep(0)
        table(events)

    return update


async def test_a_batch_per_display_frame_has_the_newest_of_each() -> None:
    async with engine_rig(computer=no_time_passes()) as rig:
        table = Table()
        route = rig.engine.register_route("table", batched(), table)
        await rig.feed(*(raw(code=code, timestamp=at) for at in (1, 2, 3) for code in CODES))
        assert table.calls == []
        await in_loop(rig.engine.flush_frames)
        assert table.calls == [[(code, 3) for code in CODES]]
        assert (route.received, route.delivered, route.conflated, route.dropped, route.waiting) == (9, 3, 6, 0, 0)
        await in_loop(rig.engine.flush_frames)
        assert len(table.calls) == 1, "nothing changed, so nobody is called"


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_batch_has_a_rate_of_its_own(is_async: bool) -> None:
    async with engine_rig(computer=no_time_passes()) as rig:
        table = Table()
        route = rig.engine.register_route("table", batched(rate=20.0), as_async(table) if is_async else table)
        began = rig.loop.time()
        for at in range(1, 400):
            await rig.feed(*(raw(code=code, timestamp=at) for code in CODES))
            if rig.loop.time() - began > 0.5:
                break
            await asyncio.sleep(0.001)
        await in_loop(rig.engine.flush_frames)
        await until(lambda: route.waiting == 0)
        await until(lambda: sum(map(len, table.calls)) == route.delivered)
        assert [code for code, _ in table.calls[-1]] == list(CODES)
        assert {last for _, last in table.calls[-1]} == {at}
        assert all(later - earlier >= 0.049 for earlier, later in zip(table.began, table.began[1:], strict=False))
        assert route.received == route.delivered + route.conflated == 3 * at
        figures = [route.stats_for(StreamKey(DataType.TICKER, code)) for code in CODES]
        assert sum(each.delivered for each in figures) == route.delivered
        assert sum(each.busy_time for each in figures) == pytest.approx(route.busy_time)


async def test_of_trades_a_batch_has_each_and_of_candles_each_close() -> None:
    async with engine_rig(computer=no_time_passes()) as rig:
        tape, chart = Table(), Table()
        rig.engine.register_route("tape", batched("trade", "KRW-BTC"), tape)
        rig.engine.register_route("chart", batched("candle.1m", "KRW-BTC"), chart)
        await rig.feed(*(raw("trade", timestamp=at, sequential_id=at) for at in (1, 2, 3)))
        minute = "2026-01-01T00:0{}:00"
        await rig.feed(
            *(raw("candle.1m", timestamp=at, candle_date_time_utc=minute.format(at // 3)) for at in (1, 2, 3, 4))
        )
        await in_loop(rig.engine.flush_frames)
        assert tape.calls == [[("KRW-BTC", at) for at in (1, 2, 3)]]
        assert chart.calls == [[("KRW-BTC", 2), ("KRW-BTC", 4)]]


async def test_what_does_not_fit_is_dropped_and_counted() -> None:
    async with engine_rig(computer=no_time_passes()) as rig:
        tape = Table()
        few = BackpressureConfig(max_queue_size=10)
        route = rig.engine.register_route("tape", batched("trade", "KRW-BTC", backpressure=few), tape)
        await rig.feed(*(raw("trade", timestamp=at, sequential_id=at) for at in range(25)))
        await in_loop(rig.engine.flush_frames)
        assert [at for _, at in tape.calls[0]] == list(range(15, 25))
        assert (route.received, route.delivered, route.dropped) == (25, 10, 15)
        assert [str(error) for _, error in rig.failed] == ["component tape: queue full, 1 events dropped"]


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_batch_that_fails_is_reported_and_the_next_one_comes(is_async: bool) -> None:
    async with engine_rig(computer=no_time_passes()) as rig:
        calls: list[int] = []

        def fail(events: tuple[Any, ...]) -> None:
            calls.append(len(events))
            raise ValueError("not this table")

        async def fail_later(events: tuple[Any, ...]) -> None:
            fail(events)

        route = rig.engine.register_route("table", batched(rate=1000.0), fail_later if is_async else fail)
        for at in (1, 2):
            await rig.feed(*(raw(code=code, timestamp=at) for code in CODES))
            await in_loop(rig.engine.flush_frames)
            await until(partial(_reached, calls, at))
        await rig.settle()
        assert [type(error) for _, error in rig.failed] == [ValueError] * len(calls)
        assert (route.delivered, route.failures) == (6, len(calls))
        route.close()
        assert (route.waiting, rig.engine.frames_pending) == (0, 0)


async def test_a_quarantined_batch_drops_and_a_closed_one_waits_for_nothing() -> None:
    async with engine_rig(computer=no_time_passes()) as rig:
        table = Table()
        by_rate = rig.engine.register_route("table", batched(rate=5.0), table)
        by_frame = rig.engine.register_route("table", batched(), table)
        await rig.feed(raw(timestamp=1))
        for route in (by_rate, by_frame):
            route.begin_quarantine()
        await rig.feed(raw(timestamp=2))
        await in_loop(rig.engine.flush_frames)
        # Of the two tickers the first was replaced before anybody decoded it.
        assert table.calls == []
        assert {(route.received, route.conflated, route.dropped) for route in (by_rate, by_frame)} == {(2, 1, 1)}
        for route in (by_rate, by_frame):
            route.resume()
        await rig.feed(raw(timestamp=3))
        await in_loop(rig.engine.flush_frames)
        await until(lambda: len(table.calls) == 2)
        assert table.calls == [[("KRW-BTC", 3)]] * 2


async def test_under_load_a_batch_stays_a_batch() -> None:
    plan = AdaptationPlan(steps=(AdaptationKind.LOW_BY_FRAME,))
    assert plan.delivery_for(Priority.LOW, Delivery.BATCH) is Delivery.BATCH
    assert plan.delivery_for(Priority.LOW, Delivery.EVERY) is Delivery.FRAME


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"rate": 5}, "for Delivery.BATCH"),
        ({"delivery": Delivery.BATCH, "rate": 0}, "above 0"),
        ({"delivery": Delivery.BATCH, "rate": "5"}, "above 0"),
        ({"delivery": "batch", "backpressure": BackpressureConfig(BackpressureStrategy.BLOCK)}, "leave the strategy"),
    ],
)
def test_what_cannot_be_a_batch_is_refused_in_words(how: dict[str, Any], words: str) -> None:
    with pytest.raises(SubscriptionError, match=words):
        SubscriptionSpec("ticker", "KRW-BTC", **how)
