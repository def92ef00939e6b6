"""Everything that somebody who helps needs, in one file: listed and shown before it is written, without keys."""

from __future__ import annotations

import dataclasses
import zipfile
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QSplitter,
    QVBoxLayout,
)

from upbit_ws_qt import WebSocketType

from ..base.labels import plain_label
from ..base.text import mark, tr
from ..base.tokens import BUNDLE_SIZE
from .incident_words import card_text
from .words import bytes_text, clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import FrameRecord, ServiceConfig

    from .chronicle import Entry

__all__ = [
    "LAST_MINUTES",
    "PARTS",
    "BundleDialog",
    "BundlePart",
    "frames_text",
    "incidents_text",
    "settings_text",
    "write_bundle",
]

INCIDENTS_TOLD = 100
SHOWN_CHARACTERS = 20_000
_SECRET = frozenset({"credentials", "proxy"})
"""Settings of which only is said whether they are given: a proxy's address may hold a password."""


class BundlePart(NamedTuple):
    """One file of the bundle.

    Attributes:
        name: of the file.
        what: is in it, marked for translation.
        data: its contents.
    """

    name: str
    what: str
    data: bytes

    @property
    def shown(self) -> str:
        """Its contents as far as they are text; "" for a picture."""
        return "" if self.name.endswith((".png", ".rec")) else self.data.decode("utf-8-sig")[:SHOWN_CHARACTERS]


def settings_text(config: ServiceConfig) -> str:
    """Return the settings of a service, one a line; of keys and proxy only whether they are given."""
    lines = []
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.name in _SECRET or not field.repr:
            value = "not given" if value is None else "given"
        elif field.name.endswith("_url") and value is not None:
            address = urlsplit(value)
            port = "" if address.port is None else f":{address.port}"
            value = f"{address.scheme}://{address.hostname}{port}{address.path}"  # no user, no question
        lines.append(f"{field.name} = {value}")
    return "\n".join(lines) + "\n"


def frames_text(frames: Iterable[FrameRecord]) -> str:
    """Return raw frames, one a line; of private ones only kind and size."""
    lines = [
        f"{frame.number} {clock(frame.at)} {frame.ws_type.value} {'->' if frame.sent else '<-'} {frame.kind or '?'}"
        f" {frame.size} B {'(masked)' if frame.ws_type is WebSocketType.PRIVATE else frame.text}"
        for frame in frames
    ]
    return "\n".join(lines or ["No frames: they are kept while the tab Frames is open."]) + "\n"


def incidents_text(entries: Sequence[Entry]) -> str:
    """Return the newest incidents as their cards say them."""
    return "\n".join(card_text(entry.incident) for entry in entries[:INCIDENTS_TOLD]) or "No incidents.\n"


def write_bundle(path: str | Path, parts: Sequence[BundlePart]) -> None:
    """Write all parts into one zip; OSError where that fails."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for part in parts:
            file.writestr(part.name, part.data)


class BundleDialog(QDialog):
    """Lists what will be written, and shows it.

    Signals:
        saveRequested: what is listed is to be written.
    """

    saveRequested = pyqtSignal(object)

    def __init__(self, parts: Sequence[BundlePart], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Report"))
        self.resize(*BUNDLE_SIZE)
        self._parts = tuple(parts)
        about = plain_label(
            tr("This is all that will be in the file. Keys, tokens, orders and balances are not."), self
        )
        about.setWordWrap(True)
        self.files = QListWidget(self)
        self.files.setWordWrap(True)
        self.files.setAccessibleName(tr("Files in the report"))
        for part in self._parts:
            self.files.addItem(QListWidgetItem(f"{part.name}  ({bytes_text(len(part.data))})\n{tr(part.what)}"))
        self.contents = QPlainTextEdit(self)
        self.contents.setReadOnly(True)
        self.contents.setTabChangesFocus(True)
        self.contents.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.contents.setAccessibleName(tr("What is in the chosen file"))
        split = QSplitter(Qt.Orientation.Horizontal, self)
        split.addWidget(self.files)
        split.addWidget(self.contents)
        split.setSizes([280, 480])
        self.buttons = QDialogButtonBox(self)
        save = self.buttons.addButton(tr("Save…"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.addButton(tr("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        assert save is not None
        self.save = save
        self.buttons.accepted.connect(self._on_save)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(about)
        layout.addWidget(split, 1)
        layout.addWidget(self.buttons)
        self.files.currentRowChanged.connect(self._on_chosen)
        self.files.setCurrentRow(0)

    def _on_chosen(self, row: int) -> None:
        part = self._parts[row]
        told = tr("A picture of the monitor, as it is on the screen.")
        if part.name.endswith(".rec"):
            told = tr("What came on the public lines, as it came: a recording, which upbit-ws-record reads.")
        self.contents.setPlainText(part.shown or told)

    def _on_save(self) -> None:
        self.accept()
        self.saveRequested.emit(self._parts)


PARTS = {
    "diagnostics.txt": mark("Versions, figures, components, alerts and the last events"),
    "incidents.txt": mark("What happened to the connections"),
    "figures.csv": mark("The figures of the span that is shown"),
    "monitor.png": mark("A picture of the monitor"),
    "frames.txt": mark("The raw frames that were kept; private ones masked"),
    "settings.txt": mark("The settings, without keys"),
}
"""What each file holds, in the order in which they are listed."""
LAST_MINUTES = mark("What came on the public lines in the last minutes: a recording")
"""What further files hold, where the last minutes are kept."""
