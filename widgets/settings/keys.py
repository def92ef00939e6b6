"""The settings page for API keys: tested before they are kept, kept in the system's keyring only, never shown again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from PyQt6 import sip
from PyQt6.QtCore import QEvent, Qt, QUrl, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QDesktopServices
from PyQt6.QtWidgets import QFormLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from upbit_ws_qt import ConfigurationError, Credentials

from ..base.origin import ExchangeKind, ExchangeOrigin
from ..base.panel import plain_label
from ..base.text import Texts, mark, said, tr
from .key_check import check_keys

if TYPE_CHECKING:
    from upbit_ws_qt import ServiceConfig

__all__ = ["KeysPage"]

_LONGEST_CAUSE = 300
_ANSWER_LINES = 5
_HOW_LINES = 12
_SITES = {"kr": "upbit.com", "sg": "sg.upbit.com", "id": "id.upbit.com", "th": "th.upbit.com"}
"""By country."""


class KeysPage(QWidget):
    """Two fields, Test and save, Remove.

    Args:
        config: whose exchange the keys are tested against.
        embedded: whether that is the embedded exchange, whose keys are known to everybody and not kept.
        parent: of the widget.

    Signals:
        keysChanged(object): other Credentials are in force, or None.
        exchangesRequested: another exchange is to be chosen.
    """

    keysChanged = pyqtSignal(object)
    exchangesRequested = pyqtSignal()

    def __init__(self, config: ServiceConfig, *, embedded: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._config = config
        self._texts = Texts()
        self._told: tuple[str, dict[str, object]] = ("", {})
        self._tasks: set[asyncio.Task[None]] = set()
        self.access = QLineEdit(self)
        self.secret = QLineEdit(self)
        self.secret.setEchoMode(QLineEdit.EchoMode.Password)
        self.access.setEchoMode(QLineEdit.EchoMode.Password)
        self.save = QPushButton(self)
        self.remove = QPushButton(self)
        self.open_site = QPushButton(self)
        self.choose = QPushButton(self)
        self._texts.put(self.save.setText, mark("Test and save"))
        self._texts.put(self.remove.setText, mark("Remove"))
        self._texts.put(self.open_site.setText, mark("Open upbit.com"))
        self._texts.put(self.choose.setText, mark("Choose the exchange…"))
        self.state = plain_label("", self)
        self.state.setWordWrap(True)
        self.state.most_lines = _ANSWER_LINES
        self.state.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        origin = ExchangeOrigin.of(config, embedded=embedded)
        self._foreign = origin.where if origin.kind is ExchangeKind.OTHER else ""
        self.warning = plain_label("", self)
        self.warning.setWordWrap(True)
        self.warning.setVisible(bool(self._foreign))
        self._warn()
        self._arrange()
        self.save.clicked.connect(self._on_save)
        self.remove.clicked.connect(self._on_remove)
        self.open_site.clicked.connect(self._on_open_site)
        self.choose.clicked.connect(self.exchangesRequested)
        self.choose.setVisible(embedded)
        if embedded:
            for widget in (self.access, self.secret, self.save, self.remove):
                widget.setEnabled(False)
            self._tell(
                mark(
                    "This is the embedded exchange: it has dummy keys of its own, and yours would be of no use to it. "
                    'Yours is entered where the exchange is chosen, at "Live with my key".'
                )
            )
        else:
            has = config.credentials is not None
            self._tell(mark("A key is in use.") if has else mark("No key is in use: public data only."))

    def _arrange(self) -> None:
        form = QFormLayout()
        for line, name in ((self.access, mark("Access key")), (self.secret, mark("Secret key"))):
            label = plain_label("", self)
            label.setBuddy(line)
            self._texts.put(label.setText, name)
            self._texts.put(line.setAccessibleName, name)
            line.setMinimumHeight(line.sizeHint().height())  # a long answer below takes nothing from them
            form.addRow(label, line)
        buttons = QHBoxLayout()
        buttons.addWidget(self.open_site)
        buttons.addWidget(self.choose)
        buttons.addStretch()
        buttons.addWidget(self.remove)
        buttons.addWidget(self.save)
        layout = QVBoxLayout(self)
        note = plain_label("", self)
        text = mark("Keys are kept in the keyring of this computer only. A key that may only read is enough.")
        self._texts.put(note.setText, text)
        note.setWordWrap(True)
        layout.addWidget(note)
        how = plain_label("", self)
        how.setWordWrap(True)
        how.most_lines = _HOW_LINES
        self._texts.put(
            how.setText,
            mark(
                "How to get one, in a browser on a computer:\n"
                "1. upbit.com, My page → Open API management (마이페이지 → Open API 관리).\n"
                '2. Tick "View assets" (자산조회) and "View orders" (주문조회), and nothing else.\n'
                "3. Enter the public IP address of this computer, and confirm by two-factor authentication.\n"
                "4. Copy both keys here: the secret one is shown only once."
            ),
        )
        layout.addWidget(how)
        if self._foreign:
            layout.addWidget(self.warning)
        layout.addLayout(form)
        layout.addLayout(buttons)
        # Room for the longest answer from the start on: nothing moves when it comes.
        self.state.setMinimumHeight(_ANSWER_LINES * self.state.fontMetrics().lineSpacing())
        layout.addWidget(self.state, 1)

    def _warn(self) -> None:
        text = tr("A key that is entered here is sent to {host}: that is not the real exchange.", host=self._foreign)
        self.warning.setText(f"⚠ {text}" if self._foreign else "")

    def _tell(self, text: str, **values: object) -> None:
        """Say what came of it; to a screen reader by the button that it came of."""
        self._told = text, values
        self.state.setText(
            tr(text, -1, **{name: said(value)[:_LONGEST_CAUSE] for name, value in values.items()}) if text else ""
        )
        self.save.setAccessibleDescription(self.state.text())

    def tell_refused(self, cause: str) -> None:
        """Say why a key was not taken; the next one can be entered at once."""
        self._tell(mark("The key was not taken: {cause}"), cause=cause)
        if self.isVisible():
            self.access.setFocus()

    def test_against(self, config: ServiceConfig) -> None:
        """Test keys against another exchange from now on, that of another country."""
        self._config = config

    def begin(self) -> None:
        """Give the keyboard to the first field."""
        if self.access.isEnabled():
            self.access.setFocus()

    def changeEvent(self, event: QEvent | None) -> None:
        """Take another language over."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.LanguageChange:
            self._texts.again()
            self._warn()
            self._tell(self._told[0], **self._told[1])

    @pyqtSlot()
    def _on_save(self) -> None:
        try:
            credentials = Credentials(self.access.text().strip(), self.secret.text().strip())
        except ConfigurationError:
            self._tell(mark("Enter both keys."))
            (self.secret if self.access.text().strip() else self.access).setFocus()
            return
        self.access.clear()
        self.secret.clear()
        self.save.setEnabled(False)
        self._tell(mark("Testing the key with the exchange…"))
        task = asyncio.get_running_loop().create_task(self._check(credentials), name="upbit_ws_qt key check")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _check(self, credentials: Credentials) -> None:
        try:
            cause = await check_keys(self._config, credentials)
        except ConfigurationError as error:  # a real key is not sent to an exchange on loopback
            cause = str(error)
        asyncio.get_running_loop().call_soon(self._on_checked, credentials, cause)  # signals go out of no Task

    def _on_checked(self, credentials: Credentials, cause: str | None) -> None:
        if sip.isdeleted(self):
            return
        self.save.setEnabled(True)
        if cause is not None:
            self.tell_refused(cause)
            return
        try:
            credentials.save_to_keyring()
            self._tell(mark("The key works and is kept in the keyring."))
        except ConfigurationError:
            self._tell(mark("The key works, but there is no keyring here: it is forgotten when the program ends."))
        self.keysChanged.emit(credentials)

    @pyqtSlot()
    def _on_remove(self) -> None:
        try:
            found = Credentials.remove_from_keyring()
        except ConfigurationError:
            found = False
        self._tell(mark("The key is removed.") if found else mark("No key was kept."))
        self.keysChanged.emit(None)

    @pyqtSlot()
    def _on_open_site(self) -> None:
        QDesktopServices.openUrl(QUrl(f"https://{_SITES[self._config.region]}/mypage/open_api_management"))
