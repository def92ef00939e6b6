"""The settings page for API keys: tested before they are kept, kept in the system's keyring only, never shown again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from PyQt6 import sip
from PyQt6.QtCore import pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import QFormLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from upbit_ws_qt import ConfigurationError, Credentials
from widgets.key_check import check_keys
from widgets.panel import plain_label
from widgets.text import tr

if TYPE_CHECKING:
    from upbit_ws_qt import ServiceConfig

__all__ = ["KeysPage"]


class KeysPage(QWidget):
    """Two fields, Test and save, Remove.

    Args:
        config: whose exchange the keys are tested against.
        embedded: whether that is the embedded exchange, whose keys are known to everybody and not kept.
        parent: of the widget.

    Signals:
        keysChanged(object): other Credentials are in force, or None.
    """

    keysChanged = pyqtSignal(object)

    def __init__(self, config: ServiceConfig, *, embedded: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._config = config
        self._tasks: set[asyncio.Task[None]] = set()
        self.access = QLineEdit(self)
        self.secret = QLineEdit(self)
        self.secret.setEchoMode(QLineEdit.EchoMode.Password)
        self.access.setEchoMode(QLineEdit.EchoMode.Password)
        self.save = QPushButton(tr("Test and save"), self)
        self.remove = QPushButton(tr("Remove"), self)
        self.state = plain_label("", self)
        self.state.setWordWrap(True)
        form = QFormLayout()
        form.addRow(tr("Access key"), self.access)
        form.addRow(tr("Secret key"), self.secret)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(self.remove)
        buttons.addWidget(self.save)
        layout = QVBoxLayout(self)
        note = plain_label(
            tr("Keys are kept in the keyring of this computer only. A key that may only read is enough."), self
        )
        note.setWordWrap(True)
        layout.addWidget(note)
        layout.addLayout(form)
        layout.addLayout(buttons)
        layout.addWidget(self.state)
        layout.addStretch()
        self.save.clicked.connect(self._on_save)
        self.remove.clicked.connect(self._on_remove)
        if embedded:
            for widget in (self.access, self.secret, self.save, self.remove):
                widget.setEnabled(False)
            self.state.setText(tr("The embedded exchange has dummy keys of its own. Start with --live to enter yours."))
        else:
            has = config.credentials is not None
            self.state.setText(tr("A key is in use.") if has else tr("No key is in use: public data only."))

    @pyqtSlot()
    def _on_save(self) -> None:
        try:
            credentials = Credentials(self.access.text().strip(), self.secret.text().strip())
        except ConfigurationError:
            self.state.setText(tr("Enter both keys."))
            return
        self.access.clear()
        self.secret.clear()
        self.save.setEnabled(False)
        self.state.setText(tr("Testing the key with the exchange…"))
        task = asyncio.get_running_loop().create_task(self._check(credentials), name="upbit_ws_qt key check")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _check(self, credentials: Credentials) -> None:
        cause = await check_keys(self._config, credentials)
        asyncio.get_running_loop().call_soon(self._on_checked, credentials, cause)  # signals go out of no Task

    def _on_checked(self, credentials: Credentials, cause: str | None) -> None:
        if sip.isdeleted(self):
            return
        self.save.setEnabled(True)
        if cause is not None:
            self.state.setText(tr("The key was not taken: {cause}", cause=cause[:200]))
            return
        try:
            credentials.save_to_keyring()
            self.state.setText(tr("The key works and is kept in the keyring."))
        except ConfigurationError:
            self.state.setText(
                tr("The key works, but there is no keyring here: it is forgotten when the program ends.")
            )
        self.keysChanged.emit(credentials)

    @pyqtSlot()
    def _on_remove(self) -> None:
        try:
            found = Credentials.remove_from_keyring()
        except ConfigurationError:
            found = False
        self.state.setText(tr("The key is removed.") if found else tr("No key was kept."))
        self.keysChanged.emit(None)
