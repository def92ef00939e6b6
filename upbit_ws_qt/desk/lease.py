"""Which of several relays leads: a lease in JetStream that has to be renewed, and a term that no two ever share."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from upbit_ws_qt.desk.subjects import as_json, read_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.desk.nats_link import NatsLink
    from upbit_ws_qt.desk.subjects import Names

__all__ = ["LEASE", "RENEW_EVERY", "Lease"]

LEASE = 2.5
"""Seconds for which a relay that waits sees no renewal before it takes over, by its own clock."""
SURE_FOR = 1.7
"""Seconds after a renewal was asked for in which the one that leads publishes: less, so that never two do."""
RENEW_EVERY = 0.5
LOOK_EVERY = 0.25


class Lease:
    """One relay's view of who leads.

    The value under the key `leader` is changed only by who knows its last number, so that of two relays that try at the
    same time one is refused. Times are of this computer's monotonic clock alone, which goes on while a process is
    stopped: one that is woken finds that its time is over before it publishes anything.

    Args:
        names: of the desk.
        relay: this relay's own name, which no other has.
        clock: seconds, monotonic.

    Attributes:
        term: that this relay leads, 0 while it does not.
    """

    def __init__(self, names: Names, relay: str, clock: Callable[[], float]) -> None:
        self._bucket = names.bucket
        self._relay = relay
        self._clock = clock
        self._revision = 0
        self._sure_until = float("-inf")
        self._seen_revision = -1
        self._seen_at = 0.0
        self.term = 0

    @property
    def is_sure(self) -> bool:
        """Whether no other relay can lead at this moment."""
        return self.term > 0 and self._clock() < self._sure_until

    async def try_to_lead(self, link: NatsLink, at_least: int) -> bool:
        """Take the lead where nobody has it any more; return whether this relay leads now.

        Args:
            link: the connection.
            at_least: the least that a new term may be.
        """
        revision, relay, term = await self._read(link)
        now = self._clock()
        if revision != self._seen_revision:
            self._seen_revision, self._seen_at = revision, now
        if revision and relay and now - self._seen_at < LEASE:
            return False
        return await self._write(link, revision, max(term + 1, at_least))

    async def renew(self, link: NatsLink) -> bool:
        """Go on leading; False, and it leads no more, where another one has taken over."""
        return await self._write(link, self._revision, self.term)

    async def next_term(self, link: NatsLink) -> bool:
        """Begin another term without letting go of the lead; False where another one has taken over."""
        return await self._write(link, self._revision, self.term + 1)

    async def release(self, link: NatsLink) -> None:
        """Let the next one lead at once."""
        if self.term:
            term, self.term = self.term, 0
            self._sure_until = float("-inf")
            await self._put(link, self._revision, "", term)

    def lost(self) -> None:
        """Note that another one leads."""
        self.term = 0
        self._sure_until = float("-inf")
        self._seen_revision = -1

    async def _write(self, link: NatsLink, revision: int, term: int) -> bool:
        began = self._clock()
        stored = await self._put(link, revision, self._relay, term)
        if stored is None:
            self.lost()
            return False
        self._revision, self.term = stored, term
        self._sure_until = began + SURE_FOR
        return True

    async def _put(self, link: NatsLink, revision: int, relay: str, term: int) -> int | None:
        headers = {"Nats-Expected-Last-Subject-Sequence": str(revision)}
        data = as_json({"relay": relay, "term": term})
        answer = read_json(await link.request(f"$KV.{self._bucket}.leader", data, SURE_FOR, headers=headers))
        return None if "error" in answer or "seq" not in answer else int(answer["seq"])

    async def _read(self, link: NatsLink) -> tuple[int, str, int]:
        subject = f"$KV.{self._bucket}.leader"
        answer = await link.ask_jetstream(f"STREAM.MSG.GET.KV_{self._bucket}", {"last_by_subj": subject}, SURE_FOR)
        message = answer.get("message")
        if message is None:
            return 0, "", 0
        value = read_json(base64.b64decode(message.get("data", "")))
        return int(message["seq"]), str(value.get("relay", "")), int(value.get("term", 0))
