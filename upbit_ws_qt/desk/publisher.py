"""What a relay publishes: numbered, in one order, kept until JetStream has it, and sent again where it has not."""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from upbit_ws_qt.desk.subjects import Stamp
from upbit_ws_qt.errors import ConnectionLostError
from upbit_ws_qt.text import Phrase

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.desk.nats_link import NatsLink
    from upbit_ws_qt.desk.subjects import Names

__all__ = ["Message", "Publisher", "last_stamp", "make_streams", "streams_to_make"]

AT_ONCE = 64
"""Messages that are given to the connection before others on the loop have their turn."""
MOST_ON_ITS_WAY = 4 * 1024 * 1024
"""Bytes that wait for the socket; beyond them nothing more is given to it until it has taken them."""
CONFIRMED_WITHIN = 5.0


class Message(NamedTuple):
    """A message with its number.

    Attributes:
        stamp: what its headers say.
        subject: where it goes.
        data: the exchange's frame as it came, or what the relay itself says.
    """

    stamp: Stamp
    subject: str
    data: bytes


class Publisher:
    """All that a relay has published in its term, until JetStream has confirmed it; bounded by bytes.

    What is published is not confirmed one by one, which would cost as much as all else. Now and then a message is
    confirmed, and with it all before it. After a lost connection the stream says what it has last, and the rest is sent
    again, with the same numbers: whoever has had it knows it by them.

    Args:
        term: of the relay.
        limit: bytes that are kept; what goes beyond it, while there is no server, makes it overflow.
        may_send: asked before each message; False while it is not known that no other relay leads.

    Attributes:
        has_overflowed: whether something was given up; the term cannot be gone on with then.
        published: messages given to a connection, those sent again too.
        sent_again: those of them that were sent once more.
        number: of the newest message.
    """

    def __init__(self, term: int, limit: int, may_send: Callable[[], bool]) -> None:
        self.term = term
        self._limit = limit
        self._may_send = may_send
        self._kept: deque[Message] = deque()
        self._bytes = 0
        self._next = 1  # number of what is sent next
        self._wake = asyncio.Event()
        self.number = 0
        self.has_overflowed = False
        self.published = 0
        self.sent_again = 0
        self._furthest = 0

    @property
    def waiting(self) -> int:
        """Messages that have not been given to a connection."""
        return self.number - self._next + 1

    @property
    def kept_bytes(self) -> int:
        """Bytes that are kept."""
        return self._bytes

    def put(self, subject: str, data: bytes, epoch: int, received_at: float) -> Message:
        """Number a message and have it sent."""
        self.number += 1
        message = Message(Stamp(self.term, self.number, epoch, received_at), subject, data)
        self._kept.append(message)
        self._bytes += len(data) + len(subject)
        while self._bytes > self._limit and self._kept:
            self.has_overflowed |= self._kept[0].stamp.number >= self._next
            self._forget()
        self._wake.set()
        return message

    def confirmed(self, number: int) -> None:
        """Note that the stream has everything up to a number."""
        while self._kept and self._kept[0].stamp.number <= number:
            self._forget()

    def wake(self) -> None:
        """Have it looked again whether something may be sent."""
        self._wake.set()

    def go_on_after(self, order: tuple[int, int]) -> None:
        """Send what comes after the last message that the stream has; nothing is on its way when this is called."""
        term, number = order
        self._next = number + 1 if term == self.term else 1
        if self._kept and self._kept[0].stamp.number > self._next:
            self.has_overflowed = True

    async def send_over(self, link: NatsLink) -> None:
        """Send what is there and what comes, until the connection is lost: ConnectionLostError."""
        while link.is_open:
            await self._send_waiting(link)
            if self.waiting == 0 or not self._may_send():
                self._wake.clear()
                await self._wake.wait()
        raise ConnectionLostError("desk", Phrase("the connection to the server is lost ({reason})", reason="closed"))

    async def _send_waiting(self, link: NatsLink) -> None:
        while self.waiting > 0 and not self.has_overflowed:
            if link.waiting_bytes > MOST_ON_ITS_WAY:
                await link.flush(CONFIRMED_WITHIN)
            batch = self._batch()
            for message in batch:
                # Each time: the computer may have slept, or the process been stopped, between two of them.
                if not self._may_send():
                    return
                await link.publish(message.subject, message.data, headers=message.stamp.headers())
                number = message.stamp.number
                self._next = number + 1
                self.published += 1
                self.sent_again += number <= self._furthest
                self._furthest = max(self._furthest, number)
            await asyncio.sleep(0)

    def _batch(self) -> list[Message]:
        """Return what comes next; `_kept` is counted without a hole."""
        begins = self._next - self._kept[0].stamp.number
        return [self._kept[place] for place in range(begins, min(begins + AT_ONCE, len(self._kept)))]

    def _forget(self) -> None:
        message = self._kept.popleft()
        self._bytes -= len(message.data) + len(message.subject)


async def last_stamp(link: NatsLink, names: Names) -> tuple[int, int]:
    """Return the order of the last message that the stream has; (0, 0) where it has none."""
    info = await link.ask_jetstream(f"STREAM.INFO.{names.stream}")
    last = int(info.get("state", {}).get("last_seq", 0))
    first = int(info.get("state", {}).get("first_seq", 0))
    while last >= max(1, first):
        answer = await link.ask_jetstream(f"STREAM.MSG.GET.{names.stream}", {"seq": last})
        stamp = Stamp.read(_headers(answer.get("message", {}).get("hdrs", "")))
        if stamp is not None:
            return stamp.order
        last -= 1
    return 0, 0


def _headers(encoded: str) -> dict[str, str]:
    lines = base64.b64decode(encoded).decode("utf-8", "replace").split("\r\n")[1:]
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines) if value}


def streams_to_make(names: Names, *, past_bytes: int, past_seconds: float, memory: bool) -> list[dict[str, object]]:
    """Return the streams that a desk needs, as JetStream is told: the past, the newest of each subject, who leads."""
    storage = "memory" if memory else "file"
    past = {
        "name": names.stream,
        "subjects": list(names.everything),
        "max_bytes": past_bytes,
        "max_age": int(past_seconds * 1e9),
        "discard": "old",
        "storage": storage,
        "allow_direct": True,
        "duplicate_window": int(min(past_seconds, 1.0) * 1e9),
    }
    newest = {
        "name": names.newest,
        "sources": [{"name": names.stream}],
        "max_msgs_per_subject": 1,
        "discard": "old",
        "storage": storage,
        "allow_direct": True,
    }
    leader = {
        "name": f"KV_{names.bucket}",
        "subjects": [f"$KV.{names.bucket}.>"],
        "max_msgs_per_subject": 1,
        "discard": "new",
        "storage": storage,
        "allow_rollup_hdrs": True,
        "allow_direct": True,
        "deny_delete": True,
    }
    return [past, newest, leader]


async def make_streams(link: NatsLink, streams: list[dict[str, object]]) -> None:
    """Make what is not there, and give what is there these bounds.

    Raises:
        ConnectionLostError: the server refuses; with its reason.
    """
    for each in streams:
        answer = await link.ask_jetstream(f"STREAM.CREATE.{each['name']}", each)
        if "error" in answer:
            answer = await link.ask_jetstream(f"STREAM.UPDATE.{each['name']}", each)
        if "error" in answer:
            reason = str(answer["error"].get("description", ""))[:200]
            raise ConnectionLostError("desk", Phrase("the server refuses a stream ({reason})", reason=reason))
