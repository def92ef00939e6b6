"""What a user looks for among markets, "RSI(14, 1h) < 30 and value > 10억": read by a small parser, never run as code.

Changes and spreads are in percent, money in the quote currency. A figure that is not known yet makes neither true nor
false: a market of which that decides is not found, and is counted as unknown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, DivisionByZero, InvalidOperation, localcontext
from typing import TYPE_CHECKING, NamedTuple, NoReturn, TypeAlias

from upbit_ws_qt import Phrase

from ..base.text import mark
from ..formulas.catalog import FORMULAS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..formulas.catalog import Formula

__all__ = [
    "FIGURES",
    "LONGEST_EXPRESSION",
    "SPANS",
    "Expression",
    "Figure",
    "ScreenError",
    "figures_of",
    "number_of",
    "parse_condition",
    "parse_figure",
    "truth_of",
]

LONGEST_EXPRESSION = 500
_MOST_DEPTH = 40
SPANS = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "60m": 60}
"""Minutes of the spans that a change can be asked for."""
_UNITS = {
    "1m": "1m", "3m": "3m", "5m": "5m", "10m": "10m", "15m": "15m", "30m": "30m", "60m": "60m", "1h": "60m",
    "240m": "240m", "4h": "240m", "1d": "days", "days": "days", "1w": "weeks", "weeks": "weeks",
}  # fmt: skip
_USUAL_UNIT = "60m"
FIGURES = {
    "price": ("price", "현재가", "가격"),
    "change": ("change", "등락률", "변동률"),
    "value": ("value", "거래대금", "대금"),
    "volume": ("volume", "거래량"),
    "high": ("high", "고가"),
    "low": ("low", "저가"),
    "spread": ("spread", "스프레드"),
}
"""What can be asked of every market, with the words for it."""
_BY_WORD = {word: name for name, words in FIGURES.items() for word in words}
_FORMULAS: dict[str, Formula] = {}
for _each in FORMULAS.values():
    _FORMULAS.setdefault(_each.brief.casefold(), _each)
    _FORMULAS.setdefault(_each.name, _each)
_TIMES = {
    "": 1, "%": 1, "천": 10**3, "만": 10**4, "억": 10**8, "조": 10**12, "k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12,
}  # fmt: skip
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?P<suffix>%|[^\W\d_]*)|(?P<word>[^\W\d]\w*(?:\.[^\W\d]\w*)?)"
    r"|(?P<sign><=|>=|!=|==|[<>=+\-*/(),]))"
)
_ARGUMENT = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?|\.\d+)(?P<suffix>%|[^\W\d_]*)|(?P<word>[^\W\d]\w*(?:\.[^\W\d]\w*)?)"
    r"|(?P<sign><=|>=|!=|==|[<>=+\-*/(),]))"
)
"""The same where commas stand between parameters, and not between thousands."""
_COMPARED = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "=": "=", "==": "=", "!=": "!="}
_KOREAN_WORDS = {"그리고": "and", "또는": "or", "아닌": "not"}


class ScreenError(ValueError):
    """An expression cannot be understood.

    Attributes:
        text: the expression.
        place: of the character from which on it cannot.
        reason: why, as a Phrase that can be said in the language in force.
    """

    def __init__(self, text: str, place: int, reason: str) -> None:
        super().__init__(f"{reason} (at {place + 1})")
        self.text = text
        self.place = place
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that is known, or not yet, of each market.

    Attributes:
        name: a key of FIGURES, or of FORMULAS.
        values: parameters of a formula; the minutes of a change over less than the day.
        unit: of a formula's candles.
        line: which of a formula's lines.
    """

    name: str
    values: tuple[float, ...] = ()
    unit: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class _Number:
    value: Decimal


@dataclass(frozen=True, slots=True)
class _Sum:
    sign: str
    left: _Value
    right: _Value


@dataclass(frozen=True, slots=True)
class _Compared:
    sign: str
    left: _Value
    right: _Value


@dataclass(frozen=True, slots=True)
class _Joined:
    word: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class _Not:
    inner: Expression


_Value: TypeAlias = _Number | Figure | _Sum
Expression: TypeAlias = _Compared | _Joined | _Not
"""A condition that was understood."""
_Any: TypeAlias = _Number | Figure | _Sum | _Compared | _Joined | _Not


def parse_condition(text: str) -> Expression:
    """Read a condition.

    Example:
        >>> condition = parse_condition("RSI(14, 1h) < 30 and value > 10억")
        >>> sorted(figure.name for figure in figures_of(condition))
        ['rsi', 'value']

    Raises:
        ScreenError: it cannot be understood; `place` and `reason` say where and why.
    """
    parser = _Parser(text)
    found = parser.whole()
    if isinstance(found, _Number | Figure | _Sum):
        raise ScreenError(
            text, len(text), Phrase(mark("this is a number; a condition compares two, such as price > 1"))
        )
    return found


def parse_figure(text: str) -> _Value:
    """Read what is a number of each market, such as "RSI(14, 1h)" or "high - low"; raises ScreenError."""
    parser = _Parser(text)
    found = parser.whole()
    if not isinstance(found, _Number | Figure | _Sum):
        raise ScreenError(text, 0, Phrase(mark("this is a condition; a number is wanted here")))
    return found


def figures_of(node: _Any) -> frozenset[Figure]:
    """Return what has to be known of a market."""
    match node:
        case Figure():
            return frozenset({node})
        case _Number():
            return frozenset()
        case _Not():
            return figures_of(node.inner)
        case _:
            return figures_of(node.left) | figures_of(node.right)


def truth_of(condition: Expression, known: Callable[[Figure], Decimal | None]) -> bool | None:
    """Return whether a market is looked for; None where what is not known decides."""
    match condition:
        case _Not():
            inner = truth_of(condition.inner, known)
            return None if inner is None else not inner
        case _Joined():
            left, right = truth_of(condition.left, known), truth_of(condition.right, known)
            decisive = condition.word == "or"
            if decisive in (left, right):
                return decisive
            return None if left is None or right is None else not decisive
    one, other = number_of(condition.left, known), number_of(condition.right, known)
    if one is None or other is None:
        return None
    return {
        "<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other, "=": one == other,
        "!=": one != other,
    }[condition.sign]  # fmt: skip


def number_of(value: _Value, known: Callable[[Figure], Decimal | None]) -> Decimal | None:
    """Return a number of a market; None where it is not known, or there is none (nothing is divided by 0)."""
    match value:
        case _Number():
            return value.value
        case Figure():
            return known(value)
    left, right = number_of(value.left, known), number_of(value.right, known)
    if left is None or right is None:
        return None
    try:
        with localcontext() as context:
            context.traps[DivisionByZero] = context.traps[InvalidOperation] = True
            match value.sign:
                case "+":
                    return left + right
                case "-":
                    return left - right
                case "*":
                    return left * right
                case _:
                    return left / right
    except (DivisionByZero, InvalidOperation, ArithmeticError):
        return None


class _Token(NamedTuple):
    kind: str
    text: str
    suffix: str
    place: int


class _Parser:
    """Reads from left to right; each method takes what is its own and leaves the rest."""

    def __init__(self, text: str) -> None:
        self._text = text
        if len(text) > LONGEST_EXPRESSION:
            self._fail(
                LONGEST_EXPRESSION, Phrase(mark("it is longer than {count} characters"), count=LONGEST_EXPRESSION)
            )
        self._tokens = list(self._split())
        self._next = 0
        self._depth = 0

    def whole(self) -> _Any:
        """Read all of it."""
        found = self._either()
        token = self._peek()
        if token.kind != "end":
            self._fail(token.place, Phrase(mark("“{word}” is not expected here"), word=token.text))
        return found

    # -- tokens -------------------------------------------------------------------------------------------------------
    def _split(self) -> Iterator[_Token]:
        place, before, brackets = 0, "", [False]  # of each bracket that is open, whether it holds parameters
        while self._text[place:].strip():
            found = (_ARGUMENT if brackets[-1] else _TOKEN).match(self._text, place)
            if found is None:
                start = place + len(self._text[place:]) - len(self._text[place:].lstrip())
                self._fail(start, Phrase(mark("“{word}” is not expected here"), word=self._text[start]))
            kind = found.lastgroup or ""
            kind = "number" if kind == "suffix" else kind
            text = found[kind].replace(",", "") if kind == "number" else found[kind]
            word = _KOREAN_WORDS.get(text, text.casefold()) if kind == "word" else text
            if text == "(":
                brackets.append(before == "word" or brackets[-1])
            elif text == ")" and len(brackets) > 1:
                brackets.pop()
            yield _Token(kind, word, (found["suffix"] or "").casefold(), found.start(kind))
            place, before = found.end(), kind if word not in ("and", "or", "not") else ""
        yield _Token("end", "", "", len(self._text))

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next += token.kind != "end"
        return token

    def _takes(self, *texts: str) -> str:
        """Take the next token where it is one of these; "" where it is not."""
        token = self._peek()
        if token.kind in ("sign", "word") and token.text in texts:
            self._next += 1
            return token.text
        return ""

    def _fail(self, place: int, reason: str) -> NoReturn:
        raise ScreenError(self._text, place, reason)

    # -- conditions ---------------------------------------------------------------------------------------------------
    def _either(self) -> _Any:
        found = self._both()
        while self._takes("or"):
            found = self._joined("or", found, self._both())
        return found

    def _both(self) -> _Any:
        found = self._denied()
        while self._takes("and"):
            found = self._joined("and", found, self._denied())
        return found

    def _joined(self, word: str, left: _Any, right: _Any) -> _Joined:
        return _Joined(word, self._condition(left), self._condition(right))

    def _denied(self) -> _Any:
        if self._takes("not"):
            return _Not(self._condition(self._deeper(self._denied)))
        return self._comparison()

    def _comparison(self) -> _Any:
        left = self._sum()
        token = self._peek()
        if token.kind != "sign" or token.text not in _COMPARED:
            return left
        self._take()
        return _Compared(_COMPARED[token.text], self._value(left), self._value(self._sum()))

    def _condition(self, found: _Any) -> Expression:
        if isinstance(found, _Number | Figure | _Sum):
            raise ScreenError(
                self._text, self._peek().place, Phrase(mark("a condition is wanted here, such as price > 1"))
            )
        return found

    def _value(self, found: _Any) -> _Value:
        if not isinstance(found, _Number | Figure | _Sum):
            raise ScreenError(
                self._text, self._peek().place, Phrase(mark("this is a condition; a number is wanted here"))
            )
        return found

    # -- numbers ------------------------------------------------------------------------------------------------------
    def _sum(self) -> _Any:
        found = self._product()
        while sign := self._takes("+", "-"):
            found = _Sum(sign, self._value(found), self._value(self._product()))
        return found

    def _product(self) -> _Any:
        found = self._signed()
        while sign := self._takes("*", "/"):
            found = _Sum(sign, self._value(found), self._value(self._signed()))
        return found

    def _signed(self) -> _Any:
        if self._takes("-"):
            return _Sum("-", _Number(Decimal(0)), self._value(self._deeper(self._signed)))
        return self._one()

    def _deeper(self, read: Callable[[], _Any]) -> _Any:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            self._fail(self._peek().place, Phrase(mark("it is nested too deeply")))
        found = read()
        self._depth -= 1
        return found

    def _one(self) -> _Any:
        token = self._take()
        if token.kind == "number":
            if token.suffix not in _TIMES:
                self._fail(token.place, Phrase(mark("“{word}” is not expected here"), word=token.text + token.suffix))
            return _Number(Decimal(token.text) * _TIMES[token.suffix])
        if token.kind == "sign" and token.text == "(":
            found = self._deeper(self._either)
            self._close(token)
            return found
        if token.kind == "word" and token.text not in ("and", "or", "not"):
            return self._figure(token)
        if token.kind == "end":
            self._fail(token.place, Phrase(mark("something is missing at the end")))
        raise ScreenError(self._text, token.place, Phrase(mark("“{word}” is not expected here"), word=token.text))

    def _close(self, opened: _Token) -> None:
        if not self._takes(")"):
            self._fail(opened.place, Phrase(mark("this bracket is not closed")))

    def _figure(self, token: _Token) -> Figure:
        name = _BY_WORD.get(token.text)
        given = self._arguments() if self._peek().text == "(" else []
        if name is not None:
            return self._plain(name, given, token)
        word, _, wanted = token.text.partition(".")
        formula = _FORMULAS.get(word)
        if formula is None:
            self._fail(token.place, Phrase(mark("nothing is called “{word}”"), word=token.text))
        lines = [line.name for line in formula.lines]
        if wanted and wanted not in lines:
            self._fail(token.place, Phrase(mark("its lines are {lines}"), lines=", ".join(lines)))
        unit = _USUAL_UNIT
        values: list[float] = []
        for each in given:
            spelled = each.text + each.suffix
            if spelled in _UNITS and (each.suffix or each.kind == "word"):
                unit = _UNITS[spelled]
            elif each.kind == "number" and not each.suffix and len(values) < len(formula.parameters):
                values.append(float(each.text))
            else:
                units = ", ".join(_UNITS)
                self._fail(each.place, Phrase(mark("this is neither a parameter nor a unit ({units})"), units=units))
        allowed = formula.allowed(values)
        if tuple(values) != allowed[: len(values)]:
            self._fail(token.place, Phrase(mark("a parameter is out of range")))
        return Figure(formula.name, allowed, unit, lines.index(wanted) if wanted else 0)

    def _plain(self, name: str, given: list[_Token], token: _Token) -> Figure:
        if not given:
            return Figure(name)
        spelled = given[0].text + given[0].suffix
        if name != "change" or len(given) > 1 or spelled not in SPANS:
            spans = ", ".join(SPANS)
            self._fail(token.place, Phrase(mark("only a change has a span, one of {spans}"), spans=spans))
        return Figure(name, (float(SPANS[spelled]),))

    def _arguments(self) -> list[_Token]:
        opened = self._take()
        found: list[_Token] = []
        while self._peek().kind in ("number", "word"):
            found.append(self._take())
            if not self._takes(","):
                break
        self._close(opened)
        return found
