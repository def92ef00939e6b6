"""The questions, by what they are about; importing this registers all of them."""

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

__all__ = [
    "access",
    "indicators",
    "life",
    "limits",
    "listing",
    "private",
    "refusals",
    "regions",
    "requests",
    "rest",
    "streams",
    "subscriptions",
]
