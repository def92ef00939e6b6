"""What leaves the monitor: CSV, PNG, diagnostics, raw frames; nothing secret is in any of them."""

from __future__ import annotations

import csv
from functools import partial
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtGui import QGuiApplication, QImage

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.monitor_window import PRIVATE, PUBLIC, connected, shown, wanting
from widgets.base.labels import tip_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from upbit_ws_qt import FrameRecord, WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [row for row in csv.DictReader(file) if row["connection"] == "public"]


@served()
async def test_csv_and_png_hold_what_is_shown(
    service: WebSocketService, exchange: EmbeddedExchange, tmp_path: Path
) -> None:
    with shown(service) as dock, wanting(service, exchange):
        await connected(service, PUBLIC, PRIVATE)
        # The last reading may be of before the line was up: then there is no epoch in it yet.
        await until(lambda: service.history("connected", PUBLIC, 60).values[-3:].count(1.0) == 3)
        dock.export_csv(tmp_path / "figures.csv")
        public, series = rows_of(tmp_path / "figures.csv"), service.history("epoch", PUBLIC, 60)
        assert len(public) == len(series.values)
        assert public[-1]["epoch"] == f"{series.values[-1]:.6g}"
        assert public[-1]["time"].endswith("+09:00")
        dock.set_paused(True)
        await until(lambda: service.history("epoch", PUBLIC, 60).times[-1] >= series.times[-1] + 2)
        dock.export_csv(tmp_path / "frozen.csv")
        frozen = rows_of(tmp_path / "frozen.csv")
        assert len(public) <= len(frozen) <= len(public) + 1  # up to where the view was frozen
        assert frozen[0] == public[0]
        dock.export_png(tmp_path / "monitor.png")
        picture = QImage(str(tmp_path / "monitor.png"))
        assert picture.width() == dock.panel.width() * dock.devicePixelRatio()
        with pytest.raises(OSError, match="nowhere"):
            dock.export_png(tmp_path / "nowhere" / "monitor.png")
        with pytest.raises(FileNotFoundError):
            dock.export_csv(tmp_path / "nowhere" / "figures.csv")


@served()
async def test_a_button_is_answered_and_the_answer_is_not_wiped_away_at_once(
    service: WebSocketService, exchange: EmbeddedExchange, tmp_path: Path
) -> None:
    with shown(service) as dock, wanting(service, exchange):
        await connected(service, PUBLIC)
        failures: list[str] = []
        dock.exportFailed.connect(failures.append)
        acts: list[tuple[Callable[[], None], str]] = [
            (partial(dock._write, dock.export_csv, str(tmp_path / "a.csv")), "Saved: "),
            (partial(dock._write, dock.export_csv, str(tmp_path / "nowhere" / "a.csv")), "Not saved: "),
            (dock.copy_diagnostics, "The diagnostics are on the clipboard."),
        ]
        for act, answer in acts:
            act()
            dock.refresh()
            assert dock.panel.last_event.text().startswith(answer)
            assert dock.panel.last_event.toolTip() == tip_text(dock.panel.last_event.text())
        assert len(failures) == 1
        dock._answered_at = float("-inf")  # long ago
        dock.refresh()
        assert "clipboard" not in dock.panel.last_event.text()


@served()
async def test_nothing_secret_leaves_by_diagnostics_or_frames(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    with shown(service) as dock, wanting(service, exchange):
        await connected(service, PUBLIC, PRIVATE)
        dock.panel.tabs.setCurrentWidget(dock.panel.frames)
        exchange.place_order("KRW-BTC", "BID", "limit", price=1_000, volume=6)
        frames = dock.panel.frames
        assert frames._trace is not None
        trace = frames._trace
        await until(lambda: any(f.ws_type is PRIVATE for f in trace.frames()) and trace.count > 20)
        private = [frame for frame in trace.frames() if frame.ws_type is PRIVATE]
        assert {frame.text for frame in private} == {""}
        assert private[0].size > 100
        frames.line.setCurrentIndex(frames.line.findData(PRIVATE))
        assert {frame.ws_type for frame in frames.table.records.records} == {PRIVATE}
        frames.line.setCurrentIndex(0)
        frames.filter.setText("no such market")
        assert frames.table.records.records == ()
        assert frames.table.accessibleDescription() == "No frame passes the filter."
        frames.filter.setText("trade")
        await until(lambda: any("trade" in frame.kind for frame in trace.frames()))
        frames.refresh()
        shown_frames: tuple[FrameRecord, ...] = frames.table.records.records
        assert {frame.kind.split()[0] for frame in shown_frames} == {"trade"}
        received = next(row for row, frame in enumerate(shown_frames) if '"ty":"trade"' in frame.text)
        frames.table.selectRow(received)
        assert '"type":"trade"' in frames.details.toPlainText(), "what is selected is shown with its long names"
        dock.refresh()
        await until(lambda: " public | Connected" in dock.diagnostics())  # judged once a second
        dock.copy_diagnostics()
        clipboard = QGuiApplication.clipboard()
        assert clipboard is not None
        told = clipboard.text()
        for secret in (exchange.access_key, exchange.secret_key, "Bearer", "eyJ"):
            assert secret not in told
        for part in ("PyQt6 ", "websockets ", " public | Connected", "panel: ", "health "):
            assert part in told
