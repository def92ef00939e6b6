"""What is traded: enough of it, with both names, over the whole range of prices."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal

import pytest

from tests.exchange.world.reading import START_MS, world
from upbit_ws_qt.exchange.market.catalog import choose, listings
from upbit_ws_qt.exchange.world import World, WorldSettings


def test_there_are_as_many_markets_as_promised() -> None:
    counts = Counter(each.quote for each in listings())
    assert counts["KRW"] >= 240
    assert counts["BTC"] >= 100
    assert counts["USDT"] >= 20
    codes = [each.code for each in listings()]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"(KRW|BTC|USDT)-[A-Z0-9]{1,10}", code) for code in codes)


def test_every_market_has_a_korean_and_an_english_name() -> None:
    for each in world(markets=None).markets:
        assert re.search(r"[가-힣]", each.korean_name), each
        assert re.fullmatch(r"[ -~]+", each.english_name), each


def test_krw_prices_reach_from_150_million_to_a_ten_thousandth() -> None:
    prices = [Decimal(each.price).scaleb(-8) for each in listings() if each.quote == "KRW"]
    assert max(prices) == 150_000_000
    assert min(prices) == Decimal("0.0001")


def test_few_markets_are_busy_and_many_are_quiet() -> None:
    weights = sorted((each.weight for each in listings()), reverse=True)
    assert sum(weights[:10]) > 0.5 * sum(weights)
    assert sum(weights[len(weights) // 2 :]) < 0.1 * sum(weights)


def test_a_smaller_world_holds_krw_markets_first() -> None:
    assert [each.code for each in choose(1)] == ["KRW-BTC"]
    small = world(markets=30)
    assert len(small.codes) == 30
    assert all(code.startswith("KRW-") for code in small.codes)
    assert "KRW-BTC" in small.codes


@pytest.mark.parametrize("settings", [WorldSettings(markets=0), WorldSettings(rate=0.5), WorldSettings(rate=50_001)])
def test_impossible_settings_are_refused(settings: WorldSettings) -> None:
    with pytest.raises(ValueError, match=r"at least one market|rate must lie"):
        World(settings)


def test_unknown_and_lower_case_codes_have_no_snapshot() -> None:
    small = world()
    for kind in ("ticker", "trade", "orderbook", "candle.1s"):
        assert small.snapshot(kind, "KRW-BTC") is not None
        assert small.snapshot(kind, "krw-btc") is None
        assert small.snapshot(kind, "KRW-NOPE") is None
    assert small.snapshot("candle.2m", "KRW-BTC") is None
    assert small.now_ms == START_MS
