"""Order books of other depths and levels."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.exchange.world.reading import read, run, world

if TYPE_CHECKING:
    from upbit_ws_qt.exchange.messages import Change


@pytest.fixture(scope="module")
def books() -> list[Change]:
    return [change for change in run(world(markets=15, rate=300), 10) if change.kind == "orderbook"]


@pytest.mark.parametrize("depth", [1, 5, 15, 30])
def test_a_shallower_book_is_the_top_of_the_whole_one(books: list[Change], depth: int) -> None:
    for change in books[:50]:
        whole, top = read(change), read(change, depth=depth)
        assert top["orderbook_units"] == whole["orderbook_units"][:depth]
        assert top["total_ask_size"] == whole["total_ask_size"]


@pytest.mark.parametrize("depth", [0, 2, 31, -5])
def test_other_depths_give_the_whole_book(books: list[Change], depth: int) -> None:
    assert read(books[0], depth=depth) == read(books[0])


def _instrument(of: Any, code: str) -> dict[str, Any]:
    (found,) = of.orderbook_instruments([code])
    assert isinstance(found, dict)
    return found


def test_groups_are_multiples_of_the_level_and_hold_what_the_book_holds() -> None:
    of = world(markets=15, rate=300)
    list(run(of, 5))
    for code in sorted(of.codes):
        change = of.snapshot("orderbook", code)
        assert change is not None
        whole = read(change)["orderbook_units"]
        for level in map(Decimal, _instrument(of, code)["supported_levels"][1:3]):
            assert of.supports_level(code, level)
            grouped = read(change, level=level)
            assert grouped["level"] == level
            units = grouped["orderbook_units"]
            assert units[0]["ask_price"] > units[0]["bid_price"] - level
            for side, sign in (("ask", 1), ("bid", -1)):
                prices = [unit[f"{side}_price"] for unit in units if unit[f"{side}_price"]]
                assert all(price % level == 0 for price in prices)
                assert prices == sorted(set(prices), reverse=sign < 0)
                first = prices[0]
                shown = (
                    [u for u in whole if (first - level < u[f"{side}_price"] <= first)]
                    if sign > 0
                    else [u for u in whole if first <= u[f"{side}_price"] < first + level]
                )
                if len(shown) < 30:
                    assert units[0][f"{side}_size"] == sum(u[f"{side}_size"] for u in shown)
                assert grouped[f"total_{side}_size"] == sum(unit[f"{side}_size"] for unit in units)


def test_a_coarser_level_is_the_sum_of_a_finer_one() -> None:
    of = world(markets=1, rate=300)
    list(run(of, 5))
    change = of.snapshot("orderbook", "KRW-BTC")
    assert change is not None
    fine = read(change, level=Decimal(10_000))["orderbook_units"]
    coarse = read(change, level=Decimal(100_000))["orderbook_units"]
    assert len([unit for unit in coarse if unit["ask_price"]]) == 30
    for unit in coarse[:2]:
        parts = [u for u in fine if unit["ask_price"] - 100_000 < u["ask_price"] <= unit["ask_price"]]
        assert unit["ask_size"] == sum(part["ask_size"] for part in parts)
        parts = [u for u in fine if unit["bid_price"] <= u["bid_price"] < unit["bid_price"] + 100_000]
        assert unit["bid_size"] == sum(part["bid_size"] for part in parts)


@pytest.mark.parametrize("level", [Decimal(7), Decimal(1000), Decimal("0.1"), Decimal(-10_000), Decimal("1e-9")])
def test_an_unsupported_level_gives_nothing(level: Decimal) -> None:
    of = world(markets=1)
    change = of.snapshot("orderbook", "KRW-BTC")
    assert change is not None
    assert change.render("DEFAULT", "SNAPSHOT", level=level) == b""
    assert not of.supports_level("KRW-BTC", level)


def test_btc_and_usdt_markets_have_no_levels() -> None:
    of = world(markets=None)
    for code in ("BTC-ETH", "USDT-BTC"):
        assert _instrument(of, code)["supported_levels"] == ["0"]
        assert not of.supports_level(code, Decimal(10))
        assert of.supports_level(code, Decimal(0))
    assert not of.supports_level("KRW-NOPE", Decimal(0))


def test_the_grid_of_a_market_as_rest_tells_it() -> None:
    of = world()
    assert _instrument(of, "KRW-BTC") == {
        "market": "KRW-BTC",
        "quote_currency": "KRW",
        "tick_size": "1000",
        "supported_levels": ["0", "10000", "100000", "1000000", "10000000", "100000000"],
    }
    assert of.orderbook_instruments(["KRW-NOPE"]) == []
