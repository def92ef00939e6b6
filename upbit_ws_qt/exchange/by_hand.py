"""A deterministic world: a test says what happens, and it happens once, whatever the simulation is doing.

With time standing still (`ExchangeSettings(stopped=True)`) nothing else happens at all.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Unpack

from .faultlist import Fault, FaultName
from .market.by_hand import ByHandError
from .operations import Operations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from decimal import Decimal

    from .market.by_hand import Amount, Level
    from .market.orders import OrderTerms, OrderView
    from .messages import Change
    from .settings import ExchangeSettings
    from .world import World

_POLL = 0.001
_CALM_LOOKS = 3  # what one callback asks for, another one does in the loop's next turn, and a third one follows


class PlacedOrder:
    """An order that was placed by hand, and what may become of it.

    Attributes:
        uuid: its name at the exchange.
    """

    def __init__(self, exchange: Operations, uuid: str) -> None:
        self._exchange = exchange
        self.uuid = uuid

    def __repr__(self) -> str:
        order = self.now
        return f"<PlacedOrder {order.code} {order.side} {order.state} {self.uuid}>"

    @property
    def now(self) -> OrderView:
        """The order as it stands; KeyError when it is finished for so long that the exchange has forgotten it."""
        order = self._exchange.world.account.order(self.uuid)
        if order is None:
            raise KeyError(self.uuid)
        return order

    @property
    def state(self) -> str:
        """`wait`, `watch`, `done`, `cancel` or `prevented`."""
        return self.now.state

    def fill(self, volume: Amount | None = None, price: Amount | None = None, *, is_maker: bool = True) -> None:
        """Have it filled, by its rest or by `volume`, at its own price or a better one."""
        self._exchange.fill_order(self.uuid, volume, price, is_maker=is_maker)

    def cancel(self) -> None:
        """Have it cancelled."""
        self._exchange.cancel_order(self.uuid)

    def trigger(self) -> None:
        """Have a reserved order wait in the book from now on."""
        self._exchange.trigger_order(self.uuid)

    def prevent(self, volume: Decimal | None = None) -> None:
        """Have self-match prevention take its rest, or `volume`."""
        self._exchange.prevent_order(self.uuid, volume)


class ByHand(Operations):
    """What a test makes happen in an exchange.

    Everything is delivered at once to who is subscribed to it, and is the state that later subscribers meet. Each event
    has a millisecond of its own, so that two equal ones are two. What cannot be raises `ByHandError`, and nothing has
    happened then; an order that the exchange does not take raises `OrderRejectedError`.
    """

    def __init__(self, settings: ExchangeSettings, world: World, now: Callable[[], float]) -> None:
        super().__init__(settings, world, now)
        self._last_ms = 0
        self._settled: list[Callable[[], object]] = []

    def trade(self, code: str, price: Amount, volume: Amount, side: str = "BID") -> list[Change]:
        """Have `volume` traded at `price`; the ticker, the book and the candles of the market follow.

        Args:
            code: the market.
            price: on its price grid; exact, so no float.
            volume: of the base currency, with at most eight decimals.
            side: who came to the book: "BID" for a buyer, "ASK" for a seller.
        """
        changes: list[Change] = []
        self.world.by_hand(code).trade_by_hand(self._next_ms(), price, volume, side, changes)
        return self._delivered(changes)

    def ticker(self, code: str, **fields: Any) -> Change:
        """Have the ticker change in some fields, by their names on the wire, such as `trade_price="160000000"`.

        `change`, its price and its rate follow from `trade_price` and `prev_closing_price`.
        """
        change = self.world.by_hand(code).ticker_by_hand(self._next_ms(), fields)
        self.deliver([change])
        return change

    def book(self, code: str, asks: Iterable[Level], bids: Iterable[Level]) -> Change:
        """Have the order book be these levels, as (price, size), the best first, 1 to 30 on each side."""
        change = self.world.by_hand(code).book_by_hand(self._next_ms(), asks, bids)
        self.deliver([change])
        return change

    def candle(self, code: str, unit: str, **fields: Any) -> Change:
        """Have the running candle of a unit such as "1m" change in some fields, by their names on the wire."""
        change = self.world.by_hand(code).candle_by_hand(self._next_ms(), unit, fields)
        self.deliver([change])
        return change

    def order(
        self,
        code: str,
        side: str,
        order_type: str = "limit",
        price: Amount | None = None,
        volume: Amount | None = None,
        **terms: Unpack[OrderTerms],
    ) -> PlacedOrder:
        """Place an order of the account (`World.account.place`) and return it, to be filled or cancelled."""
        return PlacedOrder(self, self.place_order(code, side, order_type, price, volume, **terms)[0].uuid)

    def cut(self, endpoint: str = "public") -> Fault:
        """Reset all connections of an endpoint, as a router does that is switched off; clients may come back at once.

        Raises:
            ByHandError: an endpoint that there is not, or that nobody is connected to: nothing would be cut.
        """
        if not any(view.endpoint == endpoint for view in self.connections):
            raise ByHandError("endpoint", endpoint, "nobody is connected to it, so there is nothing to cut")
        return self.faults.inject(FaultName.DROP, endpoint=endpoint)

    def silence(self, *codes: str) -> Fault:
        """Send nothing more about some markets, though all is well with the lines; `.clear()` of the result ends it."""
        for code in codes:
            self.world.by_hand(code)
        if not codes:
            raise ByHandError("codes", codes, "name the markets that nothing is to be heard of")
        return self.faults.inject(FaultName.MUTE, codes=codes)

    def settle_with(self, condition: Callable[[], object]) -> Callable[[], None]:
        """Have `settle` wait for a condition of yours too; call what is returned to have it forgotten.

        A client on the same loop says by it that it has done with everything it has read.
        """
        self._settled.append(condition)
        return lambda: self._settled.remove(condition) if condition in self._settled else None

    async def settle(self, seconds: float = 60.0) -> None:
        """Return when every client has read all that was sent, and all conditions of `settle_with` hold.

        What a fault holds back has not been sent, and a line that a fault has silenced is not waited for.

        Raises:
            TimeoutError: after `seconds`.
        """
        calm = 0
        async with asyncio.timeout(seconds):
            while calm < _CALM_LOOKS:
                await self._all_read()
                calm = calm + 1 if all(condition() for condition in tuple(self._settled)) else 0
                await asyncio.sleep(0 if calm else _POLL)

    async def _all_read(self) -> None:
        self._hub.flush_all()
        lines = [session.line for session in self._hub.sessions.values() if session.line.is_open]
        asked = [(line, line.ping()) for line in lines]
        while any(line.is_open and line.pongs < number for line, number in asked):  # noqa: ASYNC110 -- or it ends
            await asyncio.sleep(_POLL)

    def _next_ms(self) -> int:
        """Return the exchange time of what happens now: later than that of all that a test has made happen before."""
        self._last_ms = max(self.world.now_ms, self._last_ms + 1)
        return self._last_ms
