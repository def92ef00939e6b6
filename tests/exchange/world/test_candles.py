"""Candles of every unit agree with the trades, with each other, and with the history behind them."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exchange.world.reading import DAY_MS, START_MS, UNITS, read, run, shown, world
from upbit_ws_qt.exchange.market.candles import packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upbit_ws_qt.exchange.world import World

Message = dict[str, Any]
REST_UNITS = (1, 3, 5, 10, 15, 30, 60, 240)


@pytest.fixture(autouse=True)
def _exact() -> Iterator[None]:
    with localcontext() as context:
        context.prec = 80
        yield


def _start_text(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _with_trade(candle: Message | None, start: str, trade: Message) -> Message:
    price, volume = trade["trade_price"], trade["trade_volume"]
    if candle is None or candle["start"] != start:
        return {
            "start": start,
            "open": price,
            "high": price,
            "low": price,
            "last": price,
            "volume": volume,
            "funds": price * volume,
        }
    return candle | {
        "high": max(candle["high"], price),
        "low": min(candle["low"], price),
        "last": price,
        "volume": candle["volume"] + volume,
        "funds": candle["funds"] + price * volume,
    }


def _plain(candle: Message) -> Message:
    return {
        "start": candle["candle_date_time_utc"],
        "open": candle["opening_price"],
        "high": candle["high_price"],
        "low": candle["low_price"],
        "last": candle["trade_price"],
        "volume": candle["candle_acc_trade_volume"],
        "funds": candle["candle_acc_trade_price"],
    }


@settings(max_examples=3)
@given(st.integers(0, 1000), st.integers(0, DAY_MS))
def test_streamed_candles_are_what_the_trades_make_them(seed: int, offset: int) -> None:
    of = world(seed=seed, markets=8, rate=300, start_ms=START_MS + offset)
    own: dict[tuple[str, str], Message] = {}
    for code in of.codes:
        for kind in UNITS:
            own[code, kind] = _plain(shown(of, kind, code))
    count = 0
    for change in run(of, 90):
        if change.kind == "trade":
            trade = read(change)
            for kind, length in UNITS.items():
                start = _start_text(trade["trade_timestamp"] // length * length)
                own[change.code, kind] = _with_trade(own[change.code, kind], start, trade)
        elif change.kind.startswith("candle"):
            count += 1
            assert _plain(read(change)) == own[change.code, change.kind]
    assert count > 1000
    for code in of.codes:
        for kind in UNITS:
            assert _plain(shown(of, kind, code)) == own[code, kind]


@pytest.mark.statement("P9.12")
def test_a_candle_comes_at_most_once_a_second_and_only_after_a_trade() -> None:
    of = world(markets=5, rate=500)
    traded: set[str] = set()
    for _ in range(30):
        end = (of.now_ms // 1000 + 1) * 1000
        counts: Counter[tuple[str, str]] = Counter()
        for change in of.advance_to(end):
            if change.kind == "trade" and change.values[4] < end:  # type: ignore[attr-defined]
                traded.add(change.code)
            elif change.kind.startswith("candle"):
                counts[change.code, change.kind] += 1
        assert set(counts) == {(code, kind) for code in traded for kind in UNITS}
        assert set(counts.values()) <= {1}
        traded = {change.code for change in of.advance_to(end + 300) if change.kind == "trade"}


def _rest(of: World, code: str, unit: int, to_ms: int | None = None, count: int = 200) -> list[Message]:
    return of.candles(code, unit, to_ms, count)


def _summed(candles: list[Message], unit: int) -> list[Message]:
    """Sum 1-minute or longer candles, oldest first, up into `unit` minutes."""
    groups: dict[str, Message] = {}
    for candle in candles:
        start = candle["candle_date_time_utc"]
        minute = (60 * int(start[11:13]) + int(start[14:16])) // unit * unit
        key = f"{start[:11]}{minute // 60:02d}:{minute % 60:02d}:00"
        here = _plain(candle) | {"start": key}
        found = groups.get(key)
        if found is not None:
            here = found | {
                "high": max(found["high"], here["high"]),
                "low": min(found["low"], here["low"]),
                "last": here["last"],
                "volume": found["volume"] + here["volume"],
                "funds": found["funds"] + here["funds"],
            }
        groups[key] = here
    return list(groups.values())


@settings(max_examples=4)
@given(
    st.integers(0, 1000),
    st.integers(0, DAY_MS),
    st.sampled_from(["KRW-BTC", "KRW-DOGE", "KRW-BTT", "BTC-ETH", "USDT-XRP"]),
    st.sampled_from([0, 500, 4000]),
)
def test_units_agree_with_each_other_across_the_beginning(seed: int, offset: int, code: str, seconds: int) -> None:
    of = world(seed=seed, markets=None, rate=20, start_ms=START_MS + offset)
    list(run(of, seconds, step_ms=60_000))
    minutes = list(reversed([c for page in _pages(of, code, 1, 6) for c in page]))
    for unit in REST_UNITS[1:]:
        longer = list(reversed(_rest(of, code, unit)))
        summed = _summed(minutes, unit)
        known = {candle["start"]: candle for candle in summed[1:]}  # the oldest may be cut short
        compared = [candle for candle in map(_plain, longer) if candle["start"] in known]
        assert compared == list(known.values())[-len(compared) :]
        assert len(compared) >= min(3, len(known))


def _pages(of: World, code: str, unit: int, pages: int) -> Iterator[list[Message]]:
    to_ms = None
    for _ in range(pages):
        page = _rest(of, code, unit, to_ms)
        yield page
        to_ms = _ms(page[-1]["candle_date_time_utc"])


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text + "+00:00").timestamp() * 1000)


@settings(max_examples=4)
@given(
    st.integers(0, 1000),
    st.integers(0, DAY_MS),
    st.sampled_from(["KRW-BTC", "KRW-BTT", "BTC-SOL", "USDT-STX"]),
    st.sampled_from([0, 90, 1500]),
)
def test_seconds_sum_up_to_minutes_across_the_beginning(seed: int, offset: int, code: str, seconds: int) -> None:
    of = world(seed=seed, markets=None, rate=40, start_ms=START_MS + offset)
    list(run(of, seconds, step_ms=10_000))
    groups: dict[str, list[Message]] = defaultdict(list)
    for page in _pages(of, code, 0, 4):
        for candle in page:
            groups[candle["candle_date_time_utc"][:16] + ":00"].append(candle)
    whole = {minute: parts[::-1] for minute, parts in list(groups.items())[:-1]}  # the oldest may be cut short
    minutes = {c["candle_date_time_utc"]: _plain(c) for page in _pages(of, code, 1, 4) for c in page}
    assert len(whole) >= 3
    for start, parts in whole.items():
        minute = minutes[start]
        assert parts[0]["opening_price"] == minute["open"]
        assert parts[-1]["trade_price"] == minute["last"]
        assert max(part["high_price"] for part in parts) == minute["high"]
        assert min(part["low_price"] for part in parts) == minute["low"]
        assert sum(part["candle_acc_trade_volume"] for part in parts) == minute["volume"]
        assert sum(part["candle_acc_trade_price"] for part in parts) == minute["funds"]


def test_streamed_seconds_are_what_rest_gives_afterwards() -> None:
    of = world(seed=3, markets=2, rate=60)
    first = shown(of, "candle.1s", "KRW-BTC")
    streamed = {first["candle_date_time_utc"]: _plain(first)}
    for change in run(of, 150):
        if change.kind == "candle.1s" and change.code == "KRW-BTC":
            candle = _plain(read(change))
            streamed[candle["start"]] = candle
    told = {candle["candle_date_time_utc"]: _plain(candle) for candle in _rest(of, "KRW-BTC", 0)}
    assert {start: candle for start, candle in told.items() if start >= min(streamed)} == streamed
    assert min(told) < min(streamed) < max(told)


def test_no_second_is_older_than_the_exchange_keeps() -> None:
    of = world(markets=1, rate=800)
    assert len(_rest(of, "KRW-BTC", 0, of.now_ms - 89 * DAY_MS)) == 200
    assert _rest(of, "KRW-BTC", 0, of.now_ms - 91 * DAY_MS) == []


@pytest.mark.parametrize("unit", [0, *REST_UNITS])
def test_history_is_well_formed_and_always_the_same(unit: int) -> None:
    of = world(markets=None, rate=800)
    for code in ("KRW-BTC", "KRW-BTT", "BTC-SOL"):
        candles = _rest(of, code, unit)
        assert len(candles) == 200
        assert candles == _rest(of, code, unit)
        starts = [candle["candle_date_time_utc"] for candle in candles]
        assert starts == sorted(set(starts), reverse=True)
        for candle in candles:
            low, high = candle["low_price"], candle["high_price"]
            assert 0 < low <= min(candle["opening_price"], candle["trade_price"])
            assert high >= max(candle["opening_price"], candle["trade_price"])
            volume, funds = candle["candle_acc_trade_volume"], candle["candle_acc_trade_price"]
            assert volume > 0
            assert low * volume <= funds <= high * volume
            assert _ms(candle["candle_date_time_utc"]) % (unit * 60_000 or 1000) == 0
            assert candle.get("unit", 0) == unit
            assert candle["market"] == code


def test_pages_join_without_gap_or_overlap() -> None:
    of = world(markets=1, rate=800)
    paged = [c["candle_date_time_utc"] for page in _pages(of, "KRW-BTC", 1, 3) for c in page]
    assert paged == sorted(set(paged), reverse=True)
    gaps = [(_ms(after) - _ms(before)) // -60_000 for before, after in pairwise(paged)]
    assert set(gaps) == {1}, "a busy market trades every minute"


def test_history_joins_the_live_price() -> None:
    of = world(markets=40, rate=800)
    for code in sorted(of.codes):
        last = of.candles(code, 1, None, 1)[0]["trade_price"]
        assert shown(of, "ticker", code)["trade_price"] == last
        book = shown(of, "orderbook", code)["orderbook_units"][0]
        assert isinstance(last, Decimal)
        assert abs(book["ask_price"] / last - 1) < Decimal("0.06")


def test_live_candles_look_like_those_of_the_past() -> None:
    of = world(seed=4, markets=1, rate=8)
    list(run(of, 6 * 3600, step_ms=3_600_000))
    candles = _rest(of, "KRW-BTC", 5, count=1 + 6 * 12 + 6 * 12)[1:]
    live, past = ([c["candle_acc_trade_volume"] for c in some] for some in (candles[:72], candles[72:]))
    assert Decimal("0.3") < sum(live) / sum(past) < Decimal(3)
    for volumes in (live, past):
        assert max(volumes) > 3 * min(volumes), "no two hours are alike"


def test_count_and_to_are_respected() -> None:
    of = world(markets=1)
    all_of_them = _rest(of, "KRW-BTC", 5, count=50)
    assert _rest(of, "KRW-BTC", 5, count=7) == all_of_them[:7]
    to_ms = _ms(all_of_them[10]["candle_date_time_utc"])
    assert _rest(of, "KRW-BTC", 5, to_ms, 5) == all_of_them[11:16]
    assert _rest(of, "KRW-BTC", 5, to_ms + 1, 5) == all_of_them[10:15]
    assert _rest(of, "KRW-BTC", 5, of.now_ms + DAY_MS, 5) == all_of_them[:5]


def test_unknown_codes_and_units_are_errors() -> None:
    of = world(markets=1)
    with pytest.raises(KeyError):
        of.candles("KRW-NOPE", 1, None, 1)
    with pytest.raises(KeyError):
        of.candles("KRW-BTC", 2, None, 1)


def test_todays_ticker_agrees_with_the_candles_of_today() -> None:
    of = world(markets=None, rate=400)
    list(run(of, 30))
    midnight = of.now_ms // DAY_MS * DAY_MS
    for code in ("KRW-BTC", "KRW-BTT", "BTC-ETH"):
        today = [c for page in _pages(of, code, 5, 2) for c in page if _ms(c["candle_date_time_utc"]) >= midnight]
        ticker = shown(of, "ticker", code)
        assert ticker["acc_trade_volume"] == sum(c["candle_acc_trade_volume"] for c in today)
        assert ticker["acc_trade_price"] == sum(c["candle_acc_trade_price"] for c in today)
        assert ticker["high_price"] == max(c["high_price"] for c in today)
        assert ticker["low_price"] == min(c["low_price"] for c in today)
        assert ticker["opening_price"] == today[-1]["opening_price"]
        (ticker_of_rest,) = of.rest_ticker([code])
        for name in ("acc_trade_price", "acc_trade_volume", "signed_change_rate", "highest_52_week_price"):
            assert ticker_of_rest[name] == ticker[name]
        assert ticker_of_rest["market"] == code


@pytest.mark.statement("P9.13")
def test_a_quiet_market_shows_its_last_candle() -> None:
    of = world(markets=None, rate=1)
    seen: dict[str, set[str]] = defaultdict(set)
    for _ in range(3):
        of.advance_to(of.now_ms + 60_000)
        for kind in UNITS:
            seen[kind].add(shown(of, kind, "USDT-STX")["candle_date_time_utc"])
    assert all(len(starts) == 1 for kind, starts in seen.items() if kind in ("candle.1s", "candle.1m"))


@given(
    st.tuples(
        *(st.integers(0, 2**62) for _ in range(5)),
        st.integers(0, 2**127),
        st.integers(0, 2**127),
    )
)
def test_packing_a_candle_loses_nothing(candle: tuple[int, int, int, int, int, int, int]) -> None:
    assert unpacked(packed(candle)) == candle
    assert len(packed(candle)) == 72
