"""What holdings cost, and what sales have brought since somebody listens, as plain data; no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from upbit_ws_qt import MyOrderEvent, RestAccount

__all__ = ["CostBook", "Realised"]

MOST_FILLS = 5000
_ZERO = Decimal(0)


@dataclass(slots=True)
class _Lot:
    volume: Decimal
    average: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class Realised:
    """What sales of a currency have brought, in won, after fees.

    Attributes:
        profit: of the sales whose cost was known.
        fees: of all fills, in won.
        unknown: how many sales are not in it, for nobody knew what was paid for it.
    """

    profit: Decimal = _ZERO
    fees: Decimal = _ZERO
    unknown: int = 0


class CostBook:
    """Knows the average price of each holding, as the exchange tells it and as own fills have moved it since.

    A purchase moves the average, a sale does not: that is how the exchange reckons it. Fees are no part of it.
    """

    def __init__(self) -> None:
        self._lots: dict[str, _Lot] = {}
        self._realised: dict[str, Realised] = {}
        self._fills: dict[str, None] = {}

    def take_accounts(self, accounts: Iterable[RestAccount]) -> None:
        """Take over what the exchange says now."""
        told = {each.currency: each for each in accounts}
        self._lots = {
            currency: _Lot(each.balance + each.locked, each.avg_buy_price, each.unit_currency)
            for currency, each in told.items()
            if each.avg_buy_price > 0
        }

    def take_fill(self, event: MyOrderEvent, won: Callable[[str], Decimal | None]) -> bool:
        """Take a fill in; False for what is none, or is known already.

        Args:
            event: of the order.
            won: returns what one unit of a currency is worth in won; None where that is not known.
        """
        if not event.is_fill or event.price is None or event.volume is None or event.trade_uuid is None:
            return False
        if event.trade_uuid in self._fills:
            return False
        self._fills[event.trade_uuid] = None
        if len(self._fills) > MOST_FILLS:
            del self._fills[next(iter(self._fills))]
        quote, _, currency = event.code.partition("-")
        if event.is_bid:
            self._buy(currency, quote, event.price, event.volume)
        before = self._realised.get(currency, Realised())
        rate, fee = won(quote), event.trade_fee or _ZERO
        fees = before.fees + (fee * rate if rate is not None else _ZERO)
        profit, unknown = before.profit, before.unknown
        if not event.is_bid:
            lot = self._lots.get(currency)
            paid = None if lot is None else won(lot.unit)
            if lot is None or paid is None or rate is None:
                unknown += 1
            else:
                profit += (event.price * rate - lot.average * paid) * event.volume - fee * rate
                lot.volume = max(_ZERO, lot.volume - event.volume)
        self._realised[currency] = Realised(profit, fees, unknown)
        return True

    def _buy(self, currency: str, quote: str, price: Decimal, volume: Decimal) -> None:
        lot = self._lots.get(currency)
        if lot is None or not lot.volume:
            self._lots[currency] = _Lot(volume, price, quote)
        elif lot.unit == quote:
            whole = lot.volume + volume
            lot.average = (lot.average * lot.volume + price * volume) / whole
            lot.volume = whole
        else:
            del self._lots[currency]  # paid in two currencies: only the exchange knows what it makes of that

    def average(self, currency: str) -> tuple[Decimal, str] | None:
        """Return what was paid for one unit, and in which currency; None where nobody knows."""
        lot = self._lots.get(currency)
        return None if lot is None else (lot.average, lot.unit)

    def realised(self, currency: str) -> Realised | None:
        """Return what sales of a currency have brought; None where there were no fills."""
        return self._realised.get(currency)

    def realised_in_all(self) -> Realised:
        """Return the sum over all currencies."""
        each = self._realised.values()
        return Realised(sum((one.profit for one in each), _ZERO), sum((one.fees for one in each), _ZERO),
                        sum(one.unknown for one in each))  # fmt: skip
