"""What a user chose for one chart: picture, scale, formulas, heights; as plain data that files can hold."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from upbit_ws_qt import is_market_code

from ..base.ink import CURVE_COLOURS
from ..formulas.catalog import FORMULAS, Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..formulas.catalog import Formula

__all__ = [
    "CURVE_COLOURS",
    "MOST_COMPARED",
    "ChartChoice",
    "ChosenFormula",
    "PictureStyle",
    "ScaleKind",
    "choice_from",
    "choice_to_plain",
]

MOST_FORMULAS = 20
MOST_COMPARED = 4
PRICE, VOLUME = "price", "volume"
_LEAST_HEIGHT, _MOST_HEIGHT = 0.06, 0.6
_USUAL_HEIGHT = 0.16


class PictureStyle(StrEnum):
    """How prices are drawn."""

    CANDLES = "candles"
    HEIKIN_ASHI = "heikin_ashi"
    LINE = "line"
    AREA = "area"


class ScaleKind(StrEnum):
    """What is equally high on the price axis, and what stands there."""

    LINEAR = "linear"
    LOG = "log"
    PERCENT = "percent"


@dataclass(frozen=True, slots=True)
class ChosenFormula:
    """A formula in a chart.

    Attributes:
        name: of the formula.
        values: of its parameters.
        colours: a number for each of its lines, below CURVE_COLOURS.
    """

    name: str
    values: tuple[float, ...]
    colours: tuple[int, ...]

    @classmethod
    def usual(cls, name: str, *values: float) -> ChosenFormula:
        """Return a formula with its usual colours and, for those that are not given, its usual parameters."""
        formula = FORMULAS[name]
        return cls(name, formula.allowed(values), tuple(line.colour for line in formula.lines))

    @property
    def formula(self) -> Formula:
        """What it is."""
        return FORMULAS[self.name]

    @property
    def title(self) -> str:
        """What a chart calls it: "MA 20", "MACD 12 26 9"."""
        return " ".join((self.formula.brief, *(f"{value:g}" for value in self.values)))


FIRST_FORMULAS: tuple[ChosenFormula, ...] = (
    ChosenFormula.usual("sma", 20),
    ChosenFormula("sma", (60.0,), (1,)),
    ChosenFormula.usual("volume_average", 20),
)


@dataclass(frozen=True, slots=True)
class ChartChoice:
    """All of it, with its defaults.

    Attributes:
        style: how prices are drawn.
        scale: of prices.
        volume: whether the volume has a pane.
        formulas: in the order of their panes.
        heights: share of the panes below the prices, by the place of the formula, or VOLUME.
        compared: codes of the markets that it is compared with, in percent.
        exchange: whether the exchange's own indicators and signals are drawn, those that are watched.
    """

    style: PictureStyle = PictureStyle.CANDLES
    scale: ScaleKind = ScaleKind.LINEAR
    volume: bool = True
    formulas: tuple[ChosenFormula, ...] = FIRST_FORMULAS
    heights: Mapping[str, float] = field(default_factory=dict)
    compared: tuple[str, ...] = ()
    exchange: bool = True

    @property
    def panes(self) -> tuple[str, ...]:
        """The panes from top to bottom: PRICE, VOLUME, and the place of each formula that has one of its own."""
        own = (str(at) for at, each in enumerate(self.formulas) if each.formula.place is Place.OWN)
        return PRICE, *((VOLUME,) if self.volume else ()), *own

    def shares(self) -> dict[str, float]:
        """Return the share of the height that each pane has; the prices have 40 % at least."""
        below = {pane: self.heights.get(pane, _USUAL_HEIGHT) for pane in self.panes[1:]}
        whole = sum(below.values())
        squeeze = min(1.0, 0.6 / whole) if whole else 1.0
        shares = {pane: share * squeeze for pane, share in below.items()}
        return {PRICE: 1 - sum(shares.values()), **shares}

    def with_height(self, pane: str, share: float) -> ChartChoice:
        """Return the choice with another height of one pane."""
        return replace(self, heights={**self.heights, pane: min(max(share, _LEAST_HEIGHT), _MOST_HEIGHT)})

    def with_compared(self, codes: Iterable[str]) -> ChartChoice:
        """Return the choice with other markets to compare with, on a scale on which that says something."""
        found = tuple(dict.fromkeys(codes))[:MOST_COMPARED]
        return replace(self, compared=found, scale=ScaleKind.PERCENT if found else self.scale)

    def with_formulas(self, formulas: Iterable[ChosenFormula]) -> ChartChoice:
        """Return the choice with other formulas; their panes have the usual height."""
        volume = {VOLUME: self.heights[VOLUME]} if VOLUME in self.heights else {}
        return replace(self, formulas=tuple(formulas)[:MOST_FORMULAS], heights=volume)


def choice_to_plain(choice: ChartChoice) -> dict[str, Any]:
    """Return what can be written as JSON."""
    return {
        "style": choice.style,
        "scale": choice.scale,
        "volume": choice.volume,
        "formulas": [
            {"name": each.name, "values": list(each.values), "colours": list(each.colours)} for each in choice.formulas
        ],
        "heights": dict(choice.heights),
        "compared": list(choice.compared),
        "exchange": choice.exchange,
    }


def choice_from(plain: object) -> ChartChoice:
    """Read it back; whatever cannot be used is as at first. Never raises."""
    if not isinstance(plain, dict):
        return ChartChoice()
    style, scale, formulas, heights = (plain.get(name) for name in ("style", "scale", "formulas", "heights"))
    compared = plain.get("compared")
    codes = [each for each in (compared if isinstance(compared, list) else ()) if isinstance(each, str)]
    found = FIRST_FORMULAS
    if isinstance(formulas, list):
        found = tuple(each for each in map(_formula_from, formulas[:MOST_FORMULAS]) if each is not None)
    return ChartChoice(
        PictureStyle(style) if style in tuple(PictureStyle) else PictureStyle.CANDLES,
        ScaleKind(scale) if scale in tuple(ScaleKind) else ScaleKind.LINEAR,
        plain.get("volume") is not False,
        found,
        {
            str(pane)[:4] if pane != VOLUME else VOLUME: min(max(float(share), _LEAST_HEIGHT), _MOST_HEIGHT)
            for pane, share in list(heights.items() if isinstance(heights, dict) else ())[: MOST_FORMULAS + 1]
            if _is_number(share)
        },
        tuple(dict.fromkeys(code for code in codes if is_market_code(code)))[:MOST_COMPARED],
        plain.get("exchange") is not False,
    )


def _formula_from(plain: object) -> ChosenFormula | None:
    name = plain.get("name") if isinstance(plain, dict) else None
    if not isinstance(plain, dict) or not isinstance(name, str) or name not in FORMULAS:
        return None
    usual = ChosenFormula.usual(name)
    values, colours = plain.get("values"), plain.get("colours")
    if isinstance(values, list) and all(_is_number(each) for each in values):
        usual = replace(usual, values=usual.formula.allowed([float(each) for each in values]))
    if isinstance(colours, list) and len(colours) == len(usual.colours) and all(_is_colour(each) for each in colours):
        usual = replace(usual, colours=tuple(colours))
    return usual


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e9


def _is_colour(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < CURVE_COLOURS
