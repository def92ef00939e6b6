"""The trades of one market that order flow is reckoned from: each once, however it became known; no Qt."""

from __future__ import annotations

from bisect import bisect_left, insort
from decimal import Decimal  # noqa: TC003 - the tuple's types
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upbit_ws_qt import TradeEvent

__all__ = ["FlowTrade", "FlowTrades", "flow_trade"]

MOST_TRADES = 100_000


class FlowTrade(NamedTuple):
    """One trade; in the order of its time, then of its coming.

    Attributes:
        ms: when it was made, ms since 1970.
        number: how many were known before it, so that trades of one moment keep their order.
        price: in the quote currency.
        volume: in the base currency.
        is_buy: whether the taker bought.
        key: the exchange's id.
        asked: whether it was asked for by REST, and did not come on the line.
    """

    ms: int
    number: int
    price: Decimal
    volume: Decimal
    is_buy: bool
    key: int
    asked: bool


def flow_trade(event: TradeEvent, number: int) -> FlowTrade:
    """Return what an event tells."""
    return FlowTrade(
        event.trade_timestamp,
        number,
        event.trade_price,
        event.trade_volume,
        event.ask_bid == "BID",
        event.sequential_id,
        event.recovered,
    )


class FlowTrades:
    """Trades in the order of their time, at most 100,000; beyond that the oldest go, and are counted.

    Attributes:
        all: oldest first.
        left_out: how many there was no room for.
        asked: how many of them were asked for by REST.
    """

    def __init__(self, most: int = MOST_TRADES) -> None:
        self.all: list[FlowTrade] = []
        self.left_out = 0
        self.asked = 0
        self._most = most
        self._known: set[int] = set()
        self._later = 0  # numbers of those that come last go up, of those that are put before go down
        self._earlier = 0

    def __len__(self) -> int:
        return len(self.all)

    def take(self, event: TradeEvent) -> FlowTrade | None:
        """Note a trade, and return it; None for one that is known, or is older than all that there is room for."""
        if event.sequential_id in self._known:
            return None
        self._later += 1
        return self._put(flow_trade(event, self._later))

    def put_before(self, events: Iterable[TradeEvent]) -> list[FlowTrade]:
        """Note trades of the past, newest first as REST tells them; return those that were not known."""
        found = []
        for event in events:
            if event.sequential_id not in self._known:
                self._earlier -= 1
                made = self._put(flow_trade(event, self._earlier))
                if made is not None:
                    found.append(made)
        return found

    @property
    def since_ms(self) -> int | None:
        """When the first of them was made; None for none."""
        return self.all[0].ms if self.all else None

    @property
    def oldest_key(self) -> int | None:
        """The id of the first of them, before which more can be asked for; None for none."""
        return self.all[0].key if self.all else None

    def between(self, begin_ms: int, end_ms: int) -> list[FlowTrade]:
        """Return the trades from a time on up to another one, without it."""
        first = bisect_left(self.all, begin_ms, key=_ms)
        return self.all[first : bisect_left(self.all, end_ms, key=_ms)]

    def _put(self, trade: FlowTrade) -> FlowTrade | None:
        if len(self.all) >= self._most:
            self.left_out += 1
            if trade < self.all[0]:
                return None
            gone = self.all.pop(0)
            self._known.discard(gone.key)
            self.asked -= gone.asked
        self._known.add(trade.key)
        self.asked += trade.asked
        if not self.all or trade > self.all[-1]:
            self.all.append(trade)
        else:
            insort(self.all, trade)
        return trade


def _ms(trade: FlowTrade) -> int:
    return trade.ms
