"""When LIST_SUBSCRIPTIONS is due on one line, and what the one on its way is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.demand import Demand
    from upbit_ws_qt.types import DataType

__all__ = ["Lister", "Listing"]

_TRIES = 2


@dataclass(frozen=True, slots=True)
class Listing:
    """A LIST_SUBSCRIPTIONS on its way.

    Attributes:
        ticket: its label.
        at: when it left.
        number: of the latest request before it.
        union: what that request asked for.
        mixed_types: the types that stood in that request in two ways.
    """

    ticket: str
    at: float
    number: int
    union: Mapping[StreamKey, Demand]
    mixed_types: frozenset[DataType]


class Lister:
    """Each list costs a message of the budget: it is asked for where nothing else proves something.

    Attributes:
        due: when the next one should leave, None for no need.
        on_its_way: the one that was sent and not answered.
        failures: lists in a row that were not answered.
        listed: number of the latest request that a list has covered.
        listed_at: when the latest answer came; 0 before the first.
        must: number of the request that a list has to cover before the line counts as proved.
    """

    def __init__(self, answer_timeout: float) -> None:
        self._timeout = answer_timeout
        self.due: float | None = None
        self.on_its_way: Listing | None = None
        self.failures = 0
        self.listed = 0
        self.listed_at = 0.0
        self.must = 0

    @property
    def is_busy(self) -> bool:
        """Whether one is due or on its way."""
        return self.due is not None or self.on_its_way is not None

    @property
    def is_done(self) -> bool:
        """Whether what has to be covered is."""
        return self.listed >= self.must and not self.is_busy

    @property
    def has_failed(self) -> bool:
        """Whether the exchange does not answer."""
        return self.failures >= _TRIES

    def want(self, at: float) -> None:
        """Have one leave at a time, or earlier where one was wanted earlier."""
        self.due = at if self.due is None else min(self.due, at)

    def starves(self, now: float) -> bool:
        """Whether one has been due for so long that it goes before a request."""
        return self.due is not None and now >= self.due + 0.5

    def sent(self, listing: Listing) -> None:
        """Note that one has left."""
        self.on_its_way, self.due = listing, None

    def answered(self, ticket: str, now: float) -> Listing | None:
        """Take an answer; None where it was not asked for."""
        listing = self.on_its_way
        if listing is None or ticket not in ("", listing.ticket):
            return None
        self.on_its_way = None
        self.failures = 0
        self.listed, self.listed_at = listing.number, now
        return listing

    def drop(self) -> bool:
        """Forget the one on its way; return whether there was one."""
        was_on_its_way, self.on_its_way = self.on_its_way is not None, None
        return was_on_its_way

    def check(self, now: float) -> bool:
        """Whether the answer has just become overdue; it is asked for again once."""
        deadline = self.deadline()
        if deadline is None or now < deadline:
            return False
        self.on_its_way = None
        self.failures += 1
        self.due = None if self.has_failed else now
        return True

    def deadline(self) -> float | None:
        """Return when the answer has to be there."""
        return None if self.on_its_way is None else self.on_its_way.at + self._timeout
