"""Pictures of the wishes: taken, put back, compared."""

from __future__ import annotations

from tests.subscriptions.specs import ticker, tickers, trade
from upbit_ws_qt.subscriptions import RestoreResult, Standing, SubscriptionStateManager, SubscriptionStateSnapshot
from upbit_ws_qt.types import WebSocketType


def make() -> SubscriptionStateManager:
    state = SubscriptionStateManager(clock=lambda: 0.0)
    state.replace("a", [ticker("KRW-BTC")])
    state.replace("b", [trade("KRW-BTC")])
    return state


def test_a_picture_is_put_back_as_it_was() -> None:
    state = make()
    state.replace("same", [ticker("KRW-BTC")])
    snapshot = SubscriptionStateSnapshot(state)
    picture = snapshot.capture_state()
    state.replace("a", [ticker("KRW-ETH")])
    state.replace("b", [])
    state.replace("c", [ticker("KRW-XRP")])
    assert snapshot.restore_state(picture) == RestoreResult(("a", "b"), ("same",), ("c",))
    assert not picture.compare(snapshot.capture_state())
    state.replace("same", [])
    assert state.components() == {"a": (ticker("KRW-BTC"),), "b": (trade("KRW-BTC"),)}


def test_a_picture_goes_into_an_empty_state() -> None:
    picture = SubscriptionStateSnapshot(make()).capture_state()
    other = SubscriptionStateManager()
    assert SubscriptionStateSnapshot(other).restore_state(picture).restored == ("a", "b")
    assert other.demand(WebSocketType.PUBLIC) == make().demand(WebSocketType.PUBLIC)


def test_what_changed_is_told() -> None:
    state = make()
    before = SubscriptionStateSnapshot(state).capture_state(served=tickers("KRW-BTC", "KRW-ETH"), now=1.0)
    state.replace("a", [ticker("KRW-ETH")])
    state.replace("b", [])
    state.replace("c", [ticker("KRW-XRP")])
    after = SubscriptionStateSnapshot(state).capture_state(served=tickers("KRW-ETH", "KRW-XRP"), now=2.0)
    change = before.compare(after)
    assert change
    assert change.components_changed == ("a",)
    assert change.components_gone == ("b",)
    assert change.components_new == ("c",)
    assert change.streams_gone == tickers("KRW-BTC")
    assert change.streams_new == tickers("KRW-XRP")


def test_a_component_whose_wish_was_refused_since_keeps_what_it_has_and_the_others_get_theirs_back() -> None:
    state = make()
    snapshot = SubscriptionStateSnapshot(state)
    picture = snapshot.capture_state()
    (guilty,) = (wish for wish in state.wishes(WebSocketType.PUBLIC) if wish.spec == trade("KRW-BTC"))
    state.set_standing([guilty], Standing.QUARANTINED, "INVALID_PARAM")
    state.replace("b", [ticker("KRW-ETH")])
    state.replace("a", [ticker("KRW-ETH")])
    result = snapshot.restore_state(picture)
    assert not result
    assert result.restored == ("a",)
    assert "INVALID_PARAM" in str(result.failed["b"])
    assert state.components() == {"a": (ticker("KRW-BTC"),), "b": (ticker("KRW-ETH"),)}
