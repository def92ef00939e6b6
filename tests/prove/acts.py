"""What can happen in a course, each a method named as its step."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from typing import TYPE_CHECKING, Any

from tests.prove.course import CODES
from tests.prove.watch import Consumer
from upbit_ws_qt.errors import WebSocketError
from upbit_ws_qt.exchange import OrderRejectedError
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import ConnectionState, DataType, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.prove.course import Step
    from tests.prove.network import End
    from tests.prove.stage import Stage

__all__ = ["Acts"]

MOST_CONSUMERS = 12
_PRIVATE = (DataType.MY_ORDER, DataType.MY_ASSET)


class Acts:
    """Does what the steps of a course say.

    Attributes:
        consumers: all that there ever were.
        disorders_network: whether what is sent within limits may reach the exchange at once.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._loop = stage.loop
        self._network = stage.network
        self._exchange = stage.exchange
        self._manager = stage.manager
        self.consumers: list[Consumer] = []
        self.disorders_network = bool(stage.course.jitter)
        self.delisted: set[str] = set()
        self._timers: list[tuple[asyncio.TimerHandle, Callable[[], object]]] = []
        self._asked: set[asyncio.Task[None]] = set()

    async def do(self, step: Step) -> None:
        """Do one step; those that take their time return when it has passed."""
        happened = getattr(self, step.what)(**step.values)
        if asyncio.iscoroutine(happened):
            await happened

    async def rest(self) -> None:
        """End everything that is wrong: from here on nothing happens any more but the market."""
        timers, self._timers = self._timers, []
        for timer, end in timers:
            if not timer.cancelled():
                timer.cancel()
                end()
        self._exchange.faults.clear()
        self._network.heal()
        self._stage.computer.drift(0.0)
        for consumer in self.open_consumers():
            consumer.raises, consumer.blocks = 0, (0, 0.0)
        for name in sorted(self._manager.quarantined()):
            self._manager.resume(name)
        if self._asked:
            await asyncio.wait(self._asked)
        for kind, endpoint in self._manager.wiring.endpoints.items():
            if endpoint.connection.state is ConnectionState.FAILED:  # it waits for a person who has looked at it
                with contextlib.suppress(WebSocketError):
                    await self._manager.reconnect(kind)
        self._stage.note("at rest")

    def open_consumers(self) -> list[Consumer]:
        """Return those that want something."""
        return [consumer for consumer in self.consumers if consumer.closed_at is None]

    # -- users
    def wish(self, types: tuple[str, ...], codes: tuple[str, ...], backfill: bool | None, private: bool) -> None:
        """A component comes."""
        if len(self.open_consumers()) < MOST_CONSUMERS:
            self._open(_specs(types, codes, backfill, private))

    def close(self, which: int) -> None:
        """A component goes."""
        if (consumer := self._consumer(which)) is not None:
            self._end(consumer)

    def change(
        self, which: int, types: tuple[str, ...], codes: tuple[str, ...], backfill: bool | None, private: bool
    ) -> None:
        """A component goes, and another one comes in the same moment."""
        self.close(which)
        self.wish(types, codes, backfill, private)

    def flurry(self, types: tuple[str, ...], changes: int, gap: float) -> None:
        """Somebody leafs through the markets: a component for each, and the one before goes."""

        async def hurry() -> None:
            shown: Consumer | None = None
            for place in range(changes):
                before, shown = shown, self._open(_specs(types, (CODES[place % len(CODES)],), None, private=False))
                if before is not None and before.closed_at is None:
                    self._end(before)
                await asyncio.sleep(gap)

        self._ask(hurry())

    def snapshot(self, code: str) -> None:
        """Somebody asks how it stands."""
        spec = SubscriptionSpec(DataType.TICKER, code)
        self._ask(self._manager.fetch_snapshot(spec, timeout=5.0))

    def reconnect(self, endpoint: str, times: int = 1) -> None:
        """Somebody asks for another line, and has no patience with it."""

        async def ask() -> None:
            for _ in range(times):
                with contextlib.suppress(WebSocketError):
                    await self._manager.reconnect(WebSocketType(endpoint))

        self._ask(ask())

    # -- a line
    def drop(self, endpoint: str, on: str, after: float) -> None:
        """The exchange drops the line without a word."""
        self._inject("drop", endpoint, on=on, after=after)

    def stutter(self, endpoint: str, times: int, after: float) -> None:
        """The exchange drops line after line, each as soon as something was asked for on it."""
        self._inject("drop", endpoint, times=times, on="served", after=after)

    def cut(self, endpoint: str, on: str) -> None:
        """The line is reset on the way."""
        for end in self._lines(endpoint):
            for each in (end, end.other):
                each.fail(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))
                if on == "later":  # one end only; the other one learns it when it sends something
                    break

    def close_line(self, endpoint: str, code: int, on: str, after: float) -> None:
        """The exchange closes it."""
        self._inject("close", endpoint, code=code, on=on, after=after)

    def error(self, endpoint: str, error: str, on: str, after: float) -> None:
        """The exchange sends an error, and closes it."""
        self._inject("error", endpoint, error=error, on=on, after=after)

    def garbage(self, endpoint: str, kind: str, on: str, after: float) -> None:
        """The exchange sends what nobody can read."""
        self._inject("garbage", endpoint, kind=kind, on=on, after=after)

    def violation(self, endpoint: str, kind: str, on: str, after: float) -> None:
        """The exchange breaks the WebSocket protocol."""
        self._inject("protocol_violation", endpoint, kind=kind, on=on, after=after)

    def cut_frame(self, endpoint: str, on: str, after: float) -> None:
        """The line ends within a frame."""
        self._inject("cut_frame", endpoint, on=on, after=after)

    def half_open(self, endpoint: str, on: str, after: float) -> None:
        """The exchange falls silent for good, although the connection stands."""
        self._inject("half_open", endpoint, on=on, after=after)

    def dead_line(self, endpoint: str) -> None:
        """A router forgets the connection: nothing arrives at either end, and neither is told."""
        for end in self._lines(endpoint):
            self._network.kill(end)

    def stuck(self, endpoint: str, after: float) -> None:
        """A line is dead, and somebody who sees that nothing moves asks for another one."""
        self.dead_line(endpoint)

        async def ask() -> None:
            await asyncio.sleep(after)
            await self._manager.reconnect(WebSocketType(endpoint))

        self._ask(ask())

    def partition(self, seconds: float) -> None:
        """Nothing gets through for a while."""
        self.disorders_network = True
        self._network.cut_off("10.0.0.1")
        self._later(seconds, self._network.heal)

    def slow_network(self, seconds: float, delay: float, jitter: float) -> None:
        """Everything takes longer for a while."""
        course = self._stage.course
        self.disorders_network = True
        self._network.delay, self._network.jitter = delay, jitter

        def over() -> None:
            self._network.delay, self._network.jitter = course.delay, course.jitter

        self._later(seconds, over)

    # -- dialling, requests, REST
    def refuse(self, endpoint: str, status: int, times: int) -> None:
        """The exchange does not take a line."""
        self._inject("refuse", endpoint, status=status, times=times)

    def too_many(self, endpoint: str, times: int) -> None:
        """It says 429."""
        self._inject("too_many", endpoint, times=times)

    def blocked(self, endpoint: str, seconds: float, times: int) -> None:
        """It says 418."""
        self._inject("blocked", endpoint, seconds=seconds, times=times)

    def slow_accept(self, endpoint: str, seconds: float, times: int) -> None:
        """It takes its time."""
        self._inject("slow_accept", endpoint, seconds=seconds, times=times)

    def maintenance(self, notice: float, seconds: float) -> None:
        """It is restarted."""
        self._exchange.faults.inject("maintenance", notice=notice, seconds=seconds)

    def ignored_request(self, endpoint: str, times: int) -> None:
        """It ignores requests."""
        self._inject("ignored_request", endpoint, times=times)

    def rest_refuse(self, seconds: float, status: int) -> None:
        """REST is out of order for a while."""
        self._for_a_while(seconds, "rest_refuse", status=status)

    def rest_too_many(self, times: int) -> None:
        """REST says 429."""
        self._exchange.faults.inject("rest_too_many", times=times)

    def rest_slow(self, seconds: float, slow: float) -> None:
        """REST takes its time for a while."""
        self._for_a_while(seconds, "rest_slow", seconds=slow)

    def rest_cut(self, times: int) -> None:
        """REST ends within an answer."""
        self._exchange.faults.inject("rest_cut", times=times)

    def rest_lag(self, seconds: float, lag: float) -> None:
        """REST is behind the lines for a while."""
        self._for_a_while(seconds, "rest_lag", seconds=lag)

    # -- the computer
    def set_clock(self, by: float) -> None:
        """Somebody sets the computer's clock."""
        self._stage.computer.step(by)

    def drift(self, share: float) -> None:
        """The computer's clock goes wrong."""
        self._stage.computer.drift(share)

    async def sleep(self, seconds: float) -> None:
        """The computer sleeps: its loop stands still, the market goes on, and the network has forgotten it."""
        for end in self._network.lines_of("10.0.0.1"):
            self._network.kill(end)
        self._stage.computer.step(seconds)
        self._exchange.clock.set_ms(self._exchange.clock.now_ms() + seconds * 1000)

    async def waking(self, seconds: float, times: int) -> None:
        """The computer wakes in a bad network: the first lines are cut before they are proved."""
        self._inject("drop", "public", times=times, on="served", after=0.0)
        await self.sleep(seconds)

    def busy(self, seconds: float) -> None:
        """The program computes and lets the loop stand still."""
        self._loop.pass_time(seconds)

    # -- callbacks, market
    def raising(self, which: int, times: int) -> None:
        """A callback raises."""
        if (consumer := self._consumer(which)) is not None:
            consumer.raises = times

    def slow_callback(self, which: int, times: int, seconds: float) -> None:
        """A callback keeps the loop."""
        if (consumer := self._consumer(which)) is not None:
            consumer.blocks = (times, seconds)

    def quiet(self, seconds: float) -> None:
        """The market falls silent for a while."""
        self._exchange.set_rate(1.0)
        self._later(seconds, lambda: self._exchange.set_rate(self._stage.course.rate))

    def delist(self, code: str) -> None:
        """A market ends."""
        if code in self._exchange.world.codes:
            self._exchange.delist(code)
            self.delisted.add(code)

    # -- the account
    def keys_refused(self, endpoint: str, times: int, http: bool) -> None:
        """The key is revoked, and good again later."""
        self._inject("invalid_auth", endpoint, times=times, http=http)

    def order(self, volume: str) -> None:
        """An order is placed, here or by another program."""
        with contextlib.suppress(OrderRejectedError):  # there is no money left
            self._exchange.place_order(CODES[0], "BID", "limit", 50_000_000, volume)

    def fill(self, which: int, volume: str | None) -> None:
        """An order is filled, all of it or some."""
        if (uuid := self._open_order(which)) is not None:
            with contextlib.suppress(OrderRejectedError, ValueError):  # less than that is left
                self._exchange.fill_order(uuid, volume)

    def cancel(self, which: int) -> None:
        """An order is cancelled."""
        if (uuid := self._open_order(which)) is not None:
            self._exchange.cancel_order(uuid)

    def trading(self, fills: int, gap: float) -> None:
        """An order is placed and filled bit by bit, whatever happens to the line meanwhile."""

        async def trade() -> None:
            with contextlib.suppress(OrderRejectedError, ValueError):  # there is no money left; it was cancelled
                placed = self._exchange.place_order(CODES[0], "BID", "limit", 50_000_000, "0.01")
                uuid = placed[0].order.uuid  # type: ignore[attr-defined]
                for _ in range(fills):
                    await asyncio.sleep(gap)
                    self._exchange.fill_order(uuid, "0.0002")

        self._ask(trade())

    def _open_order(self, which: int) -> str | None:
        there = [order.uuid for order in self._exchange.world.account.orders() if order.is_open]
        return there[which % len(there)] if there else None

    # -- inside
    def _open(self, specs: tuple[SubscriptionSpec, ...]) -> Consumer:
        consumer = Consumer(self._stage, f"component {len(self.consumers)}", specs)
        self.consumers.append(consumer)
        consumer.subscription = self._manager.register_component(consumer.name, list(specs), consumer.take)
        return consumer

    def _end(self, consumer: Consumer) -> None:
        self._manager.unregister_component(consumer.name)
        consumer.closed_at = self._loop.time()

    def _consumer(self, which: int) -> Consumer | None:
        there = self.open_consumers()[1:]  # the first one stays from beginning to end
        return there[which % len(there)] if there else None

    def _lines(self, endpoint: str) -> list[End]:
        """Return the client's ends of the lines to an endpoint."""
        ports = {
            str(session.line.transport.get_extra_info("peername"))
            for session in self._exchange._hub.sessions.values()
            if session.endpoint == endpoint
        }
        return [end for end in self._network.lines_of("10.0.0.1") if str(end.get_extra_info("sockname")) in ports]

    def _inject(self, name: str, endpoint: str, on: str = "", after: float = 0.0, **options: Any) -> None:
        if on:
            options.update(on=on, after=after)
            if on != "now":
                options.setdefault("times", 1)
        self._exchange.faults.inject(name, endpoint=endpoint, **options)

    def _for_a_while(self, duration: float, fault: str, **options: Any) -> None:
        self._later(duration, self._exchange.faults.inject(fault, **options).clear)

    def _later(self, seconds: float, end: Callable[[], object]) -> None:
        self._timers.append((self._loop.call_later(seconds, end), end))

    def _ask(self, question: Any) -> None:
        async def ask() -> None:
            with contextlib.suppress(WebSocketError):
                await question

        task = self._loop.create_task(ask())
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)


def _specs(
    types: tuple[str, ...], codes: tuple[str, ...], backfill: bool | None, private: bool
) -> tuple[SubscriptionSpec, ...]:
    if private:
        return tuple(SubscriptionSpec(data_type) for data_type in _PRIVATE)
    able = ("trade", "candle")
    return tuple(
        SubscriptionSpec(DataType(name), codes, backfill=backfill if name.startswith(able) else None) for name in types
    )
