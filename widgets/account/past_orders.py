"""Orders of before the program listened, as REST has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt import MyOrderEvent

if TYPE_CHECKING:
    from upbit_ws_qt import RestClient, RestOrder

__all__ = ["MOST_PAST", "order_event", "past_orders"]

MOST_PAST = 300
"""Below what a ledger keeps of finished orders, so that none of those that were heard of goes for an older one."""


async def past_orders(rest: RestClient) -> tuple[tuple[MyOrderEvent, ...], bool]:
    """Return the orders that were finished in the last seven days, newest first, and whether these are all."""
    found: list[MyOrderEvent] = []
    pages = rest.closed_orders()
    try:
        async for order in pages:
            if len(found) == MOST_PAST:
                return tuple(found), False
            found.append(order_event(order))
    finally:
        await pages.aclose()
    return tuple(found), True


def order_event(order: RestOrder) -> MyOrderEvent:
    """Return what the line would have told of an order; the average price it does not know."""
    placed = int(order.created_at.timestamp() * 1000)
    return MyOrderEvent(
        type="myOrder",
        code=order.market,
        timestamp=placed,
        stream_type="RECOVERED",
        uuid=order.uuid,
        ask_bid="BID" if order.side == "bid" else "ASK",
        order_type=order.ord_type,
        state=order.state,
        price=order.price,
        volume=order.volume,
        remaining_volume=order.remaining_volume,
        executed_volume=order.executed_volume,
        trades_count=order.trades_count,
        reserved_fee=order.reserved_fee,
        remaining_fee=order.remaining_fee,
        paid_fee=order.paid_fee,
        locked=order.locked,
        time_in_force=order.time_in_force,
        identifier=order.identifier,
        smp_type=order.smp_type,
        prevented_volume=order.prevented_volume,
        order_timestamp=placed,
    )
