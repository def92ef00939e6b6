"""A window is wholly on a screen, frame included: at the first start, on a smaller screen, on one that is gone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6.QtCore import QMargins, QRect, Qt
from PyQt6.QtWidgets import QApplication

from tests.waiting import until
from tests.widgets.desk import desk, turn, window_of
from widgets.program.options import Options
from widgets.program.store import Store
from widgets.window.on_screen import USUAL_FRAME, areas, fitting

if TYPE_CHECKING:
    from pathlib import Path

FRAME = QMargins(2, 24, 2, 4)
SCREENS = [QRect(0, 0, 1280, 720), QRect(1280, 0, 1920, 1080)]
FREE = Options()


@pytest.mark.parametrize(
    "rect",
    [
        QRect(0, 0, 1280, 720),  # as large as the screen, without its frame
        QRect(0, 0, 3614, 950),
        QRect(100, 100, 1270, 700),
        QRect(-400, -300, 900, 600),
        QRect(6000, 4000, 900, 600),  # on a screen that is gone
        QRect(1270, 500, 800, 700),
        QRect(0, 0, -1, -1),
        QRect(900, 650, 300, 200),
    ],
)
def test_a_window_and_its_frame_are_wholly_on_one_screen(rect: QRect) -> None:
    placed = fitting(rect, FRAME, SCREENS)
    outer = placed.marginsAdded(FRAME)
    assert any(screen.contains(outer) for screen in SCREENS)
    assert fitting(placed, FRAME, SCREENS) == placed, "once is enough"


def test_a_window_that_is_on_a_screen_already_stays_where_it_is() -> None:
    rect = QRect(1300, 60, 800, 600)
    assert fitting(rect, FRAME, SCREENS) == rect
    assert fitting(rect, FRAME, []) == rect, "there is no screen to be on"


def _layout_file(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / "layout.json").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def _is_on_screen(rect: QRect) -> bool:
    return any(area.contains(rect) for area in areas())  # nothing is framed here


@pytest.mark.qasync_loop
@pytest.mark.usefixtures("let_go")
async def test_the_first_window_leaves_room_for_its_frame(tmp_path: Path) -> None:
    async with desk(Store(tmp_path), FREE) as (program, _):
        window = window_of(program)
        await turn()
        screen = window.screen()
        assert screen is not None
        room = screen.availableSize().shrunkBy(USUAL_FRAME)
        assert window.width() <= room.width()
        assert window.height() <= room.height()


@pytest.mark.qasync_loop
@pytest.mark.usefixtures("let_go")
@pytest.mark.parametrize("at", [[1120, 612, 3614, 950], [0, 0, -1, -1], [-9000, 9000, 700, 500], [0, 0, 16384, 16384]])
async def test_a_window_of_a_larger_or_vanished_screen_comes_back_on_this_one(tmp_path: Path, at: list[int]) -> None:
    (tmp_path / "layout.json").write_text(json.dumps({"version": 1, "window": at}), encoding="utf-8")
    async with desk(Store(tmp_path), FREE) as (program, _):
        window = window_of(program)
        await until(lambda: _is_on_screen(window.geometry()))
    assert _is_on_screen(QRect(*_layout_file(tmp_path)["window"]))


@pytest.mark.qasync_loop
@pytest.mark.usefixtures("let_go")
async def test_a_window_that_was_maximised_from_the_start_on_keeps_no_nonsense(tmp_path: Path) -> None:
    plain = {"version": 1, "window": [10, 40, 700, 600], "maximized": True}
    (tmp_path / "layout.json").write_text(json.dumps(plain), encoding="utf-8")
    for _ in range(2):
        async with desk(Store(tmp_path), FREE) as (program, _exchange):
            window = window_of(program)
            await turn()
            assert window.windowState() & Qt.WindowState.WindowMaximized
        kept = _layout_file(tmp_path)
        assert kept["maximized"] is True
        assert kept["window"][2] > 600
        assert kept["window"][3] > 500
    async with desk(Store(tmp_path), FREE) as (program, _exchange):
        window = window_of(program)
        window.showNormal()
        await until(lambda: _is_on_screen(window.geometry()))
        assert window.width() > 600


@pytest.mark.qasync_loop
@pytest.mark.usefixtures("let_go")
async def test_no_panel_makes_the_window_larger_than_its_screen() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        window.panels["chart"].setMinimumSize(5000, 4000)
        await turn()
        screen = QApplication.primaryScreen()
        assert screen is not None
        assert window.minimumWidth() <= screen.availableSize().width()
        assert window.minimumHeight() <= screen.availableSize().height()
        assert (window.width(), window.height()) == (1300, 800)
