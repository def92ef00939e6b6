"""The proof of a line: the exchange's list, the first data, and what is concluded from their absence."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.subscriptions.specs import ASSETS, book, key, news, orders, rsi, ticker, tickers
from upbit_ws_qt.subscriptions import Demand, Proof, SubscriptionStateManager, listed_streams
from upbit_ws_qt.types import DataType, IndicatorSpec, SubscriptionSpec, WebSocketType
from upbit_ws_qt.wire import SubscriptionEntry, SubscriptionList

BTC, ETH = key(DataType.TICKER, "KRW-BTC"), key(DataType.TICKER, "KRW-ETH")
ASSET, ORDER = key(DataType.MY_ASSET), key(DataType.MY_ORDER)


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
    proof = Proof(3.0)
    proof.expect({BTC: Demand()}, 0.0)
    assert proof.on_list({BTC}, {BTC: Demand()}, 0.1) == (set(), set())
    assert BTC in proof.debts
    assert proof.on_data(BTC, 0.2)
    assert not proof.on_data(BTC, 0.3)
    assert (proof.served, proof.last_data_at) == ({BTC}, 0.2)
    assert not proof.watches_data


def test_the_list_proves_what_may_be_silent() -> None:
    proof = Proof(3.0)
    asked = {ORDER: Demand(), BTC: Demand(snapshot=False), ASSET: Demand()}
    proof.expect(asked, 0.0)
    assert proof.on_list(asked.keys(), asked, 0.1) == (set(asked), set())
    assert proof.served == {ORDER, BTC}
    assert proof.warming == {ASSET}
    assert proof.watches_data
    assert proof.on_data(ASSET, 60.0)
    assert proof.served == {ORDER, BTC, ASSET}


def test_the_list_says_what_is_missing_even_where_data_came() -> None:
    proof = Proof(3.0)
    proof.expect({BTC: Demand(), ETH: Demand()}, 0.0)
    proof.on_data(BTC, 0.1)
    assert proof.on_list({ETH}, {BTC: Demand(), ETH: Demand()}, 0.2) == (set(), {BTC})


def test_what_the_list_lacked_and_has_again_is_served() -> None:
    proof = Proof(3.0)
    proof.expect({ORDER: Demand()}, 0.0)
    proof.give_up([ORDER])
    assert proof.on_list({ORDER}, {ORDER: Demand()}, 0.2) == ({ORDER}, set())
    assert proof.served == {ORDER}


def test_silence_beyond_the_deadline_is_unserved_until_data_comes_after_all() -> None:
    proof = Proof(3.0)
    proof.expect({BTC: Demand()}, 0.0)
    assert proof.next_deadline() == 3.0
    assert proof.overdue(2.9) == []
    assert proof.overdue(3.0) == [BTC]
    proof.give_up([BTC])
    assert proof.unserved == {BTC}
    assert proof.next_deadline() is None
    assert proof.on_data(BTC, 10.0)
    assert proof.served == {BTC}
    assert not proof.unserved


def test_what_is_asked_for_again_gets_the_deadline_anew() -> None:
    proof = Proof(3.0)
    proof.expect({BTC: Demand()}, 0.0)
    proof.expect({BTC: Demand()}, 2.0)
    assert proof.overdue(4.9) == []
    assert proof.overdue(5.0) == [BTC]
    assert proof.owed(data=True) == [BTC]
    assert proof.owed(data=False) == []


def test_what_is_not_asked_for_any_more_is_forgotten() -> None:
    proof = Proof(3.0)
    proof.expect(dict.fromkeys(tickers("KRW-A1", "KRW-A2", "KRW-A3"), Demand()), 0.0)
    proof.on_data(key(DataType.TICKER, "KRW-A1"), 0.1)
    proof.give_up([key(DataType.TICKER, "KRW-A2")])
    proof.forget(tickers("KRW-A1", "KRW-A2", "KRW-A3"))
    assert not proof.debts
    assert not proof.served
    assert not proof.unserved


def test_the_candle_of_a_quiet_market_is_proved_by_its_old_snapshot() -> None:
    state = SubscriptionStateManager()
    state.replace("a", [SubscriptionSpec(DataType.CANDLE_1M, "KRW-BTC")])
    proof = Proof(3.0)
    proof.expect(state.demand(WebSocketType.PUBLIC), 0.0)
    assert proof.on_data(key(DataType.CANDLE_1M, "KRW-BTC"), 0.1)
