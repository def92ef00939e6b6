"""Menus and shortcuts of the main window."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QObject, Qt, QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QAction, QKeySequence
from PyQt6.QtWidgets import QFileDialog, QInputDialog, QMenu, QMessageBox

from upbit_ws_qt import ConnectionState, WebSocketType

from ..alarms.panel import AlarmsWidget
from ..base.market_marks import market_marks
from ..base.saving import ask_where_to_save
from ..base.text import mark, said, tr
from ..base.trouble import trouble_of
from ..monitor_dock import ConnectionMonitorDock
from ..window.moving import Step
from ..window.panels import PANELS
from ..window.perspectives import BUILT_IN, PERSPECTIVE_TITLES
from ..window.symbol_search import SymbolSearch
from .keyboard_dialog import KeyboardDialog
from .options import program_version
from .store import LONGEST_NAME, MOST_PERSPECTIVES
from .workspace_file import WorkspaceFileError, read_workspace, write_workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..window.layout import Arrangement
    from ..window.main_window import MainWindow

__all__ = ["MainMenu"]

_DELETE = Qt.WidgetAttribute.WA_DeleteOnClose
_PLAIN = Qt.TextFormat.PlainText
_STEPS: tuple[tuple[str, Step | None, str], ...] = (
    (mark("&Left"), Step.LEFT, "Ctrl+Shift+Left"),
    (mark("&Right"), Step.RIGHT, "Ctrl+Shift+Right"),
    (mark("&Up"), Step.UP, "Ctrl+Shift+Up"),
    (mark("&Down"), Step.DOWN, "Ctrl+Shift+Down"),
    (mark("Onto the next panels, as a &tab"), None, "Ctrl+Shift+T"),
)
_SIZE = 40  # points that a key makes a panel wider or higher
_SIZES = (
    (mark("&Wider"), (_SIZE, 0), "Alt+Shift+Right"),
    (mark("&Narrower"), (-_SIZE, 0), "Alt+Shift+Left"),
    (mark("&Higher"), (0, _SIZE), "Alt+Shift+Down"),
    (mark("L&ower"), (0, -_SIZE), "Alt+Shift+Up"),
)
SETTLE_MS = 150  # by then Qt has given every panel its place
_MOST_KEYS = 9  # Ctrl+1 to Ctrl+9


class MainMenu(QObject):
    """Fills the menu bar of a window; keeps the user's own perspectives, and what was changed in any of them.

    Attributes:
        own: the user's perspectives, as they were saved.
        changed: how the user has left perspectives that are otherwise than they came or were saved; until Reset.

    Signals:
        settingsRequested: the settings are wanted.
        exchangesRequested: another exchange is wanted.
        tourRequested: the window is to be shown to a newcomer.
        perspectivesChanged: the user made or removed one.
        recordingRequested: a recording is to be opened.
        recordToggled: recording is to begin or end.
        markRequested: a mark is to be put into the recording.
        keepRequested: the last minutes are to be kept.
    """

    settingsRequested = pyqtSignal()
    exchangesRequested = pyqtSignal()
    tourRequested = pyqtSignal()
    perspectivesChanged = pyqtSignal()
    recordingRequested = pyqtSignal()
    recordToggled = pyqtSignal()
    markRequested = pyqtSignal()
    keepRequested = pyqtSignal()

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._current = next(iter(BUILT_IN))
        self.own: dict[str, Arrangement] = {}
        self.changed: dict[str, Arrangement] = {}
        self._put: Arrangement | None = None
        self._settled: Arrangement | None = None
        self._settling = QTimer(self)
        self._settling.setSingleShot(True)
        self._settling.setInterval(SETTLE_MS)
        self._settling.timeout.connect(self._on_settled)
        window.installEventFilter(self)
        window.rearranged.connect(self._on_rearranged)
        self._choices: dict[str, QAction] = {}
        self._titles: list[tuple[QAction | QMenu, str]] = []
        bar = window.menuBar()
        assert bar is not None
        self._bar = bar
        self._add_program_menu()
        self._add_view_menu()
        self.perspectives = self._menu(mark("&Perspectives"))
        self._add_market_menu()
        help_menu = self._menu(mark("&Help"))
        self._action(help_menu, mark("&Tour, one minute"), self.tourRequested.emit)
        self._action(help_menu, mark("&Report a problem…"), self.report)
        self._action(help_menu, mark("&Keyboard…"), self._on_keyboard, "F1")
        self._action(help_menu, mark("&About…"), self._on_about)
        window.languageChanged.connect(self.retranslate)
        window.marketWanted.connect(self.search)
        self.retranslate()

    @property
    def current(self) -> str:
        """Name of the perspective that was chosen last."""
        return self._current

    @pyqtSlot()
    def retranslate(self) -> None:
        """Say everything anew."""
        for item, text in self._titles:
            item.setTitle(tr(text)) if isinstance(item, QMenu) else item.setText(tr(text))
        self._fill_perspectives()

    def choose(self, name: str) -> bool:
        """Turn to a perspective, as it was left; False where there is none of that name."""
        if name not in BUILT_IN and name not in self.own:
            return False
        self.note_changes()
        self._show(name)
        self.set_current(name)
        return True

    def reset(self) -> None:
        """Show the perspective in use as it comes with the program, or as it was saved."""
        self.changed.pop(self._current, None)
        self._show(self._current)

    def restore(self, name: str, shown: Arrangement | None, changed: dict[str, Arrangement]) -> None:
        """Show what was shown last time.

        Args:
            name: of the perspective that was in use.
            shown: how it was.
            changed: see there.
        """
        known = [each for each in changed if each in BUILT_IN or each in self.own]
        self.changed = {each: changed[each] for each in known}
        self.set_current(name)
        if shown is None or self._current in self.changed:
            self._show(self._current)
        else:
            self._arrange(shown)

    def note_changes(self) -> None:
        """Remember how the perspective in use is now, where that is the user's doing."""
        if self._put is None:
            return
        now = self._window.arrangement
        touched = now.panels != self._put.panels if self._settled is None else now != self._settled
        if touched:
            self.changed[self._current] = now

    def _show(self, name: str) -> None:
        if name in self.changed:
            self._arrange(self.changed[name])
        elif name in BUILT_IN:
            self._window.arrange_built_in(name)
            self._arranged(BUILT_IN[name])
        else:
            self._arrange(self.own[name])

    def _arrange(self, arrangement: Arrangement) -> None:
        self._window.arrange(arrangement)
        self._arranged(arrangement)

    def _arranged(self, arrangement: Arrangement) -> None:
        self._put, self._settled = arrangement, None
        self._settling.start()

    @property
    def is_settled(self) -> bool:
        """Whether every panel has its place, so that what changes from now on is the user's doing."""
        return self._settled is not None

    @pyqtSlot()
    def _on_settled(self) -> None:
        """By now Qt has given every panel its pixels: what is otherwise later is the user's doing."""
        self._settled = self._window.arrangement

    @pyqtSlot()
    def _on_rearranged(self) -> None:
        """Note it before the window changes its size, for then nobody can tell whose doing it was."""
        if self._settled is not None:
            self.note_changes()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """A window that changes its size changes the shares of its panels; that is nothing to be kept."""
        if event is not None and event.type() == QEvent.Type.Resize and watched is self._window:
            self._settled = None
            self._settling.start()
        return False

    def set_current(self, name: str) -> None:
        """Take it that a perspective was chosen; one that does not exist changes nothing."""
        if name in BUILT_IN or name in self.own:
            self._current = name
            self._mark_current()

    def set_own(self, own: dict[str, Arrangement]) -> None:
        """Take the user's own perspectives over."""
        self.own = dict(own)
        self._fill_perspectives()

    def keep(self, name: str) -> bool:
        """Save the present arrangement under a name; False for a name that cannot be used."""
        name = name.strip()
        if not name or len(name) > LONGEST_NAME or not name.isprintable() or name in BUILT_IN:
            return False
        if name not in self.own and len(self.own) >= MOST_PERSPECTIVES:
            return False
        self.note_changes()
        self.own[name] = self._window.arrangement
        self.changed.pop(name, None)
        self._current = name
        self._arranged(self.own[name])
        self._fill_perspectives()
        self.perspectivesChanged.emit()
        return True

    # -- menus --------------------------------------------------------------------------------------------------------
    def _menu(self, title: str) -> QMenu:
        menu = QMenu(self._bar)
        self._bar.addMenu(menu)
        self._titles.append((menu, title))
        return menu

    def _action(self, menu: QMenu, text: str, slot: Callable[[], object], keys: str = "") -> QAction:
        action = QAction(self)
        if keys:
            action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda _checked=False: slot())
        menu.addAction(action)
        self._titles.append((action, text))
        return action

    def _add_program_menu(self) -> None:
        menu = self._menu(mark("Pro&gram"))
        self._action(menu, mark("&Exchange…"), self.exchangesRequested.emit, "Ctrl+E")
        self._action(menu, mark("&Settings…"), self.settingsRequested.emit, "Ctrl+,")
        menu.addSeparator()
        self._action(menu, mark("&Open a recording…"), self.recordingRequested.emit, "Ctrl+O")
        self.record = self._action(menu, mark("&Record what comes"), self.recordToggled.emit, "Ctrl+R")
        self.record_own = self._action(menu, mark("Record o&wn orders and assets too"), lambda: None)
        for choice in (self.record, self.record_own):
            choice.setCheckable(True)
        self.put_mark = self._action(menu, mark("Put a &mark into the recording…"), self.markRequested.emit, "Ctrl+B")
        kept = mark("&Keep the last ten minutes")
        self.keep_minutes = self._action(menu, kept, self.keepRequested.emit, "Ctrl+Shift+R")
        self._action(menu, mark("Save a &picture of the window…"), self._window.ask_for_picture, "Ctrl+P")
        menu.addSeparator()
        self._action(menu, mark("&Quit"), self._window.close, "Ctrl+Q")

    def _add_view_menu(self) -> None:
        window = self._window
        menu = self._menu(mark("&View"))
        for dock in window.docks.values():
            menu.addAction(dock.toggleViewAction())
        self._add_further(menu)
        menu.addSeparator()
        self._action(menu, mark("Connection &monitor"), lambda: window.show_panel("monitor"), "Ctrl+M")
        self._action(menu, mark("&Log"), lambda: window.show_panel("log"), "Ctrl+L")
        menu.addSeparator()
        self._action(menu, mark("&Go to the note in the corner"), window.toasts.focus_note, "Ctrl+Shift+N")
        self._action(menu, mark("&Next panel"), lambda: window.step_panel(1), "F6")
        self._action(menu, mark("&Panel before"), lambda: window.step_panel(-1), "Shift+F6")
        self._action(menu, mark("&Detach the panel, or put it back"), window.detach_panel, "Ctrl+Shift+D")
        self._action(menu, mark("Into a new &window"), partial(window.move_to_window, new=True), "Ctrl+Shift+W")
        self._action(menu, mark("On to the ne&xt window"), partial(window.move_to_window, new=False), "Ctrl+Shift+E")
        self._action(menu, mark("L&ink the panel…"), window.link_menu, "Ctrl+G")
        self._action(menu, mark("&Close the panel"), window.close_panel, "Ctrl+F4")
        self._add_moves(menu)
        self.locked = self._action(menu, mark("Loc&k the panels"), lambda: window.lock(self.locked.isChecked()))
        self.locked.setCheckable(True)
        self._action(menu, mark("&Full screen"), self._on_full_screen, "F11")

    def _add_further(self, view: QMenu) -> None:
        """Offer a further panel of each kind."""
        menu = QMenu(view)
        view.addMenu(menu)
        self._titles.append((menu, mark("&Another")))
        for kind, each in PANELS.items():
            if not each.single:
                self._action(menu, each.title, partial(self._window.add_panel, kind))

    def _add_moves(self, view: QMenu) -> None:
        window = self._window
        menu = QMenu(view)
        view.addMenu(menu)
        self._titles.append((menu, mark("Mo&ve the panel")))
        for text, step, keys in _STEPS:
            self._action(menu, text, partial(window.move_panel, step), keys)
        menu.addSeparator()
        for text, (width, height), keys in _SIZES:
            self._action(menu, text, partial(window.resize_panel, width, height), keys)

    def _add_market_menu(self) -> None:
        menu = self._menu(mark("&Market"))
        self._action(menu, mark("&Find a market…"), self.search, "Ctrl+K")
        self._action(menu, mark("New &alarm…"), self.new_alarm, "Ctrl+Shift+A")
        self._action(menu, mark("&Resync: dial anew and fetch everything"), self.resync, "F5")

    def _fill_perspectives(self) -> None:
        menu = self.perspectives
        menu.clear()
        self._choices.clear()
        for number, name in enumerate([*BUILT_IN, *self.own], start=1):
            title = tr(PERSPECTIVE_TITLES[name]) if name in BUILT_IN else name
            action = QAction(title.replace("&", "&&"), menu)
            action.setCheckable(True)
            self._choices[name] = action
            if number <= _MOST_KEYS:
                action.setShortcut(QKeySequence(f"Ctrl+{number}"))
            action.triggered.connect(lambda _checked=False, chosen=name: self.choose(chosen))
            menu.addAction(action)
        menu.addSeparator()
        for text, slot in (
            (mark("&Save as…"), self._on_save_as),
            (mark("&Reset this perspective"), self._on_reset),
            (mark("&Export to a file…"), self._on_export),
            (mark("&Import from a file…"), self._on_import),
            (mark("&Delete this perspective"), self._on_delete),
        ):
            action = QAction(tr(text), menu)
            action.triggered.connect(slot)
            menu.addAction(action)
            self._delete = action  # the last one
        self._mark_current()

    def _mark_current(self) -> None:
        for name, action in self._choices.items():
            action.setChecked(name == self._current)
        self._delete.setEnabled(self._current in self.own)

    # -- slots --------------------------------------------------------------------------------------------------------
    def search(self, panel: str = "") -> SymbolSearch:
        """Open the search for a market: for a panel, by default the one with the keyboard, and those linked to it."""
        window, needs = self._window, self._window.needs
        panel = panel or window.panel_with_focus
        dialog = SymbolSearch(needs.catalog, window, marks=market_marks(needs.service))
        if panel and window.links.can_be_linked(panel):
            dialog.symbolSelected.connect(partial(self._on_market, panel))
        else:
            dialog.symbolSelected.connect(window.select_symbol)
        dialog.open()
        return dialog

    def _on_market(self, panel: str, code: str) -> None:
        if panel in self._window.panels:
            self._window.links.choose(panel, code)

    def new_alarm(self) -> None:
        """Have an alarm set for the market that is shown."""
        self._window.show_panel("alarms")
        panel = self._window.panels["alarms"]
        assert isinstance(panel, AlarmsWidget)
        panel.add_alarm()

    def report(self) -> None:
        """Show the monitor, and what a report of it would hold."""
        self._window.show_panel("monitor")
        dock = self._window.docks["monitor"]
        assert isinstance(dock, ConnectionMonitorDock)
        dock.show_report()

    @pyqtSlot()
    def _on_save_as(self) -> None:
        dialog = QInputDialog(self._window)
        dialog.setAttribute(_DELETE)
        dialog.setWindowTitle(tr("Save the perspective"))
        dialog.setLabelText(tr("Name"))
        dialog.textValueSelected.connect(self._on_name)
        dialog.open()

    @pyqtSlot(str)
    def _on_name(self, name: str) -> None:
        if not self.keep(name):
            limits = {"length": LONGEST_NAME, "count": MOST_PERSPECTIVES}
            text = tr("Not saved: a name has 1 to {length} characters, is not one of the program's own, and there "
                      "may be {count} of them.", **limits)  # fmt: skip
            self._tell(tr("Save the perspective"), text)

    @pyqtSlot()
    def _on_reset(self) -> None:
        self.reset()

    @pyqtSlot()
    def _on_delete(self) -> None:
        if self.own.pop(self._current, None) is not None:
            self.changed.pop(self._current, None)
            self._put = None  # what is on the screen belongs to no perspective any more
            self.choose(next(iter(BUILT_IN)))
            self._fill_perspectives()
            self.perspectivesChanged.emit()

    @pyqtSlot()
    def _on_export(self) -> None:
        title = tr(PERSPECTIVE_TITLES[self._current]) if self._current in BUILT_IN else self._current
        arrangement = self._window.arrangement
        ask_where_to_save(
            self._window,
            tr("Export the perspective"),
            f"{title}.perspective.json",
            tr("Perspectives (*.json)"),
            lambda path: write_workspace(path, title, arrangement),
        )

    @pyqtSlot()
    def _on_import(self) -> QFileDialog:
        dialog = QFileDialog(self._window, tr("Import a perspective"), "", tr("Perspectives (*.json)"))
        dialog.setAttribute(_DELETE)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda path: self.import_from(Path(path)))
        dialog.open()
        return dialog

    def import_from(self, path: Path) -> bool:
        """Keep and show the perspective in a file, beside all others; where that fails, say why and return False."""
        title = tr("Import a perspective")
        try:
            name, arrangement = read_workspace(path, PANELS)
        except WorkspaceFileError as error:
            self._tell(title, tr("{name} was not imported: {cause}", name=path.name, cause=said(error.reason)))
            return False
        name = self._free_name(name)
        if not name:
            self._tell(title, tr("There are {count} perspectives already: delete one first.", count=MOST_PERSPECTIVES))
            return False
        self.own[name] = arrangement
        self._fill_perspectives()
        self.choose(name)
        self.perspectivesChanged.emit()
        return True

    def _free_name(self, name: str) -> str:
        """Return a name that none has yet; empty where there may be no more of them."""
        wanted = "".join(each for each in name if each.isprintable()).strip()[: LONGEST_NAME - 3].strip() or "1"
        taken = {*self.own, *BUILT_IN, *(tr(each) for each in PERSPECTIVE_TITLES.values())}
        names = [wanted, *(f"{wanted} {number}" for number in range(2, MOST_PERSPECTIVES + 2))]
        return "" if len(self.own) >= MOST_PERSPECTIVES else next(each for each in names if each not in taken)

    def _on_full_screen(self) -> None:
        window = self._window
        window.showNormal() if window.isFullScreen() else window.showFullScreen()

    @pyqtSlot()
    def resync(self) -> None:
        """Dial every line anew, at once, and fetch everything."""
        service = self._window.needs.service
        trouble_of(service).retry()
        for line in WebSocketType:
            if service.connection_state(line) is not ConnectionState.DISCONNECTED:
                service.reconnect(line)
        self._window.needs.catalog.load()

    def _on_keyboard(self) -> None:
        KeyboardDialog(self._window).open()

    def _on_about(self) -> None:
        self._tell(tr("About"), f"upbit_ws_qt {program_version()}\nGPL-3.0-or-later")

    def _tell(self, title: str, text: str) -> None:
        box = QMessageBox(self._window)
        box.setAttribute(_DELETE)
        box.setWindowTitle(title)
        box.setTextFormat(_PLAIN)
        box.setText(text)
        box.open()
