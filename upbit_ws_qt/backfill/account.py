"""What one's own orders and balances are, as events of the line and answers of REST tell it in turn; no I/O.

REST and the line may each be ahead of the other by a moment. Nothing goes backwards here: of an order only what is
further than what is known is told, and each fill once.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from upbit_ws_qt.events import MyAssetEvent, MyAssetItem, MyOrderEvent
from upbit_ws_qt.events.names import OrderState, StreamType
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.events.names import SideName
    from upbit_ws_qt.rest import RestAccount, RestOrder, RestOrderTrade

__all__ = ["AccountBalance", "AccountBook", "AccountState"]

MOST_ORDERS = 10_000
MOST_FILLS = 50_000
_ZERO = Decimal(0)
_CLOSED = frozenset({OrderState.DONE, OrderState.CANCEL})


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """What is held of a currency.

    Attributes:
        balance: free to use.
        locked: bound by open orders or withdrawals.
        avg_buy_price: what was paid for one of it, in `unit_currency`; as of the latest question, since the line does
            not tell it.
    """

    currency: str
    balance: Decimal
    locked: Decimal
    avg_buy_price: Decimal
    unit_currency: str


@dataclass(frozen=True, slots=True)
class AccountState:
    """What is known of the account.

    Attributes:
        balances: by currency.
        open_orders: the newest event of each, oldest first.
        is_complete: whether all that is wanted of it was asked for. Until then, at the beginning, it is only what has
            been handed out so far.
    """

    balances: tuple[AccountBalance, ...]
    open_orders: tuple[MyOrderEvent, ...]
    is_complete: bool = True

    def balance(self, currency: str) -> AccountBalance | None:
        """Return what is held of a currency; None where there is none of it."""
        return next((each for each in self.balances if each.currency == currency), None)


class AccountBook:
    """Takes in events and answers, and says what of the answers is news.

    Attributes:
        newest_ms: highest exchange timestamp that was taken in; 0 where there was none.
        heard_ms: the same of the line alone.
        touched: currencies that the line has told of since this was last cleared.
        forgotten: finished orders and fills given up for want of room, so far.
    """

    def __init__(self) -> None:
        self._orders: OrderedDict[str, MyOrderEvent] = OrderedDict()
        self._terms: dict[str, tuple[Decimal | None, Decimal | None]] = {}  # limit and volume, which fills do not tell
        self._closed: OrderedDict[str, None] = OrderedDict()  # of which nothing more will come
        self._fills: OrderedDict[str, None] = OrderedDict()
        self._skipped: dict[str, int] | None = None  # fills of each order that came before what the line has told since
        self._assets: dict[str, MyAssetItem] = {}
        self._prices: dict[str, tuple[Decimal, str]] = {}
        self.newest_ms = self.heard_ms = 0
        self.touched: set[str] = set()
        self.forgotten = 0
        self._answers = 0

    def note(self, event: BaseWebSocketEvent) -> None:
        """Take in an event that is handed out, of the line or of this book."""
        self.newest_ms = max(self.newest_ms, event.timestamp)
        if not event.recovered:
            self.heard_ms = max(self.heard_ms, event.timestamp)
        if isinstance(event, MyOrderEvent):
            if event.is_fill and event.trade_uuid is not None:
                self._remember(self._fills, event.trade_uuid, MOST_FILLS)
            known = self._orders.get(event.uuid)
            if event.uuid in self._closed or (known is not None and _is_behind(event, known)):
                return
            if self._skipped is not None and not event.recovered:
                self._look_for_skipped(event, 0 if known is None else known.trades_count)
            if event.is_final:
                self.note_closed(event.uuid)
            else:
                self._orders[event.uuid] = event
                if not event.is_fill:
                    self._terms[event.uuid] = (event.price, event.volume)
        elif isinstance(event, MyAssetEvent):
            for item in event.assets:
                self._assets[item.currency] = item
                if not event.recovered:
                    self.touched.add(item.currency)

    def state(self, *, is_complete: bool = True) -> AccountState:
        """Return what is known now, and whether that is all."""
        balances = tuple(
            AccountBalance(item.currency, item.balance, item.locked, *self._prices.get(item.currency, (_ZERO, "")))
            for item in self._assets.values()
            if item.balance or item.locked
        )
        return AccountState(balances, tuple(self._orders.values()), is_complete)

    def as_it_stands(self, kind: DataType) -> list[BaseWebSocketEvent]:
        """Return all open orders, or all balances, as recovered events: for who begins to listen after others did.

        An order comes as an order, also where the newest that is known of it is a fill, which was told when it was.
        """
        if kind is DataType.MY_ORDER:
            return [self._as_order(event) for event in self._orders.values()]
        held = tuple(item for item in self._assets.values() if item.balance or item.locked)
        return [self._assets_event(held, self.newest_ms)] if held else []

    def begin_gap(self) -> None:
        """Look from now on whether the line goes on behind fills that it has not told.

        By the count of an order's fills it shows: the line may bring a later one before REST is asked for the missed.
        """
        if self._skipped is None:
            self._skipped = {}

    def end_gap(self) -> None:
        """Look no more: what was missed has been told."""
        self._skipped = None

    @property
    def skipped(self) -> frozenset[str]:
        """The uuids of orders of which the line has told a later fill, or the end, and not all fills before."""
        return frozenset(self._skipped or ())

    @property
    def is_empty(self) -> bool:
        """Whether neither an open order nor a balance is known."""
        return not self._orders and not self._assets

    def trades_of(self, uuid: str) -> int:
        """Return how many fills of an order are known; 0 where it is not."""
        known = self._orders.get(uuid)
        return 0 if known is None else known.trades_count

    def forget_orders(self, but: Collection[str] = ()) -> None:
        """Forget all orders, `but` for those of some markets: whoever listens next is told of them as if anew."""
        for uuid in [uuid for uuid, event in self._orders.items() if event.code not in but]:
            del self._orders[uuid]
            self._terms.pop(uuid, None)
        if not but:
            self._closed.clear()
            self._fills.clear()

    def forget_assets(self) -> None:
        """Forget all balances, for the same."""
        self._assets.clear()

    @property
    def open_orders(self) -> frozenset[str]:
        """The uuids of all orders that are known to be open."""
        return frozenset(self._orders)

    def note_closed(self, uuid: str) -> None:
        """Remember an order of which nothing more is to be told."""
        self._orders.pop(uuid, None)
        self._terms.pop(uuid, None)
        self._remember(self._closed, uuid, MOST_ORDERS)

    def is_news(self, order: RestOrder) -> bool:
        """Tell whether REST knows more of an order than the line has told."""
        if order.uuid in self._closed:
            return False
        known = self._orders.get(order.uuid)
        return known is None or any(there > here for there, here in zip(_reached(order), _told(known), strict=True))

    def merge_order(self, order: RestOrder, *, is_start: bool = False) -> list[MyOrderEvent]:
        """Return what there is to tell of an order: each new fill, and the state where that is another; in order.

        The sums in an event (volumes, fees, funds) are those of the moment in which REST was asked.

        Args:
            order: as REST has it, with its trades if there are any.
            is_start: nobody listened before: the fills of an order that is not known are past, and no news.
        """
        skipped = 0 if self._skipped is None else self._skipped.pop(order.uuid, 0)
        if not self.is_news(order):
            return self._skipped_fills(order, 0 if is_start else skipped)
        known = self._orders.get(order.uuid)
        if is_start and known is None:
            for fill in order.trades:
                self._remember(self._fills, fill.uuid, MOST_FILLS)
            return [_event(order, order.state, _milliseconds(order.created_at))]
        news = skipped + max(0, order.trades_count - (known.trades_count if known is not None else 0))
        told: list[MyOrderEvent] = []
        now_ms = known.timestamp if known is not None else _milliseconds(order.created_at)
        for fill in self._unknown_fills(order, news):
            now_ms = max(now_ms, _milliseconds(fill.created_at))
            told.append(_event(order, OrderState.TRADE, now_ms, fill))
        if order.state in _CLOSED or not told:
            told.append(_event(order, order.state, now_ms))
        return told

    def merge_accounts(
        self, accounts: Iterable[RestAccount], now_ms: int, besides: Collection[str] = ()
    ) -> MyAssetEvent | None:
        """Return the balances that are others than known, without those that the line has told of meanwhile.

        `besides` are currencies that it has told of, too, though that waits to be handed out.
        """
        there = {each.currency: MyAssetItem(each.currency, each.balance, each.locked) for each in accounts}
        self._prices = {each.currency: (each.avg_buy_price, each.unit_currency) for each in accounts}
        # REST leaves out what there is nothing of any more.
        gone = {each: MyAssetItem(each, _ZERO, _ZERO) for each in self._assets if each not in there}
        changed = tuple(
            item
            for currency, item in {**there, **gone}.items()
            if currency not in self.touched and currency not in besides and self._assets.get(currency) != item
        )
        return self._assets_event(changed, now_ms) if changed else None

    def _look_for_skipped(self, event: MyOrderEvent, known: int) -> None:
        skipped = event.trades_count - known - event.is_fill
        if skipped > 0 and self._skipped is not None:
            self._skipped[event.uuid] = self._skipped.get(event.uuid, 0) + skipped

    def _skipped_fills(self, order: RestOrder, skipped: int) -> list[MyOrderEvent]:
        """Return the fills that the line went on behind, of an order of which it has told all else.

        The end of the order is told once more behind them: whoever goes by the newest would take it for open.
        """
        told = [
            _event(order, OrderState.TRADE, _milliseconds(fill.created_at), fill)
            for fill in self._unknown_fills(order, skipped)
        ]
        if told and order.state in _CLOSED:
            told.append(_event(order, order.state, told[-1].timestamp))
        return told

    def _unknown_fills(self, order: RestOrder, most: int) -> list[RestOrderTrade]:
        """Return the newest fills of an order that were not told, oldest first; those before are past."""
        unknown = (fill for fill in order.trades if fill.uuid not in self._fills)
        return sorted(unknown, key=lambda fill: fill.created_at)[-most:] if most > 0 else []

    def _as_order(self, event: MyOrderEvent) -> MyOrderEvent:
        changes: dict[str, object] = {}
        if event.is_fill:
            price, volume = self._terms.get(event.uuid, (None, None))
            changes = {"state": OrderState.WAIT, "trade_uuid": None, "trade_timestamp": None, "trade_fee": None,
                       "is_maker": None, "price": price, "volume": volume}  # fmt: skip
        return replace(event, stream_type=StreamType.RECOVERED, **changes)

    def _assets_event(self, changed: tuple[MyAssetItem, ...], now_ms: int) -> MyAssetEvent:
        self._answers += 1
        return MyAssetEvent(
            type="myAsset",
            timestamp=now_ms,
            asset_timestamp=now_ms,
            stream_type=StreamType.RECOVERED,
            asset_uuid=f"recovered-{self._answers}",  # REST has none; each is another
            assets=changed,
        )

    def _remember(self, known: OrderedDict[str, None], key: str, most: int) -> None:
        known[key] = None
        if len(known) > most:
            known.popitem(last=False)
            self.forgotten += 1


def _is_behind(event: MyOrderEvent, known: MyOrderEvent) -> bool:
    pairs = list(zip(_told(event), _told(known), strict=True))
    return any(here < there for here, there in pairs) and not any(here > there for here, there in pairs)


def _told(event: MyOrderEvent) -> tuple[Decimal, ...]:
    stage = 2 if event.is_final else 0 if event.state == OrderState.WATCH else 1
    return Decimal(stage), Decimal(event.trades_count), event.executed_volume, event.prevented_volume or _ZERO


def _reached(order: RestOrder) -> tuple[Decimal, ...]:
    stage = 2 if order.state in _CLOSED else 0 if order.state == OrderState.WATCH else 1
    return Decimal(stage), Decimal(order.trades_count), order.executed_volume, order.prevented_volume or _ZERO


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _event(order: RestOrder, state: str, now_ms: int, fill: RestOrderTrade | None = None) -> MyOrderEvent:
    funds = sum((each.funds for each in order.trades), _ZERO)
    return MyOrderEvent(
        type="myOrder",
        code=order.market,
        timestamp=now_ms,
        stream_type=StreamType.RECOVERED,
        uuid=order.uuid,
        ask_bid=cast("SideName", order.side.upper()),
        order_type=order.ord_type,
        state=state,
        trade_uuid=None if fill is None else fill.uuid,
        price=order.price if fill is None else fill.price,
        avg_price=funds / order.executed_volume if order.trades and order.executed_volume else None,
        volume=order.volume if fill is None else fill.volume,
        remaining_volume=order.remaining_volume,
        executed_volume=order.executed_volume,
        trades_count=order.trades_count,
        reserved_fee=order.reserved_fee,
        remaining_fee=order.remaining_fee,
        paid_fee=order.paid_fee,
        locked=order.locked,
        executed_funds=funds,
        time_in_force=order.time_in_force,
        identifier=order.identifier,
        smp_type=order.smp_type,
        prevented_volume=order.prevented_volume,
        prevented_locked=order.prevented_locked,
        trade_timestamp=None if fill is None else _milliseconds(fill.created_at),
        order_timestamp=_milliseconds(order.created_at),
    )
