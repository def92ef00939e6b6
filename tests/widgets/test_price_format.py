from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upbit_ws_qt.exchange.market.ticks import GRIDS
from widgets.base.price_format import (
    DASH,
    arrow,
    brief_text,
    decimals_of,
    full_text,
    group_levels,
    money_text,
    percent_text,
    price_text,
    prices_decimals,
    quote_of,
    short_money_text,
    signed_price_text,
    tick_size,
    volume_decimals,
    volume_text,
)

D = Decimal
UNIT = 10**8
markets = st.sampled_from(["KRW-BTC", "BTC-ETH", "USDT-XRP"])
prices = st.integers(1, 10**18).map(lambda units: D(units).scaleb(-8))
numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=20)


@pytest.mark.parametrize(
    ("price", "tick"),
    [
        ("168470000", "1000"), ("1000000", "1000"), ("999500", "500"), ("500000", "500"), ("499900", "100"),
        ("100000", "100"), ("99950", "50"), ("50000", "50"), ("49990", "10"), ("10000", "10"), ("9995", "5"),
        ("5000", "5"), ("4999", "1"), ("100", "1"), ("99.9", "0.1"), ("10", "0.1"), ("9.99", "0.01"), ("1", "0.01"),
        ("0.999", "0.001"), ("0.1", "0.001"), ("0.0999", "0.0001"), ("0.001", "0.00001"), ("0.0001", "0.000001"),
        ("0.00001", "0.0000001"), ("0.000001", "0.00000001"), ("0.00000001", "0.00000001"), ("0", "0.00000001"),
    ],
)  # fmt: skip
def test_the_ticks_of_the_won_markets_are_those_of_the_protocol_sheet(price: str, tick: str) -> None:
    assert tick_size("KRW-BTC", D(price)) == D(tick)


@given(markets, st.integers(1, 10**18))
def test_ticks_and_levels_are_those_of_the_exchange(market: str, units: int) -> None:
    grid = GRIDS[quote_of(market)]
    assert tick_size(market, D(units).scaleb(-8)) == D(grid.tick(units)).scaleb(-8)
    assert group_levels(market, D(units).scaleb(-8)) == tuple(D(level).scaleb(-8) for level in grid.levels(units))


@given(markets, prices)
def test_a_price_on_its_tick_is_shown_exactly_and_with_the_ticks_decimals(market: str, price: Decimal) -> None:
    tick = tick_size(market, price)
    on_grid = price // tick * tick
    text = price_text(market, on_grid)
    assert D(text.replace(",", "")) == on_grid
    assert len(text.partition(".")[2]) == decimals_of(tick_size(market, on_grid))


@given(markets, st.lists(prices, min_size=1, max_size=10))
def test_a_column_of_prices_loses_no_digit_and_has_one_number_of_decimals(market: str, column: list[Decimal]) -> None:
    decimals = prices_decimals(market, column)
    texts = [price_text(market, price, decimals) for price in column]
    assert [D(text.replace(",", "")) for text in texts] == column
    assert {len(text.partition(".")[2]) for text in texts} == {decimals}


@given(numbers)
def test_the_full_text_is_the_number(number: Decimal) -> None:
    text = full_text(number)
    assert D(text.replace(",", "")) == number
    assert not text.partition(".")[2].endswith("0")
    assert text != "-0"


@given(numbers, st.integers(0, 8))
def test_a_volume_is_right_to_half_a_digit_and_never_looks_like_nothing(number: Decimal, decimals: int) -> None:
    text = volume_text(number, decimals)
    if text.startswith("<"):
        assert 0 < abs(number) <= D(text[1:])
    else:
        assert abs(D(text.replace(",", "")) - number) <= D(1).scaleb(-decimals) / 2
        assert (D(text.replace(",", "")) == 0) == (number == 0)


@given(numbers)
def test_a_percentage_has_the_sign_of_what_is_shown(ratio: Decimal) -> None:
    text = percent_text(ratio)
    shown = D(text[:-1].replace(",", ""))
    assert text[0] == ("+" if shown > 0 else "-" if shown < 0 else "0")


@given(markets, prices)
def test_volumes_get_zero_to_eight_decimals_more_for_what_is_dear(market: str, price: Decimal) -> None:
    assert 0 <= volume_decimals(market, price) <= volume_decimals(market, price * 10) <= 8


def test_texts_as_people_know_them() -> None:
    assert price_text("KRW-BTC", D("168470000.0")) == "168,470,000"
    assert price_text("KRW-XRP", D("3210")) == "3,210"
    assert price_text("KRW-DOGE", D("9.5")) == "9.50"
    assert price_text("KRW-SHIB", D("0.00971")) == "0.00971"
    assert price_text("BTC-ETH", D("6E-8")) == "0.00000006"
    assert price_text("USDT-BTC", D("109868.5")) == "109,868.50"
    assert price_text("KRW-BTC", None) == DASH
    assert signed_price_text("KRW-BTC", D(1000), D(168470000)) == "+1,000"
    assert signed_price_text("KRW-DOGE", D("-0.1"), D("9.5")) == "-0.10"
    assert signed_price_text("KRW-DOGE", D(0), D("9.5")) == "0.00"
    assert signed_price_text("KRW-DOGE", None, D("9.5")) == DASH
    assert percent_text(D("0.0123")) == "+1.23%"
    assert percent_text(D("-0.00004")) == "0.00%"
    assert percent_text(None) == DASH
    assert [arrow(change) for change in (D(1), D(-1), D(0), None)] == ["▲", "▼", "", ""]
    assert volume_text(D("0.0001"), 3) == "<0.001"
    assert volume_text(None) == DASH
    assert volume_decimals("KRW-BTC", D(168470000)) == 6
    assert volume_decimals("KRW-XRP", D(3210)) == 1
    assert money_text("KRW", D("1234567.5")) == "1,234,568"
    assert money_text("BTC", D("0.5")) == "0.50000000"
    assert money_text("KRW", None) == DASH
    assert full_text(D("0.12345678901234567890")) == "0.1234567890123456789"
    assert full_text(None) == DASH
    assert full_text(D("NaN")) == DASH


@pytest.mark.parametrize(
    ("amount", "korean", "english"),
    [
        ("1234567890123", "1.23조", "1.23T"),
        ("456789012345", "4,568억", "457B"),
        ("45678901", "4,568만", "45.7M"),
        ("1234", "1,234", "1.23K"),
        ("999", "999", "999"),
        ("12.345", "12.34", "12.34"),
        ("0", "0.00", "0.00"),
    ],
)
def test_large_amounts_in_few_characters(amount: str, korean: str, english: str) -> None:
    assert short_money_text(D(amount), korean=True) == korean
    assert short_money_text(D(amount), korean=False) == english


def test_no_amount_is_a_dash() -> None:
    assert short_money_text(None, korean=True) == DASH


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("150960583.32954014", "150,960,583"), ("38.17268512", "38.1727"), ("-0.0000123456789", "-0.0000123457"),
        ("0", "0"), ("1e-20", "0"), ("-1E-20", "0"), ("NaN", DASH), ("12.5", "12.5"),
    ],
)  # fmt: skip
def test_a_few_digits_are_enough_where_there_is_little_room(number: str, text: str) -> None:
    assert brief_text(D(number)) == text
    assert brief_text(None) == DASH
