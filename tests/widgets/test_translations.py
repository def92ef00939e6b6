"""Every text that the program says is there in Korean too, and nothing else is."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path

from PyQt6 import sip
from PyQt6.QtWidgets import QApplication, QLabel

from upbit_ws_qt import Phrase
from upbit_ws_qt.monitoring.phrases import duration
from widgets.base.text import Language, resources, set_language, tr
from widgets.base.text import said as speak

ROOT = Path(__file__).parent.parent.parent
# The same in both languages: names, and signs.
SAME = {"★", "DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST", "한국어", "English"}


@cache
def said() -> dict[str, str]:
    """Return every text in a call of tr() or mark(), and each phrase of the package, with a place where it is."""
    return {**texts_in("widgets", "tr", "mark"), **phrases()}


@cache
def phrases() -> dict[str, str]:
    """Return the templates of what the package says in parts: reasons, alerts, advice, causes."""
    return texts_in("upbit_ws_qt", "Phrase")


def texts_in(room: str, *functions: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted((ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions:
                chosen = node.args[0]
                # One of two texts may be chosen in the call itself: singular and plural.
                texts = (chosen.body, chosen.orelse) if isinstance(chosen, ast.IfExp) else (chosen,)
                for text in texts:
                    if isinstance(text, ast.Constant) and isinstance(text.value, str) and text.value:
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


def test_a_phrase_of_the_package_is_said_in_korean(qapp: QApplication) -> None:
    cause = Phrase("no pong within {seconds:g} s", seconds=15.0)
    text = Phrase("{line} is lost for {time}: {cause}", line=Phrase("public"), time=duration(2.34), cause=cause)
    lines = Phrase("{lines} lose frames together", lines=(Phrase("public"), Phrase("info")))
    assert text == "public is lost for 2.3 s: no pong within 15 s"
    set_language(Language.KOREAN)
    try:
        assert speak(text) == "공개 회선 끊긴 지 2.3초: 15초 안에 pong 없음"
        assert speak(lines) == "공개, 정보 회선이 함께 프레임을 잃습니다"
        assert speak("a name of somebody's") == "a name of somebody's"
    finally:
        set_language(Language.ENGLISH)
    assert speak(text) == str(text)


def test_every_phrase_can_be_said_in_korean_with_its_values() -> None:
    assert len(phrases()) > 50
    for template in phrases():
        translated = korean()[template]
        assert isinstance(translated, str), template
        specs = [sorted(re.findall(r"\{(\w+)(:[^}]*)?\}", text)) for text in (template, translated)]
        assert specs[0] == specs[1], template


def test_nothing_is_translated_that_is_never_said() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "widgets").rglob("*.py"))
    leftover = [text for text in korean() if text not in said() and json.dumps(text, ensure_ascii=False) not in sources]
    assert not leftover


def test_a_text_is_translated_in_one_place() -> None:
    """Two things that are called by one word in English may need two in Korean: then they are two texts."""
    places: dict[str, list[str]] = {}
    for path in sorted((resources() / "translations" / "ko").glob("*.json")):
        for text, _ in json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=list):
            places.setdefault(text, []).append(path.name)
    assert {text: found for text, found in places.items() if len(found) > 1} == {}


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
