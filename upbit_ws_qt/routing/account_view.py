"""The account as its events tell it: the newest state of each order, the newest balance of each currency."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.events import MyAssetEvent, MyOrderEvent

if TYPE_CHECKING:
    from upbit_ws_qt.events import BaseWebSocketEvent, MyAssetItem

__all__ = ["AccountView"]

MOST_ORDERS = 1000
MOST_CURRENCIES = 2000


class AccountView:
    """Built from events only: orders that were placed before and have not changed since are not known here.

    Attributes:
        forgotten: orders thrown out to stay within the bound, finished ones first, so far.
    """

    def __init__(self) -> None:
        self._orders: dict[str, MyOrderEvent] = {}
        self._assets: dict[str, MyAssetItem] = {}
        self.forgotten = 0

    def store(self, event: BaseWebSocketEvent) -> None:
        """Take in one event of the private line; others are none of its business."""
        if isinstance(event, MyOrderEvent):
            self._orders.pop(event.uuid, None)
            self._orders[event.uuid] = event
            if len(self._orders) > MOST_ORDERS:
                self._forget_one()
        elif isinstance(event, MyAssetEvent):
            for item in event.assets:
                if item.currency in self._assets or len(self._assets) < MOST_CURRENCIES:
                    self._assets[item.currency] = item

    def orders(self, code: str | None = None, *, open_only: bool = False) -> tuple[MyOrderEvent, ...]:
        """Return the newest event of each order, least recently changed first."""
        return tuple(
            order
            for order in self._orders.values()
            if (code is None or order.code == code) and not (open_only and order.is_final)
        )

    def assets(self) -> dict[str, MyAssetItem]:
        """Return the newest balance of each currency that was reported."""
        return dict(self._assets)

    def clear(self) -> None:
        """Forget everything."""
        self._orders.clear()
        self._assets.clear()

    def _forget_one(self) -> None:
        done = next((uuid for uuid, order in self._orders.items() if order.is_final), None)
        del self._orders[done if done is not None else next(iter(self._orders))]
        self.forgotten += 1
