"""Wishes per component: counted, atomic, and merged into one demand per stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.subscriptions.specs import ASSETS, book, key, news, orders, rsi, ticker, tickers, trade
from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.subscriptions import Standing, SubscriptionStateManager
from upbit_ws_qt.types import DataType, Priority, WebSocketType

if TYPE_CHECKING:
    from upbit_ws_qt.specs import SubscriptionSpec

PUBLIC, PRIVATE, INFO = WebSocketType.PUBLIC, WebSocketType.PRIVATE, WebSocketType.INFO


def make() -> SubscriptionStateManager:
    return SubscriptionStateManager(clock=lambda: 0.0)


async def test_overlapping_wishes_are_one_stream_each() -> None:
    state = make()
    for name in "abcd":
        await state.register_component_subscriptions(name, [ticker("KRW-BTC", "KRW-ETH"), trade("KRW-BTC")])
    assert set(state.demand(PUBLIC)) == {*tickers("KRW-BTC", "KRW-ETH"), key(DataType.TRADE, "KRW-BTC")}
    assert state.components_of(key(DataType.TRADE, "KRW-BTC")) == ("a", "b", "c", "d")
    assert state.get_active_subscriptions()[key(DataType.TICKER, "KRW-ETH")] == ("a", "b", "c", "d")


async def test_only_what_nobody_wants_any_more_goes() -> None:
    state = make()
    state.replace("a", [ticker("KRW-BTC", "KRW-ETH")])
    state.replace("b", [ticker("KRW-BTC")])
    gone = await state.unregister_component("a")
    assert gone.dropped == tickers("KRW-ETH")
    assert gone.changed == {PUBLIC}
    assert set(state.demand(PUBLIC)) == tickers("KRW-BTC")
    assert (await state.unregister_component("nobody")).changed == frozenset()


def test_the_same_wish_of_two_components_changes_nothing() -> None:
    state = make()
    first = state.replace("a", [ticker("KRW-BTC")])
    version = state.version(PUBLIC)
    second = state.replace("b", [ticker("KRW-BTC")])
    assert first.added == tickers("KRW-BTC")
    assert second.added == frozenset()
    assert second.changed == frozenset()
    assert state.version(PUBLIC) == version
    assert state.replace("a", []).dropped == frozenset()
    assert state.replace("b", []).dropped == tickers("KRW-BTC")


def test_a_bad_wish_leaves_everything_as_it_was() -> None:
    state = make()
    state.replace("a", [ticker("KRW-BTC")])
    bad = ticker("KRW-XRP", only_snapshot=True, only_realtime=True)
    with pytest.raises(SubscriptionError, match="exclude each other") as caught:
        state.replace("a", [trade("KRW-ETH"), bad])
    assert (caught.value.index, caught.value.component_id) == (1, "a")
    assert state.specs_of("a") == (ticker("KRW-BTC"),)
    assert set(state.demand(PUBLIC)) == tickers("KRW-BTC")


def test_wishes_are_added_and_removed_one_by_one() -> None:
    state = make()
    state.swap("a", [], [ticker("KRW-BTC")])
    state.swap("a", [], [ticker("KRW-BTC"), trade("KRW-BTC")])
    assert state.specs_of("a") == (ticker("KRW-BTC"), ticker("KRW-BTC"), trade("KRW-BTC"))
    assert state.swap("a", [ticker("KRW-BTC")], []).dropped == frozenset()
    assert state.swap("a", [ticker("KRW-BTC")], [ticker("KRW-ETH")]).dropped == tickers("KRW-BTC")
    with pytest.raises(SubscriptionError, match="does not hold"):
        state.swap("a", [ticker("KRW-ETH"), ticker("KRW-BTC")], [])
    assert state.specs_of("a") == (trade("KRW-BTC"), ticker("KRW-ETH"))
    assert state.swap("a", state.specs_of("a"), []).dropped == {key(DataType.TRADE, "KRW-BTC"), *tickers("KRW-ETH")}
    assert state.components() == {}


def test_a_book_is_asked_for_at_the_largest_depth_and_each_component_keeps_its_own() -> None:
    state = make()
    stream = key(DataType.ORDERBOOK, "KRW-BTC")
    state.replace("shallow", [book("KRW-BTC", depth=5)])
    assert state.demand(PUBLIC)[stream].depth == 5
    state.replace("deep", [book("KRW-BTC.15")])
    assert state.demand(PUBLIC)[stream].depth == 15
    assert state.specs_of("shallow") == (book("KRW-BTC", depth=5),)
    state.replace("deep", [])
    assert state.demand(PUBLIC)[stream].depth == 5


def test_a_spec_that_names_a_book_twice_wants_the_deeper_one() -> None:
    state = make()
    state.replace("a", [book("KRW-BTC.1", "KRW-BTC.15", "KRW-ETH", depth=5)])
    demand = state.demand(PUBLIC)
    assert demand[key(DataType.ORDERBOOK, "KRW-BTC")].depth == 15
    assert demand[key(DataType.ORDERBOOK, "KRW-ETH")].depth == 5


def test_levels_are_streams_of_their_own() -> None:
    state = make()
    state.replace("a", [book("KRW-BTC"), book("KRW-BTC", level=10000)])
    assert set(state.demand(PUBLIC)) == {
        key(DataType.ORDERBOOK, "KRW-BTC"),
        key(DataType.ORDERBOOK, "KRW-BTC", "10000"),
    }


def test_the_most_urgent_wish_gives_the_priority() -> None:
    state = make()
    state.replace("a", [ticker("KRW-BTC", priority=Priority.LOW)])
    state.replace("b", [ticker("KRW-BTC", priority=Priority.CRITICAL)])
    stream = key(DataType.TICKER, "KRW-BTC")
    assert state.demand(PUBLIC)[stream].priority is Priority.CRITICAL
    state.replace("b", [])
    assert state.demand(PUBLIC)[stream].priority is Priority.LOW


def test_every_market_absorbs_single_ones() -> None:
    state = make()
    single, everything = key(DataType.MY_ORDER, "KRW-BTC"), key(DataType.MY_ORDER)
    assert state.carrier(single) is None
    state.replace("one", [orders("KRW-BTC")])
    assert set(state.demand(PRIVATE)) == {single}
    assert state.carrier(single) == single
    state.replace("all", [orders(), ASSETS])
    assert set(state.demand(PRIVATE)) == {everything, key(DataType.MY_ASSET)}
    assert state.carrier(single) == everything
    state.replace("all", [])
    assert set(state.demand(PRIVATE)) == {single}


def test_announcement_categories_are_united_and_none_means_all() -> None:
    state = make()
    stream = key(DataType.ANNOUNCEMENT)
    state.replace("a", [news("notice")])
    state.replace("b", [news("trade", include_body=True)])
    demand = state.demand(PRIVATE)[stream]
    assert (demand.categories, demand.include_body) == (("notice", "trade"), True)
    state.replace("c", [news()])
    assert state.demand(PRIVATE)[stream].categories == ()


def test_more_indicator_combinations_than_one_request_may_hold_are_refused_at_once() -> None:
    state = make()
    many = [f"KRW-A{number}" for number in range(50)]
    state.replace("a", [rsi(*many)])
    state.replace("b", [rsi(*many, periods=(9,))])
    with pytest.raises(SubscriptionError, match="101 indicator combinations"):
        state.replace("c", [rsi("KRW-BTC")])
    state.replace("c", [rsi(many[0])])  # wanted already: no combination more
    state.replace("c", [])
    state.replace("a", [rsi(*many[1:], "KRW-BTC")])  # one leaves, one comes
    assert len(state.demand(INFO)) == 100
    state.replace("d", [rsi(*many, periods=(9,))])
    with pytest.raises(SubscriptionError, match="101 indicator combinations"):
        state.replace("d", [rsi("KRW-NEW")])  # what it gives up, another one still wants


def test_a_wish_for_the_snapshot_alone_has_a_number_that_grows_with_each_new_one() -> None:
    state = make()
    stream = key(DataType.TICKER, "KRW-BTC")
    assert state.snapshot_serial(stream) == 0
    state.replace("a", [ticker("KRW-BTC", only_snapshot=True)])
    first = state.snapshot_serial(stream)
    assert not state.demand(PUBLIC)[stream].realtime
    state.replace("b", [ticker("KRW-BTC", only_snapshot=True)])
    assert state.snapshot_serial(stream) > first > 0
    state.replace("c", [ticker("KRW-BTC")])
    assert state.demand(PUBLIC)[stream].realtime


def test_a_held_wish_leaves_the_union_and_comes_back() -> None:
    state = make()
    state.replace("a", [ticker("KRW-BTC", "KRW-ETH")])
    state.replace("b", [ticker("KRW-BTC")])
    (wish,) = (w for w in state.wishes(PUBLIC) if len(w.demands) == 2)
    assert state.set_standing([wish], Standing.HELD)
    assert set(state.demand(PUBLIC)) == tickers("KRW-BTC")
    assert state.wants(key(DataType.TICKER, "KRW-ETH"))
    assert not state.wants(key(DataType.TICKER, "KRW-XRP"))
    assert state.set_standing([wish], Standing.NEW)
    assert set(state.demand(PUBLIC)) == tickers("KRW-BTC", "KRW-ETH")
    assert not state.set_standing([wish], Standing.TRUSTED)  # still in the union
    state.replace("a", [])
    assert not state.set_standing([wish], Standing.HELD)  # it has gone


def test_a_held_wish_can_be_dropped() -> None:
    state = make()
    state.replace("a", [ticker("KRW-BTC")])
    state.set_standing(state.wishes(PUBLIC), Standing.HELD)
    assert state.replace("a", []).changed == frozenset()
    assert not state.demand(PUBLIC)


def test_a_quarantined_wish_is_refused_to_everybody_for_a_while() -> None:
    now = [0.0]
    state = SubscriptionStateManager(clock=lambda: now[0])
    state.replace("a", [ticker("KRW-BTC")])
    state.set_standing(state.wishes(PUBLIC), Standing.QUARANTINED, "INVALID_PARAM")
    assert not state.demand(PUBLIC)
    with pytest.raises(SubscriptionError, match="INVALID_PARAM"):
        state.replace("b", [ticker("KRW-BTC")])
    state.replace("a", [])
    now[0] = 601.0
    state.replace("b", [ticker("KRW-BTC")])
    assert set(state.demand(PUBLIC)) == tickers("KRW-BTC")


def test_a_refused_wish_that_somebody_still_holds_is_tried_again_when_another_asks_later() -> None:
    now = [0.0]
    state = SubscriptionStateManager(clock=lambda: now[0])
    state.replace("a", [ticker("KRW-BTC")])
    state.set_standing(state.wishes(PUBLIC), Standing.QUARANTINED, "INVALID_PARAM")
    now[0] = 601.0
    change = state.replace("b", [ticker("KRW-BTC")])
    assert change.changed == {PUBLIC}
    assert change.added == tickers("KRW-BTC")
    (wish,) = state.wishes(PUBLIC, Standing.NEW)
    assert (wish.refusal, set(wish.owners)) == (None, {"a", "b"})
    assert set(state.demand(PUBLIC)) == tickers("KRW-BTC")
    for name in "ab":
        state.replace(name, [])
    assert not state.wants(key(DataType.TICKER, "KRW-BTC")), "it was left out no longer"


def test_what_is_remembered_of_refusals_is_bounded() -> None:
    state = make()
    for number in range(1100):
        state.replace("a", [ticker(f"KRW-C{number}")])
        state.set_standing(state.wishes(PUBLIC), Standing.QUARANTINED, "INVALID_PARAM")
        state.replace("a", [])
    state.replace("a", [ticker("KRW-C0")])
    with pytest.raises(SubscriptionError):
        state.replace("a", [ticker("KRW-C1099")])


async def test_the_fewest_specs_for_the_whole_union() -> None:
    state = make()
    state.replace("a", [ticker("KRW-BTC", "KRW-ETH"), book("KRW-BTC", depth=5)])
    state.replace("b", [ticker("KRW-XRP"), book("KRW-ETH")])
    specs = await state.optimize_subscription_requests(PUBLIC)
    assert {spec.data_type: set(spec.symbols) for spec in specs} == {
        DataType.TICKER: {"KRW-BTC", "KRW-ETH", "KRW-XRP"},
        DataType.ORDERBOOK: {"KRW-BTC.5", "KRW-ETH"},
    }


async def test_registering_again_replaces_what_was_wanted() -> None:
    state = make()
    await state.register_component_subscriptions("a", [ticker("KRW-BTC"), trade("KRW-BTC")])
    change = await state.register_component_subscriptions("a", [ticker("KRW-BTC"), ticker("KRW-ETH")])
    assert change.added == tickers("KRW-ETH")
    assert change.dropped == {key(DataType.TRADE, "KRW-BTC")}
    assert state.specs_of("a") == (ticker("KRW-BTC"), ticker("KRW-ETH"))


def test_conflicts_are_worked_out_once_and_anew_after_a_change() -> None:
    state = SubscriptionStateManager()
    state.replace("a", [book("KRW-BTC", depth=5)])
    assert state.conflicts() == ()
    state.replace("b", [book("KRW-BTC", depth=30)])
    found = state.conflicts()
    assert len(found) == 1
    assert state.conflicts() is found
    state.set_standing(state.wishes(PUBLIC), Standing.QUARANTINED, "INVALID_PARAM")
    assert state.conflicts() == ()


def test_of_a_wish_that_is_asked_for_again_only_the_refused_codes_are_left_out() -> None:
    now = [0.0]
    state = SubscriptionStateManager(clock=lambda: now[0])
    spec = ticker("KRW-BTC", "KRW-BAD", "KRW-ETH")
    state.replace("a", [spec])
    state.set_standing(state.wishes(PUBLIC), Standing.HELD)
    _, bad = state.halve(state.halve(*state.wishes(PUBLIC))[1])
    (guilty,) = (w for w in state.wishes(PUBLIC) if w.spec.symbols == ("KRW-BAD",))
    state.set_standing([guilty], Standing.QUARANTINED, "INVALID_PARAM")
    state.set_standing(state.wishes(PUBLIC, Standing.HELD), Standing.TRUSTED)
    assert bad.standing is Standing.TRUSTED
    assert state.demand(PUBLIC).keys() == tickers("KRW-BTC", "KRW-ETH")
    assert state.specs_of("a") == (spec,)
    state.replace("a", [])
    assert not state.wants(key(DataType.TICKER, "KRW-BAD"))
    state.replace("b", [spec])
    assert state.demand(PUBLIC).keys() == tickers("KRW-BTC", "KRW-ETH")
    refusal = state.refusal_of(key(DataType.TICKER, "KRW-BAD"))
    assert refusal is not None
    assert (refusal.codes, refusal.component_id) == (("KRW-BAD",), "b")
    with pytest.raises(SubscriptionError, match="INVALID_PARAM"):
        state.replace("c", [ticker("KRW-BAD")])
    state.replace("c", [spec])
    assert state.demand(PUBLIC).keys() == tickers("KRW-BTC", "KRW-ETH"), "what was refused is not forgotten yet"
    state.replace("c", [])
    now[0] = 601.0
    state.replace("c", [spec])
    assert state.demand(PUBLIC).keys() == tickers("KRW-BTC", "KRW-BAD", "KRW-ETH")
    assert state.refusal_of(key(DataType.TICKER, "KRW-BAD")) is None


def refused_for(state: SubscriptionStateManager, *specs: SubscriptionSpec) -> None:
    """Have the exchange refuse these wishes, which nobody holds afterwards."""
    for spec in specs:
        ws_type = spec.data_type.websocket_type
        state.replace("a", [spec])
        state.set_standing(state.wishes(ws_type), Standing.QUARANTINED, "INVALID_PARAM")
    state.replace("a", [])


def test_a_bad_wish_behind_one_that_is_held_already_is_refused_too() -> None:
    state = make()
    state.replace("a", [ticker("KRW-BTC")])
    bad = ticker("KRW-XRP", only_snapshot=True, only_realtime=True)
    with pytest.raises(SubscriptionError) as caught:
        state.replace("a", [ticker("KRW-BTC"), bad])
    assert caught.value.index == 1


def test_a_wish_without_codes_that_was_refused_is_tried_again_later_too() -> None:
    now = [0.0]
    state = SubscriptionStateManager(clock=lambda: now[0])
    state.replace("a", [ASSETS])
    state.set_standing(state.wishes(PRIVATE), Standing.QUARANTINED, "INVALID_PARAM")
    with pytest.raises(SubscriptionError):
        state.replace("b", [ASSETS])
    now[0] = 599.999
    with pytest.raises(SubscriptionError):
        state.replace("b", [ASSETS])
    now[0] = 600.0
    state.replace("b", [ASSETS])
    assert state.demand(PRIVATE).keys() == {key(DataType.MY_ASSET)}
    assert state.refusal_of(key(DataType.MY_ASSET)) is None


def test_a_wish_that_is_asked_for_again_is_left_out_no_longer() -> None:
    state = make()
    state.replace("a", [ticker("KRW-BTC")])
    wishes = state.wishes(PUBLIC)
    state.set_standing(wishes, Standing.HELD)
    state.set_standing(wishes, Standing.NEW)
    state.replace("a", [])
    assert not state.wants(key(DataType.TICKER, "KRW-BTC"))
    assert state.wanted_streams(PUBLIC) == set()


def test_a_wish_that_has_gone_does_not_keep_others_from_their_standing() -> None:
    state = make()
    state.replace("a", [ticker("KRW-BTC"), ticker("KRW-ETH")])
    gone, still = state.wishes(PUBLIC)
    state.replace("a", [still.spec])
    assert state.set_standing([gone, still], Standing.HELD)
    assert not state.demand(PUBLIC)


def test_each_wish_for_the_snapshot_alone_is_news_for_the_line() -> None:
    state = make()
    state.replace("a", [ticker("KRW-BTC", only_snapshot=True)])
    stream = key(DataType.TICKER, "KRW-BTC")
    before, version = state.snapshot_serial(stream), state.version(PUBLIC)
    change = state.replace("b", [ticker("KRW-BTC", only_snapshot=True)])
    assert (change.changed, change.added) == (frozenset({PUBLIC}), frozenset())
    assert state.snapshot_serial(stream) > before
    assert state.version(PUBLIC) > version
    assert state.snapshot_serial(key(DataType.TICKER, "KRW-ETH")) == 0


def test_a_held_wish_that_is_cut_joined_or_refused_is_news_for_the_line() -> None:
    state = make()
    state.replace("a", [ticker("KRW-BTC", "KRW-ETH")])
    (whole,) = state.wishes(PUBLIC)
    assert state.was_cut(whole) is False
    versions = [state.version(PUBLIC)]

    def note() -> None:
        versions.append(state.version(PUBLIC))

    state.set_standing([whole], Standing.HELD)
    note()
    halves = state.halve(whole)
    assert state.was_cut(whole) is True
    assert {wish.spec.symbols for wish in state.wishes(PUBLIC, Standing.HELD)} == {("KRW-BTC",), ("KRW-ETH",)}
    joined = state.join(*halves)
    assert state.wishes(PUBLIC) == (joined,)
    state.set_standing([joined], Standing.QUARANTINED, "INVALID_PARAM")
    state.replace("a", [])
    assert versions == sorted(set(versions))
    assert all(isinstance(version, int) for version in versions)
    assert not state.wants(key(DataType.TICKER, "KRW-ETH"))


def test_exactly_a_thousand_refusals_are_remembered() -> None:
    state = make()
    refused_for(state, *(ticker(f"KRW-C{number}") for number in range(1000)))
    with pytest.raises(SubscriptionError):
        state.replace("a", [ticker("KRW-C0")])
    refused_for(state, ticker("KRW-C1000"))
    state.replace("a", [ticker("KRW-C0")])
    with pytest.raises(SubscriptionError):
        state.replace("a", [ticker("KRW-C1")])


def test_what_would_be_refused_can_be_asked_without_changing_anything() -> None:
    state = make()
    state.check("a", [ticker("KRW-BTC")])
    assert not state.is_wanted(PUBLIC)
    with pytest.raises(SubscriptionError) as caught:
        state.check("a", [ticker("KRW-BTC"), ticker("KRW-XRP", only_snapshot=True, only_realtime=True)])
    assert (caught.value.index, caught.value.component_id) == (1, "a")
    state.replace("a", [ticker("KRW-BTC")])
    assert (state.is_wanted(PUBLIC), state.is_wanted(PRIVATE)) == (True, False)


def test_what_is_left_out_is_wanted_on_its_own_line() -> None:
    state = make()
    state.replace("a", [ticker("KRW-BTC"), ticker("KRW-ETH"), ASSETS])
    state.set_standing([*state.wishes(PRIVATE), state.wishes(PUBLIC)[0]], Standing.HELD)
    assert state.wanted_streams(PUBLIC) == tickers("KRW-BTC", "KRW-ETH")
    assert state.wanted_streams(PRIVATE) == {key(DataType.MY_ASSET)}


def test_the_same_wishes_again_change_nothing_at_all() -> None:
    state = make()
    state.replace("a", [ticker("KRW-BTC"), ticker("KRW-BTC", only_snapshot=True)])
    version = state.version(PUBLIC)
    change = state.replace("a", [ticker("KRW-BTC"), ticker("KRW-BTC", only_snapshot=True)])
    assert (change.changed, change.added, change.dropped) == (frozenset(),) * 3
    assert state.version(PUBLIC) == version


def test_what_a_change_was_about_is_told_once() -> None:
    state = make()
    bitcoin, ether = tickers("KRW-BTC"), tickers("KRW-ETH")
    assert set(state.take_touched(PUBLIC)) == set()
    state.replace("a", [ticker("KRW-BTC"), ticker("KRW-ETH")])
    assert set(state.take_touched(PUBLIC)) == bitcoin | ether
    assert set(state.take_touched(PUBLIC)) == set()
    wish, other = state.wishes(PUBLIC)
    for standing in (Standing.HELD, Standing.QUARANTINED, Standing.NEW, Standing.HELD):
        state.set_standing([wish], standing, "INVALID_PARAM")
        assert set(state.take_touched(PUBLIC)) == bitcoin, standing
        state.set_standing([wish], standing)
        assert set(state.take_touched(PUBLIC)) == set(), "it stood so already"
    state.set_standing([other], Standing.TRUSTED)
    assert set(state.take_touched(PUBLIC)) == set(), "whether it is asked for has not changed"
    state.replace("a", [])
    assert set(state.take_touched(PUBLIC)) == bitcoin | ether
    assert set(state.take_touched(PRIVATE)) == set()
    refused_for(state, ticker("KRW-BAD"))
    state.take_touched(PUBLIC)
    state.replace("a", [ticker("KRW-XRP", "KRW-BAD")])
    assert set(state.take_touched(PUBLIC)) == tickers("KRW-XRP", "KRW-BAD"), "what is refused at once is told too"


def test_what_is_to_flow_is_told_apart_and_each_line_has_a_planner_of_its_own() -> None:
    state = make()
    state.replace("a", [ticker("KRW-BTC"), ticker("KRW-ETH", only_snapshot=True), ASSETS])
    assert state.realtime_demand(PUBLIC).keys() == tickers("KRW-BTC")
    assert state.realtime_demand(PRIVATE) is state.demand(PRIVATE) is state.demand(PRIVATE)
    assert state.demand(PRIVATE).keys() == {key(DataType.MY_ASSET)}
    assert state.optimizer(PUBLIC) is state.optimizer(PUBLIC) is not state.optimizer(PRIVATE)
