"""Which pages are asked for, and when there are enough: tables, without a network."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from upbit_ws_qt.backfill import walks
from upbit_ws_qt.backfill.walks import (
    BEYOND,
    LIMIT,
    CandleFloor,
    CandleWalk,
    TradeFloor,
    TradeQuestion,
    TradeWalk,
    merge_candles,
    merge_in_order,
)
from upbit_ws_qt.rest import RestCandle, RestTrade

DAY = 86_400_000
NOW = 20_000 * DAY + 12 * 3_600_000  # noon of some day
ONE = Decimal(1)


def trade(at: int, rest: int = 0) -> RestTrade:
    """A trade at `at` ms."""
    key = at * 10_000 + rest
    return RestTrade("KRW-BTC", "2026-01-01", "00:00:00", at, ONE, ONE, ONE, ONE, "BID", key)


class Tape:
    """All trades of a market, newest first, in pages as the exchange would cut them."""

    def __init__(self, *times: int, today: int = NOW) -> None:
        self.trades = [trade(at) for at in sorted(times, reverse=True)]
        self.today = today // DAY
        self.asked: list[TradeQuestion] = []

    def answer(self, question: TradeQuestion) -> list[RestTrade]:
        self.asked.append(question)
        day = [each for each in self.trades if each.timestamp // DAY == self.today - question.days_ago]
        if question.before is not None:
            day = [each for each in day if each.sequential_id < question.before]
        return day[: walks.TRADES_PER_PAGE]

    def walk_through(self, walk: TradeWalk) -> list[int]:
        while not walk.done:
            walk.take(self.answer(walk.question))
        return [each.timestamp for each in walk.trades]


@pytest.mark.parametrize(("count", "pages"), [(3, 1), (499, 1), (500, 2), (501, 2), (1200, 3)])
def test_no_more_pages_are_asked_for_than_it_takes(count: int, pages: int) -> None:
    tape = Tape(*range(NOW - 10_000, NOW - 5_000), *(NOW - n for n in range(count)))
    walk = TradeWalk(TradeFloor(NOW - 4_000))
    assert tape.walk_through(walk) == [NOW - n for n in range(count)]
    assert walk.pages == len(tape.asked) == pages
    assert walk.reason == ""


def test_it_begins_behind_a_trade_of_which_only_the_id_is_known() -> None:
    tape = Tape(*(NOW - n * 100 for n in range(50)))
    after = trade(NOW - 1_000)
    walk = TradeWalk(TradeFloor.after(after.sequential_id))
    assert tape.walk_through(walk) == [NOW - n * 100 for n in range(10)]


def test_it_goes_on_in_the_day_before_where_the_gap_spans_midnight() -> None:
    midnight = NOW // DAY * DAY
    tape = Tape(midnight - 5_000, midnight - 2_000, midnight - 1, midnight, midnight + 3_000)
    walk = TradeWalk(TradeFloor(midnight - 3_000))
    assert tape.walk_through(walk) == [midnight + 3_000, midnight, midnight - 1, midnight - 2_000]
    assert tape.asked == [TradeQuestion(None, 0), TradeQuestion(None, 1)]


def test_a_day_that_holds_the_beginning_is_the_last_one_asked_for() -> None:
    tape = Tape(NOW, NOW - 3_000)  # and nothing older, ever
    walk = TradeWalk(TradeFloor(NOW - 10_000))
    assert tape.walk_through(walk) == [NOW, NOW - 3_000]
    assert walk.pages == 1


@pytest.mark.parametrize(("days", "reason"), [(6, ""), (7, ""), (8, BEYOND), (30, BEYOND)])
def test_what_is_older_than_the_exchange_remembers_is_said_to_be_lost(days: int, reason: str) -> None:
    tape = Tape(*(NOW - day * DAY for day in range(40)))
    walk = TradeWalk(TradeFloor(NOW - days * DAY))
    found = tape.walk_through(walk)
    assert found == [NOW - day * DAY for day in range(min(days, 7) + 1)]
    assert walk.reason == reason
    assert walk.pages <= 8


def test_a_market_without_a_trade_in_a_week_has_lost_none() -> None:
    walk = TradeWalk(TradeFloor(NOW - 20 * DAY))
    assert Tape().walk_through(walk) == []
    assert walk.reason == ""


def test_a_second_gap_is_walked_down_to_what_is_there_already() -> None:
    first = range(NOW - 100, NOW)
    tape = Tape(*range(NOW - 200, NOW - 150), *first)
    walk = TradeWalk(TradeFloor(NOW - 120))
    tape.walk_through(walk)
    tape.trades = [trade(at) for at in reversed(range(NOW, NOW + 700))] + tape.trades
    walk.begin_again()
    assert not walk.done
    found = tape.walk_through(walk)
    assert found == [*reversed(range(NOW, NOW + 700)), *reversed(first)]
    assert walk.pages == 1 + 2


def test_a_second_gap_in_the_middle_of_the_first_goes_on_below_where_it_was() -> None:
    times = range(NOW - 1_800, NOW)
    tape = Tape(*times)
    walk = TradeWalk(TradeFloor(NOW - 1_700))
    for _ in range(2):
        walk.take(tape.answer(walk.question))
    tape.trades = [trade(at) for at in reversed(range(NOW, NOW + 30))] + tape.trades
    walk.begin_again()
    assert tape.walk_through(walk) == list(reversed(range(NOW - 1_700, NOW + 30)))
    befores = [question.before for question in tape.asked]
    assert len(befores) - befores.count(None) == len({before for before in befores if before is not None})


def test_a_third_gap_before_the_second_met_the_first_loses_nothing() -> None:
    tape = Tape(*range(NOW - 100, NOW))
    walk = TradeWalk(TradeFloor(NOW - 50))
    tape.walk_through(walk)
    tape.trades = [trade(at) for at in reversed(range(NOW, NOW + 900))] + tape.trades
    walk.begin_again()
    walk.take(tape.answer(walk.question))
    assert not walk.done
    tape.trades = [trade(at) for at in reversed(range(NOW + 900, NOW + 1_000))] + tape.trades
    walk.begin_again()
    assert tape.walk_through(walk) == list(reversed(range(NOW - 50, NOW + 1_000)))


def test_too_much_is_bounded_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walks, "MOST_TRADES", 1_000)
    tape = Tape(*range(NOW - 5_000, NOW))
    walk = TradeWalk(TradeFloor(NOW - 4_000))
    assert tape.walk_through(walk) == list(reversed(range(NOW - 1_000, NOW)))
    assert walk.reason == LIMIT


def candle(start: datetime) -> RestCandle:
    text = start.strftime("%Y-%m-%dT%H:%M:%S")
    return RestCandle("KRW-BTC", text, text, ONE, ONE, ONE, ONE, 0, ONE, ONE)


T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Chart:
    """Candles of a minute each, with holes where nothing was traded."""

    def __init__(self, minutes: range | list[int]) -> None:
        self.starts = [T0 + timedelta(minutes=minute) for minute in sorted(minutes, reverse=True)]
        self.asked: list[tuple[datetime, int]] = []

    def walk_through(self, walk: CandleWalk) -> list[int]:
        while not walk.done:
            to, count = walk.question
            self.asked.append((to, count))
            walk.take([candle(start) for start in self.starts if start < to][:count])
        return [int((each.start - T0) / timedelta(minutes=1)) for each in walk.candles]


@pytest.mark.parametrize(
    ("minutes", "first", "running", "found", "pages"),
    [
        (range(100), 10, 10, [], 0),  # still the same candle
        (range(100), 10, 11, [10], 1),
        (range(100), 10, 13, [12, 11, 10], 1),
        ([5, 10, 20, 21], 10, 21, [20, 10], 1),  # nothing was traded in between
        ([5, 9, 20, 21], 10, 21, [20], 1),
        (range(600), 10, 460, list(range(459, 9, -1)), 3),
    ],
)
def test_closed_candles_are_found_between_the_last_one_and_the_running_one(
    minutes: range | list[int], first: int, running: int, found: list[int], pages: int
) -> None:
    chart = Chart(minutes)
    walk = CandleWalk(CandleFloor(T0 + timedelta(minutes=first), 60), T0 + timedelta(minutes=running))
    assert chart.walk_through(walk) == found
    assert len(chart.asked) == pages
    assert walk.reason == ""


@pytest.mark.parametrize(
    ("past", "live", "merged"),
    [
        ([], [], ""),
        ([(1, "a"), (2, "b")], [], "ab"),
        ([(1, "a"), (2, "b")], [(3, "C")], "abC"),
        ([(1, "a"), (2, None), (3, "c")], [(2, "B"), (4, "D")], "aBcD"),
        ([(1, None), (2, None)], [(9, "Z")], "Z"),  # handed out before
        ([(2, None), (1, None)], [(1, "A"), (2, "B")], "BA"),  # the order of the past holds
    ],
)
def test_live_events_find_their_places_in_the_past(
    past: list[tuple[int, str | None]], live: list[tuple[int, str]], merged: str
) -> None:
    assert "".join(merge_in_order(past, live)) == merged


def test_what_came_live_of_a_candle_stands_before_the_closed_one() -> None:
    closed, live = [(1, "a"), (2, "b")], [(1, "A"), (1, "B"), (3, "C")]
    assert "".join(merge_candles(closed, live)) == "ABabC"
    assert "".join(merge_candles([], live)) == "ABC"
    assert "".join(merge_candles(closed, [])) == "ab"
