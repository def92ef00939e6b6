"""The whole market as it was measured: its pairs, its pace, its grid; and pairs that are warned of or leave."""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING, Any

import pytest

from tests.exchange.world.reading import START_MS, read, run, world
from upbit_ws_qt.exchange import ExchangeSettings
from upbit_ws_qt.exchange.cli import main
from upbit_ws_qt.exchange.likeness import RATE, Figure, report
from upbit_ws_qt.exchange.market.beat import event_rates
from upbit_ws_qt.exchange.market.catalog import CAUTIONS, choose, listings
from upbit_ws_qt.exchange.settings import SettingsError
from upbit_ws_qt.exchange.world import World, WorldSettings

if TYPE_CHECKING:
    from upbit_ws_qt.exchange.messages import Change


def test_there_are_as_many_pairs_as_on_the_real_one() -> None:
    codes = [listing.code for listing in listings(full=True)]
    assert len(codes) == len(set(codes)) == 855
    assert set(Counter(code.partition("-")[0] for code in codes)) == {"KRW", "BTC", "USDT"}
    assert [listing.code for listing in choose(20, full=True)] == [listing.code for listing in choose(20)]


def test_its_figures_are_like_the_measured_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m upbit_ws_qt.exchange --likeness`; the market is seeded, so it always says the same."""
    assert main(["--likeness"]) == 0
    printed = capsys.readouterr().out
    rows = {line[:42].strip(): line for line in printed.splitlines()[1:]}
    assert len(rows) == 7
    assert "unlike" not in printed
    books = re.search(r"(\d+\.\d) +785-995 /s", rows["order books of all pairs on one line"])
    assert books is not None
    assert 785 <= float(books[1]) <= 995


def test_what_is_unlike_is_said_to_be() -> None:
    table = report([Figure("books", 500, 785, 995, "/s"), Figure("pairs", 855, 855, 855)])
    assert [line.endswith("<- unlike") for line in table.splitlines()] == [False, True, False]


@pytest.fixture(scope="module")
def happened() -> list[Change]:
    of = World(WorldSettings(seed=5, markets=120, full=True, rate=600, start_ms=START_MS))
    return list(run(of, 20))


def test_books_come_on_a_grid_with_a_phase_for_each_pair(happened: list[Change]) -> None:
    times: dict[str, list[int]] = defaultdict(list)
    for change in happened:
        if change.kind == "orderbook":
            times[change.code].append(read(change)["timestamp"])
    phases = {code: {ms % 100 for ms in found} for code, found in times.items()}
    assert all(len(found) == 1 for found in phases.values())
    assert len(set.union(*phases.values())) > 40
    for found in times.values():
        assert found == sorted(found)
        assert len(set(found)) == len(found), "at most one book at each moment of the grid"
    assert max(map(len, times.values())) > 150, "a busy pair uses nearly all of the 200"


def test_what_happens_comes_in_order_and_books_hold_what_trades_left(happened: list[Change]) -> None:
    stamps = [read(change)["timestamp"] for change in happened if not change.kind.startswith("candle")]
    assert stamps == sorted(stamps)
    assert {change.kind for change in happened} >= {"ticker", "trade", "orderbook", "candle.1s"}
    for change in happened:
        if change.kind == "orderbook":
            best = read(change)["orderbook_units"][0]
            assert best["ask_price"] > best["bid_price"]


def test_the_rate_is_that_of_all_messages(happened: list[Change]) -> None:
    messages = sum(not change.kind.startswith("candle") for change in happened)
    assert 0.9 * 600 < messages / 20 < 1.1 * 600


@pytest.mark.parametrize(("pairs", "messages"), [(855, RATE), (855, 100.0), (12, 100.0), (1, 5.0)])
def test_the_pace_of_each_pair_falls_with_its_rank(pairs: int, messages: float) -> None:
    rates = event_rates(pairs, messages)
    assert len(rates) == pairs
    assert rates == sorted(rates, reverse=True)
    assert min(rates) > 0


def test_the_same_seed_gives_the_same_market() -> None:
    def frames(seed: int) -> list[bytes]:
        of = World(WorldSettings(seed=seed, markets=40, full=True, rate=300, start_ms=START_MS))
        of.set_rate(500)
        return [change.render("DEFAULT", "REALTIME") for change in run(of, 5)]

    assert frames(3) == frames(3)
    assert frames(3) != frames(4)


def test_the_full_market_is_koreas() -> None:
    with pytest.raises(SettingsError, match="full_market"):
        ExchangeSettings(full_market=True, region="sg")


def _ticker(of: World, code: str) -> Any:
    change = of.snapshot("ticker", code)
    assert change is not None
    return read(change)


@pytest.mark.parametrize("full", [False, True])
def test_a_pair_is_warned_of(full: bool) -> None:
    of = World(WorldSettings(markets=5, full=full, rate=100, start_ms=START_MS))
    (told,) = of.warn("KRW-ETH", caution=True, cautions=[CAUTIONS[3]], delisting_date="2026-12-31")
    assert read(told)["market_warning"] == "CAUTION"
    deque(run(of, 5), 0)
    ticker = _ticker(of, "KRW-ETH")
    assert (ticker["market_warning"], ticker["delisting_date"]) == ("CAUTION", "2026-12-31")
    event = of.market_event("KRW-ETH")
    assert event["warning"]
    assert event["caution"] == {name: name == CAUTIONS[3] for name in CAUTIONS}
    of.warn("KRW-ETH", caution=False, cautions=())
    ticker = _ticker(of, "KRW-ETH")
    assert (ticker["market_warning"], ticker["delisting_date"]) == ("NONE", "2026-12-31")
    assert not any(of.market_event("KRW-ETH")["caution"].values())
    with pytest.raises(ValueError, match="PRICE_FLUCTUATIONS"):
        of.warn("KRW-ETH", cautions=["BAD_WEATHER"])
    with pytest.raises(KeyError):
        of.warn("KRW-NONE")


@pytest.mark.parametrize("full", [False, True])
def test_a_pair_that_leaves_says_so_once_and_is_silent_then(full: bool) -> None:
    of = World(WorldSettings(markets=5, full=full, rate=200, start_ms=START_MS))
    params = {"period": 14}
    key = of.indicators.watch("KRW-BTC", "5m", "rsi", params)
    deque(run(of, 2), 0)
    (last,) = of.delist("KRW-BTC")
    assert read(last)["market_state"] == "DELISTED"
    assert of.snapshot("ticker", "KRW-BTC") is None
    assert "KRW-BTC" not in of.codes
    assert "KRW-BTC" not in {market.market for market in of.markets}
    assert of.sides("KRW-BTC") is None
    after = list(run(of, 301))
    left = [change for change in after if change.code == "KRW-BTC" and not change.kind.startswith("candle")]
    assert left == []
    assert {change.code for change in after} >= {"KRW-ETH", "KRW-XRP"}
    of.indicators.unwatch(key)
    with pytest.raises(KeyError):
        of.delist("KRW-BTC")


def test_the_usual_market_is_as_small_as_it_was() -> None:
    assert len(world(markets=None).codes) == 416
