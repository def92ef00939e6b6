"""What the panels look like is what was looked at and kept: language, theme, density, scale, and each state.

`make golden` draws and keeps them anew; look at the pictures that have changed before you commit them.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtGui import QColor, QImage, QPainter

from tests.widgets.golden import FOLDER, SCENES, VARIANTS, difference, draw, dressed, same_qt, save
from tests.widgets.golden_large import LARGE_SCENES, LARGE_VARIANTS

if TYPE_CHECKING:
    from pathlib import Path

    from PyQt6.QtWidgets import QApplication

MOST_BYTES = 4_000_000
WRITES = os.environ.get("GOLDEN") == "write"
pytestmark = [pytest.mark.qasync_loop, pytest.mark.usefixtures("let_go")]


PICTURES = {
    f"{name}-{variant.name}": (scene, variant)
    for scenes, variants in ((SCENES, VARIANTS), (LARGE_SCENES, LARGE_VARIANTS))
    for name, scene in scenes.items()
    for variant in variants
}


@pytest.mark.parametrize("name", PICTURES)
async def test_it_looks_as_it_did(qapp: QApplication, name: str, tmp_path: Path) -> None:
    path = FOLDER / f"{name}.png"
    scene, variant = PICTURES[name]
    with dressed(qapp, variant):
        picture = await draw(scene, variant)
    if WRITES:
        save(picture, path)
        return
    kept = QImage(str(path))
    assert not kept.isNull(), f"there is no {path}; see make golden"
    unlike = difference(picture, kept, exact=same_qt())
    if unlike:
        picture.save(str(tmp_path / path.name))
    assert not unlike, f"{unlike}; it is in {tmp_path / path.name}"


def test_no_picture_is_left_of_what_is_no_longer_drawn() -> None:
    assert {path.stem for path in FOLDER.glob("*.png")} == set(PICTURES)


def test_the_pictures_are_few_bytes() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < MOST_BYTES


def test_another_digit_another_colour_and_another_place_are_found() -> None:
    """What is not noticed here could not be noticed there."""
    kept = QImage(160, 80, QImage.Format.Format_RGB32)
    kept.fill(QColor("#ffffff"))
    painter = QPainter(kept)
    painter.fillRect(20, 20, 6, 10, QColor("#16191d"))
    painter.end()
    assert not difference(kept, kept.copy(), exact=True)
    other = kept.copy()
    painter = QPainter(other)
    painter.fillRect(20, 24, 6, 2, QColor("#ffffff"))
    painter.end()
    assert difference(other, kept, exact=True)
    moved = QImage(kept.size(), kept.format())
    moved.fill(QColor("#ffffff"))
    painter = QPainter(moved)
    painter.drawImage(3, 0, kept)
    painter.end()
    assert difference(moved, kept, exact=True)
    assert not difference(moved, kept, exact=False)
    dark = kept.copy()
    dark.invertPixels()
    assert difference(dark, kept, exact=False)
    assert "size" in difference(kept.copy(0, 0, 80, 80), kept, exact=False)
