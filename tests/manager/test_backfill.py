"""What was missed comes: in order, once, marked, to those that want it; judged by a witness that was never cut."""

from __future__ import annotations

import itertools
import random
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.manager.conftest import Diary, config_for
from tests.waiting import until
from upbit_ws_qt.backfill.recovered import says_the_same
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.monitoring import ReasonKind
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import ConnectionState, DataType, Delivery, WebSocketType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from upbit_ws_qt.events import CandleEvent, TradeEvent

PUBLIC = WebSocketType.PUBLIC
CODES = ("KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL", "KRW-DOGE")
TRADES = SubscriptionSpec(DataType.TRADE, CODES)
SETTLED = 20  # trades after the last cut


@dataclass
class Pair:
    """An exchange, a manager that is cut and one that is not, with what came to each of them."""

    exchange: EmbeddedExchange
    manager: GlobalWebSocketManager
    diary: Diary
    got: list[Any] = field(default_factory=list)
    seen: list[TradeEvent] = field(default_factory=list)

    async def more(self, count: int) -> None:
        """Wait until so many more have come to the one that is cut."""
        goal = len(self.got) + count
        await until(lambda: len(self.got) >= goal)

    async def cut(self, missed: int = 20) -> None:
        """Cut the newest line, and let it come back when the witness has seen so many trades."""
        fault = self.exchange.faults.inject("refuse", status=503)
        self.exchange.faults.inject("drop", connection=max(line.id for line in self.exchange.connections))
        goal = len(self.seen) + missed
        await until(lambda: len(self.seen) >= goal)
        fault.clear()

    async def whole(self) -> None:
        """Wait until nothing is left to be healed."""
        await until(lambda: not self.manager.wiring.wholeness.unhealed() and not self.manager.wiring.backfill.is_busy)

    def judge(self) -> tuple[list[Any], list[Any], list[Any]]:
        """Return what is missing, what came twice, and what came out of order, by what the witness saw."""
        missing, twice, disorder = [], [], []
        for code in {event.code for event in self.got}:
            mine = [event.sequential_id for event in self.got if event.code == code]
            witnessed = [event.sequential_id for event in self.seen if event.code == code]
            place = {key: n for n, key in enumerate(witnessed)}
            known = [place[key] for key in mine if key in place]
            missing += [code for n in range(min(known), max(known)) if witnessed[n] not in set(mine)]
            twice += [key for key in set(mine) if mine.count(key) > 1]
            disorder += [(code, a, b) for a, b in itertools.pairwise(known) if a >= b]
        return missing, twice, disorder


@asynccontextmanager
async def pair(
    spec: SubscriptionSpec = TRADES, start_ms: int | None = None, rest_per_second: int | None = None, **changes: Any
) -> AsyncIterator[Pair]:
    settings = ExchangeSettings(
        seed=5,
        markets=8,
        rate=500,
        start_ms=start_ms,
        connects_per_second=None,
        rest_per_second=rest_per_second,
        prepare=False,
    )
    patient = {"backfill": frozenset({"trade", "candle"}), "backfill_hold": 60.0, "busy_silence_timeout": 60.0}
    async with EmbeddedExchange(settings) as exchange:
        made = Pair(exchange, GlobalWebSocketManager(config_for(exchange, **{**patient, **changes})), Diary())
        made.manager.add_listener(made.diary)
        witness = GlobalWebSocketManager(config_for(exchange))
        try:
            await witness.start()
            await witness.register_component("w", TRADES, made.seen.append).wait_served(30)
            await made.manager.start()
            await made.manager.register_component("c", spec, made.got.append).wait_served(30)
            yield made
        finally:
            await made.manager.stop()
            await witness.stop()
            assert made.diary.told_in_task == 0


async def live_trades(got: list[Any], count: int) -> None:
    """Wait until so many have come by the line."""
    await until(lambda: sum(not event.recovered for event in got) > count)


@pytest.mark.parametrize("skew", [0, 5_000, -5_000, 3_600_000, -3_600_000])
async def test_nothing_is_missing_twice_or_out_of_order_after_many_cuts(skew: int) -> None:
    rng = random.Random(skew)
    async with pair(start_ms=int(time.time() * 1000) + skew) as made:
        for _ in range(4):
            await made.more(rng.randrange(5, 25))
            await made.cut(rng.randrange(1, 40))
        await made.more(SETTLED)
        await made.whole()
        await made.more(SETTLED)
        missing, twice, disorder = made.judge()
        assert (missing, twice, disorder) == ([], [], [])
        recovered = [event for event in made.got if event.recovered]
        assert recovered
        reports = made.diary.healed
        assert all(report.is_whole for report in reports)
        assert sum(report.recovered for report in reports) == len(recovered)
        assert reports[-1].new == made.manager.get_current_epoch(PUBLIC)


async def test_a_second_cut_in_the_middle_is_healed_with_the_first() -> None:
    async with pair() as made:
        await made.more(30)
        # Nothing is answered while it is cut twice more: all that was missed is recovered at the end.
        mute = made.exchange.faults.inject("rest_refuse")
        for _ in range(3):
            await made.cut(25)
            await until(lambda: made.manager.connection_state(PUBLIC) is ConnectionState.CONNECTED)
        mute.clear()
        await made.whole()
        await made.more(SETTLED)
        assert made.judge() == ([], [], [])
        (report,) = made.diary.healed
        assert (report.old, report.new) == (1, 4)
        assert report.is_whole
        assert report.recovered == sum(event.recovered for event in made.got) > 3


async def test_too_many_requests_in_the_middle_only_take_longer() -> None:
    async with pair(rest_per_second=10) as made:
        await made.more(30)
        refusing = made.exchange.faults.inject("rest_too_many", times=3)
        await made.cut(30)
        await made.whole()
        refusing.clear()
        await made.more(SETTLED)
        assert made.judge() == ([], [], [])
        assert all(report.is_whole for report in made.diary.healed)


async def test_what_comes_too_late_comes_afterwards_and_live_events_do_not_wait_for_it() -> None:
    async with pair(backfill_hold=0.0) as made:
        await made.more(30)
        mute = made.exchange.faults.inject("rest_refuse")
        await made.cut(25)
        await made.more(SETTLED)  # live events of the new line, though nothing is recovered yet
        assert not any(event.recovered for event in made.got)
        mute.clear()
        await made.whole()
        missing, twice, _ = made.judge()
        assert (missing, twice) == ([], [])
        recovered = [event for event in made.got if event.recovered]
        assert recovered
        for code in CODES:
            times = [event.trade_timestamp for event in recovered if event.code == code]
            assert times == sorted(times)
        assert made.manager.wiring.backfill.stats.late == len(recovered)


async def test_only_who_wants_what_was_missed_gets_it_and_waits_for_it() -> None:
    async with pair() as made:
        plain: list[TradeEvent] = []
        newest: list[TradeEvent] = []
        spec = SubscriptionSpec(DataType.TRADE, CODES, backfill=False)
        made.manager.register_component("plain", spec, plain.append)
        frames = SubscriptionSpec(DataType.TRADE, CODES, delivery=Delivery.FRAME)
        made.manager.register_component("frames", frames, newest.append)
        await made.more(30)
        mute = made.exchange.faults.inject("rest_refuse")
        await made.cut(25)
        count, waiting = len(plain), len(made.got)
        await until(lambda: len(plain) > count + 20)
        # A stream of which nothing was missed goes on at once.
        went_on = {event.code for event in made.got[waiting:]}
        mute.clear()
        await made.whole()
        await made.more(SETTLED)
        assert made.judge() == ([], [], [])
        assert not any(event.recovered for event in (*plain, *newest))
        recovered = {event.code for event in made.got if event.recovered}
        assert recovered
        assert went_on.isdisjoint(recovered)


async def test_without_the_wish_for_it_nothing_is_asked_and_nothing_waits() -> None:
    async with pair(backfill=frozenset()) as made:
        await made.more(30)
        await made.cut(25)
        await made.more(SETTLED)
        assert made.manager.wiring.backfill.stats.pages == 0
        assert not any(event.recovered for event in made.got)
        assert made.diary.healed == []
        assert made.judge()[0]


async def test_a_stream_that_missed_nothing_costs_no_question() -> None:
    async with pair() as made:
        await until(lambda: {event.code for event in made.got} == set(CODES))
        made.exchange.stop_time()
        last = {code: [event.sequential_id for event in made.seen if event.code == code][-1] for code in CODES}
        await until(lambda: {event.code: event.sequential_id for event in made.got} == last)
        wiring = made.manager.wiring
        inbox = wiring.endpoints[PUBLIC].inbox
        wiring.drain.remove(inbox)  # that the line is proved is known before its first messages are handed out
        await made.cut(0)
        await until(lambda: made.manager.get_current_epoch(PUBLIC) == 2)
        await until(lambda: made.manager.connection_state(PUBLIC) is ConnectionState.CONNECTED)
        wiring.drain.add(inbox)
        await until(lambda: bool(made.diary.healed))
        assert made.manager.wiring.backfill.stats.pages == 0
        (report,) = made.diary.healed
        assert (report.expected, report.is_whole) == (0, True)
        assert len(report.streams) == len(CODES)


async def test_a_wish_begins_with_the_past_and_goes_on_without_a_seam() -> None:
    async with pair() as made:
        await made.more(40)
        first = {code: [event for event in made.seen if event.code == code][2] for code in CODES[:2]}
        for code, since in ((CODES[0], first[CODES[0]].sequential_id), (CODES[1], first[CODES[1]].traded_at)):
            got: list[TradeEvent] = []
            spec = SubscriptionSpec(DataType.TRADE, code, since=since)
            made.manager.register_component(f"since {code}", spec, got.append)
            await live_trades(got, 10)
            witnessed = [event.sequential_id for event in made.seen if event.code == code]
            mine = [event.sequential_id for event in got]
            begin = witnessed.index(mine[0])
            assert mine == witnessed[begin : begin + len(mine)]
            assert begin <= 3
            assert got[0].recovered


async def test_closed_candles_that_were_missed_come_with_their_final_values() -> None:
    spec = SubscriptionSpec(DataType.candle("1s"), CODES[:2])
    async with pair(spec) as made:
        seen: list[Any] = []
        witness = GlobalWebSocketManager(config_for(made.exchange))
        try:
            await witness.start()
            await witness.register_component("candles", spec, seen.append).wait_served(30)
            await until(lambda: len({event.start for event in made.got}) > 2)
            fault = made.exchange.faults.inject("refuse", status=503)
            made.exchange.faults.inject("drop", connection=made.exchange.connections[1].id)
            begun = len({event.start for event in seen})
            await until(lambda: len({event.start for event in seen}) > begun + 4)
            fault.clear()
            await until(lambda: any(event.recovered for event in made.got))
            await made.whole()
            healed = seen[-1].start
            await until(lambda: made.got[-1].start > healed and seen[-1].start > healed)
        finally:
            await witness.stop()
        final = {(event.code, event.start): event for event in seen}
        mine = {(event.code, event.start): event for event in made.got}
        for code in CODES[:2]:
            starts = [event.start for event in made.got if event.code == code]
            assert starts == sorted(starts)
            inside = [key for key in final if key[0] == code and starts[0] < key[1] < starts[-1]]
            assert inside
            for key in inside:
                assert says_the_same(mine[key], final[key])


async def test_a_gap_that_cannot_be_healed_stays_open_and_costs_health_until_a_later_one_is() -> None:
    async with pair() as made:
        await made.more(30)
        gone = made.exchange.faults.inject("rest_refuse", status=404)
        await made.cut(25)
        await until(lambda: bool(made.diary.healed))
        (report,) = made.diary.healed
        assert not report.is_whole
        lost = {recovery.stream: recovery.reason for recovery in report.unrecoverable}
        assert all(reason.startswith("refused") for reason in lost.values())
        assert made.manager.wiring.wholeness.unhealed() == lost
        monitor = made.manager.monitor
        await until(lambda: monitor.performance_metrics().unhealed == lost)
        assert ReasonKind.UNHEALED in {reason.kind for reason in monitor.health_status().reasons}
        gone.clear()
        await made.cut(25)
        await made.whole()
        await until(lambda: not monitor.performance_metrics().unhealed)
        assert ReasonKind.UNHEALED not in {reason.kind for reason in monitor.health_status().reasons}


async def test_a_cut_under_ten_components_with_fifty_markets_is_told_in_one_line() -> None:
    settings = ExchangeSettings(seed=6, markets=50, rate=500, connects_per_second=None, rest_per_second=None)
    async with EmbeddedExchange(settings) as exchange:
        manager = GlobalWebSocketManager(config_for(exchange, backfill=frozenset({"trade"}), backfill_hold=60.0))
        witness = GlobalWebSocketManager(config_for(exchange))
        made = Pair(exchange, manager, Diary())
        manager.add_listener(made.diary)
        codes = sorted(exchange.world.codes)
        try:
            await witness.start()
            everything = SubscriptionSpec(DataType.TRADE, tuple(codes))
            await witness.register_component("w", everything, made.seen.append).wait_served(30)
            await manager.start()
            for n in range(10):
                wish = SubscriptionSpec(DataType.TRADE, tuple(codes[n * 5 : n * 5 + 5]))
                await manager.register_component(f"component {n}", wish, made.got.append).wait_served(30)
            await made.more(100)
            await made.cut(60)
            await until(lambda: bool(made.diary.healed))
            await made.more(SETTLED)
        finally:
            await manager.stop()
            await witness.stop()
        (report,) = made.diary.healed
        recovered = sum(event.recovered for event in made.got)
        assert recovered > 0
        assert made.judge() == ([], [], [])
        assert len(report.streams) == 50
        assert str(report) == f"{report.dark:.0f} s dark, {recovered:,} trades recovered of {recovered:,}"


async def test_a_wish_that_ends_before_anything_comes_again_keeps_no_gap_open() -> None:
    async with pair() as made:
        candles: list[CandleEvent] = []
        wish = made.manager.register_component(
            "candles", SubscriptionSpec(DataType.candle("1m"), CODES[0]), candles.append
        )
        await until(lambda: bool(candles))
        await made.more(30)
        # Nothing of the market comes on the new line, so that its candles wait for their first message.
        mute = made.exchange.faults.inject("mute", codes=[CODES[0]])
        await made.cut(25)
        await until(lambda: made.manager.connection_state(PUBLIC) is ConnectionState.CONNECTED)
        wish.close()
        await until(lambda: bool(made.diary.healed))
        mute.clear()
        assert not made.manager.wiring.backfill.is_busy
