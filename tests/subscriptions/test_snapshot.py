"""Pictures of the wishes: taken, put back, compared."""

from __future__ import annotations

import pytest

from tests.subscriptions.specs import ticker, tickers, trade
from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.subscriptions import Standing, SubscriptionStateManager, SubscriptionStateSnapshot
from upbit_ws_qt.types import WebSocketType


def make() -> SubscriptionStateManager:
    state = SubscriptionStateManager(clock=lambda: 0.0)
    state.replace("a", [ticker("KRW-BTC")])
    state.replace("b", [trade("KRW-BTC")])
    return state


def test_a_picture_is_put_back_as_it_was() -> None:
    state = make()
    picture = SubscriptionStateSnapshot.capture_state(state)
    state.replace("a", [ticker("KRW-ETH")])
    state.replace("b", [])
    state.replace("c", [ticker("KRW-XRP")])
    picture.restore_state(state)
    assert not picture.compare(SubscriptionStateSnapshot.capture_state(state))
    assert state.components() == {"a": (ticker("KRW-BTC"),), "b": (trade("KRW-BTC"),)}


def test_a_picture_goes_into_an_empty_state() -> None:
    picture = SubscriptionStateSnapshot.capture_state(make())
    other = SubscriptionStateManager()
    picture.restore_state(other)
    assert other.demand(WebSocketType.PUBLIC) == make().demand(WebSocketType.PUBLIC)


def test_what_changed_is_told() -> None:
    state = make()
    before = SubscriptionStateSnapshot.capture_state(state, served=tickers("KRW-BTC", "KRW-ETH"), now=1.0)
    state.replace("a", [ticker("KRW-ETH")])
    state.replace("b", [])
    state.replace("c", [ticker("KRW-XRP")])
    after = SubscriptionStateSnapshot.capture_state(state, served=tickers("KRW-ETH", "KRW-XRP"), now=2.0)
    change = before.compare(after)
    assert change
    assert change.components_changed == ("a",)
    assert change.components_gone == ("b",)
    assert change.components_new == ("c",)
    assert change.streams_gone == tickers("KRW-BTC")
    assert change.streams_new == tickers("KRW-XRP")


def test_a_picture_with_a_wish_that_was_refused_since_changes_nothing() -> None:
    state = make()
    picture = SubscriptionStateSnapshot.capture_state(state)
    (guilty,) = (wish for wish in state.wishes(WebSocketType.PUBLIC) if wish.spec == trade("KRW-BTC"))
    state.set_standing([guilty], Standing.QUARANTINED, "INVALID_PARAM")
    state.replace("b", [])
    state.replace("a", [ticker("KRW-ETH")])
    state.replace("c", [ticker("KRW-XRP")])
    before = state.components()
    with pytest.raises(SubscriptionError, match="INVALID_PARAM"):
        picture.restore_state(state)
    assert state.components() == before
