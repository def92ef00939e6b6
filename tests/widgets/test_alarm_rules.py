"""When alarms fire, how often, and what they say it rests on: logic alone, on prices made by hand."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgets.alarm_rules.judges import judge_for
from widgets.alarm_rules.rules import (
    Alarm,
    Condition,
    Crossing,
    DataLost,
    DataSilent,
    IndicatorLevel,
    Keyword,
    NewListing,
    PriceChange,
    PriceLevel,
    Repeat,
    SpreadWide,
    VolumeSpike,
)
from widgets.alarm_rules.seen import (
    AnnouncementSeen,
    Basis,
    BookSeen,
    CandlesSeen,
    LossSeen,
    MarketsSeen,
    PriceSeen,
    SilenceSeen,
)
from widgets.alarm_rules.watch import AlarmWatch
from widgets.formulas.candles import Columns
from widgets.formulas.catalog import FORMULAS, curves_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from widgets.alarm_rules.seen import Seen
    from widgets.alarm_rules.watch import Firing

D = Decimal


def watch(condition: Condition, repeat: Repeat = Repeat.ALWAYS, **changes: object) -> AlarmWatch:
    market = "" if isinstance(condition, (NewListing, Keyword)) else "KRW-BTC"
    return AlarmWatch(Alarm("a", condition, market, repeat, **changes))  # type: ignore[arg-type]


def prices(*told: int, begin: int = 0, step: int = 10_000) -> list[PriceSeen]:
    return [PriceSeen(D(price), begin + place * step) for place, price in enumerate(told)]


def fired(by: AlarmWatch, seen: Sequence[Seen]) -> list[Firing]:
    return [firing for each in seen if (firing := by.see(each)) is not None]


def columns(closes: list[float], volumes: list[float] | None = None, unit: int = 60) -> Columns:
    close = np.array(closes)
    start = np.arange(len(closes), dtype=np.int64) * unit + 6000
    return Columns(start, close, close, close, close, np.array(volumes or [1.0] * len(closes)))


def test_a_price_that_reaches_a_level_fires_in_the_direction_that_is_wanted() -> None:
    way = [90, 100, 110, 100, 90, 99, 101]
    both = fired(watch(PriceLevel(D(100))), prices(*way))
    assert [(each.at, each.values["way"], each.values["price"]) for each in both] == [
        (10_000, "up", "100"), (30_000, "down", "100"), (60_000, "up", "101"),
    ]  # fmt: skip
    up = fired(watch(PriceLevel(D(100), Crossing.UP)), prices(*way))
    assert [each.at for each in up] == [10_000, 60_000]
    down = fired(watch(PriceLevel(D(100), Crossing.DOWN)), prices(*way))
    assert [each.at for each in down] == [30_000]


def test_the_first_price_only_says_where_it_stands() -> None:
    by = watch(PriceLevel(D(100)))
    assert by.see(PriceSeen(D(150), 1)) is None
    assert by.see(PriceSeen(D(151), 2)) is None


@given(way=st.lists(st.integers(1, 9), min_size=1, max_size=40))
def test_a_level_fires_as_often_as_the_price_arrives_at_it_from_outside(way: list[int]) -> None:
    expected = sum(a < 5 <= b or a > 5 >= b for a, b in pairwise(way))
    assert len(fired(watch(PriceLevel(D(5))), prices(*way))) == expected


def test_once_is_once_and_then_the_alarm_is_off() -> None:
    by = watch(PriceLevel(D(100)), Repeat.ONCE)
    assert len(fired(by, prices(90, 110, 90, 110))) == 1
    assert not by.alarm.on
    assert by.state.fired == 1


def test_once_per_candle_counts_what_it_does_not_tell() -> None:
    by = watch(PriceLevel(D(100)), Repeat.BAR, unit="1m")
    found = fired(by, prices(90, 110, 90, 110, 90, 110, 90, 110, step=10_000))  # 0 s to 70 s
    assert [each.at for each in found] == [10_000, 60_000]
    assert [each.held_back for each in found] == [0, 4]
    assert by.state.held_back == 1


def test_always_is_once_a_second_at_most() -> None:
    by = watch(PriceLevel(D(100)))
    found = fired(by, prices(90, 110, 90, 110, 90, step=400))
    assert [each.at for each in found] == [400, 1600]
    assert found[1].held_back == 2


def test_what_happened_while_the_line_was_down_says_so() -> None:
    by = watch(PriceLevel(D(100)))
    by.see(PriceSeen(D(90), 1000))
    by.interrupt()
    late = by.see(PriceSeen(D(110), 60_000))
    assert late is not None
    assert late.basis is Basis.GAP
    assert late.values["before"] == "90"
    live = by.see(PriceSeen(D(90), 70_000))
    assert live is not None
    assert live.basis is Basis.LIVE, "both prices are of the new line"


def test_what_happened_while_the_program_did_not_run_says_so() -> None:
    before = watch(PriceLevel(D(100)))
    before.see(PriceSeen(D(90), 1000))
    after = AlarmWatch(before.alarm, before.state)
    firing = after.see(PriceSeen(D(110), 900_000))
    assert firing is not None
    assert firing.basis is Basis.START


@pytest.mark.parametrize("basis", [Basis.LATE, Basis.RECOVERED])
def test_late_and_recovered_data_are_named(basis: Basis) -> None:
    by = watch(PriceLevel(D(100)))
    by.see(PriceSeen(D(90), 1000))
    firing = by.see(PriceSeen(D(110), 2000, basis))
    assert firing is not None
    assert firing.basis is basis


def test_a_change_within_minutes_is_counted_from_the_extreme_and_then_from_itself() -> None:
    by = watch(PriceChange(D(5), 1))
    found = fired(by, prices(100, 98, 103, 104, 105, 109, 110, step=5000))
    assert [(each.at, each.values["percent"], each.values["before"]) for each in found] == [
        (10_000, "+5.10", "98"), (25_000, "+5.83", "103"),
    ]  # fmt: skip
    assert found[0].values["seconds"] == "5"
    fall = fired(watch(PriceChange(D(5), 1, Crossing.DOWN)), prices(100, 110, 106, 104))
    assert [each.values["percent"] for each in fall] == ["-5.45"]


def test_a_change_that_took_longer_is_none() -> None:
    assert not fired(watch(PriceChange(D(5), 1)), prices(100, 103, 106, step=40_000))


def test_a_change_over_an_outage_says_so() -> None:
    by = watch(PriceChange(D(5), 1))
    by.see(PriceSeen(D(100), 1000))
    by.interrupt()
    firing = by.see(PriceSeen(D(110), 30_000))
    assert firing is not None
    assert firing.basis is Basis.GAP


@given(steps=st.lists(st.tuples(st.integers(120, 40_000), st.integers(90, 110)), min_size=1, max_size=60))
def test_a_change_is_that_of_all_prices_of_the_window(steps: list[tuple[int, int]]) -> None:
    judge, at = judge_for(PriceChange(D(8), 1)), 0
    window: list[tuple[int, int]] = []
    for pause, price in steps:  # 60 s / 500 is how fine it is
        at += pause
        window = [(when, each) for when, each in window if when >= at - 60_000]
        rises = any((price - each) * 100 >= 8 * each for _, each in window)
        falls = any((each - price) * 100 >= 8 * each for _, each in window)
        told = list(judge.see(PriceSeen(D(price), at)))
        assert len(told) == (rises or falls)
        window = [*([] if told else window), (at, price)]


def test_a_volume_spike_fires_once_in_its_candle() -> None:
    by = watch(VolumeSpike(D(3), 4, "1m"))
    few = CandlesSeen(columns([1.0] * 4, [9.0] * 4), "1m", 1)
    assert by.see(few) is None, "there are too few candles for a mean"
    volumes = [1.0, 2.0, 1.0, 2.0, 4.4]
    assert by.see(CandlesSeen(columns([1.0] * 5, volumes), "1m", 2)) is None
    firing = by.see(CandlesSeen(columns([1.0] * 5, [*volumes[:4], 4.5]), "1m", 3))
    assert firing is not None
    assert firing.values == {"volume": "4.5", "mean": "1.5", "times": "3.00"}
    assert by.see(CandlesSeen(columns([1.0] * 5, [*volumes[:4], 9.0]), "1m", 4000)) is None
    assert by.see(CandlesSeen(columns([1.0] * 6, [*volumes[:4], 9.0, 99.0]), "1m", 8000)) is not None
    assert by.see(CandlesSeen(columns([1.0] * 7, [*volumes[:4], 9.0, 99.0, 999.0]), "3m", 9000)) is None


def test_a_volume_that_grew_just_before_its_candle_ended_is_seen() -> None:
    by = watch(VolumeSpike(D(3), 2, "1m"))
    assert by.see(CandlesSeen(columns([1.0] * 3, [1.0, 1.0, 1.0]), "1m", 6_130_000)) is None
    firing = by.see(CandlesSeen(columns([1.0] * 4, [1.0, 1.0, 9.0, 0.1]), "1m", 6_200_000))
    assert firing is not None
    assert (firing.at, firing.values["volume"]) == (6_180_000, "9")
    fresh = watch(VolumeSpike(D(3), 2, "1m"))
    late = CandlesSeen(columns([1.0] * 4, [1.0, 1.0, 9.0, 0.1]), "1m", 6_200_000)
    assert fresh.see(late) is None, "that was before it began to look"


def test_a_wide_spread_fires_when_it_becomes_wide() -> None:
    by = watch(SpreadWide(D("0.5")))
    seen = [BookSeen(D(1000), D(1000 + over), place * 5000) for place, over in enumerate((4, 5, 6, 4, 5))]
    found = fired(by, seen)
    assert [(each.at, each.values["spread"]) for each in found] == [(5000, "0.500"), (20_000, "0.500")]
    again = AlarmWatch(by.alarm, by.state)
    assert again.see(BookSeen(D(1000), D(1009), 60_000)) is None, "it was wide already before the restart"
    assert again.see(BookSeen(D(0), D(1009), 70_000)) is None, "a side is empty"


def rsi(closes: list[float]) -> list[float]:
    [curve] = curves_of(FORMULAS["rsi"], columns(closes), (2,))
    return [float(each) for each in curve.values]


def test_an_indicator_fires_at_the_close_with_its_value_and_candle() -> None:
    closes = [10.0, 11.0, 12.0, 11.5, 9.0, 8.0]
    by = watch(IndicatorLevel("rsi", (2.0,), "value", Crossing.DOWN, D(60), "1m"))
    told = [by.see(CandlesSeen(columns(closes[:end]), "1m", 6_000_000 + end * 60_000)) for end in range(3, 7)]
    [firing] = [each for each in told if each is not None]
    values = rsi(closes)
    crossing = next(place for place in range(3, 6) if values[place - 1] >= 60 > values[place])
    assert int(firing.values["candle"]) == 6000 + crossing * 60
    assert float(firing.values["value"]) == pytest.approx(values[crossing])
    assert firing.values["way"] == "down"


def test_the_present_candle_counts_where_that_is_wanted() -> None:
    closed = watch(IndicatorLevel("sma", (3.0,), "average", Crossing.UP, None, "1m"))
    present = watch(IndicatorLevel("sma", (3.0,), "average", Crossing.UP, None, "1m", closed=False))
    begin = [12.0, 11.0, 10.0, 9.0]
    for by in (closed, present):
        by.see(CandlesSeen(columns(begin), "1m", 1000))
    rises = CandlesSeen(columns([*begin, 14.0]), "1m", 2000)
    assert closed.see(rises) is None
    firing = present.see(rises)
    assert firing is not None
    assert firing.values["way"] == "up"
    assert present.see(CandlesSeen(columns([*begin, 15.0]), "1m", 60_000)) is None, "once in a candle"
    assert present.see(CandlesSeen(columns([*begin, 15.0, 8.0]), "1m", 120_000)) is None
    late = closed.see(CandlesSeen(columns([*begin, 14.0, 15.0]), "1m", 9_000_000))
    assert late is not None
    assert late.values["price"] == "14"


def test_several_candles_that_were_missed_make_one_firing() -> None:
    by = watch(IndicatorLevel("sma", (2.0,), "average", Crossing.EITHER, None, "1m"))
    by.see(CandlesSeen(columns([10.0, 11.0, 10.0]), "1m", 6_200_000))
    by.interrupt()
    firing = by.see(CandlesSeen(columns([10.0, 11.0, 10.0, 12.0, 9.0, 13.0, 13.0]), "1m", 6_500_000))
    assert firing is not None
    assert firing.basis is Basis.GAP
    assert int(firing.values["candle"]) == 6000 + 5 * 60
    assert firing.held_back == 3


def test_a_new_listing_is_what_was_not_there_before() -> None:
    by = watch(NewListing("KRW"))
    assert by.see(MarketsSeen(frozenset({"KRW-BTC", "BTC-ETH"}), 1000)) is None
    assert by.see(MarketsSeen(frozenset({"KRW-BTC", "BTC-ETH", "USDT-NEW"}), 2000)) is None
    assert by.see(MarketsSeen(frozenset(), 3000)) is None, "no answer is no list"
    firing = by.see(MarketsSeen(frozenset({"KRW-BTC", "KRW-NEW"}), 4000))
    assert firing is not None
    assert firing.values == {"markets": "KRW-NEW"}
    assert by.see(MarketsSeen(frozenset({"KRW-BTC", "KRW-NEW", "BTC-ETH"}), 9000)) is None, "it was missing once"
    again = AlarmWatch(by.alarm, by.state)
    while_off = again.see(MarketsSeen(frozenset({"KRW-BTC", "KRW-NEW", "KRW-YET"}), 99_000))
    assert while_off is not None
    assert (while_off.values["markets"], while_off.basis) == ("KRW-YET", Basis.START)


def test_an_announcement_is_found_by_any_of_the_words() -> None:
    by = watch(Keyword("Airdrop, 점검 ,"))
    assert by.see(AnnouncementSeen("상장 안내", "새 마켓", 1000)) is None
    title = by.see(AnnouncementSeen("서버 점검 안내", "", 2000))
    body = by.see(AnnouncementSeen("event", "an AIRDROP of ENS, 점검", 5000))
    assert title is not None
    assert body is not None
    assert (title.values["words"], body.values["words"]) == ("점검", "Airdrop, 점검")


def test_silence_fires_once_for_each_silence() -> None:
    by = watch(DataSilent(10))
    seen = [SilenceSeen(each, place * 5000) for place, each in enumerate((0, 9, 10, 11, 0, 12))]
    assert [each.values["seconds"] for each in fired(by, seen)] == ["10", "12"]


def test_trades_that_are_lost_are_told_with_their_number() -> None:
    firing = watch(DataLost()).see(LossSeen(12, "beyond 7 days", 1000))
    assert firing is not None
    assert firing.values == {"trades": "12", "reason": "beyond 7 days"}


def test_an_alarm_that_is_off_sees_nothing() -> None:
    assert not fired(watch(PriceLevel(D(100)), on=False), prices(90, 110))


@pytest.mark.parametrize(
    "make",
    [
        lambda: PriceLevel(D(0)),
        lambda: PriceLevel(D("NaN")),
        lambda: PriceChange(D(-1), 5),
        lambda: PriceChange(D(1), 0),
        lambda: VolumeSpike(D(2), 20, "1s"),
        lambda: SpreadWide(D(0)),
        lambda: IndicatorLevel("nonsense"),
        lambda: IndicatorLevel("rsi", line="middle"),
        lambda: IndicatorLevel("ichimoku", line="lagging"),
        lambda: Keyword(" , "),
        lambda: DataSilent(0),
        lambda: Alarm("", PriceLevel(D(1)), "KRW-BTC"),
        lambda: Alarm("a", PriceLevel(D(1))),
        lambda: Alarm("a", NewListing(), "KRW-BTC"),
        lambda: Alarm("a", PriceLevel(D(1)), "KRW-BTC", unit="2m"),
    ],
)
def test_what_can_never_fire_is_refused(make: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        make()  # type: ignore[operator]
