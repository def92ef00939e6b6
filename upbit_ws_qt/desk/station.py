"""The relay: holds the exchange's lines by the ordinary manager, and gives what comes on them to a NATS server."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.computer import Computer
from upbit_ws_qt.connection.inbox import stream_of
from upbit_ws_qt.desk.lease import LOOK_EVERY, RENEW_EVERY, Lease
from upbit_ws_qt.desk.nats_link import NatsLink, end_tasks
from upbit_ws_qt.desk.publisher import Publisher, last_stamp, make_streams, streams_to_make
from upbit_ws_qt.desk.questions import Answerer
from upbit_ws_qt.desk.subjects import BEAT, LINE, Names, as_json, read_json, subject_finder, wishes_of_request
from upbit_ws_qt.errors import ConfigurationError, ConnectionLostError, DecodeError, SubscriptionError, WebSocketError
from upbit_ws_qt.manager import GlobalWebSocketManager, ManagerListener
from upbit_ws_qt.text import safe_text
from upbit_ws_qt.types import ConnectionState, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.connection import RawFrame, StateChange
    from upbit_ws_qt.desk.nats_link import DeskAddress
    from upbit_ws_qt.desk.publisher import Message
    from upbit_ws_qt.desk.subjects import Wish
    from upbit_ws_qt.manager import ComponentSubscription

__all__ = ["Relay", "RelayFigures", "RelaySettings"]

AGAIN_AFTER = 0.2
"""Seconds before a server that cannot be reached is tried again."""
BEAT_EVERY = 0.5
"""Seconds between two messages by which programs know that the relay lives, and the relay that all is stored."""
_LOST = frozenset({ConnectionState.RECONNECTING, ConnectionState.FAILED})
_UP = frozenset({ConnectionState.SYNCING, ConnectionState.CONNECTED})
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """How a relay works.

    Attributes:
        past_bytes: bytes of frames that the server keeps for who comes later.
        past_seconds: for how long it keeps them at most.
        memory: whether the server keeps them in memory; they are gone when it is started anew then.
        lease: seconds for which a program's wishes hold without being renewed.
        kept_bytes: bytes that the relay keeps itself until the server has them.
    """

    past_bytes: int = 1024**3
    past_seconds: float = 24 * 3600.0
    memory: bool = False
    lease: float = 5.0
    kept_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RelayFigures:
    """How a relay does, since it was started.

    Attributes:
        leads: whether it is the one that publishes.
        term: that it leads, or led last; 0 before the first.
        published: messages given to the server, those sent again too.
        sent_again: those of them that the server had lost.
        waiting: messages that wait for the server.
        kept_bytes: bytes that are kept until the server has confirmed them.
        unnamed: frames that no subject could be found for, and that were not published.
        dropped: frames that were lost on the way in, because more came than could be handled.
        clients: sockets of programs that have wishes.
        streams: that all of them want together.
        expired: leases of wishes that were not renewed.
        refused: wishes that could not be taken.
        asked: questions for REST that programs asked.
        passed_on: those of them that were asked of the exchange.
        terms: times that it took the lead.
        overflows: terms that ended because the server was away for longer than what could be kept.
        server_losses: connections to the server that were lost.
        behind: seconds from a frame's receipt to its publication, for the latest one.
    """

    leads: bool = False
    term: int = 0
    published: int = 0
    sent_again: int = 0
    waiting: int = 0
    kept_bytes: int = 0
    unnamed: int = 0
    dropped: int = 0
    clients: int = 0
    streams: int = 0
    expired: int = 0
    refused: int = 0
    asked: int = 0
    passed_on: int = 0
    terms: int = 0
    overflows: int = 0
    server_losses: int = 0
    behind: float = 0.0


@dataclass(slots=True)
class _Tenant:
    """One socket of a program.

    Attributes:
        until: loop clock, when its wishes end unless they are renewed.
        wanted: its wishes as the manager holds them; None for none.
    """

    until: float
    wanted: ComponentSubscription | None = None


class Relay:
    """Waits until no other relay leads, then leads: until it is stopped, or another one has taken over.

    Args:
        address: the server.
        config: of the lines; what is for a program's own consumers is put aside.
        settings: how it works.
        computer: clocks and names.
        on_news: told in a few words what a person who runs it should know.
    """

    def __init__(
        self,
        address: DeskAddress,
        config: ServiceConfig,
        settings: RelaySettings | None = None,
        *,
        computer: Computer | None = None,
        on_news: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._address = address
        self.settings = settings or RelaySettings()
        self._config = _for_relay(config)
        self.names = Names(config.region)
        self._computer = computer or Computer()
        self._on_news = on_news
        self._lease = Lease(self.names, self._computer.new_id(), self._loop.time)
        self._counts: Counter[str] = Counter()
        self._term = 0
        self._reign: _Reign | None = None
        self._stopping = asyncio.Event()
        self._link: NatsLink | None = None
        self._told = ""

    @property
    def manager(self) -> GlobalWebSocketManager | None:
        """What holds the lines; None while another relay leads."""
        return None if self._reign is None else self._reign.manager

    def figures(self) -> RelayFigures:
        """Return how it does."""
        reign = self._reign
        now: dict[str, Any] = {} if reign is None else reign.figures()
        for name in ("published", "sent_again", "unnamed", "dropped", "expired", "refused", "asked", "passed_on"):
            now[name] = now.get(name, 0) + self._counts[name]
        return RelayFigures(
            leads=self._lease.is_sure,
            term=self._term,
            terms=self._counts["terms"],
            overflows=self._counts["overflows"],
            server_losses=self._counts["server_losses"],
            **now,
        )

    async def run(self) -> None:
        """Do all of it until `stop` is called.

        Raises:
            ConfigurationError: the extra is not installed, or an address must not be reached.
        """
        try:
            while not self._stopping.is_set():
                try:
                    link = self._link = await NatsLink.open(self._address, f"upbit-ws-relay {self.names.region}")
                except ConnectionLostError as error:
                    self._tell(error.cause)
                    await self._pause(AGAIN_AFTER)
                    continue
                try:
                    await self._serve(link)
                except ConnectionLostError as error:
                    if not self._stopping.is_set():
                        self._counts["server_losses"] += 1
                        self._tell(error.cause)
                        await self._pause(AGAIN_AFTER)
                finally:
                    if self._stopping.is_set():
                        with contextlib.suppress(ConnectionLostError):
                            await self._end_reign()
                            await self._lease.release(link)
                    await link.close()
        finally:
            await self._end_reign()

    def stop(self) -> None:
        """Have `run` end: the lines are closed and the lead is given back."""
        self._stopping.set()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    def _tell(self, news: str) -> None:
        if news != self._told:
            self._told = news
            self._on_news(news)

    # -- who leads ----------------------------------------------------------------------------------------------------
    async def _serve(self, link: NatsLink) -> None:
        """Lead, or wait for the lead, as long as the connection holds: ConnectionLostError."""
        settings = self.settings
        await make_streams(
            link,
            streams_to_make(
                self.names,
                past_bytes=settings.past_bytes,
                past_seconds=settings.past_seconds,
                memory=settings.memory,
            ),
        )
        if self._reign is not None:
            await self._go_on(link)
        while not self._stopping.is_set():
            if self._reign is None:
                await self._wait_for_lead(link)
            if self._reign is not None:
                await self._lead(link, self._reign)

    async def _go_on(self, link: NatsLink) -> None:
        """After a lost connection: go on in the same term, unless another one has led, or too much had to be kept."""
        reign = self._reign
        assert reign is not None
        if not await self._lease.renew(link):
            self._tell("another relay leads")
            await self._end_reign()
            return
        reign.publisher.go_on_after(await last_stamp(link, self.names))
        if reign.publisher.has_overflowed:
            await self._begin_again(link)

    async def _begin_again(self, link: NatsLink) -> None:
        """Go on in another term, since something of this one is lost: programs find a gap, and heal it."""
        self._counts["overflows"] += 1
        self._tell("the server was away for longer than what was kept: a gap")
        await self._end_reign()
        if await self._lease.next_term(link):
            await self._begin_reign(link)

    async def _wait_for_lead(self, link: NatsLink) -> None:
        while not self._stopping.is_set():
            # By the clock on the wall where that is greater: a server that has lost all it knew gives no term twice.
            newest = max((await last_stamp(link, self.names))[0] + 1, int(self._computer.wall_clock()))
            if await self._lease.try_to_lead(link, newest):
                await self._begin_reign(link)
                return
            self._tell("another relay leads")
            await self._pause(LOOK_EVERY)

    async def _begin_reign(self, link: NatsLink) -> None:
        self._term = self._lease.term
        self._counts["terms"] += 1
        publisher = Publisher(self._term, self.settings.kept_bytes, lambda: self._lease.is_sure)
        reign = self._reign = _Reign(self._config, self.names, self.settings, publisher, self._computer)
        self._tell(f"leads, term {self._term}, over {link.address.shown}")
        await reign.manager.start()

    async def _end_reign(self) -> None:
        reign, self._reign = self._reign, None
        if reign is not None:
            figures = reign.figures()
            for name in ("published", "sent_again", "unnamed", "dropped", "expired", "refused", "asked", "passed_on"):
                self._counts[name] += figures[name]
            await reign.end()

    async def _lead(self, link: NatsLink, reign: _Reign) -> None:
        """Publish and answer until the connection is lost, another one leads, or this is stopped."""
        await reign.listen(link)
        tasks: set[asyncio.Task[Any]] = {
            self._loop.create_task(reign.publisher.send_over(link), name="upbit_ws_qt relay send"),
            self._loop.create_task(self._keep_lead(link, reign), name="upbit_ws_qt relay lead"),
            self._loop.create_task(reign.beat_over(link), name="upbit_ws_qt relay beat"),
            self._loop.create_task(self._stopping.wait(), name="upbit_ws_qt relay stop"),
        }
        try:
            await asyncio.wait({*tasks, link.closed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end_tasks(tasks)
        results = [None if task.cancelled() else task.exception() for task in tasks]
        for error in results:
            if isinstance(error, Exception) and not isinstance(error, ConnectionLostError):
                raise error
        if link.closed.done():
            raise ConnectionLostError("desk", link.closed.result())
        if reign.publisher.has_overflowed:
            await self._begin_again(link)
        elif not self._lease.term:
            self._tell("another relay has taken over")
            await self._end_reign()
        elif not self._stopping.is_set():
            raise next(error for error in results if isinstance(error, ConnectionLostError))

    async def _keep_lead(self, link: NatsLink, reign: _Reign) -> None:
        while not reign.publisher.has_overflowed:
            await asyncio.sleep(RENEW_EVERY)
            if not await self._lease.renew(link):
                return
            reign.publisher.wake()


class _Reign:
    """What a relay has while it leads: the lines, what is published, and whose wishes there are.

    Args:
        config: of the lines.
        names: of the desk.
        settings: of the relay.
        publisher: what is to be published.
        computer: clocks.
    """

    def __init__(
        self, config: ServiceConfig, names: Names, settings: RelaySettings, publisher: Publisher, computer: Computer
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._names = names
        self._settings = settings
        self._wall_clock = computer.wall_clock
        self.publisher = publisher
        self.manager = GlobalWebSocketManager(config, on_frame=self._on_frame)
        self._listener = _Listener(self)
        self.manager.add_listener(self._listener)
        # Not by the listener, which is told in the next turn of the loop: something may have been published by then.
        self.manager.wiring.epochs.add_listener(self._epoch_begins)
        self._answerer = Answerer(self.manager.rest)
        self._subject_of = subject_finder(names, stream_of)
        self._newest: dict[WebSocketType, dict[str, Message]] = {ws_type: {} for ws_type in names.lines}
        self._tenants: dict[str, _Tenant] = {}
        self._link: NatsLink | None = None
        self._counts: Counter[str] = Counter()
        self._behind = 0.0
        self._offset = computer.wall_clock() - self._loop.time()
        self._snapshots: set[asyncio.Task[None]] = set()

    def figures(self) -> dict[str, Any]:
        """Return the figures of this term, by the names of RelayFigures."""
        inboxes = [endpoint.connection.figures().inbox for endpoint in self.manager.wiring.endpoints.values()]
        return {
            "published": self.publisher.published,
            "sent_again": self.publisher.sent_again,
            "waiting": self.publisher.waiting,
            "kept_bytes": self.publisher.kept_bytes,
            "unnamed": self._counts["unnamed"],
            "dropped": sum(inbox.dropped + inbox.superseded for inbox in inboxes),
            "clients": sum(1 for tenant in self._tenants.values() if tenant.wanted is not None),
            "streams": len(self.manager.get_active_subscriptions()),
            "expired": self._counts["expired"],
            "refused": self._counts["refused"],
            "asked": self._answerer.asked,
            "passed_on": self._answerer.passed_on,
            "behind": self._behind,
        }

    async def end(self) -> None:
        """Close the lines."""
        await end_tasks(set(self._snapshots))
        await self._answerer.stop()
        self.manager.remove_listener(self._listener)
        await self.manager.stop()

    # -- outwards -----------------------------------------------------------------------------------------------------
    def _on_frame(self, frame: RawFrame) -> None:
        """Publish a frame as it came; called by the drain."""
        try:
            subject = self._subject_of(frame.data)
        except (DecodeError, ValueError):
            subject = None
        if subject is None:
            self._counts["unnamed"] += 1
            return
        data = frame.data if isinstance(frame.data, bytes) else frame.data.encode()
        message = self.publisher.put(subject, data, frame.epoch, frame.received_at + self._offset)
        self._newest[frame.ws_type][subject] = message
        self._behind = self._loop.time() - frame.received_at

    async def beat_over(self, link: NatsLink) -> None:
        """Say that the relay lives, in the order of all else, and learn what the server has stored."""
        while True:
            self._offset = self._wall_clock() - self._loop.time()
            for ws_type in self._names.lines:
                self.say(ws_type, BEAT, {})
            self._drop_unwanted()
            self._expire()
            await asyncio.sleep(BEAT_EVERY)
            term, number = await last_stamp(link, self._names)
            if term == self.publisher.term:
                self.publisher.confirmed(number)

    def say(self, ws_type: WebSocketType, kind: str, what: dict[str, Any]) -> None:
        """Publish something of the relay's own, behind what has come on the line so far."""
        epoch = self.manager.get_current_epoch(ws_type)
        self.publisher.put(self._names.own(ws_type, kind), as_json(what), epoch, self._wall_clock())

    def line_changed(self, change: StateChange) -> None:
        """Say that a line is lost, once what it brought before is published."""
        ws_type = change.ws_type
        if change.new in _LOST and change.old in _UP and ws_type in self._newest:
            self._newest[ws_type].clear()
            what = {"state": change.new.value, "cause": safe_text(change.cause, 200)}
            self.manager.wiring.endpoints[ws_type].inbox.put_marker(partial(self.say, ws_type, LINE, what))

    def _epoch_begins(self, ws_type: WebSocketType, _: int) -> None:
        """Forget what came on the line before: it is no present state any more."""
        if ws_type in self._newest:
            self._newest[ws_type].clear()

    def _drop_unwanted(self) -> None:
        """Forget what nobody wants any more: it would be shown as the present state to who comes later."""
        wanted = {self._names.subject(stream) for stream in self.manager.get_active_subscriptions()}
        for newest in self._newest.values():
            for subject in newest.keys() - wanted:
                del newest[subject]

    # -- inwards ------------------------------------------------------------------------------------------------------
    async def listen(self, link: NatsLink) -> None:
        """Take wishes and questions from a connection."""
        self._link = link
        for ws_type in self._names.lines:
            await link.subscribe(self._names.asked(ws_type), partial(self._on_asked, link, ws_type))
        await link.subscribe(self._names.rest, partial(self._on_question, link))

    async def _on_question(self, link: NatsLink, message: Any) -> None:
        # Others must not wait for the exchange's answer to this one.
        task = self._loop.create_task(self._answer_question(link, message), name="upbit_ws_qt relay answer")
        self._snapshots.add(task)
        task.add_done_callback(self._snapshots.discard)

    async def _answer_question(self, link: NatsLink, message: Any) -> None:
        answer = await self._answerer.answer(bytes(message.data))
        with contextlib.suppress(ConnectionLostError):  # who asked finds out by itself
            await link.publish(message.reply, answer)

    async def _on_asked(self, link: NatsLink, ws_type: WebSocketType, message: Any) -> None:
        asked = read_json(bytes(message.data))
        name = f"desk {safe_text(str(asked.get('client', '')), _LONGEST_NAME)}"
        answer: dict[str, Any] = {}
        with contextlib.suppress(ConnectionLostError):
            if asked.get("gone"):
                self._forget(name)
            elif ws_type not in self.manager.wiring.endpoints:
                answer["error"] = "this relay has no such line"
            elif "request" in asked:
                try:
                    wishes = wishes_of_request(asked["request"])
                    self._want(name, ws_type, wishes)
                except (SubscriptionError, ConfigurationError, TypeError) as error:
                    self._counts["refused"] += 1
                    answer["refused"] = safe_text(str(error), 300)
                else:
                    await self._show(link, str(asked.get("inbox", "")), ws_type, wishes)
            tenant = self._tenants.get(name)
            if tenant is not None:
                tenant.until = self._loop.time() + self._settings.lease
            await link.publish(message.reply, as_json({**answer, **self._standing(ws_type, known=tenant is not None)}))

    def _standing(self, ws_type: WebSocketType, *, known: bool) -> dict[str, Any]:
        """Return how it stands with a line."""
        endpoint = self.manager.wiring.endpoints.get(ws_type)
        state = ConnectionState.FAILED if endpoint is None else endpoint.connection.state
        last = None if endpoint is None else next(iter(reversed(endpoint.connection.history)), None)
        figures = None if endpoint is None else endpoint.connection.figures()
        return {
            "term": self.publisher.term,
            "epoch": self.manager.get_current_epoch(ws_type),
            "state": state.value,
            "cause": "" if last is None else safe_text(last.cause, 200),
            "rtt": 0.0 if figures is None else figures.rtt_last or 0.0,
            "behind": self._behind,
            "known": known,
        }

    def _want(self, name: str, ws_type: WebSocketType, wishes: list[Wish]) -> None:
        """Make some wishes all that a program's socket wants."""
        others = [wish.spec for wish in wishes if wish.spec.data_type.websocket_type is not ws_type]
        if others:
            raise SubscriptionError("it is on another line", spec=others[0])
        flowing = [wish.spec for wish in wishes if not wish.spec.only_snapshot]
        tenant = self._tenants.setdefault(name, _Tenant(0.0))
        if not flowing:
            if tenant.wanted is not None:
                tenant.wanted.close()
                tenant.wanted = None
        elif tenant.wanted is None:
            tenant.wanted = self.manager.register_component(name, flowing, _handed_out, restorable=False)
        else:
            tenant.wanted.set_specs(flowing)
        for wish in wishes:
            if wish.spec.only_snapshot:
                task = self._loop.create_task(self._fetch(wish), name="upbit_ws_qt relay snapshot")
                self._snapshots.add(task)
                task.add_done_callback(self._snapshots.discard)

    async def _fetch(self, wish: Wish) -> None:
        """Have a present state sent by the exchange where it does not flow; it is published as all that comes."""
        newest = self._newest[wish.spec.data_type.websocket_type]
        missing = [s for s in wish.streams if self._names.subject(s) not in newest]
        if missing:
            with contextlib.suppress(WebSocketError):  # who asked does not get it, and says so
                await self.manager.wiring.endpoint(missing[0].websocket_type).fetch_snapshots(wish.spec)

    async def _show(self, link: NatsLink, inbox: str, ws_type: WebSocketType, wishes: list[Wish]) -> None:
        """Send the newest of what flows already, as the exchange does on a new subscription."""
        if not inbox.startswith("_INBOX"):
            return
        newest = self._newest[ws_type]
        for wish in wishes:
            if wish.only_realtime or not wish.spec.data_type.has_snapshot:
                continue
            for stream in wish.streams:
                message = newest.get(self._names.subject(stream))
                if message is not None:
                    data = message.data.replace(b'"REALTIME"', b'"SNAPSHOT"', 1)
                    headers = {**message.stamp.headers(), "Upbit-Subject": message.subject}
                    await link.publish(inbox, data, headers=headers)

    def _expire(self) -> None:
        now = self._loop.time()
        for name in [name for name, tenant in self._tenants.items() if tenant.until < now]:
            self._counts["expired"] += 1
            self._forget(name)

    def _forget(self, name: str) -> None:
        tenant = self._tenants.pop(name, None)
        if tenant is not None and tenant.wanted is not None:
            tenant.wanted.close()


class _Listener(ManagerListener):
    """Has a reign told what the manager says."""

    def __init__(self, reign: _Reign) -> None:
        self.reign = reign

    def on_connection_state(self, ws_type: WebSocketType, change: StateChange) -> None:
        self.reign.line_changed(change)


def _handed_out(_: object) -> None:
    """Nothing: frames are given on before they are events, and no event comes here."""


def _for_relay(config: ServiceConfig) -> ServiceConfig:
    """Return the settings of a manager that has no consumers of its own."""
    return config.replace(
        backfill=frozenset(),
        data_pool=False,
        adaptive=False,
        alerts=False,
        metrics_history=False,
        independence_monitor=False,
        raise_independence=False,
    )
