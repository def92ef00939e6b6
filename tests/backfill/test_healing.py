"""What follows from what is known of one stream on its way to be whole again; without a network."""

from __future__ import annotations

from decimal import Decimal

from tests.routing.rig import event_of
from upbit_ws_qt.backfill.healing import Healing
from upbit_ws_qt.backfill.recovered import missed_trades
from upbit_ws_qt.backfill.walks import TradeFloor, TradeWalk
from upbit_ws_qt.rest import RestTrade
from upbit_ws_qt.routing.fanout import Topic
from upbit_ws_qt.routing.ordering import TradeOrder
from upbit_ws_qt.routing.stream_gate import StreamGate
from upbit_ws_qt.streams import StreamGap, StreamKey
from upbit_ws_qt.types import DataType

KEY = StreamKey(DataType.TRADE, "KRW-BTC")
ONE = Decimal(1)


def after_a_gap(*numbers: int) -> Healing:
    """A gap behind trade 1, of which REST knows the trades of these numbers."""
    topic = Topic(KEY, TradeOrder())
    topic.judge(event_of("trade", timestamp=1, sequential_id=1))
    gate = StreamGate(topic)
    gate.expect(StreamGap(KEY), 2, lambda _: None)
    gate.note_ids()
    healing = Healing(KEY, gate, None, 0.0)
    healing.known = frozenset({1})
    healing.walk = TradeWalk(TradeFloor(0))
    page = [
        RestTrade("KRW-BTC", "2026-01-01", "00:00:00", number, ONE, ONE, ONE, ONE, "BID", number)
        for number in sorted(numbers, reverse=True)
    ]
    healing.walk.take(page)
    healing.note_page(healing.walk, page, 0.0)
    return healing


def missed(healing: Healing) -> list[int]:
    """Return the ids of what is to be handed out."""
    assert isinstance(healing.walk, TradeWalk)
    past = missed_trades(
        healing.walk.trades, healing.gate.seen or set(), healing.known, healing.reaches, healing.trade_events, 0
    )
    return [key for key, event in past if event is not None]


def is_ahead(healing: Healing) -> bool:
    assert isinstance(healing.walk, TradeWalk)
    return healing.is_ahead(healing.walk)


def test_a_quiet_stream_has_missed_nothing_and_rest_is_not_ahead_of_its_line() -> None:
    for quiet in (after_a_gap(1), after_a_gap()):
        assert not is_ahead(quiet)
        assert missed(quiet) == []


def test_where_the_line_has_brought_nothing_all_that_rest_knows_was_missed() -> None:
    """It was taken for what comes by the line, and was lost where the subscription was in force only later."""
    healing = after_a_gap(1, 2, 3)
    assert is_ahead(healing), "what is traded until the first has come by the line is to be asked for too"
    assert missed(healing) == [2, 3]


def test_what_is_newer_than_the_lines_first_comes_by_the_line() -> None:
    healing = after_a_gap(1, 2, 3, 4)
    healing.gate.judge(event_of("trade", timestamp=3, sequential_id=3, epoch=2))
    assert not is_ahead(healing)
    assert missed(healing) == [2]
    known = after_a_gap(1, 2)
    known.gate.judge(event_of("trade", timestamp=1, sequential_id=1, epoch=2))
    assert not is_ahead(known)
    assert missed(known) == [], "the first that came is the last of before"
