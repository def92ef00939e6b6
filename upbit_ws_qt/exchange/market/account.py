"""The account behind the dummy keys: orders placed, filled, cancelled and prevented, with sums that are exact."""

from __future__ import annotations

import itertools
import uuid
from collections import OrderedDict
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Protocol

from upbit_ws_qt.exchange.private_messages import AssetChange, OrderChange

from .numbers import UNIT, to_units
from .orders import (
    MONEY_OF_FUNDS,
    MONEY_OF_VOLUME,
    NO_PREVENTION,
    ORDER_TYPES,
    SIDES,
    SMP_TYPES,
    TIMES_IN_FORCE,
    USUAL_PREVENTION,
    Fill,
    Holding,
    OrderRejectedError,
    OrderView,
)
from .ticks import GRIDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upbit_ws_qt.exchange.messages import BookSide, Change

# The figures of the other countries are ours.
FEE = {"KRW": 5, "BTC": 25, "USDT": 25, "SGD": 25, "IDR": 25, "THB": 25}  # ten-thousandths
# Smallest order in the quote currency.
LEAST = {
    "KRW": 5000 * UNIT,
    "BTC": UNIT // 20_000,
    "USDT": UNIT // 2,
    "SGD": 5 * UNIT,
    "IDR": 50_000 * UNIT,
    "THB": 100 * UNIT,
}
_KEPT = 1500  # finished orders remembered
_OPEN_AT_MOST = 1000
_START_FIAT = {"KRW": "50000000", "SGD": "45000", "IDR": "500000000", "THB": "1100000"}
# What is held at first beside it, and what was paid for one of it in KRW.
_START = {
    "BTC": ("0.5", 140_000_000),
    "ETH": ("3", 4_100_000),
    "XRP": ("10000", 2_900),
    "USDT": ("2000", 1_430),
}


class Surroundings(Protocol):
    """What the account needs to know of its world."""

    @property
    def now_ms(self) -> int:
        """Exchange time in epoch milliseconds."""

    def sides(self, code: str) -> tuple[BookSide, BookSide] | None:
        """Return asks and bids of a pair, or None for an unknown one."""


class Account:
    """Orders and holdings of the one account there is."""

    def __init__(self, surroundings: Surroundings, seed: int, fiat: str = "KRW") -> None:
        self._world = surroundings
        self._random = Random(f"account {seed}")
        self._numbers = itertools.count(1)
        self._orders: OrderedDict[str, OrderView] = OrderedDict()
        self._held: dict[str, list[int]] = {
            currency: [to_units(amount) * MONEY_OF_VOLUME, 0]
            for currency, amount in ((fiat, _START_FIAT[fiat]), *((name, held) for name, (held, _) in _START.items()))
        }
        # What was paid for all that is held, in 1e-20 KRW, fees apart.
        self._paid = {currency: self._held[currency][0] * price for currency, (_, price) in _START.items()}

    def balances(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Return (free, locked) by currency, exact."""
        return {currency: (_money(free), _money(locked)) for currency, (free, locked) in self._held.items()}

    def holdings(self) -> list[Holding]:
        """Return what is held of each currency, KRW always, others where there is any."""
        found = []
        for currency, (free, locked) in self._held.items():
            total = free + locked
            if total or currency == "KRW":
                paid = self._paid.get(currency, 0)
                average = (paid * UNIT * 2 + total) // (2 * total) if total else 0
                found.append(Holding(currency, free, locked, average))
        return found

    def orders(self) -> list[OrderView]:
        """Return all remembered orders, oldest first: every open one, and the latest finished ones."""
        return [replace(order) for order in self._orders.values()]

    def order(self, uuid: str) -> OrderView | None:
        """Return one remembered order, or None."""
        order = self._orders.get(uuid)
        return replace(order) if order is not None else None

    def place(
        self,
        code: str,
        side: str,
        order_type: str = "limit",
        price: Decimal | int | str | None = None,
        volume: Decimal | int | str | None = None,
        time_in_force: str | None = None,
        identifier: str | None = None,
        smp_type: str | None = None,
        *,
        watching: bool = False,
    ) -> list[Change]:
        """Place an order; the first change is its myOrder (`.uuid`), the last is a myAsset.

        A limit order rests until `fill`, `cancel` or `prevent`; the others are executed against the book at once.
        What would meet an own order of the other side is prevented first, as the `smp_type` of the new order says.

        Args:
            code: a pair of this world.
            side: ASK or BID.
            order_type: limit; price (buy for so much money); market (sell so much); best (either).
            price: of a limit order, on the grid; of a buying price or best order the money to spend.
            volume: of the base currency, at most eight decimals; not for buying price or best orders.
            time_in_force: ioc, fok, post_only or None.
            identifier: the caller's own name for the order.
            smp_type: none, reduce, cancel_maker or cancel_taker; None for cancel_maker, which is none for a post_only
                order: that one takes nothing else.
            watching: start as a reserved order in state `watch`; `trigger` makes it wait.

        Raises:
            OrderRejectedError: bad arguments, off the grid, too small, or not enough money.
        """
        sides = self._check(code, side, order_type, time_in_force, smp_type)
        order = self._draft(code, side, order_type, price, volume, watching=watching)
        order.time_in_force, order.identifier = time_in_force, identifier
        order.smp_type = smp_type or (NO_PREVENTION if time_in_force == "post_only" else USUAL_PREVENTION)
        return self._enter(order, sides)

    def fill(
        self,
        uuid: str,
        volume: Decimal | int | str | None = None,
        price: Decimal | int | str | None = None,
        *,
        is_maker: bool = True,
    ) -> list[Change]:
        """Fill an open limit order by `volume` (default: the rest) at `price` (default: its own; never a worse one).

        Raises:
            OrderRejectedError: no such open order, too much volume, or a worse price.
        """
        order = self._open_order(uuid)
        size = order.remaining if volume is None else self._amount("volume", volume, wanted=True)
        at = order.price if price is None else self._amount("price", price, wanted=True)
        if order.state != "wait" or not 0 < size <= order.remaining:
            raise OrderRejectedError("invalid_volume", f"order {uuid} ({order.state}) has {order.remaining} left")
        if (at > order.price) if order.side == "BID" else (at < order.price):
            raise OrderRejectedError("invalid_price", "an order is never filled at a worse price than its own")
        changes = self._fill(order, size, at, is_maker)
        if order.remaining == 0:
            changes.append(self._finish(order, "done"))
        changes.append(self._assets(order))
        return changes

    def cancel(self, uuid: str) -> list[Change]:
        """Cancel an open order and release what it locked; OrderRejectedError when there is none."""
        order = self._open_order(uuid)
        return [self._finish(order, "cancel"), self._assets(order)]

    def trigger(self, uuid: str) -> list[Change]:
        """Turn a reserved order (`watch`) into a waiting one; OrderRejectedError when there is none."""
        order = self._open_order(uuid)
        if order.state != "watch":
            raise OrderRejectedError("order_not_found", f"order {uuid} is not reserved")
        order.state, order.ms = "wait", self._world.now_ms
        changes: list[Change] = [OrderChange(replace(order))]
        prevented = self._prevent_self_match(order, self._sides(order.code))
        return [*changes, *prevented, self._assets(order)] if prevented else changes

    def prevent(self, uuid: str, volume: Decimal | int | str | None = None) -> list[Change]:
        """Let self-match prevention take `volume` (default: the rest) from an open limit order.

        The order is told in state `prevented`, or in `cancel` where nothing of it was left.

        Raises:
            OrderRejectedError: no such open order, too much volume, or an order with `smp_type` none.
        """
        order = self._open_order(uuid)
        size = order.remaining if volume is None else self._amount("volume", volume, wanted=True)
        if not 0 < size <= order.remaining:
            raise OrderRejectedError("invalid_volume", f"order {uuid} has {order.remaining} left")
        if order.smp_type == NO_PREVENTION:
            raise OrderRejectedError("invalid_parameter", f"order {uuid} is not to be prevented: its smp_type is none")
        return [self._take_off(order, size, order.price), self._assets(order)]

    def _prevent_self_match(self, taker: OrderView, sides: tuple[BookSide, BookSide]) -> list[Change]:
        """Keep an order that has just come in from own orders of the other side, which it would meet first.

        Which one gives way is up to the order that comes in; the protocol sheet does not say what holds where the two
        differ.
        """
        if taker.smp_type == NO_PREVENTION:
            return []
        changes: list[Change] = []
        for maker in self._own_across(taker, sides):
            if not taker.is_open:
                break
            if taker.smp_type == "cancel_maker":
                changes.append(self._take_off(maker, maker.remaining, maker.price))
                continue
            by_money = not taker.volume
            wanted = self._volume_for(taker, maker.price) if by_money else taker.remaining
            if taker.smp_type == "cancel_taker":
                changes.append(
                    self._finish(taker, "cancel") if by_money else self._take_off(taker, wanted, taker.price)
                )
                continue
            size = min(wanted, maker.remaining)
            if size:
                changes.append(self._take_off(maker, size, maker.price))
                changes.append(self._take_off(taker, size, maker.price if by_money else taker.price))
        return changes

    def _own_across(self, taker: OrderView, sides: tuple[BookSide, BookSide]) -> list[OrderView]:
        """Return the account's waiting orders that `taker` would be executed against, best price first."""
        buys = taker.side == "BID"
        # What has no limit meets only what stands before the best of the book.
        limit = taker.price if taker.order_type == "limit" else (sides[0] if buys else sides[1]).prices[0]
        found = [
            order
            for order in self._orders.values()
            if order.code == taker.code and order.side != taker.side and order.state == "wait"
            if (order.price <= limit if buys else order.price >= limit)
        ]
        return sorted(found, key=lambda order: order.price, reverse=not buys)

    def _take_off(self, order: OrderView, size: int, price: int) -> OrderChange:
        """Let prevention take `size` off an order and release what it had locked for that at `price`."""
        released = size * price * (MONEY_OF_FUNDS + FEE[order.quote]) if order.side == "BID" else size * MONEY_OF_VOLUME
        self._release(order, released)
        order.prevented_volume += size
        order.prevented_locked += released
        order.ms = self._world.now_ms
        if order.volume:
            order.remaining -= size
            order.remaining_fee = self._fee_of_rest(order)
            exhausted = order.remaining == 0
        else:
            order.remaining_fee -= size * price * FEE[order.quote]
            exhausted = order.locked == 0
        return self._finish(order, "cancel") if exhausted else OrderChange(replace(order, state="prevented"))

    @staticmethod
    def _volume_for(order: OrderView, price: int) -> int:
        """Return the volume that the money of an order buys at `price`."""
        return order.locked // (price * (MONEY_OF_FUNDS + FEE[order.quote]))

    def _draft(
        self,
        code: str,
        side: str,
        order_type: str,
        price: Decimal | int | str | None,
        volume: Decimal | int | str | None,
        *,
        watching: bool,
    ) -> OrderView:
        """Return an order with what it needs and nothing that it must not have."""
        if watching and order_type != "limit":
            raise OrderRejectedError("invalid_parameter", "only a limit order can be reserved")
        by_money = side == "BID" and order_type != "limit"
        limit = self._amount("price", price, order_type == "limit" or by_money)
        size = self._amount("volume", volume, not by_money)
        now_ms = self._world.now_ms
        return OrderView(
            uuid=self._fresh_uuid(),
            code=code,
            side=side,
            order_type=order_type,
            state="watch" if watching else "wait",
            price=limit,
            volume=size,
            remaining=size,
            order_ms=now_ms,
            ms=now_ms,
            trade_ms=now_ms,
            number=next(self._numbers),
        )

    def _enter(self, order: OrderView, sides: tuple[BookSide, BookSide]) -> list[Change]:
        """Lock what an order may cost, and let it rest or be executed."""
        self._check_size(order, sides[1].prices[0])
        self._lock(order)
        self._orders[order.uuid] = order
        self._forget()
        changes: list[Change] = [OrderChange(replace(order))]
        if order.state == "wait":
            changes += self._prevent_self_match(order, sides)
        if order.order_type == "limit" or not order.is_open:
            changes.append(self._assets(order))
        else:
            changes += self._execute(order, sides)
        return changes

    def _check(
        self, code: str, side: str, order_type: str, time_in_force: str | None, smp_type: str | None
    ) -> tuple[BookSide, BookSide]:
        sides = self._sides(code)
        for name, value, allowed in (
            ("side", side, SIDES),
            ("order_type", order_type, ORDER_TYPES),
            ("time_in_force", time_in_force, (*TIMES_IN_FORCE, None)),
            ("smp_type", smp_type, (*SMP_TYPES, None)),
        ):
            if value not in allowed:
                raise OrderRejectedError("invalid_parameter", f"{name} must be one of {allowed}, not {value!r}")
        if time_in_force == "post_only" and smp_type not in (NO_PREVENTION, None):
            raise OrderRejectedError("invalid_parameter", f"a post_only order takes no smp_type {smp_type}")
        if (order_type, side) in (("price", "ASK"), ("market", "BID")):
            raise OrderRejectedError("invalid_parameter", f"order_type {order_type} is not for {side}")
        if sum(order.is_open for order in self._orders.values()) >= _OPEN_AT_MOST:
            raise OrderRejectedError("too_many_orders", f"at most {_OPEN_AT_MOST} orders can be open")
        return sides

    def _sides(self, code: str) -> tuple[BookSide, BookSide]:
        sides = self._world.sides(code)
        if sides is None:
            raise OrderRejectedError("market_does_not_exist", f"there is no market {code}")
        return sides

    @staticmethod
    def _amount(name: str, amount: Decimal | int | str | None, wanted: bool) -> int:
        if not wanted:
            if amount is not None:
                raise OrderRejectedError("invalid_parameter", f"this order takes no {name}")
            return 0
        try:
            units = to_units(Decimal(amount if amount is not None else "NaN"))
        except (ValueError, ArithmeticError) as error:
            raise OrderRejectedError("invalid_parameter", f"{name} {amount!r} is no amount: {error}") from error
        if units <= 0:
            raise OrderRejectedError("invalid_parameter", f"{name} must be above zero, not {amount}")
        return units

    @staticmethod
    def _check_size(order: OrderView, best_bid: int) -> None:
        if order.order_type == "limit" and order.price % GRIDS[order.quote].tick(order.price):
            raise OrderRejectedError("invalid_price", f"{order.price} (in 1e-8) is not on the price grid")
        total = (order.price or best_bid) * order.volume // UNIT if order.volume else order.price
        if total < LEAST[order.quote]:
            raise OrderRejectedError("under_min_total", f"the smallest order is {LEAST[order.quote]} (in 1e-8)")

    def _lock(self, order: OrderView) -> None:
        if order.side == "ASK":
            currency, amount = order.base, order.volume * MONEY_OF_VOLUME
        else:
            fee = FEE[order.quote]
            spent = order.price * order.volume if order.order_type == "limit" else order.price * UNIT
            currency, amount = order.quote, spent * (MONEY_OF_FUNDS + fee)
            order.reserved_fee = order.remaining_fee = spent * fee
        held = self._held.setdefault(currency, [0, 0])
        if held[0] < amount:
            need, free = _money(amount), _money(held[0])
            raise OrderRejectedError("insufficient_funds", f"{currency}: {need} needed, {free} free")
        held[0] -= amount
        held[1] += amount
        order.locked = amount

    def _release(self, order: OrderView, amount: int) -> None:
        """Give back what an order locked."""
        held = self._held[order.quote if order.side == "BID" else order.base]
        held[0] += amount
        held[1] -= amount
        order.locked -= amount

    @staticmethod
    def _fee_of_rest(order: OrderView) -> int:
        return order.remaining * order.price * FEE[order.quote] if order.side == "BID" else 0

    def _execute(self, order: OrderView, sides: tuple[BookSide, BookSide]) -> list[Change]:
        """Walk through the book with a market order; what finds no other side is released."""
        changes: list[Change] = []
        book = sides[0] if order.side == "BID" else sides[1]
        fee = FEE[order.quote]
        for price, resting in zip(book.prices, book.sizes, strict=True):
            wanted = order.remaining if order.volume else self._volume_for(order, price)
            size = min(resting, wanted)
            if size <= 0:
                break
            changes += self._fill(order, size, price, is_maker=False)
        exhausted = order.remaining == 0 if order.volume else order.locked < book.prices[-1] * (MONEY_OF_FUNDS + fee)
        changes.append(self._finish(order, "done" if exhausted else "cancel"))
        changes.append(self._assets(order))
        return changes

    def _fill(self, order: OrderView, size: int, price: int, is_maker: bool) -> list[Change]:
        fee = price * size * FEE[order.quote]
        funds = price * size * MONEY_OF_FUNDS
        order.executed += size
        order.executed_funds += funds
        order.paid_fee += fee
        order.trades += 1
        if order.volume:
            order.remaining -= size
        self._note_price(order, size, funds)
        if order.side == "BID":
            reserved = (
                (order.price if order.order_type == "limit" else price) * size * (MONEY_OF_FUNDS + FEE[order.quote])
            )
            self._release(order, reserved)
            self._held[order.quote][0] -= funds + fee
            self._held.setdefault(order.base, [0, 0])[0] += size * MONEY_OF_VOLUME
            limit = order.order_type == "limit"
            order.remaining_fee = self._fee_of_rest(order) if limit else order.remaining_fee - fee
        else:
            self._release(order, size * MONEY_OF_VOLUME)
            self._held[order.base][0] -= size * MONEY_OF_VOLUME
            self._held.setdefault(order.quote, [0, 0])[0] += funds - fee
        order.ms = order.trade_ms = self._world.now_ms
        fill = Fill(self._fresh_uuid(), price, size, funds, order.ms)
        order.fills = (*order.fills, fill)
        shown = replace(
            order,
            state="trade",
            price=price,
            volume=size,
            trade_uuid=fill.uuid,
            trade_fee=fee,
            is_maker=is_maker,
        )
        return [OrderChange(shown)]

    def _note_price(self, order: OrderView, size: int, funds: int) -> None:
        """Keep what was paid for what is held of the base currency; before the fill is booked."""
        paid, amount = self._paid.get(order.base, 0), size * MONEY_OF_VOLUME
        if order.side == "ASK":
            self._paid[order.base] = paid - paid * amount // sum(self._held[order.base])
            return
        if order.quote != "KRW":
            sides = self._world.sides(f"KRW-{order.quote}")
            funds = funds * sides[1].prices[0] // UNIT if sides is not None else 0
        self._paid[order.base] = paid + funds

    def _finish(self, order: OrderView, state: str) -> OrderChange:
        self._release(order, order.locked)
        order.state, order.ms = state, self._world.now_ms
        order.remaining_fee = 0
        self._orders.move_to_end(order.uuid)
        return OrderChange(replace(order))

    def _open_order(self, uuid: str) -> OrderView:
        order = self._orders.get(uuid)
        if order is None or not order.is_open:
            raise OrderRejectedError("order_not_found", f"there is no open order {uuid}")
        return order

    def _assets(self, order: OrderView) -> AssetChange:
        changed: Sequence[str] = (order.quote, order.base)
        held = [(name, self._held[name][0], self._held[name][1]) for name in changed if name in self._held]
        return AssetChange(self._fresh_uuid(), held, self._world.now_ms)

    def _forget(self) -> None:
        finished = [order.uuid for order in self._orders.values() if not order.is_open]
        for old in finished[: max(0, len(finished) - _KEPT)]:
            del self._orders[old]

    def _fresh_uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


def _money(units: int) -> Decimal:
    return Decimal(f"{units}E-20")
