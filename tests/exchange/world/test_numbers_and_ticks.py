"""Amounts are exact however they are spelt, and the grid is that of the protocol sheet."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upbit_ws_qt.exchange.market import numbers
from upbit_ws_qt.exchange.market.ticks import GRIDS

UNIT = numbers.UNIT
amounts = st.integers(0, 10**30)
prices = st.integers(1, 2 * 10**16)


@given(amounts)
def test_every_spelling_is_exact(units: int) -> None:
    for text, digits in (
        (numbers.volume_text(units), 8),
        (numbers.volume_text_simple(units), 8),
        (numbers.PRICE_TEXT[units], 8),
        (numbers.PRICE_TEXT_SIMPLE[units], 8),
        (numbers.PRICE_TEXT[-units], 8),
        (numbers.funds_text(units), 16),
        (numbers.funds_text_simple(units), 16),
        (numbers.rate_text(units), 10),
        (numbers.rate_text_simple(units), 10),
    ):
        assert Decimal(text).copy_abs() == Decimal(f"{units}E-{digits}")
        assert re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", text), text


@given(amounts)
def test_simple_uses_no_exponents(units: int) -> None:
    simple = (
        numbers.volume_text_simple(units),
        numbers.PRICE_TEXT_SIMPLE[units],
        numbers.funds_text_simple(units),
        numbers.rate_text_simple(units),
    )
    assert not any("e" in text.lower() for text in simple)


def test_default_spells_as_the_exchange_does() -> None:
    assert numbers.PRICE_TEXT[109_868_000 * UNIT] == "109868000.0"
    assert numbers.volume_text(123 * UNIT) == "123.00000000"
    assert numbers.PRICE_TEXT[9101] == "9.101e-05"
    assert numbers.funds_text(116_539_000 * numbers.FUNDS_UNIT) == "1.16539E8"
    assert numbers.volume_text(6) == "6E-8"


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=0, max_value=10**12))
def test_units_hold_eight_decimals_exactly(amount: Decimal) -> None:
    assert numbers.from_units(numbers.to_units(amount)) == amount


@pytest.mark.parametrize("amount", ["0.000000001", "NaN", "Infinity", "1234567890123456789012345678901.000000001"])
def test_what_units_cannot_hold_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="at most eight decimals"):
        numbers.to_units(amount)


@pytest.mark.parametrize(
    ("price", "tick"),
    [
        ("150000000", "1000"),
        ("1000000", "1000"),
        ("999500", "500"),
        ("500000", "500"),
        ("100000", "100"),
        ("50000", "50"),
        ("10000", "10"),
        ("5000", "5"),
        ("4999", "1"),
        ("100", "1"),
        ("99.9", "0.1"),
        ("10", "0.1"),
        ("9.99", "0.01"),
        ("1", "0.01"),
        ("0.999", "0.001"),
        ("0.1", "0.001"),
        ("0.01", "0.0001"),
        ("0.001", "0.00001"),
        ("0.0001", "0.000001"),
        ("0.00001", "0.0000001"),
        ("0.000001", "0.00000001"),
        ("0.0000001", "0.00000001"),
    ],
)
def test_the_krw_grid_is_that_of_the_sheet(price: str, tick: str) -> None:
    assert GRIDS["KRW"].tick(numbers.to_units(price)) == numbers.to_units(tick)


@given(prices, st.sampled_from(sorted(GRIDS)))
def test_steps_on_the_grid_lead_back(price: int, quote: str) -> None:
    grid = GRIDS[quote]
    here = grid.floor(price)
    assert here % grid.tick(here) == 0
    assert here <= price or here == grid.tick(price)
    above = grid.up(here)
    assert above > here
    assert above % grid.tick(above) == 0
    assert grid.down(above) == here


@given(prices)
def test_only_krw_markets_can_be_grouped(price: int) -> None:
    levels = GRIDS["KRW"].levels(price)
    assert levels[0] == 0
    assert all(level % GRIDS["KRW"].tick(price) == 0 and level <= price for level in levels)
    assert GRIDS["BTC"].levels(price) == GRIDS["USDT"].levels(price) == (0,)
