"""Plans: the fewest type objects, snapshots where they are new, realtime only where it flows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.subscriptions.specs import ASSETS, book, codes, key, news, orders, rsi, ticker, tickers, trade
from upbit_ws_qt.subscriptions import (
    Demand,
    Effort,
    IntelligentSubscriptionOptimizer,
    OptimizationResult,
    SplitTrust,
    SubscriptionStateManager,
)
from upbit_ws_qt.subscriptions.planner import urgent_part
from upbit_ws_qt.types import DataType, Priority, WebSocketType
from upbit_ws_qt.wire import encode_request

if TYPE_CHECKING:
    from upbit_ws_qt.specs import SubscriptionSpec

PUBLIC, PRIVATE, INFO = WebSocketType.PUBLIC, WebSocketType.PRIVATE, WebSocketType.INFO


def demand_for(*specs: SubscriptionSpec, ws_type: WebSocketType = PUBLIC) -> dict[Any, Demand]:
    state = SubscriptionStateManager()
    state.replace("a", specs)
    return dict(state.demand(ws_type))


def body(plan: OptimizationResult) -> list[dict[str, Any]]:
    parsed: list[dict[str, Any]] = json.loads(encode_request(plan.objects))
    return parsed[1:-1]


def test_a_fresh_line_is_asked_plainly_with_one_object_for_each_type() -> None:
    demand = demand_for(ticker("KRW-BTC", "KRW-ETH"), ticker("KRW-XRP"), trade("KRW-BTC"), book("KRW-BTC", depth=5))
    plan = IntelligentSubscriptionOptimizer().optimize_subscriptions(demand)
    assert body(plan) == [
        {"type": "ticker", "codes": ["KRW-BTC", "KRW-ETH", "KRW-XRP"]},
        {"type": "trade", "codes": ["KRW-BTC"]},
        {"type": "orderbook", "codes": ["KRW-BTC.5"]},
    ]
    assert plan.snapshots == demand.keys()
    assert plan.split_types == frozenset()


def test_one_more_symbol_costs_one_snapshot() -> None:
    before = demand_for(ticker(*codes(500)))
    demand = demand_for(ticker(*codes(500), "KRW-BTC"), trade("KRW-BTC"))
    plan = IntelligentSubscriptionOptimizer().optimize_subscriptions(demand, flowing=before)
    assert plan.snapshots == {key(DataType.TICKER, "KRW-BTC"), key(DataType.TRADE, "KRW-BTC")}
    assert plan.split_types == {DataType.TICKER}
    assert body(plan) == [
        {"type": "ticker", "codes": sorted(codes(500)), "is_only_realtime": True},
        {"type": "ticker", "codes": ["KRW-BTC"]},
        {"type": "trade", "codes": ["KRW-BTC"]},
    ]


def test_where_the_split_is_broken_a_type_with_something_new_is_asked_plainly() -> None:
    optimizer = IntelligentSubscriptionOptimizer()
    optimizer.split = SplitTrust.BROKEN
    before = demand_for(ticker("KRW-BTC"), trade("KRW-BTC"))
    plan = optimizer.optimize_subscriptions(demand_for(ticker("KRW-BTC", "KRW-ETH"), trade("KRW-BTC")), flowing=before)
    assert body(plan) == [
        {"type": "ticker", "codes": ["KRW-BTC", "KRW-ETH"]},
        {"type": "trade", "codes": ["KRW-BTC"], "is_only_realtime": True},
    ]
    assert plan.split_types == frozenset()


def test_a_deeper_book_comes_with_a_snapshot_and_a_shallower_one_without() -> None:
    optimizer = IntelligentSubscriptionOptimizer()
    shallow, deep = demand_for(book("KRW-BTC", depth=5)), demand_for(book("KRW-BTC", depth=15))
    assert optimizer.optimize_subscriptions(deep, flowing=shallow).snapshots == deep.keys()
    plan = optimizer.optimize_subscriptions(shallow, flowing=deep)
    assert body(plan) == [{"type": "orderbook", "codes": ["KRW-BTC.5"], "is_only_realtime": True}]


def test_what_was_asked_for_realtime_only_comes_with_a_snapshot_once_somebody_wants_one() -> None:
    optimizer = IntelligentSubscriptionOptimizer()
    bare = demand_for(ticker("KRW-BTC", only_realtime=True))
    assert optimizer.optimize_subscriptions(bare).snapshots == frozenset()
    assert optimizer.optimize_subscriptions(demand_for(ticker("KRW-BTC")), flowing=bare).snapshots == bare.keys()


def test_a_snapshot_alone_rides_along() -> None:
    flowing = demand_for(ticker("KRW-BTC", "KRW-ETH"))
    once = demand_for(ticker("KRW-XRP", "KRW-BTC", only_snapshot=True))
    plan = IntelligentSubscriptionOptimizer().optimize_subscriptions(
        flowing, flowing=flowing, refresh={key(DataType.TICKER, "KRW-BTC")}, once=once
    )
    assert body(plan) == [
        {"type": "ticker", "codes": ["KRW-XRP"], "is_only_snapshot": True},
        {"type": "ticker", "codes": ["KRW-ETH"], "is_only_realtime": True},
        {"type": "ticker", "codes": ["KRW-BTC"]},
    ]
    assert plan.union.keys() == flowing.keys()
    assert plan.snapshots == tickers("KRW-XRP", "KRW-BTC")


def test_where_the_split_is_broken_a_snapshot_alone_flows_for_a_while() -> None:
    optimizer = IntelligentSubscriptionOptimizer()
    optimizer.split = SplitTrust.BROKEN
    flowing = demand_for(ticker("KRW-BTC"))
    once = demand_for(ticker("KRW-XRP", only_snapshot=True), trade("KRW-XRP", only_snapshot=True))
    plan = optimizer.optimize_subscriptions(flowing, flowing=flowing, once=once)
    assert body(plan) == [
        {"type": "ticker", "codes": ["KRW-BTC", "KRW-XRP"]},
        {"type": "trade", "codes": ["KRW-XRP"], "is_only_snapshot": True},
    ]
    assert plan.union.keys() == tickers("KRW-BTC", "KRW-XRP")


def test_wishes_for_the_snapshot_alone_are_no_part_of_the_union() -> None:
    demand = demand_for(ticker("KRW-BTC", only_snapshot=True))
    plan = IntelligentSubscriptionOptimizer().optimize_subscriptions(demand)
    assert plan.objects == ()
    assert not plan.union


def test_private_types_are_asked_for_without_flags() -> None:
    demand = demand_for(ASSETS, orders("KRW-BTC"), news("notice", include_body=True), ws_type=PRIVATE)
    plan = IntelligentSubscriptionOptimizer().optimize_subscriptions(demand, flowing=demand)
    assert body(plan) == [
        {"type": "myOrder", "codes": ["KRW-BTC"]},
        {"type": "myAsset"},
        {"type": "announcement", "categories": ["notice"], "include_body": True},
    ]
    assert plan.snapshots == frozenset()


def test_codes_that_want_the_same_indicators_share_an_object() -> None:
    demand = demand_for(
        rsi("KRW-BTC", "KRW-ETH", periods=(9, 14)),
        rsi("KRW-XRP", periods=(9,)),
        rsi("KRW-BTC", timeframe="60m"),
        ws_type=INFO,
    )
    plan = IntelligentSubscriptionOptimizer().optimize_subscriptions(demand)
    shapes = sorted((e["timeframe"], e["codes"], [i["params"]["period"] for i in e["indicators"]]) for e in body(plan))
    assert shapes == [
        ("5m", ["KRW-BTC", "KRW-ETH"], [14, 9]) if shapes[0][2] == [14, 9] else ("5m", ["KRW-BTC", "KRW-ETH"], [9, 14]),
        ("5m", ["KRW-XRP"], [9]),
        ("60m", ["KRW-BTC"], [14]),
    ]


def test_the_most_urgent_type_object_comes_first() -> None:
    demand = demand_for(ticker("KRW-BTC", priority=Priority.LOW), trade("KRW-BTC", priority=Priority.CRITICAL))
    plan = IntelligentSubscriptionOptimizer().optimize_subscriptions(demand)
    assert [entry.data_type for entry in plan.objects] == [DataType.TRADE, DataType.TICKER]


@pytest.mark.parametrize("priority", [Priority.CRITICAL, Priority.HIGH])
def test_what_is_urgent_gets_a_first_request_of_its_own_before_a_long_queue(
    priority: Priority,
) -> None:
    urgent = ticker("KRW-BTC", priority=priority)
    many = [ticker(*codes(50)), trade(*codes(10), priority=Priority.LOW)]
    assert urgent_part(demand_for(urgent, *many)).keys() == tickers("KRW-BTC")
    assert urgent_part(demand_for(urgent, ticker(*codes(49)))) == {}  # the queue is short
    assert urgent_part(demand_for(*many)) == {}


@pytest.mark.parametrize(("split", "is_mixed"), [(SplitTrust.UNKNOWN, False), (SplitTrust.PROVED, True)])
def test_asked_plainly_a_type_stands_in_the_request_in_one_way_unless_both_are_known_to_be_taken(
    split: SplitTrust, is_mixed: bool
) -> None:
    optimizer = IntelligentSubscriptionOptimizer()
    optimizer.learn(split)
    flowing = demand_for(ticker("KRW-BTC"))
    plan = optimizer.optimize_subscriptions(demand_for(ticker("KRW-BTC", "KRW-ETH")), flowing=flowing, plainly=True)
    assert bool(plan.mixed_types) is is_mixed


@pytest.mark.parametrize(
    ("effort", "score"),
    [
        (Effort(), 100.0),
        (Effort(2, 2, 100, 100, 5, 5), 100.0),
        (Effort(4, 2, 200, 100, 10, 5), 50.0),
        (Effort(1, 2, 200, 100, 10, 5), pytest.approx(200 / 3)),  # less than the least counts as the least
        (Effort(2, 1, 100, 100, 4, 3), pytest.approx(75.0)),
    ],
)
def test_the_efficiency_score_is_the_least_possible_against_what_was_spent(effort: Effort, score: float) -> None:
    assert IntelligentSubscriptionOptimizer().calculate_efficiency_score(effort) == score


def test_a_first_request_pays_from_fifty_streams_behind_it_and_up_to_a_quarter_of_all() -> None:
    urgent = ticker("KRW-BTC", priority=Priority.HIGH)
    assert urgent_part(demand_for(urgent, trade(*codes(50)))).keys() == tickers("KRW-BTC")
    several = ticker(*codes(17), priority=Priority.CRITICAL)
    assert len(urgent_part(demand_for(several, trade(*codes(51))))) == 17
    assert urgent_part(demand_for(several, trade(*codes(50)))) == {}, "more than a quarter"


def test_an_equally_deep_book_that_flows_comes_without_a_snapshot() -> None:
    same, again = (demand_for(book("KRW-BTC", depth=15)) for _ in range(2))
    plan = IntelligentSubscriptionOptimizer().optimize_subscriptions(again, flowing=same)
    assert plan.snapshots == frozenset()
    assert body(plan) == [{"type": "orderbook", "codes": ["KRW-BTC.15"], "is_only_realtime": True}]
    urgent = demand_for(book("KRW-BTC", depth=15, priority=Priority.HIGH))
    assert IntelligentSubscriptionOptimizer().optimize_subscriptions(urgent, flowing=same).snapshots == frozenset()


def test_a_request_can_be_read_as_wishes_that_would_lead_to_it() -> None:
    wishes = (ticker("KRW-BTC", "KRW-ETH"), trade("KRW-BTC", only_realtime=True), book("KRW-BTC", level=1))
    plan = IntelligentSubscriptionOptimizer().optimize_subscriptions(demand_for(*wishes))
    assert plan.specs == wishes
    assert body(IntelligentSubscriptionOptimizer().optimize_subscriptions(demand_for(*plan.specs))) == body(plan)


def test_each_type_object_of_one_priority_has_its_place_by_type_level_way_and_first_code() -> None:
    demand = demand_for(
        trade("KRW-BTC"), ticker("KRW-ETH"), book("KRW-A", level=2), book("KRW-B"), book("KRW-C", level=1)
    )
    plan = IntelligentSubscriptionOptimizer().optimize_subscriptions(demand)
    assert [(entry.data_type, entry.codes[0], int(entry.level)) for entry in plan.objects] == [
        (DataType.TICKER, "KRW-ETH", 0),
        (DataType.TRADE, "KRW-BTC", 0),
        (DataType.ORDERBOOK, "KRW-B", 0),
        (DataType.ORDERBOOK, "KRW-C", 1),
        (DataType.ORDERBOOK, "KRW-A", 2),
    ]


def test_a_snapshot_alone_that_joins_what_flows_is_asked_for_to_flow() -> None:
    optimizer = IntelligentSubscriptionOptimizer()
    optimizer.learn(SplitTrust.BROKEN)
    once = demand_for(ticker("KRW-XRP", only_snapshot=True))
    plan = optimizer.optimize_subscriptions(demand_for(ticker("KRW-BTC")), once=once)
    assert all(wanted.realtime for wanted in plan.union.values())


def test_effort_counts_what_was_sent_and_what_was_needed() -> None:
    effort = Effort()
    one, other = tickers("KRW-BTC", "KRW-ETH"), tickers("KRW-ETH")
    effort.request_sent(100, one, other, is_needed=True)
    effort.request_sent(50, other, frozenset(), is_needed=False)
    effort.list_sent(is_needed=True)
    effort.list_sent(is_needed=False)
    counts = (
        effort.wishes_changed, effort.change_cancelled, effort.repaired, effort.limit_met, effort.list_unanswered,
        effort.stray_error,
    )  # fmt: skip
    for count in counts:
        count()
        count()
    assert effort == Effort(
        requests=2, least_requests=2, bytes_sent=150, least_bytes=100, snapshots=3, least_snapshots=1, lists=2,
        changes=2, cancelled=2, repairs=2, refusals=2, lists_unanswered=2, stray_errors=2,
    )  # fmt: skip


def test_lists_cost_efficiency_too() -> None:
    effort = Effort(requests=1, least_requests=2, bytes_sent=1, least_bytes=1, snapshots=1, least_snapshots=1, lists=3)
    assert IntelligentSubscriptionOptimizer().calculate_efficiency_score(effort) == pytest.approx(250 / 3)
