"""Keeps orders and balances true over cuts of the private line: asks REST after each, and tells what was missed."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from upbit_ws_qt.backfill.account import AccountBook, AccountState
from upbit_ws_qt.errors import RestError
from upbit_ws_qt.events.base import stamp, utc
from upbit_ws_qt.types import DataType, Priority, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.rest import RestAccount, RestClient, RestOrder

__all__ = ["AccountSync"]

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds between two tries while REST cannot be reached; doubled each time."""
MOST_LOOKS = 8
"""Times that balances are asked for while the line keeps changing them."""
_OVERLAP_MS = 1000  # times of orders are told in whole seconds


class AccountSync:
    """Is told each change of the private line, and each event of the account that is handed out.

    Args:
        kinds: what is wanted of it: "order" and "asset", or one of them; others are ignored.
        rest: what is asked.
        route: hands an event out; from a plain callback of the loop only.
        is_wanted: whether anybody wants a data type.
        epoch: the number of the line that serves.
        loop: everything runs on it.

    Attributes:
        book: what is known.
        synced: how often all was brought in step.
        recovered: events that were told.
        failures: times that REST did not answer.
        unknown: orders that the exchange knows nothing of any more, so that their end was not told.
        reason: why it is not in step; "" where it is.
    """

    def __init__(
        self,
        kinds: frozenset[str],
        rest: RestClient,
        route: Callable[[BaseWebSocketEvent], object],
        is_wanted: Callable[[DataType], bool],
        epoch: Callable[[], int],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._kinds = kinds & {"order", "asset"}
        self._rest = rest.at(Priority.HIGH)
        self._route = route
        self._is_wanted = is_wanted
        self._epoch = epoch
        self._loop = loop
        self._task: asyncio.Task[None] | None = None
        self._again = False
        self._stopped = False
        self._knows_closed = False
        self._deaf_since: int | None = None  # exchange time; None while nothing can have been missed
        self.book = AccountBook()
        self.synced = 0
        self.recovered = 0
        self.failures = self.unknown = 0
        self.reason = ""

    @property
    def is_on(self) -> bool:
        """Whether anything is kept in step at all."""
        return bool(self._kinds)

    @property
    def is_busy(self) -> bool:
        """Whether something is being asked, or is to be."""
        return self._task is not None

    def state(self) -> AccountState | None:
        """Return balances and open orders; None before they were asked for."""
        return self.book.state() if self.synced else None

    def lost(self, ws_type: WebSocketType) -> None:
        """Note where the line was last heard; before anything of the next line is handed out."""
        if ws_type is WebSocketType.PRIVATE and self._deaf_since is None:
            self._deaf_since = self.book.heard_ms

    def wishes_changed(self) -> None:
        """Forget what nobody listens to any more, so that who begins to do so is told how it stands."""
        if "order" in self._kinds and not self._is_wanted(DataType.MY_ORDER):
            self.book.forget_orders()
            self._knows_closed = False
        if "asset" in self._kinds and not self._is_wanted(DataType.MY_ASSET):
            self.book.forget_assets()

    def ask(self) -> None:
        """Bring all in step with REST; while it is at it, once more behind that."""
        if not self._kinds or self._stopped or not (self._wants("order") or self._wants("asset")):
            return
        self._again = True
        if self._task is None:
            self._task = self._loop.create_task(self._run(), name="upbit_ws_qt account")

    async def stop(self) -> None:
        """End it; what was missed by now is not told."""
        self._stopped = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _wants(self, kind: str) -> bool:
        return kind in self._kinds and self._is_wanted(DataType.MY_ORDER if kind == "order" else DataType.MY_ASSET)

    def _heard_until(self, moment: int | None) -> None:
        """Take back that a gap was looked into."""
        known = [each for each in (moment, self._deaf_since) if each is not None]
        self._deaf_since = min(known, default=None)

    async def _run(self) -> None:
        pause = FIRST_PAUSE
        try:
            while self._again:
                self._again = False
                since, self._deaf_since = self._deaf_since, None
                try:
                    if self._wants("order"):
                        await self._sync_orders(since)
                    if self._wants("asset"):
                        await self._sync_assets()
                except RestError as error:
                    self.failures += 1
                    self.reason = str(error)
                    self._heard_until(since)
                    self._again = True
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, LONGEST_PAUSE)
                else:
                    self.synced += 1
                    self.reason = ""
                    pause = FIRST_PAUSE
        finally:
            self._task = None

    async def _sync_orders(self, since_ms: int | None) -> None:
        book = self.book
        listed = await self._rest.open_orders()
        found: dict[str, RestOrder] = {order.uuid: order for order in listed if book.is_news(order)}
        missing = book.open_orders - {order.uuid for order in listed}
        details = {uuid for uuid, order in found.items() if order.trades_count} | missing
        is_start = not self._knows_closed
        if is_start:
            # What was closed before anybody listened is no news, but for what was known to be open.
            async for order in self._rest.closed_orders():
                if order.uuid not in book.open_orders and order.uuid not in found:
                    book.note_closed(order.uuid)
            self._knows_closed = True
        elif since_ms is not None:
            # Placed and closed while nobody listened: by the exchange's own clock not before what it told last.
            start = utc(max(0, since_ms - _OVERLAP_MS) // 1000 * 1000) if since_ms else None
            async for order in self._rest.closed_orders(since=start):
                if book.is_news(order):
                    details.add(order.uuid)
        for uuid in details:
            try:
                found[uuid] = await self._rest.order(uuid)
            except RestError as error:
                if error.name != "order_not_found":
                    raise
                self.unknown += 1
                found.pop(uuid, None)
                book.note_closed(uuid)
        orders = tuple(found.values())
        await self._hand_out(lambda: self._news_of(orders, is_start))

    def _news_of(self, orders: tuple[RestOrder, ...], is_start: bool) -> list[BaseWebSocketEvent]:
        news: list[BaseWebSocketEvent] = []
        for order in orders:
            news += self.book.merge_order(order, is_start=is_start)
        return sorted(news, key=lambda event: event.timestamp)

    async def _sync_assets(self) -> None:
        for _ in range(MOST_LOOKS):
            self.book.touched.clear()
            accounts = await self._rest.accounts()

            await self._hand_out(partial(self._balances_of, accounts))
            if not self.book.touched:
                return
        self._again = True

    def _balances_of(self, accounts: tuple[RestAccount, ...]) -> list[BaseWebSocketEvent]:
        event = self.book.merge_accounts(accounts, self.book.newest_ms)
        return [] if event is None else [event]

    async def _hand_out(self, news: Callable[[], list[BaseWebSocketEvent]]) -> None:
        """Judge and hand out in one go, from a plain callback: nothing of the line comes in between."""
        done = self._loop.create_future()

        def tell() -> None:
            try:
                for event in news():
                    stamp(event, self._epoch(), self._loop.time())
                    self.recovered += 1
                    self._route(event)
            finally:
                if not done.done():
                    done.set_result(None)

        self._loop.call_soon(tell)
        await done
