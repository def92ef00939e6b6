"""Which exchange this is. LIVE stands for the exchange's own hosts and for nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from upbit_ws_qt import ServiceConfig, safe_text

from .countries import COUNTRIES
from .text import tr

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ExchangeKind", "ExchangeOrigin"]


_LONGEST_HOST = 60
_SAFE = frozenset({"wss", "https"})


class ExchangeKind(StrEnum):
    """What stands at the other end of the lines."""

    LIVE = "live"
    """The exchange itself: real prices, real orders."""
    EMBEDDED = "embedded"
    """The one that comes with the program, started by it."""
    OTHER = "other"
    """Somebody's: a test server, a proxy, another program's embedded exchange."""
    REPLAY = "replay"
    """None: what is shown was recorded, and is over."""


SIGNS = {ExchangeKind.LIVE: "⬤", ExchangeKind.EMBEDDED: "◇", ExchangeKind.OTHER: "▧", ExchangeKind.REPLAY: "▶"}
"""The kinds are told apart by a shape too."""


@dataclass(frozen=True, slots=True)
class ExchangeOrigin:
    """Which exchange a service talks to.

    Attributes:
        kind: what it is.
        where: the host, or the country of the real exchange, or the name of the recording; safe to show.
    """

    kind: ExchangeKind
    where: str = ""

    @classmethod
    def of(cls, config: ServiceConfig, *, embedded: bool) -> ExchangeOrigin:
        """Tell it by all the addresses that are used, not by how the program was started.

        Args:
            config: the addresses.
            embedded: whether this program started the exchange behind them.
        """
        urls = [config.public_url, config.private_url, config.info_url, config.rest_url]
        places = [urlsplit(url) for url in urls if url]
        hosts = {place.hostname or "" for place in places}
        own = _own_hosts()
        for region, host in own.items():
            if hosts == {host} and all(_is_usual(place.scheme, place.port) for place in places):
                return cls(ExchangeKind.LIVE, region)
        if embedded:
            return cls(ExchangeKind.EMBEDDED)
        foreign = [place.netloc.rpartition("@")[2] for place in places if place.hostname not in own.values()]
        where = foreign[0] if foreign else ", ".join(sorted({place.netloc for place in places}))
        return cls(ExchangeKind.OTHER, safe_text(where, _LONGEST_HOST))

    @classmethod
    def of_recording(cls, path: Path) -> ExchangeOrigin:
        """Tell that it is a recording."""
        return cls(ExchangeKind.REPLAY, safe_text(path.name, _LONGEST_HOST))

    @property
    def is_over(self) -> bool:
        """Whether what is shown is the past, so that nobody is to be alarmed by it."""
        return self.kind is ExchangeKind.REPLAY

    @property
    def text(self) -> str:
        """What it is, in the language in force."""
        match self.kind:
            case ExchangeKind.LIVE if self.where == "kr":
                return tr("LIVE exchange")
            case ExchangeKind.LIVE:
                return tr("LIVE exchange, {country}", country=tr(COUNTRIES[self.where]))
            case ExchangeKind.EMBEDDED:
                return tr("Embedded exchange")
            case ExchangeKind.OTHER:
                return tr("Other exchange: {host}", host=self.where)
            case ExchangeKind.REPLAY:
                return tr("REPLAY: {name}", name=self.where)

    @property
    def hint(self) -> str:
        """What that means, in the language in force."""
        match self.kind:
            case ExchangeKind.LIVE:
                return tr("The real exchange: real prices, and with a key your real orders and assets")
            case ExchangeKind.EMBEDDED:
                return tr("Made up by this program: no real prices, no real money, no network")
            case ExchangeKind.REPLAY:
                return tr("Recorded, and over: none of these prices and orders is of now")
            case ExchangeKind.OTHER:
                return tr(
                    "Neither the real exchange nor the embedded one: nobody knows what the prices of {host} are worth",
                    host=self.where,
                )

    @property
    def sign(self) -> str:
        """The shape that goes with it."""
        return SIGNS[self.kind]


@cache
def _own_hosts() -> dict[str, str]:
    """Return the exchange's hosts by country."""
    urls = {region: ServiceConfig.for_region(region).public_url for region in COUNTRIES}
    return {region: urlsplit(url).hostname or "" for region, url in urls.items()}


def _is_usual(scheme: str, port: int | None) -> bool:
    return scheme in _SAFE and port in (None, 443)
