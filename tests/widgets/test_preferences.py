"""What is remembered comes back as it was, and no file does harm."""

from __future__ import annotations

import dataclasses
import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PyQt6.QtWidgets import QApplication

from tests.waiting import until
from tests.widgets.desk import desk, window_of
from tests.widgets.settings_desk import (
    panel,
)
from upbit_ws_qt import INDICATOR_RULES, TIMEFRAMES, AlertLimits, DataFormat, IndependenceLevel, IndicatorSpec
from widgets.base.exchange_choice import ExchangeChoice
from widgets.base.text import Language
from widgets.base.theme import MarketScheme, ThemeMode
from widgets.base.tokens import Density
from widgets.indicators.choice import event_offers, param_offers, spec_of
from widgets.indicators.panel import IndicatorsWidget
from widgets.program.main_menu import MainMenu
from widgets.program.options import Options
from widgets.program.store import Store
from widgets.settings.preferences import Preferences, preferences_from, preferences_to_plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


pytestmark = [pytest.mark.usefixtures("let_go")]


def every_watch() -> Iterator[tuple[IndicatorSpec, str]]:
    """One watch of each type and condition, in each time frame."""
    for name, rule in INDICATOR_RULES.items():
        for timeframe in TIMEFRAMES:
            yield spec_of(name, param_offers(name, {}, signal=False)), timeframe
        for trigger in rule.triggers:
            params, limits = param_offers(name, {}, signal=True), event_offers(name, trigger, {})
            yield spec_of(name, params, trigger, limits), "1d"


def test_every_preference_comes_back_as_it_was() -> None:
    wanted = Preferences(
        language=Language.KOREAN, theme=ThemeMode.DARK, scheme=MarketScheme.WESTERN, reduce_motion=True,
        density=Density.ROOMY, exchange=ExchangeChoice.LIVE, alerts_muted=("slow",), alert_sound=True, quiet_hours=True,
        quiet_from="23:00", quiet_until="08:30", alert_limits=AlertLimits(slow=0.1, unserved=3),
        flight_recorder=False, alarm_commands=True, region="sg",
        toast_fills=False, toast_lost=False, toast_recovered=False, toast_signals=False, toast_alerts=False,
        data_format=DataFormat.SIMPLE, compression=False, independence=IndependenceLevel.ISOLATED,
        favourites=("KRW-ETH",), symbol="BTC-ETH", unit="60m", watches=tuple(itertools.islice(every_watch(), 100)),
    )  # fmt: skip
    defaults = Preferences()
    assert all(getattr(wanted, item.name) != getattr(defaults, item.name) for item in dataclasses.fields(Preferences))
    assert preferences_from(json.loads(json.dumps(preferences_to_plain(wanted)))) == wanted


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from([item.name for item in dataclasses.fields(Preferences)]), JSON),
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "type": st.sampled_from([*INDICATOR_RULES, "new"]) | JSON,
                "timeframe": st.sampled_from([*TIMEFRAMES, "2m"]) | JSON,
                "params": st.dictionaries(st.sampled_from(["period", "type", "fast"]), st.sampled_from(["14", "5", 14]))
                | JSON,
                "trigger": st.sampled_from(["oversold", "none"]) | JSON,
                "limits": st.dictionaries(st.sampled_from(["threshold"]), st.sampled_from(["30", "31"])) | JSON,
            },
        )
        | JSON,
        max_size=6,
    ),
)
def test_no_file_of_settings_does_harm(plain: dict[str, Any], watches: list[Any]) -> None:
    known = set(every_watch())
    for given_watches in (plain.get("watches"), watches):
        found = preferences_from({**plain, "watches": given_watches})
        assert isinstance(found, Preferences)
        for spec, timeframe in found.watches:
            assert timeframe in TIMEFRAMES
            assert spec.type in {each.type for each, _ in known}


@pytest.mark.qasync_loop
async def test_watches_and_the_chosen_perspective_are_remembered(tmp_path: Path) -> None:
    store = Store(tmp_path)
    macd = IndicatorSpec.of("macd", {"fast": 12, "slow": 26, "signal_period": 9})
    async with desk(store) as (program, _):
        window = window_of(program)
        indicators, menu = panel(window, IndicatorsWidget), window.findChild(MainMenu)
        assert menu is not None
        indicators.add_watch(macd, "15m")
        indicators.remove_watch(0)
        menu.choose("account")
    async with desk(store) as (program, exchange):
        window = window_of(program)
        indicators, menu = panel(window, IndicatorsWidget), window.findChild(MainMenu)
        assert menu is not None
        assert indicators.watches == ((macd, "15m"),)
        assert menu.current == "account"
        (marked,) = [action.text() for action in menu.perspectives.actions() if action.isChecked()]
        assert marked == "Account"
        await until(lambda: len(exchange.subscribed("info")) == 1)


@pytest.mark.qasync_loop
async def test_a_window_is_no_larger_than_its_screen() -> None:
    async with desk(options=Options()) as (program, _):
        screen = QApplication.primaryScreen()
        assert screen is not None
        window = window_of(program)
        assert window.width() <= max(screen.availableSize().width(), window.minimumSizeHint().width())
        assert window.height() <= max(screen.availableSize().height(), window.minimumSizeHint().height())
