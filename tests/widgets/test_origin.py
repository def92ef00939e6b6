"""LIVE stands only for the exchange's own hosts; everything else says what it is, in words, shape and colour."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QApplication

from tests.widgets.desk import desk, window_of
from tests.widgets.settings_desk import LIVE
from tests.widgets.showing import shown
from upbit_ws_qt import ServiceConfig
from widgets.base.origin import ExchangeKind, ExchangeOrigin
from widgets.base.text import Language, set_language
from widgets.base.theme import DARK, LIGHT, ThemeMode, apply_theme
from widgets.window.status_bar import ExchangeBadge

if TYPE_CHECKING:
    from widgets.base.theme import Colours

HERE = {"private_url": None, "info_url": None, "rest_url": "http://127.0.0.1:9"}
KINDS = (
    ExchangeOrigin(ExchangeKind.LIVE, "kr"),
    ExchangeOrigin(ExchangeKind.EMBEDDED),
    ExchangeOrigin(ExchangeKind.OTHER, "127.0.0.1:8000"),
)


@pytest.mark.parametrize("region", ["kr", "sg", "id", "th"])
def test_the_exchanges_own_hosts_are_live(region: str) -> None:
    origin = ExchangeOrigin.of(ServiceConfig.for_region(region), embedded=False)
    assert origin.kind is ExchangeKind.LIVE
    assert origin.text.startswith("LIVE")


@pytest.mark.parametrize(
    "changes",
    [
        {"public_url": "ws://127.0.0.1:9/websocket/v1", **HERE},
        {"public_url": "wss://api.upbit.com.example.net/websocket/v1"},
        {"public_url": "wss://example.net/api.upbit.com"},
        {"public_url": "wss://api.upbit.com:8443/websocket/v1"},
        {"rest_url": "https://example.net"},
        {"private_url": "wss://sg-api.upbit.com/websocket/v1/private"},
    ],
)
def test_nothing_else_is_live(changes: dict[str, str]) -> None:
    origin = ExchangeOrigin.of(ServiceConfig(**changes), embedded=False)  # type: ignore[arg-type]  # addresses
    assert origin.kind is ExchangeKind.OTHER
    assert "LIVE" not in origin.text
    assert origin.where in origin.text
    assert origin.where not in ("", "api.upbit.com"), "that name alone would mislead"


def test_only_an_exchange_that_this_program_started_is_embedded() -> None:
    config = ServiceConfig(public_url="ws://127.0.0.1:9/websocket/v1", **HERE)  # type: ignore[arg-type]  # addresses
    assert ExchangeOrigin.of(config, embedded=True).kind is ExchangeKind.EMBEDDED
    assert ExchangeOrigin.of(ServiceConfig(), embedded=True).kind is ExchangeKind.LIVE, "by its addresses, it is"


@pytest.mark.qasync_loop
@pytest.mark.usefixtures("let_go")
async def test_a_program_that_was_told_to_be_live_says_where_it_is() -> None:
    async with desk(options=LIVE) as (program, exchange):
        window = window_of(program)
        host = exchange.public_url.split("/")[2]
        for text in (window.windowTitle(), window.bar.badge.text(), window.bar.badge.toolTip()):
            assert host in text
            assert "LIVE" not in text


# How people see who lack one kind of cone: Machado and others 2009, the strongest form.
SIGHTS = {
    "usual": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "no green": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "no blue": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


def _seen(colour: str, sight: str) -> tuple[float, float, float]:
    """Return a colour in CIE Lab as somebody sees it."""
    linear = [((c + 0.055) / 1.055) ** 2.4 if c > 0.04045 else c / 12.92 for c in QColor(colour).getRgbF()[:3]]
    r, g, b = (min(1.0, max(0.0, sum(m * c for m, c in zip(row, linear, strict=True)))) for row in SIGHTS[sight])
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089
    fx, fy, fz = (c ** (1 / 3) if c > 0.008856 else 7.787 * c + 16 / 116 for c in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("sight", SIGHTS)
def test_the_colours_of_the_badges_are_told_apart_with_any_kind_of_sight(colours: Colours, sight: str) -> None:
    live, embedded = _seen(colours.live, sight), _seen(colours.embedded, sight)
    assert sum((a - b) ** 2 for a, b in zip(live, embedded, strict=True)) ** 0.5 > 40


@pytest.mark.qasync_loop
@pytest.mark.parametrize("mode", [ThemeMode.LIGHT, ThemeMode.DARK])
@pytest.mark.parametrize("language", [Language.ENGLISH, Language.KOREAN])
async def test_the_badges_differ_in_word_shape_and_ground(mode: ThemeMode, language: Language) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    apply_theme(app, mode)
    set_language(language)
    try:
        grounds = []
        for origin in KINDS:
            async with shown(ExchangeBadge(origin), 300, 24) as badge:
                picture = badge.grab().toImage()
                ratio = picture.devicePixelRatio()
                grounds.append(picture.pixelColor(int(290 * ratio), int(12 * ratio)).name())
                assert badge.shown_lines() == [badge.text()]
        live, *others = grounds
        assert live == (LIGHT if mode is ThemeMode.LIGHT else DARK).live, "filled"
        assert live not in others
        for one, other in itertools.combinations(KINDS, 2):
            assert one.sign != other.sign
            assert one.text != other.text
            assert one.hint != other.hint
    finally:
        set_language(Language.ENGLISH)
        apply_theme(app, ThemeMode.LIGHT)
