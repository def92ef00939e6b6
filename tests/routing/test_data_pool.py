"""The pool holds the newest of every stream, a bounded past, and never more bytes than it may."""

from __future__ import annotations

import pytest

from tests.routing.rig import Listener, engine_rig, event_of, raw
from upbit_ws_qt.routing import AccountView, DataPoolManager
from upbit_ws_qt.routing.account_view import MOST_ORDERS
from upbit_ws_qt.routing.data_pool import size_of
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.types import DataType, SubscriptionSpec

TICKER = DataType.TICKER


def ticker_key(code: str) -> StreamKey:
    return StreamKey(TICKER, code)


def test_the_newest_is_known_and_what_is_not_known_is_none() -> None:
    pool = DataPoolManager()
    for at in (1, 2):
        pool.cell(ticker_key("KRW-BTC")).store(event_of(timestamp=at))
    latest = pool.get_latest_data(TICKER, "KRW-BTC")
    assert latest is not None
    assert latest.timestamp == 2
    assert pool.get_latest_data(TICKER, "KRW-NONE") is None
    assert list(pool.get_multiple_data(TICKER, ["KRW-BTC", "KRW-NONE"])) == ["KRW-BTC"]
    assert [event.timestamp for event in pool.get_history(TICKER, "KRW-BTC")] == [2]
    assert pool.get_history(TICKER, "KRW-NONE") == ()


def test_a_history_is_a_ring() -> None:
    pool = DataPoolManager(history_length=5)
    for at in range(12):
        pool.cell(ticker_key("KRW-BTC")).store(event_of(timestamp=at))
    assert [event.timestamp for event in pool.get_history(TICKER, "KRW-BTC")] == [7, 8, 9, 10, 11]
    assert [event.timestamp for event in pool.get_history(TICKER, "KRW-BTC", limit=2)] == [10, 11]
    assert pool.get_history(TICKER, "KRW-BTC", limit=0) == ()
    assert pool.statistics().events == 5


async def test_what_is_routed_is_stored() -> None:
    async with engine_rig(pool=DataPoolManager(history_length=3)) as rig:
        rig.engine.register_route("c", SubscriptionSpec("ticker", "KRW-BTC"), Listener())
        await rig.feed(*(raw(timestamp=at) for at in (1, 2, 2, 1, 3)))
        assert rig.pool is not None
        assert [event.timestamp for event in rig.pool.get_history(TICKER, "KRW-BTC")] == [1, 2, 3]


def test_the_size_of_an_event_covers_its_numbers() -> None:
    ticker, book = size_of(event_of()), size_of(event_of("orderbook"))
    assert ticker > 20 * 104  # its decimals alone
    assert book > 8 * 104


async def test_the_bound_holds_and_costs_first_what_nobody_wants() -> None:
    size = size_of(event_of())
    pool = DataPoolManager(limit=100 * size)
    wanted = [ticker_key(f"KRW-W{number}") for number in range(40)]
    await pool.register_client_interest("me", wanted)
    for number, key in enumerate(wanted):
        pool.cell(key).store(event_of(code=key.symbol, received_at=float(number)))
    for number in range(200):
        pool.cell(ticker_key(f"KRW-X{number}")).store(event_of(code=f"KRW-X{number}", received_at=float(100 + number)))
    assert pool.trim() > 0
    figures = pool.statistics()
    assert figures.bytes <= 100 * size
    assert figures.evicted == 240 - figures.keys
    assert all(pool.get_latest_data(TICKER, key.symbol) is not None for key in wanted)
    assert pool.get_latest_data(TICKER, "KRW-X199") is not None  # the most recent stays
    assert pool.get_latest_data(TICKER, "KRW-X0") is None
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
    await pool.register_client_interest("me", [ticker_key("KRW-BTC"), ticker_key("KRW-ETH")])
    for at in range(400):
        pool.cell(ticker_key("KRW-BTC")).store(event_of(timestamp=at))
    pool.cell(ticker_key("KRW-ETH")).store(event_of(code="KRW-ETH"))
    pool.trim()
    assert pool.statistics().bytes <= 100 * size
    kept = [event.timestamp for event in pool.get_history(TICKER, "KRW-BTC")]
    assert kept == list(range(400 - len(kept), 400))
    assert len(pool.get_history(TICKER, "KRW-ETH")) == 1


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
    assert highest <= 200 + 1024
    assert pool.statistics().evicted > 0


async def test_interests_are_replaced_and_end() -> None:
    pool = DataPoolManager()
    first, second = ticker_key("KRW-BTC"), ticker_key("KRW-ETH")
    await pool.register_client_interest("me", [first])
    await pool.register_client_interest("you", [first])
    await pool.register_client_interest("me", [second])
    assert pool.client_interest("me") == {second}
    assert (pool.cell(first).wanted, pool.cell(second).wanted) == (1, 1)
    await pool.register_client_interest("me", ())
    await pool.register_client_interest("you", ())
    assert (pool.cell(first).wanted, pool.cell(second).wanted, pool.statistics().clients) == (0, 0, 0)


def test_clearing_forgets_values() -> None:
    pool = DataPoolManager(history_length=2)
    pool.cell(ticker_key("KRW-BTC")).store(event_of())
    pool.account.store(event_of("myOrder", uuid="a"))
    pool.clear()
    assert pool.get_latest_data(TICKER, "KRW-BTC") is None
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
            await pool.register_client_interest("client", [StreamKey(DataType.TICKER, f"KRW-D{number}")])
        assert pool.get_latest_data(DataType.TICKER, "KRW-BTC") is not None
        assert set(pool._cells) == {StreamKey(DataType.TICKER, "KRW-BTC"), StreamKey(DataType.TICKER, "KRW-D99")}
        await pool.register_client_interest("client", ())
        assert set(pool._cells) == {StreamKey(DataType.TICKER, "KRW-BTC")}
