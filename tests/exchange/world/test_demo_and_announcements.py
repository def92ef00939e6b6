"""What happens by itself when a demonstration is wanted, and announcements made by hand."""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.exchange.world.reading import read, run, world

if TYPE_CHECKING:
    from upbit_ws_qt.exchange.messages import Change


@pytest.fixture(scope="module")
def happened() -> list[Change]:
    of = world(rate=5, demo=True)
    return [
        change for change in run(of, 3 * 3600, step_ms=60_000) if change.kind in ("myOrder", "myAsset", "announcement")
    ]


def test_nothing_happens_by_itself_without_the_demo() -> None:
    kinds = {change.kind for change in run(world(rate=20), 300)}
    assert not kinds & {"myOrder", "myAsset", "announcement", "indicator", "indicator_signal"}


def test_the_trader_shows_every_state(happened: list[Change]) -> None:
    states = Counter(read(change)["state"] for change in happened if change.kind == "myOrder")
    assert set(states) == {"wait", "trade", "done", "cancel", "prevented"}
    types = {read(change)["order_type"] for change in happened if change.kind == "myOrder"}
    assert types == {"limit", "price", "market"}


def test_each_change_of_an_order_is_followed_by_the_assets(happened: list[Change]) -> None:
    kinds = [change.kind for change in happened if change.kind != "announcement"]
    assert kinds[-1] == "myAsset"
    assert kinds.count("myAsset") > 50


def test_announcements_appear_and_are_updated(happened: list[Change]) -> None:
    messages = [read(change, include_body=True) for change in happened if change.kind == "announcement"]
    assert {message["event_type"] for message in messages} == {"CREATED", "UPDATED"}
    assert any(message["body"] is None for message in messages)
    created = {message["uuid"]: message for message in messages if message["event_type"] == "CREATED"}
    for message in messages:
        if message["event_type"] == "UPDATED":
            assert message["first_listed_at"] == created[message["uuid"]]["first_listed_at"] < message["listed_at"]


def test_a_newcomer_sees_a_list_of_plain_announcements_soon(happened: list[Change]) -> None:
    """What a program must survive is in tests/hostile_notices.py, and not the first thing that a person sees."""
    messages = [read(change, include_body=True) for change in happened if change.kind == "announcement"]
    texts = [message["title"] for message in messages] + [message["body"] or "" for message in messages]
    kinds = {unicodedata.category(char) for text in texts for char in text if char != "\n"}
    assert not kinds & {"Cc", "Cf", "Co", "Cn"}, "nothing that cannot be seen"
    assert not any(char in text for text in texts for char in "<>{}")
    assert max(len(message["title"]) for message in messages) < 60
    early = run(world(rate=5, demo=True), 30)
    assert sum(change.kind == "announcement" for change in early) >= 4


def test_publish_and_update_by_hand() -> None:
    of = world()
    (made,) = of.publish_announcement("점검 안내", "maintenance", "본문", "https://upbit.com/1")
    assert made.category == "maintenance"
    of.advance_to(of.now_ms + 60_000)
    (changed,) = of.update_announcement(made.uuid, title="점검 연기")
    message = read(changed, include_body=True)
    assert message["event_type"] == "UPDATED"
    assert (message["title"], message["body"], message["category"]) == ("점검 연기", "본문", "maintenance")
    assert message["first_listed_at"].endswith("+09:00")
    with pytest.raises(KeyError):
        of.update_announcement("unknown")
    for number in range(300):
        of.publish_announcement(str(number))
    assert len(of.announcements()) == 200


def mean_height(candles: list[dict[str, Any]]) -> float:
    """Return how high the candles are on the average, as a share of the price."""
    heights = [float((each["high_price"] - each["low_price"]) / each["trade_price"]) for each in candles]
    return sum(heights) / len(heights)


def test_live_candles_of_a_demonstration_look_like_those_of_its_past() -> None:
    """Where a tick is much (Shiba Inu, Dogecoin) prices leapt, and Bitcoin stood still: a chart had two halves."""
    of = world(markets=12, rate=240, demo=True)
    began = of.now_ms
    list(run(of, 12 * 60))
    for code in ("KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-DOGE", "KRW-SHIB"):
        candles = of.candles(code, 1, None, 150)
        live = [each for each in candles if each["timestamp"] > began + 60_000]
        past = [each for each in candles if each["timestamp"] <= began]
        assert len(live) > 10
        assert 0.5 < mean_height(live) / mean_height(past) < 3.5, code
