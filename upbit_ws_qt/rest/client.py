"""RestClient: every question that a reader may ask the exchange's REST interface; no Qt."""

from __future__ import annotations

import asyncio
import copy
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Self, TypeVar

import msgspec

from upbit_ws_qt.computer import Computer
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.connection.auth import JWTManager
from upbit_ws_qt.errors import RecoveryStrategy, RestError
from upbit_ws_qt.rest.budget import read_remaining
from upbit_ws_qt.rest.limiter import ACCOUNT_GROUP, Limiter
from upbit_ws_qt.rest.models import (
    RestAccount,
    RestApiKey,
    RestCandle,
    RestInstrument,
    RestOrder,
    RestOrderbook,
    RestOrderChance,
    RestTicker,
    RestTrade,
)
from upbit_ws_qt.rest.questions import Question, candle_call, codes_of, iso_utc, whole
from upbit_ws_qt.rest.reading import ListedMarket, read_answer, read_refusal
from upbit_ws_qt.rest.transport import HttpTransport, TransportError
from upbit_ws_qt.text import Phrase, safe_text
from upbit_ws_qt.types import Priority

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
    from decimal import Decimal
    from types import TracebackType

    from upbit_ws_qt.rest.budget import BudgetUsage
    from upbit_ws_qt.rest.models import RestMarket
    from upbit_ws_qt.rest.transport import HttpAnswer, Transport

__all__ = ["RestClient"]

_T = TypeVar("_T")

MOST_TRIES = 3
"""Of a question whose answer did not come, or was a trouble of the exchange's own (5xx)."""
MOST_REFUSALS = 4
"""So often a question is tried again after "too many"; each time it has waited as long as the exchange asks for."""
TRY_AGAIN_AFTER = 0.5
"""Seconds before the second try; doubled before the third."""
# Protocol sheet, "Quotation" and "Exchange reads".
MOST_TRADES = 500
MOST_CANDLES = 200
MOST_DEPTH = 30
MOST_DAYS_AGO = 7
MOST_IDS = 100
MOST_OPEN = 100
MOST_CLOSED = 1000
OPEN_STATES = ("wait", "watch")
CLOSED_STATES = ("done", "cancel")
KST = timezone(timedelta(hours=9))
IDS_PER_MS = 10_000
"""A trade's id is its time in ms times this, and a rest: so in all examples, though it is not documented."""
SLACK_MS = 1000
_AGENT = "upbit-ws-qt"
_WINDOW = timedelta(days=7)
# Windows overlap by so much, since the exchange's clock is not this computer's; what comes twice is dropped by its id.
_OVERLAP = timedelta(days=1)


class RestClient:
    """Asks one exchange, within its limits; what is too early waits for its turn, the most urgent first.

    All calls are coroutines (or asynchronous iterators), may be cancelled at any time, and raise RestError where there
    is no answer. A wrong argument is a ValueError before anything is asked. Nothing is loaded, and no connection made,
    before the first question. Account data needs credentials: without them it is a ConfigurationError.

    Example:
        >>> rest = service.rest
        >>> candles = await rest.candles("KRW-BTC", "1m", count=3)
        >>> len(candles), candles[0].unit
        (3, 1)

    Args:
        config: where to, with what keys, through which proxy; by default public data of the Korean exchange.
        jwt: makes the tokens; by default one of its own, with the configuration's credentials.
        clock: seconds, monotonic; by default the running loop's.
        call_later: has a function called after some seconds; by default the running loop's.
        sleep: waits between two tries of a question.
        wall_clock: seconds since 1970; it only says where the last week of closed orders ends, with a day to spare.
        transport: carries questions and answers; by default HTTP, as configured.
    """

    def __init__(
        self,
        config: ServiceConfig | None = None,
        *,
        jwt: JWTManager | None = None,
        clock: Callable[[], float] | None = None,
        call_later: Callable[[float, Callable[[], None]], asyncio.TimerHandle] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        wall_clock: Callable[[], float] | None = None,
        transport: Transport | None = None,
    ) -> None:
        self.config = config or ServiceConfig()
        self.priority = Priority.NORMAL
        self._jwt = jwt or JWTManager(self.config.credentials)
        self._transport: Transport = HttpTransport(self.config) if transport is None else transport
        self._limiter = Limiter(clock, call_later)
        self._sleep = sleep
        self._wall_clock = wall_clock or Computer().wall_clock

    def at(self, priority: Priority) -> Self:
        """Return this client with another priority for what is asked through it; all else is shared.

        HIGH is for what a person waits for; what may take its time, such as a back-fill of the past, is LOW.
        """
        other = copy.copy(self)
        other.priority = Priority(priority)
        return other

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections; who waits for an answer gets a RestError named "closed". Idempotent."""
        await self._transport.close()
        self._end()

    def abandon(self) -> None:
        """Let go of everything at once, because the process ends and no loop will run any more."""
        self._transport.abandon()
        self._end()

    def usage(self) -> tuple[BudgetUsage, ...]:
        """Return how much of each group's budget is in use; groups that nobody asked are left out."""
        return self._limiter.usage()

    # -- market data ---------------------------------------------------------------------------------------------------
    async def markets(self, *, details: bool = True) -> tuple[RestMarket, ...]:
        """Return all markets, by default with what the exchange warns of."""
        pairs = (("is_details", "true"),) if details else ()
        listed = await self._ask(Question("/market/all", "market", pairs), tuple[ListedMarket, ...])
        return tuple(each.read() for each in listed)

    async def tickers(self, codes: str | Iterable[str]) -> tuple[RestTicker, ...]:
        """Return the tickers of some markets; an unknown code is a RestError with status 404."""
        question = Question("/ticker", "ticker", (("markets", ",".join(codes_of(codes))),))
        return await self._ask(question, tuple[RestTicker, ...])

    async def all_tickers(self, *quotes: str) -> tuple[RestTicker, ...]:
        """Return the tickers of all markets of some quote currencies ("KRW", "BTC", "USDT"), by default "KRW"."""
        wanted = ",".join(quote.strip().upper() for quote in quotes) or "KRW"
        question = Question("/ticker/all", "ticker", (("quote_currencies", wanted),))
        return await self._ask(question, tuple[RestTicker, ...])

    async def orderbook(
        self, codes: str | Iterable[str], *, depth: int = MOST_DEPTH, level: Decimal | int | str = 0
    ) -> tuple[RestOrderbook, ...]:
        """Return the books of some markets.

        Args:
            codes: which markets.
            depth: steps, 1 to 30.
            level: grouping, one of the market's `supported_levels`; for any other there is no book in the answer.
        """
        pairs = [("markets", ",".join(codes_of(codes))), ("count", whole("depth", depth, 1, MOST_DEPTH))]
        if str(level) != "0":
            pairs.append(("level", f"{level:f}" if not isinstance(level, str) else level))
        return await self._ask(Question("/orderbook", "orderbook", tuple(pairs)), tuple[RestOrderbook, ...])

    async def instruments(self, codes: str | Iterable[str]) -> tuple[RestInstrument, ...]:
        """Return price steps and groupings of some markets."""
        question = Question("/orderbook/instruments", "orderbook", (("markets", ",".join(codes_of(codes))),))
        return await self._ask(question, tuple[RestInstrument, ...])

    async def candles(
        self, code: str, unit: str, to: datetime | None = None, count: int = MOST_CANDLES
    ) -> tuple[RestCandle, ...]:
        """Return candles of a market, newest first; intervals in which nothing was traded have none.

        Args:
            code: which market.
            unit: "1s", "1m" … "240m", "days", "weeks", "months" or "years".
            to: aware; the newest candle is the last one that starts before it, to the second. None for now.
            count: 1 to 200.
        """
        pairs = [("market", codes_of(code)[0])]
        if to is not None:
            pairs.append(("to", iso_utc(to)))
        pairs.append(("count", whole("count", count, 1, MOST_CANDLES)))
        return await self._ask(Question(candle_call(unit), "candle", tuple(pairs)), tuple[RestCandle, ...])

    async def candle_pages(
        self, code: str, unit: str, *, to: datetime | None = None, since: datetime | None = None
    ) -> AsyncGenerator[tuple[RestCandle, ...], None]:
        """Yield candles page by page, newest first, back to the first there is or to those that start at `since`."""
        start = None if since is None else _aware(since)
        while page := await self.candles(code, unit, to):
            kept = page if start is None else tuple(candle for candle in page if candle.start >= start)
            if kept:
                yield kept
            oldest = min(candle.start for candle in page)
            if len(kept) < len(page) or (to is not None and oldest >= to):
                return
            to = oldest

    async def trade_page(
        self,
        code: str,
        *,
        before: int | None = None,
        days_ago: int | None = None,
        to: str | None = None,
        count: int = MOST_TRADES,
    ) -> tuple[RestTrade, ...]:
        """Return trades of one UTC day, newest first.

        Args:
            code: which market.
            before: the `sequential_id` of a trade: those before it, without itself.
            days_ago: 1 to 7; None for today.
            to: time of that day in UTC, "HH:mm:ss": those before it.
            count: 1 to 500.
        """
        pairs = [("market", codes_of(code)[0])]
        if to is not None:
            pairs.append(("to", to))
        pairs.append(("count", whole("count", count, 1, MOST_TRADES)))
        if before is not None:
            pairs.append(("cursor", str(before)))
        if days_ago is not None:
            pairs.append(("days_ago", whole("days_ago", days_ago, 1, MOST_DAYS_AGO)))
        return await self._ask(Question("/trades/ticks", "trade", tuple(pairs)), tuple[RestTrade, ...])

    async def trade_pages(
        self, code: str, since: datetime | int | None = None
    ) -> AsyncGenerator[tuple[RestTrade, ...], None]:
        """Yield the trades of `trades` page by page, none of them empty."""
        end, once = _Since(since), _Once()
        before: int | None = None
        days_ago: int | None = None
        while True:
            page = await self.trade_page(code, before=before, days_ago=days_ago)
            if kept := once.fresh(end.newer(page)):
                yield kept
            if end.is_reached:
                return
            before = page[-1].sequential_id if page else None
            if len(page) < MOST_TRADES:
                if days_ago == MOST_DAYS_AGO:
                    return
                # Whether a cursor leads from one day into another is not documented: each day begins without one.
                days_ago, before = (days_ago or 0) + 1, None

    async def trades(self, code: str, since: datetime | int | None = None) -> AsyncGenerator[RestTrade, None]:
        """Yield the trades of a market, **newest first**, as the exchange pages them: nothing is kept in memory.

        Args:
            code: which market.
            since: where to end. A `sequential_id`: before that trade, which is not yielded; where there is none of
                that id, at the time that is in it. An aware datetime: trades of that time and later are yielded. None
                for all there is: today and seven UTC days before.
        """
        async for page in self.trade_pages(code, since):
            for trade in page:
                yield trade

    # -- the account ---------------------------------------------------------------------------------------------------
    async def accounts(self) -> tuple[RestAccount, ...]:
        """Return all balances."""
        return await self._ask(Question("/accounts", ACCOUNT_GROUP), tuple[RestAccount, ...])

    async def open_orders(
        self, code: str | None = None, *, states: Iterable[str] = OPEN_STATES
    ) -> tuple[RestOrder, ...]:
        """Return all open orders of a market, or of all, newest first.

        More than a hundred come in several pages: one that is filled between two of them can hide the first of the
        next page.

        Args:
            code: which market, None for all.
            states: "wait" and "watch" (orders that wait for a price), or one of them.
        """
        found: dict[str, RestOrder] = {}
        page = 1
        while True:
            pairs = [*_market(code), *_states(states, OPEN_STATES), ("page", str(page)), ("limit", str(MOST_OPEN))]
            orders = await self._ask(
                Question("/orders/open", ACCOUNT_GROUP, (*pairs, ("order_by", "desc"))), tuple[RestOrder, ...]
            )
            # What is placed meanwhile moves the others on to the next page.
            for order in orders:
                found.setdefault(order.uuid, order)
            if len(orders) < MOST_OPEN:
                return tuple(found.values())
            page += 1

    async def closed_orders(
        self,
        code: str | None = None,
        *,
        states: Iterable[str] = CLOSED_STATES,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> AsyncGenerator[RestOrder, None]:
        """Yield orders that are done or cancelled, newest first by the time they were placed, each once.

        Args:
            code: which market, None for all.
            states: "done" and "cancel", or one of them.
            since: aware; placed then or later. None for the last seven days.
            until: aware; placed then or earlier. None for now.
        """
        start = None if since is None else _aware(since)
        end = None if until is None else _aware(until)
        wanted = (*_market(code), *_states(states, CLOSED_STATES))
        seen: dict[str, datetime] = {}
        while True:
            window = () if end is None else (("end_time", _with_offset(end)),)
            if end is not None and start is not None and end - start <= _WINDOW:
                window = (("start_time", _with_offset(start)), *window)
            pairs = (*wanted, *window, ("limit", str(MOST_CLOSED)), ("order_by", "desc"))
            orders = await self._ask(Question("/orders/closed", ACCOUNT_GROUP, pairs), tuple[RestOrder, ...])
            for order in orders:
                if order.uuid not in seen and (start is None or order.created_at >= start):
                    seen[order.uuid] = order.created_at
                    yield order
            if len(orders) == MOST_CLOSED:
                oldest = min(order.created_at for order in orders)
                if end is not None and oldest >= end:
                    raise RestError(
                        "/orders/closed",
                        ACCOUNT_GROUP,
                        "unreadable",
                        Phrase("more orders of one second than the exchange gives"),
                    )
                end = oldest
            else:
                now = datetime.fromtimestamp(self._wall_clock(), UTC)
                reached = now - _WINDOW + _OVERLAP if end is None else end - _WINDOW
                if start is None or reached <= start:
                    return
                end = reached
            seen = {uuid: created_at for uuid, created_at in seen.items() if created_at <= end}

    async def orders(self, uuids: Iterable[str] = (), *, identifiers: Iterable[str] = ()) -> tuple[RestOrder, ...]:
        """Return orders by their uuids, or by the names that their owner gave them; unknown ones are left out."""
        by_uuid, by_name = tuple(uuids), tuple(identifiers)
        if bool(by_uuid) == bool(by_name):
            raise ValueError("orders are asked for by uuids, or by identifiers; one of the two")
        name, ids = ("uuids[]", by_uuid) if by_uuid else ("identifiers[]", by_name)
        found: list[RestOrder] = []
        for first in range(0, len(ids), MOST_IDS):
            pairs = tuple((name, each) for each in ids[first : first + MOST_IDS])
            found += await self._ask(Question("/orders/uuids", ACCOUNT_GROUP, pairs), tuple[RestOrder, ...])
        return tuple(found)

    async def order(self, uuid: str | None = None, *, identifier: str | None = None) -> RestOrder:
        """Return one order with its fills; an unknown one is a RestError named "order_not_found"."""
        if (uuid is None) == (identifier is None):
            raise ValueError("an order is asked for by its uuid, or by its identifier; one of the two")
        pair = ("uuid", uuid) if uuid is not None else ("identifier", str(identifier))
        return await self._ask(Question("/order", ACCOUNT_GROUP, (pair,)), RestOrder)

    async def order_chance(self, code: str) -> RestOrderChance:
        """Return with what fees, limits and balances orders can be placed in a market."""
        return await self._ask(
            Question("/orders/chance", ACCOUNT_GROUP, (("market", codes_of(code)[0]),)), RestOrderChance
        )

    async def api_keys(self) -> tuple[RestApiKey, ...]:
        """Return the account's keys and until when each holds."""
        return await self._ask(Question("/api_keys", ACCOUNT_GROUP), tuple[RestApiKey, ...])

    async def body(self, question: Question) -> bytes:
        """Return an answer's JSON as it came, for who passes it on; raises RestError."""
        return bytes(await self._ask(question, msgspec.Raw))

    # -- asking --------------------------------------------------------------------------------------------------------
    async def _ask(self, question: Question, kind: type[_T]) -> _T:
        """Return the answer, after as many tries as make sense; raises RestError."""
        tries = refusals = 0
        while True:
            failure: RestError
            try:
                return await self._ask_once(question, kind)
            except RestError as error:
                failure = error
            if self._transport.is_closed or not failure.is_temporary:
                raise failure
            if failure.status in (429, 418):
                refusals += 1
                if refusals >= MOST_REFUSALS:
                    raise failure
            else:
                tries += 1
                # Whoever waited as long as an answer may take is told so.
                if tries >= MOST_TRIES or failure.name == "timeout":
                    raise failure
                await self._sleep(TRY_AGAIN_AFTER * 2 ** (tries - 1))

    async def _ask_once(self, question: Question, kind: type[_T]) -> _T:
        path, limiter = question.path, self._limiter
        if self._transport.is_closed:
            raise _closed(question)
        if question.is_private:
            self._jwt.require_credentials()  # before it waits for its turn
        group = await limiter.turn(path, question.group, self.priority)
        failure: TransportError | None = None
        given_up = True
        try:
            # The token is made now: its nonce is good once, and what waited long would have an old one.
            answer = await self._transport.get(question.target, self._headers(question))
            given_up = False
        except TransportError as error:
            failure, given_up = error, error.name == "timeout"
        finally:
            limiter.done(group, given_up=given_up)
        if failure is not None:
            # Outside of the handler: no traceback with the token hangs on it.
            raise RestError(path, group.name, failure.name, failure.reason, is_temporary=failure.is_temporary)
        if answer.status in (429, 418):
            wait = limiter.refused(group, answer.status, answer.retry_after, safe_text(answer.body, 2000))
            raise _too_many(question, group.name, answer, wait)
        limiter.answered(path, group, read_remaining(answer.remaining))
        if answer.status != 200:
            raise _refusal(question, group.name, answer)
        reason = ""
        try:
            return read_answer(answer.body, kind)
        except ValueError as error:
            reason = str(error)
        raise RestError(
            path,
            group.name,
            "unreadable",
            Phrase("the answer cannot be read ({reason})", reason=reason),
            status=answer.status,
        )

    def _headers(self, question: Question) -> dict[str, str]:
        # No Origin, with which market data is limited to one question in ten seconds (protocol sheet, "Rate limits").
        headers = {"Accept": "application/json", "User-Agent": _AGENT}
        if question.is_private:
            return {**headers, "Authorization": f"Bearer {self._jwt.make_request_token(question.hashed)}"}
        return {**headers, "Accept-Encoding": "gzip"}  # market data only

    def _end(self) -> None:
        self._limiter.fail_all(lambda: RestError("/", "", "closed", Phrase("the program ends")))


class _Since:
    """Where a walk back through trades ends.

    Attributes:
        is_reached: whether the end was met.
    """

    def __init__(self, since: datetime | int | None) -> None:
        self.is_reached = False
        self._id = since if isinstance(since, int) else None
        self._ms: int | None = None
        if isinstance(since, datetime):
            self._ms = int(_aware(since).timestamp() * 1000)
        elif since is not None:
            self._ms = since // IDS_PER_MS

    def newer(self, page: tuple[RestTrade, ...]) -> tuple[RestTrade, ...]:
        """Return the trades of a page that come before the end."""
        ms = self._ms
        if ms is None:
            return page
        for index, trade in enumerate(page):
            if trade.sequential_id == self._id:
                self.is_reached = True
                return page[:index]
        # Their order within a moment is not promised: none is left out because an older one stood before it.
        self.is_reached = bool(page) and page[-1].timestamp < ms
        return tuple(trade for trade in page if trade.timestamp >= ms)


class _Once:
    """Drops trades that come again where days and pages overlap, because midnight passed between two questions."""

    def __init__(self) -> None:
        self._oldest: int | None = None
        self._known: frozenset[int] = frozenset()

    def fresh(self, page: tuple[RestTrade, ...]) -> tuple[RestTrade, ...]:
        """Return those of a page that did not come before."""
        if not page:
            return page
        oldest, known = self._oldest, self._known
        if oldest is None:
            kept = page
        else:
            kept = tuple(t for t in page if t.timestamp <= oldest + SLACK_MS and t.sequential_id not in known)
        lowest = min(trade.timestamp for trade in page)
        if oldest is None or lowest <= oldest:
            self._oldest = lowest
            self._known = frozenset(trade.sequential_id for trade in page)
        return kept


def _closed(question: Question) -> RestError:
    return RestError(question.path, question.group, "closed", Phrase("the program ends"))


def _too_many(question: Question, group: str, answer: HttpAnswer, wait: float) -> RestError:
    name, detail = read_refusal(answer.body)
    return RestError(
        question.path,
        group,
        name,
        Phrase("too many questions for the exchange; the next one in {seconds:.1f} s", seconds=wait),
        status=answer.status,
        detail=detail,
        is_temporary=True,
        recovery=RecoveryStrategy.WAIT,
    )


def _refusal(question: Question, group: str, answer: HttpAnswer) -> RestError:
    if 300 <= answer.status < 400:
        reason = Phrase("the exchange points elsewhere (HTTP {status}), which is not followed", status=answer.status)
        return RestError(question.path, group, "redirect", reason, status=answer.status)
    name, detail = read_refusal(answer.body)
    return RestError(
        question.path,
        group,
        name,
        Phrase("the exchange answers HTTP {status}, {name}", status=answer.status, name=str(name)),
        status=answer.status,
        detail=detail,
        # A nonce that is known there: the question came twice, and the next try has another one.
        is_temporary=answer.status >= 500 or name == "nonce_used",
    )


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r}: a time needs a zone, such as datetime.UTC")
    return moment


def _with_offset(moment: datetime) -> str:
    return moment.astimezone(KST).isoformat(timespec="seconds")


def _market(code: str | None) -> tuple[tuple[str, str], ...]:
    return () if code is None else (("market", codes_of(code)[0]),)


def _states(states: Iterable[str], allowed: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    wanted = tuple(dict.fromkeys((states,) if isinstance(states, str) else states))
    if not wanted or not set(wanted) <= set(allowed):
        raise ValueError(f"states: {wanted!r:.60} is not any of {', '.join(allowed)}")
    return tuple(("states[]", state) for state in wanted)
