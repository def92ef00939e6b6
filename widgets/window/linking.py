"""Keeps the panels of a window on the market, unit and crosshair of their colour."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PyQt6 import sip
from PyQt6.QtCore import QObject, pyqtSignal
from PyQt6.QtWidgets import QMenu

from ..base.icons import icon
from ..base.ink import curve_colour
from ..base.text import mark, tr
from ..base.theme import colours_of
from ..chart.panel import ChartWidget
from .layout import number_of
from .links import LinkColour, Links, Share

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from PyQt6.QtGui import QIcon, QPalette
    from PyQt6.QtWidgets import QWidget

    from ..base.theme import Colours

__all__ = ["LINK_TITLES", "PanelLinks", "link_icon", "link_ink", "link_words"]

LINK_TITLES = {
    LinkColour.MAIN: mark("The window's market"),
    LinkColour.GREEN: mark("Green"),
    LinkColour.AMBER: mark("Amber"),
    LinkColour.PURPLE: mark("Purple"),
    LinkColour.PINK: mark("Pink"),
}
_SHARES = {
    Share.MARKET: mark("Share the market"),
    Share.UNIT: mark("Share the candle unit"),
    Share.CROSSHAIR: mark("Share the crosshair"),
}
_HUES = {LinkColour.AMBER: 0, LinkColour.PURPLE: 1, LinkColour.GREEN: 2, LinkColour.PINK: 4}


def link_ink(colour: LinkColour | None, colours: Colours) -> str:
    """Return the colour of a group; grey for what is pinned."""
    if colour is None:
        return colours.muted
    return colours.accent if colour is LinkColour.MAIN else curve_colour(_HUES[colour], colours).name()


def link_words(colour: LinkColour | None) -> str:
    """Return what a panel is linked to, in the language in force."""
    if colour is None:
        return tr("Pinned: it keeps its market")
    return tr("Linked: {group}", group=tr(LINK_TITLES[colour]))


class PanelLinks(QObject):
    """Who is linked to whom among the panels of a window.

    Args:
        panels: of the window, by name; looked at anew each time.
        parent: of the QObject.

    Signals:
        changed: a panel is linked otherwise, or shows another market by its own link.
        mainChosen(str): a market was chosen for the window's own group.
        marketWanted(str): another market is wanted for a panel.
    """

    changed = pyqtSignal()
    mainChosen = pyqtSignal(str)
    marketWanted = pyqtSignal(str)

    def __init__(self, panels: Mapping[str, QWidget], parent: QObject) -> None:
        super().__init__(parent)
        self._panels = panels
        self._links = Links()
        self._main = ""
        self._following = False

    def add(self, name: str) -> None:
        """Follow what is chosen in a panel from now on."""
        panel = self._panels[name]
        for chosen in ("symbolSelected", "symbolActivated"):
            signal = getattr(panel, chosen, None)
            if signal is not None:
                signal.connect(partial(self.choose, name))
        if isinstance(panel, ChartWidget):
            panel.unitChanged.connect(partial(self._on_unit, name))
            panel.pointed.connect(partial(self._on_pointed, name))

    def can_be_linked(self, name: str) -> bool:
        """Whether a panel is about a market."""
        return hasattr(self._panels[name], "set_symbol")

    def of(self, name: str) -> LinkColour | None:
        """Return what a panel is linked to; None for one that is pinned."""
        return self._links.of(name).colour

    def group_shares(self, colour: LinkColour, share: Share) -> bool:
        """Whether the panels of a colour have something in common."""
        return share in self._links.group(colour).shares

    # -- changes ------------------------------------------------------------------------------------------------------
    def take(self, links: Links, spare: Iterable[str] = ()) -> None:
        """Link the panels in another way.

        Args:
            links: how.
            spare: markets for panels that have one of their own and do not know which, the best first.
        """
        known = {each.symbol for each in links.panels}
        free = [code for code in spare if code not in known]
        for each in sorted(links.panels, key=lambda link: number_of(link.panel)):
            if not each.symbol and each.panel in self._panels and not links.shares(each.panel, Share.MARKET):
                links = links.chosen(each.panel, free.pop(0) if free else self._main)
        self._links = links
        for name, panel in self._panels.items():
            unit = links.of(name).unit
            if unit and isinstance(panel, ChartWidget):
                panel.set_unit(unit)
            self.show(name)
        self.changed.emit()

    def now(self, shown: Iterable[str]) -> Links:
        """Return how these panels are linked, with the markets and units that they show by themselves."""
        links = Links(groups=self._links.groups)
        for name in shown:
            panel, link = self._panels[name], self._links.of(name)
            own = link.colour is not LinkColour.MAIN or number_of(name) > 1
            unit = panel.unit if own and isinstance(panel, ChartWidget) else ""
            symbol = "" if self._links.shares(name, Share.MARKET) else str(getattr(panel, "symbol", link.symbol))
            links = links.with_panel(type(link)(name, link.colour, symbol, unit))
        return links

    def set_main(self, market: str) -> None:
        """Show a market in all panels of the window's own group."""
        self._main = market
        for name in self._panels:
            if self._is_main(name):
                self.show(name)

    def show(self, name: str) -> None:
        """Have a panel show what its link says."""
        panel = self._panels[name]
        if self.can_be_linked(name):
            panel.set_symbol(self._links.market_of(name, self._main))  # type: ignore[attr-defined]

    def choose(self, name: str, market: str) -> None:
        """Show a market in a panel, and in all that share it."""
        if self._is_main(name):
            self.mainChosen.emit(market)
            return
        self._links = self._links.chosen(name, market)
        for each in (name, *self._links.mates(name, Share.MARKET, self._panels)):
            self.show(each)
        self.changed.emit()

    def link(self, name: str, colour: LinkColour | None) -> None:
        """Link a panel to a colour, or (None) pin it to what it shows."""
        panel = self._panels[name]
        unit = panel.unit if isinstance(panel, ChartWidget) else ""
        shown = str(getattr(panel, "symbol", "")) or self._links.market_of(name, self._main)
        self._links = self._links.joined(name, colour, shown, unit)
        self.show(name)
        self._join_unit(name)
        self.changed.emit()

    def share(self, colour: LinkColour, share: Share, shared: bool) -> None:
        """Have the panels of a colour share something, or no longer."""
        before = {name: self._links.market_of(name, self._main) for name in self._panels if self.of(name) is colour}
        self._links = self._links.sharing(colour, share, shared)
        for name, market in before.items():
            if share is Share.MARKET and not shared:
                self._links = self._links.chosen(name, market)  # each goes on with what it shows
            self.show(name)
        if before and share is Share.UNIT and shared:
            self._join_unit(next(iter(before)))
        self.changed.emit()

    def forget(self, name: str) -> None:
        """Drop the link of a panel that is gone."""
        self._links = self._links.without(name)

    # -- menu ---------------------------------------------------------------------------------------------------------
    def menu(self, name: str, parent: QWidget) -> QMenu:
        """Return the menu of a panel's link; it deletes itself when it closes."""
        menu = QMenu(parent)
        menu.aboutToHide.connect(menu.deleteLater)
        here = self.of(name)
        for colour in (*LinkColour, None):
            words = tr("Pin: keep this market") if colour is None else tr(LINK_TITLES[colour])
            action = menu.addAction(link_icon(colour, parent.palette()), words)
            assert action is not None
            action.setCheckable(True)
            action.setChecked(colour is here)
            action.triggered.connect(partial(self._on_linked, name, colour))
        if here is not None:
            menu.addSeparator()
            for share in Share:
                action = menu.addAction(tr(_SHARES[share]))
                assert action is not None
                action.setCheckable(True)
                action.setChecked(self.group_shares(here, share))
                action.triggered.connect(partial(self.share, here, share))
        menu.addSeparator()
        action = menu.addAction(tr("Another market…"))
        assert action is not None
        action.triggered.connect(lambda: self.marketWanted.emit(name))
        return menu

    def _on_linked(self, name: str, colour: LinkColour | None, _checked: bool) -> None:
        self.link(name, colour)

    # -- inside -------------------------------------------------------------------------------------------------------
    def _is_main(self, name: str) -> bool:
        return self.of(name) is LinkColour.MAIN and self._links.shares(name, Share.MARKET)

    def _charts(self, name: str, share: Share) -> list[ChartWidget]:
        found = (self._panels[each] for each in self._links.mates(name, share, self._panels))
        return [each for each in found if isinstance(each, ChartWidget) and not sip.isdeleted(each)]

    def _join_unit(self, name: str) -> None:
        """Have a panel and its mates show one unit: that which the mates have."""
        panel, mates = self._panels[name], self._charts(name, Share.UNIT)
        if mates and isinstance(panel, ChartWidget):
            panel.set_unit(mates[0].unit)
            self._on_unit(name, panel.unit)

    def _on_unit(self, name: str, unit: str) -> None:
        if self._following:
            return
        self._following = True
        try:
            for chart in self._charts(name, Share.UNIT):
                chart.set_unit(unit)
        finally:
            self._following = False

    def _on_pointed(self, name: str, moment: float | None) -> None:
        for chart in self._charts(name, Share.CROSSHAIR):
            chart.show_pointer(moment)


def link_icon(colour: LinkColour | None, palette: QPalette) -> QIcon:
    """Return the sign of a group."""
    return icon("pin" if colour is None else "link", palette, link_ink(colour, colours_of(palette)))
