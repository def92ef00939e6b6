"""The tour shows each part of the window, goes on by itself, and can be left at any moment, by keys too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PyQt6 import sip
from PyQt6.QtCore import Qt

from tests.waiting import until
from tests.widgets.desk import desk, window_of
from tests.widgets.settings_desk import is_logged
from tests.widgets.showing import click, press
from widgets.base.text import Language, set_language
from widgets.program.main_menu import MainMenu
from widgets.program.tour import STOP_SECONDS, STOPS, Tour

if TYPE_CHECKING:
    from widgets.program.program import Program

pytestmark = [pytest.mark.qasync_loop, pytest.mark.usefixtures("let_go")]


def touring(program: Program) -> Tour:
    window = window_of(program)
    menu = window.findChild(MainMenu)
    assert menu is not None
    menu.tourRequested.emit()
    (tour,) = [each for each in window.findChildren(Tour) if not each.card.isHidden()]
    return tour


def test_all_of_it_takes_a_minute() -> None:
    assert 55 <= len(STOPS) * STOP_SECONDS <= 65


async def test_each_part_is_framed_and_the_card_is_inside_of_the_window() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await until(lambda: is_logged(window, "public: syncing to connected"))
        tour = touring(program)
        seen = []
        for _ in range(len(STOPS)):
            seen.append(tour.stop)
            assert window.rect().contains(tour.card.geometry())
            assert tour.frame.isVisible()
            if tour.stop in window.docks:
                dock = window.docks[tour.stop]
                assert tour.frame.geometry().size() == dock.size()
            assert not tour.card.text.is_cut()
            if tour.stop != STOPS[-1][0]:
                press(tour.card.next, Qt.Key.Key_Right)
        assert seen == [name for name, _, _ in STOPS]
        press(tour.card.next, Qt.Key.Key_Left)
        assert tour.stop == STOPS[-2][0]
        click(tour.card.next)
        click(tour.card.next)
        await until(lambda: sip.isdeleted(tour))


async def test_escape_leaves_it_from_wherever_the_keyboard_is() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await until(lambda: window.watch_list.table.isVisible())
        window.watch_list.table.setFocus()
        tour = touring(program)
        assert window.focusWidget() is tour.card.next
        press(tour.card.next, Qt.Key.Key_Space)
        assert tour.stop == STOPS[1][0]
        tour._escape.activated.emit()
        await until(lambda: sip.isdeleted(tour))
        assert window.focusWidget() is window.watch_list.table, "the keyboard is where it was"
        again = touring(program)
        click(again.card.leave)
        await until(lambda: sip.isdeleted(again))


async def test_it_goes_on_by_itself_until_its_user_takes_a_step() -> None:
    async with desk() as (program, _):
        tour = touring(program)
        tour._timer.timeout.emit()
        assert tour.stop == STOPS[1][0]
        click(tour.card.back)
        assert tour.stop == STOPS[0][0]
        assert not tour._timer.isActive()
        set_language(Language.KOREAN)
        await until(lambda: tour.card.next.text() == "다음 →")
        ended: list[bool] = []
        tour.ended.connect(lambda: ended.append(True))
        other = touring(program)
        assert ended == [True], "one that goes on begins anew"
        assert window_of(program).focusWidget() is other.card.next
