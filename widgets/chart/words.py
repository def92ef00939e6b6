"""What the chart calls its formulas, their parameters and lines, styles and scales."""

from __future__ import annotations

from ..base.text import mark, tr
from .choice import PictureStyle, ScaleKind
from .drawings import DrawingKind

__all__ = ["colour_text", "drawing_text", "formula_text", "line_text", "parameter_text", "scale_text", "style_text"]

_FORMULAS = {
    "sma": mark("Moving average (MA)"),
    "ema": mark("Exponential average (EMA)"),
    "wma": mark("Weighted average (WMA)"),
    "bollinger": mark("Bollinger bands (BB)"),
    "ichimoku": mark("Ichimoku cloud"),
    "vwap": mark("Volume-weighted price of the day (VWAP)"),
    "session_vwap": mark("Volume-weighted price of the session (VWAP)"),
    "sar": mark("Parabolic SAR"),
    "donchian": mark("Donchian channel (DC)"),
    "supertrend": mark("SuperTrend"),
    "volume_average": mark("Moving average of the volume"),
    "rsi": mark("Relative strength (RSI)"),
    "macd": mark("Convergence of averages (MACD)"),
    "stochastic": mark("Stochastic"),
    "atr": mark("Average true range (ATR)"),
    "obv": mark("On-balance volume (OBV)"),
    "cci": mark("Commodity channel index (CCI)"),
}
_PARAMETERS = {
    "period": mark("Candles"),
    "deviations": mark("Deviations"),
    "short": mark("Short"),
    "middle": mark("Middle"),
    "long": mark("Long"),
    "step": mark("Step"),
    "limit": mark("Limit"),
    "multiplier": mark("Multiplier"),
    "fast": mark("Fast"),
    "slow": mark("Slow"),
    "signal": mark("Signal"),
    "length": mark("Length"),
    "hours": mark("Hours of a session"),
}
_LINES = {
    "average": mark("Average line"),
    "upper": mark("Upper"),
    "middle": mark("Middle"),
    "lower": mark("Lower"),
    "conversion": mark("Conversion line"),
    "base": mark("Base line"),
    "span_a": mark("Leading span A"),
    "span_b": mark("Leading span B"),
    "lagging": mark("Lagging span"),
    "stop": mark("Stop"),
    "rising": mark("Rising"),
    "falling": mark("Falling"),
    "value": mark("Value"),
    "difference": mark("Difference"),
    "signal": mark("Signal"),
    "k": "%K",
    "d": "%D",
}
_COLOURS = (
    mark("Amber"), mark("Violet"), mark("Green"), mark("Cyan"), mark("Pink"), mark("Orange"), mark("Indigo"),
    mark("Grey"),
)  # fmt: skip
_STYLES = {
    PictureStyle.CANDLES: mark("Candles"),
    PictureStyle.HEIKIN_ASHI: mark("Heikin-Ashi"),
    PictureStyle.LINE: mark("Line"),
    PictureStyle.AREA: mark("Area"),
}
_SCALES = {
    ScaleKind.LINEAR: mark("Linear scale"),
    ScaleKind.LOG: mark("Logarithmic scale"),
    ScaleKind.PERCENT: mark("Percent"),
}


_DRAWINGS = {
    DrawingKind.TREND: mark("Trend line"),
    DrawingKind.RAY: mark("Ray"),
    DrawingKind.HORIZONTAL: mark("Horizontal line"),
    DrawingKind.RECTANGLE: mark("Rectangle"),
    DrawingKind.FIBONACCI: mark("Fibonacci retracement"),
    DrawingKind.TEXT: mark("Text"),
}


def drawing_text(kind: DrawingKind) -> str:
    """Return the name of what can be drawn."""
    return tr(_DRAWINGS[kind])


def formula_text(name: str) -> str:
    """Return the whole name of a formula, in the language in force."""
    return tr(_FORMULAS[name])


def parameter_text(name: str) -> str:
    """Return the name of a parameter."""
    return tr(_PARAMETERS[name])


def line_text(name: str) -> str:
    """Return the name of a line."""
    return tr(_LINES[name])


def colour_text(number: int) -> str:
    """Return the name of a colour of curves."""
    return tr(_COLOURS[number])


def style_text(style: PictureStyle) -> str:
    """Return the name of a way to draw prices."""
    return tr(_STYLES[style])


def scale_text(scale: ScaleKind) -> str:
    """Return the name of a scale."""
    return tr(_SCALES[scale])
