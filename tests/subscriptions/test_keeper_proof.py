"""The keeper in virtual time: what the list and the data prove, and what is asked for again."""

from __future__ import annotations

import itertools

import pytest

from tests.subscriptions.keeping import BTC, ETH, LIVE, UNSERVED, desk, refuse_codes, serving
from tests.subscriptions.model import ModelExchange
from tests.subscriptions.specs import ASSETS, book, codes, key, news, orders, ticker, tickers
from tests.subscriptions.virtual import elapse, in_virtual_time, stand_still
from upbit_ws_qt.errors import RecoveryError, SubscriptionError
from upbit_ws_qt.subscriptions import StreamStatus
from upbit_ws_qt.types import DataFormat, DataType, WebSocketType


async def elapse_nothing() -> None:
    """Let what is due be done."""
    for _ in range(5):
        await elapse(0.0)


@in_virtual_time
@pytest.mark.statement("P3.14")
async def test_an_unknown_code_is_unserved_and_does_not_hold_the_rest_up() -> None:
    exchange = ModelExchange()
    exchange.unknown = {"KRW-NOPE"}
    async with desk(exchange) as d:
        d.want("a", ticker("KRW-BTC", "KRW-NOPE"))
        await d.sync.wait_served(tickers("KRW-BTC"))
        assert d.loop.time() - exchange.line.sent[0][0] < 1
        with pytest.raises(SubscriptionError, match="KRW-NOPE") as caught:
            await d.sync.wait_served(tickers("KRW-BTC", "KRW-NOPE"))
        assert caught.value.codes == ("KRW-NOPE",)
        assert d.sync.statistics().unserved == (key(DataType.TICKER, "KRW-NOPE"),)
        assert len(exchange.lines) == 1


@in_virtual_time
async def test_an_exchange_that_is_late_with_everything_is_not_taken_for_one_that_does_not_serve() -> None:
    exchange = ModelExchange()
    exchange.unknown = {"KRW-NOPE"}
    async with desk(exchange) as d:
        exchange.busy_until = d.loop.time() + 3.5
        d.want("a", ticker(*codes(50), "KRW-NOPE"))
        await d.sync.wait_served(tickers(*codes(50)))
        exchange.busy_until = d.loop.time() + 3.5  # the same on a line that serves
        d.want("b", book(*codes(50), "KRW-NOPE"))
        await d.sync.wait_served(key(DataType.ORDERBOOK, code) for code in codes(50))
        await d.settled()
        missing = [stream for stream, status in d.told if status is StreamStatus.UNSERVED]
        assert missing == [key(DataType.TICKER, "KRW-NOPE"), key(DataType.ORDERBOOK, "KRW-NOPE")]
        assert (len(exchange.lines), d.errors) == (1, [])


@in_virtual_time
async def test_what_comes_slowly_is_waited_for_as_long_as_some_of_it_comes() -> None:
    exchange = ModelExchange()
    exchange.unknown = {"KRW-NOPE"}
    exchange.snapshot_pause = 0.2
    async with desk(exchange) as d:
        d.want("a", ticker(*codes(40), "KRW-NOPE"))
        await d.sync.wait_served(tickers(*codes(40)))
        await d.sync.fetch_snapshots([book(*codes(40))])
        await d.settled()
        assert [stream for stream, status in d.told if status is StreamStatus.UNSERVED] == [
            key(DataType.TICKER, "KRW-NOPE")
        ]


@pytest.mark.parametrize("is_first", [True, False])
@in_virtual_time
async def test_what_came_while_the_program_stood_still_is_read_before_it_is_missed(is_first: bool) -> None:
    exchange = ModelExchange()
    exchange.snapshot_pause = 0.01
    async with desk(exchange) as d:
        if not is_first:
            d.want("a", BTC)
            await elapse(5.0)
        d.want("b", ticker(*codes(50)))
        await elapse(0.3)  # half of it has come
        exchange.line.hold()
        await elapse(0.05)
        stand_still(10.0)
        await elapse_nothing()
        exchange.line.release()
        await d.sync.wait_served(tickers(*codes(50)))
        assert StreamStatus.UNSERVED not in {status for _, status in d.told}


@in_virtual_time
async def test_a_refusal_that_came_while_the_program_stood_still_is_read_before_the_request_counts_as_taken() -> None:
    exchange = ModelExchange()
    exchange.refuses = refuse_codes("KRW-ETH")
    exchange.closes_after_error = False
    async with serving(exchange, BTC) as d:
        await elapse(5.0)
        exchange.line.hold()
        d.want("b", ETH)
        await elapse(0.1)
        assert exchange.refused == 1
        stand_still(10.0)
        await elapse_nothing()
        exchange.line.release()
        await d.settled()
        assert [component for component, _ in d.rejected] == ["b"]
        assert d.sync.statistics().rejections == exchange.refused  # none was taken for another answer


@in_virtual_time
async def test_a_code_that_was_unserved_does_not_delay_the_next_line() -> None:
    exchange = ModelExchange()
    exchange.unknown = {"KRW-NOPE"}
    async with serving(exchange, ticker("KRW-BTC", "KRW-NOPE")) as d:
        exchange.line.drop()
        await elapse(0.2)
        await d.settled()
        assert d.sync.restore_times[-1] < 0.1


@in_virtual_time
async def test_an_unserved_code_becomes_live_when_it_is_listed() -> None:
    exchange = ModelExchange()
    exchange.unknown = {"KRW-NEW"}
    async with serving(exchange, ticker("KRW-BTC", "KRW-NEW")) as d:
        assert d.status(ticker("KRW-NEW")) == UNSERVED
        exchange.line.show("ticker", "KRW-NEW", "REALTIME")
        await elapse(1)
        assert d.status(ticker("KRW-NEW")) == LIVE


@in_virtual_time
async def test_data_frames_are_looked_at_only_while_something_is_open() -> None:
    exchange = ModelExchange()
    async with desk(exchange, data_format=DataFormat.SIMPLE) as d:  # AUTO would measure a few frames
        d.want("a", BTC)
        await d.settled()
        await elapse(1)
        assert not exchange.line.is_watched()
        d.want("b", ETH)
        await elapse(0.02)
        assert exchange.line.is_watched()
        await d.settled()
        await elapse(1)
        assert not exchange.line.is_watched()


@in_virtual_time
@pytest.mark.statement("P4.6", "P9.18")
async def test_private_streams_are_proved_by_the_list_and_assets_warm_up() -> None:
    exchange = ModelExchange()
    async with desk(exchange, WebSocketType.PRIVATE) as d:
        d.want("a", ASSETS, orders("KRW-BTC"))
        await d.settled()
        assert d.status(ASSETS) == {StreamStatus.WARMING_UP}
        assert d.status(orders("KRW-BTC")) == LIVE
        await d.sync.wait_served([key(DataType.MY_ASSET)])
        before = exchange.lists
        d.want("b", news(), orders())
        await d.settled()
        assert exchange.lists == before + 1
        assert d.status(orders("KRW-BTC")) == LIVE  # every market brings it
        exchange.line.show("myAsset", "")
        await elapse(0.1)
        assert d.status(ASSETS) == LIVE


@in_virtual_time
async def test_a_stream_wanted_realtime_only_is_proved_by_the_list() -> None:
    exchange = ModelExchange()
    async with serving(exchange, ticker("KRW-BTC", only_realtime=True)) as d:
        assert d.status(BTC) == LIVE
        assert exchange.snapshots == []
        d.want("b", BTC)
        await elapse(1)
        assert exchange.snapshots == [("ticker", "KRW-BTC")]


@pytest.mark.parametrize("times", [1, 2])
@in_virtual_time
async def test_codes_that_the_list_lacks_are_asked_for_again(times: int) -> None:
    exchange = ModelExchange()
    async with serving(exchange, ticker(*codes(50))) as d:
        exchange.forget.extend([7] * times)
        exchange.line.drop()
        await elapse(0.1)
        await d.settled()
        assert len(exchange.table()) == 50
        assert d.sync.statistics().repairs == times
        assert d.status(ticker(*codes(50))) == LIVE


@in_virtual_time
async def test_codes_that_the_list_goes_on_lacking_are_unserved_and_the_rest_is_live() -> None:
    exchange = ModelExchange()
    exchange.forget.extend([3] * 3)
    async with serving(exchange, ticker(*codes(50))) as d:
        assert len(d.sync.statistics().unserved) == 3
        assert d.sync.statistics().live == 47
        assert len(exchange.requests) == 3


@in_virtual_time
async def test_a_list_that_is_not_answered_costs_the_line_where_nothing_else_proves_it() -> None:
    exchange = ModelExchange()
    exchange.answers_lists = False
    async with desk(exchange, WebSocketType.PRIVATE) as d:
        d.want("a", ASSETS)
        await elapse(5)
        assert d.errors
        assert all(isinstance(error, RecoveryError) for error in d.errors)
        assert d.sync.statistics().lists_unanswered >= 2
        exchange.answers_lists = True
        await d.settled()


@in_virtual_time
async def test_a_list_that_is_not_answered_is_made_up_for_by_data() -> None:
    exchange = ModelExchange()
    exchange.answers_lists = False
    async with desk(exchange) as d:
        d.want("a", BTC)
        await elapse(5)
        assert d.errors == []
        assert d.status(BTC) == LIVE
        assert d.is_serving
        assert d.sync.statistics().restores == 0  # the first line restores nothing


@in_virtual_time
async def test_an_exchange_that_refuses_lists_is_not_asked_for_them_for_ever() -> None:
    exchange = ModelExchange()
    exchange.answers_lists = "error"
    async with desk(exchange) as d:
        d.want("a", BTC)
        await elapse(20)
        assert exchange.lists == 2
        assert d.status(BTC) == LIVE
        assert d.rejected == []


@in_virtual_time
async def test_a_line_on_which_nothing_comes_of_what_came_before_is_given_up() -> None:
    exchange = ModelExchange()
    async with serving(exchange, ticker("KRW-BTC", "KRW-ETH")) as d:
        exchange.unknown = {"KRW-BTC", "KRW-ETH"}
        exchange.line.drop()
        await elapse(3.3)
        assert [type(error) for error in d.errors] == [RecoveryError]
        exchange.unknown = set()
        await d.settled()
        assert d.status(BTC) == LIVE


@in_virtual_time
async def test_what_earlier_lines_brought_is_asked_for_again_a_few_times_and_further_apart_each_time() -> None:
    exchange = ModelExchange()
    async with serving(exchange, ticker(*codes(20), "KRW-NOPE")) as d:
        exchange.unknown = {"KRW-C3", "KRW-C4", "KRW-NOPE"}  # two are listed and silent from now on
        exchange.line.drop()
        await elapse(0.2)
        await d.settled()
        began = len(exchange.line.sent)
        await elapse(550)
        sent = [at for at, data in exchange.line.sent[began:] if b"LIST_SUBSCRIPTIONS" not in data]
        pauses = [later - earlier for earlier, later in itertools.pairwise(sent)]
        assert [round(pause) for pause in pauses] == [15, 45, 120, 300]
        assert set(d.sync.statistics().unserved) == tickers("KRW-C3", "KRW-C4", "KRW-NOPE")
        assert [status for stream, status in d.told if stream.symbol == "KRW-C3"][-1] is StreamStatus.UNSERVED
        exchange.line.drop()  # another line begins anew
        await elapse(0.2)
        await d.settled()
        exchange.unknown = set()
        await elapse(6)
        assert d.status(ticker("KRW-C3", "KRW-C4")) == LIVE
        assert exchange.violations == 0


@in_virtual_time
async def test_a_code_that_never_came_is_not_asked_for_again() -> None:
    exchange = ModelExchange()
    exchange.unknown = {"KRW-NOPE"}
    async with serving(exchange, ticker("KRW-BTC", "KRW-NOPE")):
        count = len(exchange.requests)
        await elapse(550)
        assert len(exchange.requests) == count
