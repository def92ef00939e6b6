"""Orders of the simulated account as values, and why one may be refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

# Money is held in units of 1e-20: a price (1e-8) x a volume (1e-8) x a fee (1e-4) is a whole number of them.
MONEY_OF_VOLUME = 10**12  # one unit of volume, 1e-8
MONEY_OF_FUNDS = 10**4  # one unit of price x volume, 1e-16
SIDES = ("ASK", "BID")
ORDER_TYPES = ("limit", "price", "market", "best")
TIMES_IN_FORCE = ("ioc", "fok", "post_only")
# Protocol sheet, "Messages", self-match prevention.
SMP_TYPES = ("none", "reduce", "cancel_maker", "cancel_taker")
NO_PREVENTION, USUAL_PREVENTION = "none", "cancel_maker"


class OrderTerms(TypedDict, total=False):
    """What an order may say beyond side, price and volume; see `Account.place`."""

    time_in_force: str | None
    identifier: str | None
    smp_type: str | None
    watching: bool


class OrderRejectedError(ValueError):
    """An order the exchange does not take; `name` is the exchange's word for the reason."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


@dataclass(frozen=True, slots=True)
class Fill:
    """A trade of an order: price and volume in 1e-8, funds in 1e-20 of the quote currency."""

    uuid: str
    price: int
    volume: int
    funds: int
    ms: int


@dataclass(frozen=True, slots=True)
class Holding:
    """What is held of a currency: amounts in 1e-20, the average price it was bought for in 1e-8 KRW."""

    currency: str
    free: int
    locked: int
    average: int


@dataclass(slots=True)
class OrderView:
    """An order at one moment: prices and volumes in 1e-8, money in 1e-20 of its currency.

    In a `trade` message `price` and `volume` are those of the trade, else those of the order.
    """

    uuid: str
    code: str
    side: str
    order_type: str
    state: str
    price: int
    volume: int
    remaining: int
    order_ms: int
    ms: int
    time_in_force: str | None = None
    identifier: str | None = None
    smp_type: str = USUAL_PREVENTION
    executed: int = 0
    trades: int = 0
    reserved_fee: int = 0
    remaining_fee: int = 0
    paid_fee: int = 0
    locked: int = 0
    executed_funds: int = 0
    prevented_volume: int = 0
    prevented_locked: int = 0
    trade_ms: int = 0
    trade_uuid: str | None = None
    trade_fee: int | None = None
    is_maker: bool | None = None
    fills: tuple[Fill, ...] = ()
    number: int = 0  # of its placing

    @property
    def average(self) -> int:
        """The average price of what was executed, in 1e-8, rounded; 0 before any trade."""
        weight = self.executed * MONEY_OF_FUNDS
        return (self.executed_funds * 2 + weight) // (2 * weight) if weight else 0

    @property
    def is_open(self) -> bool:
        """Whether it can still be filled."""
        return self.state in ("wait", "watch")

    @property
    def quote(self) -> str:
        """The currency it is paid in."""
        return self.code.split("-", 1)[0]

    @property
    def base(self) -> str:
        """The currency it trades."""
        return self.code.split("-", 1)[1]
