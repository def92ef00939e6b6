"""A market made by hand says what was asked for, contradicts itself nowhere, and goes on from there."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.exchange.world.reading import START_MS, read, run, shown, world
from upbit_ws_qt.exchange import ByHandError
from upbit_ws_qt.exchange.messages import FORMATS

if TYPE_CHECKING:
    from upbit_ws_qt.exchange.messages import Change

BTC = "KRW-BTC"


def traded(of: Any, price: object, volume: object, side: str = "BID", ms: int = START_MS) -> dict[str, dict[str, Any]]:
    """Let a trade happen; return its messages by type."""
    out: list[Change] = []
    of.by_hand(BTC).trade_by_hand(ms, price, volume, side, out)
    return {change.kind: read(change) for change in out}


@pytest.mark.parametrize(("side", "own", "other"), [("BID", "ask", "bid"), ("ASK", "bid", "ask")])
def test_a_trade_has_its_price_and_the_rest_of_the_market_follows(side: str, own: str, other: str) -> None:
    of = world()
    before = shown(of, "ticker", BTC)
    said = traded(of, "160000000", "0.1", side)
    assert said["trade"]["trade_price"] == 160_000_000
    assert said["trade"]["trade_volume"] == Decimal("0.1")
    assert said["trade"]["ask_bid"] == side
    assert said["trade"][f"best_{own}_price"] == 160_000_000
    assert said["trade"]["timestamp"] == START_MS
    assert said["ticker"]["trade_price"] == said["ticker"]["high_price"] == 160_000_000
    assert said["ticker"]["acc_trade_volume"] == before["acc_trade_volume"] + Decimal("0.1")
    assert said["ticker"]["signed_change_price"] == 160_000_000 - before["prev_closing_price"]
    best = said["orderbook"]["orderbook_units"][0]
    assert best[f"{own}_price"] == 160_000_000
    assert (best["ask_price"] - best["bid_price"]) == 1000, other
    assert shown(of, "trade", BTC) == said["trade"]
    assert shown(of, "ticker", BTC) == said["ticker"]
    assert shown(of, "orderbook", BTC) == said["orderbook"]
    candle = shown(of, "candle.1m", BTC)
    assert candle["trade_price"] == candle["high_price"] == 160_000_000


def test_a_trade_may_be_larger_than_what_rests_at_its_price_and_smaller() -> None:
    of = world()
    assert traded(of, 160_000_000, 1000)["trade"]["trade_volume"] == 1000
    resting = shown(of, "orderbook", BTC)["orderbook_units"][0]["ask_size"]
    assert traded(of, 160_000_000, "0.00000001")["orderbook"]["orderbook_units"][0]["ask_size"] == resting - Decimal(
        "0.00000001"
    )


def test_the_simulation_goes_on_from_what_was_made_by_hand() -> None:
    of = world()
    traded(of, 160_000_000, 1)
    of.by_hand(BTC).book_by_hand(of.now_ms, [("160001000", "0.5")], [("160000000", "0.25")])
    for change in run(of, 20):
        if change.code == BTC and change.kind == "orderbook":
            best = read(change)["orderbook_units"][0]
            assert 0 < best["bid_price"] < best["ask_price"]
    ticker = shown(of, "ticker", BTC)
    assert ticker["high_price"] >= 160_000_000
    assert ticker["low_price"] <= ticker["trade_price"] <= ticker["high_price"]


def test_fields_of_a_ticker_are_set_and_what_follows_from_them_is_computed() -> None:
    of = world()
    given = {
        "opening_price": "99000000",
        "high_price": 101_000_000,
        "low_price": Decimal(98_000_000),
        "trade_price": "100000000",
        "prev_closing_price": "125000000",
        "trade_volume": "0.5",
        "acc_trade_volume": "7.5",
        "acc_trade_volume_24h": "9.25",
        "acc_ask_volume": "3",
        "acc_bid_volume": "4.5",
        "acc_trade_price": "750000000.125",
        "acc_trade_price_24h": "925000000",
        "highest_52_week_price": 200_000_000,
        "highest_52_week_date": "2026-01-02",
        "lowest_52_week_price": "50000000",
        "lowest_52_week_date": "2026-02-03",
        "ask_bid": "ASK",
        "market_warning": "CAUTION",
        "delisting_date": "2027-01-01",
    }
    ticker = read(of.by_hand(BTC).ticker_by_hand(START_MS, given))
    for name, value in given.items():
        assert ticker[name] == (value if isinstance(value, str) and "-" in value else type(ticker[name])(value)), name
    assert (ticker["change"], ticker["change_price"], ticker["signed_change_rate"]) == (
        "FALL",
        25_000_000,
        Decimal("-0.2"),
    )
    assert shown(of, "ticker", BTC) == ticker
    assert of.rest_ticker([BTC])[0]["trade_price"] == 100_000_000
    for fmt in FORMATS:
        assert read(of.by_hand(BTC).ticker_by_hand(START_MS + 1, {}), fmt)


def test_a_book_is_these_levels_and_no_others() -> None:
    of = world()
    change = of.by_hand(BTC).book_by_hand(
        START_MS, [("150001000", "0.5"), (150_002_000, 1)], [(Decimal(150_000_000), "0.25")]
    )
    units = read(change)["orderbook_units"]
    assert [(unit["ask_price"], unit["ask_size"]) for unit in units[:3]] == [
        (150_001_000, Decimal("0.5")),
        (150_002_000, 1),
        (0, 0),
    ]
    assert [(unit["bid_price"], unit["bid_size"]) for unit in units[:2]] == [(150_000_000, Decimal("0.25")), (0, 0)]
    grouped = read(change, level=Decimal(100_000))["orderbook_units"]
    assert (grouped[0]["ask_price"], grouped[0]["ask_size"], grouped[1]["ask_size"]) == (150_100_000, Decimal("1.5"), 0)
    assert shown(of, "orderbook", BTC) == read(change)


def test_a_candle_is_set_and_the_next_one_begins_where_it_ended() -> None:
    of = world()
    first = read(
        of.by_hand(BTC).candle_by_hand(
            START_MS,
            "1m",
            {"opening_price": 150_000_000, "trade_price": 151_000_000, "candle_acc_trade_volume": "2.5",
             "candle_acc_trade_price": "376250000", "high_price": 160_000_000, "low_price": 149_000_000},
        )
    )  # fmt: skip
    assert first["candle_date_time_utc"] == "2026-09-21T14:13:00"
    assert first["high_price"] == 160_000_000
    assert first["candle_acc_trade_volume"] == Decimal("2.5")
    assert shown(of, "candle.1m", BTC) == first
    of.now_ms = START_MS + 60_000
    second = read(of.by_hand(BTC).candle_by_hand(START_MS + 60_000, "1m", {"trade_price": 152_000_000}))
    assert second["opening_price"] == second["low_price"] == 152_000_000
    assert second["candle_acc_trade_volume"] == 0
    past = of.candles(BTC, 1, None, 2)
    assert [candle["trade_price"] for candle in past] == [152_000_000, 151_000_000]


@pytest.mark.parametrize(
    ("argument", "act"),
    [
        ("code", lambda of: of.by_hand("KRW-NOPE")),
        ("price", lambda of: traded(of, "160000001", 1)),
        ("price", lambda of: traded(of, 160_000_000.0, 1)),
        ("price", lambda of: traded(of, "dear", 1)),
        ("price", lambda of: traded(of, -1000, 1)),
        ("price", lambda of: traded(of, True, 1)),
        ("price", lambda of: traded(of, "0.00000001", 1)),
        ("volume", lambda of: traded(of, 160_000_000, "0.123456789")),
        ("side", lambda of: traded(of, 160_000_000, 1, "BUY")),
        ("change_rate", lambda of: of.by_hand(BTC).ticker_by_hand(START_MS, {"change_rate": "0.1"})),
        ("trade_price", lambda of: of.by_hand(BTC).ticker_by_hand(START_MS, {"trade_price": 2000, "low_price": 4000})),
        ("ask_bid", lambda of: of.by_hand(BTC).ticker_by_hand(START_MS, {"ask_bid": "sell"})),
        ("market_warning", lambda of: of.by_hand(BTC).ticker_by_hand(START_MS, {"market_warning": True})),
        ("delisting_date", lambda of: of.by_hand(BTC).ticker_by_hand(START_MS, {"delisting_date": "soon"})),
        ("highest_52_week_price", lambda of: of.by_hand(BTC).ticker_by_hand(START_MS, {"highest_52_week_price": 1000})),
        ("lowest_52_week_price", lambda of: of.by_hand(BTC).ticker_by_hand(
            START_MS, {"lowest_52_week_price": 900_000_000})),
        ("asks", lambda of: of.by_hand(BTC).book_by_hand(START_MS, [], [(1000, 1)])),
        ("asks", lambda of: of.by_hand(BTC).book_by_hand(START_MS, [(3000, 1), (2000, 1)], [(1000, 1)])),
        ("asks", lambda of: of.by_hand(BTC).book_by_hand(START_MS, [(3000, 0)], [(1000, 1)])),
        ("bids", lambda of: of.by_hand(BTC).book_by_hand(START_MS, [(3000, 1)], [(3000, 1)])),
        ("unit", lambda of: of.by_hand(BTC).candle_by_hand(START_MS, "2m", {})),
        ("timestamp", lambda of: of.by_hand(BTC).candle_by_hand(START_MS, "1m", {"timestamp": 1})),
        ("opening_price", lambda of: of.by_hand(BTC).candle_by_hand(
            START_MS, "1m", {"opening_price": 2000, "low_price": 4000, "trade_price": 5000})),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_name_and_changes_nothing(argument: str, act: Any) -> None:
    of = world()
    before = [shown(of, kind, BTC) for kind in ("ticker", "trade", "orderbook", "candle.1m")]
    with pytest.raises(ByHandError, match=argument) as refused:
        act(of)
    assert refused.value.argument == argument
    assert [shown(of, kind, BTC) for kind in ("ticker", "trade", "orderbook", "candle.1m")] == before
