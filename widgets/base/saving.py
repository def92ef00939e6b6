"""Asks where something is to be saved, and says where it could not be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QStandardPaths, Qt
from PyQt6.QtWidgets import QFileDialog, QMessageBox

from .text import tr

if TYPE_CHECKING:
    from collections.abc import Callable

    from PyQt6.QtWidgets import QWidget

__all__ = ["ask_where_to_save"]


class _Folder:
    """Where something was saved last in this program."""

    last = ""


def ask_where_to_save(
    parent: QWidget, title: str, name: str, kind: str, write: Callable[[Path], object]
) -> QFileDialog:
    """Open a dialog for a file, and write it where it was chosen.

    Args:
        parent: of the dialog.
        title: of the dialog, in the language in force.
        name: that is proposed, with its ending.
        kind: of the file, as Qt's dialogs want it: "Tables (*.csv)".
        write: writes it; an OSError is told.
    """
    dialog = QFileDialog(parent, title, _Folder.last or _documents(), kind)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(Path(name).suffix.lstrip("."))
    dialog.selectFile(name)
    dialog.fileSelected.connect(lambda path: _write(parent, title, Path(path), write))
    dialog.open()
    return dialog


def _documents() -> str:
    return QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)


def _write(parent: QWidget, title: str, path: Path, write: Callable[[Path], object]) -> None:
    _Folder.last = str(path.parent)
    try:
        write(path)
    except OSError as error:
        box = QMessageBox(parent)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle(title)
        box.setText(tr("It could not be saved: {cause}", cause=error.strerror or str(error)))
        box.open()
