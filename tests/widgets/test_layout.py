"""Where the panels are: kept, brought back, and proof against any file."""

from __future__ import annotations

import os
import random
import stat
from typing import TYPE_CHECKING

import pytest
from PyQt6 import sip
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication, QDockWidget, QLabel, QMainWindow

from tests.widgets.tampering import KNOWN, check, tampered, whole_file
from widgets.base.json_file import MOST_BYTES, read_json, write_json
from widgets.program.store import Layout, Store, layout_from, layout_to_plain
from widgets.window.dock_arranger import apply_arrangement, read_arrangement
from widgets.window.layout import Arrangement, Floating, Leaf, Split, arrangement_from, arrangement_to_plain
from widgets.window.perspectives import BUILT_IN, only_known

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def window(qapp: object) -> Iterator[tuple[QMainWindow, dict[str, QDockWidget]]]:
    del qapp
    made = QMainWindow()
    made.setDockNestingEnabled(True)
    docks = {}
    for name in KNOWN:
        dock = docks[name] = QDockWidget(name, made)
        dock.setWidget(QLabel(name, dock))
    made.resize(1600, 1000)
    made.show()
    yield made, docks
    sip.delete(made)


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_perspective_comes_back_as_it_was_put(
    name: str, window: tuple[QMainWindow, dict[str, QDockWidget]]
) -> None:
    made, docks = window
    apply_arrangement(made, docks, BUILT_IN[name])
    QApplication.processEvents()
    back = read_arrangement(docks, made)
    assert set(back.panels) == set(BUILT_IN[name].panels)
    again = arrangement_from(arrangement_to_plain(back), KNOWN)
    assert again is not None
    apply_arrangement(made, docks, BUILT_IN["monitor"])
    apply_arrangement(made, docks, again)
    QApplication.processEvents()
    assert _shape(read_arrangement(docks, made).root) == _shape(BUILT_IN[name].root)


def _shape(node: Leaf | Split | None) -> object:
    if isinstance(node, Split):
        return ("v" if node.vertical else "h", *(_shape(part) for part in node.parts))
    return None if node is None else (frozenset(node.panels), node.current)


def test_a_dock_that_was_moved_by_hand_is_found_where_it_is(
    window: tuple[QMainWindow, dict[str, QDockWidget]],
) -> None:
    made, docks = window
    apply_arrangement(made, docks, BUILT_IN["trading"])
    made.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, docks["monitor"])
    docks["monitor"].show()
    docks["tape"].setFloating(True)
    docks["tape"].setGeometry(50, 60, 300, 200)
    docks["log"].hide()
    QApplication.processEvents()
    found = read_arrangement(docks, made)
    assert "log" not in found.panels
    assert [each.panel for each in found.floating] == ["tape"]
    assert isinstance(found.root, Split)
    assert found.root.parts[-1] == Leaf(("monitor",), "monitor")


def test_sizes_survive(window: tuple[QMainWindow, dict[str, QDockWidget]]) -> None:
    made, docks = window
    apply_arrangement(
        made, docks, Arrangement(Split(False, (0.25, 0.75), (Leaf(("chart",), "chart"), Leaf(("log",), "log"))))
    )
    QApplication.processEvents()
    root = read_arrangement(docks, made).root
    assert isinstance(root, Split)
    assert root.shares[0] == pytest.approx(0.25, abs=0.02)


def test_a_floating_panel_beyond_all_screens_is_brought_back(
    window: tuple[QMainWindow, dict[str, QDockWidget]],
) -> None:
    made, docks = window
    apply_arrangement(made, docks, Arrangement(None, (Floating("chart", 15_000, 15_000, 300, 200),)))
    screen = QApplication.primaryScreen()
    assert screen is not None
    assert screen.availableGeometry().intersects(docks["chart"].geometry())


@pytest.mark.parametrize("files", [1_000, pytest.param(10_000, marks=pytest.mark.soak)])
def test_thousands_of_tampered_files_do_no_harm(files: int) -> None:
    """The whole hundred thousand, with a window: python -m tests.widgets.tampering."""
    source = random.Random(7)
    readable = sum(check(tampered(source)).current is not None for _ in range(files))
    assert files / 5 < readable < files


def test_what_tampered_files_leave_can_be_shown(window: tuple[QMainWindow, dict[str, QDockWidget]]) -> None:
    made, docks = window
    source = random.Random(8)
    seen: set[Arrangement] = set()
    while len(seen) < 60:
        wanted = check(tampered(source)).current
        if wanted is None or wanted in seen:
            continue
        seen.add(wanted)
        for name in wanted.panels:
            if name not in docks:
                docks[name] = QDockWidget(name, made)
                docks[name].setWidget(QLabel(name, docks[name]))
        apply_arrangement(made, docks, wanted)
        QApplication.processEvents()
        assert set(read_arrangement(docks, made).panels) == set(wanted.panels)


def test_a_layout_survives_its_file(tmp_path: Path) -> None:
    store = Store(tmp_path / "deep" / "er")
    layout = layout_from(whole_file(), KNOWN)
    store.save_layout(layout)
    assert layout_to_plain(store.layout(KNOWN)) == layout_to_plain(layout)
    (file,) = (tmp_path / "deep" / "er").iterdir()
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_cannot_be_read_is_nothing(tmp_path: Path) -> None:
    path = tmp_path / "layout.json"
    assert read_json(path) == {}
    for data in (b"", b"[]", b"{", b'{"a": ' + b"9" * 70_000 + b"}", b"\xff", b"null"):
        path.write_bytes(data)
        assert read_json(path) == {}
    assert layout_to_plain(Store(tmp_path).layout(KNOWN)) == layout_to_plain(Layout())
    assert read_json(tmp_path) == {}, "a folder in its place"


def test_what_could_not_be_read_back_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "layout.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="bytes"):
        write_json(path, {"a": "x" * MOST_BYTES})
    assert read_json(path) == {"a": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["layout.json"]


def test_a_perspective_without_some_panels_closes_the_gap() -> None:
    left = only_known(BUILT_IN["trading"], {"watch_list", "chart"})
    assert isinstance(left.root, Split)
    assert left.panels == ("watch_list", "chart")
    assert sum(left.root.shares) == pytest.approx(1)
    assert only_known(BUILT_IN["monitor"], {"tape"}).root is None
