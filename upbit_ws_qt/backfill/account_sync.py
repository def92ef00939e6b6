"""Keeps orders and balances true over cuts of the private line: asks REST after each, and tells what was missed."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Protocol

from upbit_ws_qt.backfill.account import AccountBook, AccountState
from upbit_ws_qt.backfill.open_gap import OpenGap
from upbit_ws_qt.backfill.report import StreamRecovery, refusal_of
from upbit_ws_qt.errors import RestError
from upbit_ws_qt.events import MyAssetEvent, MyOrderEvent
from upbit_ws_qt.events.base import stamp, utc
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.types import DataType, Priority

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.backfill.driver import BackfillListener
    from upbit_ws_qt.backfill.wholeness import Wholeness
    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.connection import GapEvent
    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.rest import RestAccount, RestClient, RestOrder
    from upbit_ws_qt.routing import DataRoutingEngine, Route
    from upbit_ws_qt.routing.account_hold import AccountHold

__all__ = ["ACCOUNT_KINDS", "AccountSync", "AccountWishes"]

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds between two tries while REST cannot be reached; doubled each time."""
MOST_LOOKS = 8
"""Times that balances are asked for while the line keeps changing them."""
_OVERLAP_MS = 1000  # times of orders are told in whole seconds
ACCOUNT_KINDS = {"order": DataType.MY_ORDER, "asset": DataType.MY_ASSET}
"""What `ServiceConfig.backfill` calls them; orders first, they are what a person waits for."""
ALL_ORDERS = StreamKey(DataType.MY_ORDER)
UNKNOWN = "an order that the exchange does not know any more"


class AccountWishes(Protocol):
    """What is wanted of the account."""

    def account_streams(self) -> frozenset[StreamKey]:
        """Return the streams of orders and balances that anybody wants."""

    def is_served(self, stream: StreamKey) -> bool:
        """Whether the exchange serves a stream."""


class AccountSync:
    """Is told each gap of the private line, each wish that is served, and each event of the account.

    Orders and balances are asked for where somebody begins to listen, and after each gap. Then live events wait, each
    kind for its own answer and no longer than `backfill_hold`, so that what was missed comes before what came after it.

    Args:
        config: what is wanted of it ("order" and "asset" of `backfill`), and how long live events wait.
        rest: what is asked.
        routing: hands events out.
        wishes: who wants what.
        wholeness: is told which streams miss something.
        listener: who is told what became of a gap.
        epoch: the number of the line that serves.
        loop: everything runs on it.

    Attributes:
        book: what is known.
        synced: how often all was brought in step.
        recovered: events that were told; `late` are those of them that came after live ones which had waited.
        failures: times that REST did not answer, or refused.
        unknown: orders that the exchange knows nothing of any more, so that their end was not told.
        overflows: times that too many live events waited.
    """

    def __init__(
        self,
        config: ServiceConfig,
        rest: RestClient,
        routing: DataRoutingEngine,
        wishes: AccountWishes,
        wholeness: Wholeness,
        listener: BackfillListener,
        epoch: Callable[[], int],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._kinds = tuple(kind for name, kind in ACCOUNT_KINDS.items() if name in config.backfill)
        self._patience = config.backfill_hold
        self._rest = rest.at(Priority.HIGH)
        self._routing = routing
        self._wishes = wishes
        self._wholeness = wholeness
        self._listener = listener
        self._epoch = epoch
        self._loop = loop
        self._holds = {
            kind: routing.hold_account(kind, on_held=self._on_held, on_full=self._overflows) for kind in self._kinds
        }
        self._hold_timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._due: set[DataType] = set()
        self._troubles: dict[DataType, str] = {}
        self._stopped = False
        self._known: set[StreamKey] = set()  # what somebody listens to, and is in step since it was served
        self._deaf_since: int | None = None  # exchange time; None while no order can have been missed
        self._gap: OpenGap | None = None
        self._cuts = 0
        self._missed: dict[DataType, set[StreamKey]] = {}  # of that gap: the streams that are not healed yet,
        self._told: Counter[StreamKey] = Counter()  # the events of them that were handed out,
        self._not_told = 0  # the orders that nothing is known of any more,
        self._late: set[DataType] = set()  # and for what live events have not waited until it was there
        self.book = AccountBook()
        self._has_begun = False  # something was handed out, be it that what it told of is over again
        self.synced = 0
        self.recovered = self.late = 0
        self.failures = self.unknown = self.overflows = 0

    # -- what is known -------------------------------------------------------------------------------------------------
    @property
    def is_on(self) -> bool:
        """Whether anything is kept in step at all."""
        return bool(self._kinds)

    @property
    def is_busy(self) -> bool:
        """Whether something is being asked, or a gap is still to be healed."""
        return self._task is not None or self._gap is not None

    @property
    def reason(self) -> str:
        """Why it is not in step; "" where it is."""
        return next(iter(self._troubles.values()), "")

    def state(self) -> AccountState | None:
        """Return balances and open orders; None before anything of them is known.

        What a consumer is handed is in it already when that consumer is called.
        """
        if not self.synced and not self._has_begun and self.book.is_empty:
            return None
        return self.book.state(is_complete=self.synced > 0)

    def hold_of(self, kind: DataType) -> AccountHold:
        """Return what has live events of a kind wait."""
        return self._holds[kind]

    # -- what happens --------------------------------------------------------------------------------------------------
    def lost(self, gap: GapEvent) -> None:
        """Note a gap, before anything that came after it is handed out."""
        missed = [each.stream for each in gap.ranges if each.stream.data_type in self._kinds]
        if not missed:
            return
        self._cuts += 1
        if self._gap is None:
            self._gap = OpenGap(gap, self._loop.time())
        else:
            self._gap.goes_on(gap, self._loop.time())
        if self._deaf_since is None:
            self._deaf_since = self.book.heard_ms
        if any(stream.data_type is DataType.MY_ORDER for stream in missed):
            self.book.begin_gap()
        for stream in missed:
            self._missed.setdefault(stream.data_type, set()).add(stream)
            self._wholeness.missed(stream)
            self._wholeness.begins(stream)
            self._holds[stream.data_type].begin()
        if gap.old == gap.new:
            self._ask()  # the line stands: this program itself has lost something on the way in

    def resumed(self) -> None:
        """Note that the private line is proved: what it does not bring from now on was before."""
        if self._gap is not None:
            self._gap.resumed(self._loop.time())
        self._ask()

    def served(self, stream: StreamKey) -> None:
        """Note that the exchange serves a stream from now on."""
        if stream not in self._known:
            self._ask()

    def begin(self, route: Route) -> None:
        """Tell a new consumer what is known already because others listen; it costs no question.

        What nobody has listened to before comes to all when it is asked for.
        """
        if route.spec.data_type in self._kinds and not self.book.is_empty:
            self._loop.call_soon(self._tell_how_it_stands, route)

    def wishes_changed(self) -> None:
        """Forget what nobody listens to any more, so that who begins to do so is told how it stands."""
        wanted = self._wishes.account_streams()
        if ALL_ORDERS in self._known:
            self._known |= {stream for stream in wanted if stream.data_type is DataType.MY_ORDER}
        self._known &= wanted
        if ALL_ORDERS not in wanted:
            self.book.forget_orders({stream.symbol for stream in wanted if stream.data_type is DataType.MY_ORDER})
        if StreamKey(DataType.MY_ASSET) not in wanted:
            self.book.forget_assets()
        for kind, streams in tuple(self._missed.items()):
            for stream in streams - wanted:
                self._wholeness.ends(stream)
            streams &= wanted
            if not streams:
                self._settle(kind, frozenset(), "")

    async def stop(self) -> None:
        """End it; what was missed by now is not told."""
        self._stopped = True
        if self._hold_timer is not None:
            self._hold_timer.cancel()
        for hold in self._holds.values():
            hold.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    # -- live events that wait -----------------------------------------------------------------------------------------
    def _on_held(self) -> None:
        if self._hold_timer is None:
            self._hold_timer = self._loop.call_later(self._patience, self._expire)

    def _expire(self) -> None:
        self._hold_timer = None
        for kind, hold in self._holds.items():
            if hold.is_holding:
                self._late.add(kind)
                hold.let_go()

    def _overflows(self) -> None:
        self.overflows += 1
        if self._hold_timer is not None:
            self._hold_timer.cancel()
        self._expire()

    # -- asking --------------------------------------------------------------------------------------------------------
    def _ask(self) -> None:
        """Ask for all that is not in step; while it is at it, once more behind that."""
        if self._stopped:
            return
        for kind in self._kinds:
            served = {stream for stream in self._wanted(kind) if self._wishes.is_served(stream)}
            if served - self._known or kind in self._missed or kind in self._troubles:
                self._due.add(kind)
        if self._due and self._task is None:
            self._task = self._loop.create_task(self._run(), name="upbit_ws_qt account")

    def _wanted(self, kind: DataType) -> frozenset[StreamKey]:
        return frozenset(stream for stream in self._wishes.account_streams() if stream.data_type is kind)

    async def _run(self) -> None:
        pause = FIRST_PAUSE
        try:
            while self._due:
                failed = set()
                for kind in self._kinds:
                    if kind in self._due:
                        self._due.discard(kind)  # before it is asked: what is due meanwhile is asked for again
                        if not await self._bring_in_step(kind):
                            failed.add(kind)
                self._due |= failed
                if failed:
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, LONGEST_PAUSE)
                elif not self._troubles:
                    self.synced += 1
                    pause = FIRST_PAUSE
        finally:
            self._task = None

    async def _bring_in_step(self, kind: DataType) -> bool:
        """Ask for one kind and tell what is news; False where that has to be tried again."""
        wanted = self._wanted(kind)
        if not wanted:
            return True
        served = {stream for stream in wanted if self._wishes.is_served(stream)}
        line_is_up = self._gap is None or self._gap.resumed_at is not None
        cuts, reason = self._cuts, ""
        try:
            if kind is DataType.MY_ORDER:
                await self._sync_orders(wanted)
            else:
                await self._sync_assets()
        except RestError as error:
            self.failures += 1
            if error.is_temporary:
                self._troubles[kind] = str(error)
                return False
            reason = refusal_of(error)
        if not reason:
            self._known |= served & self._wishes.account_streams()
        if line_is_up and cuts == self._cuts:
            self._settle(kind, wanted, reason)
        return True

    # -- what became of it ---------------------------------------------------------------------------------------------
    def _settle(self, kind: DataType, asked: frozenset[StreamKey], reason: str) -> None:
        """Note that a kind is in step, or why it cannot be, and have live events wait no longer."""
        missed = self._missed.pop(kind, set())
        for stream in sorted(missed):
            self._healed(stream, reason)
        if reason or kind in self._troubles:
            # Without a gap, too: what nobody could ask for is not whole, and it is whole once somebody could.
            for stream in sorted(asked - missed):
                self._tell(StreamRecovery(stream, 0, 0, reason))
        if reason:
            self._troubles[kind] = reason
        else:
            self._troubles.pop(kind, None)
            if kind is DataType.MY_ORDER:
                self._deaf_since = None
                self.book.end_gap()
        self._holds[kind].let_go()
        if not self._missed:
            self._end_gap()

    def _healed(self, stream: StreamKey, reason: str) -> None:
        gap = self._gap
        assert gap is not None, "a stream has missed something in a gap only"
        told, lost = self._told.pop(stream, 0), 0
        if stream.data_type is DataType.MY_ORDER:
            lost, self._not_told = self._not_told, 0
        is_late = stream.data_type in self._late
        self.late += told if is_late else 0
        recovery = StreamRecovery(
            stream,
            told + lost,
            told,
            reason or (UNKNOWN if lost else ""),
            not is_late,
            self._loop.time() - (gap.resumed_at or self._loop.time()),
        )
        gap.add(recovery)
        self._tell(recovery)

    def _tell(self, recovery: StreamRecovery) -> None:
        self._wholeness.healed(recovery)
        self._listener.on_stream_healed(recovery)

    def _end_gap(self) -> None:
        gap, self._gap = self._gap, None
        self._late.clear()
        self._told.clear()
        if self._hold_timer is not None:
            self._hold_timer.cancel()
            self._hold_timer = None
        if gap is not None and gap.done:
            self._listener.on_gap_healed(gap.report(self._loop.time()))

    # -- orders --------------------------------------------------------------------------------------------------------
    async def _sync_orders(self, wanted: frozenset[StreamKey]) -> None:
        book, since_ms = self.book, self._deaf_since
        codes = None if ALL_ORDERS in wanted else {stream.symbol for stream in wanted}
        old = None if ALL_ORDERS in self._known else {stream.symbol for stream in wanted & self._known}

        def is_new(order: RestOrder) -> bool:
            """Whether nobody has listened to the orders of its market before."""
            return old is not None and order.market not in old

        listed = {order.uuid: order for order in await self._rest.open_orders() if _is_in(order, codes)}
        found = {order.uuid: order for order in listed.values() if book.is_news(order)}
        # Only an order that is asked for alone comes with its fills.
        details = {order.uuid for order in found.values() if order.trades_count > book.trades_of(order.uuid)}
        details |= (book.open_orders - listed.keys()) | book.skipped
        if old is not None and wanted - self._known:
            # What was closed before anybody listened is no news, but for what was known to be open.
            async for order in self._rest.closed_orders():
                if not _is_in(order, codes):
                    continue
                if not is_new(order):
                    if since_ms is not None and book.is_news(order):
                        details.add(order.uuid)
                elif order.uuid not in book.open_orders and order.uuid not in found:
                    book.note_closed(order.uuid)
        elif since_ms is not None:
            # Placed and closed while nobody listened: by the exchange's own clock not before what it told last.
            start = utc(max(0, since_ms - _OVERLAP_MS) // 1000 * 1000) if since_ms else None
            async for order in self._rest.closed_orders(since=start):
                if _is_in(order, codes) and book.is_news(order):
                    details.add(order.uuid)
        for uuid in details:
            try:
                found[uuid] = await self._rest.order(uuid)
            except RestError as error:
                if error.name != "order_not_found":
                    raise
                self.unknown += 1
                self._not_told += self._gap is not None
                found.pop(uuid, None)
                book.note_closed(uuid)
        orders = tuple(found.values())

        def news() -> list[BaseWebSocketEvent]:
            told: list[BaseWebSocketEvent] = []
            for order in orders:
                told += book.merge_order(order, is_start=is_new(order))
            return sorted(told, key=lambda event: event.timestamp)

        await self._hand_out(news)

    # -- balances ------------------------------------------------------------------------------------------------------
    async def _sync_assets(self) -> None:
        for _ in range(MOST_LOOKS):
            self.book.touched.clear()
            accounts = await self._rest.accounts()

            await self._hand_out(partial(self._balances_of, accounts))
            if not self.book.touched:
                return
        self._due.add(DataType.MY_ASSET)

    def _balances_of(self, accounts: tuple[RestAccount, ...]) -> list[BaseWebSocketEvent]:
        # What waits says more of its currencies than REST, which may be ahead of it, and comes at once behind this.
        waiting = {
            item.currency
            for event in self._holds[DataType.MY_ASSET].held
            if isinstance(event, MyAssetEvent)
            for item in event.assets
        }
        event = self.book.merge_accounts(accounts, self.book.newest_ms, besides=waiting)
        return [] if event is None else [event]

    # -- handing out ---------------------------------------------------------------------------------------------------
    async def _hand_out(self, news: Callable[[], list[BaseWebSocketEvent]]) -> None:
        """Judge and hand out in one go, from a plain callback: nothing of the line comes in between."""
        done = self._loop.create_future()

        def tell() -> None:
            try:
                for event in news():
                    stamp(event, self._epoch(), self._loop.time())
                    self.recovered += 1
                    self._has_begun = True
                    self._count(event)
                    self._routing.route_event(event)
            finally:
                if not done.done():
                    done.set_result(None)

        self._loop.call_soon(tell)
        await done

    def _count(self, event: BaseWebSocketEvent) -> None:
        """Count an event for the stream of the gap that it was missed on."""
        kind = DataType(event.type)
        missed = self._missed.get(kind, set())
        stream = StreamKey(kind, event.code if isinstance(event, MyOrderEvent) and ALL_ORDERS not in missed else "")
        if stream in missed:
            self._told[stream] += 1

    def _tell_how_it_stands(self, route: Route) -> None:
        if self._stopped:
            return
        for event in self.book.as_it_stands(route.spec.data_type):
            of_it = StreamKey(route.spec.data_type, event.code)
            if of_it in route.keys or StreamKey(route.spec.data_type) in route.keys:
                stamp(event, self._epoch(), self._loop.time())
                self._routing.hand_to(route, event)


def _is_in(order: RestOrder, codes: set[str] | None) -> bool:
    return codes is None or order.market in codes
