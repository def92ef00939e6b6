"""The questions, by what they are about."""

from __future__ import annotations

from upbit_ws_qt.doctor.checks import (
    access,
    indicators,
    life,
    limits,
    listing,
    private,
    refusals,
    regions,
    requests,
    rest,
    streams,
    subscriptions,
)
from upbit_ws_qt.doctor.questions import Check

__all__ = ["CHECKS"]

_ABOUT = (
    access,
    indicators,
    life,
    limits,
    listing,
    private,
    refusals,
    regions,
    requests,
    rest,
    streams,
    subscriptions,
)
CHECKS: tuple[Check, ...] = tuple(
    each for module in _ABOUT for each in vars(module).values() if isinstance(each, Check)
)
"""All of them, in the order in which they stand in the files."""
