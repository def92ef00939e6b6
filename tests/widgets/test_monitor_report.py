"""The report: one file with all that somebody who helps needs, listed before it is written, without any secret."""

from __future__ import annotations

import zipfile
from functools import partial
from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFileDialog

from tests.qt.serving import served
from tests.test_secrets import SETTINGS, traces_in
from tests.waiting import until
from tests.widgets.monitor_window import PRIVATE, PUBLIC, connected, shown, wanting
from tests.widgets.showing import click, press
from upbit_ws_qt import ServiceConfig
from widgets.monitor.bundle import PARTS, BundleDialog, settings_text

if TYPE_CHECKING:
    from pathlib import Path

    from upbit_ws_qt import WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange
    from widgets.monitor_dock import ConnectionMonitorDock


@served(SETTINGS)
async def test_what_is_written_is_what_was_listed_and_holds_no_key_or_token(
    service: WebSocketService, exchange: EmbeddedExchange, tmp_path: Path
) -> None:
    path = tmp_path / "report.zip"
    with shown(service) as dock, wanting(service, exchange):
        dock.panel.tabs.setCurrentWidget(dock.panel.frames)
        await connected(service, PUBLIC, PRIVATE)
        exchange.faults.inject("drop", endpoint="private", times=1)
        await until(lambda: any(incident.is_over for incident in service.incidents()))
        await until(lambda: any(frame.ws_type is PRIVATE for frame in dock.panel.frames.kept()))
        dock.refresh()
        click(dock.panel.buttons["report"])
        await until(lambda: dock.findChild(BundleDialog) is not None)
        dialog = dock.findChild(BundleDialog)
        assert dialog is not None
        listed = [dialog.files.item(row) for row in range(dialog.files.count())]
        assert [item.text().split()[0] for item in listed if item is not None] == list(PARTS)
        assert "upbit_ws_qt diagnostics" in dialog.contents.toPlainText()
        press(dialog.files, Qt.Key.Key_Down)
        assert "private dark for" in dialog.contents.toPlainText()
        seen = dialog.contents.toPlainText()
        click(dialog.save)
        await until(partial(_asks_where, dock))
        files = dock.findChild(QFileDialog)
        assert files is not None
        files.fileSelected.emit(str(path))
        files.close()
        assert str(path) in dock.panel.last_event.text()
    with zipfile.ZipFile(path) as file:
        assert file.namelist() == list(PARTS)
        texts = {name: file.read(name).decode("utf-8-sig") for name in PARTS if not name.endswith(".png")}
        assert file.read("monitor.png").startswith(b"\x89PNG")
    assert texts["incidents.txt"].replace("\r\n", "\n") == seen
    assert traces_in(texts.values()) == []
    assert "private <- " in texts["frames.txt"]
    assert all("(masked)" in line for line in texts["frames.txt"].splitlines() if " private " in line)
    assert "credentials = given" in texts["settings.txt"]


def test_settings_hold_no_password_of_an_address() -> None:
    config = ServiceConfig(proxy="http://me:canary@proxy.example:8080")
    assert traces_in([settings_text(config)]) == []
    assert "proxy = given" in settings_text(config)
    assert "public_url = wss://api.upbit.com/websocket/v1" in settings_text(config)


def _asks_where(dock: ConnectionMonitorDock) -> bool:
    return dock.findChild(QFileDialog) is not None
