"""The main window: panels in docks, one selected market for those that are linked."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QPoint, QRect, QSize, Qt, QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import QApplication, QDockWidget, QMainWindow, QTabBar, QTabWidget, QToolBar, QWidget

from ..base.event_panel import EventPanel
from ..base.focus import focus_into
from ..base.kst import kst_exact
from ..base.panel import Panel
from ..base.panel_board import panel_board
from ..base.replay_watch import wall_clock
from ..base.saving import ask_where_to_save
from ..base.table_panel import TablePanel
from ..base.text import tr
from ..base.tokens import SIDE_WINDOW
from ..monitor_dock import ConnectionMonitorDock
from ..replay.bar import ReplayBar
from ..replay.watermark import Watermark
from ..watch_list.panel import WatchListWidget
from .dock_arranger import apply_arrangement, read_arrangement
from .dock_header import DockHeader
from .layout import MOST_OF_A_KIND, MOST_PANELS, Arrangement, SidePlace, kind_of, number_of
from .linking import PanelLinks
from .moving import Step, into_new_window, into_next_window, joined, moved, without
from .on_screen import USUAL_FRAME, areas, fitting
from .panels import PANELS, Needs
from .perspectives import BUILT_IN, fitted, only_known
from .places import placed
from .side_window import SideWindow
from .status_bar import ServiceStatusBar
from .toasts import Toasts

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from PyQt6.QtCore import QChildEvent, QObject
    from PyQt6.QtGui import QCloseEvent
    from PyQt6.QtWidgets import QMenu

    from ..base.origin import ExchangeOrigin

__all__ = ["MainWindow"]

_SETTLE_MS = 50  # by then Qt has put every dock where it belongs
_LOCKED = QDockWidget.DockWidgetFeature.NoDockWidgetFeatures
_FREE = (
    QDockWidget.DockWidgetFeature.DockWidgetClosable
    | QDockWidget.DockWidgetFeature.DockWidgetMovable
    | QDockWidget.DockWidgetFeature.DockWidgetFloatable
)


class MainWindow(QMainWindow):
    """All panels of the program.

    Args:
        needs: what the panels are made of.
        origin: which exchange this is; the title and the status bar say so.
        parent: of the window.

    Signals:
        closing: the window is about to go.
        symbolChanged(str): another market is selected.
        keysRequested: a panel that needs an API key was asked to get one.
        rearranged: its user has put panels elsewhere, or made them larger or smaller.
        languageChanged: the texts are in another language now.
        panelAdded(str): there is a further panel.
        marketWanted(str): another market is wanted for a panel.
        replayLeft: its user wants to go back from a recording to what is live.

    Attributes:
        links: which panels show the same market.
        windows: those beside this one.
        replay: the time of the recording, where one is replayed; else None.
    """

    closing = pyqtSignal()
    symbolChanged = pyqtSignal(str)
    keysRequested = pyqtSignal()
    rearranged = pyqtSignal()
    languageChanged = pyqtSignal()
    panelAdded = pyqtSignal(str)
    marketWanted = pyqtSignal(str)
    replayLeft = pyqtSignal()

    def __init__(self, needs: Needs, origin: ExchangeOrigin, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.needs = needs
        self._origin = origin
        self._symbol = needs.symbol
        self._locked = False
        self.setMinimumSize(1, 1)  # the layout leaves the minimum to the window; see `_bound`
        self.setDockNestingEnabled(True)
        self.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._unseen: set[str] = set()
        self._parked: set[str] = set()  # docks that Qt has put anywhere, since no arrangement says where
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._on_settled)
        self._rearranged = QTimer(self)
        self._rearranged.setSingleShot(True)
        self._rearranged.setInterval(_SETTLE_MS)
        self._rearranged.timeout.connect(self.rearranged)
        self._headers: dict[str, DockHeader] = {}
        self._settle_headers = QTimer(self)  # once for all that is moved in one go
        self._settle_headers.setSingleShot(True)
        self._settle_headers.setInterval(0)
        self._settle_headers.timeout.connect(self._on_headers)
        self.panels: dict[str, QWidget] = {}
        self.docks: dict[str, QDockWidget] = {}
        self.windows: list[SideWindow] = []
        self.links = PanelLinks(self.panels, self)
        self.links.mainChosen.connect(self.select_symbol)
        self.links.marketWanted.connect(self.marketWanted)
        self.links.changed.connect(self._on_links)
        for name in PANELS:
            self._add_panel(name)
        self.bar = ServiceStatusBar(needs.service, origin, self)
        self.bar.monitorRequested.connect(lambda: self.show_panel("monitor"))
        panel_board(needs.service).monitorRequested.connect(self.show_component)
        monitor = self.docks["monitor"]
        if isinstance(monitor, ConnectionMonitorDock):
            monitor.panelRequested.connect(self.show_panel_of)
        self.setStatusBar(self.bar)
        self.toasts = Toasts(self)
        self.replay = self._make_replay() if needs.service.clock is not None else None
        self.retranslate()
        self.select_symbol(needs.symbol)

    @property
    def watch_list(self) -> WatchListWidget:
        """The list of markets."""
        panel = self.panels["watch_list"]
        assert isinstance(panel, WatchListWidget)
        return panel

    # -- the selected market ------------------------------------------------------------------------------------------
    @property
    def symbol(self) -> str:
        """The selected market."""
        return self._symbol

    @pyqtSlot(str)
    def select_symbol(self, code: str) -> None:
        """Show a market in all linked panels."""
        changed = code != self._symbol
        self._symbol = code
        self.links.set_main(code)
        self._show_title()
        if changed:
            self.symbolChanged.emit(code)

    # -- where the panels are -----------------------------------------------------------------------------------------
    @property
    def arrangement(self) -> Arrangement:
        """Where the panels are now, and what they are linked to."""
        here = read_arrangement(self._docks_in(self), self)
        floating, windows = list(here.floating), []
        for window in self.windows:
            inside = read_arrangement(self._docks_in(window), window)
            floating += inside.floating
            if inside.root is not None:
                place = window.normalGeometry() if window.isMaximized() else window.geometry()
                windows.append(SidePlace(inside.root, place.x(), place.y(), place.width(), place.height()))
        found = Arrangement(here.root, tuple(floating), tuple(windows))
        return replace(found, links=self.links.now(found.panels))

    def arrange(self, arrangement: Arrangement) -> None:
        """Put the panels elsewhere; what is not there yet of further ones is made, and what is not named goes."""
        wanted = only_known(arrangement, PANELS)
        self.setUpdatesEnabled(False)
        try:
            self._make_and_drop(wanted.panels)
            self._empty_windows()
            if wanted.links != self.links.now(wanted.panels):  # before they are shown: each is about one market only
                self.links.take(wanted.links, self.watch_list.model.codes)
            beside = {name for each in wanted.windows for name in Arrangement(each.root).panels}
            here = {name: dock for name, dock in self.docks.items() if name not in beside}
            apply_arrangement(self, here, replace(wanted, windows=()))
            for place in wanted.windows:
                self._open_window(place)
        finally:
            self.setUpdatesEnabled(True)
            for dock in self.docks.values():  # a dock that became a window meanwhile is not reached by that
                dock.setUpdatesEnabled(True)
        self._parked = set(self.docks).difference(wanted.panels)
        self._settle_headers.start()

    def add_panel(self, kind: str) -> str:
        """Add a further panel of a kind, and give it the keyboard; returns its name, or "" where there are too many."""
        number = next((each for each in range(2, MOST_OF_A_KIND + 1) if f"{kind}#{each}" not in self.docks), 0)
        if kind not in PANELS or PANELS[kind].single or not number or len(self.docks) >= MOST_PANELS:
            return ""
        name = f"{kind}#{number}"
        self._add_panel(name)
        self._parked.add(name)
        self.links.show(name)
        self.show_panel(name)
        self._rearranged.start()
        return name

    def remove_panel(self, name: str) -> None:
        """Take a panel away: a further one for good, the first of its kind until it is wanted again."""
        dock = self.docks.get(name)
        if dock is None:
            return
        dock.hide()
        if number_of(name) > 1:
            self._drop(name)
        self._rearranged.start()

    def move_to_window(self, *, new: bool) -> None:
        """Put the panel that has the keyboard into a window beside this one, or on to the next window there is."""
        name = self.panel_with_focus
        if not name or self._locked:
            return
        before = self.arrangement
        corner = self.docks[name].mapToGlobal(QPoint())
        size = self.docks[name].size().expandedTo(QSize(*SIDE_WINDOW))
        place = corner.x(), corner.y(), size.width(), size.height()
        after = into_new_window(before, name, place) if new else into_next_window(before, name)
        if after != before:
            self.arrange(after)
            self._rearranged.start()
            self.show_panel(name)

    def link_menu(self, name: str = "") -> QMenu | None:
        """Open the menu of a panel's link; by default of the panel that has the keyboard. None where it has none."""
        name = name or self.panel_with_focus
        if not name or not self.links.can_be_linked(name):
            return None
        button = self._headers[name].link_button
        menu = self.links.menu(name, self.docks[name])
        menu.popup(button.mapToGlobal(QPoint(0, button.height())))
        return menu

    def arrange_built_in(self, name: str) -> None:
        """Put the panels where the program's own perspective has them; an unknown name is the first one."""
        self.arrange(fitted(BUILT_IN.get(name) or next(iter(BUILT_IN.values())), self.width()))

    @property
    def locked(self) -> bool:
        """Whether the docks stay where they are."""
        return self._locked

    @pyqtSlot(bool)
    def lock(self, locked: bool) -> None:
        """Keep the docks where they are, or let them be moved."""
        self._locked = locked
        for dock in self.docks.values():
            dock.setFeatures(_LOCKED if locked else _FREE)
        self._settle_headers.start()

    def show_panel(self, name: str) -> None:
        """Bring a panel to the front and give it the keyboard; an unknown one changes nothing."""
        dock = self.docks.get(name)
        if dock is not None:
            if name in self._parked:
                self._place(name)
            dock.show()
            dock.raise_()
            if dock.isFloating() or dock.parentWidget() is not self:
                dock.activateWindow()
            self.panels[name].show()  # Qt says only later that it can be seen
            self._headers[name].show_tools(True)
            focus_into(self.panels[name])

    @pyqtSlot(str)
    def show_component(self, component_id: str) -> None:
        """Show in the monitor how a component does."""
        self.show_panel("monitor")
        monitor = self.docks["monitor"]
        if isinstance(monitor, ConnectionMonitorDock):
            monitor.show_component(component_id)

    @pyqtSlot(str)
    def show_panel_of(self, component_id: str) -> None:
        """Bring the panel to the front whose data come by a component; an unknown one changes nothing."""
        for name, panel in self.panels.items():
            if isinstance(panel, Panel) and panel.proxy is not None and panel.proxy.component_id == component_id:
                self.show_panel(name)
                return

    def _place(self, name: str) -> None:
        """Put a panel that no arrangement has a place for where there is room for it."""
        before = self.arrangement
        if name in before.panels:  # Qt has just shown it, wherever that was
            before = without(before, name)
        self.arrange(placed(before, name, self.size(), self.geometry()))

    def step_panel(self, step: int) -> None:
        """Give the keyboard to the next panel (1) or the one before (-1), tabs behind others included."""
        names = self.arrangement.panels
        if names:
            here = self.panel_with_focus
            place = names.index(here) + step if here in names else 0
            self.show_panel(names[place % len(names)])

    @property
    def panel_with_focus(self) -> str:
        """Name of the panel that has the keyboard; empty where none has."""
        widget = QApplication.focusWidget()
        found = [name for name, dock in self.docks.items() if widget is not None and dock.isAncestorOf(widget)]
        return found[0] if found else ""

    def detach_panel(self) -> None:
        """Put the panel that has the keyboard into a window of its own, or back."""
        name = self.panel_with_focus
        if name and not self._locked:
            self._rearranged.start()
            self.docks[name].setFloating(not self.docks[name].isFloating())
            self.show_panel(name)

    def move_panel(self, step: Step | None) -> None:
        """Move the panel that has the keyboard: a step, or (None) onto the next group as a tab."""
        name, before = self.panel_with_focus, self.arrangement
        if name and not self._locked:
            after = joined(before, name) if step is None else moved(before, name, step)
            if after != before:
                self.arrange(after)
                self._rearranged.start()
            self.show_panel(name)

    def resize_panel(self, width: int, height: int) -> None:
        """Make the panel that has the keyboard wider and higher by so many points (or, negative, less so)."""
        name = self.panel_with_focus
        if not name or self._locked:
            return
        self._rearranged.start()
        dock = self.docks[name]
        if dock.isFloating():
            dock.resize(dock.width() + width, dock.height() + height)
            return
        if width:
            self.resizeDocks([dock], [max(1, dock.width() + width)], Qt.Orientation.Horizontal)
        if height:
            self.resizeDocks([dock], [max(1, dock.height() + height)], Qt.Orientation.Vertical)

    def close_panel(self) -> None:
        """Hide the panel that has the keyboard, and give that to another."""
        name = self.panel_with_focus
        if name and not self._locked:
            self.step_panel(1)
            self.remove_panel(name)

    def inherit(self, old: MainWindow, *, same_account: bool) -> None:
        """Go on with what another window, on the service before, had found out; orders only of the same account."""
        for name, panel in self.panels.items():
            before = old.panels.get(name)
            its_own = isinstance(panel, TablePanel)
            if isinstance(panel, EventPanel) and isinstance(before, EventPanel) and (same_account or not its_own):
                panel.inherit(before)

    # -- texts --------------------------------------------------------------------------------------------------------
    def retranslate(self) -> None:
        """Say everything anew."""
        for name, dock in self.docks.items():
            dock.setWindowTitle(_title_of(name))
        for bar in self.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            bar.setAccessibleName(tr("Panels"))
        self._show_title()

    def _show_title(self) -> None:
        # What is over is said first: of a title there is often only the beginning to be seen.
        parts = [self._symbol, self._origin.text]
        self.setWindowTitle(" – ".join([*(reversed(parts) if self._origin.is_over else parts), "upbit_ws_qt"]))

    # -- a recording --------------------------------------------------------------------------------------------------
    def _make_replay(self) -> ReplayBar:
        """Put the time of the recording below the panels, and the word that nothing is of now over each."""
        bar = ReplayBar(self.needs.service, self)
        holder = QToolBar(self)
        holder.setObjectName("replay")
        holder.setMovable(False)
        shown = holder.toggleViewAction()
        assert shown is not None
        shown.setVisible(False)
        holder.addWidget(bar)
        self.addToolBar(Qt.ToolBarArea.BottomToolBarArea, holder)
        bar.leaveRequested.connect(self.replayLeft)
        bar.pictureRequested.connect(self.ask_for_picture)
        return bar

    @pyqtSlot()
    def ask_for_picture(self) -> None:
        """Ask where a picture of the window is to be saved; of a replay its name says the moment."""
        moment = int(wall_clock(self.needs.service) * 1000)
        stamp = kst_exact(moment).replace("-", "").replace(":", "").replace(" ", "-")
        name = f"{'replay-' if self.replay is not None else ''}{self._symbol}-{stamp}.png"
        title, kind = tr("Save a picture of the moment…"), tr("Pictures (*.png)")
        ask_where_to_save(self, title, name, kind, self.save_picture)

    def save_picture(self, path: Path) -> None:
        """Write what is seen as a PNG file; OSError where that is not possible."""
        if not self.grab().save(str(path), "PNG"):
            raise OSError(f"{path} cannot be written")

    # -- inside -------------------------------------------------------------------------------------------------------
    def _add_panel(self, name: str) -> None:
        further = number_of(name) > 1
        needs = replace(self.needs, instance=name, symbol=self._symbol) if further else self.needs
        panel = PANELS[kind_of(name)].make(needs, self)
        if isinstance(panel, QDockWidget):
            dock, inner = panel, panel.widget()
            panel = inner if inner is not None else panel
        else:
            dock = QDockWidget(self)
            dock.setWidget(panel)
        if self.needs.service.clock is not None:
            Watermark(panel)
        dock.setObjectName(name)
        dock.setAllowedAreas(Qt.DockWidgetArea.AllDockWidgetAreas)
        self.panels[name], self.docks[name] = panel, dock
        dock.topLevelChanged.connect(lambda _floating: self._on_moved())
        dock.dockLocationChanged.connect(lambda _area: self._on_moved())
        shown = dock.toggleViewAction()
        assert shown is not None
        shown.triggered.connect(partial(self._on_toggled, name))
        # Behind another tab Qt only moves a dock out of sight: there it would go on working, and Tab would go there.
        policy = panel.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        panel.setSizePolicy(policy)
        self._headers[name] = DockHeader(dock, panel)
        dock.visibilityChanged.connect(partial(self._on_dock_seen, name))
        self.links.add(name)
        if self.links.can_be_linked(name):
            self._headers[name].show_link(self.links.of(name))
            self._headers[name].linkMenuWanted.connect(partial(self.link_menu, name))
        if isinstance(panel, Panel):
            panel.keysRequested.connect(self.keysRequested)
        if further:
            dock.setWindowTitle(_title_of(name))
            dock.setFeatures(_LOCKED if self._locked else _FREE)
            dock.installEventFilter(self)
            self.panelAdded.emit(name)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """A further panel that is closed is gone."""
        if event is not None and event.type() == QEvent.Type.Close and isinstance(watched, QDockWidget):
            QTimer.singleShot(0, partial(self.remove_panel, watched.objectName()))
        return super().eventFilter(watched, event)

    def _drop(self, name: str) -> None:
        """Let go of a further panel."""
        dock = self.docks.pop(name)
        dock.removeEventFilter(self)
        del self.panels[name], self._headers[name]
        self._unseen.discard(name)
        self._parked.discard(name)
        self.links.forget(name)
        host = dock.parentWidget()
        if isinstance(host, QMainWindow):
            host.removeDockWidget(dock)
        dock.deleteLater()
        self._settle_headers.start()

    def _make_and_drop(self, wanted: Collection[str]) -> None:
        for name in [name for name in self.docks if number_of(name) > 1 and name not in wanted]:
            self._drop(name)
        for name in wanted:
            if name not in self.docks:
                self._add_panel(name)

    # -- windows beside this one --------------------------------------------------------------------------------------
    def _docks_in(self, window: QMainWindow) -> dict[str, QDockWidget]:
        return {name: dock for name, dock in self.docks.items() if dock.parentWidget() is window}

    def _open_window(self, place: SidePlace) -> None:
        window = SideWindow(self, len(self.windows) + 2)
        self.windows.append(window)
        window.closed.connect(partial(self._on_window_closed, window))
        window.rearranged.connect(self._rearranged.start)
        window.setGeometry(fitting(QRect(place.x, place.y, place.width, place.height), USUAL_FRAME, areas()))
        inside = Arrangement(place.root)
        apply_arrangement(window, {name: self.docks[name] for name in inside.panels}, inside)
        window.show()

    def _empty_windows(self) -> None:
        """Take all docks back, and end the other windows."""
        windows, self.windows = self.windows, []
        for window in windows:
            for dock in self._docks_in(window).values():
                if dock.isFloating():
                    dock.setFloating(False)
                window.removeDockWidget(dock)
                dock.setParent(self)
            window.end()

    def _on_window_closed(self, window: SideWindow) -> None:
        """A window was closed, and with it its panels."""
        self.windows.remove(window)
        for name, dock in self._docks_in(window).items():
            dock.setFloating(False)
            window.removeDockWidget(dock)
            if number_of(name) > 1:
                self._drop(name)
            else:
                dock.setParent(self)
                self.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, dock)
                dock.hide()
                self._parked.add(name)
        window.deleteLater()
        self._rearranged.start()

    @pyqtSlot()
    def _on_links(self) -> None:
        for name, header in self._headers.items():
            if self.links.can_be_linked(name):
                header.show_link(self.links.of(name))
        self._rearranged.start()

    def _on_moved(self) -> None:
        self._settle_headers.start()
        self._rearranged.start()

    def _on_toggled(self, name: str, shown: bool) -> None:
        if shown:
            self.show_panel(name)

    @pyqtSlot()
    def _on_headers(self) -> None:
        for header in self._headers.values():
            header.refresh()

    def _on_dock_seen(self, name: str, seen: bool) -> None:
        if name not in self.docks:
            return  # on its way out
        if seen:
            self._unseen.discard(name)
            self.panels[name].show()
            self._headers[name].show_tools(True)
        else:
            self._unseen.add(name)  # for good, or on the way to where it is put
            self._settle.start()

    @pyqtSlot()
    def _on_settled(self) -> None:
        for name in self._unseen:
            self.panels[name].hide()
            self._headers[name].show_tools(False)
        self._unseen.clear()

    def event(self, event: QEvent | None) -> bool:
        """Whatever a panel asks for, the window never has to be larger than its screen."""
        done = super().event(event)
        if event is not None and event.type() == QEvent.Type.LayoutRequest:
            self._bound()
        elif event is not None and event.type() == QEvent.Type.MouseButtonRelease:
            self._rearranged.start()  # the splitters between docks are the window's own
        return done

    def _bound(self) -> None:
        inside, screen = self.layout(), self.screen()
        if inside is None or screen is None:
            return
        most = screen.availableSize().shrunkBy(USUAL_FRAME)
        least = inside.totalMinimumSize().boundedTo(most)
        if least != self.minimumSize():
            self.setMinimumSize(least)

    def childEvent(self, event: QChildEvent | None) -> None:
        """Name the bars that Qt makes when panels become tabs; F6 turns them, for some are parked out of sight."""
        super().childEvent(event)
        bar = event.child() if event is not None and event.polished() else None
        if isinstance(bar, QTabBar):
            bar.setAccessibleName(tr("Panels"))
            bar.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def changeEvent(self, event: QEvent | None) -> None:
        """Take another language or theme over."""
        super().changeEvent(event)
        if event is not None and event.type() != QEvent.Type.WindowTitleChange and hasattr(self, "_settle_headers"):
            self._settle_headers.start()
        if event is not None and event.type() == QEvent.Type.LanguageChange and hasattr(self, "bar"):
            self.retranslate()
            self.languageChanged.emit()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Say goodbye before the panels go."""
        self.closing.emit()
        self._empty_windows()  # what is still in them would tell a window that is half gone
        super().closeEvent(event)


def _title_of(name: str) -> str:
    title, number = tr(PANELS[kind_of(name)].title), number_of(name)
    return title if number == 1 else f"{title} {number}"
