"""The whole window on a recording: all panels go to a moment together, and nobody takes it for the present."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QFileDialog, QInputDialog, QMessageBox, QPushButton

from tests.waiting import until
from tests.widgets.desk import desk, turn, window_of
from tests.widgets.replay_desk import CODES, bar_of, record, replay_desk, settled
from tests.widgets.showing import click, press
from upbit_ws_qt import CandleEvent, MarkKind, OrderbookEvent, TickerEvent, TradeEvent, recording_marks
from upbit_ws_qt.recording.reader import Recording
from upbit_ws_qt.wire import decode
from widgets.account.my_orders import MyOrdersWidget
from widgets.base.panel import PanelState
from widgets.base.text import Language, set_language
from widgets.chart.panel import ChartWidget
from widgets.monitor_dock import ConnectionMonitorDock
from widgets.order_book.panel import OrderBookWidget
from widgets.program.main_menu import MainMenu
from widgets.program.options import parse_options
from widgets.program.recordings import Recordings
from widgets.program.store import Store
from widgets.replay.watermark import Watermark
from widgets.tape.panel import TapeWidget

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from upbit_ws_qt import BaseWebSocketEvent
    from widgets.window.main_window import MainWindow

pytestmark = [pytest.mark.qasync_loop, pytest.mark.usefixtures("let_go")]
_QTEST: Any = QTest


def events(path: Path, until_wall: float) -> list[BaseWebSocketEvent]:
    """All events of a recording up to a moment, in their order."""
    found: list[BaseWebSocketEvent] = []
    for entry in Recording(path).entries():
        if entry.wall <= until_wall and entry.stream:
            found += [each for each in decode(entry.data) if hasattr(each, "timestamp")]  # type: ignore[misc]
    return found


def newest(found: Iterable[BaseWebSocketEvent], kind: type, code: str) -> Any:
    return [each for each in found if isinstance(each, kind) and each.code == code][-1]


def trades_of(window: MainWindow) -> list[TradeEvent]:
    """What the tape lists, newest first."""
    tape = window.panels["tape"]
    assert isinstance(tape, TapeWidget)
    rows = [tape.model.row(place).trade for place in range(tape.model.rowCount())]
    return [trade for trade in rows if trade is not None]


def has_book(window: MainWindow, want: OrderbookEvent) -> bool:
    book = window.panels["order_book"]
    assert isinstance(book, OrderBookWidget)
    shown = book.view.model.event
    return shown is not None and (shown.asks, shown.bids) == (want.asks, want.bids)


def has_candles(window: MainWindow, before: list[BaseWebSocketEvent]) -> bool:
    chart = window.panels["chart"]
    assert isinstance(chart, ChartWidget)
    candles = {each.start: each for each in before if isinstance(each, CandleEvent) and each.code == "KRW-BTC"}
    exact = [
        (each.opening_price, each.high_price, each.low_price, each.trade_price, each.candle_acc_trade_volume)
        for _, each in sorted(candles.items())
    ]
    return exact == [(bar.opening, bar.high, bar.low, bar.close, bar.volume) for bar in chart.series.bars]


def has_trades(window: MainWindow, before: list[BaseWebSocketEvent]) -> bool:
    trades = [each for each in before if isinstance(each, TradeEvent) and each.code == "KRW-BTC"]
    ids = list(dict.fromkeys(each.sequential_id for each in reversed(trades)))[:500]
    return [each.sequential_id for each in trades_of(window)] == ids


def has_prices(window: MainWindow, before: list[BaseWebSocketEvent]) -> bool:
    shown = {code: event.trade_price for code, event in window.watch_list.model.newest}
    return shown == {code: newest(before, TickerEvent, code).trade_price for code in CODES}


async def test_all_panels_show_the_moment_that_was_sought(tmp_path: Path) -> None:
    path = await record(tmp_path / "r")
    async with replay_desk(path) as program:
        window, clock = window_of(program), bar_of(program).clock
        await settled(program)
        clock.pause()
        for share in (0.9, 0.3, 0.6):  # backwards, too
            clock.seek(clock.begins + share * (clock.ends - clock.begins))
            before = events(path, clock.now)
            await until(partial(has_book, window, newest(before, OrderbookEvent, "KRW-BTC")))
            await until(partial(has_candles, window, before))
            await until(partial(has_trades, window, before))
            await until(partial(has_prices, window, before))
            await settled(program)


async def test_nothing_of_it_can_be_taken_for_the_present(tmp_path: Path) -> None:
    path = await record(tmp_path / "r", frames=300)
    async with replay_desk(path) as program:
        window, bar = window_of(program), bar_of(program)
        assert window.windowTitle().startswith("REPLAY: r – ")
        assert window.bar.badge.text().endswith("REPLAY: r")
        assert bar.badge.text() == "REPLAY"
        assert all(panel.findChildren(Watermark) for panel in window.panels.values())
        await settled(program)
        await until(lambda: bar.clock.is_at_end)
        assert window.bar.clock.text()[:5] == bar.now.text()[11:16]
        assert window.toasts.texts == []
        window.show_panel("tape")
        window.move_to_window(new=True)
        assert [each.windowTitle().partition(" – ")[0] for each in window.windows] == ["REPLAY"]
        assert program._notifier is None
        orders = window.panels["my_orders"]
        assert isinstance(orders, MyOrdersWidget)
        assert orders.state is PanelState.EMPTY
        set_language(Language.KOREAN)
        await turn()
        assert bar.badge.text() == "재생 중"
        assert "재생 중" in window.windowTitle()


async def test_it_is_driven_by_mouse_and_keyboard(tmp_path: Path) -> None:
    path = await record(tmp_path / "r", frames=600)
    async with replay_desk(path) as program:
        bar = bar_of(program)
        clock, track = bar.clock, bar.track
        await settled(program)
        if not clock.is_paused and not clock.is_at_end:
            click(bar.play)
        else:
            clock.pause()
        assert clock.is_paused
        middle = QPoint(track.width() // 2, track.height() // 2)
        click(track, middle)
        await until(lambda: abs(clock.now - track.moment_at(middle.x())) < 0.5)
        stood = clock.now
        click(bar.step)
        await until(lambda: clock.now >= stood)
        assert clock.is_paused
        press(track, Qt.Key.Key_Home)
        await until(lambda: clock.now == clock.begins)
        press(track, Qt.Key.Key_End)
        await until(lambda: clock.now == clock.ends)
        press(track, Qt.Key.Key_PageUp)
        await until(lambda: clock.now == max(clock.begins, clock.ends - 60))
        press(track, Qt.Key.Key_Right)
        await until(lambda: clock.now == min(clock.ends, max(clock.begins, clock.ends - 60) + 1))
        bar.speed.setCurrentIndex(bar.speed.findText("100×"))
        bar.speed.activated.emit(bar.speed.currentIndex())
        assert clock.speed == 100
        press(track, Qt.Key.Key_Home)
        await until(lambda: clock.now == clock.begins)
        press(bar.play, Qt.Key.Key_Space)
        await until(lambda: clock.is_at_end)
        click(bar.play)  # from the beginning again
        await until(lambda: clock.is_at_end and clock.times_set > 5)


async def test_a_range_is_looped_until_it_is_given_up(tmp_path: Path) -> None:
    path = await record(tmp_path / "r", frames=600)
    async with replay_desk(path) as program:
        bar = bar_of(program)
        clock, track = bar.clock, bar.track
        await settled(program)
        left, right = QPoint(track.width() // 4, 4), QPoint(track.width() // 2, 4)
        shift = Qt.KeyboardModifier.ShiftModifier
        _QTEST.mousePress(track, Qt.MouseButton.LeftButton, shift, left)
        _QTEST.mouseMove(track, right)
        _QTEST.mouseRelease(track, Qt.MouseButton.LeftButton, shift, right)
        assert bar.looped == (track.moment_at(left.x()), track.moment_at(right.x()))
        assert bar.loop.isChecked()
        clock.seek(bar.looped[0])
        clock.set_speed(20)
        clock.resume()
        before = clock.times_set
        await until(lambda: clock.times_set >= before + 2)
        clock.pause()
        assert clock.now <= bar.looped[1] + 20 * 0.5
        press(track, Qt.Key.Key_Escape)
        assert not bar.loop.isChecked()
        press(track, "[")
        assert bar.looped == (track.now, clock.ends)
        click(bar.loop)
        assert not bar.loop.isChecked()


async def test_marks_are_jumped_to(tmp_path: Path) -> None:
    path = await record(tmp_path / "r", frames=600)
    async with replay_desk(path) as program:
        bar = bar_of(program)
        bar.clock.pause()
        await until(lambda: bar.marks.is_done)
        notes = [mark for mark in bar.marks.marks if mark.kind is MarkKind.NOTE]
        assert [mark.text for mark in notes] == ["half of it"]
        press(bar.track, Qt.Key.Key_Home)
        await until(lambda: bar.clock.now == bar.clock.begins)
        for _ in range(len(bar.marks.marks)):
            click(bar.next)
            if bar.track.now == notes[0].at:
                break
        assert bar.track.now == notes[0].at
        assert "half of it" in bar.track.accessibleDescription()
        await until(lambda: bar.clock.now == notes[0].at)
        near = QPoint(round(bar.track.place_of(notes[0].at)), bar.track.height() // 2)
        assert bar.track.mark_near(near.x()) == notes[0]
        click(bar.previous)
        assert bar.track.now < notes[0].at


async def test_a_moment_is_saved_as_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = await record(tmp_path / "r", frames=300)
    async with replay_desk(path) as program:
        window, bar = window_of(program), bar_of(program)
        await settled(program)
        bar.clock.pause()
        click(bar.picture)
        (dialog,) = window.findChildren(QFileDialog)
        assert dialog.selectedFiles()[0].rpartition("/")[2].startswith("replay-KRW-BTC-")
        dialog.close()
        window.save_picture(tmp_path / "moment.png")
        assert (tmp_path / "moment.png").read_bytes().startswith(b"\x89PNG")
        with pytest.raises(OSError, match="cannot be written"):
            window.save_picture(tmp_path / "nowhere" / "moment.png")


async def test_own_orders_are_replayed_where_they_were_recorded(tmp_path: Path) -> None:
    path = await record(tmp_path / "r", frames=900, private=True)
    assert any(mark.kind is MarkKind.FILL for marks in recording_marks(path) for mark in marks)
    async with replay_desk(path) as program:
        window, bar = window_of(program), bar_of(program)
        orders = window.panels["my_orders"]
        assert isinstance(orders, MyOrdersWidget)
        await until(lambda: bar.clock.is_at_end)
        await settled(program, "my_orders", "my_assets")
        assert orders.model.rows
        bar.seek(bar.clock.begins)
        bar.clock.pause()
        await until(lambda: orders.state is not PanelState.LIVE)
        assert orders.model.rows == []


async def test_the_running_session_is_recorded_by_the_menu_and_shown(tmp_path: Path) -> None:
    async with desk(Store(tmp_path)) as (program, _):
        window = window_of(program)
        menu, recordings = window.findChild(MainMenu), window.findChild(Recordings)
        assert menu is not None
        assert recordings is not None
        assert recordings.session is not None
        await settled(program)
        menu.record.trigger()
        session = recordings.session
        assert session.is_recording
        assert menu.record.isChecked()
        assert session.label.isVisible()
        menu.put_mark.trigger()
        (asked,) = window.findChildren(QInputDialog)
        asked.setTextValue("look here")
        asked.accept()
        await until(lambda: session._recorder is not None and session._recorder.figures().bytes > 20_000)
        menu.record.trigger()
        assert not menu.record.isChecked()
        assert not session.label.isVisible()
        (path,) = (tmp_path / "recordings").iterdir()
        await until(lambda: "look here" in [mark.text for marks in recording_marks(path) for mark in marks])
        note = window.toasts.notes[-1]
        (button,) = (each for each in note.findChildren(QPushButton) if "Replay" in each.text())
        click(button)
        await until(lambda: window_of(program).replay is not None)
        await settled(program)
        bar = bar_of(program)
        assert bar.clock.path == path
        click(bar.leave)
        await until(lambda: window_of(program).replay is None)
        await settled(program)
        assert "Embedded exchange" in window_of(program).windowTitle()


async def test_what_is_no_recording_is_told_and_nothing_is_given_up(tmp_path: Path) -> None:
    async with desk(Store(tmp_path)) as (program, _):
        window = window_of(program)
        recordings = window.findChild(Recordings)
        assert recordings is not None
        menu = window.findChild(MainMenu)
        assert menu is not None
        menu.recordingRequested.emit()
        (dialog,) = window.findChildren(QFileDialog)
        dialog.close()
        recordings.open(tmp_path)
        (box,) = window.findChildren(QMessageBox)
        assert "holds no recording" in box.text()
        box.close()
        await turn()
        assert window_of(program) is window


def test_the_command_line_names_a_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert parse_options(["--replay", str(tmp_path)]).replay == tmp_path
    for wrong in (["--replay", str(tmp_path / "none")], ["--replay", str(tmp_path), "--live"]):
        with pytest.raises(SystemExit):
            parse_options(wrong)
    assert "--replay" in capsys.readouterr().err


async def test_the_last_minutes_are_kept_by_a_key_and_shown(tmp_path: Path) -> None:
    async with desk(Store(tmp_path)) as (program, _):
        window = window_of(program)
        recordings, menu = window.findChild(Recordings), window.findChild(MainMenu)
        assert recordings is not None
        assert menu is not None
        await settled(program)
        assert recordings.flight is not None
        await until(lambda: recordings.parts())
        (dock,) = window.findChildren(ConnectionMonitorDock)
        parts = {part.name: part for part in dock.report_parts()}
        (last,) = (name for name in parts if name.startswith("last-minutes/market-"))
        assert parts[last].data.startswith(b"upbit_ws_qt recording")
        assert parts[last].shown == ""
        menu.keep_minutes.trigger()
        await until(lambda: any("kept" in text for text in window.toasts.texts))
        (kept,) = recordings.flight.kept()
        note = window.toasts.notes[-1]
        (button,) = (each for each in note.findChildren(QPushButton) if "Replay" in each.text())
        click(button)
        await until(lambda: window_of(program).replay is not None)
        assert bar_of(program).clock.path == kept
        assert list((tmp_path / "flight" / "live").iterdir()) == []
    (tmp_path / "flight" / "live" / "market-000001.rec").write_bytes(
        kept.joinpath(last.rpartition("/")[2]).read_bytes()
    )
    async with desk(Store(tmp_path)) as (program, _):
        assert any("did not end properly" in text for text in window_of(program).toasts.texts)
