"""The program: one service, one window, and what connects them; everything that the user can change while it runs."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import sys
from functools import partial
from typing import TYPE_CHECKING

from PyQt6 import sip
from PyQt6.QtCore import QObject, QPoint, QRect, QSize, Qt, QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QGuiApplication, QPixmapCache
from PyQt6.QtWidgets import QApplication

from upbit_ws_qt import (
    ConnectionState,
    Credentials,
    Phrase,
    ServiceConfig,
    WebSocketService,
    WebSocketType,
    install_excepthook,
)

from ..alarms.bell import AlarmBell
from ..alarms.keeper import AlarmKeeper
from ..base.countries import market_in
from ..base.exchange_choice import ExchangeChoice
from ..base.look import look
from ..base.market_catalog import MarketCatalog
from ..base.origin import ExchangeOrigin
from ..base.panel import Panel, PanelState
from ..base.text import mark, set_language, tr
from ..base.theme import ThemeMode, apply_theme
from ..base.trouble import trouble_of
from ..base.typeface import use_typeface
from ..chart.panel import ChartWidget
from ..indicators.panel import IndicatorsWidget
from ..monitor.drill import control_of
from ..settings.dialog import SettingsDialog
from ..settings.preferences import line_settings
from ..watch_list.book import WatchBook
from ..watch_list.panel import WatchListWidget
from ..window.error_dialog import ErrorReporter
from ..window.log_dock import LogBook
from ..window.main_window import MainWindow
from ..window.on_screen import USUAL_FRAME, ScreenKeeper, areas, fitting
from ..window.panels import PANELS, Needs
from ..window.perspectives import BUILT_IN
from ..window.toasts import NoteAction
from .exchange_page import ExchangePage
from .exchanges import Exchanges
from .main_menu import MainMenu
from .notifier import Notifier
from .panel_visits import PanelVisits
from .reach import Reach
from .recordings import Recordings
from .store import Layout, Store
from .table_memory import TableMemory
from .tour import Tour

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from ..alarm_rules.watch import Firing
    from ..settings.preferences import Preferences
    from .options import Options

__all__ = ["Program"]

_log = logging.getLogger("upbit_ws_qt.desktop")

DEFAULT_SIZE = (1600, 950)
_MEANWHILE = "meanwhile"
_MAXIMIZED = Qt.WindowState.WindowMaximized
# Each time a dock is moved, Qt draws its buttons anew and caches them: within an hour that fills the usual 10 MiB.
PIXELS_KIB = 2048
RESTART_DELAY_MS = 300  # changes that come together cause one restart


class Program(QObject):
    """All of the desktop program that lasts from its start to its end: made before the loop, opened on it, then closed.

    Args:
        options: of the command line.
        config: of the service; None: its user is asked first which exchange it is to be.
        store: where settings and layout are kept.
        preferences: what its user chose.
        exchanges: see there; by default the embedded one and the real one.
        choice: which exchange the configuration is for; None for one of a file of settings.

    Attributes:
        exchanges: what there is to choose from.

    Signals:
        opened: there is a window; again when another took its place.
        replaced: the window before is gone, as is its service.
    """

    opened = pyqtSignal()
    replaced = pyqtSignal()

    def __init__(
        self,
        options: Options,
        config: ServiceConfig | None,
        store: Store,
        preferences: Preferences,
        *,
        exchanges: Exchanges | None = None,
        choice: ExchangeChoice | None = ExchangeChoice.EMBEDDED,
    ) -> None:
        super().__init__(QApplication.instance())
        self._options = options
        self._config = config or ServiceConfig()
        self._choice = ExchangeChoice.ASK if config is None and options.replay is None else choice
        self._is_new = False
        self._wanted: tuple[ExchangeChoice, Credentials | None] = ExchangeChoice.ASK, None
        self.exchanges = exchanges or Exchanges(parent=self)
        self.exchanges.ready.connect(self._on_embedded_ready)
        self.exchanges.failed.connect(self._on_embedded_failed)
        self.exchanges.troubleChanged.connect(self._on_trouble)
        self._meanwhile: tuple[ExchangeChoice, ServiceConfig] | None = None
        self._reach: Reach | None = None
        self._page: ExchangePage | None = None
        self._first: asyncio.Future[None] | None = None
        self._store = store
        self._preferences = preferences
        self._given = self._config, preferences
        self._layout = Layout()
        self._book = WatchBook(store.lists, self)
        self._log = LogBook(self)
        self._log.install()
        self._errors = ErrorReporter(self, silent=options.by_itself)
        self._hook = install_excepthook(self._errors.report)
        self._trouble = ""
        self._past = options.replay  # the recording that is shown in place of an exchange
        self._window: MainWindow | None = None
        self._menu: MainMenu | None = None
        self._notifier: Notifier | None = None
        self._alarms: AlarmKeeper | None = None
        self._restarting: asyncio.Task[None] | None = None
        self._restart_timer = QTimer(self)
        self._restart_timer.setSingleShot(True)
        self._restart_timer.setInterval(RESTART_DELAY_MS)
        self._restart_timer.timeout.connect(self._on_restart)
        QPixmapCache.setCacheLimit(PIXELS_KIB)
        self._apply_look()
        hints = QGuiApplication.styleHints()
        assert hints is not None
        hints.colorSchemeChanged.connect(self._on_system_scheme)

    # -- life ---------------------------------------------------------------------------------------------------------
    def open(self) -> Program | Awaitable[Program]:
        """Open the window; where no exchange is chosen yet, the page for that, and the window when there is one."""
        self._layout = self._store.layout(PANELS)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        # When the session ends, the program may be killed before its window could be closed.
        app.commitDataRequest.connect(self._on_closing)
        self._hook.install()  # again: run() has put its own in the place of the one that shows errors in a window
        if self._choice is ExchangeChoice.ASK and self._past is None:
            return self._ask_first()
        window = self._open_window()
        if self._options.screenshot is not None:
            path = self._options.screenshot
            QTimer.singleShot(int(self._options.after * 1000), lambda: QApplication.exit(self._save_picture(path)))
        elif self._options.smoke is not None:
            watch = QTimer(self)  # started once there is something to watch
            watch.setSingleShot(True)
            watch.setInterval(int(self._options.smoke * 1000))
            watch.timeout.connect(lambda: QApplication.exit(self._judge()))
            self._visits = PanelVisits(window, self)
            self._visits.ended.connect(watch.start)
        return self

    def _ask_first(self) -> Awaitable[Program]:
        """Show the page; returns what is done when there is a window, so that no service is started before."""
        self._first = asyncio.get_running_loop().create_future()
        self.exchanges.prepare()  # while its user reads
        self.show_exchanges().rejected.connect(self._on_not_answered)
        return self._answered(self._first)

    async def _answered(self, first: asyncio.Future[None]) -> Program:
        await first
        return self

    @pyqtSlot()
    def _on_not_answered(self) -> None:
        """End the program: there is no other window of it."""
        if self._first is not None:
            QApplication.quit()

    # -- which exchange -----------------------------------------------------------------------------------------------
    @pyqtSlot()
    def show_exchanges(self) -> ExchangePage:
        """Show the page on which an exchange is chosen."""
        if self._page is not None and not sip.isdeleted(self._page):
            self._page.raise_()
            self._page.activateWindow()
            return self._page
        page = self._page = ExchangePage(self._live_in, self._choice, self._living(), region=self._preferences.region)
        page.chosen.connect(self._on_chosen)
        page.open() if self._living() is not None else page.show()
        return page

    def _live_in(self, region: str) -> ServiceConfig:
        """Return the configuration for the real exchange of a country."""
        return self.exchanges.config(ExchangeChoice.LIVE, dataclasses.replace(self._preferences, region=region))

    @pyqtSlot(object, object)
    def _on_chosen(self, choice: ExchangeChoice, credentials: Credentials | None) -> None:
        self._wait_for_none()
        if self._page is not None and not sip.isdeleted(self._page):
            self._remember(region=self._page.region)
        self._wanted = choice, credentials
        if choice is ExchangeChoice.EMBEDDED:
            self.exchanges.begin()
        else:
            self._take_exchange()

    @pyqtSlot(PanelState)
    def _on_prices(self, state: PanelState) -> None:
        """Offer to show a newcomer around, once there is something to see; who wants to look alone is let alone."""
        window = self._living()
        if window is None or state is not PanelState.LIVE:
            return
        self._is_new = False
        window.watch_list.stateChanged.disconnect(self._on_prices)
        window.toasts.show_note(
            tr("Is this new to you? All of it in a minute; Help → Tour has it, too."),
            key="tour",
            lasting=True,
            actions=[NoteAction(tr("Show me &around"), self.show_around)],
        )

    @pyqtSlot()
    def show_around(self) -> Tour | None:
        """Begin the tour of the window; one that goes on begins anew."""
        window = self._living()
        if window is None:
            return None
        for tour in window.findChildren(Tour):
            tour.leave()
        window.toasts.take_away("tour")
        return Tour(window)

    @pyqtSlot()
    def _on_meanwhile(self) -> None:
        """Show the embedded exchange until the real one can be reached; that stays what is chosen."""
        if self._choice is None or self._is_embedded:
            return
        self._meanwhile = self._choice, self._config
        self._wanted = ExchangeChoice.EMBEDDED, None
        self.exchanges.begin()

    def _tell_meanwhile(self, window: MainWindow) -> None:
        """Say for as long as it lasts that these are not the prices that were asked for, and when they can be had."""
        if self._meanwhile is None or not self._is_embedded:
            return
        self._reach = Reach(self._meanwhile[1].rest_url, window)
        self._reach.reached.connect(self._on_reached)
        window.toasts.show_note(
            tr("Made-up prices meanwhile: the real exchange could not be reached"),
            level="warn",
            key=_MEANWHILE,
            lasting=True,
            actions=[NoteAction(tr("&Try the real one"), self._on_back_to_live)],
        )

    @pyqtSlot()
    def _on_reached(self) -> None:
        window = self._living()
        if window is not None:
            window.toasts.show_note(
                tr("The real exchange can be reached again"),
                level="good",
                key=_MEANWHILE,
                lasting=True,
                actions=[NoteAction(tr("&Go back to it"), self._on_back_to_live)],
            )

    @pyqtSlot()
    def _on_back_to_live(self) -> None:
        if self._meanwhile is not None:
            choice, config = self._meanwhile
            self._on_chosen(choice, config.credentials)

    def _wait_for_none(self) -> None:
        self._meanwhile = None
        if self._reach is not None and not sip.isdeleted(self._reach):
            self._reach.stop()
        self._reach = None

    @pyqtSlot()
    def _on_embedded_ready(self) -> None:
        if self._wanted[0] is ExchangeChoice.EMBEDDED:
            self._take_exchange()

    @pyqtSlot(object)
    def _on_embedded_failed(self, cause: str) -> None:
        page = self._page
        if page is not None and not sip.isdeleted(page):
            page.tell_failed(cause)
        else:
            _log.error("%s", cause)

    def _take_exchange(self) -> None:
        """Go to the exchange that is wanted; what is on the screen now is kept where it is the same one."""
        choice, credentials = self._wanted
        self._past = None
        self._wanted = ExchangeChoice.ASK, None
        self._config = self.exchanges.config(choice, self._preferences, credentials)
        self._given = self._config, self._preferences
        self._choice = choice
        if self._meanwhile is None:
            self._remember(exchange=choice)
        if self._first is None:
            self._restart_timer.start()
        else:
            self._is_new = True
            self._open_window()
            first, self._first = self._first, None
            first.set_result(None)
        if self._page is not None and not sip.isdeleted(self._page):
            self._page.accept()  # only now: the program ends with its last window
            self._page = None

    @pyqtSlot(object)
    def _on_trouble(self, cause: str) -> None:
        """Show what the embedded exchange suffers from; when it is over, dial at once instead of waiting longer."""
        self._trouble = cause
        window = self._living()
        if window is None or window.replay is not None:
            return
        service = window.needs.service
        trouble_of(service).tell(cause)
        if not cause:
            for line in WebSocketType:
                if service.connection_state(line) in (ConnectionState.RECONNECTING, ConnectionState.FAILED):
                    service.reconnect(line)
            window.needs.catalog.load()

    def close(self) -> None:
        """Undo what the constructor did, and close the window if it is still open."""
        self._first = None
        self._wait_for_none()
        if self._page is not None and not sip.isdeleted(self._page):
            self._page.close()
        self._hook.uninstall()
        self._log.uninstall()
        self._on_closing()
        self._close_alarms()
        window, self._window = self._living(), None
        if window is not None:
            window.close()

    @property
    def _is_embedded(self) -> bool:
        return self._choice is ExchangeChoice.EMBEDDED

    @property
    def window(self) -> MainWindow | None:
        """The window on the screen; None before it is opened and after it was closed."""
        return self._living()

    def _living(self) -> MainWindow | None:
        """Return the window; None once it was closed."""
        return None if self._window is None or sip.isdeleted(self._window) else self._window

    def _open_window(self) -> MainWindow:
        past = self._past
        if past is None:
            service = WebSocketService.instance(self._config)
            origin = ExchangeOrigin.of(self._config, embedded=self._is_embedded)
        else:
            service = WebSocketService.replay(past, config=self._config)
            origin = ExchangeOrigin.of_recording(past)
        live = service.config.rest_url.startswith("https:")
        catalog = MarketCatalog(service.rest, self._store.folder if live else None, service)
        chosen = self._preferences
        only, log = self._options.symbols, self._log
        needs = Needs(
            service,
            catalog,
            log,
            market_in(self._config.region, chosen.symbol),
            only,
            chosen.unit,
            chosen.watches,
            self._store.record(live=live) if past is None else None,
            control_of(self._config.rest_url) if self._options.embedded and past is None else None,
            self._store.chart,
            alarms=AlarmKeeper(service, self._store.alarms(live=live), catalog=catalog) if past is None else None,
            book=self._book,
        )
        window = self._window = MainWindow(needs, origin)
        menu = self._menu = MainMenu(window)
        self._recordings = Recordings(window, menu, self._store.folder)
        self._recordings.openRequested.connect(self.open_recording)
        self._recordings.keep_always(self._preferences.flight_recorder)
        window.replayLeft.connect(self.leave_recording)
        # What was recorded is over: nobody is told of it outside of the panels.
        self._notifier = None if past is not None else self._make_notifier(service, window, menu)
        self._ring(window)
        window.watch_list.set_favourites(chosen.favourites)
        self._connect(window, menu)
        TableMemory(window, self._store)
        self._restore(window, menu)
        catalog.load()
        window.show()
        self._tell_meanwhile(window)
        self.opened.emit()
        return window

    def _make_notifier(self, service: WebSocketService, window: MainWindow, menu: MainMenu) -> Notifier:
        live = not self._is_embedded and self._choice is not None
        notifier = Notifier(service, window.toasts, self._preferences, live=live)
        notifier.retryRequested.connect(menu.resync)
        notifier.embeddedRequested.connect(self._on_meanwhile)
        if self._is_embedded:
            self.exchanges.look_after()
            trouble_of(service).tell(self._trouble)
            trouble_of(service).retryRequested.connect(self.exchanges.retry)
        else:
            self.exchanges.end()
            self._trouble = ""
        notifier.listen_to(window.panels.values())
        return notifier

    # -- recordings ---------------------------------------------------------------------------------------------------
    @pyqtSlot(object)
    def open_recording(self, path: Path) -> None:
        """Show a recording, one that can be played, in the place of the exchange."""
        self._past = path
        self._restart_timer.start()

    @pyqtSlot()
    def leave_recording(self) -> None:
        """Go back to the exchange that is chosen; the page for that where none is."""
        if self._choice is ExchangeChoice.ASK:
            self.show_exchanges()
        elif self._is_embedded and not self.exchanges.is_running and self._options.replay is not None:
            self._wanted = ExchangeChoice.EMBEDDED, None  # it was not needed so far
            self.exchanges.begin()
        else:
            self._past = None
            self._restart_timer.start()

    def _ring(self, window: MainWindow) -> None:
        """Tell of alarms in this window from now on; of none in a recording, which is over."""
        keeper = self._alarms = window.needs.alarms
        if keeper is None:
            return
        keeper.commands_allowed = self._preferences.alarm_commands
        bell = AlarmBell(keeper, tell=partial(_show_alarm, window), parent=window)
        bell.clicked.connect(partial(_show_alarms, window))

    def _close_alarms(self) -> None:
        """Write what is not written yet; whoever reads the file next knows it."""
        if self._alarms is not None and not sip.isdeleted(self._alarms):
            self._alarms.close()

    def _connect(self, window: MainWindow, menu: MainMenu) -> None:
        window.closing.connect(self._on_closing)
        if self._is_new:
            window.watch_list.stateChanged.connect(self._on_prices)
        window.keysRequested.connect(self._on_keys_requested)
        if window.replay is None:
            window.symbolChanged.connect(lambda code: self._remember(symbol=code))
        window.watch_list.favouritesChanged.connect(lambda: self._remember(favourites=window.watch_list.favourites))
        window.panelAdded.connect(lambda name: _share_favourites(window, name))
        chart = window.panels["chart"]
        assert isinstance(chart, ChartWidget)
        chart.unitChanged.connect(lambda unit: self._remember(unit=unit))
        indicators = window.panels["indicators"]
        assert isinstance(indicators, IndicatorsWidget)
        indicators.watchesChanged.connect(lambda: self._remember(watches=indicators.watches))
        menu.settingsRequested.connect(self._on_settings)
        menu.exchangesRequested.connect(self.show_exchanges)
        menu.tourRequested.connect(self.show_around)
        menu.perspectivesChanged.connect(self._on_closing)

    # -- where the windows are ----------------------------------------------------------------------------------------
    def _restore(self, window: MainWindow, menu: MainMenu) -> None:
        layout = self._layout
        if self._options.size is None and not self._options.by_itself:
            ScreenKeeper(window)
        if self._options.size is not None:
            window.resize(*self._options.size)  # may be larger than the screen, if that is what was asked for
        elif layout.window is not None:
            window.setGeometry(self._on_screen(QRect(*layout.window)))
        else:
            window.resize(self._on_screen(QRect(QPoint(), QSize(*DEFAULT_SIZE))).size())
        menu.set_own(layout.own)
        menu.restore(layout.perspective or next(iter(BUILT_IN)), layout.current, layout.changed)
        wanted = self._options.perspective
        if wanted is not None and not menu.choose(wanted):
            known = ", ".join([*BUILT_IN, *menu.own])
            told = Phrase(mark("there is no perspective {name}; known are {known}"), name=repr(wanted), known=known)
            _log.warning("%s", told)
        window.lock(layout.locked)
        menu.locked.setChecked(layout.locked)
        if layout.maximized and self._options.size is None:
            window.setWindowState(window.windowState() | _MAXIMIZED)

    def _on_screen(self, rect: QRect) -> QRect:
        """Return where the window is wholly on a screen; as it is where the program runs by itself, unseen."""
        return rect if self._options.by_itself else fitting(rect, USUAL_FRAME, areas())

    @pyqtSlot()
    def _on_closing(self) -> None:
        """Remember where everything is."""
        window, menu, layout = self._living(), self._menu, self._layout
        if window is None or menu is None:
            return
        area = window.normalGeometry()
        if not area.isEmpty():  # a window that was maximised from the start on has none
            area = self._on_screen(area)
            layout.window = area.x(), area.y(), area.width(), area.height()
        layout.maximized = window.isMaximized()
        layout.locked = window.locked
        layout.current = window.arrangement
        layout.perspective = menu.current
        layout.own = dict(menu.own)
        menu.note_changes()
        layout.changed = dict(menu.changed)
        self._store.save_layout(layout)
        if self._alarms is not None and not sip.isdeleted(self._alarms):
            self._alarms.save()

    # -- what the user chose ------------------------------------------------------------------------------------------
    def _remember(self, **changes: object) -> None:
        self._preferences = dataclasses.replace(self._preferences, **changes)  # type: ignore[arg-type]
        self._store.save_preferences(self._preferences)

    def _apply_look(self) -> None:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        chosen = self._preferences
        look().choose(scheme=chosen.scheme, reduce_motion=chosen.reduce_motion, density=chosen.density)
        use_typeface(app)
        apply_theme(app, chosen.theme)
        set_language(chosen.language)  # last: whoever says everything anew measures it anew, too

    @pyqtSlot(Qt.ColorScheme)
    def _on_system_scheme(self, scheme: Qt.ColorScheme) -> None:
        """Follow the computer from light to dark and back, where the user wants that."""
        app = QApplication.instance()
        if self._preferences.theme is ThemeMode.SYSTEM and isinstance(app, QApplication):
            apply_theme(app, ThemeMode.SYSTEM, scheme)

    @pyqtSlot()
    def _on_settings(self) -> SettingsDialog:
        dialog = SettingsDialog(self._preferences, self._config, embedded=self._is_embedded, parent=self._window)
        dialog.preferencesChanged.connect(self._on_preferences)
        dialog.keysChanged.connect(self._on_keys)
        dialog.exchangesRequested.connect(self.show_exchanges)
        dialog.open()
        return dialog

    @pyqtSlot()
    def _on_keys_requested(self) -> None:
        self._on_settings().show_keys()

    @pyqtSlot(object)
    def _on_preferences(self, wanted: Preferences) -> None:
        before, kept = self._preferences, self._preferences
        self._preferences = dataclasses.replace(
            wanted, favourites=kept.favourites, symbol=kept.symbol, unit=kept.unit, watches=kept.watches
        )
        self._store.save_preferences(self._preferences)
        if _look_of(before) != _look_of(wanted):
            self._apply_look()
        if self._notifier is not None and not sip.isdeleted(self._notifier):
            self._notifier.preferences = self._preferences
        if self._living() is not None:
            self._recordings.keep_always(self._preferences.flight_recorder)
        if self._alarms is not None and not sip.isdeleted(self._alarms):
            self._alarms.commands_allowed = self._preferences.alarm_commands
        # What the user has never changed stays as it was given: a file of settings may differ from the preferences.
        given, first = self._given
        changes = dict(line_settings(wanted).items() - line_settings(first).items())
        self._config = given.replace(credentials=self._config.credentials, **changes)
        self._restart_timer.start()

    @pyqtSlot(object)
    def _on_keys(self, credentials: Credentials | None) -> None:
        self._config = self._config.replace(credentials=credentials)
        if self._choice in (ExchangeChoice.LIVE, ExchangeChoice.LIVE_WITH_KEY):
            self._choice = ExchangeChoice.LIVE if credentials is None else ExchangeChoice.LIVE_WITH_KEY
            if self._options.exchange is None:  # what the command line names is for once
                self._remember(exchange=self._choice)
        self._restart_timer.start()

    # -- another service ----------------------------------------------------------------------------------------------
    @pyqtSlot()
    def _on_restart(self) -> None:
        if self._restarting is not None and not self._restarting.done():
            self._restart_timer.start()
            return
        window = self._living()
        if window is None or self._is_shown(window):
            return
        for dialog in window.findChildren(SettingsDialog):
            if dialog.isVisible():  # it would be closed with the window: wait until its user has finished
                self._restart_timer.start()
                return
        window.setEnabled(False)
        self._recordings.end()  # what is recorded ends properly, and is no crash
        service = window.needs.service
        self._restarting = asyncio.get_running_loop().create_task(service.stop(), name="upbit_ws_qt restart")
        self._restarting.add_done_callback(lambda _task: self._on_stopped(window))

    def _is_shown(self, window: MainWindow) -> bool:
        """Whether a window shows what is wanted."""
        clock = window.needs.service.clock
        if clock is not None or self._past is not None:
            return clock is not None and clock.path == self._past
        return window.needs.service.config == self._config

    def _on_stopped(self, old: MainWindow) -> None:
        """Put a window on the new service in the place of the old one."""
        if self._living() is not old:
            return
        service = old.needs.service
        self._on_closing()
        old.closing.disconnect(self._on_closing)
        self._close_alarms()
        new = self._open_window()
        if service.config.rest_url == self._config.rest_url:
            new.inherit(old, same_account=service.config.credentials == self._config.credentials)
        old.close()
        service.deleteLater()
        self.replaced.emit()
        new_service = new.needs.service
        self._restarting = asyncio.get_running_loop().create_task(new_service.start(), name="upbit_ws_qt start anew")

    # -- running by itself --------------------------------------------------------------------------------------------
    def _save_picture(self, path: Path) -> int:
        window = self._living()
        if window is not None and window.grab().save(str(path), "PNG"):
            return 0
        sys.stderr.write(f"The picture could not be saved to {path}\n")
        return 1

    def _judge(self) -> int:
        window = self._living()
        if window is None:
            return 1
        panels = window.panels.items()
        without = [name for name, panel in panels if isinstance(panel, Panel) and not panel.had_data]
        if without:
            sys.stderr.write(f"without data: {', '.join(without)}\n")
        errors = [str(line) for line in self._log.lines if line.level >= logging.ERROR]
        for line in errors[:20]:
            sys.stderr.write(f"{line}\n")
        if without or errors:
            return 1
        sys.stdout.write(f"all {len(window.panels)} panels got data, no error was logged\n")
        return 0


def _show_alarm(window: MainWindow, text: str, firing: Firing | None) -> None:
    """Show a note that an alarm has fired until its user takes it away, with the way to its market."""
    actions = []
    if firing is not None and firing.market:
        market = firing.market
        actions.append(NoteAction(tr("Show {code}", code=market), lambda: window.select_symbol(market)))
    key = None if firing is None else f"alarm {firing.alarm}"
    window.toasts.show_note(text, level="warn", key=key, lasting=True, actions=actions)


def _show_alarms(window: MainWindow) -> None:
    window.showNormal() if window.isMinimized() else window.show()
    window.raise_()
    window.activateWindow()
    window.show_panel("alarms")


def _share_favourites(window: MainWindow, name: str) -> None:
    """Have a further watch list and the first one give stars to the same markets."""
    first, further = window.watch_list, window.panels[name]
    if isinstance(further, WatchListWidget):
        further.set_favourites(first.favourites)
        further.favouritesChanged.connect(lambda: _take_favourites(first, further))
        first.favouritesChanged.connect(lambda: _take_favourites(further, first))


def _take_favourites(widget: WatchListWidget, source: WatchListWidget) -> None:
    if not sip.isdeleted(widget) and not sip.isdeleted(source) and widget.favourites != source.favourites:
        widget.set_favourites(source.favourites)
        widget.favouritesChanged.emit()


def _look_of(preferences: Preferences) -> tuple[object, ...]:
    chosen = preferences
    return chosen.theme, chosen.language, chosen.scheme, chosen.density, chosen.reduce_motion
