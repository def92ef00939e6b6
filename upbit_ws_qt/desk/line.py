"""A program's side of a desk: lines that bring what the relay's lines brought, from a NATS server.

To all above it such a line is one like any other. It is asked for streams in the exchange's words, shows what flows
already, and is lost when the relay, its line or the server is. It serves one epoch of the relay's: where the next one
begins it ends, so that what the relay has missed is a gap here too. A server that was away is no such thing: JetStream
has kept what came meanwhile, and the next line goes on behind what the one before had handed in.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from functools import partial
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.connection import CloseInfo, DialError, SocketFigures
from upbit_ws_qt.desk.nats_link import DeskAddress, NatsLink, end_tasks
from upbit_ws_qt.desk.subjects import BEAT, LINE, Names, Stamp, as_json, read_json, wishes_of_request
from upbit_ws_qt.errors import ConnectionLostError
from upbit_ws_qt.quantiles import QuantileSketch
from upbit_ws_qt.text import Phrase, safe_text
from upbit_ws_qt.types import ConnectionState

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from upbit_ws_qt.computer import Computer
    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.connection import DialRequest, SocketLike
    from upbit_ws_qt.desk.subjects import Wish
    from upbit_ws_qt.types import WebSocketType

__all__ = ["DeskFigures", "DeskLink"]

RENEW_EVERY = 1.0
"""Seconds between two renewals of a program's wishes, which are its pings as well."""
QUIET_ROUNDS = 4
"""So many renewals in a row without a message of the relay's, which beats twice a second, end the line."""
HEARTBEAT = 2.0
"""Seconds after which JetStream says that it has nothing new."""
_NO_LINE = frozenset({ConnectionState.RECONNECTING.value, ConnectionState.FAILED.value})
NO_CLOSE_FRAME = 1006


class DeskFigures:
    """How the two hops of a line do.

    Attributes:
        term: of the relay that leads; 0 before anything is known.
        relay_epoch: of the relay's line to the exchange.
        relay_state: of that line, in the words of ConnectionState.
        exchange_rtt: round trip between relay and exchange, seconds.
        relay_rtt: round trip between this program and the relay, seconds.
        relay_lag: seconds from a frame's receipt at the relay to here, of the latest one; of two computers with what
            their clocks differ by.
        lags: the same of all frames.
        pending: messages that the server has for this line and has not sent yet.
        resumed: lines that went on behind the one before, without the exchange.
        replayed: messages that came again and were known.
        holes: times that the server no longer had what came next.
    """

    __slots__ = (
        "exchange_rtt",
        "holes",
        "lags",
        "pending",
        "relay_epoch",
        "relay_lag",
        "relay_rtt",
        "relay_state",
        "replayed",
        "resumed",
        "term",
    )

    def __init__(self) -> None:
        self.term = self.relay_epoch = self.pending = self.resumed = self.replayed = self.holes = 0
        self.relay_state = ""
        self.lags = QuantileSketch()
        self.exchange_rtt = self.relay_rtt = self.relay_lag = 0.0


class _Place:
    """Where a program stands in what the relay has published of one line; it outlives the sockets.

    Attributes:
        order: of the newest message that was taken.
        sequence: its number in JetStream's stream; 0 before the first.
        line_epoch: the relay's epoch that it is of.
        is_lost: whether the relay has said that its line of this epoch is lost: nothing more comes of it.
        subjects: that were listened to.
        newest: by subject, what was handed in last of this epoch.
    """

    def __init__(self) -> None:
        self.order = (0, 0)
        self.sequence = 0
        self.line_epoch = (0, 0)
        self.is_lost = False
        self.subjects: frozenset[str] = frozenset()
        self.newest: dict[str, bytes] = {}
        self.figures = DeskFigures()


class DeskLink:
    """One connection to the server for all lines of a program, and for what it asks of REST.

    Args:
        config: with `desk_url`.
        computer: names and clocks.
    """

    def __init__(self, config: ServiceConfig, computer: Computer) -> None:
        assert config.desk_url is not None
        self._address = DeskAddress(config.desk_url, ca=config.desk_ca, plain=config.desk_plain)
        self._timeout = config.connect_timeout
        self.region = config.region
        self._wall_clock = computer.wall_clock
        self._name = computer.new_id()
        self._opened = 0
        self._link: NatsLink | None = None
        self._opening = asyncio.Lock()
        self._places: dict[WebSocketType, _Place] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    def figures(self, ws_type: WebSocketType) -> DeskFigures:
        """Return how the hops of a line do."""
        return self._place(ws_type).figures

    async def connect(self, request: DialRequest) -> SocketLike:
        """Open a line: a `Connect`, for the connection room."""
        try:
            link = await self.link()
            self._opened += 1
            socket = _DeskSocket(self, link, request, f"{self._name}.{self._opened}", self._place(request.ws_type))
            await socket.open()
        except DialError:
            raise
        except ConnectionLostError as error:
            raise DialError(request.ws_type.value, "network", error.cause) from None
        return socket

    async def ask_rest(self, data: bytes, timeout: float) -> bytes:
        """Ask the relay what only REST knows; ConnectionLostError where there is no answer."""
        link = await self.link()
        return await link.request(Names(self.region).rest, data, timeout)

    async def link(self) -> NatsLink:
        """Return the connection, made where there is none; ConnectionLostError where it cannot be."""
        async with self._opening:
            if self._stopped:
                raise ConnectionLostError("desk", "stopped")
            if self._link is None or not self._link.is_open:
                if self._link is not None:
                    await self._link.close()
                self._link = await NatsLink.open(self._address, f"upbit-ws-qt {self.region}", timeout=self._timeout)
            return self._link

    async def stop(self) -> None:
        """End the connection; idempotent."""
        self._stopped = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)
        await end_tasks(set(self._tasks))
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    def chore(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Have something done that nobody waits for, and that ends with the program's connection."""
        task = asyncio.get_running_loop().create_task(work, name="upbit_ws_qt desk")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def wall_clock(self) -> float:
        """Return the seconds since 1970."""
        return self._wall_clock()

    def _place(self, ws_type: WebSocketType) -> _Place:
        return self._places.setdefault(ws_type, _Place())


class _DeskSocket:
    """What is under one line: asked like the exchange, it answers with what the relay publishes."""

    def __init__(self, desk: DeskLink, link: NatsLink, request: DialRequest, name: str, place: _Place) -> None:
        self._loop = asyncio.get_running_loop()
        self._desk = desk
        self._link = link
        self._request = request
        self._ws_type = request.ws_type
        self._names = Names(desk.region)
        self._name = name
        self._place = place
        self._own = {kind: self._names.own(request.ws_type, kind) for kind in (BEAT, LINE)}
        self._closed: asyncio.Future[CloseInfo] = self._loop.create_future()
        self._line_epoch: tuple[int, int] | None = None  # of the relay's, which this line is about
        self._objects: list[dict[str, Any]] = []  # what is asked for, as the exchange is asked
        self._subjects: frozenset[str] = frozenset()
        self._floors: dict[str, int] = {}
        self._replayed: frozenset[str] = frozenset()  # subjects whose past comes from JetStream, and no present state
        self._flowing: set[str] = set()
        self._shown: dict[str, tuple[int, int]] = {}
        self._subscriptions: list[Any] = []
        self._consumer = ""
        self._consumers = 0
        self._expected = 1
        self._inbox = ""
        self._batch: list[bytes] = []
        self._flushing: asyncio.Handle | None = None
        self._heard = 0
        self._renewing: asyncio.Task[None] | None = None
        self._rtt = self._last_pong_at = self._last_frame_at = 0.0
        self._frames = self._bytes = self._bytes_sent = 0

    # -- what a line asks of its socket -------------------------------------------------------------------------------
    @property
    def closed(self) -> asyncio.Future[CloseInfo]:
        """Done when the line is gone."""
        return self._closed

    async def open(self) -> None:
        """See that there is a relay, and that it has a line, or will have one.

        Raises:
            DialError: it has lost the exchange, or serves no such line.
            ConnectionLostError: there is none.
        """
        standing = await self._ask({})
        if standing.get("error"):
            raise DialError(self._ws_type.value, "network", safe_text(str(standing["error"]), 200))
        if standing.get("state") in _NO_LINE:
            cause = Phrase("the relay has no line ({reason})", reason=safe_text(str(standing.get("cause", "")), 200))
            raise DialError(self._ws_type.value, "network", cause)
        if (standing["term"], standing["epoch"]) == self._place.line_epoch and not self._place.is_lost:
            self._line_epoch = self._place.line_epoch
        else:
            self._place.newest.clear()  # what was shown last is not how it stands
        self._inbox = self._link.new_inbox()
        self._subscriptions.append(await self._link.subscribe(self._inbox, self._on_shown))
        self._link.closed.add_done_callback(self._on_link_closed)
        self._renewing = self._desk.chore(self._renew())

    async def send(self, data: bytes) -> None:
        """Take a request as the exchange does: the whole union, or the question what is subscribed.

        Raises:
            ConnectionLostError: the relay is not there, or the line is closed.
        """
        if self._closed.done():
            raise ConnectionLostError(self._ws_type.value, self._closed.result().cause)
        self._bytes_sent += len(data)
        parts = json.loads(data)
        if any("method" in part for part in parts):
            ticket = next((part["ticket"] for part in parts if "ticket" in part), "")
            held = [part for part in self._objects if not part.get("is_only_snapshot")]
            answer = {"method": "LIST_SUBSCRIPTIONS", "result": held, "ticket": ticket}
            self._loop.call_soon(self._take, [json.dumps(answer).encode()])
            return
        self._objects = [part for part in parts if "type" in part]
        wishes = wishes_of_request(self._objects)
        subjects = frozenset(self._names.subject(stream) for wish in wishes for stream in wish.streams)
        try:
            if subjects != self._subjects:
                await self._listen(subjects, wishes)
            else:
                self._show_known(wishes)
            answer = await self._ask({"request": self._objects, "inbox": self._inbox})
        except ConnectionLostError as error:
            self._end(error.cause)
            raise ConnectionLostError(self._ws_type.value, error.cause) from None
        if "refused" in answer:
            refusal = {"error": {"name": "WRONG_FORMAT", "message": safe_text(str(answer["refused"]), 300)}}
            self._take([json.dumps(refusal).encode()])
            self._end(Phrase("closed by the exchange"))

    async def close(self) -> None:
        """Give the wishes back and end; idempotent."""
        if not self._closed.done():
            self._end("closed by us", asked=True)

    async def answers(self, within: float) -> bool:
        """Whether the relay answers within some seconds."""
        try:
            await self._ask({}, timeout=within)
        except ConnectionLostError:
            return False
        return not self._closed.done()

    def abort(self, cause: str) -> None:
        """End it at once."""
        self._end(cause)

    def figures(self) -> SocketFigures:
        """Return what it has carried."""
        return SocketFigures(
            frames=self._frames,
            bytes_wire=self._bytes,
            bytes_inflated=self._bytes,
            bytes_sent=self._bytes_sent,
            last_frame_at=self._last_frame_at,
            last_pong_at=self._last_pong_at,
            rtt=self._rtt,
            peer=self._link.address.shown,
        )

    # -- the relay ----------------------------------------------------------------------------------------------------
    async def _ask(self, what: dict[str, Any], timeout: float | None = None) -> dict[str, Any]:
        """Say something to the relay, and note what it answers of itself."""
        seconds = self._request.config.pong_timeout if timeout is None else timeout
        began = self._loop.time()
        subject = self._names.asked(self._ws_type)
        answer = read_json(await self._link.request(subject, as_json({"client": self._name, **what}), seconds))
        if not isinstance(answer.get("term"), int) or not isinstance(answer.get("epoch"), int):
            raise ConnectionLostError("desk", Phrase("what answers is no relay"))
        now = self._loop.time()
        self._rtt, self._last_pong_at = now - began, now
        self._request.on_pong(self._rtt, now)
        figures = self._place.figures
        figures.term, figures.relay_epoch = answer["term"], answer["epoch"]
        figures.relay_state = safe_text(str(answer.get("state", "")), 20)
        figures.relay_rtt = self._rtt
        figures.exchange_rtt = float(answer.get("rtt") or 0.0)
        return answer

    async def _renew(self) -> None:
        quiet, heard = 0, self._heard
        while not self._closed.done():
            await asyncio.sleep(min(RENEW_EVERY, self._request.config.ping_interval))
            # Counted in rounds, not in seconds: a loop that stood still has heard nothing, and that is no silence.
            quiet = 0 if self._heard > heard or not self._consumer else quiet + 1
            heard = self._heard
            if quiet >= QUIET_ROUNDS:
                self._end(Phrase("nothing of the relay arrives"))
                return
            try:
                answer = await self._ask({})
                if not answer.get("known") and self._objects:  # this computer slept, say, and the lease has run out
                    await self._ask({"request": self._objects})
            except ConnectionLostError as error:
                self._end(error.cause)
                return

    # -- the stream ---------------------------------------------------------------------------------------------------
    async def _listen(self, subjects: frozenset[str], wishes: list[Wish]) -> None:
        """Have the messages of these subjects sent from where this program stands, and of new ones from now on."""
        place = self._place
        info = await self._link.ask_jetstream(f"STREAM.INFO.{self._names.stream}")
        state = info.get("state")
        if not isinstance(state, dict):
            raise ConnectionLostError("desk", Phrase("the server has no such stream"))
        first, last = int(state.get("first_seq", 0)), int(state.get("last_seq", 0))
        if place.sequence == 0:
            place.sequence = last
        begins = min(place.sequence, last) + 1
        is_whole = first <= begins
        if not is_whole:
            place.figures.holes += 1
            place.newest.clear()
        if not self._consumer:  # the first of this line
            self._replayed = place.subjects if is_whole else frozenset()
            place.figures.resumed += is_whole and bool(place.subjects)
        for subject in subjects - place.subjects:
            self._floors[subject] = last
        for subject in place.subjects - subjects:
            place.newest.pop(subject, None)
            self._flowing.discard(subject)
        await self._drop_consumer()
        self._consumers += 1
        consumer = f"{self._name.replace('.', '_')}_{self._consumers}"
        inbox = self._link.new_inbox()
        self._expected = 1
        self._subjects = place.subjects = subjects
        self._subscriptions.append(await self._link.subscribe(inbox, partial(self._on_message, consumer)))
        self._consumer = consumer
        self._show_known(wishes)  # before anything that comes after it
        config = {
            "name": consumer,
            "deliver_subject": inbox,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": begins,
            "ack_policy": "none",
            "max_deliver": 1,
            "flow_control": True,
            "idle_heartbeat": int(HEARTBEAT * 1e9),
            "inactive_threshold": int(30e9),
            "mem_storage": True,
            "num_replicas": 1,
            "replay_policy": "instant",
            "filter_subjects": [*sorted(subjects), *self._own.values()],
        }
        body = {"stream_name": self._names.stream, "config": config, "action": "create"}
        answer = await self._link.ask_jetstream(f"CONSUMER.CREATE.{self._names.stream}.{consumer}", body)
        if "error" in answer:
            reason = safe_text(str(answer["error"].get("description", "")), 200)
            raise ConnectionLostError("desk", Phrase("the server refuses to send ({reason})", reason=reason))

    async def _drop_consumer(self) -> None:
        if self._consumer:
            consumer, self._consumer = self._consumer, ""
            await self._subscriptions.pop().unsubscribe()
            await self._link.publish(f"$JS.API.CONSUMER.DELETE.{self._names.stream}.{consumer}")

    async def _on_message(self, consumer: str, message: Any) -> None:
        if consumer != self._consumer or self._closed.done():
            return
        headers = message.headers or {}
        if "Status" in headers:
            await self._on_status(message, headers)
            return
        sequence, number, pending = _numbers(message.reply)
        if number != self._expected:
            self._end(Phrase("something was lost on the way from the server"))  # the next line begins behind the last
            return
        self._expected += 1
        self._heard += 1
        self._place.figures.pending = pending
        stamp = Stamp.read(headers)
        if stamp is None or stamp.order <= self._place.order:
            # Sent again after the server was away, or by a relay that did not know yet that another one leads.
            self._place.figures.replayed += stamp is not None
            self._place.sequence = sequence
            return
        is_frame = message.subject not in self._own.values()
        if not self._is_of_this_line(stamp, is_frame=is_frame):
            self._end(Phrase("the relay has another line"))
            return
        self._take_message(message.subject, bytes(message.data), stamp, sequence)

    def _is_of_this_line(self, stamp: Stamp, *, is_frame: bool) -> bool:
        """Whether a message belongs to the epoch that this line is about; the first one says which that is.

        A relay that has lost its line beats on in the old epoch, until it has another one.
        """
        ours = self._line_epoch
        if ours is None and not is_frame and stamp.line_epoch == self._place.line_epoch:
            return True
        # A relay that had no line yet has one now: nothing came before it that could have been missed.
        if ours is None or (ours[1] == 0 and ours[0] == stamp.term):
            self._line_epoch = stamp.line_epoch
            if stamp.line_epoch != self._place.line_epoch:
                self._place.line_epoch = stamp.line_epoch
                self._place.is_lost = False
                self._place.newest.clear()
            return True
        return ours == stamp.line_epoch

    def _take_message(self, subject: str, data: bytes, stamp: Stamp, sequence: int) -> None:
        place = self._place
        place.order, place.sequence = stamp.order, sequence
        if subject == self._own[BEAT]:
            place.figures.relay_lag = self._desk.wall_clock() - stamp.received_at
            return
        if subject == self._own[LINE]:
            what = read_json(data)
            place.is_lost = True
            self._end(Phrase("the relay has lost its line ({reason})", reason=safe_text(str(what.get("cause")), 200)))
            return
        if sequence <= self._floors.get(subject, 0) or subject not in self._subjects:
            return
        if stamp.order <= self._shown.pop(subject, (0, 0)):
            return  # the present state that was shown was this, or a newer one
        place.figures.relay_lag = lag = self._desk.wall_clock() - stamp.received_at
        place.figures.lags.add(max(0.0, lag))
        self._flowing.add(subject)
        place.newest[subject] = data
        self._add(data)

    async def _on_status(self, message: Any, headers: dict[str, str]) -> None:
        """Answer what JetStream says of the way itself: that it waits, or that there is nothing new."""
        reply = message.reply or headers.get("Nats-Consumer-Stalled", "")
        if reply:
            await self._link.publish(reply)
        last = headers.get("Nats-Last-Consumer", "")
        if last.isdigit() and int(last) >= self._expected:
            self._end(Phrase("something was lost on the way from the server"))

    # -- the present state --------------------------------------------------------------------------------------------
    def _show_known(self, wishes: list[Wish]) -> None:
        """Show what was handed in last, of what flows, where the present state is asked for."""
        for wish in wishes:
            if wish.only_realtime or not wish.spec.data_type.has_snapshot:
                continue
            for stream in wish.streams:
                data = self._place.newest.get(self._names.subject(stream))
                if data is not None:
                    self._add(data.replace(b'"REALTIME"', b'"SNAPSHOT"', 1))

    async def _on_shown(self, message: Any) -> None:
        """Take the present state of a stream that flowed before this program wanted it."""
        headers = message.headers or {}
        stamp, subject = Stamp.read(headers), headers.get("Upbit-Subject", "")
        # Whatever has come of it by the stream, or will, in order, is better.
        if (
            stamp is None
            or self._closed.done()
            or subject in self._flowing
            or subject in self._replayed
            or subject in self._place.newest
            or subject not in self._subjects
            or self._line_epoch not in (None, stamp.line_epoch, (stamp.term, 0))
        ):
            return
        self._shown[subject] = stamp.order
        self._add(bytes(message.data))

    # -- inwards ------------------------------------------------------------------------------------------------------
    def _add(self, data: bytes) -> None:
        self._frames += 1
        self._bytes += len(data)
        self._batch.append(data)
        if self._flushing is None:
            self._flushing = self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = None
        batch, self._batch = self._batch, []
        self._take(batch)

    def _take(self, batch: list[bytes]) -> None:
        if batch:
            self._last_frame_at = now = self._loop.time()
            self._request.on_frames(iter(batch), now)

    # -- the end ------------------------------------------------------------------------------------------------------
    def _on_link_closed(self, closed: asyncio.Future[str]) -> None:
        self._end(closed.result())

    def _end(self, cause: str, *, asked: bool = False) -> None:
        """End the line, once what has come is handed in."""
        if self._closed.done():
            return
        if self._flushing is not None:
            self._flushing.cancel()
            self._flush()
        if self._renewing is not None and self._renewing is not asyncio.current_task(self._loop):
            self._renewing.cancel()
        code = 1000 if asked else NO_CLOSE_FRAME
        self._closed.set_result(CloseInfo(code, "", cause, asked))
        self._link.closed.remove_done_callback(self._on_link_closed)
        if self._link.is_open:
            self._desk.chore(self._leave(asked=asked))

    async def _leave(self, *, asked: bool) -> None:
        """Give back what the server holds for this line, and what the relay does.

        After a loss the wishes hold until their lease ends: the next line has the same, and the relay must not close
        its own in between.
        """
        if asked:
            gone = as_json({"client": self._name, "gone": True})
            with contextlib.suppress(ConnectionLostError):  # then it ends with its lease
                await self._link.request(self._names.asked(self._ws_type), gone, RENEW_EVERY)
        try:
            await self._drop_consumer()
            for subscription in self._subscriptions:
                await subscription.unsubscribe()
        except Exception as error:  # noqa: BLE001 - nats-py's own, whose names are not seen here
            if self._link.is_open:
                raise ConnectionLostError("desk", safe_text(str(error), 100)) from None


def _numbers(reply: str) -> tuple[int, int, int]:
    """Return number in the stream, number for the consumer, and how many wait, from where a message wants its answer.

    `$JS.ACK.<stream>.<consumer>.<delivered>.<stream number>.<consumer number>.<time>.<pending>`; in the newer form
    domain and account come before the stream, and something random last.
    """
    parts = reply.split(".")
    begins = 2 if len(parts) == 9 else 4
    return int(parts[begins + 3]), int(parts[begins + 4]), int(parts[begins + 6])
