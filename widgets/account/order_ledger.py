"""Own orders as far as the exchange has told of them, as plain data: newest state per order, bounded; no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from upbit_ws_qt import MyOrderEvent

__all__ = ["KnownOrder", "OrderLedger"]

MOST_FINISHED = 500


@dataclass(slots=True)
class KnownOrder:
    """One order.

    Attributes:
        event: the newest about it.
        price: its limit, which the message of a fill does not carry; None where it has none.
        volume: ordered in all; None where it is not known.
        uncertain: the line was down since: it may have been filled or cancelled meanwhile.
    """

    event: MyOrderEvent
    price: Decimal | None
    volume: Decimal | None
    uncertain: bool = False

    @property
    def is_open(self) -> bool:
        """Whether something may still come of it."""
        return not self.event.is_final


class OrderLedger:
    """All open orders that were heard of, and the latest finished ones, oldest first."""

    def __init__(self) -> None:
        self._orders: dict[str, KnownOrder] = {}
        self._finished: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._orders)

    def __iter__(self) -> Iterator[KnownOrder]:
        return iter(self._orders.values())

    def take(self, event: MyOrderEvent) -> KnownOrder:
        """Note what became of an order; one that is older than what is known changes nothing."""
        known = self._orders.get(event.uuid)
        if known is None:
            known = self._orders[event.uuid] = KnownOrder(event, None, None)
        elif event.timestamp < known.event.timestamp:
            return known
        if not event.is_fill and event.price is not None:
            known.price = event.price
        known.volume = _whole(event) or known.volume
        known.event, known.uncertain = event, False
        if event.is_final:
            self._finished[event.uuid] = None
            self._forget()
        return known

    def take_past(self, event: MyOrderEvent) -> bool:
        """Note an order of before; False for one that is known, of which the line has told more."""
        if event.uuid in self._orders:
            return False
        self.take(event)
        return True

    def doubt(self) -> bool:
        """Mark all open orders as uncertain, after a gap; return whether there were any."""
        found = False
        for order in self._orders.values():
            if order.is_open:
                order.uncertain = found = True
        return found

    def trust(self, open_uuids: Collection[str]) -> bool:
        """Doubt those no more that are known to be open, after a gap that was healed; return whether there were any.

        What is not open any more was told where this account listened; else nobody knows how it ended.
        """
        found = False
        for uuid, order in self._orders.items():
            if order.uncertain and uuid in open_uuids:
                order.uncertain, found = False, True
        return found

    def open_by_price(self, market: str) -> dict[tuple[bool, Decimal], tuple[Decimal, bool]]:
        """Return (is a bid, limit) -> (left to fill, whether some of it is uncertain), of one market's open orders."""
        found: dict[tuple[bool, Decimal], tuple[Decimal, bool]] = {}
        for order in self._orders.values():
            left = order.event.remaining_volume
            if order.is_open and order.event.code == market and order.price is not None and left:
                key = (order.event.is_bid, order.price)
                volume, uncertain = found.get(key, (Decimal(0), False))
                found[key] = (volume + left, uncertain or order.uncertain)
        return found

    def _forget(self) -> None:
        while len(self._finished) > MOST_FINISHED:
            oldest = next(iter(self._finished))
            del self._finished[oldest], self._orders[oldest]


def _whole(event: MyOrderEvent) -> Decimal | None:
    if event.remaining_volume is None:
        return None
    return event.executed_volume + event.remaining_volume + (event.prevented_volume or 0)
