"""What the exchange warns of about a market (유의, 주의, 상장폐지, 거래정지, 신규), by its list and its tickers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QObject, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QPainter
from PyQt6.QtWidgets import QLabel

from upbit_ws_qt import safe_text

from .text import mark, tr
from .theme import colours_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from PyQt6.QtGui import QPaintEvent
    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import MarketWarnings, TickerEvent, WebSocketService

    from .market_catalog import Market

__all__ = [
    "MarkKind",
    "MarketMark",
    "MarketMarks",
    "MarksLabel",
    "market_marks",
    "marks_hint",
    "marks_of",
    "marks_text",
]

_LONGEST = 40


class MarkKind(StrEnum):
    """What a market is marked for, the gravest first."""

    DELISTED = "delisted"
    SUSPENDED = "suspended"
    DELISTING = "delisting"
    WARNING = "warning"
    CAUTION = "caution"
    NEW = "new"


_WORDS = {
    MarkKind.DELISTED: mark("Delisted"),
    MarkKind.SUSPENDED: mark("Suspended"),
    MarkKind.DELISTING: mark("Delisting"),
    MarkKind.WARNING: mark("Warning"),
    MarkKind.CAUTION: mark("Caution"),
    MarkKind.NEW: mark("New"),
}
_BRIEF_WORDS = {
    MarkKind.DELISTED: mark("Gone"),
    MarkKind.SUSPENDED: mark("Halt"),
    MarkKind.DELISTING: mark("Delist"),
    MarkKind.WARNING: mark("Warning"),
    MarkKind.CAUTION: mark("Caution"),
    MarkKind.NEW: mark("New"),
}
_SENTENCES = {
    MarkKind.DELISTED: mark("Delisted: the exchange no longer trades this market."),
    MarkKind.SUSPENDED: mark("Suspended: the exchange has stopped trading in this market."),
    MarkKind.DELISTING: mark("Delisting: trading ends on {date} (KST)."),
    MarkKind.WARNING: mark("Warning: the exchange has designated this market as an investment warning."),
    MarkKind.CAUTION: mark("Caution: {reasons}."),
    MarkKind.NEW: mark("New: the exchange prepares this market; trading has not begun."),
}
_REASONS = {
    "PRICE_FLUCTUATIONS": mark("large price fluctuations"),
    "TRADING_VOLUME_SOARING": mark("soaring trading volume"),
    "DEPOSIT_AMOUNT_SOARING": mark("soaring deposits"),
    "GLOBAL_PRICE_DIFFERENCES": mark("a price unlike that of other exchanges"),
    "CONCENTRATION_OF_SMALL_ACCOUNTS": mark("trading concentrated in few accounts"),
}


@dataclass(frozen=True, slots=True)
class MarketMark:
    """One mark of a market.

    Attributes:
        kind: what for.
        date: of a delisting, yyyy-MM-dd; empty for none.
        reasons: of a caution, as the exchange names them.
    """

    kind: MarkKind
    date: str = ""
    reasons: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """One word, in the language in force."""
        return tr(_WORDS[self.kind])

    @property
    def brief(self) -> str:
        """A few letters, for the column of a table."""
        return tr(_BRIEF_WORDS[self.kind])

    @property
    def words(self) -> str:
        """The word, with the date of a delisting."""
        return f"{self.word} {self.date}".rstrip()

    @property
    def sentence(self) -> str:
        """The whole of it, with date and reasons, in the language in force."""
        reasons = ", ".join(tr(_REASONS[name]) if name in _REASONS else name for name in self.reasons)
        return tr(_SENTENCES[self.kind]).format(date=self.date, reasons=reasons)


def marks_of(listed: MarketWarnings | None, ticker: TickerEvent | None) -> tuple[MarketMark, ...]:
    """Return the marks of a market, the gravest first.

    Args:
        listed: what the list of markets says of it; None where that says nothing.
        ticker: the newest one; None before the first.
    """
    return tuple(_found(listed, ticker))


def _found(listed: MarketWarnings | None, ticker: TickerEvent | None) -> Iterator[MarketMark]:
    if ticker is not None and ticker.market_state == "DELISTED":
        yield MarketMark(MarkKind.DELISTED)
    if ticker is not None and ticker.is_trading_suspended:
        yield MarketMark(MarkKind.SUSPENDED)
    if ticker is not None and ticker.delisting_date and ticker.market_state != "DELISTED":
        yield MarketMark(MarkKind.DELISTING, safe_text(ticker.delisting_date, _LONGEST))
    if (listed is not None and listed.warning) or (ticker is not None and ticker.market_warning == "CAUTION"):
        yield MarketMark(MarkKind.WARNING)  # the ticker's older field calls it so
    if listed is not None and listed.cautions:
        yield MarketMark(MarkKind.CAUTION, reasons=listed.cautions)
    if ticker is not None and ticker.market_state == "PREVIEW":
        yield MarketMark(MarkKind.NEW)


def marks_text(marks: Iterable[MarketMark]) -> str:
    """Return marks in few words, with dates: "상장폐지 2027-01-29 · 유의"; empty for none."""
    return " · ".join(each.words for each in marks)


def marks_hint(marks: Iterable[MarketMark]) -> str:
    """Return the whole of marks, one a line."""
    return "\n".join(each.sentence for each in marks)


class MarksLabel(QLabel):
    """Says a market's marks beside its code, the whole of them in its tool tip; hidden where there are none."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._marks: tuple[MarketMark, ...] = ()
        self.setTextFormat(Qt.TextFormat.PlainText)
        font = self.font()
        font.setBold(True)
        self.setFont(font)
        self.hide()

    def show_marks(self, marks: Iterable[MarketMark]) -> None:
        """Show these."""
        self._marks = tuple(marks)
        self._say()

    def _say(self) -> None:
        self.setText(f"⚠ {marks_text(self._marks)}" if self._marks else "")
        hint = marks_hint(self._marks)
        self.setToolTip(hint)
        self.setAccessibleName(hint)
        self.setVisible(bool(self._marks))

    def minimumSizeHint(self) -> QSize:
        """Give way in a narrow panel; the tool tip says the rest."""
        return QSize(self.fontMetrics().horizontalAdvance("⚠ "), super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint it in the colour of a warning, shortened by whole marks where there is little room."""
        del event
        painter = QPainter(self)
        painter.setPen(QColor(colours_of(self.palette()).warn))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self._fitting())
        painter.end()

    def _fitting(self) -> str:
        """Return as much as there is room for: with dates, in words, in a few letters, or the sign alone."""
        marks = self._marks
        briefs = "·".join(each.brief for each in marks)
        gravest = marks[0].brief + (f"+{len(marks) - 1}" if len(marks) > 1 else "") if marks else ""
        advance = self.fontMetrics().horizontalAdvance
        ways = (self.text(), "⚠ " + " · ".join(each.word for each in marks), f"⚠ {briefs}", f"⚠ {gravest}")
        return next((text for text in ways if advance(text) <= self.width()), "⚠")

    def changeEvent(self, event: QEvent | None) -> None:
        """Take another language over."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.LanguageChange:
            self._say()


class MarketMarks(QObject):
    """What is known of all markets of a service; made by `market_marks`.

    Signals:
        changed(str): a market has other marks than before.
    """

    changed = pyqtSignal(str)

    def __init__(self, service: WebSocketService) -> None:
        super().__init__(service)
        self._listed: dict[str, MarketWarnings] = {}
        self._tickers: dict[str, TickerEvent] = {}
        self._marks: dict[str, tuple[MarketMark, ...]] = {}

    def of(self, code: str) -> tuple[MarketMark, ...]:
        """Return a market's marks, the gravest first; none for one that nobody has told of."""
        return self._marks.get(code, ())

    def set_markets(self, markets: Iterable[Market]) -> None:
        """Take over what the list of markets says."""
        known = {market.code: market.market_event for market in markets}
        before, self._listed = self._listed, {code: event for code, event in known.items() if event is not None}
        for code in before.keys() | self._listed.keys():
            if before.get(code) != self._listed.get(code):
                self._judge(code)

    def note(self, ticker: TickerEvent) -> None:
        """Take over what a ticker says; cheap, for that hardly ever changes."""
        last = self._tickers.get(ticker.code)
        self._tickers[ticker.code] = ticker
        if last is None or _said_by(last) != _said_by(ticker):
            self._judge(ticker.code)

    def _judge(self, code: str) -> None:
        now = marks_of(self._listed.get(code), self._tickers.get(code))
        if self._marks.get(code, ()) != now:
            self._marks[code] = now
            self.changed.emit(code)


def _said_by(ticker: TickerEvent) -> tuple[object, ...]:
    return ticker.market_state, ticker.market_warning, ticker.delisting_date, ticker.is_trading_suspended


def market_marks(service: WebSocketService) -> MarketMarks:
    """Return the one book of marks of a service; it ends with the service."""
    found = service.findChildren(MarketMarks)
    return found[0] if found else MarketMarks(service)
