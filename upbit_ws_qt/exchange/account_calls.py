"""What Exchange answers to those who have a key: balances and orders (REST sheet 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .market.account import FEE, LEAST
from .market.candles import DAY_MS
from .market.numbers import kst_time, plain
from .private_messages import MONEY_DIGITS
from .query import RestRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .market.orders import Fill, Holding, OrderView
    from .query import Query
    from .settings import ExchangeSettings
    from .world import World

_OPEN, _CLOSED = ("wait", "watch"), ("done", "cancel")
_MOST_OPEN = 100
_MOST_CLOSED = 1000
_MOST_IDS = 100
_WINDOW_MS = 7 * DAY_MS
_YEAR_MS = 365 * DAY_MS


@dataclass(frozen=True, slots=True)
class AccountCall:
    """A call of Exchange: the scope that its key needs ("" for none), and what answers."""

    scope: str
    reply: Callable[[Query], Any]


class AccountCalls:
    """The private calls, by path."""

    def __init__(self, world: World, settings: ExchangeSettings) -> None:
        self._world = world
        self._account = world.account
        self._access_key = settings.access_key
        expires = settings.key_expires_ms
        self.expires_ms = world.start_ms + _YEAR_MS if expires is None else expires
        """When the key expires."""
        self.calls = {
            "/v1/accounts": AccountCall("view_assets", self._accounts),
            "/v1/orders/open": AccountCall("view_orders", self._open_orders),
            "/v1/orders/closed": AccountCall("view_orders", self._closed_orders),
            "/v1/orders/uuids": AccountCall("view_orders", self._orders_by_id),
            "/v1/order": AccountCall("view_orders", self._order),
            "/v1/orders/chance": AccountCall("view_orders", self._chance),
            "/v1/api_keys": AccountCall("", self._keys),
        }

    def _accounts(self, query: Query) -> Any:
        return [_holding(each) for each in self._account.holdings()]

    def _open_orders(self, query: Query) -> Any:
        states = _states(query, _OPEN, ("wait",))
        page = query.number("page", 1, 10**6, 1)
        limit = query.number("limit", 1, _MOST_OPEN, _MOST_OPEN)
        orders = self._sorted(query, self._of_market(query))
        found = [order for order in orders if order.state in states]
        return [_order(order) for order in found[(page - 1) * limit : page * limit]]

    def _closed_orders(self, query: Query) -> Any:
        states = _states(query, _CLOSED, _CLOSED)
        limit = query.number("limit", 1, _MOST_CLOSED, 100)
        start = query.moment("start_time", zoned=True, milliseconds=True)
        end = query.moment("end_time", zoned=True, milliseconds=True)
        if start is None:
            end = self._world.now_ms if end is None else end
            start = end - _WINDOW_MS
        elif end is None:
            end = start + _WINDOW_MS
        if not 0 <= end - start <= _WINDOW_MS:
            raise query.bad("Invalid parameter: start_time and end_time are at most seven days apart.")
        orders = self._sorted(query, self._of_market(query))
        # The windows are on what is told of a time, which is its whole second.
        found = [o for o in orders if o.state in states and start <= o.order_ms // 1000 * 1000 <= end]
        return [_order(order) for order in found[:limit]]

    def _orders_by_id(self, query: Query) -> Any:
        uuids, identifiers = query.array("uuids"), query.array("identifiers")
        if bool(uuids) == bool(identifiers):
            raise query.bad("Invalid parameter: either uuids[] or identifiers[].")
        if len(uuids) + len(identifiers) > _MOST_IDS:
            raise query.bad(f"Invalid parameter: at most {_MOST_IDS} ids.")
        orders = self._sorted(query, self._of_market(query))
        return [_order(order) for order in orders if order.uuid in uuids or order.identifier in identifiers]

    def _order(self, query: Query) -> Any:
        uuid, identifier = query.text("uuid"), query.text("identifier")
        if uuid is None and identifier is None:
            raise query.bad("Missing parameter: uuid or identifier.")
        for order in self._account.orders():
            if order.uuid == uuid if uuid is not None else order.identifier == identifier:
                return {**_order(order), "trades": [_fill(order, fill) for fill in order.fills]}
        raise RestRefusedError(404, "order_not_found", "There is no such order.")

    def _chance(self, query: Query) -> Any:
        code = self._code(query, query.required("market"))
        quote, base = code.split("-", 1)
        held = {each.currency: _holding(each) for each in self._account.holdings()}
        fee = plain(FEE[quote], 4)
        nothing = {"balance": "0", "locked": "0", "avg_buy_price": "0", "avg_buy_price_modified": False}
        least = plain(LEAST[quote], 8)
        return {
            **dict.fromkeys(("bid_fee", "ask_fee", "maker_bid_fee", "maker_ask_fee"), fee),
            "market": {
                "id": code,
                "name": f"{base}/{quote}",
                "order_sides": ["ask", "bid"],
                "bid_types": ["limit", "price", "best_fok", "best_ioc"],
                "ask_types": ["limit", "market", "best_fok", "best_ioc"],
                "bid": {"currency": quote, "min_total": least},
                "ask": {"currency": base, "min_total": least},
                "max_total": "1000000000",
                "state": "active",
            },
            "bid_account": held.get(quote) or {"currency": quote, **nothing, "unit_currency": "KRW"},
            "ask_account": held.get(base) or {"currency": base, **nothing, "unit_currency": "KRW"},
        }

    def _keys(self, query: Query) -> Any:
        return [{"access_key": self._access_key, "expire_at": kst_time(self.expires_ms // 1000)}]

    def _of_market(self, query: Query) -> Iterable[OrderView]:
        code = query.text("market")
        if code is None:
            return self._account.orders()
        self._code(query, code)
        return [order for order in self._account.orders() if order.code == code]

    def _code(self, query: Query, code: str) -> str:
        if code not in self._world.codes:
            raise query.bad(f"Invalid parameter: there is no market {code}.")
        return code

    @staticmethod
    def _sorted(query: Query, orders: Iterable[OrderView]) -> list[OrderView]:
        newest_first = query.choice("order_by", ("asc", "desc"), "desc") == "desc"
        return sorted(orders, key=lambda order: (order.order_ms, order.number), reverse=newest_first)


def _states(query: Query, allowed: tuple[str, ...], default: tuple[str, ...]) -> tuple[str, ...]:
    state, states = query.text("state"), query.array("states")
    if state is not None and states:
        raise query.bad("Invalid parameter: either state or states[].")
    found = (state,) if state is not None else tuple(states) or default
    if not set(found) <= set(allowed):
        raise query.bad(f"Invalid parameter: states are {', '.join(allowed)}.")
    return found


def _holding(holding: Holding) -> dict[str, Any]:
    return {
        "currency": holding.currency,
        "balance": plain(holding.free, MONEY_DIGITS),
        "locked": plain(holding.locked, MONEY_DIGITS),
        "avg_buy_price": plain(holding.average, 8),
        "avg_buy_price_modified": False,
        "unit_currency": "KRW",
    }


def _order(order: OrderView) -> dict[str, Any]:
    """Return an order; what it has none of is left out, not null."""
    optional = {
        "price": plain(order.price, 8) if order.price else None,
        "volume": plain(order.volume, 8) if order.volume else None,
        "time_in_force": order.time_in_force,
        "identifier": order.identifier,
        "smp_type": order.smp_type if order.smp_type != "none" else None,
    }
    return {
        "market": order.code,
        "uuid": order.uuid,
        "side": order.side.lower(),
        "ord_type": order.order_type,
        "state": order.state,
        "created_at": kst_time(order.order_ms // 1000),
        "trades_count": order.trades,
        "remaining_volume": plain(order.remaining, 8),
        "executed_volume": plain(order.executed, 8),
        "reserved_fee": plain(order.reserved_fee, MONEY_DIGITS),
        "remaining_fee": plain(order.remaining_fee, MONEY_DIGITS),
        "paid_fee": plain(order.paid_fee, MONEY_DIGITS),
        "locked": plain(order.locked, MONEY_DIGITS),
        "prevented_volume": plain(order.prevented_volume, 8),
        "prevented_locked": plain(order.prevented_locked, MONEY_DIGITS),
        **{name: value for name, value in optional.items() if value is not None},
    }


def _fill(order: OrderView, fill: Fill) -> dict[str, Any]:
    second, part = divmod(fill.ms, 1000)
    return {
        "market": order.code,
        "uuid": fill.uuid,
        "price": plain(fill.price, 8),
        "volume": plain(fill.volume, 8),
        "funds": plain(fill.funds, MONEY_DIGITS),
        "trend": "up" if order.side == "BID" else "down",
        "created_at": kst_time(second).replace("+09:00", f".{part:03d}000+09:00"),
        "side": order.side.lower(),
    }
