"""The pool holds the newest of every stream, a bounded past, and never more bytes than it may."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tests.routing.rig import Listener, engine_rig, event_of, raw
from upbit_ws_qt.errors import ConfigurationError
from upbit_ws_qt.events import BaseWebSocketEvent
from upbit_ws_qt.routing import AccountView, DataPoolManager
from upbit_ws_qt.routing.data_pool import MOST_ORDERS, size_of
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.types import DataType
from upbit_ws_qt.wire import CODE_BEGINS, decode, decode_late

if TYPE_CHECKING:
    from collections.abc import Callable

TICKER = DataType.TICKER


def ticker_key(code: str) -> StreamKey:
    return StreamKey(TICKER, code)


def test_the_newest_is_known_and_what_is_not_known_is_none() -> None:
    pool = DataPoolManager()
    for at in (1, 2):
        pool.cell(ticker_key("KRW-BTC")).store(event_of(timestamp=at))
    latest = pool.get_latest_data("KRW-BTC", TICKER)
    assert latest is not None
    assert latest.timestamp == 2
    assert pool.get_latest_data("KRW-NONE", TICKER) is None
    assert list(pool.get_multiple_data([("KRW-BTC", TICKER), ("KRW-NONE", TICKER)])) == [("KRW-BTC", TICKER)]
    assert [event.timestamp for event in pool.get_history("KRW-BTC", TICKER)] == [2]
    assert pool.get_history("KRW-NONE", TICKER) == ()


def test_a_history_is_a_ring() -> None:
    pool = DataPoolManager(history_length=5)
    for at in range(12):
        pool.cell(ticker_key("KRW-BTC")).store(event_of(timestamp=at))
    assert [event.timestamp for event in pool.get_history("KRW-BTC", TICKER)] == [7, 8, 9, 10, 11]
    assert [event.timestamp for event in pool.get_history("KRW-BTC", TICKER, limit=2)] == [10, 11]
    assert pool.get_history("KRW-BTC", TICKER, limit=0) == ()
    assert pool.statistics().events == 5


async def test_what_is_routed_is_stored() -> None:
    async with engine_rig(pool=DataPoolManager(history_length=3)) as rig:
        rig.engine.register_route("c", SubscriptionSpec("ticker", "KRW-BTC"), Listener())
        await rig.feed(*(raw(timestamp=at) for at in (1, 2, 2, 1, 3)))
        assert rig.pool is not None
        assert [event.timestamp for event in rig.pool.get_history("KRW-BTC", TICKER)] == [1, 2, 3]


def test_the_size_of_an_event_covers_its_numbers() -> None:
    ticker, book = size_of(event_of()), size_of(event_of("orderbook"))
    assert ticker > 20 * 104  # its decimals alone
    assert book > 8 * 104


@pytest.mark.parametrize("kind", ["ticker", "trade", "orderbook"])
def test_numbers_that_nobody_has_read_yet_count_as_much(kind: str) -> None:
    frame = raw(kind)
    (event,) = decode(frame)
    late = decode_late(frame, frame[: frame.find(b",", CODE_BEGINS)])
    assert isinstance(event, BaseWebSocketEvent)
    assert late is not None
    assert type(late) is not type(event)
    assert size_of(late) == size_of(event)


async def test_the_bound_holds_and_costs_first_what_nobody_wants() -> None:
    size = size_of(event_of())
    pool = DataPoolManager(limit=100 * size)
    wanted = [ticker_key(f"KRW-W{number}") for number in range(40)]
    await pool.register_client_interest("me", streams=wanted)
    for number, key in enumerate(wanted):
        pool.cell(key).store(event_of(code=key.symbol, received_at=float(number)))
    for number in range(200):
        pool.cell(ticker_key(f"KRW-X{number}")).store(event_of(code=f"KRW-X{number}", received_at=float(100 + number)))
    assert pool.trim() > 0
    figures = pool.statistics()
    assert figures.bytes <= 100 * size
    assert figures.evicted == 240 - figures.keys
    assert all(pool.get_latest_data(key.symbol, TICKER) is not None for key in wanted)
    assert pool.get_latest_data("KRW-X199", TICKER) is not None  # the most recent stays
    assert pool.get_latest_data("KRW-X0", TICKER) is None
    assert pool.trim() == 0


def test_a_thousand_streams_are_measured_a_few_at_a_time_and_exactly_in_the_end() -> None:
    pool = DataPoolManager()
    event = event_of()
    cells = [pool.cell(ticker_key(f"KRW-C{number}")) for number in range(1000)]
    for cell in cells:
        cell.store(event)
    measured = 0
    while measured < len(cells):
        assert pool.statistics().bytes == 1000 * size_of(event)  # they are alike, so the average is right at once
        now = sum(cell.is_measured for cell in cells)
        assert measured < now <= measured + 64
        measured = now
    cells[0].store(event_of("orderbook"))
    cells[0].measure()
    assert pool.statistics().bytes == 999 * size_of(event) + size_of(event_of("orderbook"))


async def test_long_histories_are_halved_when_everything_is_wanted() -> None:
    size = size_of(event_of())
    pool = DataPoolManager(history_length=1000, limit=100 * size)
    await pool.register_client_interest("me", streams=[ticker_key("KRW-BTC"), ticker_key("KRW-ETH")])
    for at in range(400):
        pool.cell(ticker_key("KRW-BTC")).store(event_of(timestamp=at))
    pool.cell(ticker_key("KRW-ETH")).store(event_of(code="KRW-ETH"))
    pool.trim()
    assert pool.statistics().bytes <= 100 * size
    kept = [event.timestamp for event in pool.get_history("KRW-BTC", TICKER)]
    assert kept == list(range(400 - len(kept), 400))
    assert len(pool.get_history("KRW-ETH", TICKER)) == 1


async def test_the_bound_is_looked_after_without_being_asked() -> None:
    size = size_of(event_of())
    pool = DataPoolManager(history_length=100_000, limit=200 * size)
    cell = pool.cell(ticker_key("KRW-BTC"))
    cell.is_live = True
    event = event_of()
    highest = 0
    for _ in range(20_000):
        cell.store(event)
        highest = max(highest, cell.events)
    assert highest <= 200
    assert pool.statistics().evicted > 0


async def test_big_books_keep_the_limit_with_each_event() -> None:
    limit = 2 * 1024 * 1024
    pool = DataPoolManager(history_length=200, limit=limit)
    books = [event_of("orderbook", code=f"KRW-C{number}") for number in range(40)]
    wide = [replace(book, orderbook_units=(book.orderbook_units * 30)[:30]) for book in books]
    for book in wide:
        pool.cell(StreamKey(DataType.ORDERBOOK, book.code)).is_live = True
    most = 0
    for _ in range(20):
        for book in wide:
            pool.cell(StreamKey(DataType.ORDERBOOK, book.code)).store(book)
            most = max(most, pool.statistics().bytes)
    assert limit * 0.8 < most <= limit
    held = sum(size_of(e) for book in wide for e in pool.get_history(book.code, DataType.ORDERBOOK))
    assert held == pool.statistics().bytes


async def test_where_the_newest_alone_take_more_than_the_limit_nobody_looks_for_more_with_each_event() -> None:
    pool = DataPoolManager(history_length=10, limit=size_of(event_of()) * 2)
    cells = [pool.cell(ticker_key(f"KRW-C{number}")) for number in range(20)]
    for cell in cells:
        cell.is_live = True
        cell.store(event_of())
    looks = 0
    trim = pool.trim

    def counting() -> int:
        nonlocal looks
        looks += 1
        return trim()

    pool.trim = counting  # type: ignore[method-assign]
    for _ in range(100):
        for cell in cells:
            cell.store(event_of())
    assert all(cell.events >= 1 for cell in cells)
    assert looks < 2000


def test_symbol_comes_before_type_and_the_other_way_round_is_refused_in_words() -> None:
    pool = DataPoolManager()
    pool.cell(ticker_key("KRW-BTC")).store(event_of())
    assert pool.get_latest_data("KRW-BTC", TICKER) is not None
    assert pool.get_latest_data("KRW-BTC", "ticker") is not None
    assert pool.get_latest_data(data_type=TICKER, symbol="KRW-BTC") is not None
    wrong: list[Callable[[], object]] = [
        lambda: pool.get_latest_data(TICKER, "KRW-BTC"),
        lambda: pool.get_latest_data("KRW-BTC", "KRW-BTC"),
        lambda: pool.get_latest_data("KRW-BTC"),
        lambda: pool.get_multiple_data([(TICKER, "KRW-BTC")]),
        lambda: pool.get_history(TICKER, "KRW-BTC"),
    ]
    for call in wrong:
        with pytest.raises(ConfigurationError, match=r"symbol|data_type"):
            call()


async def test_interest_is_told_by_symbols_and_types() -> None:
    pool = DataPoolManager()
    await pool.register_client_interest("me", ["KRW-BTC", "KRW-ETH"], [TICKER, "trade"])
    everything = [StreamKey(kind, code) for code in ("KRW-BTC", "KRW-ETH") for kind in (TICKER, DataType.TRADE)]
    assert [pool.cell(key).wanted for key in everything] == [1, 1, 1, 1]
    await pool.register_client_interest("me", "KRW-BTC", TICKER)
    assert [pool.cell(key).wanted for key in everything] == [1, 0, 0, 0]
    await pool.register_client_interest("me", data_types=DataType.MY_ASSET)
    assert [pool.cell(key).wanted for key in everything] == [0, 0, 0, 0]
    assert pool.cell(StreamKey(DataType.MY_ASSET)).wanted == 1
    with pytest.raises(ConfigurationError, match="before the data type"):
        await pool.register_client_interest("me", [TICKER], ["KRW-BTC"])
    with pytest.raises(ConfigurationError, match="DataType"):
        await pool.register_client_interest("me", ["KRW-BTC"], ["KRW-BTC"])
    assert pool.cell(StreamKey(DataType.MY_ASSET)).wanted == 1


async def test_interests_are_replaced_and_end() -> None:
    pool = DataPoolManager()
    first, second = ticker_key("KRW-BTC"), ticker_key("KRW-ETH")
    await pool.register_client_interest("me", streams=[first])
    await pool.register_client_interest("you", streams=[first])
    await pool.register_client_interest("me", streams=[second])
    assert (pool.cell(first).wanted, pool.cell(second).wanted) == (1, 1)
    await pool.register_client_interest("me", streams=())
    await pool.register_client_interest("you", streams=())
    assert (pool.cell(first).wanted, pool.cell(second).wanted, pool.statistics().clients) == (0, 0, 0)


def test_clearing_forgets_values() -> None:
    pool = DataPoolManager(history_length=2)
    pool.cell(ticker_key("KRW-BTC")).store(event_of())
    pool.account.store(event_of("myOrder", uuid="a"))
    pool.clear()
    assert pool.get_latest_data("KRW-BTC", TICKER) is None
    assert pool.account.orders() == ()
    assert pool.statistics().events == 0


@pytest.mark.parametrize("state", ["done", "wait"])
def test_orders_are_bounded_and_finished_ones_go_first(state: str) -> None:
    view = AccountView()
    view.store(event_of("myOrder", uuid="open", state="wait"))
    for number in range(MOST_ORDERS):
        view.store(event_of("myOrder", uuid=str(number), state=state))
    assert len(view.orders()) == MOST_ORDERS
    assert view.forgotten == 1
    assert ("open" in {order.uuid for order in view.orders()}) == (state == "done")
    assert view.orders("KRW-NONE") == ()


async def test_names_that_nothing_ever_came_for_do_not_pile_up() -> None:
    pool = DataPoolManager()
    async with engine_rig(pool=pool) as rig:
        for number in range(100):
            rig.engine.register_route("c", SubscriptionSpec("ticker", f"KRW-C{number}"), lambda event: None).close()
        kept = rig.engine.register_route("c", SubscriptionSpec("ticker", "KRW-BTC"), lambda event: None)
        await rig.feed(raw())
        kept.close()
        for number in range(100):
            await pool.register_client_interest("client", streams=[StreamKey(DataType.TICKER, f"KRW-D{number}")])
        assert pool.get_latest_data("KRW-BTC", DataType.TICKER) is not None
        assert set(pool._cells) == {StreamKey(DataType.TICKER, "KRW-BTC"), StreamKey(DataType.TICKER, "KRW-D99")}
        await pool.register_client_interest("client", streams=())
        assert set(pool._cells) == {StreamKey(DataType.TICKER, "KRW-BTC")}
