"""Footprints, profiles and averages hold what the tape holds, to the last digit, however the trades came."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.widgets.made import book, trade
from widgets.flow.book_history import BookHistory
from widgets.flow.resting import Ladder, depth_of
from widgets.flow.trades import FlowTrades
from widgets.flow.volume import Average, Cell, Footprints, Row, VolumeProfile

if TYPE_CHECKING:
    from upbit_ws_qt import OrderbookEvent, TradeEvent

D = Decimal
PRICES = st.decimals(min_value=D("0.00000001"), max_value=D(200_000_000), places=8)
VOLUMES = st.decimals(min_value=D("0.00000001"), max_value=D(10**13), places=8)
TRADES = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from(range(1, 12)), VOLUMES, st.booleans()), min_size=1, max_size=60
)
SAMPLE = trade("KRW-BTC", 1)


def plain(value: object) -> Any:
    """Return it; numbers are compared with numbers of another kind."""
    return value


def made(parts: list[tuple[int, int, Decimal, bool]], tick: Decimal) -> list[TradeEvent]:
    """Trades at eleven prices, in the order in which they are given; their ids are their places."""
    return [
        replace(
            SAMPLE, trade_timestamp=1_700_000_000_000 + second * 1000, trade_price=tick * price, trade_volume=volume,
            ask_bid="BID" if buys else "ASK", sequential_id=number,
        )
        for number, (second, price, volume, buys) in enumerate(parts)
    ]  # fmt: skip


def exactly(events: list[TradeEvent], side: str) -> Fraction:
    return sum((Fraction(each.trade_volume) for each in events if each.ask_bid == side), Fraction(0))


@given(TRADES, PRICES, st.integers(0, 60), st.sampled_from([D(0), D(1), D(3), D("2.5")]))
def test_what_is_summed_is_the_tape_to_the_last_digit(
    parts: list[tuple[int, int, Decimal, bool]], tick: Decimal, known: int, steps: Decimal
) -> None:
    """Whatever came live and what by REST, in whatever steps the prices are shown."""
    events = made(parts, tick)
    trades, footprints, profile = FlowTrades(), Footprints(60), VolumeProfile()
    with localcontext(prec=4):  # somebody else's precision is none of ours
        found = [taken for each in events[known:] if (taken := trades.take(each)) is not None]
        found += trades.put_before(reversed(events))
        for each in found:
            footprints.take(each)
            profile.take(each)
    assert len(trades) == len(events)
    bought, sold = exactly(events, "BID"), exactly(events, "ASK")
    assert (Fraction(profile.whole.bought), Fraction(profile.whole.sold)) == (bought, sold)
    for cells in ([profile], footprints.bars):
        assert sum(Fraction(cell.bought) for each in cells for cell in each.cells.values()) == bought
        assert sum(Fraction(cell.sold) for each in cells for cell in each.cells.values()) == sold
    with localcontext(prec=60):
        rows = [row for bar in footprints.bars for row in bar.rows(steps * tick)]
    assert sum(Fraction(row.cell.bought) for row in rows) == bought
    assert sum(Fraction(row.cell.sold) for row in rows) == sold
    assert Fraction(footprints.cumulative()[-1]) == bought - sold
    average = Average()
    for event in events:
        average.take(event.trade_price, event.trade_volume)
    assert Fraction(average.volume) == bought + sold
    assert Fraction(average.funds) == sum(Fraction(each.trade_price) * Fraction(each.trade_volume) for each in events)


@given(TRADES)
def test_bars_are_the_candles_of_the_tape(parts: list[tuple[int, int, Decimal, bool]]) -> None:
    events = made(parts, D(1000))
    trades, footprints = FlowTrades(), Footprints(60)
    for each in trades.put_before(reversed(events)):  # as REST tells them: the newest first
        footprints.take(each)
    in_order = sorted(enumerate(events), key=lambda pair: (pair[1].trade_timestamp, pair[0]))
    for bar in footprints.bars:
        prices = [
            each.trade_price for _, each in in_order
            if bar.start * 1000 <= each.trade_timestamp < (bar.start + 60) * 1000
        ]  # fmt: skip
        assert (bar.opening, bar.high, bar.low, bar.close) == (prices[0], max(prices), min(prices), prices[-1])
        assert [each.price for each in trades.between(bar.start * 1000, (bar.start + 60) * 1000)] == prices


def test_a_trade_is_counted_once_and_the_oldest_give_way() -> None:
    trades = FlowTrades(most=3)
    first = trade("KRW-BTC", 5)
    assert trades.take(first) is not None
    assert trades.take(first) is None
    assert trades.put_before([first]) == []
    for number in (6, 7, 8):
        trades.take(trade("KRW-BTC", number))
    assert [each.key for each in trades.all] == [6, 7, 8]
    assert trades.put_before([trade("KRW-BTC", 1)]) == []  # older than all that there is room for
    assert trades.left_out == 2
    trades.take(replace(trade("KRW-BTC", 9), stream_type="RECOVERED"))
    assert trades.asked == 1


def cells(**sides: tuple[int, int]) -> VolumeProfile:
    profile = VolumeProfile()
    profile.cells = {D(price[1:]): Cell(D(bought), D(sold)) for price, (bought, sold) in sides.items()}
    return profile


def test_the_side_that_is_ahead_is_marked_across_the_steps() -> None:
    rows = cells(p103=(6, 0), p102=(1, 2), p101=(9, 4), p100=(0, 30)).rows()
    assert [(row.price, row.buyers_ahead, row.sellers_ahead) for row in rows] == [
        (D(103), True, False),  # 6 bought here, 2 sold a step below
        (D(102), False, False),
        (D(101), False, True),  # 4 sold here, 1 bought a step above
        (D(100), False, True),  # 30 sold here, 9 bought a step above
    ]


def test_the_point_of_control_and_the_area_around_it() -> None:
    profile = cells(p105=(1, 0), p104=(5, 0), p103=(20, 20), p102=(10, 5), p101=(2, 2), p100=(1, 0))
    rows = profile.rows()
    assert VolumeProfile.control(rows) == Row(D(103), Cell(D(20), D(20)), buyers_ahead=True, sellers_ahead=True)
    assert VolumeProfile.value_area(rows) == (D(102), D(103))
    assert VolumeProfile.value_area(rows, D(1)) == (D(100), D(105))
    assert VolumeProfile.value_area([]) is None
    assert [row.price for row in profile.rows(D(2))] == [D(104), D(102), D(100)]


def test_an_average_and_its_bands() -> None:
    average = Average()
    assert plain((average.price, average.deviation)) == (None, 0)
    average.take(D(10), D(1))
    average.take(D(20), D(1))
    assert (average.price, average.deviation) == (D(15), D(5))


BOOK = book("KRW-BTC", "1000", "10", ("1", "2", "3.5"))


def test_a_book_is_cumulated_on_both_sides() -> None:
    depth = depth_of(BOOK)
    assert plain([(step.price, step.cumulated) for step in depth.bids]) == [(1000, 1), (990, 3), (980, D("6.5"))]
    assert plain([(step.price, step.cumulated) for step in depth.asks]) == [(1010, 1), (1020, 3), (1030, D("6.5"))]
    assert depth.imbalance == D("0.5")
    assert plain(depth.within(D(1005), D("0.015"))) == (3, 3)
    empty = depth_of(replace(BOOK, orderbook_units=()))
    assert plain((empty.imbalance, empty.within(D(1), D(1)))) == (None, (0, 0))


def test_a_ladder_stands_still_until_it_is_told_to_move() -> None:
    ladder = Ladder(D(10))
    assert ladder.rows(5) == []
    ladder.set_book(BOOK)
    rows = ladder.rows(5, {(True, D(990)): (D("0.5"), False)}, {D(1015): (D(3), D(1))}, D(1010))
    assert plain([(row.price, row.bid, row.ask, row.bids_to, row.asks_to) for row in rows]) == [
        (1020, 0, 2, 0, 3), (1010, 0, 1, 0, 1), (1000, 1, 0, 1, 0), (990, 2, 0, 3, 0), (980, D("3.5"), 0, D("6.5"), 0),
    ]  # fmt: skip
    assert plain(rows[3].own_bid) == D("0.5")
    assert plain((rows[1].traded, rows[1].is_last)) == ((3, 1), True)
    ladder.set_book(book("KRW-BTC", "1100", "10", ("1",)))
    assert ladder.rows(5)[0].price == 1020
    assert ladder.away(5)
    ladder.centre()
    assert not ladder.away(5)
    ladder.scroll(2)
    assert ladder.rows(5)[2].price == 1120


def at(ms: int, price: str = "1000", sizes: tuple[str, ...] = ("1", "2")) -> OrderbookEvent:
    return book("KRW-BTC", price, "10", sizes, timestamp=ms)


def test_the_last_book_of_each_tenth_of_a_second_is_drawn() -> None:
    history = BookHistory()
    for ms, sizes in ((0, ("9",)), (40, ("1", "2")), (100, ("4",)), (350, ("3",))):
        history.take(at(ms, sizes=sizes))
    assert history.span == (0.0, 0.4)
    image = history.image(0.0, 0.4, 980.0, 10.0, 5, 4)
    drawn = image.levels * image.full
    # From low to high: 980, 990, 1000 | 1010, 1020; what is not told anew stays.
    assert drawn[:, 0] == pytest.approx([0, 2, 1, 1, 2], rel=0.05)
    assert drawn[:, 1] == pytest.approx([0, 0, 4, 4, 0], rel=0.05)
    assert drawn[:, 2] == pytest.approx(drawn[:, 1])
    assert drawn[:, 3] == pytest.approx([0, 0, 3, 3, 0], rel=0.05)
    assert image.best[0] == pytest.approx([1000, 1010])
    assert history.size_at(0.05, 990, 1000) == (2.0, True)
    assert history.size_at(-1.0, 990, 1000) is None


def test_what_nobody_knows_is_not_drawn_as_nothing() -> None:
    history = BookHistory()
    history.take(at(0))
    history.break_off()
    history.take(at(500))
    image = history.image(-0.2, 1.0, 980.0, 10.0, 5, 12)
    known = [bool(np.isfinite(image.levels[:, column]).any()) for column in range(12)]
    assert known == [False, False, True, False, False, False, False, True, False, False, False, False]
    assert history.size_at(0.2, 0, 2000) is None
    history.clear()
    assert history.span is None
    assert not np.isfinite(history.image(0, 1, 0, 1, 2, 2).levels).any()


def test_two_hours_stay_and_the_oldest_give_way() -> None:
    history = BookHistory(columns=5000)
    for slot in range(5010):
        history.take(at(slot * 100, sizes=(str(slot + 1),)))
    assert len(history) == 5001
    assert history.span == (0.9, 501.0)
    assert history.size_at(500.95, 1000, 1001) == (5010.0, True)
