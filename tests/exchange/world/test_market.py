"""What must hold in any market at any time, whatever the seed: books, trades and totals agree to the last digit."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exchange.world.reading import DAY_MS, START_MS, read, run, shown, world
from upbit_ws_qt.exchange.market.numbers import to_units
from upbit_ws_qt.exchange.market.path import NoiseTable, PricePath
from upbit_ws_qt.exchange.market.ticks import GRIDS

Message = dict[str, Any]


def _worlds() -> Any:
    """Worlds of any seed, with BTC and USDT markets too, at an odd moment."""
    return st.builds(
        lambda seed, offset, rate: world(seed=seed, markets=None, rate=rate, start_ms=START_MS + offset),
        st.integers(0, 2**32),
        st.integers(0, 400 * DAY_MS),
        st.sampled_from([50.0, 1000.0]),
    )


def _check_book(book: Message) -> None:
    units = book["orderbook_units"]
    assert len(units) == 30
    quote = book["code"].split("-")[0]
    for side, sign in (("ask", 1), ("bid", -1)):
        levels = [(unit[f"{side}_price"], unit[f"{side}_size"]) for unit in units]
        real = [level for level in levels if level[0]]
        assert real, "a market without a best price"
        assert levels[len(real) :] == [(0, 0)] * (30 - len(real)), "zeros only behind the last level"
        assert all(size > 0 for _, size in real)
        assert all((after - before) * sign > 0 for (before, _), (after, _) in pairwise(real))
        assert book[f"total_{side}_size"] == sum(size for _, size in real)
        for price, _ in real:
            units_of_price = to_units(price)
            assert units_of_price % GRIDS[quote].tick(units_of_price) == 0
    assert units[0]["ask_price"] > units[0]["bid_price"], "crossed"


@settings(max_examples=4)
@given(_worlds())
def test_books_are_whole_ordered_on_the_grid_and_never_crossed(of: Any) -> None:
    for change in run(of, 5):
        if change.kind == "orderbook":
            _check_book(read(change))
    for code in of.codes:
        _check_book(shown(of, "orderbook", code))


@settings(max_examples=4)
@given(_worlds())
def test_trades_happen_at_the_best_price_of_the_published_book(of: Any) -> None:
    books = {code: shown(of, "orderbook", code)["orderbook_units"] for code in of.codes}
    seen = 0
    eaten: dict[str, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for change in run(of, 5):
        message = read(change) if change.kind in ("trade", "orderbook") else {}
        if change.kind == "trade":
            seen += 1
            side = "ask" if message["ask_bid"] == "BID" else "bid"
            level = books[change.code][len(eaten[change.code])]
            assert message["trade_price"] == level[f"{side}_price"] == message[f"best_{side}_price"]
            assert message["trade_volume"] <= level[f"{side}_size"]
            assert message[f"best_{side}_size"] == level[f"{side}_size"]
            assert message["best_ask_price"] > message["best_bid_price"]
            eaten[change.code].append((message["trade_price"], message["trade_volume"]))
        elif change.kind == "orderbook":
            units = message["orderbook_units"]
            before = {unit["ask_price"]: unit["ask_size"] for unit in books[change.code]}
            before |= {unit["bid_price"]: unit["bid_size"] for unit in books[change.code]}
            after = {unit["ask_price"]: unit["ask_size"] for unit in units}
            after |= {unit["bid_price"]: unit["bid_size"] for unit in units}
            for price, volume in eaten.pop(change.code, []):
                assert after.get(price, 0) == before[price] - volume
            books[change.code] = units
    assert seen > 5


@settings(max_examples=4)
@given(_worlds())
def test_ticker_totals_add_up_trade_by_trade(of: Any) -> None:
    last = {code: shown(of, "ticker", code) for code in of.codes}
    trade: Message = {}
    for change in run(of, 5):
        if change.kind == "trade":
            trade = read(change)
        elif change.kind == "ticker":
            now, before = read(change), last[change.code]
            assert trade["code"] == now["code"]
            for name in ("trade_price", "trade_volume", "ask_bid", "trade_timestamp", "prev_closing_price", "change"):
                assert now[name] == trade[name]
            _check_totals(now)
            if now["trade_timestamp"] // DAY_MS == before["trade_timestamp"] // DAY_MS:
                _check_growth(before, now)
            last[change.code] = now


def _check_totals(now: Message) -> None:
    with localcontext() as context:
        context.prec = 80
        assert now["acc_trade_volume"] == now["acc_ask_volume"] + now["acc_bid_volume"]
        assert now["acc_trade_volume_24h"] >= now["acc_trade_volume"] > 0
        assert now["acc_trade_price_24h"] >= now["acc_trade_price"] > 0
        assert now["low_price"] <= now["trade_price"] <= now["high_price"]
        assert now["low_price"] <= now["opening_price"] <= now["high_price"]
        assert now["lowest_52_week_price"] <= now["low_price"]
        assert now["highest_52_week_price"] >= now["high_price"]
        move = now["trade_price"] - now["prev_closing_price"]
        assert now["signed_change_price"] == move
        assert now["change_price"] == abs(move)
        assert now["change"] == ("RISE" if move > 0 else "FALL" if move < 0 else "EVEN")
        assert abs(now["signed_change_rate"] - move / now["prev_closing_price"]) < Decimal("1e-10")
        assert now["change_rate"] == abs(now["signed_change_rate"])
        assert now["low_price"] * now["acc_trade_volume"] <= now["acc_trade_price"]
        assert now["acc_trade_price"] <= now["high_price"] * now["acc_trade_volume"]


def _check_growth(before: Message, now: Message) -> None:
    with localcontext() as context:
        context.prec = 80
        volume = now["trade_volume"]
        assert now["acc_trade_volume"] == before["acc_trade_volume"] + volume
        assert now["acc_trade_price"] == before["acc_trade_price"] + volume * now["trade_price"]
        side = "acc_bid_volume" if now["ask_bid"] == "BID" else "acc_ask_volume"
        assert now[side] == before[side] + volume
        assert now["high_price"] == max(before["high_price"], now["trade_price"])
        assert now["low_price"] == min(before["low_price"], now["trade_price"])
        assert now["opening_price"] == before["opening_price"]


@pytest.mark.statement("P9.9", "P9.23")
def test_sequential_ids_are_unique_and_not_in_order() -> None:
    of = world(markets=None, rate=20_000)
    ids = [shown(of, "trade", code)["sequential_id"] for code in sorted(of.codes)]
    live = [change.values[5] for change in run(of, 1.5) if change.kind == "trade"]  # type: ignore[attr-defined]
    assert len(live) > 3000
    assert len(set(ids + live)) == len(ids) + len(live)
    assert any(after < before for before, after in pairwise(live))
    assert min(live) > 2**53


def test_times_of_a_market_never_run_backwards() -> None:
    last: dict[tuple[str, str], tuple[int, int]] = {}
    for change in run(world(markets=20, rate=2000), 20):
        if change.kind not in ("trade", "ticker"):
            continue
        message = read(change)
        now = (message["trade_timestamp"], message["timestamp"])
        assert now[0] <= now[1]
        before = last.get((change.kind, change.code), (0, 0))
        assert before[0] <= now[0]
        assert before[1] <= now[1]
        last[change.kind, change.code] = now


@pytest.mark.statement("P9.11")
def test_thin_books_are_padded_with_zeros() -> None:
    of = world(markets=None)
    thin = [shown(of, "orderbook", code) for code in sorted(of.codes) if code.startswith("BTC-")]
    padded = [book for book in thin if book["orderbook_units"][-1]["ask_price"] == 0]
    assert len(padded) > 20
    assert all(book["orderbook_units"][-1] == dict.fromkeys(padded[0]["orderbook_units"][-1], 0) for book in padded)


@given(st.integers(0, 2**32), st.integers(0, 2 * DAY_MS))
@settings(max_examples=20)
def test_fair_prices_move_and_stay_within_reason_for_years(seed: int, offset: int) -> None:
    start = START_MS + offset
    path = PricePath(NoiseTable(seed), "any", 1000.0, 0.03, start)
    assert path.at(start) == pytest.approx(1000.0)
    days = [path.at(start + day * DAY_MS) for day in range(-400, 1000, 3)]
    assert 50 < min(days) < 0.8 * max(days)
    assert max(days) < 20_000
    assert all(0.3 < after / before < 3 for before, after in pairwise(days))


def test_trade_prices_follow_the_fair_price() -> None:
    of = world(seed=9, markets=3, rate=2)
    seen: dict[str, set[Decimal]] = defaultdict(set)
    for change in run(of, 86_400, step_ms=3_600_000):
        if change.kind == "ticker":
            message = read(change)
            seen[change.code].add(message["trade_price"])
            assert abs(message["signed_change_rate"]) < Decimal("0.5")
    assert all(len(prices) > 100 for prices in seen.values())


@pytest.mark.parametrize(("markets", "rate"), [(None, 50_000), (None, 800), (30, 500), (1, 5000), (10, 20)])
def test_the_rate_is_that_of_all_public_messages(markets: int | None, rate: float) -> None:
    of = world(seed=2, markets=markets, rate=rate)
    seconds = max(1.0, min(600.0, 20_000 / rate))
    count = sum(1 for _ in run(of, seconds))
    assert 0.9 < count / (rate * seconds) < 1.1


def test_the_rate_can_be_changed_while_running() -> None:
    of = world(rate=100)
    slow = sum(1 for _ in run(of, 60))
    of.set_rate(1000)
    assert of.rate == 1000
    fast = sum(1 for _ in run(of, 60))
    assert 7 < fast / slow < 13


def test_busy_and_quiet_markets() -> None:
    of = world(markets=None, rate=5000)
    trades = Counter(change.code for change in run(of, 10) if change.kind == "trade")
    assert trades.most_common(1)[0][0] == "KRW-BTC"
    assert sum(count for _, count in trades.most_common(10)) > 0.4 * trades.total()


def test_the_day_turns_over_at_midnight_utc() -> None:
    midnight = (START_MS // DAY_MS + 1) * DAY_MS
    of = world(markets=3, rate=300, start_ms=midnight - 20_000)
    before: dict[str, Message] = {}
    for change in run(of, 19.999):
        if change.kind == "ticker":
            before[change.code] = read(change)
    of.advance_to(midnight - 1)
    closes = {code: shown(of, "ticker", code)["trade_price"] for code in of.codes}
    first: dict[str, Message] = {}
    for change in run(of, 20):
        if change.kind == "ticker":
            first.setdefault(change.code, read(change))
    assert before.keys() == first.keys() == of.codes
    for code, now in first.items():
        assert now["prev_closing_price"] == closes[code] != before[code]["prev_closing_price"]
        assert now["opening_price"] == now["high_price"] == now["low_price"] == now["trade_price"]
        assert now["acc_trade_volume"] == now["trade_volume"]
        assert now["acc_trade_price"] == now["trade_volume"] * now["trade_price"]
        assert now["acc_trade_volume_24h"] > before[code]["acc_trade_volume_24h"] / 2
        assert now["trade_date"] > before[code]["trade_date"]


def test_a_quiet_market_shows_the_new_day_in_its_snapshot() -> None:
    midnight = (START_MS // DAY_MS + 1) * DAY_MS
    of = world(markets=None, rate=1, start_ms=midnight - 2_000)
    of.advance_to(midnight + 1_000)
    found = shown(of, "ticker", "USDT-ETH")
    assert found["acc_trade_volume"] == 0
    assert found["change"] == "EVEN"
    assert found["acc_trade_volume_24h"] > 0


def test_the_last_24_hours_forget_what_is_older() -> None:
    of = world(markets=1, rate=1)
    with localcontext() as context:
        context.prec = 60
        volumes = []
        for change in run(of, 30 * 3600, step_ms=3_600_000):
            if change.kind == "trade":
                message = read(change)
                volumes.append((message["trade_timestamp"], message["trade_volume"]))
        found = shown(of, "ticker", "KRW-BTC")["acc_trade_volume_24h"]
        quarter = 15 * 60_000
        exact = sum(volume for ms, volume in volumes if ms // quarter * quarter > of.now_ms - DAY_MS)
        assert found == exact
