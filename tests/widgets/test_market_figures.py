"""What is known of markets, in numbers: expressions, changes, premiums, boxes; no window."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgets.formulas.candles import Columns
from widgets.formulas.catalog import FORMULAS, curves_of
from widgets.market.cross import beyond, cross_markets, cross_premium
from widgets.market.expression import (
    LONGEST_EXPRESSION,
    Figure,
    ScreenError,
    figures_of,
    number_of,
    parse_condition,
    parse_figure,
    truth_of,
)
from widgets.market.figures import KEPT_MINUTES, Trail, continued
from widgets.market.treemap import Box, treemap

if TYPE_CHECKING:
    from collections.abc import Mapping

KNOWN = {
    "price": Decimal(100),
    "value": Decimal("2_000_000_000"),
    "change": Decimal("-1.5"),
    "rsi": Decimal(25),
    "volume": Decimal(0),
}


def fits(text: str, known: Mapping[str, Decimal] = KNOWN) -> bool | None:
    return truth_of(parse_condition(text), lambda figure: known.get(figure.name))


# -- expressions ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("RSI(14, 1h) < 30 and value > 10억", True),
        ("rsi(14,1h)<30 AND value>=2B", True),
        ("RSI < 30 그리고 거래대금 > 30억", False),
        ("change < -1% or price > 1,000", True),
        ("not change < -1", False),
        ("아닌 등락률 > 0 또는 현재가 = 1", True),
        ("(price + 20) * 2 = 240", True),
        ("price < 1,000 and (price > 10,000 or price < 1,234.5)", True),
        ("price - 20 - 30 == 50", True),
        ("price / 4 / 5 = 5", True),
        ("-price < -99.5", True),
        ("price > 1 and price > 2 and price > 1000 or price = 100", True),
        ("price > 1000 and (price = 1 or price = 100)", False),
        ("price != 100", False),
        ("price > 1.5천", False),
        ("value > 0.001조", True),
        ("price / volume > 0", None),
        ("spread < 1", None),
        ("spread < 1 or price = 100", True),
        ("spread < 1 and price = 1", False),
        ("not spread < 1", None),
        ("spread < 1 and price = 100", None),
    ],
)
def test_an_expression_is_understood_and_what_is_unknown_decides_nothing(text: str, expected: bool | None) -> None:
    assert fits(text) is expected


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        ("", 0, "missing"),
        ("price", 5, "number"),
        ("price >", 7, "missing"),
        ("price > 1 price", 10, "not expected"),
        ("price > 1 and", 13, "missing"),
        ("price > 1 and 2", 15, "condition"),
        ("(price > 1", 0, "bracket"),
        ("RSI(14, 1h < 3", 3, "bracket"),
        ("price > 1 $", 10, "not expected"),
        ("rsy > 1", 0, "called"),
        ("RSI(14, 2h) > 1", 8, "unit"),
        ("RSI(14, 15, 16) > 1", 8, "unit"),
        ("RSI(9000) > 1", 0, "range"),
        ("RSI.top > 1", 0, "lines"),
        ("change(2h) > 1", 0, "span"),
        ("price(1h) > 1", 0, "span"),
        ("price > 3x", 8, "not expected"),
        ("price > 1 > 0", 10, "not expected"),
        ("(price > 1) + 1 > 1", 12, ""),
        ("__import__('os').system('true') > 1", 0, ""),
        ("price.__class__ > 1", 0, ""),
        ("(" * 100 + "1" + ")" * 100 + " > 1", 40, "deeply"),
        ("not " * 99 + "price > 1", 0, "deeply"),
        ("price > 1" + " " * LONGEST_EXPRESSION, LONGEST_EXPRESSION, "longer"),
    ],
)
def test_what_cannot_be_understood_says_where_and_why(text: str, place: int, word: str) -> None:
    with pytest.raises(ScreenError) as caught:
        parse_condition(text)
    assert word in str(caught.value)
    assert caught.value.text == text
    if word and word != "deeply":
        assert caught.value.place == place


@given(st.text(alphabet="price()<>=+-*/.,14h% 억and or not RSI\x00", max_size=60))
def test_no_text_does_harm(text: str) -> None:
    """Whatever is typed is a condition, or a ScreenError with a place in it."""
    place = 0
    try:
        assert truth_of(parse_condition(text), lambda _: Decimal(1)) in (True, False, None)
    except ScreenError as error:
        place = error.place
    assert 0 <= place <= len(text)


def test_a_figure_has_its_formula_parameters_unit_and_line() -> None:
    assert figures_of(parse_condition("RSI(7, 15m) < 30")) == {Figure("rsi", (7.0,), "15m")}
    assert figures_of(parse_condition("RSI < 30")) == {Figure("rsi", (14.0,), "60m")}
    assert figures_of(parse_condition("MACD.signal(12, 26, 9, 4h) > 0")) == {
        Figure("macd", (12.0, 26.0, 9.0), "240m", 2)
    }
    assert figures_of(parse_condition("change(1h) > change(5m)")) == {
        Figure("change", (60.0,)),
        Figure("change", (5.0,)),
    }
    assert parse_figure("MA(20, 1d)") == Figure("sma", (20.0,), "days")
    assert number_of(parse_figure("price * 2"), lambda figure: KNOWN[figure.name]) == 200
    with pytest.raises(ScreenError):
        parse_figure("price > 1")


# -- changes ----------------------------------------------------------------------------------------------------------
def test_a_trail_knows_what_a_market_cost_in_each_minute_of_an_hour() -> None:
    trail = Trail()
    assert trail.before(100) is None
    for minute in range(100, 300, 3):
        trail.note(minute, Decimal(minute))
        trail.note(minute, Decimal(minute + 1))  # the last one of a minute counts
    assert trail.before(298) == 299
    assert trail.before(297) == 296  # nothing was traded in it
    assert trail.before(298 - KEPT_MINUTES + 3) is not None
    assert trail.before(100) is None  # too long ago
    trail.note(120, Decimal(1))  # late, and no news
    assert trail.before(298) == 299


def test_what_was_asked_for_goes_before_what_was_seen() -> None:
    trail = Trail()
    trail.note(100, Decimal(7))
    trail.merge([(98, Decimal(5)), (99, Decimal(6)), (100, Decimal(1))])
    assert [trail.before(minute) for minute in (97, 98, 99, 100, 101)] == [None, 5, 6, 7, 7]


def test_the_present_price_continues_the_last_candle_and_opens_a_new_one_in_time() -> None:
    start = np.array([0, 3600])
    columns = Columns.of(start, np.array([[1.0, 2.0], [5.0, 6.0], [1.0, 2.0], [2.0, 3.0], [9.0, 9.0]]))
    same = continued(columns, 7.0, 7199, "60m")
    assert len(same) == 2
    assert (same.high[-1], same.low[-1], same.close[-1]) == (7.0, 2.0, 7.0)
    later = continued(columns, 1.0, 3600 * 4 + 5, "60m")
    assert later.start.tolist() == [0, 3600, 3600 * 4]
    assert later.close.tolist() == [2.0, 3.0, 1.0]
    assert columns.close.tolist() == [2.0, 3.0]  # what was asked for stays as it came


def test_a_formula_of_the_screener_is_that_of_the_chart() -> None:
    closes = np.array([100 + math.sin(each / 3) * 5 for each in range(120)])
    columns = Columns.of(np.arange(120) * 3600, np.array([closes, closes + 1, closes - 1, closes, closes]))
    (whole,) = curves_of(FORMULAS["rsi"], columns, (14,))
    begun = Columns.of(columns.start, np.array([closes, closes + 1, closes - 1, np.append(closes[:-1], 0.0), closes]))
    (ended,) = curves_of(FORMULAS["rsi"], continued(begun, float(closes[-1]), 119 * 3600 + 9, "60m"), (14,))
    assert ended.values[-1] == whole.values[-1]


# -- premiums ---------------------------------------------------------------------------------------------------------
def test_a_premium_is_reckoned_by_hand() -> None:
    prices = {
        "KRW-BTC": Decimal(100_000_000), "BTC-ETH": Decimal("0.05"), "KRW-ETH": Decimal(5_100_000),
        "KRW-USDT": Decimal(1400), "USDT-ETH": Decimal(3600), "KRW-XRP": Decimal(1),
    }  # fmt: skip
    found = cross_premium("ETH", prices.get)
    assert found is not None
    assert found.btc_premium == Decimal("0.02")  # 5,100,000 beside 5,000,000
    assert found.by_usdt == 5_040_000
    assert found.largest == found.btc_premium
    assert cross_premium("ADA", prices.get) is None
    none = cross_premium("XRP", prices.get)
    assert none is not None
    assert none.largest is None
    assert cross_markets([*prices, "BTC-ADA"]) == {"ETH": ("KRW-ETH", "BTC-ETH", "USDT-ETH")}
    assert beyond([found, none], Decimal("0.02")) == [found]
    assert beyond([found, none], Decimal("0.0201")) == []


def test_a_discount_counts_as_much_as_a_premium() -> None:
    prices = {
        "KRW-BTC": Decimal(100),
        "BTC-A": Decimal(1),
        "KRW-A": Decimal(95),
        "BTC-B": Decimal(1),
        "KRW-B": Decimal(104),
    }
    found = [each for coin in "AB" if (each := cross_premium(coin, prices.get)) is not None]
    assert [each.coin for each in beyond(found, Decimal("0.04"))] == ["A", "B"]


# -- boxes ------------------------------------------------------------------------------------------------------------
@given(
    st.lists(st.floats(0.001, 1e12), min_size=1, max_size=120),
    st.floats(1, 4000),
    st.floats(1, 3000),
)
def test_boxes_fill_their_area_in_proportion(sizes: list[float], width: float, height: float) -> None:
    sizes.sort(reverse=True)
    boxes = treemap(sizes, Box(0.0, 0.0, width, height))
    whole, total = width * height, sum(sizes)
    assert len(boxes) == len(sizes)
    for size, box in zip(sizes, boxes, strict=True):
        assert box.width * box.height == pytest.approx(whole * size / total, rel=1e-6, abs=whole * 1e-9)
        assert box.x >= -1e-6
        assert box.y >= -1e-6
        assert box.x + box.width <= width * (1 + 1e-6)
        assert box.y + box.height <= height * (1 + 1e-6)


def test_boxes_of_one_size_are_nearly_squares_and_do_not_overlap() -> None:
    boxes = treemap([1.0] * 24, Box(10.0, 20.0, 600.0, 400.0))
    assert all(0.5 <= box.width / box.height <= 2 for box in boxes)
    for place, one in enumerate(boxes):
        for other in boxes[place + 1 :]:
            across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
            along = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
            assert across < 1e-6 or along < 1e-6


def test_no_room_makes_no_boxes_with_an_extent() -> None:
    assert treemap([], Box(0, 0, 9, 9)) == []
    assert all(box.width * box.height == 0 for box in treemap([1.0, 2.0], Box(0, 0, 0, 9)))
