"""What one line brings: proved by the exchange's list and the first data, concluded from their absence."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.subscriptions.specs import ASSETS, book, key, news, orders, rsi, ticker, tickers
from upbit_ws_qt.specs import IndicatorSpec, SubscriptionSpec
from upbit_ws_qt.subscriptions import (
    Demand,
    IntelligentSubscriptionOptimizer,
    Patience,
    StreamStatus,
    SubscriptionStateManager,
    listed_streams,
)
from upbit_ws_qt.subscriptions.endpoint_memory import EndpointMemory, OneShotSnapshots
from upbit_ws_qt.subscriptions.refused_wish_search import RejectionSearch
from upbit_ws_qt.subscriptions.stream_table import StreamTable
from upbit_ws_qt.types import DataType, WebSocketType
from upbit_ws_qt.wire import SubscriptionEntry, SubscriptionList

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upbit_ws_qt.streams import StreamKey

BTC, ETH = key(DataType.TICKER, "KRW-BTC"), key(DataType.TICKER, "KRW-ETH")
ASSET, ORDER = key(DataType.MY_ASSET), key(DataType.MY_ORDER)
WANTED, REQUESTED, LIVE = StreamStatus.WANTED, StreamStatus.REQUESTED, StreamStatus.LIVE
WARMING_UP, UNSERVED = StreamStatus.WARMING_UP, StreamStatus.UNSERVED


class Line:
    """The table of one line, with the little around it."""

    def __init__(self, ws_type: WebSocketType = WebSocketType.PUBLIC) -> None:
        state = SubscriptionStateManager()
        self.memory = EndpointMemory(
            ws_type=ws_type,
            state=state,
            search=RejectionSearch(ws_type, state, lambda wish: None),
            snapshots=OneShotSnapshots(ws_type, state),
            patience=Patience(first_data=3.0, ask_again=(5.0, 15.0)),
        )
        self.table = StreamTable(self.memory)
        self.requests = 0

    def ask(self, union: Mapping[StreamKey, Demand], now: float = 0.0) -> None:
        """Send a request for all of this and nothing else."""
        plan = IntelligentSubscriptionOptimizer().optimize_subscriptions(union, flowing=self.table.flowing())
        self.table.repair_leaves()
        self.requests += 1
        self.table.note_request(plan, self.requests, now)

    def statuses(self, *streams: StreamKey) -> list[StreamStatus]:
        return [self.table.status_of(stream) for stream in streams]


@pytest.mark.parametrize(
    ("spec", "entry"),
    [
        (ticker("KRW-BTC", "KRW-ETH"), SubscriptionEntry(type="ticker", codes=("KRW-ETH", "KRW-BTC"))),
        (book("KRW-BTC", depth=5), SubscriptionEntry(type="orderbook", codes=("KRW-BTC.5",))),
        (book("KRW-BTC", level=10000), SubscriptionEntry(type="orderbook", codes=("KRW-BTC",), level=Decimal("1E4"))),
        (orders(), SubscriptionEntry(type="myOrder")),
        (orders("KRW-BTC"), SubscriptionEntry(type="myOrder", codes=("KRW-BTC",))),
        (ASSETS, SubscriptionEntry(type="myAsset")),
        (news(), SubscriptionEntry(type="announcement")),
        (
            rsi("KRW-BTC", periods=(9, 14)),
            SubscriptionEntry(
                type="indicator",
                codes=("KRW-BTC",),
                timeframe="5m",
                indicators=(
                    IndicatorSpec.of("rsi", {"period": Decimal("14.0")}),
                    IndicatorSpec.of("rsi", {"period": 9}),
                ),
            ),
        ),
    ],
)
def test_an_entry_of_the_list_names_the_streams_of_the_wish(spec: SubscriptionSpec, entry: SubscriptionEntry) -> None:
    state = SubscriptionStateManager()
    state.replace("a", [spec])
    assert listed_streams(SubscriptionList(result=(entry,))) == state.demand(spec.data_type.websocket_type).keys()


def test_types_that_nobody_knows_yet_are_passed_over() -> None:
    answer = SubscriptionList(
        result=(
            SubscriptionEntry(type="candle.1y", codes=("KRW-BTC",)),
            SubscriptionEntry(type="ticker", codes=("KRW-BTC",)),
        )
    )
    assert listed_streams(answer) == {BTC}


def test_data_proves_a_stream_with_snapshots_and_the_list_does_not() -> None:
    line, asked = Line(), {BTC: Demand()}
    line.ask(asked)
    assert line.table.take_list({BTC}, asked, 0.1) == set()
    assert line.table.is_owed(BTC)
    assert line.table.take_data(BTC, 0.2)
    assert not line.table.take_data(BTC, 0.3)
    assert line.statuses(BTC) == [LIVE]
    assert line.table.last_progress == 0.2
    assert line.table.flowing() == asked
    assert not line.table.watches_data


def test_the_list_proves_what_may_be_silent() -> None:
    line = Line(WebSocketType.PRIVATE)
    asked = {ORDER: Demand(), BTC: Demand(snapshot=False), ASSET: Demand()}
    line.ask(asked)
    assert line.table.take_list(asked.keys(), asked, 0.1) == set()
    assert line.statuses(ORDER, BTC, ASSET) == [LIVE, LIVE, WARMING_UP]
    assert line.table.watches_data
    assert line.table.take_data(ASSET, 60.0)
    assert line.statuses(ORDER, BTC, ASSET) == [LIVE, LIVE, LIVE]


def test_the_list_says_what_is_missing_even_where_data_came() -> None:
    line, asked = Line(), {BTC: Demand(), ETH: Demand()}
    line.ask(asked)
    line.table.take_data(BTC, 0.1)
    assert line.table.take_list({ETH}, asked, 0.2) == {BTC}


def test_what_the_list_lacked_and_has_again_is_served() -> None:
    line, asked = Line(WebSocketType.PRIVATE), {ORDER: Demand()}
    line.ask(asked)
    line.table.give_up([ORDER], 0.1)
    assert line.table.take_list({ORDER}, asked, 0.2) == set()
    assert line.statuses(ORDER) == [LIVE]


def test_silence_beyond_the_deadline_is_unserved_until_data_comes_after_all() -> None:
    line = Line()
    line.ask({BTC: Demand()})
    assert line.table.next_deadlines() == [3.0]
    assert line.table.overdue(2.9) == []
    assert line.table.overdue(3.0) == [BTC]
    line.table.give_up([BTC], 3.0)
    assert line.statuses(BTC) == [UNSERVED]
    assert line.table.next_deadlines() == []
    assert line.memory.was_unserved(BTC)
    assert line.table.take_data(BTC, 10.0)
    assert line.statuses(BTC) == [LIVE]
    assert not line.memory.was_unserved(BTC)


def test_what_is_asked_for_again_gets_the_deadline_anew() -> None:
    line, asked = Line(), {BTC: Demand()}
    line.ask(asked)
    line.table.repair({BTC}, has_surplus=False, now=1.0)
    assert line.table.needs_repair
    line.ask(asked, 2.0)
    assert line.table.overdue(4.9) == []
    assert line.table.overdue(5.0) == [BTC]
    assert line.table.owed(data=True) == [BTC]
    assert line.table.owed(data=False) == []


def test_what_is_not_asked_for_any_more_is_forgotten() -> None:
    line = Line()
    streams = sorted(tickers("KRW-A1", "KRW-A2", "KRW-A3"))
    line.ask(dict.fromkeys(streams, Demand()))
    line.table.take_data(streams[0], 0.1)
    line.table.give_up([streams[1]], 0.2)
    line.ask({}, 1.0)
    assert line.statuses(*streams) == [WANTED] * 3
    assert not line.table.watches_data
    assert line.table.flowing() == {}
    assert not any(map(line.memory.was_served, streams))


def test_the_candle_of_a_quiet_market_is_proved_by_its_old_snapshot() -> None:
    state = SubscriptionStateManager()
    state.replace("a", [SubscriptionSpec(DataType.CANDLE_1M, "KRW-BTC")])
    line = Line()
    line.ask(state.demand(WebSocketType.PUBLIC))
    assert line.table.take_data(key(DataType.CANDLE_1M, "KRW-BTC"), 0.1)


def test_a_stream_is_asked_for_again_after_each_pause_and_not_for_ever() -> None:
    line = Line()
    line.memory.note_served(BTC)  # on an earlier line
    line.ask({BTC: Demand(), ETH: Demand()})
    line.table.give_up([BTC, ETH], 3.0)
    assert line.table.next_try() == 8.0
    assert not line.table.take_tries(7.9)
    assert line.table.take_tries(8.0)
    assert line.table.next_try() == 23.0
    line.table.give_up([BTC], 11.0)  # it goes on where it was
    assert line.table.take_tries(23.0)
    assert line.table.next_try() is None
    assert line.statuses(BTC, ETH) == [UNSERVED, UNSERVED]


def test_what_changed_is_told_once() -> None:
    line = Line()
    line.ask({BTC: Demand()})
    assert line.table.take_changed() == {BTC}
    assert line.table.take_changed() == set()
    line.table.take_data(BTC, 0.1)
    assert line.table.take_changed() == {BTC}
