"""Which panels show the same market, unit and crosshair: link groups by colour; plain data, no window."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from upbit_ws_qt import is_market_code

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["NO_LINKS", "LinkColour", "LinkGroup", "Links", "PanelLink", "Share", "links_from", "links_to_plain"]

_LONGEST_UNIT = 10


class LinkColour(StrEnum):
    """A group of panels; the first one is about the window's own market."""

    MAIN = "main"
    GREEN = "green"
    AMBER = "amber"
    PURPLE = "purple"
    PINK = "pink"


class Share(StrEnum):
    """What the panels of a group have in common."""

    MARKET = "market"
    UNIT = "unit"
    CROSSHAIR = "crosshair"


_USUAL_SHARES = frozenset({Share.MARKET, Share.CROSSHAIR})


@dataclass(frozen=True, slots=True)
class PanelLink:
    """What one panel is linked to.

    Attributes:
        panel: its name.
        colour: its group; None for one that is pinned: it goes on showing what it shows.
        symbol: its own market, where it does not share one; empty where that is to be found.
        unit: its own unit; empty for the usual one.
    """

    panel: str
    colour: LinkColour | None = LinkColour.MAIN
    symbol: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class LinkGroup:
    """What the panels of a colour share, and which market they show; the main group's is the window's own."""

    colour: LinkColour
    shares: frozenset[Share] = _USUAL_SHARES
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class Links:
    """All links of an arrangement; what is not named is linked to the main group, which shares market and crosshair."""

    panels: tuple[PanelLink, ...] = ()
    groups: tuple[LinkGroup, ...] = ()

    def of(self, panel: str) -> PanelLink:
        """Return a panel's link."""
        return next((each for each in self.panels if each.panel == panel), None) or PanelLink(panel)

    def group(self, colour: LinkColour) -> LinkGroup:
        """Return the group of a colour."""
        return next((each for each in self.groups if each.colour is colour), None) or LinkGroup(colour)

    def shares(self, panel: str, share: Share) -> bool:
        """Whether a panel has something in common with the others of its colour."""
        colour = self.of(panel).colour
        return colour is not None and share in self.group(colour).shares

    def market_of(self, panel: str, main: str) -> str:
        """Return the market that a panel has to show; `main` is that of the window."""
        link = self.of(panel)
        if link.colour is None or Share.MARKET not in self.group(link.colour).shares:
            return link.symbol or main
        return main if link.colour is LinkColour.MAIN else self.group(link.colour).symbol or main

    def mates(self, panel: str, share: Share, among: Iterable[str]) -> list[str]:
        """Return the panels that have something in common with one, without itself."""
        if not self.shares(panel, share):
            return []
        colour = self.of(panel).colour
        return [each for each in among if each != panel and self.of(each).colour is colour]

    def with_panel(self, link: PanelLink) -> Links:
        """Return these links with one of them changed."""
        rest = [each for each in self.panels if each.panel != link.panel]
        if link != PanelLink(link.panel):
            rest.append(link)
        return replace(self, panels=tuple(sorted(rest, key=lambda each: each.panel)))

    def with_group(self, group: LinkGroup) -> Links:
        """Return these links with one group changed."""
        rest = [each for each in self.groups if each.colour is not group.colour]
        if group != LinkGroup(group.colour):
            rest.append(group)
        return replace(self, groups=tuple(sorted(rest, key=lambda each: each.colour)))

    def without(self, panel: str) -> Links:
        """Return these links without a panel that is gone."""
        return self.with_panel(PanelLink(panel))

    def joined(self, panel: str, colour: LinkColour | None, shown: str, unit: str) -> Links:
        """Link a panel to another colour, or (None) pin it to the market and unit that it shows.

        The first panel of a colour gives it its market.
        """
        found = self.with_panel(PanelLink(panel, colour, shown, unit))
        if colour is None or colour is LinkColour.MAIN:
            return found
        group = self.group(colour)
        alone = not any(each.colour is colour for each in self.panels if each.panel != panel)
        return found.with_group(replace(group, symbol=shown)) if alone or not group.symbol else found

    def sharing(self, colour: LinkColour, share: Share, shared: bool) -> Links:
        """Have the panels of a colour share something, or no longer."""
        group = self.group(colour)
        return self.with_group(replace(group, shares=group.shares | {share} if shared else group.shares - {share}))

    def chosen(self, panel: str, market: str) -> Links:
        """Return the links after a market was chosen for a panel that is not of the window's own market."""
        link = self.of(panel)
        if self.shares(panel, Share.MARKET) and link.colour is not None:
            return self.with_group(replace(self.group(link.colour), symbol=market))
        return self.with_panel(replace(link, symbol=market))


NO_LINKS = Links()


def links_to_plain(links: Links) -> dict[str, Any]:
    """Return what can be written as JSON."""
    return {
        "panels": [
            {"panel": each.panel, "colour": each.colour, "symbol": each.symbol, "unit": each.unit}
            for each in links.panels
        ],
        "groups": [
            {"colour": each.colour, "shares": sorted(each.shares), "symbol": each.symbol} for each in links.groups
        ],
    }


def links_from(value: object, shown: Iterable[str]) -> Links:
    """Read the links of the panels that are shown; what cannot be used is left out. Never raises."""
    given = value if isinstance(value, dict) else {}
    links = Links()
    panels = given.get("panels")
    listed = panels if isinstance(panels, list) else []
    by_panel = {str(each.get("panel")): each for each in listed if isinstance(each, dict)}
    for panel in shown:
        each = by_panel.get(panel)
        if each is not None:
            colour, symbol, unit = (each.get(name) for name in ("colour", "symbol", "unit"))
            links = links.with_panel(PanelLink(panel, _colour(colour), _market(symbol), _unit(unit)))
    groups = given.get("groups")
    for each in groups[: len(LinkColour)] if isinstance(groups, list) else ():
        colour = _colour(each.get("colour")) if isinstance(each, dict) else None
        if colour is not None:
            shares = each.get("shares")
            found = frozenset(share for share in Share if isinstance(shares, list) and share.value in shares)
            links = links.with_group(LinkGroup(colour, found, _market(each.get("symbol"))))
    return links


def _unit(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= _LONGEST_UNIT and value.isalnum() else ""


def _colour(value: object) -> LinkColour | None:
    return LinkColour(value) if isinstance(value, str) and value in tuple(LinkColour) else None


def _market(value: object) -> str:
    return value if isinstance(value, str) and is_market_code(value) else ""
