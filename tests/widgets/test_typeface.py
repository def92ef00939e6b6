"""One typeface for all texts of the program: it has every sign they use, and digits of one width."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtGui import QFont, QFontInfo, QFontMetricsF, QRawFont

from widgets.base.look import look
from widgets.base.text import resources
from widgets.base.tokens import Density
from widgets.base.typeface import FAMILY, load_typeface, use_typeface

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PyQt6.QtWidgets import QApplication

ROOT = Path(__file__).parents[2]
MOST_BYTES = 1_500_000
NEEDLESS = frozenset("\n\u200b\u202e\ufeff")


@pytest.fixture
def typeface(qapp: QApplication) -> Iterator[QApplication]:
    before = qapp.font()
    assert load_typeface()
    use_typeface(qapp)
    yield qapp
    look().choose(density=Density.NORMAL)
    qapp.setFont(before)


def said_by_the_program() -> set[str]:
    """Return every character of its texts and signs."""
    found: set[str] = set()
    for path in (resources() / "translations").rglob("*.json"):
        for key, value in json.loads(path.read_text(encoding="utf-8")).items():
            found.update(key, *value)
    for path in (ROOT / "widgets").rglob("*.py"):
        found.update(path.read_text(encoding="utf-8"))
    return found - NEEDLESS


@pytest.mark.parametrize("bold", [False, True])
def test_it_has_every_sign_that_the_program_shows(typeface: QApplication, bold: bool) -> None:
    """One that is missing would come from whatever font the computer has, or be an empty box."""
    font = QFont(typeface.font())
    font.setBold(bold)
    face = QRawFont.fromFont(font)
    assert face.familyName() == FAMILY
    assert sorted(sign for sign in said_by_the_program() if not face.supportsCharacter(sign)) == []


@pytest.mark.parametrize("bold", [False, True])
def test_digits_and_signs_of_numbers_are_of_one_width(typeface: QApplication, bold: bool) -> None:
    font = QFont(typeface.font())
    font.setBold(bold)
    metrics = QFontMetricsF(font)
    widths = {metrics.horizontalAdvance(digit * 20) for digit in "0123456789"}
    assert len(widths) == 1
    assert metrics.horizontalAdvance("+" * 20) == metrics.horizontalAdvance("−" * 20)


def test_hangul_and_digits_are_of_one_kind(typeface: QApplication) -> None:
    """Qt took the one from here and the other from there, in one line."""
    assert QFontInfo(typeface.font()).family() == FAMILY
    assert not QRawFont.fromFont(typeface.font()).supportsCharacter("\u0e01")  # Thai is the computer's


def test_the_type_grows_with_the_density(typeface: QApplication) -> None:
    sizes = []
    for density in Density:
        look().choose(density=density)
        sizes.append(use_typeface(typeface).pointSizeF())
    assert sizes == sorted(set(sizes))


def test_the_files_are_small_and_have_their_licence() -> None:
    files = list((resources() / "fonts").iterdir())
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
    licence = (resources() / "fonts" / "LICENSE.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE" in licence.upper()
    assert "Reserved Font Name Pretendard" in licence  # so ours is called otherwise
    assert "Pretendard" not in FAMILY
