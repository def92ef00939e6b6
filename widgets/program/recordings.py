"""What the program records of its own running, and where that is."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6 import sip
from PyQt6.QtCore import QObject, Qt, QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import QFileDialog, QInputDialog, QMessageBox

from upbit_ws_qt import FlightRecorder, Recorder, RecordingError, WebSocketService

from ..base.kst import KST
from ..base.labels import plain_label
from ..base.text import tr
from ..monitor.bundle import LAST_MINUTES, BundlePart
from ..monitor.words import bytes_text
from ..monitor_dock import ConnectionMonitorDock
from ..window.toasts import NoteAction

if TYPE_CHECKING:
    from ..window.main_window import MainWindow
    from .main_menu import MainMenu

__all__ = ["Recordings", "SessionRecording"]

_SHOW_MS = 1000
_LONGEST_MARK = 200
_MOST_IN_REPORT = 16 * 1024 * 1024


class SessionRecording(QObject):
    """Records what a window's service receives, says so in the status bar, and ends with the window.

    Args:
        window: whose service is recorded.
        folder: in which each recording gets a folder of its own.

    Signals:
        changed: it has begun or ended.
        ended(object): the folder of what was recorded.
        failed(object): the OSError for which it could not begin.
    """

    changed = pyqtSignal()
    ended = pyqtSignal(object)
    failed = pyqtSignal(object)

    def __init__(self, window: MainWindow, folder: Path) -> None:
        super().__init__(window)
        self._service: WebSocketService = window.needs.service
        self._folder = folder
        self._recorder: Recorder | None = None
        self.label = plain_label("", window.bar)
        self.label.hide()
        window.bar.addPermanentWidget(self.label)
        self._shows = QTimer(self)
        self._shows.setInterval(_SHOW_MS)
        self._shows.timeout.connect(self.refresh)
        window.languageChanged.connect(self.refresh)
        window.closing.connect(self.end)

    @property
    def is_recording(self) -> bool:
        """Whether it is on."""
        return self._recorder is not None and self._recorder.is_recording

    def begin(self, *, private: bool = False) -> Path | None:
        """Begin, and return the folder; None where that is not possible, which `failed` tells.

        Args:
            private: whether own orders and assets are recorded too, in files of their own.
        """
        if self.is_recording:
            return None if self._recorder is None else self._recorder.path
        path = self._folder / datetime.now(KST).strftime("%Y%m%d-%H%M%S")
        recorder = Recorder(self._service, path, private=private)
        try:
            recorder.start()
        except OSError as error:
            self.failed.emit(error)
            return None
        self._recorder = recorder
        self.label.show()
        self._shows.start()
        self.refresh()
        self.changed.emit()
        return path

    @pyqtSlot()
    def end(self) -> None:
        """End; what was noted is still written. Idempotent."""
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            return
        recorder.end()
        self._shows.stop()
        self.label.hide()
        self.changed.emit()
        self.ended.emit(recorder.path)

    def mark(self, text: str) -> None:
        """Put a mark into the recording."""
        if self._recorder is not None:
            self._recorder.mark(text)

    @pyqtSlot()
    def refresh(self) -> None:
        """Say how much has been recorded, and what was lost."""
        if self._recorder is None:
            return
        figures = self._recorder.figures()
        text = tr("⬤ Recording, {size}", size=bytes_text(figures.bytes))
        if figures.dropped:
            text += " · " + tr("%n frames lost", figures.dropped)
        if figures.trouble:
            text += f" · {figures.trouble}"
        self.label.setText(text)
        self.label.setToolTip(str(self._recorder.path))


class Recordings(QObject):
    """What the menu has about recordings: begin and end one, put a mark, open one.

    Args:
        window: whose service is recorded, where it is no replay itself.
        menu: of that window.
        folder: of the user's settings, in which the recordings are; None where nothing is kept.

    Signals:
        openRequested(object): this recording is to be shown.
    """

    openRequested = pyqtSignal(object)

    def __init__(self, window: MainWindow, menu: MainMenu, folder: Path | None) -> None:
        super().__init__(window)
        self._window, self._menu = window, menu
        self._folder = None if folder is None else folder / "recordings"
        self._flights = None if folder is None or window.replay is not None else folder / "flight"
        self.flight: FlightRecorder | None = None
        may_record = self._folder is not None and window.replay is None
        self.session = SessionRecording(window, self._folder) if self._folder is not None and may_record else None
        menu.record.setEnabled(may_record)
        menu.recordingRequested.connect(self.ask)
        menu.recordToggled.connect(self._on_toggled)
        menu.markRequested.connect(self._on_mark_requested)
        menu.keepRequested.connect(self.keep)
        menu.keep_minutes.setEnabled(False)
        window.closing.connect(self.end)
        monitor = window.docks["monitor"]
        if isinstance(monitor, ConnectionMonitorDock):
            monitor.more_parts = self.parts
        if self.session is not None:
            self.session.changed.connect(self._on_changed)
            self.session.ended.connect(self._on_ended)
            self.session.failed.connect(self._on_failed)
        self._on_changed()

    # -- the last minutes ---------------------------------------------------------------------------------------------
    def keep_always(self, wanted: bool) -> None:
        """Have the last minutes on disk from now on, or not; where a crash has left some, they are kept and told."""
        if not wanted:
            self._end_flight()
        elif self.flight is None and self._flights is not None:
            flight = FlightRecorder(self._window.needs.service, self._flights)
            before = flight.kept()
            try:
                flight.start()
            except OSError as error:
                self._on_failed(error)
                return
            self.flight = flight
            crashed = [path for path in flight.kept() if path not in before]
            if crashed:
                words = tr("The program did not end properly last time. Its last minutes were kept.")
                self._tell_kept(crashed[-1], words, "warn")
        self._menu.keep_minutes.setEnabled(self.flight is not None)

    @pyqtSlot()
    def keep(self) -> None:
        """Keep the last minutes as a recording, and tell where."""
        flight = self.flight
        if flight is None or not flight.is_recording:
            return
        keeping = asyncio.get_running_loop().create_task(flight.keep("asked"), name="upbit_ws_qt keep")
        keeping.add_done_callback(self._on_kept)

    def _on_kept(self, keeping: asyncio.Task[Path]) -> None:
        if keeping.cancelled() or sip.isdeleted(self) or sip.isdeleted(self._window):
            return
        error = keeping.exception()
        if isinstance(error, OSError):
            self._on_failed(error)
        else:
            self._tell_kept(keeping.result(), tr("The last ten minutes are kept."), "good")

    def _tell_kept(self, path: Path, words: str, level: str) -> None:
        actions = [NoteAction(tr("&Replay it"), lambda: self.open(path))]
        self._window.toasts.show_note(words, level=level, key="kept", lasting=True, actions=actions)

    def parts(self) -> list[BundlePart]:
        """Return the last minutes as files of a report."""
        flight = self.flight
        files = () if flight is None else flight.latest(_MOST_IN_REPORT)
        return [BundlePart(f"last-minutes/{name}", LAST_MINUTES, data) for name, data in files]

    @pyqtSlot()
    def end(self) -> None:
        """Record nothing more; before the service is stopped. Idempotent."""
        if self.session is not None:
            self.session.end()
        self._end_flight()

    def _end_flight(self) -> None:
        flight, self.flight = self.flight, None
        if flight is not None:
            flight.end()

    # -- sessions -----------------------------------------------------------------------------------------------------
    @pyqtSlot()
    def ask(self) -> QFileDialog:
        """Ask which recording is to be shown."""
        dialog = QFileDialog(self._window, tr("Open a recording"), str(self._folder or ""))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(lambda path: self.open(Path(path)))
        dialog.open()
        return dialog

    def open(self, path: Path) -> None:
        """Show a recording; one that cannot be played is told."""
        try:
            # Whether it can be played is known before anything is given up for it.
            sip.delete(WebSocketService.replay(path, config=self._window.needs.service.config))
        except (RecordingError, OSError) as error:
            box = QMessageBox(self._window)
            box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            box.setTextFormat(Qt.TextFormat.PlainText)
            box.setIcon(QMessageBox.Icon.Warning)
            box.setWindowTitle(tr("Open a recording"))
            box.setText(tr("This recording cannot be played: {cause}", cause=str(error)))
            box.open()
        else:
            self.openRequested.emit(path)

    @pyqtSlot()
    def _on_toggled(self) -> None:
        session = self.session
        if session is None:
            return
        if session.is_recording:
            session.end()
        else:
            session.begin(private=self._menu.record_own.isChecked())

    @pyqtSlot()
    def _on_changed(self) -> None:
        on = self.session is not None and self.session.is_recording
        self._menu.record.setChecked(on)
        self._menu.record_own.setEnabled(self.session is not None and not on and self._has_key)
        self._menu.put_mark.setEnabled(on)

    @property
    def _has_key(self) -> bool:
        return self._window.needs.service.config.credentials is not None

    @pyqtSlot(object)
    def _on_ended(self, path: Path) -> None:
        self._window.toasts.show_note(
            tr("Recorded: {path}", path=str(path)),
            level="good",
            key="recorded",
            lasting=True,
            actions=[NoteAction(tr("&Replay it"), lambda: self.open(path))],
        )

    @pyqtSlot(object)
    def _on_failed(self, error: OSError) -> None:
        cause = error.strerror or str(error)
        self._window.toasts.show_note(tr("Nothing can be recorded: {cause}", cause=cause), level="bad", key="recorded")

    @pyqtSlot()
    def _on_mark_requested(self) -> None:
        dialog = QInputDialog(self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(tr("Mark"))
        dialog.setLabelText(tr("What happened"))
        dialog.textValueSelected.connect(self._on_mark)
        dialog.open()

    @pyqtSlot(str)
    def _on_mark(self, text: str) -> None:
        if self.session is not None and text.strip():
            self.session.mark(text.strip()[:_LONGEST_MARK])
