"""What is said, in Korean or English, switched live; the Korean texts are in resources/translations/ko/*.json."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

from upbit_ws_qt import Phrase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from PyQt6.QtCore import QObject

__all__ = [
    "COMPONENTS",
    "Language",
    "Texts",
    "age_text",
    "brief_age_text",
    "current_language",
    "mark",
    "resources",
    "said",
    "set_language",
    "tr",
]

CONTEXT = "upbit_ws_qt"


class Language(StrEnum):
    """What the user chose; SYSTEM is Korean where the computer speaks Korean, English elsewhere."""

    SYSTEM = "system"
    KOREAN = "ko"
    ENGLISH = "en"


def resources() -> Path:
    """Return the folder of icons, translations and themes: beside the package in a checkout, inside it in a wheel."""
    room = Path(__file__).parents[1]
    inside = room / "resources"
    return inside if inside.is_dir() else room.parent / "resources"


def tr(text: str, n: int = -1, **values: object) -> str:
    """Return an English text in the language in force.

    Args:
        text: in English; also the key of its translation.
        n: a count, put in the place of `%n`; decides between singular and plural.
        values: put in the places of {name}.
    """
    translated = QCoreApplication.translate(CONTEXT, text, "", n)
    return translated.format(**values) if values else translated


def age_text(seconds: int) -> str:
    """Return a length of time in the language in force: "12 s", "3 min 5 s", "2 h 10 min"."""
    if seconds < 60:
        return tr("{seconds} s", seconds=seconds)
    if seconds < 3600:
        return tr("{minutes} min {seconds} s", minutes=seconds // 60, seconds=seconds % 60)
    return tr("{hours} h {minutes} min", hours=seconds // 3600, minutes=seconds // 60 % 60)


def brief_age_text(seconds: int) -> str:
    """Return a length of time in a few letters: "12s", "3m", "2h"."""
    if seconds < 60:
        return tr("{seconds}s", seconds=seconds)
    return tr("{minutes}m", minutes=seconds // 60) if seconds < 3600 else tr("{hours}h", hours=seconds // 3600)


class Texts:
    """What widgets say that stay on the screen while the language changes."""

    def __init__(self) -> None:
        self._all: list[tuple[Callable[[str], object], str]] = []

    def put(self, setter: Callable[[str], object], text: str) -> None:
        """Hand a text, in English and marked, to a setter: now, and whenever `again` is called."""
        self._all.append((setter, text))
        setter(tr(text))

    def again(self) -> None:
        """Say everything in the language in force."""
        for setter, text in self._all:
            setter(tr(text))


def mark(text: str) -> str:
    """Return `text` as it is; says that it is translated later, where tables of texts are made."""
    return text


COMPONENTS = frozenset(
    {
        mark("watch list"),
        mark("order book"),
        mark("tape"),
        mark("chart"),
        mark("quote"),
        mark("ladder"),
        mark("footprint"),
        mark("depth chart"),
        mark("book map"),
        mark("alarms"),
        mark("my orders"),
        mark("my assets"),
        mark("announcements"),
        mark("indicators"),
        mark("key check"),
    }
)
"""The names by which the panels of this program subscribe; the service tells of them by these."""


def said(text: object) -> str:
    """Return what the service says in the language in force; text that is no phrase is returned as it is."""
    if not isinstance(text, Phrase):
        return str(text)
    template = tr(text.template)
    values = {name: _said_value(value) for name, value in text.values.items()}
    return template.format(**values) if values else template


def _said_value(value: object) -> object:
    if isinstance(value, tuple):
        return ", ".join(str(_said_value(part)) for part in value)
    if isinstance(value, str):
        return tr(value) if value in COMPONENTS else said(value)
    return value


class _Texts(QTranslator):
    """A translator over plain tables: text to text, or to [singular, plural]."""

    def __init__(self, table: Mapping[str, str | list[str]], parent: QObject | None) -> None:
        super().__init__(parent)
        self._table = table

    def isEmpty(self) -> bool:
        return False  # an empty one would not be installed, and nobody be told that the language changed

    def translate(  # type: ignore[override]  # Qt takes None for "not known"; the stub forgot
        self, context: str | None, source_text: str | None, disambiguation: str | None = None, n: int = -1
    ) -> str | None:
        found = self._table.get(source_text or "") if context == CONTEXT else None
        if isinstance(found, list):
            return found[0 if n == 1 else 1]
        return found


class _Installed:
    """The translators in force, and the language they are for."""

    language = Language.ENGLISH
    translators: tuple[QTranslator, ...] = ()


def current_language() -> Language:
    """Return KOREAN or ENGLISH."""
    return _Installed.language


def set_language(language: Language) -> Language:
    """Speak another language from now on; widgets hear of it as LanguageChange. Returns KOREAN or ENGLISH."""
    app = QCoreApplication.instance()
    if app is None:
        raise RuntimeError("make the QApplication first")
    if language is Language.SYSTEM:
        korean = QLocale.system().language() == QLocale.Language.Korean
        language = Language.KOREAN if korean else Language.ENGLISH
    own = _Texts(_table(language), app)
    translators: list[QTranslator] = [own]
    if language is Language.KOREAN:
        qt = QTranslator(app)
        if qt.load("qtbase_ko", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
            translators.insert(0, qt)
    old, _Installed.translators = _Installed.translators, tuple(translators)
    _Installed.language = language
    for translator in old:
        app.removeTranslator(translator)
        translator.deleteLater()
    for translator in translators:
        app.installTranslator(translator)
    return language


def _table(language: Language) -> dict[str, str | list[str]]:
    table: dict[str, str | list[str]] = {}
    for path in sorted((resources() / "translations" / language).glob("*.json")):
        table.update(json.loads(path.read_text(encoding="utf-8")))
    return table
