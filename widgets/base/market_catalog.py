"""Which markets there are and what they are called; remembered, so that a program without a network knows them too."""

from __future__ import annotations

import hashlib
import os
import tempfile
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from PyQt6.QtCore import QObject, QTimer, pyqtSignal, pyqtSlot

from upbit_ws_qt import Phrase, RestMarket, safe_text

from .asking import Question
from .countries import USUAL_COUNTRY
from .hangul import matches
from .text import Language, current_language, mark, resources

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upbit_ws_qt import MarketWarnings, RestClient, WebSocketError

__all__ = ["Market", "MarketCatalog"]

_MOST_MARKETS = 5000
_LONGEST_NAME = 60
_LONGEST_CODE = 32
RELOAD_MS = 10 * 60_000


class Market(msgspec.Struct, frozen=True, gc=False):
    """One market with its names, and what the exchange warns of; None where it says nothing of that."""

    market: str
    korean_name: str
    english_name: str
    market_event: MarketWarnings | None = None

    @property
    def code(self) -> str:
        """The code, "KRW-BTC"."""
        return self.market

    @property
    def quote(self) -> str:
        """What is paid in, "KRW"."""
        return self.market.partition("-")[0]

    @property
    def base(self) -> str:
        """What is traded, "BTC"."""
        return self.market.partition("-")[2]

    @property
    def name(self) -> str:
        """The name in the language in force."""
        return self.korean_name if current_language() is Language.KOREAN else self.english_name

    def answers(self, query: str) -> bool:
        """Whether somebody who types `query` may mean this market: code, English, Korean or 초성."""
        return any(matches(query, text) for text in (self.base, self.market, self.korean_name, self.english_name))


class MarketCatalog(QObject):
    """The markets of one exchange: those of last time at once, then the present ones.

    Example:
        >>> catalog = MarketCatalog(service.rest, parent=window)
        >>> catalog.changed.connect(lambda: print([market.code for market in catalog.search("비트")]))
        >>> catalog.load()

    Args:
        rest: where to ask.
        folder: where to remember them; None to remember nothing.
        parent: of the QObject.

    Signals:
        changed: there are other markets than before.
        refreshed: the exchange has answered; the markets are the present ones, whether or not they are others.
        failed(str): why the exchange could not be asked; what was remembered, or comes with the program, is in use.
    """

    changed = pyqtSignal()
    refreshed = pyqtSignal()
    failed = pyqtSignal(object)

    def __init__(self, rest: RestClient, folder: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rest = rest
        self._path = None if folder is None else folder / f"markets-{_digest(rest.config.rest_url)}.json"
        self._markets: dict[str, Market] = {}
        self.fresh = False
        self._again = QTimer(self)
        self._again.setInterval(RELOAD_MS)
        self._again.timeout.connect(self.load)
        self._use(self._remembered())

    @property
    def markets(self) -> tuple[Market, ...]:
        """All of them, in the exchange's order."""
        return tuple(self._markets.values())

    def get(self, code: str) -> Market:
        """Return a market; one that nobody knows is called by its code."""
        return self._markets.get(code) or Market(code, code, code)

    def __contains__(self, code: str) -> bool:
        return code in self._markets

    def search(self, query: str, most: int = 50) -> list[Market]:
        """Return the markets that a query may mean: those whose code begins with it first."""
        wanted = query.strip().upper()
        found = [market for market in self._markets.values() if market.answers(query)]
        found.sort(key=lambda market: (market.base != wanted, not market.base.startswith(wanted)))
        return found[:most]

    @pyqtSlot()
    def load(self) -> None:
        """Ask the exchange."""
        self._again.start()  # warnings come and go while a program runs
        question = Question(self._rest.markets(), self)
        question.done.connect(self._on_done)
        question.failed.connect(self._on_failed)

    @pyqtSlot(object)
    def _on_done(self, listed: tuple[RestMarket, ...]) -> None:
        markets = [self._named(each) for each in _usable(listed)]
        if not markets:
            self.failed.emit(Phrase(mark("the answer could not be read")))
            return
        self.fresh = True
        if self._path is not None:
            _save(self._path, msgspec.json.encode(markets))
        self._use(markets)
        self.refreshed.emit()

    def _named(self, market: Market) -> Market:
        """Return a market under the name that is known, where whoever listed it has none: a recording knows codes."""
        known = self._markets.get(market.code)
        return known if known is not None and market.korean_name == market.code else market

    @pyqtSlot(object)
    def _on_failed(self, error: WebSocketError) -> None:
        self.failed.emit(error.message)

    def _use(self, markets: list[Market]) -> None:
        found = {market.market: market for market in markets}
        if found != self._markets:
            self._markets = found
            self.changed.emit()

    def _remembered(self) -> list[Market]:
        brought = resources() / "markets.json" if self._rest.config.region == USUAL_COUNTRY else None
        for path in (self._path, brought):
            if path is not None and path.is_file():
                markets = _parse(path.read_bytes())
                if markets:
                    return markets
        return []


def _parse(body: bytes) -> list[Market]:
    """Read what was remembered, or comes with the program."""
    try:
        return _usable(msgspec.json.decode(body, type=list[RestMarket]))
    except (msgspec.DecodeError, RecursionError):
        return []


def _usable(listed: Iterable[RestMarket]) -> list[Market]:
    """Return what can be shown: a bounded number of markets, with names that are safe."""
    return [
        Market(
            each.market,
            safe_text(each.korean_name, _LONGEST_NAME),
            safe_text(each.english_name, _LONGEST_NAME),
            each.market_event,
        )
        for each in islice(listed, _MOST_MARKETS)
        if _is_code(each.market)
    ]


def _is_code(code: str) -> bool:
    quote, dash, base = code.partition("-")
    return (
        bool(dash)
        and len(code) <= _LONGEST_CODE
        and code.isascii()
        and quote.isalnum()
        and base.isalnum()
        and code == code.upper()
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _save(path: Path, data: bytes) -> None:
    """Write it at once or not at all; a cache that cannot be written is none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except OSError:
        return
