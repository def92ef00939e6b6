"""The exchanges that the program can show: the embedded one, its child while it is needed, and the real one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, QTimer, pyqtSignal, pyqtSlot

from upbit_ws_qt import ConfigurationError, Credentials, Phrase, ServiceConfig

from ..base.exchange_choice import ExchangeChoice
from ..base.text import mark
from ..settings.preferences import line_settings
from .exchange_keeper import ExchangeKeeper
from .exchange_process import ExchangeProcess, ExchangeProcessError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ..settings.preferences import Preferences

__all__ = ["Exchanges", "kept_credentials"]

_LOOK_MS = 50
_PATIENCE = 30.0
"""Seconds that the embedded exchange may take to say where it listens; less than two on an idle machine."""


class Exchanges(QObject):
    """Makes the configuration for the exchange that is wanted, and has the embedded one run as long as it is in use.

    Args:
        process: the embedded one where it runs already.
        parent: of the QObject.
        start: starts the embedded one.
        live: makes the configuration for the real one, of a country and settings by their names.

    Signals:
        ready: the embedded exchange says where it listens; after `begin`.
        failed(object): it does not; a Phrase that says why.
        troubleChanged(object): what it suffers from, see ExchangeKeeper.
    """

    ready = pyqtSignal()
    failed = pyqtSignal(object)
    troubleChanged = pyqtSignal(object)

    def __init__(
        self,
        process: ExchangeProcess | None = None,
        parent: QObject | None = None,
        *,
        start: Callable[[], ExchangeProcess] = ExchangeProcess,
        live: Callable[..., ServiceConfig] = ServiceConfig.for_region,
    ) -> None:
        super().__init__(parent)
        self._process = process
        self._start = start
        self._live = live
        self._keeper: ExchangeKeeper | None = None
        self._until = 0.0
        self._look = QTimer(self)
        self._look.setInterval(_LOOK_MS)
        self._look.timeout.connect(self._on_look)

    # -- the embedded one ---------------------------------------------------------------------------------------------
    @property
    def is_running(self) -> bool:
        """Whether the embedded exchange runs, or is about to."""
        return self._process is not None

    def prepare(self) -> None:
        """Have the embedded exchange started, because it may be wanted soon; nobody is told."""
        if self._process is None:
            self._process = self._start()

    def begin(self) -> None:
        """Have the embedded exchange running; `ready` or `failed` tells what came of it, never at once."""
        self.prepare()
        self._until = time.monotonic() + _PATIENCE
        self._look.start()

    def end(self) -> None:
        """End the embedded exchange; may be called more than once."""
        self._look.stop()
        process, keeper = self._process, self._keeper
        self._process = self._keeper = None
        if keeper is not None:
            keeper.stop()
            keeper.deleteLater()
        if process is not None:
            process.stop()

    @pyqtSlot()
    def retry(self) -> None:
        """Start the embedded exchange again where it was given up."""
        if self._keeper is not None:
            self._keeper.retry()

    @pyqtSlot()
    def _on_look(self) -> None:
        process = self._process
        if process is None:
            self._look.stop()
            return
        if process.running and not process.serves and time.monotonic() < self._until:
            return
        self._look.stop()
        try:
            process.address(0.0)
        except ExchangeProcessError as error:
            self.end()
            self.failed.emit(Phrase(mark("The embedded exchange could not be started: {cause}"), cause=error.cause))
            return
        self.ready.emit()

    def look_after(self) -> None:
        """Have the embedded exchange started again where it ends before it is ended here."""
        if self._keeper is None and self._process is not None:
            self._keeper = ExchangeKeeper(self._process, self)
            self._keeper.troubleChanged.connect(self.troubleChanged)

    # -- configurations -----------------------------------------------------------------------------------------------
    def config(
        self, choice: ExchangeChoice, preferences: Preferences, credentials: Credentials | None = None
    ) -> ServiceConfig:
        """Return the configuration for an exchange; waits for the embedded one where it is not ready yet.

        Args:
            choice: which exchange.
            preferences: what its user wants of the lines.
            credentials: the key for the real one; by default the one that is kept.
        """
        usual = _usual_settings(preferences)
        if choice is ExchangeChoice.EMBEDDED:
            self.prepare()
            assert self._process is not None
            told = self._process.address()
            return ServiceConfig(
                public_url=told.public_url,
                private_url=told.private_url,
                info_url=told.info_url,
                rest_url=told.rest_url,
                credentials=Credentials(told.access_key, told.secret_key),
                **usual,
            )
        if choice is ExchangeChoice.LIVE_WITH_KEY and credentials is None:
            credentials = kept_credentials()
        return self._live(region=preferences.region, credentials=credentials, **usual)


def kept_credentials() -> Credentials | None:
    """Return the keys of the keyring, or of the environment, or none: public data only."""
    for source in (Credentials.from_keyring, Credentials.from_env):
        try:
            return source()
        except ConfigurationError:
            continue
    return None


def _usual_settings(preferences: Preferences) -> dict[str, Any]:
    return {
        **line_settings(preferences),
        "metrics_interval": 5.0,  # soon enough for the bytes of each panel; reading all streams takes milliseconds
        "health_interval": 2.0,
        "collect_in_quiet": True,
        "backfill": frozenset({"trade", "candle", "order", "asset"}),
    }
