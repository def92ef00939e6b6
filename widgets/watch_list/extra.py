"""The columns of the watch list that are there by choice: what they say, and what has to be known for them."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING

from ..base.price_format import DASH, brief_text, percent_text, price_text, short_money_text
from ..base.text import Language, current_language, tr
from ..market.board import Wish
from ..market.expression import ScreenError, figures_of, number_of, parse_figure
from ..market.rows import change_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from ..market.expression import Figure
    from ..market.figures import MarketFigures
    from .lists import Watched

__all__ = ["EXTRA", "Column", "ExtraColumns"]

_HUNDRED = Decimal(100)


class Column(IntEnum):
    """What a column shows; from CODE on they are there by choice."""

    FAVOURITE = 0
    NAME = 1
    PRICE = 2
    CHANGE = 3
    VALUE = 4
    DAY = 5
    CODE = 6
    SPARK = 7
    VOLUME = 8
    HOUR = 9
    FIVE = 10
    ONE = 11
    SPREAD = 12
    OWN = 13
    TAGS = 14
    NOTE = 15


EXTRA = tuple(column for column in Column if column >= Column.CODE)
_MINUTES = {Column.HOUR: 60, Column.FIVE: 5, Column.ONE: 1}


class ExtraColumns:
    """Reckons and says what they show.

    Args:
        figures: what is known of a market.
        now: seconds since 1970 by the exchange's clock.
        watched: what the user keeps about markets.
    """

    def __init__(
        self, figures: Callable[[str], MarketFigures], now: Callable[[], float], watched: Callable[[], Watched]
    ) -> None:
        self._figures = figures
        self._now = now
        self._watched = watched
        self._parsed: tuple[str, object] = ("", None)

    @property
    def figure(self) -> object:
        """The figure of the user's own column, understood; None where it cannot be."""
        text = self._watched().figure
        if self._parsed[0] != text:
            try:
                self._parsed = text, parse_figure(text)
            except ScreenError:  # of a later version, or a file that was tampered with: the heading shows it
                self._parsed = text, None
        return self._parsed[1]

    def wish(self, shown: Collection[int], codes: Iterable[str], seen: Iterable[str]) -> Wish:
        """Return what has to be known.

        Args:
            shown: the columns that can be seen.
            codes: of all markets that are listed.
            seen: of those that can be seen: only of them the books are asked for.
        """
        if not any(column in shown for column in EXTRA if column not in (Column.CODE, Column.TAGS, Column.NOTE)):
            return Wish()
        own: frozenset[Figure] = frozenset()
        if Column.OWN in shown and self.figure is not None:
            own = figures_of(self.figure)  # type: ignore[arg-type]
        hour = any(column in shown for column in _MINUTES)
        wish = Wish.of(codes, own, day=Column.SPARK in shown, hour=hour)
        books = frozenset(seen) if Column.SPREAD in shown or wish.books else frozenset()
        return Wish(wish.codes, wish.day, wish.hour, wish.units, books)

    def number(self, code: str, column: int) -> Decimal | None:
        """Return the figure of a cell; None where there is none, or it is not known."""
        figures, now = self._figures(code), self._now()
        if column in _MINUTES:
            return figures.change(_MINUTES[Column(column)], int(now) // 60)
        if column == Column.SPREAD:
            return figures.spread
        if column == Column.OWN and self.figure is not None:
            return number_of(self.figure, lambda figure: figures.value(figure, now))  # type: ignore[arg-type]
        if column == Column.SPARK:
            day = self.day(code)
            return Decimal(repr(day[-1] / day[0] - 1)) if len(day) > 1 and day[0] else None
        return None

    def day(self, code: str) -> tuple[float, ...]:
        """Return the closes of the last 24 hours and the present price; empty where they are not known."""
        figures = self._figures(code)
        if not figures.day or figures.event is None:
            return ()
        return (*figures.day, float(figures.event.trade_price))

    def text(self, code: str, column: int, volume: Decimal | None) -> str:
        """Return what a cell shows; `volume` is that of 24 hours."""
        match column:
            case Column.CODE:
                return code
            case Column.VOLUME:
                return short_money_text(volume, korean=current_language() is Language.KOREAN)
            case Column.TAGS:
                return " ".join(f"#{tag}" for tag in self._watched().tags_of(code))
            case Column.NOTE:
                return self._watched().note_of(code)
            case Column.SPARK:
                return ""
        number = self.number(code, column)
        if number is None:
            return DASH
        if column == Column.OWN:
            return brief_text(number, 5)
        return percent_text(number, 3).lstrip("+") if column == Column.SPREAD else change_text(number)

    def hint(self, code: str, column: int) -> str:
        """Return what is told beside the mouse."""
        match column:
            case Column.SPARK:
                day = self.day(code)
                if not day:
                    return tr("The last 24 hours are not known yet.")
                low, high = (price_text(code, Decimal(repr(each))) for each in (min(day), max(day)))
                change = change_text(self.number(code, column))
                return tr("24 hours: lowest {low}, highest {high}, {change}", low=low, high=high, change=change)
            case Column.NOTE | Column.TAGS:
                return self.text(code, column, None)
            case Column.HOUR | Column.FIVE | Column.ONE:
                return tr("Against the close of the minute so long before this one")
        return ""
