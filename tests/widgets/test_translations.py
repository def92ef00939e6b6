"""Every text that the program says is there in Korean too, and nothing else is."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path

from PyQt6 import sip
from PyQt6.QtWidgets import QApplication, QLabel

from widgets.text import Language, resources, set_language, tr

ROOT = Path(__file__).parent.parent.parent
# The same in both languages: names, and signs.
SAME = {"★", "DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST", "한국어", "English"}


@cache
def said() -> dict[str, str]:
    """Return every text in a call of tr() or mark(), with a place where it is."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "widgets").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("tr", "mark"):
                text = node.args[0]
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    found[text.value] = f"{path.name}:{node.lineno}"
    return found


@cache
def korean() -> dict[str, str | list[str]]:
    table: dict[str, str | list[str]] = {}
    for path in sorted((resources() / "translations" / "ko").glob("*.json")):
        table.update(json.loads(path.read_text(encoding="utf-8")))
    return table


def test_every_text_is_there_in_korean() -> None:
    missing = {text: place for text, place in said().items() if text not in korean() and text not in SAME}
    assert not missing


def test_nothing_is_translated_that_is_never_said() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "widgets").rglob("*.py"))
    leftover = [text for text in korean() if text not in said() and json.dumps(text, ensure_ascii=False) not in sources]
    assert not leftover


def test_placeholders_are_the_same_in_both_languages() -> None:
    for text, translated in korean().items():
        for each in [translated] if isinstance(translated, str) else translated:
            assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", each)), text
            assert ("%n" in text) is ("%n" in each), text


def test_an_ampersand_for_the_keyboard_survives_translation() -> None:
    for text, translated in korean().items():
        if re.search(r"&\w", text):
            assert isinstance(translated, str)
            assert re.search(r"&\w", translated), text


def test_the_language_is_switched_live(qapp: QApplication) -> None:
    label = QLabel()
    assert set_language(Language.ENGLISH) is Language.ENGLISH
    assert tr("Watch list") == "Watch list"
    try:
        set_language(Language.KOREAN)
        qapp.processEvents()
        assert tr("Watch list") == "관심 목록"
    finally:
        set_language(Language.ENGLISH)
        sip.delete(label)
    assert tr("Watch list") == "Watch list"
