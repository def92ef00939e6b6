"""What a gap says: since when, for how long, of what; and that it is told no more once it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.connection.epoch import GapLog
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.types import DataType, WebSocketType

if TYPE_CHECKING:
    from upbit_ws_qt.connection import GapEvent

TRADES = StreamKey(DataType.TRADE, "KRW-BTC")
TICKERS = StreamKey(DataType.TICKER, "KRW-BTC")


class Rig:
    """A gap log with clocks that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.wall = 1_700_000_000.0
        self.told: list[GapEvent] = []
        self.log = GapLog(
            WebSocketType.PUBLIC, lambda: self.now, lambda: self.wall, lambda: (TRADES, TICKERS), self.told.append
        )

    def elapse(self, seconds: float) -> None:
        self.now += seconds
        self.wall += seconds


def test_a_gap_begins_at_the_last_sign_of_life_and_not_when_the_loss_was_found() -> None:
    rig = Rig()
    rig.elapse(60.0)
    alive_at, alive_wall = rig.now - 8.0, rig.wall - 8.0
    rig.log.lost("no pong within 4 s", alive_at)
    rig.elapse(3.0)
    rig.log.epoch_begun(2, rig.now, "opened again")
    (gap,) = rig.told
    assert gap.since == int(alive_wall * 1000)
    assert gap.down_seconds == 3.0
    assert gap.cause == "no pong within 4 s"
    assert gap.streams == (TRADES,)
    assert (gap.old, gap.new) == (1, 2)


def test_a_line_that_was_never_proved_leaves_the_beginning_of_the_gap_where_it_was() -> None:
    rig = Rig()
    rig.log.lost("cut", rig.now)
    began = rig.wall
    for epoch in (2, 3):
        rig.elapse(5.0)
        rig.log.epoch_begun(epoch, rig.now, "opened again")
        rig.log.lost("not proved", rig.now)
    assert [gap.since for gap in rig.told] == [int(began * 1000)] * 2
    assert [gap.cause for gap in rig.told] == ["cut", "cut"]
    assert [gap.down_seconds for gap in rig.told] == [5.0, 10.0]


def test_a_gap_that_is_mended_is_not_told_with_a_planned_change_of_lines() -> None:
    rig = Rig()
    rig.log.lost("cut", rig.now)
    rig.log.epoch_begun(2, rig.now, "opened again")
    rig.log.mended()
    rig.elapse(100.0)
    rig.log.epoch_begun(3, rig.now, "the token is due")
    planned = rig.told[-1]
    assert planned.streams == ()
    assert planned.down_seconds == 0.0
    assert planned.cause == "the token is due"
    assert planned.since == int(rig.wall * 1000)


def test_before_the_first_line_nothing_could_be_missed() -> None:
    rig = Rig()
    rig.log.epoch_begun(1, rig.now, "opened again")
    assert rig.told == []
