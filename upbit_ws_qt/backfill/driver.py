"""Makes gaps good: asks REST for what was missed and has it handed out, in order and once, to those that want it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, Protocol

from upbit_ws_qt.backfill.account_sync import ACCOUNT_KINDS
from upbit_ws_qt.backfill.healing import RANK, Healing
from upbit_ws_qt.backfill.open_gap import OpenGap
from upbit_ws_qt.backfill.recovered import missed_candles, missed_trades
from upbit_ws_qt.backfill.report import StreamRecovery, refusal_of
from upbit_ws_qt.backfill.walks import (
    CandleFloor,
    CandleWalk,
    TradeFloor,
    TradeWalk,
    merge_candles,
    merge_in_order,
)
from upbit_ws_qt.errors import RestError
from upbit_ws_qt.events import CandleEvent, TradeEvent
from upbit_ws_qt.streams import DISORDER_MS
from upbit_ws_qt.types import Delivery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upbit_ws_qt.backfill.report import GapReport
    from upbit_ws_qt.backfill.wholeness import Wholeness
    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.connection import GapEvent
    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.rest import RestClient
    from upbit_ws_qt.routing import DataRoutingEngine, Route
    from upbit_ws_qt.routing.stream_gate import RouteHold, StreamGate
    from upbit_ws_qt.specs import SubscriptionSpec
    from upbit_ws_qt.streams import StreamGap, StreamKey
    from upbit_ws_qt.types import WebSocketType

__all__ = ["BackfillDriver", "BackfillListener", "BackfillStats"]

AT_ONCE = 4
"""Streams that are asked for side by side; the limiter of REST has the last word."""
LAG_PAUSE = 0.25
"""Seconds before REST is asked again where it does not know yet what the line has brought."""
MOST_LAGS = 20
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds between two tries while REST cannot be reached; doubled each time."""
SETTLES_AFTER = 0.5
"""Seconds without a further loss after which it is asked for what the program itself has lost."""
NOTED_IDS = 512
"""The newest recovered trades of a stream are remembered by its guard, since the line may be behind REST."""

_ACCOUNT = {kind: name for name, kind in ACCOUNT_KINDS.items()}


class BackfillListener(Protocol):
    """Who is told; from plain callbacks of the loop, and perhaps inside a Task."""

    def on_stream_healed(self, recovery: StreamRecovery) -> None:
        """All that could be recovered of a stream was handed out."""

    def on_gap_healed(self, report: GapReport) -> None:
        """A gap is done with, all its streams."""


@dataclass(slots=True)
class BackfillStats:
    """What back-filling has done so far.

    Attributes:
        gaps: that were done with.
        recovered: events handed out.
        late: those of them that came after live ones which had waited long enough.
        lost_streams: times that a stream was not made whole.
        overflows: times that too many live events waited for one consumer.
        pages: answers taken from REST.
    """

    gaps: int = 0
    recovered: int = 0
    late: int = 0
    lost_streams: int = 0
    overflows: int = 0
    pages: int = 0


class BackfillDriver:
    """Is told each gap before anything of the new line is handed on, and each consumer that begins with the past.

    Args:
        config: what is filled by default, and how long live events wait for it.
        routing: what knows what was handed on, and hands out.
        rest: what is asked.
        wholeness: is told which streams miss something.
        listener: who is told what became of it.
        loop: everything runs on it.
    """

    def __init__(
        self,
        config: ServiceConfig,
        routing: DataRoutingEngine,
        rest: RestClient,
        wholeness: Wholeness,
        listener: BackfillListener,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._config = config
        self._routing = routing
        self._rest = rest
        self._wholeness = wholeness
        self._listener = listener
        self._loop = loop
        self._latest: dict[WebSocketType, GapEvent] = {}
        self._gates: dict[WebSocketType, list[StreamGate]] = {}
        self._groups: dict[WebSocketType, OpenGap] = {}
        self._healings: dict[StreamKey, Healing] = {}
        self._starts: set[Healing] = set()
        self._queue: list[Healing] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._made_good: dict[StreamKey, int] = {}  # exchange's ms of the newest trade that was recovered
        self._stopped = False
        self.stats = BackfillStats()

    # -- what is known -------------------------------------------------------------------------------------------------
    def latest(self, ws_type: WebSocketType) -> GapEvent | None:
        """Return the latest gap of an endpoint with what came first after it so far; None before the first gap."""
        gap = self._latest.get(ws_type)
        if gap is None:
            return None
        came = {gate.gap.stream: gate.gap for gate in self._gates[ws_type]}
        return replace(gap, ranges=tuple(came.get(each.stream, each) for each in gap.ranges))

    def wants(self, spec: SubscriptionSpec) -> bool:
        """Whether a wish is for what was missed, too.

        With display frames, which are about the newest, it is not; orders and balances come to all who listen.
        """
        if spec.data_type in _ACCOUNT:
            return _ACCOUNT[spec.data_type] in self._config.backfill
        if spec.delivery is Delivery.FRAME or spec.only_snapshot:
            return False
        kind = "candle" if spec.data_type.is_candle else spec.data_type.value
        if kind not in ("trade", "candle"):
            return False
        return kind in self._config.backfill if spec.backfill is None else spec.backfill

    @property
    def is_busy(self) -> bool:
        """Whether something is being recovered, or is still to be."""
        return bool(self._healings or self._starts or self._groups)

    # -- what happens --------------------------------------------------------------------------------------------------
    def found(self, gap: GapEvent) -> None:
        """Watch what comes first of each stream of a gap, and hold what has to wait for what was missed.

        The line may stand (`old` is `new`): then this program itself has lost something on the way in. As long as it
        loses more, REST is not asked: a program without room for what comes has none for what was.
        """
        stands = gap.old == gap.new
        gates: list[StreamGate] = []
        if not stands:
            self._latest[gap.ws_type], self._gates[gap.ws_type] = gap, gates
        self._made_good = {stream: at for stream, at in self._made_good.items() if self._routing.is_routed(stream)}
        group = self._group_of(gap) if gap.ranges else None
        for each in gap.ranges:
            gate = self._routing.open_gate(each.stream)
            if gate is None:
                continue
            gates.append(gate)
            last = gate.topic.latest  # before the new line brings anything
            gate.expect(each, gap.new, self._came_first)
            if not each.may_have_missed:
                continue
            self._wholeness.missed(each.stream)
            if group is not None and each.stream.data_type not in _ACCOUNT:
                self._begin(each, gate, last, group, gap)
                healing = self._healings.get(each.stream)
                if healing is not None:
                    self._let_settle(healing, SETTLES_AFTER if stands else None)
        if group is not None:
            self._end_group(group)

    def resumed(self, ws_type: WebSocketType, epoch: int) -> None:
        """Note that a line is proved: streams of which nothing has come by now are quiet, and are asked for too."""
        group = self._groups.get(ws_type)
        if group is None:
            return
        group.resumed(self._loop.time())
        for healing in tuple(self._healings.values()):
            if healing.group is not group or healing.settling is not None or healing.gate.first is not None:
                continue  # what has come first says by itself what is to be asked, in the next turn of the loop
            # Of candles it is not known how far to ask before the running one has come; it comes with the next trade.
            if healing.waits_for_first and isinstance(healing.floor, TradeFloor):
                healing.waits_for_first = False
                self._ask_soon(healing)
        self._end_group(group)

    def wishes_changed(self) -> None:
        """Let go of streams that nobody waits for any more: a gap ends with the last of its streams.

        A consumer may have ended its wish before anything came on the new line, and then nothing ever does.
        """
        for healing in (*self._healings.values(), *self._starts):
            if not (healing.is_wanted or healing.asking or healing.handing_out):
                self._forget(healing)

    def begin_with_past(self, route: Route) -> None:
        """Hand a new consumer the past of its streams from `since` on, then what comes live."""
        since = route.spec.since
        if since is None:
            return
        for stream in route.keys:
            gate = self._routing.open_gate(stream)
            if gate is None:
                continue
            healing = Healing(stream, gate, None, self._loop.time())
            healing.since = since
            healing.last = gate.topic.latest
            self._starts.add(healing)
            if isinstance(since, int):
                healing.floor = TradeFloor.after(since)
            elif stream.data_type.is_candle:
                healing.floor = CandleFloor(since.astimezone(UTC), seconds_of(stream))
            else:
                healing.floor = TradeFloor(int(since.timestamp() * 1000))
            # From here on, because what comes live while REST is asked is on its pages too.
            gate.note_ids()
            self._hold(healing, route)
            # The stream flows already, and the pages can be walked back from what came last. Otherwise its first live
            # event has to come before: only that closes the seam between the pages and the line.
            if healing.last is not None:
                healing.waits_for_first = False
                self._loop.call_soon(self._ask_soon, healing)

    async def stop(self) -> None:
        """End all of it; what was not recovered by now is not."""
        self._stopped = True
        self._queue.clear()
        for healing in (*self._healings.values(), *self._starts):
            self._let_go(healing)
        self._healings.clear()
        self._starts.clear()
        self._groups.clear()
        for task in self._tasks:
            task.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)

    # -- a gap ---------------------------------------------------------------------------------------------------------
    def _group_of(self, gap: GapEvent) -> OpenGap:
        now = self._loop.time()
        group = self._groups.get(gap.ws_type)
        if group is None:
            group = self._groups[gap.ws_type] = OpenGap(gap, now)
        else:  # it was cut again before all was recovered
            group.goes_on(gap, now)
        return group

    def _begin(
        self,
        each: StreamGap,
        gate: StreamGate,
        last: BaseWebSocketEvent | None,
        group: OpenGap,
        gap: GapEvent,
    ) -> None:
        routes = [route for route in gate.topic.routes if self.wants(route.spec)]
        if not routes:
            return
        healing = self._healings.get(each.stream)
        if healing is not None and not healing.handing_out:
            # A second cut: what was missed before is still missing, and what was asked for so far is kept.
            healing.again = healing.walk is not None
            healing.waits_for_first = True
        else:
            healing = self._healings[each.stream] = Healing(each.stream, gate, group, self._loop.time())
            healing.last = last
            healing.begins = dict.fromkeys(routes)
            if each.stream.data_type.is_candle:
                if isinstance(last, CandleEvent):
                    healing.floor = CandleFloor(last.start, seconds_of(each.stream))
                else:
                    del self._healings[each.stream]  # nothing had come, so that nothing can be missing before the first
                    return
            else:
                healing.known = self._routing.known_ids(each.stream)
                # A line that was never proved leaves the loss before it in force. What has been recovered of it by
                # now must not be handed out again: the guard remembers the newest of that only.
                recovered = self._made_good.get(each.stream, 0) - DISORDER_MS
                healing.floor = TradeFloor(max(gap.since if each.since is None else each.since, recovered))
            gate.note_ids()
        self._wholeness.begins(each.stream)
        healing.epoch = gap.new
        healing.group = group
        for route in routes:  # who came since is owed nothing of what was missed before
            healing.begins.setdefault(route, last.sequential_id if isinstance(last, TradeEvent) else None)
        waiting = {hold.route for hold in healing.holds if hold.is_holding}
        healing.holds = [hold for hold in healing.holds if hold.is_holding and not hold.route.closed]
        for route in routes:
            if route not in waiting:
                self._hold(healing, route)

    def _hold(self, healing: Healing, route: Route) -> None:
        hold = self._routing.hold_back(
            healing.gate,
            route,
            on_held=partial(self._begins_to_wait, healing),
            on_full=partial(self._overflows, healing),
        )
        healing.holds.append(hold)

    def _came_first(self, gate: StreamGate) -> None:
        # This is the drain, in the middle of an event: what follows may call callbacks.
        healing = self._healings.get(gate.topic.key)
        if healing is not None:
            self._loop.call_soon(self._begin_walk, healing)

    def _begin_walk(self, healing: Healing) -> None:
        """Something of the stream has come on the new line: its subscription is in force."""
        if healing.waits_for_first and healing.settling is None and self._is_open(healing):
            healing.waits_for_first = False
            if healing.walk is None and healing.missed_nothing:
                self._hand_out(healing)
            else:
                self._ask_soon(healing)

    def _let_settle(self, healing: Healing, seconds: float | None) -> None:
        """Begin no sooner than so many seconds after the latest loss; None for as soon as something has come."""
        if healing.settling is not None:
            healing.settling.cancel()
        healing.settling = None if seconds is None else self._loop.call_later(seconds, self._settled, healing)

    def _settled(self, healing: Healing) -> None:
        healing.settling = None
        self._begin_walk(healing)

    def _is_open(self, healing: Healing) -> bool:
        return healing in self._starts or self._healings.get(healing.stream) is healing

    # -- live events that wait -----------------------------------------------------------------------------------------
    def _begins_to_wait(self, healing: Healing) -> None:
        if healing.timer is None and self._is_open(healing):
            healing.timer = self._loop.call_later(self._config.backfill_hold, self._expire, healing)
        if healing.since is not None and healing.waits_for_first and self._is_open(healing):
            healing.waits_for_first = False
            self._ask_soon(healing)

    def _expire(self, healing: Healing) -> None:
        healing.timer = None
        if not healing.handing_out:
            for hold in healing.holds:
                hold.expire()
                healing.expired |= hold.expired

    def _overflows(self, healing: Healing) -> None:
        self.stats.overflows += 1
        if healing.timer is not None:
            healing.timer.cancel()
        self._expire(healing)

    # -- asking --------------------------------------------------------------------------------------------------------
    def _ask_soon(self, healing: Healing) -> None:
        if healing.queued or healing.asking or self._stopped or not self._is_open(healing):
            return
        if not healing.is_wanted:
            self._forget(healing)
            return
        healing.queued = True
        self._queue.append(healing)
        self._queue.sort(key=lambda each: RANK[each.priority])  # stable: first come, first served
        if len(self._tasks) < AT_ONCE:
            task = self._loop.create_task(self._work(), name="upbit_ws_qt back-fill")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        while self._queue:
            # The queue is short and sorted: the most urgent is first.
            healing = self._queue.pop(0)
            healing.queued, healing.asking = False, True
            reason = ""
            try:
                if not await self._fill(healing):
                    continue
            except RestError as error:
                reason = refusal_of(error)
            finally:
                healing.asking = False
            # Callbacks are called by it, and this is a Task.
            self._loop.call_soon(self._hand_out, healing, reason)

    async def _fill(self, healing: Healing) -> bool:
        """Ask until all is there; False where it has to wait for the stream, or nobody wants it any more."""
        pause = FIRST_PAUSE
        while self._is_open(healing):
            if not healing.is_wanted:
                self._forget(healing)
                return False
            try:
                if isinstance(healing.floor, CandleFloor):
                    done = await self._next_candles(healing, healing.floor)
                else:
                    done = await self._next_trades(healing)
            except RestError as error:
                if not error.is_temporary:
                    raise
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            pause = FIRST_PAUSE
            if done and not healing.again:
                return True
            if done and healing.waits_for_first:
                return False  # cut again: the stream has yet to come on the new line, then the top is asked for again
        return False

    async def _next_trades(self, healing: Healing) -> bool:
        assert isinstance(healing.floor, TradeFloor)
        if healing.walk is None:
            healing.walk = TradeWalk(healing.floor)
        walk = healing.walk
        assert isinstance(walk, TradeWalk)
        if healing.again and not healing.waits_for_first:
            healing.again = False
            walk.begin_again()
        if not walk.done:
            before, days_ago = walk.question
            rest = self._rest.at(healing.priority)
            page = await rest.trade_page(healing.stream.symbol, before=before, days_ago=days_ago or None)
            walk.take(page)
            healing.note_page(walk, page, self._loop.time())
            self.stats.pages += 1
        if not walk.done:
            return False
        # REST is a moment behind the line. While it does not have what came first there, it may lack what came just
        # before. Or the line is behind REST: what is traded until the subscription is in force has yet to be asked for.
        if (healing.is_behind(walk) or healing.is_ahead(walk)) and healing.lags < MOST_LAGS:
            healing.lags += 1
            await asyncio.sleep(LAG_PAUSE)
            walk.begin_again()
            return False
        return True

    async def _next_candles(self, healing: Healing, floor: CandleFloor) -> bool:
        walk = healing.walk
        running = healing.running_candle
        if running is None:  # cut again; what comes first on the next line asks anew
            healing.again = healing.waits_for_first = True
            return True
        if walk is None or (healing.again and not healing.waits_for_first):
            # After another gap it goes from the newest running candle down: a page has two hundred.
            healing.again = False
            walk = healing.walk = CandleWalk(floor, running)
        assert isinstance(walk, CandleWalk)
        if not walk.done:
            to, count = walk.question
            unit = healing.stream.data_type.value.removeprefix("candle.")
            page = await self._rest.at(healing.priority).candles(healing.stream.symbol, unit, to, count)
            walk.take(page)
            self.stats.pages += 1
        return walk.done

    # -- handing out ---------------------------------------------------------------------------------------------------
    def _hand_out(self, healing: Healing, reason: str = "") -> None:
        """Hand out what was found, with the live events that wait at their places; from a plain callback."""
        if self._stopped or not self._is_open(healing) or healing.handing_out:
            return
        if healing.again:  # cut once more in this very turn
            if not healing.waits_for_first:
                self._ask_soon(healing)
            return
        healing.handing_out = True
        if healing.timer is not None:
            healing.timer.cancel()
            healing.timer = None
        walk = healing.walk
        past: Sequence[tuple[int, BaseWebSocketEvent | None]] = []
        now = self._loop.time()
        if isinstance(walk, TradeWalk):
            seen = healing.gate.seen or set()
            past = missed_trades(walk.trades, seen, healing.known, healing.reaches, healing.trade_events, healing.epoch)
            if healing.since is None or not (seen or any(map(walk.has, healing.reaches))):
                # Not behind what has come: other consumers, who were not handed the past, may still get it by the line.
                news = [key for key, event in past if event is not None]
                self._routing.note_ids(healing.stream, news[-NOTED_IDS:])
        elif isinstance(walk, CandleWalk):
            past = missed_candles(walk.candles, healing.stream.data_type, healing.known_candle, healing.epoch, now)
        missed = [event for _, event in past if event is not None]
        times = [event.trade_timestamp for event in missed if isinstance(event, TradeEvent)]
        if times:
            self._made_good[healing.stream] = max(*times, self._made_good.get(healing.stream, 0))
        holds = [hold for hold in healing.holds if not hold.route.closed]
        recovery = StreamRecovery(
            healing.stream,
            len(missed),
            len(missed),
            reason or ("" if walk is None else walk.reason),
            not healing.expired,
            self._loop.time() - healing.began_at,
        )
        self.stats.recovered += len(missed)
        if not recovery.in_order:
            self.stats.late += len(missed)
        if not holds:
            self._done(healing, recovery)
            return
        left = set(holds)

        def out(hold: RouteHold) -> None:
            left.discard(hold)
            if not left:
                took = replace(recovery, duration=self._loop.time() - healing.began_at)
                self._done(healing, took)

        for hold in holds:
            share = healing.share_of(hold.route, past)
            # Whose live events have waited no longer gets what was missed late, and knows it by `recovered`.
            live = [(_key(event), event) for event in hold.take_held()] if hold.is_holding else []
            if isinstance(walk, TradeWalk):
                events = merge_in_order(share, live)
            elif isinstance(walk, CandleWalk):
                events = merge_candles([(start, event) for start, event in share if event is not None], live)
            else:  # nothing was missed: what waited is in order as it came
                events = [event for _, event in live]
            hold.hand_out(events, partial(out, hold))

    # -- the end -------------------------------------------------------------------------------------------------------
    def _done(self, healing: Healing, recovery: StreamRecovery) -> None:
        self._let_go(healing)
        if healing in self._starts:
            self._starts.discard(healing)
            return
        if self._healings.get(healing.stream) is healing:
            del self._healings[healing.stream]
        if not recovery.is_whole:
            self.stats.lost_streams += 1
        self._wholeness.healed(recovery)
        self._listener.on_stream_healed(recovery)
        group = healing.group
        if group is not None:
            group.add(recovery)
            self._end_group(group)

    def _end_group(self, group: OpenGap) -> None:
        if (
            any(healing.group is group for healing in self._healings.values())
            or self._groups.get(group.ws_type) is not group
        ):
            return
        if not group.done:
            del self._groups[group.ws_type]
        elif group.resumed_at is not None:
            del self._groups[group.ws_type]
            self.stats.gaps += 1
            self._listener.on_gap_healed(group.report(self._loop.time()))

    def _forget(self, healing: Healing) -> None:
        """Nobody wants the stream any more."""
        self._let_go(healing)
        self._starts.discard(healing)
        if self._healings.get(healing.stream) is healing:
            del self._healings[healing.stream]
            self._wholeness.ends(healing.stream)
        if healing.group is not None:
            self._end_group(healing.group)

    def _let_go(self, healing: Healing) -> None:
        if healing.timer is not None:
            healing.timer.cancel()
            healing.timer = None
        self._let_settle(healing, None)
        for hold in healing.holds:
            if hold.is_holding:
                hold.close()
        healing.gate.forget_ids()


def seconds_of(stream: StreamKey) -> int:
    """Return the length of a candle stream's interval, in seconds."""
    unit = stream.data_type.value.removeprefix("candle.")
    return int(unit[:-1]) * (60 if unit.endswith("m") else 1)


def _key(event: BaseWebSocketEvent) -> int:
    if isinstance(event, CandleEvent):
        return int(event.start.timestamp())
    return event.sequential_id if isinstance(event, TradeEvent) else event.timestamp
